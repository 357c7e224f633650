/* Changes types of columns. SQLite has no ALTER COLUMN, so the table is copied as its documentation
 * recommends (https://www.sqlite.org/lang_altertable.html, section 7). The new CREATE TABLE is the
 * old one with a few words replaced: whatever a person added to it (columns, defaults, constraints)
 * stays as it is. */
#include <string.h>

#include "destinations/sqlite_private.h"
#include "sql/dialect.h"

/* ── Editing the CREATE TABLE ── */

enum token_kind {
    TOKEN_END,
    TOKEN_WORD, /* a name or a keyword */
    TOKEN_QUOTED,
    TOKEN_OTHER, /* one character: punctuation, or part of a number */
};

struct token {
    enum token_kind kind;
    const char *start, *end;
};

static const char *skip_space_and_comments(const char *p)
{
    for (;;) {
        if (g_ascii_isspace(*p)) {
            p++;
        } else if (p[0] == '-' && p[1] == '-') {
            p += strcspn(p, "\n");
        } else if (p[0] == '/' && p[1] == '*') {
            const char *end = strstr(p + 2, "*/");
            p = end ? end + 2 : p + strlen(p);
        } else {
            return p;
        }
    }
}

/* Behind the closing quote, which counts only when it is not doubled. */
static const char *skip_quoted(const char *p)
{
    char close = *p == '[' ? ']' : *p;
    for (p++; *p; p++) {
        if (*p != close)
            continue;
        if (close == ']' || p[1] != close)
            return p + 1;
        p++;
    }
    return p;
}

static bool is_word_char(char c)
{
    return g_ascii_isalnum(c) || c == '_' || c == '$' || ((unsigned char)c & 0x80);
}

static struct token next_token(const char *p)
{
    p = skip_space_and_comments(p);
    struct token token = {.kind = TOKEN_OTHER, .start = p, .end = p + 1};
    if (!*p) {
        token = (struct token){.kind = TOKEN_END, .start = p, .end = p};
    } else if (strchr("\"'`[", *p)) {
        token.kind = TOKEN_QUOTED;
        token.end = skip_quoted(p);
    } else if (is_word_char(*p)) {
        token.kind = TOKEN_WORD;
        while (is_word_char(*token.end))
            token.end++;
    }
    return token;
}

static bool token_is(const struct token *token, char c)
{
    return token->kind == TOKEN_OTHER && *token->start == c;
}

/* The name that the token stands for. The caller frees. */
static char *token_name(const struct token *token)
{
    if (token->kind == TOKEN_WORD)
        return g_strndup(token->start, (size_t)(token->end - token->start));
    g_autoptr(GString) name = g_string_new(NULL);
    char close = *token->start == '[' ? ']' : *token->start;
    for (const char *p = token->start + 1; p < token->end - 1; p++) {
        g_string_append_c(name, *p);
        if (*p == close)
            p++;
    }
    return g_string_free(g_steal_pointer(&name), false);
}

static const struct sqlite_retype *find_retype(const struct token *token,
                                               const struct sqlite_retype *retypes, size_t count)
{
    if (token->kind != TOKEN_WORD && token->kind != TOKEN_QUOTED)
        return NULL;
    g_autofree char *name = token_name(token);
    for (size_t i = 0; i < count; i++) {
        if (g_ascii_strcasecmp(name, retypes[i].column) == 0)
            return &retypes[i];
    }
    return NULL;
}

/* To the comma or parenthesis that ends a column or constraint. */
static struct token end_of_item(struct token token)
{
    int depth = 0;
    while (token.kind != TOKEN_END) {
        if (depth == 0 && (token_is(&token, ',') || token_is(&token, ')')))
            break;
        depth += token_is(&token, '(') - token_is(&token, ')');
        token = next_token(token.end);
    }
    return token;
}

/* CREATE TABLE name ( … : gives back the tokens of the name and of the parenthesis. */
static bool find_body(const char *sql, struct token *name, struct token *body)
{
    struct token token = next_token(sql);
    *name = token;
    while (token.kind != TOKEN_END && !token_is(&token, '(')) {
        *name = token;
        token = next_token(token.end);
    }
    *body = token;
    return token.kind != TOKEN_END && name->kind != TOKEN_OTHER;
}

char *sqlite_edit_create(const char *sql, const char *name, const struct sqlite_retype *retypes,
                         size_t count)
{
    struct token table, token;
    if (!find_body(sql, &table, &token))
        return NULL;
    g_autoptr(GString) edited = g_string_new(NULL);
    g_string_printf(edited, "CREATE TABLE main.%s", name);
    const char *copied = table.end;
    size_t replaced = 0;
    do {
        struct token column = next_token(token.end);
        const struct sqlite_retype *retype = find_retype(&column, retypes, count);
        token = next_token(column.end);
        if (retype && token.kind == TOKEN_WORD) {
            g_string_append_len(edited, copied, token.start - copied);
            g_string_append(edited, retype->type);
            copied = token.end;
            replaced++;
        }
        token = end_of_item(token);
    } while (token_is(&token, ','));
    if (replaced != count || !token_is(&token, ')'))
        return NULL;
    g_string_append(edited, copied);
    return g_string_free(g_steal_pointer(&edited), false);
}

