#include "sql/view.h"

#include <string.h>

/* ── The forms ── */

/* A name by its key, which is unique or nearly so; max() keeps it one value. */
#define LOOKUP   "(SELECT max(x.$S) FROM $X x WHERE x.$K = $C)"
#define IS_OF    "o." OPTIONS_OF " = $T AND o." OPTIONS_COLUMN " = $N AND o." OPTIONS_ID " = "
#define OPTION   "coalesce((SELECT o." OPTIONS_LABEL " FROM $O o WHERE " IS_OF "$V), $V)"
#define LABELLED "LEFT JOIN $O o ON " IS_OF

/* json_each() fails on what is no JSON, and nothing promises that an AND stops before it: CASE
 * does. Its rows come in the order of the list, and the join keeps it. */
#define SQLITE_OPTIONS                                                                             \
    "(SELECT group_concat(coalesce(o." OPTIONS_LABEL ", e.value), ', ') "                          \
    "FROM json_each(CASE WHEN json_valid($C) THEN $C END) e " LABELLED "CAST(e.value AS TEXT))"

const struct view_forms view_forms_sqlite = {
    .value = "CAST($C AS TEXT)",
    .decimal_value = "CAST($C AS TEXT)",
    .lookup = LOOKUP,
    .option = OPTION,
    .options = SQLITE_OPTIONS,
    .options_text = "CASE WHEN CASE WHEN json_valid($C) THEN json_type($C) END = 'array' "
                    "THEN " SQLITE_OPTIONS " ELSE " OPTION " END",
    .primary = "(SELECT e.v FROM (SELECT key, "
               "CASE WHEN type = 'object' THEN json_extract(value, '$.value') END v, "
               "CASE WHEN type = 'object' THEN json_extract(value, '$.primary') END p "
               "FROM json_each(CASE WHEN json_valid($C) THEN $C END)) e "
               "WHERE e.v <> '' ORDER BY e.p IS NOT 1, e.key LIMIT 1)",
    .mark_head = "/* $M */ ",
    .mark_tail = "",
};

/* to_jsonb() takes text too, so that a column that was widened meanwhile breaks nothing. Version 15
 * cannot ask whether a text is JSON: ids of a list in a text are found by its commas. */
#define POSTGRES_JSON "to_jsonb($C)"
#define POSTGRES_JOINED                                                                            \
    "(SELECT string_agg(coalesce(o." OPTIONS_LABEL ", e.id), ', ' ORDER BY e.n) FROM "

const struct view_forms view_forms_postgres = {
    .value = "$C::text",
    .decimal_value = "$C::text",
    .lookup = LOOKUP,
    .option = OPTION,
    .options = POSTGRES_JOINED "jsonb_array_elements_text(CASE jsonb_typeof(" POSTGRES_JSON ") "
                               "WHEN 'array' THEN " POSTGRES_JSON " WHEN 'null' THEN '[]'::jsonb "
                               "ELSE jsonb_build_array(" POSTGRES_JSON
                               ") END) WITH ORDINALITY e(id, n) " LABELLED "e.id)",
    .options_text = "CASE WHEN $C LIKE '[%]' THEN " POSTGRES_JOINED
                    "(SELECT btrim(i.id, ' \"') AS id, i.n FROM "
                    "unnest(string_to_array(nullif(btrim($C, '[] '), ''), ',')) "
                    "WITH ORDINALITY i(id, n)) e " LABELLED "e.id) ELSE " OPTION " END",
    .primary = "(SELECT e.v ->> 'value' FROM jsonb_array_elements(CASE "
               "jsonb_typeof(" POSTGRES_JSON ") WHEN 'array' THEN " POSTGRES_JSON
               " ELSE '[]'::jsonb END) WITH ORDINALITY e(v, n) WHERE e.v ->> 'value' <> '' "
               "ORDER BY (e.v ->> 'primary') IS DISTINCT FROM 'true', e.n LIMIT 1)",
    .mark_head = "",
    .mark_tail = "",
};

/* Option ids are compared in the collation of Penstock's columns, so that the key serves, whatever
 * that of the connection is. A view keeps no comment, but it keeps a condition that is always true.
 */
#define MYSQL_TEXT(x) "CONVERT(" x " USING utf8mb4) COLLATE $L"
#define MYSQL_OPTIONS                                                                              \
    "(SELECT GROUP_CONCAT(coalesce(o." OPTIONS_LABEL                                               \
    ", " MYSQL_TEXT("e.id") ") ORDER BY e.n SEPARATOR ', ') FROM "                                 \
                            "JSON_TABLE(CASE WHEN NOT JSON_VALID($C) THEN '[]' WHEN "              \
                            "JSON_TYPE($C) = 'ARRAY' THEN $C "                                     \
                            "ELSE CONCAT('[', $C, ']') END, '$[*]' COLUMNS (n FOR ORDINALITY, id " \
                            "VARCHAR(255) PATH '$')) "                                             \
                            "e " LABELLED MYSQL_TEXT("e.id") ")"

