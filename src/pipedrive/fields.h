/* Custom fields: which column holds which field, for one entity (deals, persons …).
 *
 * A field's columns are named once, from its name when first seen, and keep their names for ever:
 * renames, resets and deletions in Pipedrive never move a column. A field has one column a part (a
 * monetary field: value and currency). The list lives in the destination's _penstock_fields, a row
 * a part. Owner: I/O thread. No I/O here. */
#ifndef PENSTOCK_PIPEDRIVE_FIELDS_H
#define PENSTOCK_PIPEDRIVE_FIELDS_H

#include "model/batch.h"
#include "pipedrive/catalog.h"
#include "json/json.h"

enum fields_mode {
    FIELDS_AS_NAMES, /* deal_source */
    FIELDS_AS_KEYS,  /* the 40-character key */
    FIELDS_AS_JSON,  /* one column custom_fields */
};

struct fields;

struct field_part {
    const char
        *member; /* of the value's object; "" = a plain value, NULL = the whole value as JSON */
    const char *name; /* "" for the main part, "currency" … */
    char *column;
    enum column_type type; /* only ever widened */
};

struct field {
    char *key;      /* field_code */
    char *name;     /* as it reads today */
    char *type;     /* field_type, as it reads today */
    bool active;    /* in the newest list; false: deleted in Pipedrive, columns keep their values */
    bool is_custom; /* false: a standard field, kept for its options only */
    GArray *options; /* struct field_option */
    GArray *parts;   /* struct field_part */
};

struct field_option {
    char *id; /* as JSON: 12 or "abc" */
    char *label;
    bool deleted;
};

struct fields *fields_new(const struct stream *stream, enum fields_mode mode);
/* Accepts NULL. */
void fields_free(struct fields *fields);
/* A column that the table has, maybe a person's: new fields make way. Before anything else. */
void fields_reserve(struct fields *fields, const char *column);
/* NULL if unknown. key need not be zero-terminated. */
const struct field *fields_find(const struct fields *fields, const char *key, size_t length);
/* Every field, in the order of its key; g_ptr_array_unref() it. */
GPtrArray *fields_list(const struct fields *fields);
enum fields_mode fields_mode(const struct fields *fields);

/* One stored row of _penstock_fields (cells as fields_table() orders them); foreign tables' rows
 * are ignored. */
void fields_restore(struct fields *fields, const struct cell *cells);

/* Whether the row speaks of the stream's fields. */
bool fields_row_is_of(const struct cell *cells, const struct stream *stream);

/* A field list read anew: begin, every page, end. Only end changes anything; *ret_changed tells if
 * the rows of _penstock_fields did. */
void fields_begin_list(struct fields *fields);
MUST_USE bool fields_take_page(struct fields *fields, const struct json_value *root,
                               char **ret_cursor, GError **error);
void fields_end_list(struct fields *fields, bool *ret_changed);

/* The definition of _penstock_fields; the caller frees it. */
struct table *fields_table(void);
/* Every row of this entity, into a batch prepared for fields_table(). */
void fields_write(const struct fields *fields, struct batch *batch);

/* The definition of _penstock_options (model/view.h); the caller frees it. */
struct table *fields_options_table(void);
/* Every option of this entity, those that were deleted too, into a batch prepared for
 * fields_options_table(). Goes into every commit that fields_write() goes into. */
void fields_write_options(const struct fields *fields, struct batch *batch);

/* The column that holds the field's value or option ids; NULL if it has none. g_free() it. */
char *fields_main_column(const struct fields *fields, const struct field *field);

/* The stream's table as of now: catalog, custom, system columns. fields may be NULL. The caller
 * frees it. */
struct table *fields_build_table(const struct stream *stream, const struct fields *fields,
                                 enum metadata_style style);

/* "Deal source" → "deal_source": lower case, letters and digits of any script, "_" for the rest.
 * Never empty. */
char *fields_slug(const char *name, const char *key);

#endif
