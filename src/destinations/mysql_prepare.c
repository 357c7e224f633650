/* From what is there to what is wanted: one CREATE TABLE or one ALTER TABLE, so that a kill leaves
 * all of it or nothing. mysql_schema.c says what it leaves, and how the next run goes on. */
#include <string.h>

#include "base/fault.h"
#include "destinations/mysql_private.h"
#include "sql/ddl.h"
#include "sql/inspect.h"

/* A key column cannot be a longtext; 255 characters of four bytes let three of them into an index.
 */
#define KEY_TEXT              "varchar(255)"
#define INDEX_TEXT_LENGTH     191 /* characters of a text that an index looks at */
#define INDEX_NAME_CHARACTERS 64

/* The server keeps the definition of a table in 64 KiB: names, and what is below for each column.
 * Comments get what is left. MariaDB's unireg.cc: 17 bytes a column and its name; a default, check
 * or expression some dozens more. */
#define DEFINITION_BYTES 60000
#define COLUMN_BYTES     19
#define EXPRESSION_BYTES 60
#define MARK_BYTES       32

/* The statement under construction. */
struct ddl {
    struct mysqldb *s;
    const struct table *table;
    const struct mysqldb_table *t; /* NULL: it is being created */
    GString *sql;
    size_t definition_bytes; /* of what the table has and gets, without comments of new columns */
    unsigned changes;
};

/* ── One column ── */

static bool is_text(enum column_type type)
{
    return type == COLUMN_TEXT || type == COLUMN_JSON;
}

static size_t column_bytes(const char *name, bool expression)
{
    return COLUMN_BYTES + strlen(name) + (expression ? EXPRESSION_BYTES + strlen(name) : 0);
}

static void append_comment(struct ddl *ddl, const char *comment, enum column_type type,
                           int becoming)
{
    bool room = comment && ddl->definition_bytes + strlen(comment) <= DEFINITION_BYTES;
    g_autofree char *text = mysqldb_column_comment(room ? comment : NULL, (int)type, becoming);
    if (!*text)
        return;
    ddl->definition_bytes += strlen(text);
    g_string_append(ddl->sql, " COMMENT ");
    mysqldb_literal(ddl->s, ddl->sql, text, strlen(text));
}

/* Clients tell JSON from text by this check; see set_flavour() for why it costs nothing. */
static void append_check(struct ddl *ddl, const char *name, enum column_type type)
{
    if (type != COLUMN_JSON || !ddl->s->is_mariadb)
        return;
    g_string_append(ddl->sql, " CHECK (json_valid(");
    dialect_quote(&dialect_mysql, ddl->sql, name);
    g_string_append(ddl->sql, "))");
}

static void append_column(struct ddl *ddl, const char *name, unsigned index, enum column_type type,
                          const char *comment, int becoming)
{
    const struct column *column = table_column(ddl->table, index);
    bool key = table_is_key(ddl->table, index);
    dialect_quote(&dialect_mysql, ddl->sql, name);
    g_string_append_printf(ddl->sql, " %s",
                           key && is_text(type) ? KEY_TEXT : dialect_mysql.types[type]);
    if (is_text(type))
        g_string_append_printf(ddl->sql, " CHARACTER SET utf8mb4 COLLATE %s", ddl->s->collation);
    if (column->is_derived)
        ddl_derive(ddl->sql, &dialect_mysql, ddl->table);
    if (key)
        g_string_append(ddl->sql, " NOT NULL");
    append_comment(ddl, comment, type, becoming);
    append_check(ddl, name, type);
}

/* As long as a name may be; a hash tells apart what was cut off. */
static char *index_name(const char *column)
{
    g_autofree char *name = g_strdup_printf("_penstock_%s", column);
    g_autofree char *plain = dialect_identifier(&dialect_mysql, name);
    if (g_utf8_strlen(plain, -1) <= INDEX_NAME_CHARACTERS)
        return g_steal_pointer(&plain);
    g_autofree char *begin = g_utf8_substring(plain, 0, INDEX_NAME_CHARACTERS - 9);
    return g_strdup_printf("%s_%08x", begin, g_str_hash(plain));
}

static void append_index(struct ddl *ddl, unsigned index, bool text)
{
    const char *name = table_column(ddl->table, index)->name;
    g_autofree char *full = index_name(name);
    g_string_append(ddl->sql, "INDEX ");
    dialect_quote(&dialect_mysql, ddl->sql, full);
    g_string_append(ddl->sql, " (");
    dialect_quote(&dialect_mysql, ddl->sql, name);
    if (text)
        g_string_append_printf(ddl->sql, "(%d)", INDEX_TEXT_LENGTH);
    g_string_append_c(ddl->sql, ')');
}

