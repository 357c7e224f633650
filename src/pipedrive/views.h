/* Views: what the readable view of a stream's table shows, as data.
 *
 * Right behind each column of the table stand the columns that explain it: the label of an option,
 * the name behind an id, the primary e-mail of a list. A view asks for everything that the catalog
 * knows; what a database does not have is taken out there (sql/view.h). No I/O here. */
#ifndef PENSTOCK_PIPEDRIVE_VIEWS_H
#define PENSTOCK_PIPEDRIVE_VIEWS_H

#include "model/view.h"
#include "pipedrive/fields.h"

/* "deals_view". g_free() it. */
char *views_name(const struct stream *stream);
/* table: as fields_build_table() makes it of the same fields, which may be NULL. The caller frees
 * it. Columns of the table keep their names; a computed one whose name is taken gets "_2". */
struct view *views_build(const struct stream *stream, const struct table *table,
                         const struct fields *fields);

#endif
