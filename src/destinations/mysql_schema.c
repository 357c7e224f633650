/* What is in the database, read from what the server itself keeps about tables and columns.
 *
 * DDL commits by itself here, so nothing may have to be noted beside it: a process killed between
 * the statement and the note would leave a column that the next run takes for a person's.
 * Penstock's marks are therefore part of what they mark, and arrive with it in one atomic
 * statement:
 *
 *   table    its comment ends with "(Penstock nonce=…)". It survives RENAME, mysqldump and ALTER,
 * and goes with DROP TABLE, also when somebody puts another table in the place of ours. column its
 * type says it all, except that JSON is longtext as TEXT is; its comment then ends with "(JSON)".
 * Without the mark (a person edited the comment) it is a text, which holds documents as well. texts
 * that were a number or a time  "(decimal becoming text)", see below.
 *
 * All that prepare() has to change about a table is one ALTER TABLE: all of it or nothing (InnoDB;
 * MariaDB before 10.6 may leave a hidden #sql- file behind when the server itself is killed). What
 * a kill leaves, and how the next prepare() goes on:
 *
 *   before or in CREATE/ALTER TABLE   the table as it was: the same statement again
 *   after it                          the wanted table: nothing to do
 *   between ALTER and the UPDATE that puts a widened column's texts into Penstock's form ("1.5",
 *   which the server made "1.500000000000000000000000000000"): the column has the mark
 *                                     the UPDATE again, which changes nothing where it was done
 *   between the UPDATE and the ALTER that takes the mark away
 *                                     the same, then the ALTER
 *
 * Rows are written only after prepare() ended, so a marked column holds no text that was sent. */
#include <mysqld_error.h>
#include <string.h>

#include "destinations/mysql_private.h"
#include "sql/ddl.h"
#include "sql/inspect.h"

#define JSON_MARK     "(JSON)"
#define BECOMING_MARK " becoming text)"
#define NONCE_MARK    "(Penstock nonce="

/* Longest comments that the server takes, in characters, less our marks. */
#define COLUMN_COMMENT_CHARACTERS 900
#define TABLE_COMMENT_CHARACTERS  1500

static void column_done(void *item)
{
    struct mysqldb_column *column = item;
    g_free(column->name);
    g_free(column->declared);
    g_free(column->collation);
    g_free(column->comment);
}

void mysqldb_table_free(struct mysqldb_table *t)
{
    if (!t)
        return;
    g_free(t->name);
    g_free(t->quoted);
    g_free(t->engine);
    g_free(t->comment);
    g_free(t->nonce);
    g_array_unref(t->columns);
    g_free(t);
}

void mysqldb_forget_tables(struct mysqldb *s)
{
    g_hash_table_remove_all(s->tables);
}

const struct mysqldb_column *mysqldb_table_column(const struct mysqldb_table *t, const char *name)
{
    for (unsigned i = 0; i < t->columns->len; i++) {
        const struct mysqldb_column *column = &g_array_index(t->columns, struct mysqldb_column, i);
        if (dialect_same_identifier(&dialect_mysql, column->name, name))
            return column;
    }
    return NULL;
}

/* ── Marks ── */

/* "deal value (decimal becoming text)" → decimal; -1: no such mark. */
static int becoming_of(const char *comment, const char **ret_mark)
{
    const char *open = strrchr(comment, '(');
    if (!open || !g_str_has_suffix(comment, BECOMING_MARK))
        return -1;
    for (int type = 0; type <= COLUMN_JSON; type++) {
        const char *name = column_type_name((enum column_type)type);
        if (g_str_has_prefix(open + 1, name) &&
            strcmp(open + 1 + strlen(name), BECOMING_MARK) == 0) {
            *ret_mark = open;
            return type;
        }
    }
    return -1;
}

static char *cut(const char *text, size_t length, glong characters)
{
    g_autofree char *whole = g_strndup(text, length);
    g_strchomp(whole);
    return g_utf8_strlen(whole, -1) > characters ? g_utf8_substring(whole, 0, characters)
                                                 : g_steal_pointer(&whole);
}

