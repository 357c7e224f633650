#include "cli/commands.h"
#include "cli/progress.h"
#include "cli/summary.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#define STOPPING                                                                                   \
    "stopping after the pages in hand are committed; press Ctrl-C again to quit at once"
/* sync.h: without a selection all sixteen. */
#define ALL_TABLES 16

struct run {
    const struct connection *connection;
    struct sync *sync; /* NULL = its turn has not come */
    bool is_over;
};

struct runs {
    const struct ui *ui;
    struct run *runs;
    unsigned count;
    struct progress *progress;
    bool is_stopping;
};

/* --- signals --- */

static volatile sig_atomic_t signals_seen;

/* The second signal must work whatever the threads do: state is only what the destination
 * committed. */
static void on_signal(int signal)
{
    (void)signal;
    if (signals_seen++ == 0)
        return;
    if (isatty(STDERR_FILENO) == 1 && write(STDERR_FILENO, "\n", 1) < 0)
        _exit(75);
    _exit(75); /* stopped as asked, run again later */
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    action.sa_handler = SIG_IGN; /* a reader that went away shows in ui_flush() */
    sigaction(SIGPIPE, &action, NULL);
}

/* --- the loop --- */

/* Two runs that write into one database take turns: SQLite has one writer. */
static bool may_start(const struct runs *all, const struct run *run)
{
    for (unsigned i = 0; i < all->count; i++) {
        const struct run *other = &all->runs[i];
        if (other != run && other->sync != NULL && !other->is_over &&
            strcmp(other->connection->destination_id, run->connection->destination_id) == 0)
            return false;
    }
    return true;
}

static void start_what_may(struct runs *all)
{
    for (unsigned i = 0; i < all->count && !all->is_stopping; i++) {
        struct run *run = &all->runs[i];
        if (run->sync != NULL || !may_start(all, run))
            continue;
        run->sync = sync_new(&run->connection->settings);
        sync_start(run->sync);
    }
}

/* True when an event came. */
static bool drain(struct runs *all, struct run *run, int64_t timeout_ms)
{
    struct event *event = sync_next_event(run->sync, timeout_ms);
    if (event == NULL)
        return false;
    if (event->kind == EVENT_DONE)
        run->is_over = true;
    else
        progress_event(all->progress, event, clock_monotonic_ms());
    event_free(event);
    return true;
}

static bool is_running(const struct run *run)
{
    return run->sync != NULL && !run->is_over;
}

/* Waits on the first that runs, at most a tick; the others' events are taken on the way. */
static bool drain_all(struct runs *all)
{
    bool some_run = false;
    for (unsigned i = 0; i < all->count; i++) {
        if (!is_running(&all->runs[i]))
            continue;
        int64_t timeout_ms = some_run ? 0 : PROGRESS_TICK_MS / 2;
        some_run = true;
        for (unsigned n = 0;
             n < 1000 && is_running(&all->runs[i]) && drain(all, &all->runs[i], timeout_ms); n++)
            timeout_ms = 0;
    }
    return some_run;
}

static void stop_if_asked(struct runs *all)
{
    if (signals_seen == 0 || all->is_stopping)
        return;
    all->is_stopping = true;
    progress_say(all->progress, STOPPING, "stopping: commits the pages in hand");
    for (unsigned i = 0; i < all->count; i++)
        if (is_running(&all->runs[i]))
            sync_cancel(all->runs[i].sync);
}

static void loop(struct runs *all)
{
    do {
        start_what_may(all);
        stop_if_asked(all);
        progress_tick(all->progress, clock_monotonic_ms());
    } while (drain_all(all));
}

/* --- the end --- */

/* A connection whose turn did not come before the stop. */
static int skipped(struct runs *all, const struct run *run)
{
    const struct sync_result result = {.connection = run->connection->name,
                                       .outcome = OUTCOME_STOPPED,
                                       .exit_code = 75,
                                       .message = (char *)"stopped before its turn came"};
    if (all->ui->options->json)
        summary_print_json(&result);
    else
        ui_note(all->ui, run->connection->name, result.message);
    return result.exit_code;
}

static int finish(struct runs *all)
{
    int code = 0;
    for (unsigned i = 0; i < all->count; i++) {
        struct run *run = &all->runs[i];
        if (run->sync == NULL) {
            code = exit_code_worst(code, skipped(all, run));
            continue;
        }
        const struct sync_result *result = sync_result(run->sync);
        if (all->ui->options->json)
            summary_print_json(result);
        else if (i > 0 && !all->ui->options->quiet)
            printf("\n");
        summary_print(all->ui, result, all->count > 1);
        code = exit_code_worst(code, result->exit_code);
        sync_free(run->sync);
    }
    return code;
}

static unsigned tables_of(const GPtrArray *connections)
{
    unsigned count = 0;
    for (unsigned i = 0; i < connections->len; i++) {
        const struct connection *connection = connections->pdata[i];
        count += connection->tables != NULL ? g_strv_length(connection->tables) : ALL_TABLES;
    }
    return count;
}

static int run_all(const struct ui *ui, bool refresh)
{
    g_autoptr(GPtrArray) connections = NULL;
    g_autoptr(GError) error = NULL;
    if (!connections_new(ui->options, NEEDS_DESTINATION | NEEDS_TOKEN, &connections, &error))
        return ui_fail(ui, NULL, error);
    g_autofree struct run *runs = g_new0(struct run, connections->len);
    for (unsigned i = 0; i < connections->len; i++) {
        struct connection *connection = connections->pdata[i];
        connection->settings.refresh_now = refresh;
        runs[i].connection = connection;
    }
    struct runs all = {.ui = ui, .runs = runs, .count = connections->len};
    catch_signals();
    all.progress =
        progress_new(ui, connections->len > 1, tables_of(connections), clock_monotonic_ms());
    loop(&all);
    progress_free(all.progress);
    return finish(&all);
}

int cmd_sync(const struct ui *ui)
{
    return run_all(ui, false);
}

int cmd_refresh(const struct ui *ui)
{
    return run_all(ui, true);
}
