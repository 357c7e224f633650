/* What job.c, job_pages.c and job_children.c share. */
#ifndef PENSTOCK_SYNC_JOB_PRIVATE_H
#define PENSTOCK_SYNC_JOB_PRIVATE_H

#include "sync/job.h"

struct task *task_new(struct job *job, struct walk *walk);
void job_build_table(struct job *job);
/* Tells the world how far it is. */
void job_report(struct job *job);
struct work *job_work(struct job *job, enum work_kind kind);
void job_put_state(struct job *job, struct work *work);
void job_push(struct job *job, struct work *work);
void job_read_fields(struct job *job);
void job_begin_leg(struct job *job);
void job_end_leg(struct job *job);
void job_drain(struct job *job);

/* Reading ahead. */
/* The page that the list's walk wants now is on its way, or came already. */
bool job_has_ahead(const struct job *job, const struct task *task);
void job_take_ahead(struct task *task, const struct json_value *root, instant_t date);
MUST_USE bool job_fail_ahead(struct task *task, const GError *failure,
                             const struct retry_policy *policy, double random, bool *ret_parks);
/* After the walk moved: pages whose turn it is, and those that will have none. */
void job_feed_ahead(struct job *job);
/* The walk ends. */
void job_end_ahead(struct job *job);
/* Takes a page of a list; DATA leaves the task ready to ask again. */
MUST_USE bool job_take_page(struct task *task, const struct json_value *root, instant_t date,
                            GError **error);

/* Full passes. */
void job_confirm(struct job *job);
void job_suspects_came(struct job *job, struct reply *reply);
/* After a commit: more to ask, or the end. */
void job_go_on_asking(struct job *job);
/* The answer about one row; false: DATA. */
MUST_USE bool job_take_record(struct task *task, const struct json_value *root, GError **error);
/* There is none: nobody knows the row, or it may not be seen, or nothing came through. */
void job_record_failed(struct task *task, const GError *failure);

/* Children. */
void job_queue_came(struct job *job, struct reply *reply);
/* After a page of children: groups, new tasks, the end of the round. */
void job_children_step(struct task *task, struct walk_step *step, struct work *work);
/* Ends the round, or the seeding: the queue may be read again, or the job drains. */
void job_children_settle(struct job *job);
/* While in doubt, the only child's task that may be sent; NULL = any, or none while one is out. */
struct task *job_doubtful_task(const struct job *job, bool *ret_wait);
/* A child's request is given up: the parents wait for another day, or are forgotten. */
void job_give_up_children(struct task *task, const GError *failure);

#endif
