/* sync/job_children.c: when a child asks for parents, and which, while deals are being read. The
 * loader is the test. */
#include "sync/job.h"

#include <string.h>

#define LINES STREAM_DEAL_PRODUCTS
#define FLOW  STREAM_DEALFLOW

struct fixture {
    struct sync_settings settings;
    struct job_context context;
    struct job *deals, *child;
    GQueue *works; /* that the loader did not answer yet */
};

static instant_t now(void *opaque)
{
    (void)opaque;
    return INT64_C(1800000000) * INSTANT_SECOND;
}

static void push(void *opaque, struct work *work)
{
    g_queue_push_tail(((struct fixture *)opaque)->works, work);
}

static void changed(void *opaque, struct job *job)
{
    (void)opaque, (void)job;
}

static void set_up(struct fixture *f, const void *unused)
{
    (void)unused;
    f->works = g_queue_new();
    f->context = (struct job_context){.settings = &f->settings,
                                      .full_every_s = 7 * 86400,
                                      .has_deals_table = true,
                                      .now = now,
                                      .push = push,
                                      .changed = changed,
                                      .opaque = f};
    f->context.schedule.now = now(NULL);
    f->deals = job_new(&f->context, &catalog[STREAM_DEALS], true);
    f->deals->is_new = f->deals->feeds_children = true;
    f->deals->phase = JOB_LEGS;
}

static void tear_down(struct fixture *f, const void *unused)
{
    (void)unused;
    g_queue_free_full(f->works, (GDestroyNotify)work_free);
    job_free(f->child);
    job_free(f->deals);
}

static void begin(struct fixture *f, enum stream_id id, bool seeded_before)
{
    f->child = job_new(&f->context, &catalog[id], true);
    g_assert_true(job_restore(f->child, NULL, NULL, NULL));
    f->child->state.seeded = seeded_before;
    f->child->state.full_at = seeded_before ? now(NULL) - 86400 * INSTANT_SECOND : INSTANT_NONE;
    job_begin(f->child);
}

static void follow(struct fixture *f)
{
    job_follow_parents(f->child, f->deals, job_is_ended(f->deals));
}

/* A page of deals was committed. */
static void feed(struct fixture *f)
{
    f->deals->fed++;
    follow(f);
}

static void end_deals(struct fixture *f)
{
    f->deals->phase = JOB_ENDED;
    follow(f);
}

/* The next work, which must be of this kind; it is answered with so many parents. */
static void serve(struct fixture *f, enum work_kind kind, unsigned parents)
{
    struct work *work = g_queue_pop_head(f->works);
    struct reply reply = {.kind = kind, .queue = parents};

    g_assert_nonnull(work);
    g_assert_cmpint(work->kind, ==, kind);
    if (kind == WORK_QUEUE) {
        reply.parents = g_array_new(FALSE, TRUE, sizeof(struct parent));
        g_array_set_size(reply.parents, parents);
    }
    g_assert_true(job_take_reply(f->child, &reply, NULL));
    g_clear_pointer(&reply.parents, g_array_unref);
    work_free(work);
    follow(f);
}

static const struct work *asked(const struct fixture *f)
{
    const struct work *work = g_queue_peek_head(f->works);

    return work && work->kind == WORK_QUEUE ? work : NULL;
}

/* Everything of the round was answered and committed. */
static void end_round(struct fixture *f)
{
    struct reply reply = {.kind = WORK_COMMIT};

    g_ptr_array_set_size(f->child->tasks, 0);
    f->child->works++;
    g_assert_true(job_take_reply(f->child, &reply, NULL));
    follow(f);
}

/* --- a first load --- */

static void begin_first_load(struct fixture *f, enum stream_id id)
{
    begin(f, id, false);
    follow(f);
    serve(f, WORK_COMMIT, 0); /* it notes that there is nothing to seed */
}

static void full_calls_go_while_deals_come(struct fixture *f, const void *unused)
{
    (void)unused;
    begin_first_load(f, LINES);
    g_assert_null(asked(f));
    feed(f);
    g_assert_cmpuint(asked(f)->multiple, ==, 100);
    serve(f, WORK_QUEUE, 200);
    g_assert_cmpint(f->child->phase, ==, JOB_CHILDREN);
    g_assert_cmpuint(f->child->tasks->len, ==, 2);
    end_round(f);
    g_assert_cmpint(f->child->phase, ==, JOB_WAITING);
    end_deals(f);
    g_assert_cmpuint(asked(f)->multiple, ==, 1);
    serve(f, WORK_QUEUE, 7);
    end_round(f);
    serve(f, WORK_QUEUE, 0);
    g_assert_cmpint(f->child->phase, ==, JOB_DRAINING);
}

/* That every later deal comes through the queue is noted before one can be stored, with the table.
 */
static void nothing_to_seed_is_noted_first(struct fixture *f, const void *id)
{
    const struct work *work;

    begin(f, (enum stream_id)GPOINTER_TO_INT(id), false);
    follow(f);
    work = g_queue_peek_head(f->works);
    g_assert_cmpint(work->kind, ==, WORK_COMMIT);
    g_assert_nonnull(work->state);
    g_assert_nonnull(strstr(work->state, "seeded"));
    g_assert_true(work->table == f->child->table && work->rows_are_stored);
    serve(f, WORK_COMMIT, 0);
    end_deals(f);
    g_assert_nonnull(asked(f)); /* not seeded either */
    g_assert_true(f->child->progress.first_load);
}

