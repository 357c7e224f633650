#include "changes.h"

/* Above every made-up id, which is deal id × 64 + n. */
static const int64_t first_log_id = 4000000000;

static gpointer key_of(int entity, int32_t item)
{
    return (gpointer)(uintptr_t)((uint64_t)(uint32_t)item << 8 | (uint64_t)entity);
}

void change_log_init(struct change_log *log)
{
    log->by_item = g_hash_table_new_full(NULL, NULL, NULL, (GDestroyNotify)g_array_unref);
    log->texts = g_string_chunk_new(4096);
    log->last_id = first_log_id;
}

void change_log_done(struct change_log *log)
{
    g_hash_table_unref(log->by_item);
    g_string_chunk_free(log->texts);
}

void change_log_add(struct change_log *log, struct change change)
{
    gpointer key = key_of(change.entity, change.item);
    GArray *list = g_hash_table_lookup(log->by_item, key);
    if (!list) {
        list = g_array_new(FALSE, FALSE, sizeof(struct change));
        g_hash_table_insert(log->by_item, key, list);
    }
    change.id = ++log->last_id;
    change.key = g_string_chunk_insert_const(log->texts, change.key);
    change.old_value = g_string_chunk_insert(log->texts, change.old_value);
    change.new_value = g_string_chunk_insert(log->texts, change.new_value);
    g_array_append_val(list, change);
}

void change_log_forget(struct change_log *log, int entity, int32_t item)
{
    g_hash_table_remove(log->by_item, key_of(entity, item));
}

const GArray *change_log_of(const struct change_log *log, int entity, int32_t item)
{
    return g_hash_table_lookup(log->by_item, key_of(entity, item));
}
