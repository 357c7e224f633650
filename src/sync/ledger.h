/* Ledger: what the connections of one company spent in the last 24 hours, in a file that outlives a
 * killed process and that all processes of this machine share.
 *
 *   $XDG_STATE_HOME/penstock/company-7001.json {"company_id":7001,"limit":…,"entries":[[s,d,b],…]}
 *
 * Tokens are booked before they are sent: lock, read, add, write to a temporary file, rename. A
 * kill at any instruction leaves the old file or the new one. (No fsync: the I/O thread books; a
 * power cut may forget the last minutes.) Where no file can be written the entries live in memory,
 * and whoever owns the ledger keeps its text somewhere else. A file that is damaged or is another
 * company's is moved aside and counts as empty. No secret is ever in it. I/O thread. */
#ifndef PENSTOCK_SYNC_LEDGER_H
#define PENSTOCK_SYNC_LEDGER_H

#include "base/error.h"
#include "sync/budget.h"

struct ledger;

/* Where it is: folder, or where that is NULL or empty the usual one. g_free() it. */
char *ledger_folder(const char *folder);

/* folder: NULL = $PENSTOCK_STATE_DIR, else $XDG_STATE_HOME/penstock, else
 * ~/.local/state/penstock. Creates it. Never fails: *ret_warning (g_free() it, or NULL) says why it
 * keeps its entries in memory, or what it moved aside. */
struct ledger *ledger_open(const char *folder, int64_t company_id, char **ret_warning);
/* To look only: creates and changes nothing. kept: the text of a ledger in memory, used where there
 * is no file; may be NULL. */
struct ledger *ledger_peek(const char *folder, int64_t company_id, const char *kept);
/* Accepts NULL. */
void ledger_free(struct ledger *ledger);

/* False: in memory, and lost with the process. */
bool ledger_is_file(const struct ledger *ledger);
/* What is booked now, by everybody; tidy at now_s. Reads the file. limit: 0 = none is remembered.
 * The log is the ledger's. */
const struct budget_log *ledger_look(struct ledger *ledger, int64_t now_s, int64_t *ret_limit);

/* The time of the newest entry, 0 without one: for whom no server told the time. */
int64_t ledger_newest_s(struct ledger *ledger);
/* As it was when it was last read. */
const struct budget_log *ledger_known(const struct ledger *ledger);

/* Between the two nobody else books: PARKED when another process holds the file for too long. The
 * log may be changed; its file is written by the second. */
MUST_USE bool ledger_begin(struct ledger *ledger, int64_t now_s, struct budget_log **ret_log,
                           GError **error);
/* limit: > 0 is remembered. Never fails: a file that cannot be written any more makes the ledger
 * one in memory, and *ret_warning (may be NULL where it was given NULL) says so once. */
void ledger_end(struct ledger *ledger, bool changed, int64_t limit, char **ret_warning);

/* The text of the entries, to be kept elsewhere; and back, for a ledger in memory: false for text
 * that is none of this company's. */
char *ledger_text(const struct ledger *ledger);
bool ledger_take_text(struct ledger *ledger, const char *text);

#endif
