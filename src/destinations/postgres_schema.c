/* What is in the database.
 *
 * Where the nonce is kept: in the comment of the primary key's constraint. It lives and dies with
 * the table, survives a rename, pg_dump and a change of the key's type, is not copied by CREATE
 * TABLE … AS, and is not in the way of people and tools that comment the table itself. PostgreSQL's
 * own types tell all of Penstock's apart, so they are recorded nowhere else. */
#include <string.h>

#include "destinations/postgres_private.h"
#include "sql/inspect.h"

#define NONCE_MARK "penstock nonce="

/* By enum column_type; from the server's catalog/pg_type.dat. */
static const struct {
    Oid oid, array;
} types[] = {
    [COLUMN_INTEGER] = {20, 1016}, [COLUMN_DECIMAL] = {1700, 1231},
    [COLUMN_BOOLEAN] = {16, 1000}, [COLUMN_TIMESTAMP] = {1184, 1185},
    [COLUMN_DATE] = {1082, 1182},  [COLUMN_TIME] = {1083, 1183},
    [COLUMN_TEXT] = {25, 1009},    [COLUMN_JSON] = {3802, 3807},
};

Oid postgres_type_oid(enum column_type type)
{
    return types[type].oid;
}

Oid postgres_array_oid(enum column_type type)
{
    return types[type].array;
}

/* Without modifiers: numeric(10, 2) would round, timestamptz(0) too. */
static int type_of(const char *oid, const char *modifier)
{
    for (unsigned i = 0; strcmp(modifier, "-1") == 0 && i < G_N_ELEMENTS(types); i++) {
        if (g_ascii_strtoull(oid, NULL, 10) == types[i].oid)
            return (int)i;
    }
    return -1;
}

/* ── Reading ── */

static void column_done(void *item)
{
    g_free(((struct postgres_column *)item)->name);
}

void postgres_table_free(struct postgres_table *t)
{
    if (!t)
        return;
    g_free(t->name);
    g_free(t->quoted);
    g_free(t->oid);
    g_free(t->key_name);
    g_free(t->nonce);
    g_array_unref(t->columns);
    g_free(t);
}

void postgres_forget_tables(struct postgres *p)
{
    g_hash_table_remove_all(p->tables);
}

static struct postgres_table *table_new_empty(const struct postgres *p, const char *name)
{
    struct postgres_table *t = g_new0(struct postgres_table, 1);
    t->name = g_strdup(name);
    g_autoptr(GString) quoted = g_string_new(p->quoted_schema);
    g_string_append_c(quoted, '.');
    dialect_quote(&dialect_postgres, quoted, name);
    t->quoted = g_strdup(quoted->str);
    t->columns = g_array_new(false, true, sizeof(struct postgres_column));
    g_array_set_clear_func(t->columns, column_done);
    return t;
}

enum {
    TABLE_OID,
    TABLE_KIND,
    KEY_NAME,
    KEY_COMMENT,
    ATTRIBUTE_NAME,
    ATTRIBUTE_TYPE,
    ATTRIBUTE_MODIFIER,
    ATTRIBUTE_NUMBER,
    ATTRIBUTE_GENERATED,
    ATTRIBUTE_KEY,
};

static const char table_query[] =
    "SELECT c.oid, c.relkind, k.conname, obj_description(k.oid, 'pg_constraint'), a.attname, "
    "a.atttypid, a.atttypmod, a.attnum, a.attgenerated <> '' OR a.attidentity = 'a', "
    "coalesce(a.attnum = ANY (k.conkey), false) "
    "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "LEFT JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype = 'p' "
    "LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped "
    "WHERE n.nspname = $1 AND c.relname = $2 ORDER BY a.attnum";

static void take_table(struct postgres_table *t, const PGresult *result)
{
    t->exists = true;
    t->oid = g_strdup(PQgetvalue(result, 0, TABLE_OID));
    t->kind = PQgetvalue(result, 0, TABLE_KIND)[0];
    const char *comment = PQgetvalue(result, 0, KEY_COMMENT);
    if (!PQgetisnull(result, 0, KEY_NAME))
        t->key_name = g_strdup(PQgetvalue(result, 0, KEY_NAME));
    if (g_str_has_prefix(comment, NONCE_MARK))
        t->nonce = g_strdup(comment + strlen(NONCE_MARK));
}

