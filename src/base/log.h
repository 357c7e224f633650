/* Log: one event, one line, fixed keys, over g_log_structured.
 *
 *   log_info("commit", "table", name, "rows", log_int(n), NULL);
 *
 * Below cli and server only log_debug and log_trace are used: a function returns an error or logs
 * it, never both. Lines go to standard error as text or JSON. Values are text; log_int() formats a
 * number into a per-call buffer, marked so that JSON shows a number (for log_event() alone, not for
 * printing). At most 16 pairs a line; keys in lower case. Never pass a secret: the type does not
 * convert, keep it so. Thread-safe. */
#ifndef PENSTOCK_BASE_LOG_H
#define PENSTOCK_BASE_LOG_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

enum log_format {
    LOG_TEXT,
    LOG_JSON
};

/* Installs the writer; call once from main. Lines below level are dropped (LOG_LEVEL_TRACE shows
 * all). */
void log_setup(enum log_format format, GLogLevelFlags level);
/* Called around each line, so that a progress display can step aside; NULL removes it.
 * Both run under the log's lock: they must not log. */
void log_set_screen(void (*hide)(void *), void (*show)(void *), void *opaque);

/* Pairs of key and text, ended by NULL. A NULL value drops the pair. */
void log_event(GLogLevelFlags level, const char *event, ...) G_GNUC_NULL_TERMINATED;

/* What comes by the thousand: below debug, and called so. */
#define LOG_LEVEL_TRACE ((GLogLevelFlags)(1 << G_LOG_LEVEL_USER_SHIFT))

#define log_trace(event, ...)   log_event(LOG_LEVEL_TRACE, event, __VA_ARGS__)
#define log_debug(event, ...)   log_event(G_LOG_LEVEL_DEBUG, event, __VA_ARGS__)
#define log_info(event, ...)    log_event(G_LOG_LEVEL_INFO, event, __VA_ARGS__)
#define log_warning(event, ...) log_event(G_LOG_LEVEL_WARNING, event, __VA_ARGS__)
#define log_error(event, ...)   log_event(G_LOG_LEVEL_CRITICAL, event, __VA_ARGS__)

struct log_number {
    char text[24];
};
struct log_number log_number_format(int64_t value);
#define log_int(value) (log_number_format((int64_t)(value)).text)

#endif
