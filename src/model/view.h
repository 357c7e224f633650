/* View: a readable face of one table, described as data.
 *
 * It shows the rows that are alive, with the table's own columns as they are and computed ones
 * beside them: labels of options, names behind ids, the primary entry of a list. Computed columns
 * never add or lose a row, and a value that cannot be read (broken JSON) is null, not an error.
 * Built by the Pipedrive side, written by destinations. May not know: SQL. */
#ifndef PENSTOCK_MODEL_VIEW_H
#define PENSTOCK_MODEL_VIEW_H

#include "model/table.h"

/* Where labels come from: a TABLE_SYSTEM with one row an option. A label that changes changes a row
 * here, never a view. */
#define OPTIONS_TABLE   "_penstock_options"
#define OPTIONS_OF      "table_name"
#define OPTIONS_COLUMN  "column_name"
#define OPTIONS_ID      "option_id" /* as text: 12, open */
#define OPTIONS_LABEL   "label"     /* of an option that was deleted: the last one */
#define OPTIONS_DELETED "is_deleted"

enum view_column_kind {
    VIEW_PLAIN,   /* the source as it is */
    VIEW_LOOKUP,  /* column `shown` of the row of `table` whose `key` is the source */
    VIEW_OPTION,  /* label of the option whose id is the source */
    VIEW_OPTIONS, /* labels of the options whose ids the source lists (JSON), joined by ", " */
    VIEW_PRIMARY, /* "value" of the entry of a JSON list that says "primary", else of the first that
                     has one */
};
/* Labels: an id that has none stands for itself. */

struct view_column {
    char *name;
    enum view_column_kind kind;
    char *source;              /* column of the view's table */
    enum column_type type;     /* of the source; view_fit() makes it that of the database */
    char *table, *key, *shown; /* VIEW_LOOKUP; else NULL */
};

struct view {
    char *name;
    char *table;     /* whose rows it shows */
    char *live;      /* column that is null in the rows that are shown; NULL = every row */
    GArray *columns; /* struct view_column */
};

typedef struct view View; /* for g_autoptr(View) */
struct view *view_new(const char *name, const char *table, const char *live);
/* Accepts NULL. */
void view_free(struct view *view);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(View, view_free)
/* Copies every text. */
void view_add(struct view *view, const struct view_column *column);
void view_remove(struct view *view, unsigned index);
/* NULL if there is none; ASCII case is folded, as some databases do. */
const struct view_column *view_find(const struct view *view, const char *name);
/* Does it show anything of this table? */
bool view_reads(const struct view *view, const char *table);

static inline struct view_column *view_column(const struct view *view, unsigned index)
{
    return &g_array_index(view->columns, struct view_column, index);
}

#endif
