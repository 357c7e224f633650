/* Together or not at all, and never beside another writer. */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"

static struct table *state_table(void)
{
    return system_table("_penstock_state", "name text key, value json");
}

static void write_or_fail(struct fixture *f, struct batch *batch)
{
    GError *error = NULL;
    bool ok = destination_write(f->dest, batch, &f->counts, &error);
    g_assert_no_error(error);
    g_assert_true(ok);
    batch_release(batch);
}

static void begin_or_fail(struct fixture *f)
{
    GError *error = NULL;
    bool ok = destination_begin(f->dest, &error);
    g_assert_no_error(error);
    g_assert_true(ok);
}

/* A row and the state that speaks of it, uncommitted. */
static void write_both(struct fixture *f, const struct table *state, const char *id)
{
    struct batch *rows = batch_of(f->deals);
    add(rows, "id", id, NULL);
    struct batch *states = batch_of(state);
    add(states, "name", "deals", "value", id, NULL);
    begin_or_fail(f);
    write_or_fail(f, rows);
    write_or_fail(f, states);
}

static void state_and_rows_are_atomic(struct fixture *f)
{
    g_autoptr(Table) state = state_table();
    prepare(f, f->deals);
    prepare(f, state);
    write_both(f, state, "1");
    check_dump(f, f->deals, "id", "1\n"); /* sees its own */
    destination_rollback(f->dest);
    check_dump(f, f->deals, "id", "");
    check_dump(f, state, "name,value", "");
    write_both(f, state, "2");
    GError *error = NULL;
    g_assert_true(destination_commit(f->dest, &error));
    reopen(f);
    check_dump(f, f->deals, "id", "2\n");
    check_dump(f, state, "name,value", "deals|2\n");
}

static void rollback_at_any_time(struct fixture *f)
{
    g_autoptr(Table) state = state_table();
    destination_rollback(f->dest);
    prepare(f, f->deals);
    prepare(f, state);
    begin_or_fail(f);
    destination_rollback(f->dest);
    destination_rollback(f->dest);
    write_both(f, state, "1");
    reopen(f); /* close gives an open transaction up */
    check_dump(f, f->deals, "id", "");
}

static void stolen_epoch(struct fixture *f)
{
    g_autoptr(Table) state = state_table();
    prepare(f, f->deals);
    prepare(f, state);
    f->subject->execute(f->url,
                        "UPDATE _penstock_epoch SET epoch = epoch + 1, holder = 'somebody'");
    write_both(f, state, "1");
    GError *error = NULL;
    g_assert_false(destination_commit(f->dest, &error));
    check_error(error, PENSTOCK_ERROR_FENCED, "somebody", "run again", NULL);
    check_dump(f, f->deals, "id", "");
    reopen(f); /* a new epoch */
    put(f, f->deals, "id", "2");
    check_dump(f, f->deals, "id", "2\n");
}

static void second_writer(struct fixture *f)
{
    prepare(f, f->deals);
    check_error(open_error(f, NULL, false), PENSTOCK_ERROR_FENCED, "another penstock", "since",
                NULL);
    put(f, f->deals, "id", "1"); /* the first is not disturbed */
    destination_close(f->dest);
    f->dest = open_or_fail(f, NULL);
    check_dump(f, f->deals, "id", "1\n");
}

/* Writes a row, says so, and waits to be killed. */
G_GNUC_NORETURN static void be_killed(struct fixture *f, int ready)
{
    f->dest = open_or_fail(f, NULL);
    begin_or_fail(f);
    struct batch *batch = batch_of(f->deals);
    add(batch, "id", "1", NULL);
    write_or_fail(f, batch);
    g_assert_cmpint(write(ready, "x", 1), ==, 1);
    for (;;)
        pause();
}

/* Its lock goes with it, as soon as a server sees that it is gone; files are no obstacle. */
static void killed_writer(struct fixture *f)
{
    prepare(f, f->deals);
    destination_close(f->dest);
    int ready[2];
    g_assert_cmpint(pipe(ready), ==, 0);
    pid_t pid = fork();
    if (pid == 0)
        be_killed(f, ready[1]);
    close(ready[1]);
    char byte;
    g_assert_cmpint(read(ready[0], &byte, 1), ==, 1);
    close(ready[0]);
    g_autofree char *process = g_strdup_printf("process %d", (int)pid);
    /* The list ends with the first NULL: only where there are sessions their connection is named.
     */
    check_error(open_error(f, NULL, false), PENSTOCK_ERROR_FENCED, process,
                f->subject->ends_session, "connection test", NULL);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    f->dest = open_or_fail(f, NULL);
    check_dump(f, f->deals, "id", "");
    put(f, f->deals, "id", "2");
}

static struct destination *open_reader(struct fixture *f)
{
    struct destination_settings settings = {.url = f->url, .read_only = true};
    struct destination *reader = NULL;
    GError *error = NULL;
    bool ok = destination_open(f->subject->ops, &settings, &reader, &error);
    g_assert_no_error(error);
    g_assert_true(ok);
    return reader;
}

static void concurrent_reader(struct fixture *f)
{
    g_autoptr(Table) state = state_table();
    prepare(f, f->deals);
    prepare(f, state);
    put(f, f->deals, "id", "1");
    write_both(f, state, "2");
    struct destination *writer = f->dest;
    f->dest = open_reader(f);
    check_dump(f, f->deals, "id", "1\n"); /* neither waits nor sees what is not committed */
    struct destination *reader = f->dest;
    f->dest = writer;
    GError *error = NULL;
    g_assert_true(destination_commit(writer, &error));
    f->dest = reader;
    check_dump(f, f->deals, "id", "1\n2\n");
    destination_close(reader);
    f->dest = writer;
}

static void locked_database(struct fixture *f)
{
    prepare(f, f->deals);
    void *lock = f->subject->lock(f->url);
    g_autofree char *locked =
        g_strdup_printf("locked by another process (waited %s)",
                        f->subject->lock_waited ? f->subject->lock_waited : "100 ms");
    struct batch *batch = batch_of(f->deals);
    add(batch, "id", "1", NULL);
    check_error(apply_error(f, batch), PENSTOCK_ERROR_STORAGE, locked, "run again", NULL);
    if (f->subject->locks_database)
        check_error(open_error(f, "other", false), PENSTOCK_ERROR_STORAGE, "locked", NULL);
    f->subject->unlock(lock);
    put(f, f->deals, "id", "1");
}

static void refused_row(struct fixture *f)
{
    prepare(f, f->deals);
    f->subject->execute(f->url, "CREATE UNIQUE INDEX titles ON deals (title)");
    struct batch *batch = batch_of(f->deals);
    add(batch, "id", "1", "title", "a", NULL);
    add(batch, "id", "2", "title", "a", NULL);
    begin_or_fail(f);
    GError *error = NULL;
    g_assert_false(destination_write(f->dest, batch, &f->counts, &error));
    check_error(error, PENSTOCK_ERROR_STORAGE, "deals", "constraint", NULL);
    batch_release(batch);
    destination_rollback(f->dest);
    check_dump(f, f->deals, "id", "");
    put(f, f->deals, "id", "2", "title", "a");
}

const struct test_case transaction_cases[] = {
    {"state-and-rows", state_and_rows_are_atomic},
    {"rollback-at-any-time", rollback_at_any_time},
    {"stolen-epoch", stolen_epoch},
    {"second-writer", second_writer},
    {"killed-writer", killed_writer},
    {"concurrent-reader", concurrent_reader},
    {"locked-database", locked_database},
    {"refused-row", refused_row},
    {0},
};
