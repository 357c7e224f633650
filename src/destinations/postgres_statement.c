/* The statements that write rows: which there are, and what the session has of them. */
#include <string.h>

#include "destinations/postgres_private.h"
#include "sql/upsert.h"

/* Each keeps a few plans on the server, and those of a wide table are large. */
#define STATEMENTS_MAX 24

/* ── The cache ── */

void postgres_statement_free(struct postgres_statement *statement)
{
    g_free(statement->signature);
    g_free(statement->columns);
    g_free(statement->to);
    g_free(statement->presence);
    g_free(statement->type);
    g_free(statement);
}

static void append_layout(GString *text, const struct table *table)
{
    g_string_append_printf(text, "%d %d %d %d %d %u", (int)table->kind, table->version,
                           table->synced_at, table->deleted_at, table->run_id, table->key_count);
    for (unsigned i = 0; i < table->key_count; i++)
        g_string_append_printf(text, " %u", table->keys[i]);
}

/* The statements depend on nothing else, so a table that grows or widens simply gets others. */
static GString *make_signature(const struct postgres_writing *w, const uint8_t *presence)
{
    const struct table *table = w->batch->table;
    GString *text = g_string_new(w->table->quoted);
    append_layout(text, table);
    for (unsigned i = 0; i < table->columns->len; i++) {
        const char *name = table_column(table, i)->name;
        const struct postgres_column *column = postgres_table_column(w->table, name);
        g_string_append_len(text, name, (gssize)strlen(name) + 1);
        g_string_append_c(text, column ? (char)column->type : '?');
        g_string_append_c(text, presence ? (char)presence[i] : 'd');
    }
    return text;
}

static struct postgres_statement *find_statement(struct postgres *p, const GString *signature)
{
    for (unsigned i = 0; i < p->statements->len; i++) {
        struct postgres_statement *statement = g_ptr_array_index(p->statements, i);
        if (statement->signature_length == signature->len &&
            memcmp(statement->signature, signature->str, signature->len) == 0)
            return statement;
    }
    return NULL;
}

void postgres_statement_name(const struct postgres_statement *statement, enum postgres_way way,
                             char ret[POSTGRES_STATEMENT_BYTES])
{
    static const char *const names[] = {
        [WAY_ROW] = "row", [WAY_PAGE] = "page", [WAY_SIFTED_PAGE] = "sifted_page"};
    g_snprintf(ret, POSTGRES_STATEMENT_BYTES, "%s_%u", names[way], statement->number);
}

static void append_deallocate(GString *sql, const struct postgres_statement *statement)
{
    char name[POSTGRES_STATEMENT_BYTES];
    for (unsigned way = 0; way < POSTGRES_WAYS; way++) {
        postgres_statement_name(statement, way, name);
        if (statement->ready[way])
            g_string_append_printf(sql, "DEALLOCATE %s;", name);
    }
}

static bool evict_oldest(struct postgres *p, const char *what, GError **error)
{
    unsigned oldest = 0;
    for (unsigned i = 1; i < p->statements->len; i++) {
        const struct postgres_statement *a = g_ptr_array_index(p->statements, i);
        const struct postgres_statement *b = g_ptr_array_index(p->statements, oldest);
        if (a->used < b->used)
            oldest = i;
    }
    const struct postgres_statement *statement = g_ptr_array_index(p->statements, oldest);
    g_autoptr(GString) sql = g_string_new(NULL);
    append_deallocate(sql, statement);
    if (statement->made)
        g_string_append_printf(sql, "DROP TYPE IF EXISTS %s", statement->type);
    bool ok = sql->len == 0 || postgres_execute(p, sql->str, what, error);
    g_ptr_array_remove_index_fast(p->statements, oldest);
    return ok;
}

bool postgres_set_column_error(const struct postgres_writing *w, unsigned column, GError **error)
{
    error_setf(error, PENSTOCK_ERROR_STORAGE,
               "%s: %s: column %s is gone or has another type now: run again, or reset the table "
               "to load it anew",
               w->p->label, w->what, table_column(w->batch->table, column)->name);
    return false;
}

static bool add_column(const struct postgres_writing *w, struct postgres_statement *statement,
                       unsigned index, GError **error)
{
    const char *name = table_column(w->batch->table, index)->name;
    const struct postgres_column *column = postgres_table_column(w->table, name);
    if (!column || column->type < 0)
        return postgres_set_column_error(w, index, error);
    statement->columns[statement->count] = index;
    statement->to[statement->count++] = (enum column_type)column->type;
    return true;
}

static bool add_columns(const struct postgres_writing *w, struct postgres_statement *statement,
                        GError **error)
{
    const struct table *table = w->batch->table;
    bool ok = true;
    for (unsigned i = 0; ok && statement->presence && i < table->columns->len; i++)
        ok = statement->presence[i] == PRESENCE_ABSENT || add_column(w, statement, i, error);
    for (unsigned i = 0; ok && !statement->presence && i < table->key_count; i++)
        ok = add_column(w, statement, table->keys[i], error);
    if (ok && !statement->presence && table->version >= 0)
        ok = add_column(w, statement, (unsigned)table->version, error);
    return ok;
}