/* As often as commits of deals come, at most. */
static void the_loader_is_not_asked_in_vain(struct fixture *f, const void *unused)
{
    (void)unused;
    begin_first_load(f, LINES);
    for (int page = 0; page < 5; page++) {
        feed(f);
        serve(f, WORK_QUEUE, 0);
        for (int look = 0; look < 3; look++)
            follow(f);
        g_assert_cmpuint(f->works->length, ==, 0);
        g_assert_cmpint(f->child->phase, ==, JOB_WAITING);
    }
}

/* Deals end while the loader looks for full calls: what it left is asked for. */
static void the_rest_is_asked_for_after_the_end(struct fixture *f, const void *unused)
{
    (void)unused;
    begin_first_load(f, LINES);
    feed(f);
    end_deals(f);
    serve(f, WORK_QUEUE, 0);
    g_assert_cmpuint(asked(f)->multiple, ==, 1);
}

/* A queue that held more than a round is read on, though no deal came. */
static void full_rounds_are_followed_by_the_next(struct fixture *f, const void *unused)
{
    (void)unused;
    begin_first_load(f, LINES);
    feed(f);
    serve(f, WORK_QUEUE, asked(f)->limit);
    end_round(f);
    g_assert_nonnull(asked(f));
}

static void logs_wait_for_all_deals(struct fixture *f, const void *unused)
{
    (void)unused;
    begin_first_load(f, FLOW);
    feed(f);
    g_assert_null(asked(f));
    end_deals(f);
    g_assert_nonnull(asked(f));
}

/* --- deals of before --- */

static void what_is_to_be_seeded_waits_for_all_deals(struct fixture *f, const void *unused)
{
    (void)unused;
    f->deals->is_new = false;
    begin(f, LINES, false);
    feed(f);
    g_assert_cmpuint(f->works->length, ==, 0);
    end_deals(f);
    serve(f, WORK_SEED, 0);
    g_assert_nonnull(asked(f));
}

static void a_week_later_all_deals_are_seeded_once(struct fixture *f, const void *unused)
{
    (void)unused;
    f->deals->is_new = false;
    f->context.full_every_s = 0; /* --all */
    begin(f, LINES, true);
    feed(f);
    g_assert_cmpuint(f->works->length, ==, 0);
    end_deals(f);
    serve(f, WORK_SEED, 0);
    serve(f, WORK_QUEUE, 0);
    g_assert_cmpint(f->child->phase, ==, JOB_DRAINING);
}

/* --- deals that fail --- */

static void deals_that_cannot_be_stored_fail_a_first_load(struct fixture *f, const void *unused)
{
    (void)unused;
    begin_first_load(f, LINES);
    f->deals->table_refused = true;
    end_deals(f);
    g_assert_cmpint(f->child->phase, ==, JOB_ENDED);
    g_assert_cmpint(f->child->progress.outcome, ==, OUTCOME_FAILED);
}

/* The round in hand is read to its end before. */
static void deals_that_fail_in_the_middle_harm_no_round(struct fixture *f, const void *unused)
{
    (void)unused;
    begin_first_load(f, LINES);
    feed(f);
    serve(f, WORK_QUEUE, 100);
    f->deals->table_refused = true;
    end_deals(f);
    g_assert_cmpint(f->child->phase, ==, JOB_CHILDREN);
    end_round(f);
    g_assert_cmpint(f->child->progress.outcome, ==, OUTCOME_FAILED);
}

static void what_was_read_before_goes_on_without_deals(struct fixture *f, const void *unused)
{
    (void)unused;
    f->deals->is_new = false;
    f->deals->table_refused = true;
    begin(f, LINES, true);
    end_deals(f);
    g_assert_nonnull(asked(f));
}

/* One deal after another failed: how many wait is known when all deals are. */
static void who_gave_up_counts_at_the_end(struct fixture *f, const void *unused)
{
    (void)unused;
    begin_first_load(f, LINES);
    feed(f);
    serve(f, WORK_QUEUE, 100);
    f->child->gave_up = true;
    f->child->failure = g_strdup("deal 5: HTTP 403");
    end_round(f);
    feed(f);
    g_assert_cmpuint(f->works->length, ==, 0);
    end_deals(f);
    serve(f, WORK_QUEUE, 300);
    g_assert_cmpint(f->child->phase, ==, JOB_DRAINING);
    g_assert_nonnull(strstr(f->child->message, "300 deal(s) wait"));
    g_assert_nonnull(strstr(f->child->message, "deal 5: HTTP 403"));
}

#define add(path, data, function)                                                                  \
    g_test_add("/job-children/" path, struct fixture, data, set_up, function, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add("first/calls", NULL, full_calls_go_while_deals_come);
    add("first/lines-noted", GINT_TO_POINTER(LINES), nothing_to_seed_is_noted_first);
    add("first/logs-noted", GINT_TO_POINTER(FLOW), nothing_to_seed_is_noted_first);
    add("first/quiet", NULL, the_loader_is_not_asked_in_vain);
    add("first/rest", NULL, the_rest_is_asked_for_after_the_end);
    add("first/full-round", NULL, full_rounds_are_followed_by_the_next);
    add("first/logs", NULL, logs_wait_for_all_deals);
    add("before/seed", NULL, what_is_to_be_seeded_waits_for_all_deals);
    add("before/week", NULL, a_week_later_all_deals_are_seeded_once);
    add("failed/first", NULL, deals_that_cannot_be_stored_fail_a_first_load);
    add("failed/middle", NULL, deals_that_fail_in_the_middle_harm_no_round);
    add("failed/later", NULL, what_was_read_before_goes_on_without_deals);
    add("gave-up", NULL, who_gave_up_counts_at_the_end);
    return g_test_run();
}
