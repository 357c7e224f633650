#include "stats.h"

enum {
    RING = 10000,
    STATUSES = 16
};

struct counters {
    int64_t requests, tokens, bytes, rows, burst429, daily429, blocked;
    int status[STATUSES];
    int64_t of_status[STATUSES];
};

void stats_init(struct stats *s)
{
    g_mutex_init(&s->lock);
    s->paths = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
    s->companies = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    s->ring = g_ptr_array_new_with_free_func(g_free);
    s->started_us = g_get_monotonic_time();
}

void stats_done(struct stats *s)
{
    g_hash_table_unref(s->paths);
    g_hash_table_unref(s->companies);
    g_ptr_array_unref(s->ring);
    g_mutex_clear(&s->lock);
}

void stats_enter(struct stats *s)
{
    g_mutex_lock(&s->lock);
    s->in_flight++;
    s->max_in_flight = MAX(s->max_in_flight, s->in_flight);
    g_mutex_unlock(&s->lock);
}

static struct counters *counters_of(GHashTable *table, gpointer key)
{
    struct counters *c = g_hash_table_lookup(table, key);
    if (!c) {
        c = g_new0(struct counters, 1);
        g_hash_table_insert(table, key, c);
    }
    return c;
}

static void count(struct counters *c, const struct request_note *note)
{
    c->requests++;
    c->tokens += note->tokens;
    c->bytes += (int64_t)note->bytes;
    c->rows += note->rows;
    c->burst429 += note->refusal == NOTE_BURST429;
    c->daily429 += note->refusal == NOTE_DAILY429;
    c->blocked += note->refusal == NOTE_BLOCKED;
    for (int i = 0; i < STATUSES; i++)
        if (c->status[i] == note->status || c->status[i] == 0) {
            c->status[i] = note->status;
            c->of_status[i]++;
            return;
        }
}

/* The query without the value of an api_token. */
static char *without_token(const char *query)
{
    g_autoptr(GRegex) regex = g_regex_new("api_token=[^&]*", 0, 0, NULL);
    return g_regex_replace_literal(regex, query, -1, 0, "api_token=***", 0, NULL);
}

static char *note_json(struct stats *s, const struct request_note *note)
{
    struct buf b = {0};
    buf_printf(
        &b, "{\"n\":%lld,\"ms\":%lld,\"company\":%d,\"method\":\"%s\",\"path\":", (long long)s->n,
        (long long)((g_get_monotonic_time() - s->started_us) / 1000), note->company, note->method);
    g_autofree char *path = g_utf8_make_valid(note->path, -1);
    buf_json_string(&b, path);
    BUF_LIT(&b, ",\"query\":");
    g_autofree char *valid = g_utf8_make_valid(note->query ? note->query : "", -1);
    g_autofree char *query = strstr(valid, "api_token") ? without_token(valid) : g_strdup(valid);
    buf_json_string(&b, query);
    buf_printf(&b, ",\"status\":%d,\"tokens\":%d,\"rows\":%u}", note->status, note->tokens,
               note->rows);
    char *text = g_strdup(buf_cstr(&b));
    buf_done(&b);
    return text;
}

void stats_leave(struct stats *s, const struct request_note *note)
{
    g_mutex_lock(&s->lock);
    s->in_flight--;
    count(counters_of(s->paths, (gpointer)note->pattern), note);
    count(counters_of(s->companies, GINT_TO_POINTER(note->company)), note);
    char *text = note_json(s, note);
    if (s->ring->len < RING) {
        g_ptr_array_add(s->ring, text);
    } else {
        gpointer *slot = &s->ring->pdata[s->n % RING];
        g_free(*slot);
        *slot = text;
    }
    s->n++;
    g_mutex_unlock(&s->lock);
}

void stats_reset(struct stats *s)
{
    g_mutex_lock(&s->lock);
    g_hash_table_remove_all(s->paths);
    g_hash_table_remove_all(s->companies);
    g_ptr_array_set_size(s->ring, 0);
    s->n = 0;
    s->max_in_flight = s->in_flight;
    g_mutex_unlock(&s->lock);
}

static void write_counters(struct buf *b, const struct counters *c)
{
    buf_printf(b,
               "\"requests\":%lld,\"tokens\":%lld,\"bytes\":%lld,\"rows\":%lld,\"burst429\":%lld,"
               "\"daily429\":%lld,\"blocked403\":%lld,\"statuses\":{",
               (long long)c->requests, (long long)c->tokens, (long long)c->bytes,
               (long long)c->rows, (long long)c->burst429, (long long)c->daily429,
               (long long)c->blocked);
    for (int i = 0; i < STATUSES && c->status[i]; i++)
        buf_printf(b, "%s\"%d\":%lld", i ? "," : "", c->status[i], (long long)c->of_status[i]);
    buf_char(b, '}');
}

static void add_up(struct counters *sum, const struct counters *c)
{
    sum->requests += c->requests;
    sum->tokens += c->tokens;
    sum->bytes += c->bytes;
    sum->rows += c->rows;
    sum->burst429 += c->burst429;
    sum->daily429 += c->daily429;
    sum->blocked += c->blocked;
    for (int i = 0; i < STATUSES && c->status[i]; i++)
        for (int k = 0; k < STATUSES; k++)
            if (sum->status[k] == c->status[i] || sum->status[k] == 0) {
                sum->status[k] = c->status[i];
                sum->of_status[k] += c->of_status[i];
                break;
            }
}

void stats_write(struct stats *s, struct buf *b)
{
    struct counters sum = {0};
    GHashTableIter iter;
    gpointer path, counters;
    struct buf paths = {0};

    g_mutex_lock(&s->lock);
    g_hash_table_iter_init(&iter, s->paths);
    while (g_hash_table_iter_next(&iter, &path, &counters)) {
        add_up(&sum, counters);
        buf_printf(&paths, "\"%s\":{", (const char *)path);
        write_counters(&paths, counters);
        BUF_LIT(&paths, "},");
    }
    buf_trim_comma(&paths);
    write_counters(b, &sum);
    buf_printf(b, ",\"max_in_flight\":%d,\"paths\":{", s->max_in_flight);
    buf_bytes(b, paths.data, paths.len);
    buf_char(b, '}');
    g_mutex_unlock(&s->lock);
    buf_done(&paths);
}

void stats_write_company(struct stats *s, struct buf *b, int company)
{
    struct counters none = {0};
    g_mutex_lock(&s->lock);
    struct counters *c = g_hash_table_lookup(s->companies, GINT_TO_POINTER(company));
    write_counters(b, c ? c : &none);
    g_mutex_unlock(&s->lock);
}

void stats_write_requests(struct stats *s, struct buf *b, int64_t last)
{
    g_mutex_lock(&s->lock);
    int64_t have = s->ring->len, n = CLAMP(last, 0, have);
    buf_char(b, '[');
    for (int64_t i = s->n - n; i < s->n; i++) {
        buf_str(b, s->ring->pdata[i % RING]);
        buf_char(b, ',');
    }
    buf_trim_comma(b);
    buf_char(b, ']');
    g_mutex_unlock(&s->lock);
}
