#include "sql/upsert.h"

/* What the pieces below need to know. */
struct upsert {
    GString *sql;
    const struct dialect *dialect;
    const struct table *table;
    const char *name; /* quoted */
    const uint8_t *presence;
    unsigned asked_at; /* number of its parameter */
    const char *given; /* the relation that the new values are in */
};

/* Filled by the driver whenever a row is written. */
static bool is_driver_column(const struct table *table, unsigned column)
{
    return (int)column == table->synced_at || (int)column == table->run_id;
}

static bool is_written(const struct upsert *u, unsigned column)
{
    return u->presence[column] != PRESENCE_ABSENT || is_driver_column(u->table, column);
}

/* Does a change of this column alone make the row different? */
static bool is_compared(const struct upsert *u, unsigned column)
{
    return u->presence[column] != PRESENCE_ABSENT && !table_is_key(u->table, column);
}

static void append_name(const struct upsert *u, unsigned column)
{
    dialect_quote(u->dialect, u->sql, table_column(u->table, column)->name);
}

static void append_stored(const struct upsert *u, unsigned column)
{
    g_string_append_printf(u->sql, "%s.", u->name);
    append_name(u, column);
}

static void append_given(const struct upsert *u, unsigned column)
{
    g_string_append_printf(u->sql, "%s.", u->given);
    append_name(u, column);
}

/* The value that the column gets. A null in _deleted_at revives only if the request was sent after
 * the row was flagged: an answer that was under way meanwhile proves nothing. Unknown times revive.
 */
static void append_new(const struct upsert *u, unsigned column)
{
    if (u->presence[column] == PRESENCE_REVIVE) {
        g_string_append(u->sql, "CASE WHEN ");
        dialect_parameter(u->dialect, u->sql, u->asked_at);
        g_string_append(u->sql, " < ");
        append_stored(u, column);
        g_string_append(u->sql, " THEN ");
        append_stored(u, column);
        g_string_append(u->sql, " END");
        return;
    }
    append_given(u, column);
}

static void append_columns(const struct upsert *u)
{
    const char *comma = "";
    for (unsigned i = 0; i < u->table->columns->len; i++) {
        if (!is_written(u, i))
            continue;
        g_string_append(u->sql, comma);
        append_name(u, i);
        comma = ", ";
    }
}

/* In the table's order, while the driver's columns have the numbers after all others. */
static void append_values(struct upsert *u)
{
    unsigned present = 0, number = 0;
    for (unsigned i = 0; i < u->table->columns->len; i++)
        present += u->presence[i] != PRESENCE_ABSENT;
    const char *comma = "";
    for (unsigned i = 0; i < u->table->columns->len; i++) {
        if (!is_written(u, i))
            continue;
        g_string_append(u->sql, comma);
        if (u->presence[i] != PRESENCE_ABSENT)
            dialect_parameter(u->dialect, u->sql, ++number);
        else
            dialect_parameter(u->dialect, u->sql,
                              present + ((int)i == u->table->synced_at ? 1 : 2));
        comma = ", ";
    }
    u->asked_at = present + 3;
}

static void append_key(const struct upsert *u)
{
    for (unsigned i = 0; i < u->table->key_count; i++) {
        g_string_append(u->sql, i ? ", " : "");
        append_name(u, u->table->keys[i]);
    }
}

static unsigned append_assignments(const struct upsert *u)
{
    unsigned count = 0;
    for (unsigned i = 0; i < u->table->columns->len; i++) {
        if (table_is_key(u->table, i) || !is_written(u, i))
            continue;
        g_string_append(u->sql, count++ ? ", " : "");
        append_name(u, i);
        g_string_append(u->sql, " = ");
        append_new(u, i);
    }
    return count;
}

static void append_version_rule(const struct upsert *u)
{
    if (u->table->version < 0)
        return;
    unsigned version = (unsigned)u->table->version;
    if (u->presence[version] == PRESENCE_ABSENT)
        return;
    g_string_append_c(u->sql, '(');
    append_given(u, version);
    g_string_append(u->sql, " >= ");
    append_stored(u, version);
    g_string_append(u->sql, " OR ");
    append_given(u, version);
    g_string_append(u->sql, " IS NULL OR ");
    append_stored(u, version);
    g_string_append(u->sql, " IS NULL) AND ");
}

/* Row values rather than a chain of OR: no database counts them as depth of an expression, and a
 * table may have 1,500 columns. */
static void append_differs(const struct upsert *u)
{
    for (int side = 0; side < 2; side++) {
        g_string_append_c(u->sql, '(');
        const char *comma = "";
        for (unsigned i = 0; i < u->table->columns->len; i++) {
            if (!is_compared(u, i))
                continue;
            g_string_append(u->sql, comma);
            if (side == 0)
                append_stored(u, i);
            else
                append_new(u, i);
            comma = ", ";
        }
        g_string_append_c(u->sql, ')');
        if (side == 0)
            g_string_append_printf(u->sql, " %s ", u->dialect->differs);
    }
}

