#include "sync/run_log.h"

#include "sync/system.h"

/* A commit stays short, whatever an older version left behind. */
#define ROWS_AT_ONCE 1000u

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
    struct cell *row;

    if (trimming->oldest != INSTANT_NONE && cells[2].kind == CELL_VALUE &&
        instant_parse(cells[2].text, cells[2].length, &started))
        is_old = started < trimming->oldest;
    if (!is_old && trimming->excess <= 0)
        return;
    trimming->excess--;
    row = g_new0(struct cell, trimming->batch->table->columns->len);
    row[RUN_ID] = cells[0];
    row[RUN_TABLE] = cells[1];
    batch_copy_row(trimming->batch, row);
    trimming->batch->rows[trimming->batch->row_count - 1].remove = true;
    g_free(row);
}

bool run_log_trim(struct destination *dest, const struct table *runs, instant_t now, GError **error)
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
    struct write_counts counts;
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
    good =
        destination_read(dest, &query, take_row, &trimming, error) &&
        (trimming.batch->row_count == 0 || destination_write(dest, trimming.batch, &counts, error));
    batch_release(trimming.batch);
    return good;
}