/* _deleted_at too: whole and live rows are counted at each opening of a table, and an index holds
 * all that this needs, where the table would be read as a whole. */
static bool wants_index(const struct table *table, unsigned index)
{
    return (table_column(table, index)->is_indexed || (int)index == table->deleted_at) &&
           !table_is_key(table, index);
}

/* ── Creating ── */

static size_t wanted_bytes(const struct table *table)
{
    size_t bytes = 0;
    for (unsigned i = 0; i < table->columns->len; i++) {
        const struct column *column = table_column(table, i);
        bool json = column->type == COLUMN_JSON;
        bytes += column_bytes(column->name, json || column->is_derived) + (json ? MARK_BYTES : 0);
    }
    return bytes;
}

static void append_keys(struct ddl *ddl)
{
    const struct table *table = ddl->table;
    g_string_append(ddl->sql, "PRIMARY KEY (");
    for (unsigned i = 0; i < table->key_count; i++) {
        g_string_append(ddl->sql, i ? ", " : "");
        dialect_quote(&dialect_mysql, ddl->sql, table_column(table, table->keys[i])->name);
    }
    g_string_append_c(ddl->sql, ')');
    for (unsigned i = 0; i < table->columns->len; i++) {
        const struct column *column = table_column(table, i);
        if (!wants_index(table, i))
            continue;
        g_string_append(ddl->sql, ", ");
        append_index(ddl, i, is_text(column->type));
    }
}

static bool create_table(struct mysqldb *s, const struct mysqldb_table *t,
                         const struct table *table, const char *nonce, GError **error)
{
    g_autofree char *own = nonce ? g_strdup(nonce) : g_uuid_string_random();
    g_assert(*own && strspn(own, G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS "-_") == strlen(own));
    g_autofree char *comment = mysqldb_table_comment(table->comment, own);
    g_autofree char *what = g_strdup_printf("creating %s", t->name);
    g_autoptr(GString) sql = g_string_new(NULL);
    struct ddl ddl = {.s = s, .table = table, .sql = sql, .definition_bytes = wanted_bytes(table)};
    g_string_printf(sql, "CREATE TABLE %s (", t->quoted);
    for (unsigned i = 0; i < table->columns->len; i++) {
        const struct column *column = table_column(table, i);
        append_column(&ddl, column->name, i, column->type, column->comment, -1);
        g_string_append(sql, ", ");
    }
    append_keys(&ddl);
    g_string_append_printf(sql,
                           ") ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=%s "
                           "COMMENT=",
                           s->collation);
    mysqldb_literal(s, sql, comment, strlen(comment));
    return mysqldb_execute(s, sql->str, what, error);
}

/* ── Is it ours? ── */

static bool check_ours(const struct mysqldb *s, const struct mysqldb_table *t,
                       const struct table_info *info, GError **error)
{
    if (!info->is_ours)
        return mysqldb_error(
            PENSTOCK_ERROR_CONFIG, 0,
            g_strdup_printf("%s has a %s %s that Penstock did not make: rename it, "
                            "or choose another schema, which is a database of "
                            "Penstock's own",
                            s->place, t->is_view ? "view" : "table", t->name),
            error);
    if (g_ascii_strcasecmp(t->engine, "InnoDB") != 0)
        return mysqldb_error(PENSTOCK_ERROR_CONFIG, 0,
                             g_strdup_printf("%s: table %s is stored by %s, which knows no "
                                             "transactions: ALTER TABLE %s ENGINE=InnoDB, then "
                                             "run again",
                                             s->place, t->name, t->engine, t->quoted),
                             error);
    return true;
}

static bool check_key(const struct mysqldb *s, const struct mysqldb_table *t,
                      const struct table *table, const struct table_info *info, GError **error)
{
    if (inspect_has_key(&dialect_mysql, table, info))
        return true;
    return mysqldb_error(PENSTOCK_ERROR_CONFIG, 0,
                         g_strdup_printf("%s: table %s lacks its primary key (%s), so rows cannot "
                                         "be told apart: rename it, or reset it to load it anew",
                                         s->place, t->name,
                                         table_column(table, table->keys[0])->name),
                         error);
}

/* ── Extending ── */

