/* View: the text of a readable view, from the same description for every dialect.
 *
 * Each kind of computed column is one form, a text with marks, and a dialect has a row of forms.
 * They are scalar subqueries on purpose: they cannot multiply rows, a column that no query asks for
 * costs nothing, and no database counts them as tables of a join (MariaDB: 61, SQLite: 64). */
#ifndef PENSTOCK_SQL_VIEW_H
#define PENSTOCK_SQL_VIEW_H

#include "base/error.h"
#include "model/destination.h"
#include "sql/dialect.h"

/* Marks in a form: $C the source column, $V its value as an option's id, $T and $N its table's and
 * its own name as literals, $O the options' table, $X the table that is looked up, $K its key, $S
 * its column that is shown, $L the collation of Penstock's texts, $M the view's mark. */
struct view_forms {
    const char *value, *decimal_value; /* what $V is */
    const char *lookup;
    const char *option;
    const char *options;      /* of a JSON column */
    const char *options_text; /* of a text column: a JSON list there, or one id */
    const char *primary;
    const char *mark_head;       /* after AS: where the mark is a comment; else "" */
    const char *mark_tail;       /* after the last condition; else "" */
    bool backslash_is_an_escape; /* in a literal */
};

extern const struct view_forms view_forms_sqlite, view_forms_postgres, view_forms_mysql;

/* What the database has under a name; bool: false with an error. */
#define VIEW_TYPE_ABSENT  (-2) /* no such column */
#define VIEW_NO_TABLE     (-3) /* no such table of ours */
#define VIEW_TYPE_FOREIGN (-1) /* a type that Penstock does not write */
typedef bool (*view_type_func)(void *opaque, const char *table, const char *column, int *ret,
                               GError **error);

/* Where a view goes. */
struct view_place {
    const struct dialect *dialect;
    /* Appends a relation of ours, quoted and qualified. */
    void (*relation)(void *opaque, GString *sql, const char *table);
    void *opaque;
    const char *collation; /* NULL where no form asks for it */
};

/* Takes out what the database does not have, and what it could not compare; sets each source's type
 * as it is there. A view without columns remains when its table is missing. */
MUST_USE bool view_fit(struct view *view, const struct destination_caps *caps, view_type_func type,
                       void *opaque, GError **error);

/* Every mark begins so: how Penstock knows its own views. */
#define VIEW_MARK "Penstock view "
/* Changes whenever the text does. g_free() it. */
char *view_mark(const struct view_place *place, const struct view *view);
/* What stands behind "CREATE VIEW name". */
void view_definition(GString *sql, const struct view_place *place, const struct view *view,
                     const char *mark);

#endif
