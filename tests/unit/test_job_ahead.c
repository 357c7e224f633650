/* sync/job_ahead.c: pages that are read ahead wait for their turn, whatever becomes of the others.
 */
#include "pages.h"
#include "sync/job_private.h"

#include <string.h>

#define PAGE_ROWS 10

struct fixture {
    struct sync_settings settings;
    struct job_context context;
    struct job *job;
    struct pages *pages;
    GString *read; /* first ids of the pages that came to the loader */
    unsigned rows; /* that the list has */
    int shift;     /* so many rows were brought back before those that are answered */
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

static void push(void *opaque, struct work *work)
{
    struct fixture *f = opaque;

    if (work->batch) {
        const struct cell *key = &work->batch->rows[0].cells[work->batch->table->keys[0]];
        g_autofree char *id = cell_text(key);

        g_string_append_printf(f->read, "%s ", id);
    }
    f->job->works--; /* it is done at once */
    work_free(work);
}

static struct task *next(const struct fixture *f)
{
    int64_t soonest_ms = INT64_MAX;

    return job_next_task(f->job, 0, &soonest_ms);
}

static struct task *send(const struct fixture *f)
{
    struct task *task = next(f);

    g_assert_nonnull(task);
    task->batch = batch_new();
    task->phase = TASK_SENT;
    return task;
}

static int64_t start_of(const struct task *task)
{
    g_autoptr(GString) path = g_string_new(NULL);
    const char *found;
    int cost;

    task_request(task, path, &cost);
    g_assert_cmpint(cost, ==, 20);
    found = strstr(path->str, "start=");
    g_assert_nonnull(found);
    return g_ascii_strtoll(found + strlen("start="), NULL, 10);
}

/* Ids are one more than offsets. */
static void answer(struct fixture *f, struct task *task)
{
    g_autoptr(GString) rows = g_string_new(NULL);
    int64_t start = start_of(task), end = MIN(start + PAGE_ROWS, (int64_t)f->rows);
    g_autoptr(GError) error = NULL;

    for (int64_t i = start; i < end; i++)
        g_string_append_printf(rows, "%s{'id':%" G_GINT64_FORMAT "}", i > start ? "," : "",
                               i + 1 - f->shift);
    const struct json_value *root = pages_parse(
        f->pages, "{'success':true,'data':[%s],'additional_data':{'more_items_in_collection':%s}}",
        rows->str, end < (int64_t)f->rows ? "true" : "false");
    g_assert_true(task_take(task, root, now(NULL), &error));
    g_assert_no_error(error);
}

/* A first load of files, five pages of which were read; the sixth is under way. */
static void set_up(struct fixture *f, const void *unused)
{
    struct batch *no_fields = batch_new();

    (void)unused;
    f->rows = 1000;
    f->pages = pages_new();
    f->read = g_string_new(NULL);
    f->context = (struct job_context){
        .settings = &f->settings, .now = now, .changed = changed, .push = push, .opaque = f};
    f->context.schedule = (struct schedule_settings){.now = now(NULL), .start_date = INSTANT_NONE};
    f->job = job_new(&f->context, &catalog[STREAM_FILES], true);
    g_assert_true(job_restore(f->job, NULL, no_fields, NULL));
    batch_release(no_fields);
    job_begin(f->job);
    for (int i = 0; i < 5; i++) {
        g_assert_false(job_read_ahead(f->job, 4));
        answer(f, send(f));
    }
    send(f);
    g_string_truncate(f->read, 0);
}

static void tear_down(struct fixture *f, const void *unused)
{
    (void)unused;
    job_free(f->job);
    pages_free(f->pages);
    g_string_free(f->read, TRUE);
}

static struct task *walker(const struct fixture *f)
{
    return f->job->tasks->pdata[0];
}

static struct task *read_ahead(const struct fixture *f)
{
    g_assert_true(job_read_ahead(f->job, 4));
    return send(f);
}

/* Whose batches are with whom is ASan's business. */
static void answers_wait_for_their_turn(struct fixture *f, const void *unused)
{
    struct task *far = read_ahead(f), *near[3];

    (void)unused;
    g_assert_cmpint(start_of(far), ==, 81);
    answer(f, far);
    g_assert_cmpstr(f->read->str, ==, "");
    for (unsigned i = 0; i < 3; i++) /* another guess, and what lies before the first one */
        near[i] = read_ahead(f);
    g_assert_cmpint(start_of(near[0]), >, 81);
    g_assert_cmpint(start_of(near[1]), ==, 54);
    g_assert_cmpint(start_of(near[2]), ==, 63);
    answer(f, near[2]);
    answer(f, near[1]);
    g_assert_cmpstr(f->read->str, ==, "");
    answer(f, walker(f));
    g_assert_cmpstr(f->read->str, ==, "46 55 64 ");
    answer(f, send(f)); /* at 72 nothing was asked for */
    g_assert_cmpstr(f->read->str, ==, "46 55 64 73 82 ");
}

/* The walk does not ask for what is under way. */
static void the_walk_waits(struct fixture *f, const void *unused)
{
    struct task *far, *guess, *near;

    (void)unused;
    far = read_ahead(f);
    answer(f, far);
    guess = read_ahead(f);
    near = read_ahead(f);
    g_assert_cmpint(start_of(near), ==, 54);
    answer(f, walker(f));
    g_assert_null(next(f));
    g_assert_true(job_read_ahead(f->job, 4)); /* but more may be */
    answer(f, near);
    g_assert_cmpstr(f->read->str, ==, "46 55 ");
    g_assert_cmpint(start_of(guess), >, 54);
}

static void fail(struct task *task, enum penstock_error code, bool expected)
{
    g_autoptr(GError) error = g_error_new(PENSTOCK_ERROR, (int)code, "failed");
    struct retry_policy policy = {.base_ms = 1000};
    bool parks;

    g_assert_cmpint(task_fail(task, error, &policy, 0.5, &parks), ==, expected);
}

static void a_page_is_tried_again(struct fixture *f, const void *unused)
{
    struct task *page = read_ahead(f);
    int64_t soonest_ms = INT64_MAX;

    (void)unused;
    fail(page, PENSTOCK_ERROR_RETRY, true);
    g_assert_null(job_next_task(f->job, 0, &soonest_ms)); /* not yet */
    g_assert_cmpint(soonest_ms, <, INT64_MAX);
    g_assert_true(job_next_task(f->job, soonest_ms, &soonest_ms) == page);
    g_assert_cmpint(page->history.failures, ==, 1);
}

/* What is wrong with a page is found out by the walk, which has its own tries. */
static void a_page_that_cannot_be_had_is_given_up(struct fixture *f, const void *unused)
{
    static const enum penstock_error codes[] = {PENSTOCK_ERROR_GONE, PENSTOCK_ERROR_AUTH,
                                                PENSTOCK_ERROR_TOO_LARGE};

    (void)unused;
    fail(read_ahead(f), codes[0], true);
    g_assert_cmpuint(f->job->ahead->len, ==, 0);
    g_assert_false(job_read_ahead(f->job, 4)); /* one may come to nothing */
    g_assert_cmpint(f->job->phase, ==, JOB_LEGS);
    for (int i = 0; i < 200; i++) { /* of a hundred, two may */
        f->rows += PAGE_ROWS;
        answer(f, walker(f));
        send(f);
    }
    for (unsigned i = 1; i < G_N_ELEMENTS(codes); i++)
        fail(read_ahead(f), codes[i], true);
    g_assert_cmpint(f->job->phase, ==, JOB_LEGS);
}

static void the_day_is_over(struct fixture *f, const void *unused)
{
    (void)unused;
    fail(read_ahead(f), PENSTOCK_ERROR_PARKED, false);
}

/* Its answer brings what the walk could not get itself; nobody waits for another event. */
static void a_page_that_joins_is_taken_when_the_walk_fails(struct fixture *f, const void *unused)
{
    struct task *far = read_ahead(f);

    (void)unused;
    f->shift = 40;
    answer(f, far);
    g_assert_cmpstr(f->read->str, ==, "");
    fail(walker(f), PENSTOCK_ERROR_RETRY, true);
    g_assert_cmpstr(f->read->str, ==, "42 ");
    g_assert_cmpint(walker(f)->phase, ==, TASK_READY);
    g_assert_cmpuint(f->job->ahead->len, ==, 0);
}

static void a_page_that_waits_gives_its_credit_back(struct fixture *f, const void *unused)
{
    struct task *far = read_ahead(f);

    (void)unused;
    g_assert_false(job_drop_ahead(f->job)); /* it is under way */
    answer(f, far);
    g_assert_true(job_drop_ahead(f->job));
    g_assert_cmpuint(f->job->ahead->len, ==, 0);
    answer(f, walker(f));
    g_assert_cmpint(start_of(next(f)), ==, 54);
}

/* The answer comes when nobody wants it any more. */
static void the_leg_ends_before_a_page_comes(struct fixture *f, const void *unused)
{
    struct task *far = read_ahead(f), *late;

    (void)unused;
    f->rows = 50;
    answer(f, walker(f));
    g_assert_cmpint(f->job->phase, !=, JOB_LEGS);
    g_assert_cmpint(far->phase, ==, TASK_STRAYED);
    g_assert_cmpuint(f->job->ahead->len, ==, 1);
    late = f->job->ahead->pdata[0];
    g_assert_true(task_take(late, pages_parse(f->pages, "{'data':[]}"), now(NULL), NULL));
    g_assert_cmpuint(f->job->ahead->len, ==, 0);
}

static void the_leg_ends_before_a_page_fails(struct fixture *f, const void *unused)
{
    struct task *far = read_ahead(f);

    (void)unused;
    f->rows = 50;
    answer(f, walker(f));
    fail(far, PENSTOCK_ERROR_PARKED, true);
    g_assert_cmpuint(f->job->ahead->len, ==, 0);
}

static void the_run_stops(struct fixture *f, const void *unused)
{
    struct task *far = read_ahead(f);

    (void)unused;
    answer(f, far);
    g_assert_true(job_read_ahead(f->job, 4));
    job_stop(f->job, OUTCOME_STOPPED, NULL);
    g_assert_cmpuint(f->job->ahead->len, ==, 0);
    g_assert_false(job_read_ahead(f->job, 4));
}

#define add(path, function)                                                                        \
    g_test_add("/job/ahead/" path, struct fixture, NULL, set_up, function, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add("turn", answers_wait_for_their_turn);
    add("under-way", the_walk_waits);
    add("again", a_page_is_tried_again);
    add("given-up", a_page_that_cannot_be_had_is_given_up);
    add("parked", the_day_is_over);
    add("joins", a_page_that_joins_is_taken_when_the_walk_fails);
    add("credit", a_page_that_waits_gives_its_credit_back);
    add("late", the_leg_ends_before_a_page_comes);
    add("late-failure", the_leg_ends_before_a_page_fails);
    add("stop", the_run_stops);
    return g_test_run();
}