const struct view_forms view_forms_mysql = {
    .value = MYSQL_TEXT("$C"),
    /* All decimals have thirty places. */
    .decimal_value = MYSQL_TEXT("TRIM(TRAILING '.' FROM TRIM(TRAILING '0' FROM $C))"),
    .lookup = LOOKUP,
    .option = OPTION,
    .options = MYSQL_OPTIONS,
    .options_text = "CASE WHEN JSON_TYPE($C) = 'ARRAY' THEN " MYSQL_OPTIONS " ELSE " OPTION " END",
    .primary = "(SELECT e.v FROM JSON_TABLE(CASE WHEN JSON_VALID($C) THEN $C ELSE '[]' END, "
               "'$[*]' COLUMNS (n FOR ORDINALITY, v TEXT PATH '$.value', "
               "p VARCHAR(8) PATH '$.primary')) e WHERE e.v <> '' "
               "ORDER BY e.p IN ('true', '1') DESC, e.n LIMIT 1)",
    .mark_head = "",
    .mark_tail = " AND '$M' <> ''",
    .backslash_is_an_escape = true,
};

/* ── Fitting ── */

static bool is_number(int type)
{
    return type == COLUMN_INTEGER || type == COLUMN_DECIMAL;
}

/* May the column be there? Sets its type. False: not. */
static bool can_be_computed(const struct view_column *column, int source, int key, int shown)
{
    switch (column->kind) {
    case VIEW_PLAIN:
        return true;
    case VIEW_LOOKUP:
        return (is_number(source) ? is_number(key) : source == COLUMN_TEXT && key == source) &&
               shown == COLUMN_TEXT;
    case VIEW_OPTION:
        return source >= 0 && shown >= 0;
    case VIEW_OPTIONS:
        return (source == COLUMN_JSON || source == COLUMN_TEXT) && shown >= 0;
    case VIEW_PRIMARY:
        return source == COLUMN_JSON;
    }
    g_assert_not_reached();
}

/* Types of what stands on the other side; absent where there is none. */
static bool types_beyond(const struct view_column *column, view_type_func type, void *opaque,
                         int *ret_key, int *ret_shown, GError **error)
{
    *ret_key = *ret_shown = VIEW_TYPE_ABSENT;
    switch (column->kind) {
    case VIEW_PLAIN:
    case VIEW_PRIMARY:
        return true;
    case VIEW_LOOKUP:
        return type(opaque, column->table, column->key, ret_key, error) &&
               type(opaque, column->table, column->shown, ret_shown, error);
    case VIEW_OPTION:
    case VIEW_OPTIONS:
        return type(opaque, OPTIONS_TABLE, OPTIONS_LABEL, ret_shown, error);
    }
    g_assert_not_reached();
}

static bool look_at(const struct view *view, struct view_column *column, view_type_func type,
                    void *opaque, bool *ret_stays, GError **error)
{
    int source, key, shown;
    if (!type(opaque, view->table, column->source, &source, error))
        return false;
    *ret_stays = source >= VIEW_TYPE_FOREIGN;
    if (!*ret_stays)
        return true;
    if (!types_beyond(column, type, opaque, &key, &shown, error))
        return false;
    /* A field that changed between one choice and several. */
    if (column->kind == VIEW_OPTION && source == COLUMN_JSON)
        column->kind = VIEW_OPTIONS;
    if (column->kind == VIEW_OPTIONS && is_number(source))
        column->kind = VIEW_OPTION;
    *ret_stays = can_be_computed(column, source, key, shown);
    if (source >= 0)
        column->type = (enum column_type)source;
    return true;
}

/* Computed columns go first when there are too many. */
static void cut(struct view *view, unsigned most)
{
    for (unsigned i = view->columns->len; i-- > 0 && view->columns->len > most;) {
        if (view_column(view, i)->kind != VIEW_PLAIN)
            view_remove(view, i);
    }
}

bool view_fit(struct view *view, const struct destination_caps *caps, view_type_func type,
              void *opaque, GError **error)
{
    int live = VIEW_TYPE_ABSENT, first;
    if (!type(opaque, view->table, view_column(view, 0)->source, &first, error))
        return false;
    if (first == VIEW_NO_TABLE) {
        g_array_set_size(view->columns, 0);
        return true;
    }
    for (unsigned i = 0; i < view->columns->len;) {
        bool stays;
        if (!look_at(view, view_column(view, i), type, opaque, &stays, error))
            return false;
        if (stays)
            i++;
        else
            view_remove(view, i);
    }
    if (view->live && !type(opaque, view->table, view->live, &live, error))
        return false;
    if (live < VIEW_TYPE_FOREIGN)
        g_clear_pointer(&view->live, g_free);
    if (caps->max_columns)
        cut(view, caps->max_columns);
    return true;
}

