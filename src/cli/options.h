/* Options: one table of everything that can be typed.
 *
 * Parsing, --help, the man page and the bash completion are read from it; a new option is one more
 * row in options.c. May not know: the configuration file, the engine. Thread: main only. */
#ifndef PENSTOCK_CLI_OPTIONS_H
#define PENSTOCK_CLI_OPTIONS_H

#include "base/clock.h"
#include "base/error.h"
#include "sync/budget.h"

enum command {
    COMMAND_NONE, /* no word was typed */
    COMMAND_CHECK,
    COMMAND_DISCOVER,
    COMMAND_PLAN,
    COMMAND_SYNC,
    COMMAND_REFRESH,
    COMMAND_STATUS,
    COMMAND_VIEWS,
    COMMAND_VERIFY,
    COMMAND_RESET,
    COMMAND_HELP,
    COMMAND_COUNT,
};

/* What was typed. A text is NULL, a number or choice -1, a start date INSTANT_NONE when it was not.
 */
struct options {
    enum command command;
    char **names; /* the words after the command; never NULL */
    char *to, *api_url, *tables, *config, *schema, *generate, *state_dir;
    instant_t start_date;
    int64_t max_lag_s;
    int64_t max_tokens;
    struct budget_amount budget;
    int64_t sample, seed;
    int64_t retry_base_ms, timeout_ms, lock_timeout_ms, memory_mib;
    int custom_fields; /* enum custom_fields_mode */
    int dealflow;      /* enum dealflow_mode */
    int metadata;      /* enum metadata_style */
    int deletes;       /* enum deletes_mode */
    int log_format;    /* enum log_format */
    int verbose;       /* how often -v was given */
    bool all, yes, drop, json, yaml, quiet, no_color, version, help;
};

enum option_kind {
    OPTION_FLAG,     /* bool */
    OPTION_COUNT,    /* int: how often */
    OPTION_TEXT,     /* char * */
    OPTION_CHOICE,   /* int: index into `choices` */
    OPTION_DURATION, /* int64_t seconds */
    OPTION_DAY,      /* instant_t */
    OPTION_NUMBER,   /* int64_t, not negative */
    OPTION_AMOUNT,   /* struct budget_amount: tokens, or a percentage */
};

/* What the completion offers for an argument. */
enum option_values {
    VALUES_NONE,
    VALUES_FILES,
    VALUES_TABLES,
    VALUES_DESTINATIONS
};

struct option_row {
    const char *name;
    char letter; /* 0 = none */
    enum option_kind kind;
    size_t offset;        /* in struct options */
    const char *argument; /* "URL"; NULL for flags */
    const char *choices;  /* "text|json", in the order of the enum */
    enum option_values values;
    unsigned commands; /* bit 1 << enum command */
    bool hidden;
    const char *help;
};

struct command_row {
    const char *name;
    const char *arguments; /* "[CONNECTION…]" in ASCII, for the usage line */
    const char *summary;   /* one line */
    const char *text;      /* paragraphs, separated by an empty line */
    const char *example;
};

extern const struct option_row option_rows[];   /* ended by a NULL name */
extern const struct command_row command_rows[]; /* by enum command; COMMAND_NONE is empty */

/* Fails with CONFIG; the message names the option and the next step. options_done() in every case.
 */
MUST_USE bool options_parse(struct options *ret, int argc, char **argv, GError **error);
void options_done(struct options *options);

/* The word of `words` (ended by NULL) that is most like `word`, or NULL when none is near. */
const char *nearest_word(const char *word, const char *const *words);

#endif
