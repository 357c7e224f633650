#include "faults.h"

#include <stdio.h>

#include "hash.h"

struct kind_row {
    const char *name, *amount_name;
    int64_t amount;
};

static const struct kind_row kinds[N_FAULT_KINDS] = {
    [FAULT_NONE] = {"none", NULL, 0},
    [FAULT_STATUS] = {"status", "status", 500},
    [FAULT_TRUNCATE] = {"truncate", NULL, 0},
    [FAULT_RESET] = {"reset", NULL, 0},
    [FAULT_RESET_BODY] = {"reset_body", NULL, 0},
    [FAULT_SLOW] = {"slow", "bytes_per_second", 1000},
    [FAULT_HTML] = {"html", "status", 200},
    [FAULT_NULL] = {"null", NULL, 0},
    [FAULT_EMPTY] = {"empty", NULL, 0},
    [FAULT_GARBAGE] = {"garbage", NULL, 0},
    [FAULT_BAD_UTF8] = {"bad_utf8", NULL, 0},
    [FAULT_DEEP] = {"deep", "depth", 1000},
    [FAULT_PAD] = {"pad", "bytes", 100000000},
    [FAULT_NO_ID] = {"no_id", NULL, 0},
    [FAULT_REPEAT_CURSOR] = {"repeat_cursor", NULL, 0},
    [FAULT_BURST429] = {"burst429", "retry_after", 0},
    [FAULT_DAILY429] = {"daily429", "retry_after", 0},
    [FAULT_BLOCK403] = {"block403", NULL, 0},
    [FAULT_WRONG_SHAPE] = {"wrong_shape", NULL, 0},
    [FAULT_SUCCESS_FALSE] = {"success_false", NULL, 0},
    [FAULT_LATENCY] = {"latency", "ms", 100},
    [FAULT_HANG] = {"hang", "ms", 600000},
};

static void fault_free(gpointer data)
{
    struct fault *fault = data;
    g_free(fault->path);
    g_free(fault->query);
    g_free(fault->shape);
    g_free(fault);
}

void faults_init(struct faults *f, uint64_t seed)
{
    g_mutex_init(&f->lock);
    f->list = g_ptr_array_new_with_free_func(fault_free);
    f->dice = mix(seed, 99);
}

void faults_done(struct faults *f)
{
    g_ptr_array_unref(f->list);
    g_mutex_clear(&f->lock);
}

int fault_kind_by_name(const char *name)
{
    for (int k = 1; k < N_FAULT_KINDS; k++)
        if (strcmp(kinds[k].name, name) == 0)
            return k;
    return -1;
}

const char *fault_amount_name(enum fault_kind kind, int64_t *ret_default)
{
    *ret_default = kinds[kind].amount;
    return kinds[kind].amount_name;
}

int faults_add(struct faults *f, struct fault *fault)
{
    g_mutex_lock(&f->lock);
    int number = fault->number = ++f->last_number;
    g_ptr_array_add(f->list, fault);
    g_mutex_unlock(&f->lock);
    return number;
}

/* Requests in flight still point to the texts of faults, so these are only switched off; they are
 * few. */
void faults_clear(struct faults *f)
{
    g_mutex_lock(&f->lock);
    for (guint i = 0; i < f->list->len; i++)
        ((struct fault *)f->list->pdata[i])->kind = FAULT_NONE;
    g_mutex_unlock(&f->lock);
}

int64_t faults_fired(struct faults *f)
{
    g_mutex_lock(&f->lock);
    int64_t n = f->total_fired;
    g_mutex_unlock(&f->lock);
    return n;
}

static bool fault_matches(const struct fault *fault, const char *path, const char *query,
                          int company)
{
    if (fault->kind == FAULT_NONE || (fault->company && fault->company != company))
        return false;
    if (fault->path && !g_str_has_prefix(path, fault->path))
        return false;
    return !fault->query || (query && strstr(query, fault->query));
}

static bool fault_fires(struct faults *f, struct fault *fault)
{
    fault->seen++;
    if (fault->count && fault->fired >= fault->count)
        return false;
    if (fault->probability >= 0) {
        f->dice = mix(f->dice, 1);
        if ((double)(f->dice >> 11) / (double)(1ull << 53) >= fault->probability)
            return false;
    } else if (fault->seen < fault->nth) {
        return false;
    }
    fault->fired++;
    f->total_fired++;
    return true;
}

