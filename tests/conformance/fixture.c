#include "fixture.h"

#include <stdlib.h>
#include <string.h>

const char null_cell[] = "";

/* ── Tables ── */

static char *next_word(const char **p)
{
    *p += strspn(*p, " ");
    char stop = **p == '\'' ? '\'' : ' ';
    const char *start = stop == '\'' ? ++*p : *p;
    while (**p && **p != stop && (stop == '\'' || **p != ','))
        (*p)++;
    char *word = g_strndup(start, (size_t)(*p - start));
    if (stop == '\'' && **p)
        (*p)++;
    return word;
}

static void add_columns(struct table *table, const char *columns)
{
    for (const char *p = columns; *p; p += *p == ',') {
        g_autofree char *name = next_word(&p);
        g_autofree char *type_name = next_word(&p);
        enum column_type type;
        g_assert_true(column_type_from_name(type_name, &type));
        unsigned index = table_add_column(table, name, type, NULL);
        while (*p && *p != ',') {
            g_autofree char *mark = next_word(&p);
            if (strcmp(mark, "key") == 0)
                table->keys[table->key_count++] = index;
            else if (strcmp(mark, "version") == 0)
                table->version = (int)index;
            else
                g_assert_cmpstr(mark, ==, "");
        }
    }
}

struct table *replicated_as(const char *name, const char *columns, enum metadata_style style)
{
    struct table *table = table_new(name, TABLE_REPLICATED);
    add_columns(table, columns);
    table_add_system_columns(table, style);
    return table;
}

struct table *replicated(const char *name, const char *columns)
{
    return replicated_as(name, columns, METADATA_NATIVE);
}

struct table *system_table(const char *name, const char *columns)
{
    struct table *table = table_new(name, TABLE_SYSTEM);
    add_columns(table, columns);
    return table;
}

struct table *deals_new(void)
{
    return replicated("deals", "id integer key, title text, value decimal, deal_id integer, "
                               "update_time timestamp version");
}

/* ── Opening ── */

static struct destination_settings settings_of(struct fixture *f, const char *schema)
{
    return (struct destination_settings){
        .url = f->url, .schema = schema, .connection = "test", .lock_timeout_ms = 100};
}

struct destination *open_or_fail(struct fixture *f, const char *schema)
{
    struct destination_settings settings = settings_of(f, schema);
    struct destination *dest = NULL;
    GError *error = NULL;
    bool ok = destination_open(f->subject->ops, &settings, &dest, &error);
    g_assert_no_error(error);
    g_assert_true(ok);
    g_strlcpy(dest->run_id, "run-1", sizeof dest->run_id);
    dest->now = T0;
    return dest;
}

GError *open_error(struct fixture *f, const char *schema, bool read_only)
{
    struct destination_settings settings = settings_of(f, schema);
    settings.read_only = read_only;
    struct destination *dest = NULL;
    GError *error = NULL;
    g_assert_false(destination_open(f->subject->ops, &settings, &dest, &error));
    g_assert_null(dest);
    return error;
}

void reopen(struct fixture *f)
{
    destination_close(f->dest);
    f->dest = open_or_fail(f, NULL);
}

/* ── Rows ── */

struct batch *batch_of(const struct table *table)
{
    struct batch *batch = batch_new();
    batch_prepare(batch, table, 1);
    return batch;
}

struct row *add(struct batch *batch, ...)
{
    struct row *row = batch_add_row(batch);
    va_list list;
    va_start(list, batch);
    for (const char *name; (name = va_arg(list, const char *));) {
        const char *text = va_arg(list, const char *);
        int column = table_find_column(batch->table, name);
        g_assert_cmpint(column, >=, 0);
        cell_set_string(batch, &row->cells[column], text == null_cell ? NULL : text);
    }
    va_end(list);
    return row;
}

bool try_to_apply(struct fixture *f, struct batch *batch, GError **error)
{
    bool ok = destination_begin(f->dest, error) &&
              destination_write(f->dest, batch, &f->counts, error) &&
              destination_commit(f->dest, error);
    if (!ok)
        destination_rollback(f->dest);
    batch_release(batch);
    return ok;
}

void apply(struct fixture *f, struct batch *batch)
{
    GError *error = NULL;
    bool ok = try_to_apply(f, batch, &error);
    g_assert_no_error(error);
    g_assert_true(ok);
}

GError *apply_error(struct fixture *f, struct batch *batch)
{
    GError *error = NULL;
    g_assert_false(try_to_apply(f, batch, &error));
    return error;
}

void prepare(struct fixture *f, const struct table *table)
{
    GError *error = NULL;
    bool ok = destination_prepare(f->dest, table, "nonce-1", &error);
    g_assert_no_error(error);
    g_assert_true(ok);
}

