#include "cli/format.h"

#include <glib.h>
#include <string.h>

char *format_range(int64_t low, int64_t high)
{
    char a[FORMAT_BYTES], b[FORMAT_BYTES];
    if (low == high)
        return g_strdup(format_count(low, a));
    return g_strdup_printf("%s - %s", format_count(low, a), format_count(high, b));
}

const char *format_duration(int64_t seconds, char ret[FORMAT_BYTES])
{
    static const struct {
        int64_t seconds;
        const char *name;
    } units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
    if (seconds < 0) {
        g_strlcpy(ret, "unknown", FORMAT_BYTES);
        return ret;
    }
    unsigned i = 0;
    while (i < 3 && seconds < units[i].seconds)
        i++;
    char count[FORMAT_BYTES];
    int64_t rest = i < 3 ? seconds % units[i].seconds / units[i + 1].seconds : 0;
    format_count(seconds / units[i].seconds, count);
    if (rest > 0)
        g_snprintf(ret, FORMAT_BYTES, "%s %s %d %s", count, units[i].name, (int)rest,
                   units[i + 1].name);
    else
        g_snprintf(ret, FORMAT_BYTES, "%s %s", count, units[i].name);
    return ret;
}

const char *format_elapsed(int64_t ms, char ret[FORMAT_BYTES])
{
    int64_t seconds = MAX(ms, 0) / 1000;
    if (seconds < 3600)
        g_snprintf(ret, FORMAT_BYTES, "%d:%02d", (int)(seconds / 60), (int)(seconds % 60));
    else
        g_snprintf(ret, FORMAT_BYTES, "%" G_GINT64_FORMAT ":%02d:%02d", seconds / 3600,
                   (int)(seconds / 60 % 60), (int)(seconds % 60));
    return ret;
}

char *format_plural(int64_t count, const char *noun)
{
    char text[FORMAT_BYTES];
    return g_strdup_printf("%s %s%s", format_count(count, text), noun, count == 1 ? "" : "s");
}

static int64_t unit_seconds(char unit)
{
    switch (unit) {
    case 's':
        return 1;
    case 'm':
        return 60;
    case 'h':
        return 3600;
    case 'd':
        return 86400;
    default:
        return 0;
    }
}

bool duration_parse(const char *text, int64_t *ret_seconds)
{
    const int64_t most = INT64_C(3650) * 86400;
    int64_t total = 0, last_unit = INT64_MAX;
    if (strcmp(text, "0") == 0) {
        *ret_seconds = 0;
        return true;
    }
    if (*text == '\0')
        return false;
    while (*text != '\0') {
        int64_t value = 0;
        size_t digits = strspn(text, "0123456789");
        if (digits == 0 || digits > 9)
            return false;
        for (size_t i = 0; i < digits; i++)
            value = value * 10 + (text[i] - '0');
        int64_t unit = unit_seconds(text[digits]);
        if (unit == 0 || unit >= last_unit || value > most / unit)
            return false;
        total += value * unit;
        last_unit = unit;
        text += digits + 1;
    }
    if (total > most)
        return false;
    *ret_seconds = total;
    return true;
}

static bool is_made_of(const char *text, const char *more, size_t most)
{
    size_t length = strlen(text);
    if (length == 0 || length > most)
        return false;
    for (size_t i = 0; i < length; i++)
        if (!g_ascii_isalnum(text[i]) && strchr(more, text[i]) == NULL)
            return false;
    return true;
}

bool connection_name_is_valid(const char *name)
{
    return is_made_of(name, "_-", 40) && name[0] != '-';
}

bool schema_is_valid(const char *schema)
{
    return is_made_of(schema, "_", 40) && !g_ascii_isdigit(schema[0]);
}

char *text_clean(const char *text)
{
    if (text == NULL)
        return NULL;
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    GString *out = g_string_sized_new(strlen(valid));
    for (const char *p = valid; *p != '\0'; p = g_utf8_next_char(p)) {
        gunichar c = g_utf8_get_char(p);
        GUnicodeType type = g_unichar_type(c);
        bool is_bad = type == G_UNICODE_CONTROL || type == G_UNICODE_FORMAT || c == 0xFFFD ||
                      c == 0x2028 || c == 0x2029;
        g_string_append_unichar(out, c == '\n' || c == '\t' ? ' ' : is_bad ? '?' : c);
    }
    return g_string_free(out, FALSE);
}

char *url_without_password(const char *url)
{
    const char *authority = strstr(url, "://");
    if (authority == NULL) {
        /* libpq's other form: host=… password=…; what follows may be part of it. */
        const char *password = strstr(url, "password");
        return password != NULL ? g_strdup_printf("%.*spassword=***", (int)(password - url), url)
                                : g_strdup(url);
    }
    authority += 3;
    size_t length = strcspn(authority, "/?#");
    /* A password may hold a '/': up to the last '@' before the query nothing is sure not to be one.
     */
    size_t reach = strcspn(authority, "?#");
    const char *at = g_strrstr_len(authority, (gssize)reach, "@");
    const char *colon = memchr(authority, ':', at != NULL ? (size_t)(at - authority) : 0);
    GString *out = g_string_new_len(url, authority - url);
    if (at != NULL && colon != NULL)
        g_string_append_printf(out, "%.*s:***%.*s", (int)(colon - authority), authority,
                               (int)(authority + reach - at), at);
    else
        g_string_append_len(out, authority, (gssize)MAX(length, reach));
    /* libpq takes ?password=; no query is worth the risk. */
    if (authority[reach] != '\0')
        g_string_append(out, "?***");
    return g_string_free(out, FALSE);
}

static size_t char_width(gunichar c)
{
    return g_unichar_iszerowidth(c) ? 0 : g_unichar_iswide(c) ? 2 : 1;
}

size_t text_width(const char *text)
{
    size_t width = 0;
    for (; *text != '\0'; text = g_utf8_next_char(text))
        width += char_width(g_utf8_get_char(text));
    return width;
}

void text_cut(char *text, size_t columns)
{
    size_t width = 0;
    for (char *p = text; *p != '\0'; p = g_utf8_next_char(p)) {
        width += char_width(g_utf8_get_char(p));
        if (width > columns) {
            *p = '\0';
            return;
        }
    }
}

static void fold_line(GString *out, const char *line, size_t columns, size_t indent)
{
    g_auto(GStrv) words = g_strsplit(line, " ", -1);
    size_t at = 0;
    for (char **word = words; *word != NULL; word++) {
        size_t width = text_width(*word);
        if (at > 0 && at + 1 + width > columns) {
            g_string_append_c(out, '\n');
            at = 0;
        }
        if (at == 0 && width > 0)
            g_string_append_printf(out, "%*s", (int)indent, "");
        g_string_append_printf(out, "%s%s", at > 0 ? " " : "", *word);
        at += (at > 0 ? 1 : indent) + width;
    }
    g_string_append_c(out, '\n');
}

char *text_fold(const char *text, size_t columns, size_t indent)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    GString *out = g_string_new(NULL);
    for (char **line = lines; *line != NULL; line++)
        fold_line(out, *line, columns, indent);
    return g_string_free(out, FALSE);
}