struct fault faults_take(struct faults *f, const char *path, const char *query, int company,
                         int64_t *ret_latency_ms)
{
    struct fault hit = {.kind = FAULT_NONE};
    *ret_latency_ms = 0;
    g_mutex_lock(&f->lock);
    for (guint i = 0; i < f->list->len; i++) {
        struct fault *fault = f->list->pdata[i];
        if (!fault_matches(fault, path, query, company))
            continue;
        if (fault->kind != FAULT_LATENCY && hit.kind != FAULT_NONE) {
            fault->seen++; /* another one was first */
            continue;
        }
        if (!fault_fires(f, fault))
            continue;
        if (fault->kind == FAULT_LATENCY)
            *ret_latency_ms += fault->amount;
        else
            hit = *fault;
    }
    g_mutex_unlock(&f->lock);
    return hit;
}

static void replace_body(struct buf *body, const char *text)
{
    body->len = 0;
    buf_str(body, text);
}

/* Cuts [from, to) out of the body and puts `text` there. */
static void splice(struct buf *body, size_t from, size_t to, const char *text)
{
    struct buf tail = {0};
    buf_bytes(&tail, body->data + to, body->len - to);
    body->len = from;
    buf_str(body, text);
    buf_bytes(body, tail.data, tail.len);
    buf_done(&tail);
}

static void drop_first_id(struct buf *body)
{
    const char *text = buf_cstr(body);
    const char *id = strstr(text, "\"id\":");
    const char *comma = id ? strchr(id, ',') : NULL;
    if (comma)
        splice(body, (size_t)(id - text), (size_t)(comma + 1 - text), "");
}

static void break_utf8(struct buf *body)
{
    const char *text = buf_cstr(body);
    const char *data = strstr(text, "\"data\":");
    for (const char *p = data ? data + 7 : NULL; p && *p; p++)
        if (p[0] == ':' && p[1] == '"') {
            size_t at = (size_t)(p + 2 - text);
            splice(body, at, at, "\xc3\x28\xff");
            return;
        }
}

static void repeat_cursor(struct buf *body, const char *cursor)
{
    static const char key[] = "\"next_cursor\":";
    const char *text = buf_cstr(body);
    const char *at = g_strrstr(text, key);
    if (!at)
        return;
    const char *value = at + strlen(key);
    size_t n = strcspn(value, "}");
    if (!cursor) /* of the first page: the cursor behind it, again on the next */
        return;
    g_autofree char *quoted = g_strdup_printf("\"%s\"", cursor);
    splice(body, (size_t)(value - text), (size_t)(value - text) + n, quoted);
}

static void nest(struct buf *body, int64_t depth)
{
    replace_body(body, "{\"success\":true,\"data\":");
    for (int64_t i = 0; i < depth; i++)
        buf_char(body, '[');
    for (int64_t i = 0; i < depth; i++)
        buf_char(body, ']');
    buf_char(body, '}');
}

static void wrong_shape(struct buf *body, const char *shape)
{
    const char *data = "\"x\"";
    if (shape && strcmp(shape, "object") == 0)
        data = "{\"a\":1}";
    else if (shape && strcmp(shape, "number") == 0)
        data = "42";
    g_autofree char *text = g_strdup_printf("{\"success\":true,\"data\":%s,\"additional_data\":"
                                            "{\"next_cursor\":null}}",
                                            data);
    replace_body(body, text);
}

void fault_change_body(const struct fault *fault, struct buf *body, const char *cursor)
{
    switch ((int)fault->kind) {
    case FAULT_HTML:
        replace_body(body, "<!DOCTYPE html><html><head><title>Pipedrive</title></head>"
                           "<body><h1>We will be right back</h1></body></html>");
        break;
    case FAULT_NULL:
        replace_body(body, "null");
        break;
    case FAULT_EMPTY:
        replace_body(body, "");
        break;
    case FAULT_GARBAGE:
        body->len = 0;
        buf_bytes(body, "\x00\x01\xfe\xff{]\"garbage", 14);
        break;
    case FAULT_BAD_UTF8:
        break_utf8(body);
        break;
    case FAULT_DEEP:
        nest(body, fault->amount);
        break;
    case FAULT_NO_ID:
        drop_first_id(body);
        break;
    case FAULT_REPEAT_CURSOR:
        repeat_cursor(body, cursor);
        break;
    case FAULT_WRONG_SHAPE:
        wrong_shape(body, fault->shape);
        break;
    case FAULT_SUCCESS_FALSE:
        replace_body(body, "{\"success\":false,\"error\":\"Something went wrong\",\"data\":null}");
        break;
    default:
        break;
    }
}