static void begin_change(struct ddl *ddl)
{
    if (ddl->changes++)
        g_string_append(ddl->sql, ", ");
    else
        g_string_printf(ddl->sql, "ALTER TABLE %s ", ddl->t->quoted);
}

/* Whose text forms differ from what the server makes of them. */
static int becoming(const struct ddl_change *change)
{
    bool differs = change->from == COLUMN_DECIMAL || change->from == COLUMN_TIMESTAMP;
    return change->to == COLUMN_TEXT && differs ? (int)change->from : -1;
}

static bool becomes_text(const GArray *changes, unsigned column)
{
    for (unsigned i = 0; i < changes->len; i++) {
        const struct ddl_change *change = &g_array_index(changes, struct ddl_change, i);
        if (change->column == column && !change->add)
            return is_text(change->to);
    }
    return false;
}

static bool will_be_text(const struct ddl *ddl, const struct column *column)
{
    const struct mysqldb_column *have = mysqldb_table_column(ddl->t, column->name);
    enum column_type type = column->type;
    return is_text(have && have->type >= 0 ? column_type_widen((enum column_type)have->type, type)
                                           : type);
}

/* An index of ours over a column that becomes text must be made anew, over its first characters. */
static void append_index_changes(struct ddl *ddl, GHashTable *indexes, const GArray *changes)
{
    for (unsigned i = 0; i < ddl->table->columns->len; i++) {
        const struct column *column = table_column(ddl->table, i);
        if (!wants_index(ddl->table, i))
            continue;
        g_autofree char *name = index_name(column->name);
        bool there = g_hash_table_contains(indexes, name), anew = becomes_text(changes, i);
        if (there && anew) {
            begin_change(ddl);
            g_string_append(ddl->sql, "DROP INDEX ");
            dialect_quote(&dialect_mysql, ddl->sql, name);
        }
        if (!there || anew) {
            begin_change(ddl);
            g_string_append(ddl->sql, "ADD ");
            append_index(ddl, i, will_be_text(ddl, column));
        }
    }
}

/* SHOW INDEX: Table, Non_unique, Key_name … */
static void take_index(char *const *values, const unsigned long *lengths, void *opaque)
{
    (void)lengths;
    g_hash_table_add(opaque, g_strdup(values[2]));
}

static bool load_indexes(struct mysqldb *s, const struct mysqldb_table *t, GHashTable *names,
                         GError **error)
{
    g_autofree char *sql = g_strdup_printf("SHOW INDEX FROM %s", t->quoted);
    return mysqldb_each(s, sql, "reading the schema", take_index, names, error);
}

static size_t stored_bytes(const struct mysqldb_table *t)
{
    size_t bytes = 0;
    for (unsigned i = 0; i < t->columns->len; i++) {
        const struct mysqldb_column *column = &g_array_index(t->columns, struct mysqldb_column, i);
        bytes += column_bytes(column->name, column->generated || column->type == COLUMN_JSON) +
                 strlen(column->comment);
    }
    return bytes;
}

static void append_changes(struct ddl *ddl, const GArray *changes)
{
    const struct table *table = ddl->table;
    ddl->definition_bytes = stored_bytes(ddl->t);
    for (unsigned i = 0; i < changes->len; i++) {
        const struct ddl_change *change = &g_array_index(changes, struct ddl_change, i);
        const struct column *column = table_column(table, change->column);
        if (change->add) /* before their comments, which get what is left */
            ddl->definition_bytes +=
                column_bytes(column->name, column->is_derived || change->to == COLUMN_JSON) +
                MARK_BYTES;
    }
    for (unsigned i = 0; i < changes->len; i++) {
        const struct ddl_change *change = &g_array_index(changes, struct ddl_change, i);
        const struct column *column = table_column(table, change->column);
        begin_change(ddl);
        g_string_append(ddl->sql, change->add ? "ADD COLUMN " : "MODIFY COLUMN ");
        if (change->add) {
            append_column(ddl, column->name, change->column, change->to, column->comment, -1);
        } else {
            const struct mysqldb_column *have = mysqldb_table_column(ddl->t, column->name);
            append_column(ddl, have->name, change->column, change->to, have->comment,
                          becoming(change));
        }
    }
}

static bool alter_table(struct mysqldb *s, const struct mysqldb_table *t, const struct table *table,
                        const GArray *changes, GError **error)
{
    g_autofree char *what = g_strdup_printf("changing columns of %s", t->name);
    g_autoptr(GString) sql = g_string_new(NULL);
    g_autoptr(GHashTable) indexes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    struct ddl ddl = {.s = s, .table = table, .t = t, .sql = sql};
    if (!load_indexes(s, t, indexes, error))
        return false;
    append_changes(&ddl, changes);
    append_index_changes(&ddl, indexes, changes);
    return ddl.changes == 0 || mysqldb_execute(s, sql->str, what, error);
}

