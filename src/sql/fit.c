#include "sql/fit.h"

#include <string.h>

#include "model/decimal.h"
#include "json/json.h"

#define REPLACEMENT        "\xef\xbf\xbd" /* U+FFFD */
#define REPLACEMENT_ESCAPE "\\ufffd"

/* One row on its way. */
struct fitting {
    struct batch *batch;
    const struct destination_caps *caps;
    const struct dialect *dialect;
    struct cell *cells;
    GString *extra; /* members for _extra: values that did not fit */
    struct json_writer writer;
    unsigned moved;
};

/* ── Numbers ── */

static bool is_short(const struct destination_caps *caps, size_t length)
{
    return (!caps->decimal_integer_digits || length <= caps->decimal_integer_digits) &&
           (!caps->decimal_scale || length <= caps->decimal_scale);
}

/* Nearly every number: without an exponent it has no more digits than bytes. */
static bool has_few_digits(const struct destination_caps *caps, const char *text, size_t length)
{
    return is_short(caps, length) && !memchr(text, 'e', length) && !memchr(text, 'E', length);
}

static bool decimal_fits(const struct destination_caps *caps, const char *text, size_t length)
{
    struct decimal decimal;
    if (has_few_digits(caps, text, length))
        return true;
    if (!decimal_parse(text, length, &decimal) || decimal.count == 0)
        return true;
    return (!caps->decimal_integer_digits ||
            decimal.first < (int64_t)caps->decimal_integer_digits) &&
           (!caps->decimal_scale || -decimal_last(&decimal) <= (int64_t)caps->decimal_scale);
}

/* ── Texts and documents ── */

static void replace_zero_bytes(struct batch *batch, struct cell *cell)
{
    if (cell->length == 0 || !memchr(cell->text, '\0', cell->length))
        return;
    g_autoptr(GString) text = g_string_sized_new(cell->length + 16);
    for (uint32_t i = 0; i < cell->length; i++) {
        if (cell->text[i])
            g_string_append_c(text, cell->text[i]);
        else
            g_string_append(text, REPLACEMENT);
    }
    cell_set(cell, arena_strndup(batch->arena, text->str, text->len), text->len);
}

static int escaped_unit(const char *p, const char *end) /* of \uXXXX; -1 = none */
{
    if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
        return -1;
    int unit = 0;
    for (int i = 2; i < 6; i++) {
        int digit = g_ascii_xdigit_value(p[i]);
        if (digit < 0)
            return -1;
        unit = unit * 16 + digit;
    }
    return unit;
}

/* Bytes of the escape at p, and whether a database that is strict about Unicode refuses it: U+0000,
 * and half of a surrogate pair. */
static size_t measure_escape(const char *p, const char *end, bool *ret_bad)
{
    int unit = escaped_unit(p, end);
    *ret_bad = unit == 0;
    if (unit < 0)
        return MIN((size_t)(end - p), 2);
    if (unit < 0xd800 || unit > 0xdfff)
        return 6;
    int next = escaped_unit(p + 6, end);
    if (unit < 0xdc00 && next >= 0xdc00 && next <= 0xdfff)
        return 12;
    *ret_bad = true;
    return 6;
}

/* The replacement is as long as what it replaces, so a copy is changed in place. */
static void replace_escapes(struct batch *batch, struct cell *cell)
{
    const char *begin = cell->text, *end = begin + cell->length;
    char *copy = NULL;
    const char *p = cell->length ? memchr(begin, '\\', cell->length) : NULL;
    while (p) {
        bool bad;
        size_t length = measure_escape(p, end, &bad);
        if (bad && !copy)
            copy = arena_strndup(batch->arena, begin, cell->length);
        if (bad)
            memcpy(copy + (p - begin), REPLACEMENT_ESCAPE, strlen(REPLACEMENT_ESCAPE));
        p += length;
        p = p < end ? memchr(p, '\\', (size_t)(end - p)) : NULL;
    }
    if (copy)
        cell->text = copy;
}

static const char *skip_string(const char *p, const char *end)
{
    for (p++; p < end && *p != '"'; p++) {
        if (*p == '\\')
            p++;
    }
    return p < end ? p + 1 : end;
}

