/* Catalog: every stream of the API that Penstock replicates, as data.
 *
 * A table is a row, a column is a row. Decoder, requests, DDL, discover and prices are read from
 * here; a new table is one more row in catalog.c. Facts come from the official OpenAPI documents of
 * 2026-08-18 (v1 1.0.0, v2 2.0.0) unless a comment names another source. Immutable; any thread. */
#ifndef PENSTOCK_PIPEDRIVE_CATALOG_H
#define PENSTOCK_PIPEDRIVE_CATALOG_H

#include "model/table.h"

/* In the order of a first load: full tables, then parents, then children. */
enum stream_id {
    STREAM_ACTIVITY_TYPES,
    STREAM_CURRENCY,
    STREAM_FILTERS,
    STREAM_PIPELINES,
    STREAM_STAGES,
    STREAM_USERS,
    STREAM_DEAL_FIELDS,
    STREAM_DEALS,
    STREAM_PERSONS,
    STREAM_ORGANIZATIONS,
    STREAM_ACTIVITIES,
    STREAM_PRODUCTS,
    STREAM_NOTES,
    STREAM_FILES,
    STREAM_DEAL_PRODUCTS,
    STREAM_DEALFLOW,
    STREAM_COUNT,
};

/* How a stream is walked; each kind is one walk_*.c. */
enum walk_kind {
    WALK_CURSOR_TIME, /* v2 keyset list by update_time from an inclusive updated_since */
    WALK_NOTES,       /* v1 offset list with updated_since */
    WALK_FILES,       /* v1 offset list without a filter */
    WALK_WHOLE,       /* read in one unbroken pass, then swept */
    WALK_LINES,       /* deals/products: 100 deals a call */
    WALK_FLOW,        /* deals/{id}/flow: one deal a call */
};

enum paging {
    PAGING_NONE,
    PAGING_CURSOR,
    PAGING_OFFSET
};

/* How often a list is asked when nothing else is said (setting `every`). */
enum interval_class {
    INTERVAL_HOT,
    INTERVAL_ARCHIVED,
    INTERVAL_FULL
};

/* Whose custom fields a stream has. */
enum fields_entity {
    FIELDS_NONE,
    FIELDS_DEAL,
    FIELDS_PERSON,
    FIELDS_ORGANIZATION,
    FIELDS_PRODUCT
};

enum column_source {
    SOURCE_ALWAYS,
    SOURCE_INCLUDE, /* only when named in include_fields */
    SOURCE_GATED, /* as SOURCE_INCLUDE, and refused with 400/403 unless the plan or an app allows it
                   */
};

struct stream_column {
    const char *name; /* in the API and in the table */
    enum column_type type;
    enum column_source source;
    bool drifts; /* may change while the record's update_time stands still */
};

#define STREAM_MAX_LISTS 2

struct stream_list {
    const char *name; /* in the state: "normal", "archived" */
    const char *path;
    const char *query; /* fixed parameters, "" or "&status=…" */
    int cost_tokens;   /* a call, whatever the page size (x-token-cost) */
    enum interval_class interval;
};

struct stream {
    enum stream_id id;
    const char *name;
    const char *method;          /* "CDC" or "full" */
    const char *replication_key; /* column, or NULL */
    const char *parent_column;   /* children: column that holds the deal's id, else NULL */
    enum walk_kind walk;
    enum paging paging;
    unsigned page_rows;
    bool has_until; /* updated_until exists */
    int get_tokens; /* price of GET path/{id} of the first list, which answers one record; 0 = there
                       is none */
    unsigned ids_a_call; /* the list takes ids=, so many at once; 0 = it does not */
    struct stream_list lists[STREAM_MAX_LISTS];
    unsigned list_count;
    const struct stream_column *columns;
    unsigned column_count;
    enum fields_entity fields;
    const char *deleted_key; /* boolean key that marks a deleted record, or NULL */
    bool deleted_when;       /* the value of deleted_key that means deleted */
    const char *comment;
};

extern const struct stream catalog[STREAM_COUNT];

/* NULL if there is none of that name. */
const struct stream *catalog_find(const char *name);

/* The field list of an entity: "/api/v2/dealFields", price 10; NULL for FIELDS_NONE. */
const char *catalog_fields_path(enum fields_entity entity);
const char *catalog_fields_name(enum fields_entity entity); /* "deal" */
#define CATALOG_FIELDS_COST 10
#define CATALOG_FIELDS_PAGE 500

/* Who the token belongs to. */
#define CATALOG_ME_PATH "/api/v1/users/me"
#define CATALOG_ME_COST 2

#endif
