/* The same cases for every destination: a new one is a row in `subjects`. */
#include <string.h>

#include "fixture.h"

static const struct subject *const subjects[] = {
    &sqlite_subject,
    &postgres_subject,
    &mysql_subject,
};

/* Cases that only one of them has. */
static const struct {
    const struct subject *subject;
    const char *group;
    const struct test_case *cases;
} own_cases[] = {
    {&sqlite_subject, "file", sqlite_cases},
    {&postgres_subject, "session", postgres_session_cases},
    {&postgres_subject, "table", postgres_cases},
    {&postgres_subject, "pipeline", postgres_pipeline_cases},
    {&mysql_subject, "server", mysql_cases},
};

/* ── Running ── */

struct run {
    const struct subject *subject;
    const struct test_case *test_case;
};

static void run_case(const void *data)
{
    const struct run *run = data;
    struct fixture f = {.subject = run->subject};
    f.url = run->subject->fresh();
    g_assert_nonnull(f.url); /* script/setup installs what every destination needs */
    f.deals = deals_new();
    f.dest = open_or_fail(&f, NULL);
    run->test_case->func(&f);
    destination_close(f.dest);
    table_free(f.deals);
    run->subject->discard(f.url);
    g_free(f.url);
}

static void add_cases(const struct subject *subject, const char *group,
                      const struct test_case *cases)
{
    for (; cases->name; cases++) {
        g_autofree char *path =
            g_strdup_printf("/%s/%s/%s", subject->ops->scheme, group, cases->name);
        struct run *run = g_new(struct run, 1);
        *run = (struct run){.subject = subject, .test_case = cases};
        g_test_add_data_func_full(path, run, run_case, g_free);
    }
}

static void add_common_cases(const struct subject *subject)
{
    add_cases(subject, "value", value_cases);
    add_cases(subject, "upsert", upsert_cases);
    add_cases(subject, "agreement", agreement_cases);
    add_cases(subject, "schema", schema_cases);
    add_cases(subject, "sweep", sweep_cases);
    add_cases(subject, "transaction", transaction_cases);
    add_cases(subject, "connection", connection_cases);
    add_cases(subject, "view", view_cases);
}

/* An argument names the only scheme to try. */
int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    const char *only = argc > 1 ? argv[1] : NULL;
    for (unsigned i = 0; i < G_N_ELEMENTS(subjects); i++)
        if (!only || strcmp(only, subjects[i]->ops->scheme) == 0)
            add_common_cases(subjects[i]);
    for (unsigned i = 0; i < G_N_ELEMENTS(own_cases); i++)
        if (!only || strcmp(only, own_cases[i].subject->ops->scheme) == 0)
            add_cases(own_cases[i].subject, own_cases[i].group, own_cases[i].cases);
    return g_test_run();
}
