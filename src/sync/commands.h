/* The commands that are not a sync: each asks, answers with a plain record, and changes nothing but
 * what it says. */
#ifndef PENSTOCK_SYNC_COMMANDS_H
#define PENSTOCK_SYNC_COMMANDS_H

#include "sync/outlook.h"
#include "sync/sync.h"
#include "sync/views.h"

/* --- check: who am I, may I see everything, is the destination writable, what is left of the
 * budget. 2 tokens. --- */
struct check_report {
    char *user_name, *company_name, *company_domain;
    int64_t user_id, company_id;
    bool is_admin;                        /* false: rows are missed silently; the caller warns */
    int64_t burst_limit;                  /* requests per 2 s; -1 unknown */
    int64_t daily_limit, daily_remaining; /* tokens of the company; -1 unknown */
    char *destination;                    /* "crm.db: writable, 16 tables" … */
    bool destination_ok;
    GError *destination_error; /* when not ok */
    bool other_company;        /* the destination holds another company's data */
    GPtrArray *gated; /* char *: include fields that the company's plan refuses, as the state
                         remembers them */
    int64_t tokens;
};
MUST_USE bool check_run(const struct sync_settings *settings, struct check_report *ret,
                        GError **error);
void check_report_done(struct check_report *report);

/* --- discover: tables, columns, keys, methods. With a token also the custom fields (40 tokens);
 * else the catalog alone. --- */
struct discover_column {
    char *name;
    const char *type; /* column_type_name() */
    char *source;     /* key in the API; for custom fields the 40-character key */
    char *comment;    /* field name of a custom field, or NULL */
};
struct discover_table {
    const char *name, *method;   /* "CDC" or "full" */
    const char *key;             /* "id" */
    const char *replication_key; /* or NULL */
    const char *source;          /* "GET /api/v2/deals" */
    int cost_tokens;
    bool selected;
    GArray *columns; /* struct discover_column */
};
MUST_USE bool discover_run(const struct sync_settings *settings,
                           GPtrArray **ret_tables /* struct discover_table */, GError **error);

/* --- plan: what runs cost, before anything is spent. Ranges hold what a run then spends: a table's
 * with a confidence of 99 %, the whole run's with 96 %, as far as the lists stay as they are. At
 * most PLAN_TOKENS_MAX. --- */
#define PLAN_TOKENS_MAX 150

struct plan_range {
    int64_t low, likely, high;
};
struct plan_price {
    struct plan_range calls, tokens;
    struct plan_range seconds; /* at the current burst limit */
};
struct plan_table {
    const char *table;
    bool first_load;
    struct plan_range rows;    /* that the lists show; 0 where they are not counted */
    struct plan_price next;    /* the next sync; of a table that is not there, its first load */
    struct plan_price day;     /* one run a day, with what a day brings */
    struct plan_price refresh; /* a run with a full pass, without the rows that are gone */
    struct plan_price pass;    /* the pass alone; 0 = the table has none */
    bool pass_due;             /* it is part of the next sync */
    int64_t pass_due_s;        /* seconds until it is; -1 = never by itself */
    const char *note;          /* "not due", or NULL */
};
struct plan_report {
    GArray *tables;                       /* struct plan_table */
    struct plan_price next, day, refresh; /* of the whole run; less wide than the tables' sum */
    struct plan_price idle;               /* a run soon after another, when nothing changed */
    int64_t pass_tokens;                  /* of all full passes, at most */
    double days;                          /* next.tokens.high over the daily limit; < 0 unknown */
    int64_t spent_tokens;                 /* what the plan itself cost */
    int64_t burst_limit, daily_limit, daily_remaining;
    int64_t company_id;
    struct outlook outlook;
};
MUST_USE bool plan_run(const struct sync_settings *settings, struct plan_report *ret,
                       GError **error);
void plan_report_done(struct plan_report *report);