static bool is_in_number(char c)
{
    return g_ascii_isdigit(c) || c == '.' || c == '-' || c == '+' || (c | 0x20) == 'e';
}

/* An e behind a digit, in a number or in a text. Without branches, so that the compiler looks at
 * many bytes at once. */
static bool may_have_exponents(const char *text, size_t length)
{
    unsigned found = 0;
    for (size_t i = 1; i < length; i++) {
        unsigned digit = (unsigned char)(text[i - 1] - '0'), letter = (unsigned char)text[i] | 0x20;
        found |= (digit < 10) & (letter == 'e');
    }
    return found;
}

/* The next number of a document at or behind p, and where it ends; NULL = none. */
static const char *find_number(const char *p, const char *end, const char **ret_end)
{
    while (p < end && *p != '-' && !g_ascii_isdigit(*p))
        p = *p == '"' ? skip_string(p, end) : p + 1;
    for (*ret_end = p; *ret_end < end && is_in_number(**ret_end);)
        ++*ret_end;
    return p < end ? p : NULL;
}

/* A database that takes documents apart keeps their numbers as its own. */
static bool numbers_fit(const struct destination_caps *caps, const struct cell *cell)
{
    const char *p = cell->text, *end = p + cell->length, *stop;
    if (is_short(caps, cell->length) && !may_have_exponents(cell->text, cell->length))
        return true;
    for (; (p = find_number(p, end, &stop)); p = stop) {
        if (!decimal_fits(caps, p, (size_t)(stop - p)))
            return false;
    }
    return true;
}

/* Numbers that do not fit become texts: for documents that have nowhere else to go. */
static void quote_numbers(struct batch *batch, const struct destination_caps *caps,
                          struct cell *cell)
{
    const char *p = cell->text, *end = p + cell->length, *copied = p, *stop;
    g_autoptr(GString) text = g_string_sized_new(cell->length + 16);
    for (; (p = find_number(p, end, &stop)); p = stop) {
        if (decimal_fits(caps, p, (size_t)(stop - p)))
            continue;
        g_string_append_len(text, copied, (gssize)(p - copied));
        g_string_append_printf(text, "\"%.*s\"", (int)(stop - p), p);
        copied = stop;
    }
    g_string_append_len(text, copied, (gssize)(end - copied));
    cell_set(cell, arena_strndup(batch->arena, text->str, text->len), text->len);
}

/* ── Moving a value to _extra ── */

static bool is_movable(const struct table *table, unsigned column)
{
    return !table_is_key(table, column) && !table_column(table, column)->is_system &&
           (int)column != table->version;
}

/* Numbers stay numbers, unless the document would have to hold them as the column should have. */
static void move_value(struct fitting *f, unsigned column)
{
    const struct column *c = table_column(f->batch->table, column);
    struct cell *cell = &f->cells[column];
    bool raw = c->type == COLUMN_INTEGER ||
               (f->caps->keeps_json_text && (c->type == COLUMN_DECIMAL || c->type == COLUMN_JSON));
    if (raw)
        json_put_raw(&f->writer, c->name, cell->text, cell->length);
    else if (c->type == COLUMN_BOOLEAN)
        json_put_bool(&f->writer, c->name, cell_is(cell, "1"));
    else
        json_put_text(&f->writer, c->name, cell->text, cell->length);
    cell_set_null(cell);
    f->moved++;
}

/* Joins what was moved to what the decoder had put there. */
static void store_extra(struct fitting *f)
{
    int column = f->batch->table->extra;
    if (column < 0 || f->extra->len == 0)
        return;
    struct cell *cell = &f->cells[column];
    g_autoptr(GString) text = g_string_new("{");
    if (cell->kind == CELL_VALUE && cell->length > strlen("{}")) {
        g_string_append_len(text, cell->text + 1, cell->length - 2);
        g_string_append_c(text, ',');
    }
    g_string_append_len(text, f->extra->str, (gssize)f->extra->len);
    g_string_append_c(text, '}');
    cell_set(cell, arena_strndup(f->batch->arena, text->str, text->len), text->len);
}

/* ── Values, one by one ── */

