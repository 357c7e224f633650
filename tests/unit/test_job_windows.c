/* sync/job.c: which task of a list goes next, and when its walk may be cut. */
#include "sync/job_private.h"

struct fixture {
    struct sync_settings settings;
    struct job_context context;
    struct job *job;
};

static instant_t now(void *opaque)
{
    (void)opaque;
    return INT64_C(1800000000) * INSTANT_SECOND;
}

static void changed(void *opaque, struct job *job)
{
    (void)opaque, (void)job;
}

/* A first load of persons under way, whose next page may go. */
static void set_up(struct fixture *f, const void *unused)
{
    struct batch *no_fields = batch_new();

    (void)unused;
    f->context =
        (struct job_context){.settings = &f->settings, .now = now, .changed = changed, .opaque = f};
    f->context.schedule = (struct schedule_settings){.now = now(NULL), .start_date = INSTANT_NONE};
    schedule_intervals((const int64_t[]){-1, -1, -1}, f->context.schedule.every_s);
    f->job = job_new(&f->context, &catalog[STREAM_PERSONS], true);
    g_assert_true(job_restore(f->job, NULL, no_fields, NULL));
    batch_release(no_fields);
    f->job->state.fields_at = now(NULL);
    job_begin(f->job);
    g_assert_cmpint(f->job->phase, ==, JOB_LEGS);
    g_assert_cmpuint(f->job->tasks->len, ==, 1);
}

static void tear_down(struct fixture *f, const void *unused)
{
    (void)unused;
    job_free(f->job);
}

static struct task *task_at(const struct fixture *f, unsigned index)
{
    return f->job->tasks->pdata[index];
}

static struct task *next(const struct fixture *f)
{
    int64_t soonest_ms = INT64_MAX;

    return job_next_task(f->job, 0, &soonest_ms);
}

/* Pages are held until the list of fields is there, and keep their credit: a page that needs credit
 * must not stand before it. */
static void fields_go_first(struct fixture *f, const void *unused)
{
    (void)unused;
    g_assert_true(next(f) == task_at(f, 0));
    job_read_fields(f->job);
    g_assert_true(next(f) == task_at(f, 1));
    g_assert_null(task_at(f, 1)->walk);
    task_at(f, 1)->phase = TASK_SENT;
    g_assert_null(next(f));
}

/* As after a page of 100 rows that reached over a day, a year before the end. */
static void look_long(struct fixture *f)
{
    struct walk_state *walk = &f->job->state.lists[0].walk;

    walk->probe = PROBE_NONE;
    walk->t0 = now(NULL);
    walk->at = walk->t0 - 365 * 86400 * INSTANT_SECOND;
    walk->seen = (struct window_sight){.pages = 1,
                                       .page_rows = 100,
                                       .highest_id = 30000,
                                       .last_time = walk->at,
                                       .page_span = 86400 * INSTANT_SECOND};
    f->job->state.pages = 1;
}

static void what_waits_is_not_cut(struct fixture *f, const void *unused)
{
    (void)unused;
    look_long(f);
    task_at(f, 0)->not_before_ms = 30000; /* as the server said */
    g_assert_false(job_cut(f->job));
    task_at(f, 0)->phase = TASK_HELD;
    g_assert_false(job_cut(f->job));
    task_at(f, 0)->phase = TASK_SENT;
    g_assert_true(job_cut(f->job));
    g_assert_cmpuint(f->job->tasks->len, ==, 2);
    g_assert_true(next(f) == task_at(f, 1));
}

static void deals_without_a_table_are_not_cut(struct fixture *f, const void *unused)
{
    (void)unused;
    look_long(f);
    task_at(f, 0)->phase = TASK_SENT;
    f->job->selected = false;
    g_assert_false(job_cut(f->job));
}

#define add(path, function)                                                                        \
    g_test_add("/job/windows/" path, struct fixture, NULL, set_up, function, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add("fields-first", fields_go_first);
    add("waiting", what_waits_is_not_cut);
    add("no-table", deals_without_a_table_are_not_cut);
    return g_test_run();
}
