/* What only a MariaDB server has. */
#include <string.h>

#include "fixture.h"

const struct test_case mysql_cases[] = {
    {0},
};
