#include "sql/upsert_duplicate.h"

/* What the pieces below need to know. */
struct duplicate {
    GString *sql;
    const struct dialect *dialect;
    const struct table *table;
    const uint8_t *presence;
    unsigned assignments; /* written so far */
};

static bool is_given(const struct duplicate *d, int column)
{
    return column >= 0 && d->presence[column] != PRESENCE_ABSENT;
}

static bool is_driver_column(const struct table *table, unsigned column)
{
    return (int)column == table->synced_at || (int)column == table->run_id;
}

static void append_stored(const struct duplicate *d, unsigned column)
{
    dialect_quote(d->dialect, d->sql, table_column(d->table, column)->name);
}

static void append_sent(const struct duplicate *d, unsigned column)
{
    g_string_append(d->sql, "VALUES(");
    append_stored(d, column);
    g_string_append_c(d->sql, ')');
}

/* True for a row that is older than what is stored; null where a time is unknown, which IF takes
 * for false. */
static bool append_older(const struct duplicate *d)
{
    if (d->table->kind != TABLE_REPLICATED || !is_given(d, d->table->version))
        return false;
    append_sent(d, (unsigned)d->table->version);
    g_string_append(d->sql, " < ");
    append_stored(d, (unsigned)d->table->version);
    return true;
}

/* A null in _deleted_at revives only if the request was not sent before the row was flagged. */
static void append_new(const struct duplicate *d, unsigned column)
{
    if ((int)column != d->table->deleted_at) {
        append_sent(d, column);
        return;
    }
    g_string_append(d->sql, "IF(");
    append_sent(d, column);
    g_string_append(d->sql, " IS NULL AND " UPSERT_ASKED " < ");
    append_stored(d, column);
    g_string_append(d->sql, ", ");
    append_stored(d, column);
    g_string_append(d->sql, ", ");
    append_sent(d, column);
    g_string_append_c(d->sql, ')');
}

static void begin_assignment(struct duplicate *d, unsigned column)
{
    g_string_append(d->sql, d->assignments++ ? ", " : "");
    append_stored(d, column);
    g_string_append(d->sql, " = ");
}

/* ── Insert ── */

static void append_columns(const struct duplicate *d)
{
    const char *comma = "";
    for (unsigned i = 0; i < d->table->columns->len; i++) {
        if (!is_given(d, (int)i) && !is_driver_column(d->table, i))
            continue;
        g_string_append(d->sql, comma);
        append_stored(d, i);
        comma = ", ";
    }
}

static void append_values(const struct duplicate *d)
{
    const char *comma = "";
    for (unsigned i = 0; i < d->table->columns->len; i++) {
        if (!is_given(d, (int)i) && !is_driver_column(d->table, i))
            continue;
        g_string_append(d->sql, comma);
        if ((int)i == d->table->synced_at)
            g_string_append(d->sql, UPSERT_NOW);
        else if ((int)i == d->table->run_id)
            g_string_append(d->sql, UPSERT_RUN);
        else
            g_string_append(d->sql, d->dialect->parameter);
        comma = ", ";
    }
}

/* ── Update ── */

/* A text is compared byte by byte whatever collation a person gave the column. */
static void append_key_guard(struct duplicate *d)
{
    unsigned first = d->table->keys[0];
    begin_assignment(d, first);
    g_string_append(d->sql, "IF(");
    for (unsigned i = 0; i < d->table->key_count; i++) {
        bool text = table_column(d->table, d->table->keys[i])->type == COLUMN_TEXT;
        const char *binary = text ? "BINARY " : "";
        g_string_append_printf(d->sql, "%s%s", i ? " AND " : "", binary);
        append_stored(d, d->table->keys[i]);
        g_string_append_printf(d->sql, " <=> %s", binary);
        append_sent(d, d->table->keys[i]);
    }
    g_string_append(d->sql, ", ");
    append_stored(d, first);
    g_string_append(d->sql, ", NULL)");
}

static bool is_compared(const struct duplicate *d, unsigned column)
{
    return is_given(d, (int)column) && !table_is_key(d->table, column);
}

