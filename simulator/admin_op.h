/* The operations of the admin API, one function each, and what they share. Within
 * simulator/admin*.c only. */
#ifndef SIM_ADMIN_OP_H
#define SIM_ADMIN_OP_H

#include <json-glib/json-glib.h>

#include "edit.h"
#include "sim.h"

/* One operation: its arguments, where it works, its result (members with a comma in front) and its
 * error. */
struct op {
    struct sim *sim;
    struct company *company; /* locked */
    JsonObject *args;
    int64_t now;
    struct buf *result;
    char *error;
};

/* Only the first error is kept. */
void op_fail(struct op *op, const char *format, ...) __attribute__((format(printf, 2, 3)));
JsonNode *arg_node(const struct op *op, const char *name);
bool arg_is(JsonNode *node, GType type);
int64_t arg_int(const struct op *op, const char *name, int64_t fallback);
double arg_double(const struct op *op, const char *name, double fallback);
const char *arg_text(const struct op *op, const char *name);
bool arg_bool(const struct op *op, const char *name, bool fallback);
JsonObject *arg_object(const struct op *op, const char *name);
const char *need_text(struct op *op, const char *name);
int need_entity(struct op *op);
struct record *need_record(struct op *op, enum entity e);
struct change_request arg_change(struct op *op);
void op_take_error(struct op *op, char *error);

typedef void op_fn(struct op *op);
op_fn op_clock, op_edit, op_add, op_delete, op_undelete, op_purge, op_archive, op_unarchive,
    op_merge, op_bulk, op_bulk_add, op_field_add, op_field_rename, op_field_remove, op_field_type,
    op_option_add, op_option_remove, op_option_relabel, op_line_add, op_line_remove, op_plan,
    op_budget, op_limits, op_set, op_rotate_token, op_fault, op_faults_clear, op_reset_counters;

#endif
