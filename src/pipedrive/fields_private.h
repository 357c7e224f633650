/* What the chapters of the custom fields share, and nobody else: fields.c (types, names, columns),
 * fields_list.c (what the API lists) and fields_store.c (what a destination remembers). */
#ifndef PENSTOCK_PIPEDRIVE_FIELDS_PRIVATE_H
#define PENSTOCK_PIPEDRIVE_FIELDS_PRIVATE_H

#include "pipedrive/fields.h"

/* A member that no answer has. */
#define NO_MEMBER "\x01"

struct part_form {
    const char *member, *name;
    enum column_type type;
};

struct fields {
    const struct stream *stream;
    enum fields_mode mode;
    GHashTable *by_key;  /* key → struct field, owned */
    GHashTable *columns; /* names in use, of the whole table; owned text */
    GPtrArray *listed;   /* struct field, of the list being read */
};

/* The parts of a type's values; ended by one without a name. */
const struct part_form *field_forms(const char *type);
/* Takes the texts; name and type may be NULL. */
struct field *field_new(char *key, char *name, char *type);
void field_free(void *field);
/* Takes the column's name, which is then in use. */
void fields_add_part(struct fields *fields, struct field *field, const struct part_form *form,
                     char *column);
/* Gives a field the columns that its type needs and widens those that it has. Returns whether
 * anything changed. */
bool fields_give_columns(struct fields *fields, struct field *field);
/* By key. */
void fields_sort(GPtrArray *fields);
/* fields_list.c: options as the API lists them, or as they were stored, deleted ones among them. */
void field_read_options(struct field *field, const struct json_value *list, bool stored);

#endif