/* ── Looking ── */

struct dumping {
    GString *text;
    unsigned columns;
};

static void dump_row(const struct cell *cells, void *opaque)
{
    struct dumping *d = opaque;
    for (unsigned i = 0; i < d->columns; i++) {
        g_string_append(d->text, i ? "|" : "");
        if (cells[i].kind == CELL_VALUE)
            g_string_append_len(d->text, cells[i].text, cells[i].length);
        else
            g_string_append_c(d->text, '~');
    }
    g_string_append_c(d->text, '\n');
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Queries order by one column; rows whose first key is the same come in any order. */
static char *sort_lines(char *text)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    unsigned count = g_strv_length(lines);
    if (count > 2)
        qsort(lines, count - 1, sizeof *lines, compare_lines); /* the last is empty */
    g_free(text);
    return g_strjoinv("\n", lines);
}

char *dump(struct fixture *f, const struct table *table, const char *columns)
{
    g_auto(GStrv) names = g_strsplit(columns, ",", -1);
    unsigned count = g_strv_length(names);
    g_autofree unsigned *indexes = g_new(unsigned, count);
    for (unsigned i = 0; i < count; i++) {
        int column = table_find_column(table, names[i]);
        g_assert_cmpint(column, >=, 0);
        indexes[i] = (unsigned)column;
    }
    struct dumping d = {.text = g_string_new(NULL), .columns = count};
    struct read_query query = {.table = table,
                               .columns = indexes,
                               .column_count = count,
                               .where = -1,
                               .order_by = (int)table->keys[0]};
    GError *error = NULL;
    bool ok = destination_read(f->dest, &query, dump_row, &d, &error);
    g_assert_no_error(error);
    g_assert_true(ok);
    char *text = g_string_free(d.text, false);
    return table->key_count > 1 ? sort_lines(text) : text;
}

void check_dump(struct fixture *f, const struct table *table, const char *columns,
                const char *expected)
{
    g_autofree char *got = dump(f, table, columns);
    g_assert_cmpstr(got, ==, expected);
}

/* Digits without zeros at either end, and the power of ten of the first: equal numbers look equal.
 */
static char *plain_number(const char *text)
{
    g_autoptr(GString) digits = g_string_new(NULL);
    bool negative = *text == '-', fraction = false;
    int64_t power = 0;
    for (text += negative; *text && *text != 'e' && *text != 'E'; text++) {
        if (*text == '.') {
            fraction = true;
            continue;
        }
        g_assert_true(g_ascii_isdigit(*text));
        bool leading = digits->len == 0 && *text == '0';
        power += leading ? (fraction ? -1 : 0) : (fraction ? 0 : 1);
        if (!leading)
            g_string_append_c(digits, *text);
    }
    if (*text)
        power += g_ascii_strtoll(text + 1, NULL, 10);
    while (digits->len && digits->str[digits->len - 1] == '0')
        g_string_truncate(digits, digits->len - 1);
    return digits->len == 0 ? g_strdup("0")
                            : g_strdup_printf("%s0.%s e%" G_GINT64_FORMAT, negative ? "-" : "",
                                              digits->str, power);
}

void check_number(const char *got, const char *expected)
{
    g_autofree char *a = plain_number(got), *b = plain_number(expected);
    g_assert_cmpstr(a, ==, b);
}

void check_counts(const struct fixture *f, unsigned written, unsigned unchanged)
{
    g_assert_cmpuint(f->counts.inserted_or_updated, ==, written);
    g_assert_cmpuint(f->counts.unchanged, ==, unchanged);
}

int inspected_type(struct fixture *f, const struct table *table, const char *column)
{
    struct table_info info;
    GError *error = NULL;
    bool ok = destination_inspect(f->dest, table, &info, &error);
    g_assert_no_error(error);
    g_assert_true(ok);
    int type = -2;
    for (unsigned i = 0; i < info.columns->len; i++) {
        struct table_info_column *c = &g_array_index(info.columns, struct table_info_column, i);
        if (strcmp(c->name, column) == 0)
            type = c->type;
    }
    table_info_done(&info);
    return type;
}

void check_error(GError *error, enum penstock_error code, ...)
{
    g_assert_error(error, PENSTOCK_ERROR, (int)code);
    g_test_message("%s", error->message);
    va_list list;
    va_start(list, code);
    for (const char *word; (word = va_arg(list, const char *));) {
        if (!strstr(error->message, word))
            g_error("\"%s\" lacks \"%s\"", error->message, word);
    }
    va_end(list);
    g_error_free(error);
}