/* ── Copying ── */

static const char *new_type(const struct sqlite_column *column, const struct sqlite_retype *retypes,
                            size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (g_ascii_strcasecmp(column->name, retypes[i].column) == 0)
            return retypes[i].type;
    }
    return NULL;
}

/* SQLite's own cast to text would print 0.1 + 0.2 with 15 digits. */
static char *copy_statement(const struct sqlite_table *t, const char *to,
                            const struct sqlite_retype *retypes, size_t count)
{
    g_autoptr(GString) columns = g_string_new(NULL);
    g_autoptr(GString) values = g_string_new(NULL);
    for (unsigned i = 0; i < t->columns->len; i++) {
        const struct sqlite_column *column = &g_array_index(t->columns, struct sqlite_column, i);
        if (column->generated)
            continue;
        bool to_text = g_strcmp0(new_type(column, retypes, count), "TEXT") == 0;
        g_string_append(columns, columns->len ? ", " : "");
        dialect_quote(&dialect_sqlite, columns, column->name);
        g_string_append(values, values->len ? ", " : "");
        g_string_append(values, to_text ? "penstock_text(" : "");
        dialect_quote(&dialect_sqlite, values, column->name);
        g_string_append(values, to_text ? ")" : "");
    }
    return g_strdup_printf("INSERT INTO main.%s (%s) SELECT %s FROM main.%s", to, columns->str,
                           values->str, t->quoted);
}

/* The statements that bring back what DROP TABLE takes along. NULL on error. */
static GPtrArray *dependent_statements(struct sqlite *s, const struct sqlite_table *t,
                                       const char *what, GError **error)
{
    g_autoptr(SqliteStmt) statement =
        sqlite_prepare(s,
                       "SELECT sql FROM main.sqlite_schema WHERE tbl_name = ?1 COLLATE NOCASE "
                       "AND type IN ('index', 'trigger') AND sql IS NOT NULL",
                       what, error);
    if (!statement)
        return NULL;
    sqlite_bind_text(statement, 1, t->name);
    g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func(g_free);
    int rc;
    while ((rc = sqlite_step(s, statement, what, error)) == SQLITE_ROW)
        g_ptr_array_add(found, g_strdup((const char *)sqlite3_column_text(statement, 0)));
    return rc == SQLITE_DONE ? g_steal_pointer(&found) : NULL;
}

static bool execute_all(struct sqlite *s, const GPtrArray *statements, const char *what,
                        GError **error)
{
    for (unsigned i = 0; i < statements->len; i++) {
        if (!sqlite_execute(s, g_ptr_array_index(statements, i), what, error))
            return false;
    }
    return true;
}

/* legacy_alter_table leaves views and triggers that speak of the table as they are: without it the
 * rename would refuse a view whose table is missing for a moment. */
static bool replace_table(struct sqlite *s, const struct sqlite_table *t, const char *copy,
                          const char *what, GError **error)
{
    g_autofree char *drop = g_strdup_printf("DROP TABLE main.%s", t->quoted);
    g_autofree char *rename = g_strdup_printf("ALTER TABLE main.%s RENAME TO %s", copy, t->quoted);
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_LEGACY_ALTER_TABLE, 1, NULL);
    bool ok = sqlite_execute(s, drop, what, error) && sqlite_execute(s, rename, what, error);
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_LEGACY_ALTER_TABLE, 0, NULL);
    return ok;
}

bool sqlite_rebuild(struct sqlite *s, const struct sqlite_table *t,
                    const struct sqlite_retype *retypes, size_t count, GError **error)
{
    g_autofree char *what = g_strdup_printf("widening a column of %s", t->name);
    g_autofree char *copy_name = g_strconcat("_penstock_rebuild_", t->name, NULL);
    g_autoptr(GString) copy = g_string_new(NULL);
    dialect_quote(&dialect_sqlite, copy, copy_name);
    g_autoptr(GPtrArray) dependents = dependent_statements(s, t, what, error);
    if (!dependents)
        return false;
    g_autofree char *create = sqlite_edit_create(t->sql, copy->str, retypes, count);
    if (!create) {
        error_setf(error, PENSTOCK_ERROR_CONFIG,
                   "%s: the definition of table %s is not understood, so %s cannot become %s: "
                   "reset the table to load it anew",
                   s->path, t->name, retypes[0].column, retypes[0].type);
        return false;
    }
    g_autofree char *insert = copy_statement(t, copy->str, retypes, count);
    return sqlite_execute(s, create, what, error) && sqlite_execute(s, insert, what, error) &&
           replace_table(s, t, copy->str, what, error) && execute_all(s, dependents, what, error);
}