/* ── Texts that were numbers or times ── */

static void append_form(GString *sql, const struct mysqldb_column *column)
{
    g_autoptr(GString) name = g_string_new(NULL);
    dialect_quote(&dialect_mysql, name, column->name);
    if (column->becoming == COLUMN_DECIMAL) /* 1.500 → 1.5, 2.000 → 2 */
        g_string_append_printf(sql,
                               "%s = IF(%s LIKE '%%.%%', TRIM(TRAILING '.' FROM "
                               "TRIM(TRAILING '0' FROM %s)), %s)",
                               name->str, name->str, name->str, name->str);
    else /* 2026-01-02 03:04:05.000000 */
        g_string_append_printf(sql, "%s = IF(%s LIKE '%%.000000', LEFT(%s, 19), %s)", name->str,
                               name->str, name->str, name->str);
}

static bool end_becoming(struct mysqldb *s, const struct table *table, GError **error)
{
    g_autoptr(MysqldbTable) t = mysqldb_table_load(s, table->name, error);
    if (!t)
        return false;
    g_autoptr(GString) update = g_string_new(NULL), alter = g_string_new(NULL);
    struct ddl ddl = {.s = s, .table = table, .t = t, .sql = alter};
    ddl.definition_bytes = stored_bytes(t);
    g_string_printf(update, "UPDATE %s SET ", t->quoted);
    for (unsigned i = 0; i < table->columns->len; i++) {
        const struct mysqldb_column *column = mysqldb_table_column(t, table_column(table, i)->name);
        if (!column || column->becoming < 0)
            continue;
        g_string_append(update, ddl.changes ? ", " : "");
        append_form(update, column);
        begin_change(&ddl);
        g_string_append(alter, "MODIFY COLUMN ");
        append_column(&ddl, column->name, i, COLUMN_TEXT, column->comment, -1);
    }
    g_autofree char *what = g_strdup_printf("turning columns of %s into text", t->name);
    if (ddl.changes == 0)
        return true;
    if (!mysqldb_execute(s, update->str, what, error))
        return false;
    fault_point("mysql-after-update");
    return mysqldb_execute(s, alter->str, what, error);
}

/* ── Prepare and drop ── */

static bool extend_table(struct mysqldb *s, const struct mysqldb_table *t,
                         const struct table *table, GError **error)
{
    struct table_info info;
    mysqldb_describe(t, table, &info);
    g_autoptr(GArray) changes = g_array_new(false, true, sizeof(struct ddl_change));
    bool ok = check_ours(s, t, &info, error) && check_key(s, t, table, &info, error) &&
              ddl_diff(&dialect_mysql, table, &info, changes, error) &&
              alter_table(s, t, table, changes, error);
    table_info_done(&info);
    if (!ok)
        return false;
    fault_point("mysql-after-ddl");
    return end_becoming(s, table, error);
}

bool mysqldb_prepare_table(struct destination *d, const struct table *table, const char *nonce,
                           GError **error)
{
    struct mysqldb *s = (struct mysqldb *)d;
    mysqldb_forget_statements(s);
    mysqldb_forget_tables(s);
    g_autoptr(MysqldbTable) t = mysqldb_table_load(s, table->name, error);
    if (!t)
        return false;
    if (t->exists)
        return extend_table(s, t, table, error);
    bool ok = create_table(s, t, table, nonce, error);
    fault_point("mysql-after-ddl");
    return ok;
}

bool mysqldb_drop(struct destination *d, const struct table *table, GError **error)
{
    struct mysqldb *s = (struct mysqldb *)d;
    mysqldb_forget_statements(s);
    mysqldb_forget_tables(s);
    g_autoptr(MysqldbTable) t = mysqldb_table_load(s, table->name, error);
    if (!t || !t->exists)
        return t != NULL;
    struct table_info info;
    mysqldb_describe(t, table, &info);
    bool ours = check_ours(s, t, &info, error);
    table_info_done(&info);
    if (!ours)
        return false;
    g_autofree char *what = g_strdup_printf("dropping %s", t->name);
    g_autofree char *sql = g_strdup_printf("DROP TABLE %s", t->quoted);
    return mysqldb_execute(s, sql, what, error);
}