/* --- status: from the destination alone, no token spent. --- */
struct status_table {
    const char *table;
    bool loaded;           /* false: never synced */
    int64_t rows, deleted; /* alive and flagged in the destination */
    char bookmark[32];     /* RFC 3339 or "" */
    char last_run[32];     /* when it last ended well, RFC 3339 server time, "" = never */
    int64_t lag_s;         /* since that, by this machine's clock; -1 unknown */
    int64_t every_s;       /* how often it is asked for: so much lag is meant; 0 = by every run */
    char *last_outcome;    /* of the last run, from _penstock_runs; NULL = none */
    int64_t backlog;       /* children: deals waiting; else 0 */
    char last_pass[32];    /* when the last full pass (or the first load) began, "" = never */
    int64_t pass_due_s; /* until the next, by this machine's clock; -1 = never by itself, or none */
    bool pass_open;     /* one is under way */
    int64_t pass_rows;  /* that it has read so far */
};
struct status_report {
    char *company; /* NULL: never synced */
    int64_t company_id;
    GArray *tables;         /* struct status_table */
    struct outlook outlook; /* by this machine's clock */
    int64_t max_lag_s;      /* the worst of the tables that are selected; -1 = never synced */
};
MUST_USE bool status_run(const struct sync_settings *settings, struct status_report *ret,
                         GError **error);
void status_report_done(struct status_report *report);

/* --- verify: counts, and a sample of records read again and compared by column. --- */
enum verify_finding {
    FINDING_DIFFERENT, /* a column of a record that nobody changed since */
    FINDING_DRIFT,     /* a column that changes without the record's update_time */
    FINDING_MISSING,   /* a record that should be here */
    FINDING_FLAGGED,   /* it is flagged as deleted here, and alive in Pipedrive */
    FINDING_DELETED,   /* it is deleted in Pipedrive, and alive here */
    FINDING_GONE,      /* it is alive here, and Pipedrive does not show it */
};
const char *finding_name(enum verify_finding finding); /* "different" …: fixed words, for JSON */

struct verify_difference {
    const char *table;
    int64_t id;
    enum verify_finding finding;
    char *column;        /* NULL: the record as a whole */
    char *stored, *sent; /* texts of both values; NULL = null */
};
struct verify_table {
    const char *table;
    int64_t rows, deleted; /* alive and flagged in the destination */
    bool whole;            /* every record was compared, not a sample */
    /* Records that were compared; every one is in exactly one of the others. */
    int64_t sampled;
    int64_t equal;
    int64_t drifted;   /* equal but for columns that move without update_time */
    int64_t newer;     /* changed in Pipedrive after what the last sync promises to have */
    int64_t different; /* also: deleted in Pipedrive within what the sync promises */
    int64_t missing;   /* not here, or flagged here */
    int64_t gone;      /* alive here, not shown by Pipedrive: the next full pass flags it */
    bool failed;       /* could not be compared; note says why */
    char *note;        /* why it was not compared, or not to its end; NULL otherwise */
};
struct verify_settings {
    unsigned sample; /* records of a table */
    uint32_t seed;   /* of the choice */
    /* The price, before anything is spent. */
    void (*announce)(void *opaque, int64_t requests, int64_t tokens);
    void *opaque;
};
struct verify_report {
    GArray *tables;      /* struct verify_table */
    GArray *differences; /* struct verify_difference */
    int64_t requests_high, tokens_high;
    int64_t requests, tokens; /* spent */
    bool is_admin;
    bool same; /* nothing different, nothing missing, nothing failed */
};
MUST_USE bool verify_run(const struct sync_settings *settings, const struct verify_settings *verify,
                         struct verify_report *ret, GError **error);
void verify_report_done(struct verify_report *report);

/* --- reset: drops the tables (all of the connection's, or settings->tables) with their bookmarks;
 * names of custom fields are permanent and stay. --- */
MUST_USE bool reset_run(const struct sync_settings *settings, unsigned *ret_dropped,
                        GError **error);

/* --- views: makes the readable views, which every sync then keeps up to date, or drops them. No
 * call, no token. --- */
struct views_report {
    GArray *views;    /* struct view_report, in the catalog's order */
    unsigned dropped; /* with drops */
    char *remark;     /* views that could not be made, and the next step; NULL = none */
};
/* CONFIG when nothing is replicated yet. */
MUST_USE bool views_run(const struct sync_settings *settings, bool drops, struct views_report *ret,
                        GError **error);
void views_report_done(struct views_report *report);

#endif
