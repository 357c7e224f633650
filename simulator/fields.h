/* Field definitions of one entity: standard ones (a constant table) and custom ones (made up, then
 * edited through the admin API), and the values of custom fields. */
#ifndef SIM_FIELDS_H
#define SIM_FIELDS_H

#include <glib.h>

#include "buf.h"
#include "table.h"

enum field_type {
    F_VARCHAR,
    F_VARCHAR_AUTO,
    F_TEXT,
    F_DOUBLE,
    F_MONETARY,
    F_SET,
    F_ENUM,
    F_USER,
    F_ORG,
    F_PEOPLE,
    F_PHONE,
    F_TIME,
    F_TIMERANGE,
    F_DATE,
    F_DATERANGE,
    F_ADDRESS,
    N_CREATABLE_TYPES,
    /* of standard fields only */
    F_INT = N_CREATABLE_TYPES,
    F_BOOLEAN,
    F_VISIBLE_TO,
    F_STATUS,
    F_STAGE,
    F_PICTURE,
    F_DEAL,
    F_PRICE_LIST,
    F_BILLING_FREQUENCY,
    F_VARCHAR_OPTIONS,
    N_FIELD_TYPES,
};

struct field_option {
    int id;
    char *label;
    const char *color; /* NULL: none */
    int64_t add_time, update_time;
    bool deleted;
};

struct field {
    char key[48];
    char *name;
    enum field_type type;
    int id;
    int64_t add_time, update_time; /* update 0: null */
    GArray *options;               /* struct field_option; NULL: none */
    uint8_t fill;                  /* percent of made-up rows that have a value */
    bool custom, mandatory, optional_response;
    uint32_t type_version; /* counts changes of type: changes the made-up values */
};

struct field_set {
    GPtrArray *list; /* struct field, in order_nr */
    int last_id, last_option;
    int first_custom, born_customs; /* ids of the custom fields that the company was born with */
};

struct company;
struct view;

const char *field_type_name(enum field_type type);
int field_type_by_name(const char *name); /* -1: unknown */
bool field_type_has_options(enum field_type type);
/* The suffixes that the type adds in v1 ("currency", …), zero-terminated list; NULL: none. */
const char *const *field_subfields(enum field_type type);

void field_set_init(struct field_set *set, struct company *c, enum entity e, int custom_fields);
void field_set_done(struct field_set *set);
struct field *field_set_find(const struct field_set *set, const char *key);
struct field *field_set_find_id(const struct field_set *set, int id);
/* `key` NULL: a new 40-hex one. */
struct field *field_set_add(struct field_set *set, struct company *c, enum entity e,
                            const char *name, enum field_type type, const char *key, int64_t now);
void field_set_remove(struct field_set *set, struct field *field);
/* Returns the new option's id. */
int field_add_option(struct field_set *set, struct field *field, const char *label, int64_t now);
struct field_option *field_option(const struct field *field, int id);

/* fieldvalue.c. A custom field's value in the v2 shape. */
void field_value(struct buf *b, const struct view *v, const struct record *r,
                 const struct field *field);
/* The same, flat, as v1 records have it: `"key":…,"key_currency":…,` with a comma at the end. */
void field_value_flat(struct buf *b, const struct view *v, const struct record *r,
                      const struct field *field);

#endif
