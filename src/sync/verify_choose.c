/* Chance: which rows are compared. What is random is decided here, before the first answer, so the
 * same seed asks the same. */
#include "sync/verify_private.h"

/* A log costs 40 tokens a deal: one deal for so many records of the sample. */
#define RECORDS_A_FLOW 50

/* Keeps a fair choice of all values that pass by. */
struct reservoir {
    GRand *rand;
    GArray *ids; /* int64_t */
    unsigned room;
    int64_t met, last;
    instant_t oldest; /* of the second cell */
    bool wants_count; /* only rows whose second cell is more than 0 */
};

static void reservoir_take(const struct cell *cells, void *opaque)
{
    struct reservoir *reservoir = opaque;
    int64_t id, count = 0;
    instant_t time;

    if (!cell_int64(&cells[0], &id) || (reservoir->met > 0 && id == reservoir->last))
        return;
    if (reservoir->wants_count && (!cell_int64(&cells[1], &count) || count <= 0))
        return;
    if (!reservoir->wants_count && cells[1].kind == CELL_VALUE &&
        instant_parse(cells[1].text, cells[1].length, &time) &&
        (reservoir->oldest == INSTANT_NONE || time < reservoir->oldest))
        reservoir->oldest = time;
    reservoir->last = id;
    reservoir->met++;
    if (reservoir->ids->len < reservoir->room) {
        g_array_append_val(reservoir->ids, id);
    } else if (reservoir->room > 0) {
        double place = g_rand_double(reservoir->rand) * (double)reservoir->met;

        if (place < reservoir->room)
            g_array_index(reservoir->ids, int64_t, (unsigned)place) = id;
    }
}

/* Ids from a column of a table's live rows, each once; the second column as the reservoir says. */
static bool draw(struct verify *verify, const struct table *table, int id_column, int second,
                 struct reservoir *reservoir, GError **error)
{
    unsigned columns[2] = {(unsigned)id_column, (unsigned)(second >= 0 ? second : id_column)};
    struct read_query query = {.table = table,
                               .columns = columns,
                               .column_count = 2,
                               .where = -1,
                               .live_only = true,
                               .order_by = id_column};

    return destination_read(verify->memory.dest, &query, reservoir_take, reservoir, error);
}

/* Deals that should have lines, stored or not. */
static bool draw_from_deals(struct target *target, struct reservoir *reservoir, GError **error)
{
    g_autoptr(Table) deals =
        fields_build_table(&catalog[STREAM_DEALS], NULL, target->verify->memory.metadata);
    struct table_info info;
    bool exists;

    if (!destination_inspect(target->verify->memory.dest, deals, &info, error))
        return false;
    exists = info.exists;
    table_info_done(&info);
    *reservoir = (struct reservoir){.rand = reservoir->rand,
                                    .ids = reservoir->ids,
                                    .room = reservoir->room,
                                    .oldest = INSTANT_NONE,
                                    .wants_count = true};
    return !exists || draw(target->verify, deals, (int)deals->keys[0],
                           table_find_column(deals, "products_count"), reservoir, error);
}

static void append_new(GArray *ids, const GArray *more)
{
    for (unsigned i = 0; i < more->len; i++) {
        int64_t id = g_array_index(more, int64_t, i);
        bool known = false;

        for (unsigned j = 0; j < ids->len && !known; j++)
            known = g_array_index(ids, int64_t, j) == id;
        if (!known)
            g_array_append_val(ids, id);
    }
}

/* Half of the deals because they have lines here, half because they should have some. */
static bool choose_deals(struct target *target, struct reservoir *reservoir, GError **error)
{
    unsigned sample = target->verify->how->sample;
    GArray *more = g_array_new(FALSE, FALSE, sizeof(int64_t));
    bool good;

    reservoir->room = target->stream->walk == WALK_FLOW
                          ? (sample + RECORDS_A_FLOW - 1) / RECORDS_A_FLOW
                          : (sample + 1) / 2;
    good =
        draw(target->verify, target->table,
             table_find_column(target->table, target->stream->parent_column), -1, reservoir, error);
    if (good && target->stream->walk == WALK_LINES) {
        reservoir->ids = more;
        good = draw_from_deals(target, reservoir, error);
        append_new(target->chosen, more);
    }
    g_array_unref(more);
    return good;
}

/* From well before the oldest row that is stored, since what was lost may have been older; one time
 * in four from the very beginning of the list. */
static instant_t random_window(GRand *rand, instant_t oldest, instant_t until)
{
    instant_t from;

    if (oldest == INSTANT_NONE || until == INSTANT_NONE || until <= oldest)
        return INSTANT_NONE;
    if (g_rand_double(rand) < 0.25)
        return 0;
    from = MAX(oldest - (until - oldest) / 2, 0);
    return from + (instant_t)(g_rand_double(rand) * (double)(until - from));
}

bool target_choose(struct target *target, GError **error)
{
    GRand *rand = g_rand_new_with_seed(target->verify->how->seed ^ (target->stream->id << 24));
    struct reservoir reservoir = {.rand = rand,
                                  .ids = target->chosen,
                                  .room = target->verify->how->sample,
                                  .oldest = INSTANT_NONE};
    int64_t page = MIN(target->stream->page_rows, VERIFY_PAGE_ROWS);
    bool good = true;

    if (target_is_child(target))
        good = choose_deals(target, &reservoir, error);
    else if (target->stream->walk == WALK_CURSOR_TIME)
        good = draw(target->verify, target->table, (int)target->table->keys[0],
                    target->table->version, &reservoir, error);
    target->oldest = reservoir.oldest;
    target->window = random_window(rand, target->oldest, target->bookmark[0]);
    target->pages = (unsigned)((target->verify->how->sample + page - 1) / MAX(page, 1));
    target->start = (int64_t)(g_rand_double(rand) *
                              (double)MAX(target->row.rows - page * target->pages + 1, 0));
    g_rand_free(rand);
    return good;
}