/* False: it must be moved. */
static bool fit_value(const struct fitting *f, enum column_type type, struct cell *cell)
{
    switch (type) {
    case COLUMN_DECIMAL:
        return decimal_fits(f->caps, cell->text, cell->length);
    case COLUMN_TEXT:
        if (!f->caps->zero_bytes)
            replace_zero_bytes(f->batch, cell);
        return true;
    case COLUMN_JSON:
        if (!f->caps->zero_bytes)
            replace_escapes(f->batch, cell);
        return f->caps->keeps_json_text || numbers_fit(f->caps, cell);
    case COLUMN_INTEGER:
    case COLUMN_BOOLEAN:
    case COLUMN_TIMESTAMP:
    case COLUMN_DATE:
    case COLUMN_TIME:
        return true;
    }
    g_assert_not_reached();
}

static void fit_values(struct fitting *f)
{
    const struct table *table = f->batch->table;
    for (unsigned i = 0; i < table->columns->len; i++) {
        struct cell *cell = &f->cells[i];
        if (cell->kind == CELL_VALUE && (int)i != table->extra &&
            !fit_value(f, table_column(table, i)->type, cell) && is_movable(table, i))
            move_value(f, i);
    }
}

/* ── The row as a whole ── */

static size_t bytes_inside(const struct fitting *f, unsigned column)
{
    const struct cell *cell = &f->cells[column];
    const struct inside_row *inside =
        &f->dialect->inside_row[table_column(f->batch->table, column)->type];
    size_t whole = (size_t)cell->length + inside->header;
    if (cell->kind != CELL_VALUE)
        return 0;
    if (inside->grows && whole <= inside->bytes)
        return whole;
    return inside->pointer ? inside->pointer : inside->bytes;
}

static size_t row_bytes(const struct fitting *f)
{
    size_t bytes = 0;
    for (unsigned i = 0; i < f->batch->table->columns->len; i++)
        bytes += bytes_inside(f, i);
    return bytes;
}

/* Whatever they hold. */
static bool rows_fit(const struct destination_caps *caps, const struct dialect *dialect,
                     const struct table *table)
{
    size_t most = 0;
    for (unsigned i = 0; i < table->columns->len; i++) {
        const struct inside_row *inside = &dialect->inside_row[table_column(table, i)->type];
        most += MAX(inside->bytes, inside->pointer);
    }
    return !caps->row_bytes || most <= caps->row_bytes;
}

static int largest_movable(const struct fitting *f)
{
    int largest = -1;
    size_t most = 0;
    for (unsigned i = 0; i < f->batch->table->columns->len; i++) {
        size_t bytes = is_movable(f->batch->table, i) ? bytes_inside(f, i) : 0;
        if (bytes >= most && bytes > 0) {
            most = bytes;
            largest = (int)i;
        }
    }
    return largest;
}

/* The largest go first, of equal ones the last: standard columns come before custom ones. */
static void fit_row(struct fitting *f)
{
    size_t bytes = row_bytes(f);
    while (bytes > f->caps->row_bytes) {
        int column = largest_movable(f);
        if (column < 0)
            return;
        bytes -= bytes_inside(f, (unsigned)column);
        move_value(f, (unsigned)column);
    }
}

static bool fits_everything(const struct destination_caps *caps)
{
    return caps->zero_bytes && caps->keeps_json_text && !caps->decimal_integer_digits &&
           !caps->decimal_scale && !caps->row_bytes;
}

unsigned fit_batch(struct batch *batch, const struct destination_caps *caps,
                   const struct dialect *dialect)
{
    if (fits_everything(caps))
        return 0;
    g_autoptr(GString) extra = g_string_new(NULL);
    struct fitting f = {.batch = batch, .caps = caps, .dialect = dialect, .extra = extra};
    bool narrow = rows_fit(caps, dialect, batch->table);
    for (unsigned i = 0; i < batch->row_count; i++) {
        f.cells = batch->rows[i].cells;
        f.writer = (struct json_writer){.out = extra};
        g_string_truncate(extra, 0);
        fit_values(&f);
        if (!narrow)
            fit_row(&f);
        store_extra(&f);
        int column = batch->table->extra;
        if (column >= 0 && f.cells[column].kind == CELL_VALUE &&
            !fit_value(&f, COLUMN_JSON, &f.cells[column]))
            quote_numbers(batch, caps, &f.cells[column]);
    }
    return f.moved;
}
