#include "sync/run_log.h"

#include "sync/event.h"
#include "sync/system.h"

#include <string.h>

/* A commit stays short, whatever an older version left behind. */
#define ROWS_AT_ONCE 1000u

/* Of the key that was read. */
static struct row *add_row(struct batch *batch, const struct cell *key)
{
    g_autofree struct cell *cells = g_new0(struct cell, batch->table->columns->len);

    cells[RUN_ID] = key[0];
    cells[RUN_TABLE] = key[1];
    batch_copy_row(batch, cells);
    return &batch->rows[batch->row_count - 1];
}

static bool write_if_any(struct destination *dest, struct batch *batch, GError **error)
{
    struct write_counts counts;

    return batch->row_count == 0 || destination_write(dest, batch, &counts, error);
}

struct trimming {
    struct batch *batch;
    int64_t excess;
    instant_t oldest; /* that may stay; NONE = any */
};

static void take_row(const struct cell *cells, void *opaque)
{
    struct trimming *trimming = opaque;
    bool is_old = false;
    instant_t started;

    if (trimming->oldest != INSTANT_NONE && cells[2].kind == CELL_VALUE &&
        instant_parse(cells[2].text, cells[2].length, &started))
        is_old = started < trimming->oldest;
    if (!is_old && trimming->excess <= 0)
        return;
    trimming->excess--;
    add_row(trimming->batch, cells)->remove = true;
}

static bool trim(struct destination *dest, const struct table *runs, instant_t now, GError **error)
{
    static const unsigned columns[] = {RUN_ID, RUN_TABLE, RUN_STARTED};
    /* A run's id begins with its time: the primary key gives the oldest without a search. */
    struct read_query query = {.table = runs,
                               .columns = columns,
                               .column_count = G_N_ELEMENTS(columns),
                               .where = -1,
                               .order_by = RUN_ID,
                               .limit = ROWS_AT_ONCE};
    struct trimming trimming = {.oldest = INSTANT_NONE};
    struct table_info info;
    bool good;

    if (!destination_inspect(dest, runs, &info, error))
        return false;
    trimming.excess = info.rows - RUN_LOG_ROWS;
    table_info_done(&info);
    if (now != INSTANT_NONE)
        trimming.oldest = now - RUN_LOG_DAYS * INT64_C(86400) * INSTANT_SECOND;
    trimming.batch = batch_new();
    batch_prepare(trimming.batch, runs, 16);
    good = destination_read(dest, &query, take_row, &trimming, error) &&
           write_if_any(dest, trimming.batch, error);
    batch_release(trimming.batch);
    return good;
}

struct ending {
    struct batch *batch;
    const char *run_id; /* of the run under way */
};

static void end_row(const struct cell *cells, void *opaque)
{
    struct ending *ending = opaque;

    if (!cell_is(&cells[0], ending->run_id))
        cell_set_string(ending->batch, &add_row(ending->batch, cells)->cells[RUN_OUTCOME],
                        RUN_LOG_INTERRUPTED);
}

/* There is one writer at a time, so whoever else is "running" is not. */
static bool end_others(struct destination *dest, const struct table *runs, const char *run_id,
                       GError **error)
{
    static const unsigned columns[] = {RUN_ID, RUN_TABLE};
    const char *running = outcome_name(OUTCOME_RUNNING);
    struct cell value = {.text = running, .length = (uint32_t)strlen(running), .kind = CELL_VALUE};
    struct read_query query = {.table = runs,
                               .columns = columns,
                               .column_count = G_N_ELEMENTS(columns),
                               .where = RUN_OUTCOME,
                               .values = &value,
                               .value_count = 1,
                               .order_by = -1,
                               .limit = ROWS_AT_ONCE};
    struct ending ending = {batch_new(), run_id};
    bool good;

    batch_prepare(ending.batch, runs, 16);
    good = destination_read(dest, &query, end_row, &ending, error) &&
           write_if_any(dest, ending.batch, error);
    batch_release(ending.batch);
    return good;
}

bool run_log_tidy(struct destination *dest, const struct table *runs, const char *run_id,
                  instant_t now, GError **error)
{
    return trim(dest, runs, now, error) && end_others(dest, runs, run_id, error);
}
