#include "base/log.h"

#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* First byte of log_int()'s text: tells JSON that the value is a number. Never printed. */
#define NUMBER_MARK '\x1f'

/* Only lines of log_event() carry it; messages of GLib's own (g_warning and the like) do not. */
#define EVENT_FIELD "PENSTOCK_EVENT"

#define MAX_PAIRS 16

/* Everything below belongs to the lock, but for format and lowest: set once, before threads. */
static struct {
    GMutex lock;
    enum log_format format;
    GLogLevelFlags lowest;
    void (*hide)(void *);
    void (*show)(void *);
    void *opaque;
} log_state = {.lowest = LOG_LEVEL_TRACE};

static const char *level_name(GLogLevelFlags level)
{
    if (level & G_LOG_LEVEL_ERROR)
        return "fatal";
    if (level & G_LOG_LEVEL_CRITICAL)
        return "error";
    if (level & G_LOG_LEVEL_WARNING)
        return "warn";
    if (level & (G_LOG_LEVEL_DEBUG | LOG_LEVEL_TRACE))
        return "debug";
    return "info";
}

/* GLib's levels: the graver, the smaller. */
static bool is_dropped(GLogLevelFlags level)
{
    return (level & G_LOG_LEVEL_MASK) > log_state.lowest;
}

/* --- one line --- */

/* In quotes, by JSON's rules, for both formats: what a server sent can neither break the line nor
 * steer a terminal. */
static void append_quoted(GString *line, const char *value)
{
    g_autofree char *valid = g_utf8_make_valid(value, -1);

    g_string_append_c(line, '"');
    for (const char *at = valid; *at; at = g_utf8_next_char(at)) {
        gunichar c = g_utf8_get_char(at);
        if (c == '"' || c == '\\')
            g_string_append_printf(line, "\\%c", (char)c);
        else if (c == '\n')
            g_string_append(line, "\\n");
        else if (c == '\t')
            g_string_append(line, "\\t");
        else if (g_unichar_iscntrl(c))
            g_string_append_printf(line, "\\u%04x", c);
        else
            g_string_append_unichar(line, c);
    }
    g_string_append_c(line, '"');
}

static bool is_bare(const char *value)
{
    for (const char *at = value; *at; at++)
        if ((unsigned char)*at <= ' ' || (unsigned char)*at >= 0x7f || strchr("\"\\=", *at))
            return false;
    return *value != '\0';
}

static void append_text_pair(GString *line, const char *key, const char *value)
{
    if (*value == NUMBER_MARK)
        value++;
    g_string_append_printf(line, " %s=", key);
    if (is_bare(value))
        g_string_append(line, value);
    else
        append_quoted(line, value);
}

static void append_json_pair(GString *line, const char *key, const char *value)
{
    g_string_append_printf(line, ",\"%s\":", key);
    if (*value == NUMBER_MARK)
        g_string_append(line, value + 1);
    else
        append_quoted(line, value);
}

static void begin_text_line(GString *line, GLogLevelFlags level)
{
    time_t now = time(NULL);
    struct tm local;

    localtime_r(&now, &local);
    g_string_append_printf(line, "%02d:%02d:%02d %-5s ", local.tm_hour, local.tm_min, local.tm_sec,
                           level_name(level));
}

static void begin_json_line(GString *line, GLogLevelFlags level, const char *event)
{
    int64_t now = g_get_real_time();
    char text[INSTANT_TEXT_BYTES];

    instant_format_rfc3339(now, text);
    text[strlen(text) - 1] = '\0'; /* the Z goes behind the milliseconds */
    g_string_append_printf(line, "{\"time\":\"%s.%03dZ\",\"level\":\"%s\",\"event\":", text,
                           (int)(now / 1000 % 1000), level_name(level));
    append_quoted(line, event);
}

/* --- the writer of g_log_structured --- */

/* The field's text, NULL if there is none. Free it: fields need not end in a zero byte. */
static char *dup_field(const GLogField *fields, size_t count, const char *key)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(fields[i].key, key) == 0)
            return fields[i].length < 0 ? g_strdup(fields[i].value)
                                        : g_strndup(fields[i].value, (size_t)fields[i].length);
    return NULL;
}