static char *join_mark(char *text, char *mark)
{
    char *joined =
        *text && *mark ? g_strdup_printf("%s %s", text, mark) : g_strconcat(text, mark, NULL);
    g_free(text);
    g_free(mark);
    return joined;
}

char *mysqldb_column_comment(const char *comment, int type, int becoming)
{
    const char *text = comment ? comment : "", *mark = NULL;
    size_t length = strlen(text);
    if (becoming_of(text, &mark) >= 0)
        length = (size_t)(mark - text);
    else if (g_str_has_suffix(text, JSON_MARK))
        length -= strlen(JSON_MARK);
    char *new_mark = becoming >= 0 ? g_strdup_printf("(%s" BECOMING_MARK,
                                                     column_type_name((enum column_type)becoming))
                                   : g_strdup(type == COLUMN_JSON ? JSON_MARK : "");
    return join_mark(cut(text, length, COLUMN_COMMENT_CHARACTERS), new_mark);
}

char *mysqldb_table_comment(const char *comment, const char *nonce)
{
    const char *text = comment ? comment : "";
    return join_mark(cut(text, strlen(text), TABLE_COMMENT_CHARACTERS),
                     g_strconcat(NONCE_MARK, nonce, ")", NULL));
}

static char *nonce_of(const char *comment)
{
    const char *mark = strstr(comment, NONCE_MARK);
    if (!mark)
        return NULL;
    mark += strlen(NONCE_MARK);
    return g_strndup(mark, strcspn(mark, ")"));
}

/* ── Types ── */

/* MySQL 8 shows no display width: "bigint" where MariaDB says "bigint(20)". */
static bool is_declared(const struct mysqldb_column *column, enum column_type type)
{
    const char *wanted = dialect_mysql.types[type];
    if (strcmp(column->declared, wanted) == 0)
        return true;
    return type == COLUMN_INTEGER && strcmp(column->declared, "bigint(20)") == 0;
}

/* A text of another character set could not hold every text. A key is a varchar, since a longtext
 * cannot be one as a whole. */
static int type_of(const struct mysqldb_column *column)
{
    bool text = strcmp(column->declared, "longtext") == 0 ||
                (column->is_key && g_str_has_prefix(column->declared, "varchar("));
    if (text && (!column->collation || !g_str_has_prefix(column->collation, "utf8mb4_")))
        return -1;
    if (text)
        return g_str_has_suffix(column->comment, JSON_MARK) ? COLUMN_JSON : COLUMN_TEXT;
    for (int type = 0; type < COLUMN_TEXT; type++) {
        if (is_declared(column, (enum column_type)type))
            return type;
    }
    return -1;
}

/* ── Loading ── */

/* SHOW FULL COLUMNS: Field, Type, Collation, Null, Key, Default, Extra, Privileges, Comment. */
static void take_column(char *const *values, const unsigned long *lengths, void *opaque)
{
    struct mysqldb_table *t = opaque;
    (void)lengths;
    struct mysqldb_column column = {
        .name = g_strdup(values[0]),
        .declared = g_ascii_strdown(values[1], -1),
        .collation = g_strdup(values[2]),
        .comment = g_strdup(values[8] ? values[8] : ""),
        .is_key = strcmp(values[4], "PRI") == 0,
        .is_nullable = strcmp(values[3], "YES") == 0,
        .generated = strstr(values[6], "GENERATED") != NULL,
    };
    const char *mark;
    column.type = type_of(&column);
    column.becoming = column.type == COLUMN_TEXT ? becoming_of(column.comment, &mark) : -1;
    g_array_append_val(t->columns, column);
}

static bool load_columns(struct mysqldb *s, struct mysqldb_table *t, GError **error)
{
    g_autofree char *sql = g_strdup_printf("SHOW FULL COLUMNS FROM %s", t->quoted);
    return mysqldb_each(s, sql, "reading the schema", take_column, t, error);
}

