/* The wrappers that assert the grammar of calls (destination.h); a call out of order is our own
 * bug. */
#include "model/destination.h"

void table_info_done(struct table_info *info)
{
    g_free(info->nonce);
    for (unsigned i = 0; info->columns && i < info->columns->len; i++)
        g_free(g_array_index(info->columns, struct table_info_column, i).name);
    if (info->columns)
        g_array_unref(info->columns);
    *info = (struct table_info){0};
}

/* Every failure says why, a success never does. */
static bool checked(bool ok, GError **error)
{
    g_assert(!error || ok == (*error == NULL));
    return ok;
}

/* After a failure inside a transaction only rollback may follow: some databases refuse anything
 * else, the others would commit half of it. */
static bool checked_inside(struct destination *destination, bool ok, GError **error)
{
    if (!ok && destination->in_transaction)
        destination->failed = true;
    return checked(ok, error);
}

bool destination_open(const struct destination_ops *ops,
                      const struct destination_settings *settings, struct destination **ret,
                      GError **error)
{
    g_assert(ops && settings && settings->url && ret);
    bool ok = ops->open(settings, ret, error);
    g_assert(!ok || (*ret && (*ret)->ops == ops && !(*ret)->in_transaction));
    return checked(ok, error);
}

bool destination_inspect(struct destination *destination, const struct table *table,
                         struct table_info *ret, GError **error)
{
    g_assert(destination && !destination->failed);
    bool ok = destination->ops->inspect(destination, table, ret, error);
    return checked_inside(destination, ok, error);
}

bool destination_prepare(struct destination *destination, const struct table *table,
                         const char *nonce, GError **error)
{
    g_assert(destination && table && table->key_count > 0 && !destination->failed);
    g_assert(!destination->in_transaction || destination->ops->caps.transactional_ddl);
    bool ok = destination->ops->prepare(destination, table, nonce, error);
    return checked_inside(destination, ok, error);
}

bool destination_begin(struct destination *destination, GError **error)
{
    g_assert(destination && !destination->in_transaction);
    bool ok = destination->ops->begin(destination, error);
    destination->in_transaction = ok;
    destination->failed = false;
    return checked(ok, error);
}

bool destination_write(struct destination *destination, struct batch *batch,
                       struct write_counts *ret, GError **error)
{
    g_assert(destination && destination->in_transaction && !destination->failed && batch->table);
    /* Without the server's time _synced_at would be null, which no reader of the table expects. */
    g_assert(batch->table->kind == TABLE_SYSTEM || destination->now != INSTANT_NONE);
    bool ok = destination->ops->write(destination, batch, ret, error);
    return checked_inside(destination, ok, error);
}

bool destination_sweep(struct destination *destination, const struct sweep *sweep,
                       struct sweep_counts *ret, GError **error)
{
    g_assert(destination && destination->in_transaction && !destination->failed);
    g_assert(sweep->table->kind == TABLE_REPLICATED && sweep->table->key_count == 1);
    g_assert(destination->now != INSTANT_NONE && sweep->deleted_at != INSTANT_NONE);
    g_assert(sweep->remove || sweep->table->deleted_at >= 0);
    g_assert(sweep->scope < 0 || sweep->scope_count > 0);
    bool ok = destination->ops->sweep(destination, sweep, ret, error);
    return checked_inside(destination, ok, error);
}

bool destination_read(struct destination *destination, const struct read_query *query,
                      destination_row_func func, void *opaque, GError **error)
{
    g_assert(destination && query->table && func && !destination->failed);
    g_assert(!query->columns || query->column_count > 0);
    g_assert(query->value_count <= READ_MAX_VALUES);
    bool ok = destination->ops->read(destination, query, func, opaque, error);
    return checked_inside(destination, ok, error);
}

bool destination_commit(struct destination *destination, GError **error)
{
    g_assert(destination && destination->in_transaction && !destination->failed);
    bool ok = destination->ops->commit(destination, error);
    destination->in_transaction = false; /* either way: a failed commit leaves nothing */
    return checked(ok, error);
}

void destination_rollback(struct destination *destination)
{
    if (!destination)
        return;
    destination->ops->rollback(destination);
    destination->in_transaction = false;
    destination->failed = false;
}

bool destination_replace_view(struct destination *destination, struct view *view,
                              enum view_result *ret, GError **error)
{
    g_assert(destination && view && view->columns->len > 0 && ret && !destination->failed);
    g_assert(!destination->in_transaction || destination->ops->caps.transactional_ddl);
    bool ok = destination->ops->replace_view(destination, view, ret, error);
    return checked_inside(destination, ok, error);
}

bool destination_drop_view(struct destination *destination, const char *name, bool *ret_dropped,
                           GError **error)
{
    g_assert(destination && name && ret_dropped && !destination->failed);
    g_assert(!destination->in_transaction || destination->ops->caps.transactional_ddl);
    bool ok = destination->ops->drop_view(destination, name, ret_dropped, error);
    return checked_inside(destination, ok, error);
}

bool destination_drop(struct destination *destination, const struct table *table, GError **error)
{
    g_assert(destination && table && !destination->failed);
    g_assert(!destination->in_transaction || destination->ops->caps.transactional_ddl);
    bool ok = destination->ops->drop(destination, table, error);
    return checked_inside(destination, ok, error);
}

void destination_close(struct destination *destination)
{
    if (!destination)
        return;
    destination_rollback(destination);
    destination->ops->close(destination);
}