/* Keys in lower case are log_event()'s pairs: no field of GLib or of the journal is spelled so. */
static void append_json_pairs(GString *line, const GLogField *fields, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (g_ascii_islower(fields[i].key[0]))
            append_json_pair(line, fields[i].key, fields[i].value);
}

static void append_foreign(GString *line, const GLogField *fields, size_t count,
                           void (*append_pair)(GString *, const char *, const char *))
{
    g_autofree char *domain = dup_field(fields, count, "GLIB_DOMAIN");
    g_autofree char *message = dup_field(fields, count, "MESSAGE");

    append_pair(line, "domain", domain ? domain : "");
    append_pair(line, "text", message ? message : "");
}

static void append_text_body(GString *line, const GLogField *fields, size_t count)
{
    g_autofree char *event = dup_field(fields, count, EVENT_FIELD);
    g_autofree char *message = dup_field(fields, count, "MESSAGE");

    if (event) {
        g_string_append(line, message);
    } else {
        g_string_append(line, "message");
        append_foreign(line, fields, count, append_text_pair);
    }
}

static GString *format_line(GLogLevelFlags level, const GLogField *fields, size_t count)
{
    GString *line = g_string_sized_new(128);

    if (log_state.format == LOG_TEXT) {
        begin_text_line(line, level);
        append_text_body(line, fields, count);
        g_string_append_c(line, '\n');
        return line;
    }
    g_autofree char *event = dup_field(fields, count, EVENT_FIELD);
    begin_json_line(line, level, event ? event : "message");
    if (event)
        append_json_pairs(line, fields, count);
    else
        append_foreign(line, fields, count, append_json_pair);
    g_string_append(line, "}\n");
    return line;
}

/* A line that cannot be written is lost: there is nobody to tell. */
static void write_all(const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t n = write(STDERR_FILENO, bytes, length);
        if (n >= 0) {
            bytes += n;
            length -= (size_t)n;
        } else if (errno == EAGAIN) {
            poll(&(struct pollfd){.fd = STDERR_FILENO, .events = POLLOUT}, 1, -1);
        } else if (errno != EINTR) {
            return;
        }
    }
}

static GLogWriterOutput write_line(GLogLevelFlags level, const GLogField *fields, gsize count,
                                   void *unused)
{
    (void)unused;
    if (is_dropped(level))
        return G_LOG_WRITER_HANDLED;
    GString *line = format_line(level, fields, count);

    g_mutex_lock(&log_state.lock);
    if (log_state.hide)
        log_state.hide(log_state.opaque);
    write_all(line->str, line->len);
    if (log_state.show)
        log_state.show(log_state.opaque);
    g_mutex_unlock(&log_state.lock);
    g_string_free(line, TRUE);
    return G_LOG_WRITER_HANDLED;
}

void log_setup(enum log_format format, GLogLevelFlags level)
{
    log_state.format = format;
    log_state.lowest = level;
    g_log_set_writer_func(write_line, NULL, NULL);
}

void log_set_screen(void (*hide)(void *), void (*show)(void *), void *opaque)
{
    g_mutex_lock(&log_state.lock);
    log_state.hide = hide;
    log_state.show = show;
    log_state.opaque = opaque;
    g_mutex_unlock(&log_state.lock);
}

/* --- events --- */

void log_event(GLogLevelFlags level, const char *event, ...)
{
    GLogField fields[3 + MAX_PAIRS] = {{"GLIB_DOMAIN", G_LOG_DOMAIN, -1}, {EVENT_FIELD, event, -1}};
    size_t count = 3; /* the third is the whole as text, for writers that know no pairs */
    va_list pairs;
    const char *key;

    if (is_dropped(level))
        return;
    g_autoptr(GString) text = g_string_new(event);
    va_start(pairs, event);
    while ((key = va_arg(pairs, const char *))) {
        const char *value = va_arg(pairs, const char *);
        if (!value)
            continue;
        g_assert(count < G_N_ELEMENTS(fields));
        append_text_pair(text, key, value);
        fields[count++] = (GLogField){key, value, -1};
    }
    va_end(pairs);
    fields[2] = (GLogField){"MESSAGE", text->str, -1};
    g_log_structured_array(level, fields, count);
}

struct log_number log_number_format(int64_t value)
{
    struct log_number number;

    g_snprintf(number.text, sizeof(number.text), "%c%" G_GINT64_FORMAT, NUMBER_MARK, value);
    return number;
}
