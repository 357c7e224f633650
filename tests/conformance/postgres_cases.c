/* What only a PostgreSQL server has. */
#include <string.h>

#include "fixture.h"

const struct test_case postgres_cases[] = {
    {0},
};