static bool compares_anything(const struct upsert *u)
{
    for (unsigned i = 0; i < u->table->columns->len; i++) {
        if (is_compared(u, i))
            return true;
    }
    return false;
}

static void append_update(const struct upsert *u)
{
    if (!compares_anything(u)) {
        g_string_append(u->sql, "NOTHING");
        return;
    }
    g_string_append(u->sql, "UPDATE SET ");
    append_assignments(u);
    if (u->table->kind == TABLE_SYSTEM)
        return;
    g_string_append(u->sql, " WHERE ");
    append_version_rule(u);
    append_differs(u);
}

static void append_insert(const struct upsert *u)
{
    g_string_append_printf(u->sql, "INSERT INTO %s (", u->name);
    append_columns(u);
    g_string_append_c(u->sql, ')');
}

static void append_on_conflict(const struct upsert *u)
{
    g_string_append(u->sql, " ON CONFLICT (");
    append_key(u);
    g_string_append(u->sql, ") DO ");
    append_update(u);
}

void upsert_statement(GString *sql, const struct dialect *dialect, const struct table *table,
                      const char *name, const uint8_t *presence)
{
    struct upsert u = {.sql = sql,
                       .dialect = dialect,
                       .table = table,
                       .name = name,
                       .presence = presence,
                       .given = "excluded"};
    append_insert(&u);
    g_string_append(sql, " VALUES (");
    append_values(&u);
    g_string_append_c(sql, ')');
    append_on_conflict(&u);
}

static void append_selected(const struct upsert *u, const char *source)
{
    const char *before = " SELECT ";
    for (unsigned i = 0; i < u->table->columns->len; i++) {
        if (!is_written(u, i))
            continue;
        g_string_append(u->sql, before);
        if (u->presence[i] != PRESENCE_ABSENT)
            append_given(u, i);
        else
            dialect_parameter(u->dialect, u->sql, (int)i == u->table->synced_at ? 1 : 2);
        before = ", ";
    }
    g_string_append_printf(u->sql, " FROM %s AS %s WHERE 1 = 1", source, u->given);
}

/* OFFSET keeps it a query of its own for each row, which finds the stored row by its key. Else it
 * becomes a join, for which the planner has to guess how many rows the table holds: of one with
 * hundreds of columns that nobody has analyzed yet it guesses none, and reads all of it for each
 * row. */
static void append_unless_stored(const struct upsert *u)
{
    if (u->table->kind == TABLE_SYSTEM || !compares_anything(u))
        return;
    g_string_append_printf(u->sql, " AND NOT EXISTS (SELECT 1 FROM %s WHERE ", u->name);
    for (unsigned i = 0; i < u->table->key_count; i++) {
        append_stored(u, u->table->keys[i]);
        g_string_append(u->sql, " = ");
        append_given(u, u->table->keys[i]);
        g_string_append(u->sql, " AND ");
    }
    g_string_append(u->sql, "NOT (");
    append_version_rule(u);
    append_differs(u);
    g_string_append(u->sql, ") OFFSET 0)");
}

void upsert_from_statement(GString *sql, const struct dialect *dialect, const struct table *table,
                           const char *name, const uint8_t *presence, const char *source,
                           bool filtered)
{
    struct upsert u = {.sql = sql,
                       .dialect = dialect,
                       .table = table,
                       .name = name,
                       .presence = presence,
                       .asked_at = 3,
                       .given = "source"};
    append_insert(&u);
    append_selected(&u, source);
    if (filtered)
        append_unless_stored(&u);
    u.given = "excluded";
    append_on_conflict(&u);
}

void upsert_delete_statement(GString *sql, const struct dialect *dialect, const struct table *table,
                             const char *name, bool versioned)
{
    g_string_append_printf(sql, "DELETE FROM %s", name);
    for (unsigned i = 0; i < table->key_count; i++) {
        g_string_append(sql, i ? " AND " : " WHERE ");
        dialect_quote(dialect, sql, table_column(table, table->keys[i])->name);
        g_string_append(sql, " = ");
        dialect_parameter(dialect, sql, i + 1);
    }
    if (!versioned)
        return;
    g_string_append(sql, " AND coalesce(");
    dialect_quote(dialect, sql, table_column(table, (unsigned)table->version)->name);
    g_string_append(sql, " <= ");
    dialect_parameter(dialect, sql, table->key_count + 1);
    g_string_append(sql, ", 1 = 1)"); /* unknown on either side: goes */
}