static void take_column(struct postgres_table *t, const PGresult *result, int row)
{
    if (PQgetisnull(result, row, ATTRIBUTE_NAME))
        return;
    struct postgres_column column = {
        .name = g_strdup(PQgetvalue(result, row, ATTRIBUTE_NAME)),
        .type = type_of(PQgetvalue(result, row, ATTRIBUTE_TYPE),
                        PQgetvalue(result, row, ATTRIBUTE_MODIFIER)),
        .number = atoi(PQgetvalue(result, row, ATTRIBUTE_NUMBER)),
        .generated = PQgetvalue(result, row, ATTRIBUTE_GENERATED)[0] == 't',
        .key = PQgetvalue(result, row, ATTRIBUTE_KEY)[0] == 't',
    };
    g_array_append_val(t->columns, column);
}

static bool load_table(struct postgres *p, struct postgres_table *t, GError **error)
{
    const char *values[] = {p->schema, t->name};
    g_autoptr(PgResult) result =
        postgres_query(p, table_query, 2, values, "reading the schema", error);
    if (!result)
        return false;
    for (int row = 0; row < PQntuples(result); row++) {
        if (row == 0)
            take_table(t, result);
        take_column(t, result, row);
    }
    return true;
}

struct postgres_table *postgres_table_get(struct postgres *p, const struct table *table,
                                          GError **error)
{
    struct postgres_table *t = g_hash_table_lookup(p->tables, table->name);
    return t && t->exists ? t : postgres_table_reload(p, table, error);
}

struct postgres_table *postgres_table_reload(struct postgres *p, const struct table *table,
                                             GError **error)
{
    g_hash_table_remove(p->tables, table->name);
    struct postgres_table *t = table_new_empty(p, table->name);
    if (!load_table(p, t, error)) {
        postgres_table_free(t);
        return NULL;
    }
    g_hash_table_insert(p->tables, t->name, t);
    return t;
}

const struct postgres_column *postgres_table_column(const struct postgres_table *t,
                                                    const char *name)
{
    for (unsigned i = 0; i < t->columns->len; i++) {
        const struct postgres_column *column =
            &g_array_index(t->columns, struct postgres_column, i);
        if (strcmp(column->name, name) == 0)
            return column;
    }
    return NULL;
}

int postgres_stored_type(const struct postgres_table *t, const struct table *table, int column,
                         int otherwise)
{
    const struct postgres_column *stored =
        column < 0 ? NULL : postgres_table_column(t, table_column(table, (unsigned)column)->name);
    return stored && stored->type >= 0 ? stored->type : otherwise;
}

bool postgres_set_missing_error(const struct postgres *p, const struct postgres_table *t,
                                GError **error)
{
    error_setf(error, PENSTOCK_ERROR_STORAGE,
               "%s: table %s is gone: run again, it is then created and loaded anew", p->label,
               t->name);
    return false;
}

/* ── Inspect ── */

void postgres_describe(const struct postgres_table *t, const struct table *table,
                       struct table_info *ret)
{
    *ret = (struct table_info){.exists = t->exists, .nonce = g_strdup(t->nonce)};
    ret->columns = g_array_new(false, true, sizeof(struct table_info_column));
    for (unsigned i = 0; i < t->columns->len; i++) {
        const struct postgres_column *column =
            &g_array_index(t->columns, struct postgres_column, i);
        struct table_info_column info = {
            .name = g_strdup(column->name), .type = column->type, .is_key = column->key};
        g_array_append_val(ret->columns, info);
    }
    ret->is_ours = t->kind == 'r' && inspect_is_ours(&dialect_postgres, table, ret);
}

static bool has_rows(const struct postgres_table *t)
{
    return t->exists && strchr("rpvmf", t->kind);
}

static bool count_rows(struct postgres *p, const struct postgres_table *t,
                       const struct table *table, struct table_info *info, GError **error)
{
    g_autoptr(GString) sql = g_string_new(NULL);
    inspect_count_statement(sql, &dialect_postgres, table, info, t->quoted);
    g_autofree char *what = g_strdup_printf("counting the rows of %s", t->name);
    g_autoptr(PgResult) result = postgres_query(p, sql->str, 0, NULL, what, error);
    if (!result)
        return false;
    info->rows = g_ascii_strtoll(PQgetvalue(result, 0, 0), NULL, 10);
    info->live_rows = g_ascii_strtoll(PQgetvalue(result, 0, 1), NULL, 10);
    return true;
}

bool postgres_inspect(struct destination *d, const struct table *table, struct table_info *ret,
                      GError **error)
{
    struct postgres *p = (struct postgres *)d;
    struct table_info info;
    const struct postgres_table *t = postgres_table_reload(p, table, error);
    if (!t)
        return false;
    postgres_describe(t, table, &info);
    if (has_rows(t) && !count_rows(p, t, table, &info, error)) {
        table_info_done(&info);
        return false;
    }
    *ret = info;
    return true;
}