static struct postgres_statement *make_statement(const struct postgres_writing *w,
                                                 const uint8_t *presence, GString *signature)
{
    unsigned columns = w->batch->table->columns->len;
    struct postgres_statement *statement = g_new0(struct postgres_statement, 1);
    statement->signature_length = signature->len;
    statement->signature = g_string_free(signature, false);
    statement->number = ++w->p->numbers;
    statement->presence = presence ? g_memdup2(presence, columns) : NULL;
    statement->columns = g_new(unsigned, columns + 1);
    statement->to = g_new(enum column_type, columns + 1);
    statement->type = g_strdup_printf("pg_temp._penstock_row_%u", statement->number);
    return statement;
}

struct postgres_statement *postgres_statement_get(const struct postgres_writing *w,
                                                  const uint8_t *presence, GError **error)
{
    struct postgres *p = w->p;
    GString *signature = make_signature(w, presence);
    struct postgres_statement *statement = find_statement(p, signature);
    if (statement) {
        g_string_free(signature, true);
    } else {
        statement = make_statement(w, presence, signature);
        if (!add_columns(w, statement, error) ||
            (p->statements->len >= STATEMENTS_MAX && !evict_oldest(p, w->what, error))) {
            postgres_statement_free(statement);
            return NULL;
        }
        g_ptr_array_add(p->statements, statement);
    }
    statement->used = ++p->uses;
    return statement;
}

/* ── What the session has of it ── */

static char *statement_text(const struct postgres_writing *w,
                            const struct postgres_statement *statement, enum postgres_way way)
{
    const struct table *table = w->batch->table;
    GString *sql = g_string_new(NULL);
    if (way != WAY_ROW)
        upsert_from_statement(sql, &dialect_postgres, table, w->table->quoted, statement->presence,
                              "unnest($4)", way == WAY_SIFTED_PAGE);
    else if (statement->presence)
        upsert_statement(sql, &dialect_postgres, table, w->table->quoted, statement->presence);
    else
        upsert_delete_statement(sql, &dialect_postgres, table, w->table->quoted,
                                table->version >= 0);
    return g_string_free(sql, false);
}

bool postgres_statement_prepare(const struct postgres_writing *w,
                                struct postgres_statement *statement, enum postgres_way way,
                                unsigned count, const Oid *oids, GError **error)
{
    struct postgres *p = w->p;
    if (statement->ready[way])
        return true;
    char name[POSTGRES_STATEMENT_BYTES];
    postgres_statement_name(statement, way, name);
    g_autofree char *sql = statement_text(w, statement, way);
    if (!postgres_settle(p, error))
        return false;
    g_autoptr(PgResult) result = PQprepare(p->conn, name, sql, (int)count, oids);
    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        return postgres_fail(p, result, w->what, error);
    statement->ready[way] = true;
    return true;
}

static void append_type(GString *sql, const struct postgres_writing *w,
                        const struct postgres_statement *statement)
{
    g_string_append_printf(sql, "DROP TYPE IF EXISTS %s; CREATE TYPE %s AS (", statement->type,
                           statement->type);
    for (unsigned i = 0; i < statement->count; i++) {
        g_string_append(sql, i ? ", " : "");
        dialect_quote(&dialect_postgres, sql,
                      table_column(w->batch->table, statement->columns[i])->name);
        g_string_append_printf(sql, " %s", dialect_postgres.types[statement->to[i]]);
    }
    g_string_append_printf(sql, "); SELECT oid, typarray FROM pg_type WHERE oid = '%s'::regtype",
                           statement->type);
}

/* A rollback takes along a type that was made in its transaction. Settled first: what was sent
 * before and fails must not leave us in doubt of what is prepared. */
bool postgres_statement_make_type(const struct postgres_writing *w,
                                  struct postgres_statement *statement, GError **error)
{
    if (statement->made == w->p->rollbacks + 1)
        return true;
    if (!postgres_settle(w->p, error))
        return false;
    g_autoptr(GString) sql = g_string_new(NULL);
    append_deallocate(sql, statement);
    memset(statement->ready, 0, sizeof statement->ready);
    append_type(sql, w, statement);
    g_autoptr(PgResult) result = postgres_run(w->p, sql->str, w->what, error);
    if (!result)
        return false;
    statement->type_oid = (Oid)g_ascii_strtoull(PQgetvalue(result, 0, 0), NULL, 10);
    statement->array_oid = (Oid)g_ascii_strtoull(PQgetvalue(result, 0, 1), NULL, 10);
    statement->made = w->p->rollbacks + 1;
    return true;
}