/* Is nothing of the row different? */
static void append_same(const struct duplicate *d)
{
    const char *and = "";
    for (unsigned i = 0; i < d->table->columns->len; i++) {
        if (!is_compared(d, i))
            continue;
        g_string_append(d->sql, and);
        append_stored(d, i);
        g_string_append(d->sql, " <=> ");
        append_new(d, i);
        and = " AND ";
    }
    if (!*and)
        g_string_append(d->sql, "TRUE");
}

static void append_driver_column(struct duplicate *d, int column)
{
    if (column < 0)
        return;
    begin_assignment(d, (unsigned)column);
    g_string_append(d->sql, "IF(");
    if (append_older(d))
        g_string_append(d->sql, " OR ");
    g_string_append_c(d->sql, '(');
    append_same(d);
    g_string_append(d->sql, "), ");
    append_stored(d, (unsigned)column);
    g_string_append(d->sql, ", ");
    append_sent(d, (unsigned)column);
    g_string_append_c(d->sql, ')');
}

static void append_assignment(struct duplicate *d, unsigned column)
{
    begin_assignment(d, column);
    size_t before = d->sql->len;
    g_string_append(d->sql, "IF(");
    if (!append_older(d)) {
        g_string_truncate(d->sql, before);
        append_new(d, column);
        return;
    }
    g_string_append(d->sql, ", ");
    append_stored(d, column);
    g_string_append(d->sql, ", ");
    append_new(d, column);
    g_string_append_c(d->sql, ')');
}

static void append_update(struct duplicate *d)
{
    append_key_guard(d);
    append_driver_column(d, d->table->synced_at);
    append_driver_column(d, d->table->run_id);
    for (unsigned i = 0; i < d->table->columns->len; i++) {
        if (is_compared(d, i) && (int)i != d->table->version)
            append_assignment(d, i);
    }
    if (is_given(d, d->table->version))
        append_assignment(d, (unsigned)d->table->version);
}

void upsert_duplicate_statement(GString *sql, const struct dialect *dialect,
                                const struct table *table, const char *name,
                                const uint8_t *presence, unsigned rows)
{
    struct duplicate d = {.sql = sql, .dialect = dialect, .table = table, .presence = presence};
    g_string_append_printf(sql, "INSERT INTO %s (", name);
    append_columns(&d);
    g_string_append(sql, ") VALUES ");
    for (unsigned i = 0; i < rows; i++) {
        g_string_append(sql, i ? ", (" : "(");
        append_values(&d);
        g_string_append_c(sql, ')');
    }
    g_string_append(sql, " ON DUPLICATE KEY UPDATE ");
    append_update(&d);
}

/* ── Delete ── */

/* Parameters travel as text, which the server would compare with a number as a double. */
static void append_parameter(GString *sql, const struct dialect *dialect, enum column_type type)
{
    const char *as = type == COLUMN_INTEGER     ? "SIGNED"
                     : type == COLUMN_TIMESTAMP ? "DATETIME(6)"
                                                : NULL;
    if (as)
        g_string_append_printf(sql, "CAST(%s AS %s)", dialect->parameter, as);
    else
        g_string_append(sql, dialect->parameter);
}

void upsert_duplicate_delete_statement(GString *sql, const struct dialect *dialect,
                                       const struct table *table, const char *name)
{
    g_string_append_printf(sql, "DELETE FROM %s", name);
    for (unsigned i = 0; i < table->key_count; i++) {
        const struct column *key = table_column(table, table->keys[i]);
        g_string_append(sql, i ? " AND " : " WHERE ");
        dialect_quote(dialect, sql, key->name);
        g_string_append(sql, " = ");
        append_parameter(sql, dialect, key->type);
    }
    if (table->kind != TABLE_REPLICATED || table->version < 0)
        return;
    const struct column *version = table_column(table, (unsigned)table->version);
    g_string_append(sql, " AND NOT COALESCE(");
    dialect_quote(dialect, sql, version->name);
    g_string_append(sql, " > ");
    append_parameter(sql, dialect, version->type);
    g_string_append(sql, ", FALSE)");
}
