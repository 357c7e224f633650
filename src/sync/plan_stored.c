#include "sync/plan_stored.h"

/* The list of deals shows those that were deleted, for so long. */
#define DELETED_LISTED_S (INT64_C(30) * 24 * 3600)

static const char *const names[] = {"update_time",    "add_time",    "stage_change_time",
                                    "products_count", "is_archived", NULL /* _deleted_at */};
enum {
    UPDATED,
    ADDED,
    MOVED,
    PRODUCTS,
    ARCHIVED,
    DELETED,
    FIELDS,
};

struct reading {
    int at[FIELDS]; /* which of the cells; -1 = the table has none */
    instant_t week_ago;
    instant_t listed_from; /* what was deleted before is listed no more */
    struct census *lists;
};

static const struct cell *cell_of(const struct reading *reading, const struct cell *cells,
                                  unsigned field)
{
    const struct cell *cell = reading->at[field] >= 0 ? &cells[reading->at[field]] : NULL;

    return cell && cell->kind == CELL_VALUE ? cell : NULL;
}

static instant_t time_of(const struct reading *reading, const struct cell *cells, unsigned field)
{
    const struct cell *cell = cell_of(reading, cells, field);
    instant_t time;

    return cell && instant_parse(cell->text, cell->length, &time) ? time : INSTANT_NONE;
}

static void take_row(const struct cell *cells, void *opaque)
{
    struct reading *reading = opaque;
    const struct cell *archived = cell_of(reading, cells, ARCHIVED);
    const struct cell *products = cell_of(reading, cells, PRODUCTS);
    struct census_row row = {
        .added = time_of(reading, cells, ADDED),
        .updated = time_of(reading, cells, UPDATED),
        .moved = time_of(reading, cells, MOVED),
        .deleted = cell_of(reading, cells, DELETED) != NULL,
        .products = -1,
    };

    if (row.deleted && row.updated != INSTANT_NONE && row.updated < reading->listed_from)
        return;
    if (products)
        cell_int64(products, &row.products);
    tally_row(&reading->lists[archived && cell_is(archived, "1")].known, &row, reading->week_ago);
}

bool stored_census(struct memory *memory, const struct stream *stream, instant_t now,
                   instant_t until, struct census ret[STREAM_MAX_LISTS], GError **error)
{
    g_autoptr(Table) table = fields_build_table(stream, NULL, memory->metadata);
    bool is_deals = stream->id == STREAM_DEALS;
    unsigned columns[FIELDS + 1] = {table->keys[0]}, count = 1;
    struct reading reading = {.week_ago = until - CENSUS_WEEK_S * INSTANT_SECOND,
                              .listed_from = now - DELETED_LISTED_S * INSTANT_SECOND,
                              .lists = ret};
    struct read_query query = {
        .table = table, .columns = columns, .where = -1, .live_only = !is_deals, .order_by = -1};

    for (unsigned i = 0; i < STREAM_MAX_LISTS; i++)
        ret[i] = (struct census){0};
    for (unsigned i = 0; i < FIELDS; i++) {
        int column = i == DELETED ? table->deleted_at : table_find_column(table, names[i]);

        reading.at[i] = column < 0 || (i == ARCHIVED && !is_deals) ? -1 : (int)count;
        if (reading.at[i] >= 0)
            columns[count++] = (unsigned)column;
    }
    query.column_count = count;
    return destination_read(memory->dest, &query, take_row, &reading, error);
}

/* Lines come in the order of their deals. */
struct counting {
    int64_t last, count;
};

static void count_deal(const struct cell *cells, void *opaque)
{
    struct counting *counting = opaque;
    int64_t deal;

    if (!cell_int64(&cells[0], &deal) || (counting->count > 0 && deal == counting->last))
        return;
    counting->last = deal;
    counting->count++;
}

bool stored_sold(struct memory *memory, int64_t *ret, GError **error)
{
    const struct stream *lines = &catalog[STREAM_DEAL_PRODUCTS];
    g_autoptr(Table) table = fields_build_table(lines, NULL, memory->metadata);
    const unsigned deal = (unsigned)table_find_column(table, lines->parent_column);
    struct counting counting = {0};
    struct read_query query = {.table = table,
                               .columns = &deal,
                               .column_count = 1,
                               .where = -1,
                               .live_only = true,
                               .order_by = (int)deal};
    bool good = destination_read(memory->dest, &query, count_deal, &counting, error);

    *ret = counting.count;
    return good;
}