static bool load_relation(struct mysqldb *s, struct mysqldb_table *t, GError **error)
{
    g_autoptr(GString) sql =
        g_string_new("SELECT TABLE_TYPE, ENGINE, TABLE_COMMENT FROM information_schema.TABLES "
                     "WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ");
    mysqldb_literal(s, sql, t->name, strlen(t->name));
    g_auto(GStrv) row = NULL;
    if (!mysqldb_row(s, sql->str, "reading the schema", &row, error))
        return false;
    if (!row)
        return true;
    t->exists = true;
    t->is_view = strstr(row[0], "VIEW") != NULL;
    t->engine = g_strdup(row[1]);
    t->comment = g_strdup(row[2]);
    t->nonce = t->is_view ? NULL : nonce_of(row[2]);
    return true;
}

struct mysqldb_table *mysqldb_table_load(struct mysqldb *s, const char *name, GError **error)
{
    g_autoptr(MysqldbTable) t = g_new0(struct mysqldb_table, 1);
    g_autoptr(GString) quoted = g_string_new(NULL);
    dialect_quote(&dialect_mysql, quoted, name);
    t->name = dialect_identifier(&dialect_mysql, name);
    t->quoted = g_strdup(quoted->str);
    t->columns = g_array_new(false, true, sizeof(struct mysqldb_column));
    g_array_set_clear_func(t->columns, column_done);
    if (s->is_missing || (load_relation(s, t, error) && (!t->exists || load_columns(s, t, error))))
        return g_steal_pointer(&t);
    return NULL;
}

/* That a table does not exist is not remembered: nothing would tell when it does. */
struct mysqldb_table *mysqldb_table_get(struct mysqldb *s, const struct table *table,
                                        GError **error)
{
    g_autofree char *name = dialect_identifier(&dialect_mysql, table->name);
    struct mysqldb_table *t = g_hash_table_lookup(s->tables, name);
    if (t && t->exists)
        return t;
    t = mysqldb_table_load(s, table->name, error);
    if (t)
        g_hash_table_replace(s->tables, t->name, t); /* the key lives as long as the value */
    return t;
}

/* ── Inspect ── */

void mysqldb_describe(const struct mysqldb_table *t, const struct table *table,
                      struct table_info *ret)
{
    *ret = (struct table_info){.exists = t->exists, .nonce = g_strdup(t->nonce)};
    ret->columns = g_array_new(false, true, sizeof(struct table_info_column));
    for (unsigned i = 0; i < t->columns->len; i++) {
        const struct mysqldb_column *column = &g_array_index(t->columns, struct mysqldb_column, i);
        struct table_info_column info = {
            .name = g_strdup(column->name), .type = column->type, .is_key = column->is_key};
        g_array_append_val(ret->columns, info);
    }
    ret->is_ours = !t->is_view && inspect_is_ours(&dialect_mysql, table, ret);
}

static bool count_rows(struct mysqldb *s, const struct mysqldb_table *t, const struct table *table,
                       struct table_info *info, GError **error)
{
    g_autoptr(GString) sql = g_string_new(NULL);
    inspect_count_statement(sql, &dialect_mysql, table, info, t->quoted);
    g_auto(GStrv) row = NULL;
    g_autofree char *what = g_strdup_printf("counting the rows of %s", t->name);
    if (!mysqldb_row(s, sql->str, what, &row, error))
        return false;
    info->rows = g_ascii_strtoll(row[0], NULL, 10);
    info->live_rows = g_ascii_strtoll(row[1], NULL, 10);
    return true;
}

bool mysqldb_inspect(struct destination *d, const struct table *table, struct table_info *ret,
                     GError **error)
{
    struct mysqldb *s = (struct mysqldb *)d;
    g_autoptr(MysqldbTable) t = mysqldb_table_load(s, table->name, error);
    struct table_info info;
    if (!t)
        return false;
    mysqldb_describe(t, table, &info);
    if (t->exists && !count_rows(s, t, table, &info, error)) {
        table_info_done(&info);
        return false;
    }
    *ret = info;
    return true;
}