/* ── The text ── */

struct text {
    GString *sql;
    const struct view_place *place;
    const struct view *view;
    const char *mark;
};

static void append_literal(const struct text *t, const char *value)
{
    g_string_append_c(t->sql, '\'');
    for (const char *p = value; *p; p++) {
        if (*p == '\'' || (*p == '\\' && t->place->dialect->views->backslash_is_an_escape))
            g_string_append_c(t->sql, *p);
        g_string_append_c(t->sql, *p);
    }
    g_string_append_c(t->sql, '\'');
}

static void append_source(const struct text *t, const char *column)
{
    g_string_append(t->sql, "t.");
    dialect_quote(t->place->dialect, t->sql, column);
}

static void append_form(const struct text *t, const struct view_column *column, const char *form);

/* A sign that is no mark stays: '$.value' is a path. */
static void append_marked(const struct text *t, const struct view_column *column, char mark)
{
    const struct view_forms *forms = t->place->dialect->views;
    switch (mark) {
    case 'C':
        append_source(t, column->source);
        return;
    case 'V':
        append_form(t, column,
                    column->type == COLUMN_DECIMAL ? forms->decimal_value : forms->value);
        return;
    case 'T':
        append_literal(t, t->view->table);
        return;
    case 'N':
        append_literal(t, column->source);
        return;
    case 'O':
        t->place->relation(t->place->opaque, t->sql, OPTIONS_TABLE);
        return;
    case 'X':
        t->place->relation(t->place->opaque, t->sql, column->table);
        return;
    case 'K':
        dialect_quote(t->place->dialect, t->sql, column->key);
        return;
    case 'S':
        dialect_quote(t->place->dialect, t->sql, column->shown);
        return;
    case 'L':
        g_string_append(t->sql, t->place->collation);
        return;
    case 'M':
        g_string_append(t->sql, t->mark);
        return;
    default:
        g_string_append_c(t->sql, '$');
        g_string_append_c(t->sql, mark);
    }
}

static void append_form(const struct text *t, const struct view_column *column, const char *form)
{
    for (const char *p = form; *p; p++) {
        if (*p == '$' && p[1])
            append_marked(t, column, *++p);
        else
            g_string_append_c(t->sql, *p);
    }
}

static const char *form_of(const struct view_forms *forms, const struct view_column *column)
{
    switch (column->kind) {
    case VIEW_PLAIN:
        return "$C";
    case VIEW_LOOKUP:
        return forms->lookup;
    case VIEW_OPTION:
        return forms->option;
    case VIEW_OPTIONS:
        return column->type == COLUMN_TEXT ? forms->options_text : forms->options;
    case VIEW_PRIMARY:
        return forms->primary;
    }
    g_assert_not_reached();
}

static void append_select(const struct text *t)
{
    for (unsigned i = 0; i < t->view->columns->len; i++) {
        const struct view_column *column = view_column(t->view, i);
        g_string_append(t->sql, i ? ",\n    " : "SELECT\n    ");
        append_form(t, column, form_of(t->place->dialect->views, column));
        g_string_append(t->sql, " AS ");
        dialect_quote(t->place->dialect, t->sql, column->name);
    }
    g_string_append(t->sql, "\nFROM ");
    t->place->relation(t->place->opaque, t->sql, t->view->table);
    g_string_append(t->sql, " t\nWHERE ");
    if (t->view->live) {
        append_source(t, t->view->live);
        g_string_append(t->sql, " IS NULL");
    } else {
        g_string_append(t->sql, "1 = 1");
    }
}

char *view_mark(const struct view_place *place, const struct view *view)
{
    g_autoptr(GString) select = g_string_new(NULL);
    const struct text t = {select, place, view, NULL};
    append_select(&t);
    g_autofree char *digest = g_compute_checksum_for_string(G_CHECKSUM_SHA256, select->str, -1);
    return g_strdup_printf(VIEW_MARK "%.16s", digest);
}

void view_definition(GString *sql, const struct view_place *place, const struct view *view,
                     const char *mark)
{
    g_assert(view->columns->len > 0);
    const struct text t = {sql, place, view, mark};
    g_string_append(sql, " AS ");
    append_form(&t, NULL, place->dialect->views->mark_head);
    append_select(&t);
    append_form(&t, NULL, place->dialect->views->mark_tail);
}
