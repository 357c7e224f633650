#include "sync/ledger.h"

#include "base/clock.h"
#include "base/fault.h"
#include "json/json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* A booking takes far less than a millisecond; whoever holds the lock longer is stopped. */
#define LOCK_MS      5000
#define LOCK_POLL_US 2000
/* A larger file is none of ours. */
#define FILE_BYTES_MAX ((gsize)256 << 10)

struct ledger {
    int64_t company_id;
    char *path, *lock_path; /* NULL: in memory */
    int lock;               /* -1: not held */
    struct budget_log log;
    int64_t limit;
};

/* --- text --- */

char *ledger_text(const struct ledger *ledger)
{
    struct json_writer json = {.out = g_string_new(NULL)};

    json_begin_object(&json, NULL);
    json_put_int(&json, "company_id", ledger->company_id);
    json_put_int(&json, "limit", ledger->limit);
    json_begin_array(&json, "entries");
    for (unsigned i = 0; i < ledger->log.entries->len; i++) {
        const struct budget_entry *entry =
            &g_array_index(ledger->log.entries, struct budget_entry, i);

        if (entry->daily == 0 && entry->backfill == 0)
            continue;
        json_begin_array(&json, NULL);
        json_put_int(&json, NULL, entry->second);
        json_put_int(&json, NULL, entry->daily);
        json_put_int(&json, NULL, entry->backfill);
        json_end_array(&json);
    }
    json_end_array(&json);
    json_end_object(&json);
    return g_string_free(json.out, FALSE);
}

static bool is_tokens(int64_t value)
{
    return value >= 0 && value <= BUDGET_TOKENS_MAX;
}

static bool take_entry(struct budget_log *log, const struct json_value *from)
{
    int64_t numbers[3] = {0};
    unsigned count = 0;

    for (json_each_item(item, from))
        if (count == G_N_ELEMENTS(numbers) || !json_int64(item, &numbers[count++]))
            return false;
    if (count < G_N_ELEMENTS(numbers) || !is_tokens(numbers[1]) || !is_tokens(numbers[2]) ||
        numbers[0] < 0 || numbers[0] > INT64_MAX / 4)
        return false;
    budget_log_add(log, numbers[0], BUDGET_INCREMENTAL, numbers[1]);
    budget_log_add(log, numbers[0], BUDGET_BACKFILL, numbers[2]);
    return true;
}

static bool take_root(struct ledger *ledger, const struct json_value *root)
{
    const struct json_value *entries = json_member(root, "entries");
    int64_t company, limit;
    unsigned count = 0;

    if (!json_int64(json_member(root, "company_id"), &company) || company != ledger->company_id ||
        !json_int64(json_member(root, "limit"), &limit) || !is_tokens(limit) || !entries ||
        entries->kind != JSON_ARRAY)
        return false;
    for (json_each_item(entry, entries))
        if (count++ > 4 * BUDGET_ENTRIES_MAX || !take_entry(&ledger->log, entry))
            return false;
    ledger->limit = limit;
    return true;
}

bool ledger_take_text(struct ledger *ledger, const char *text)
{
    struct json_parser *parser = json_parser_new();
    struct arena *arena = arena_new();
    const struct json_value *root;
    bool good;

    g_array_set_size(ledger->log.entries, 0);
    good =
        json_parse_copy(parser, text, strlen(text), arena, &root, NULL) && take_root(ledger, root);
    if (!good)
        g_array_set_size(ledger->log.entries, 0);
    arena_free(arena);
    json_parser_free(parser);
    return good;
}

/* --- file --- */

char *ledger_folder(const char *folder)
{
    if (!folder || !*folder)
        folder = g_getenv("PENSTOCK_STATE_DIR");
    return folder && *folder ? g_strdup(folder)
                             : g_build_filename(g_get_user_state_dir(), "penstock", NULL);
}

static bool lock_file(struct ledger *ledger, GError **error)
{
    int64_t until_ms = clock_monotonic_ms() + LOCK_MS;
    int fd = open(ledger->lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0) {
        error_setf(error, PENSTOCK_ERROR_STORAGE, "%s: %s", ledger->lock_path, g_strerror(errno));
        return false;
    }
    while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (clock_monotonic_ms() >= until_ms || (errno != EWOULDBLOCK && errno != EINTR)) {
            error_setf(error, errno == EWOULDBLOCK ? PENSTOCK_ERROR_PARKED : PENSTOCK_ERROR_STORAGE,
                       "%s: another penstock holds the record of spent tokens: end that process "
                       "if it hangs",
                       ledger->lock_path);
            close(fd);
            return false;
        }
        g_usleep(LOCK_POLL_US);
    }
    ledger->lock = fd;
    return true;
}

static void unlock_file(struct ledger *ledger)
{
    if (ledger->lock >= 0)
        close(ledger->lock);
    ledger->lock = -1;
}

/* False: there is something, and it is not this company's ledger. */
static bool read_file(struct ledger *ledger)
{
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;
    gsize length = 0;

    g_array_set_size(ledger->log.entries, 0);
    if (!g_file_get_contents(ledger->path, &text, &length, &error))
        return g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
    return length <= FILE_BYTES_MAX && strlen(text) == length && ledger_take_text(ledger, text);
}

static bool write_file(struct ledger *ledger, GError **error)
{
    g_autofree char *text = ledger_text(ledger);
    g_autofree char *other = g_strconcat(ledger->path, ".new", NULL);

    fault_point("ledger-write");
    if (!g_file_set_contents_full(other, text, -1, G_FILE_SET_CONTENTS_NONE, 0600, error))
        return false;
    fault_point("ledger-rename");
    if (rename(other, ledger->path) == 0)
        return true;
    error_setf(error, PENSTOCK_ERROR_STORAGE, "%s: %s", ledger->path, g_strerror(errno));
    return false;
}

/* Its data stay for whoever wants to look. */
static char *move_aside(struct ledger *ledger)
{
    g_autofree char *aside = g_strconcat(ledger->path, ".damaged", NULL);

    if (rename(ledger->path, aside) != 0)
        return g_strdup_printf("%s is not a record of spent tokens, and cannot be moved away (%s): "
                               "what was spent in the last 24 hours is not known",
                               ledger->path, g_strerror(errno));
    return g_strdup_printf("%s was damaged and is now %s: what was spent in the last 24 hours is "
                           "not known",
                           ledger->path, aside);
}

static void forget_file(struct ledger *ledger)
{
    g_clear_pointer(&ledger->path, g_free);
    g_clear_pointer(&ledger->lock_path, g_free);
}

static char *file_in(const char *folder, int64_t company_id)
{
    g_autofree char *name = g_strdup_printf("company-%" G_GINT64_FORMAT ".json", company_id);

    return g_build_filename(folder, name, NULL);
}

static bool try_file(struct ledger *ledger, const char *folder, char **ret_warning, GError **error)
{
    if (g_mkdir_with_parents(folder, 0700) != 0) {
        error_setf(error, PENSTOCK_ERROR_STORAGE, "%s: %s", folder, g_strerror(errno));
        return false;
    }
    ledger->path = file_in(folder, ledger->company_id);
    ledger->lock_path = g_strconcat(ledger->path, ".lock", NULL);
    if (!lock_file(ledger, error))
        return error_is(*error, PENSTOCK_ERROR_PARKED);
    if (!read_file(ledger))
        *ret_warning = move_aside(ledger);
    bool good = write_file(ledger, error);
    unlock_file(ledger);
    return good;
}

static char *in_memory_warning(const GError *error)
{
    return g_strdup_printf("what was spent is remembered in this destination only, not for other "
                           "connections of the company (%s): give --state-dir a folder that can "
                           "be written and stays",
                           error->message);
}

struct ledger *ledger_open(const char *folder, int64_t company_id, char **ret_warning)
{
    struct ledger *ledger = g_new0(struct ledger, 1);
    g_autofree char *usual = ledger_folder(folder);
    g_autoptr(GError) error = NULL;

    ledger->company_id = company_id;
    ledger->lock = -1;
    *ret_warning = NULL;
    budget_log_init(&ledger->log);
    if (!try_file(ledger, usual, ret_warning, &error)) {
        forget_file(ledger);
        g_free(*ret_warning);
        *ret_warning = in_memory_warning(error);
    }
    return ledger;
}

struct ledger *ledger_peek(const char *folder, int64_t company_id, const char *kept)
{
    struct ledger *ledger = g_new0(struct ledger, 1);
    g_autofree char *usual = ledger_folder(folder);

    ledger->company_id = company_id;
    ledger->lock = -1;
    budget_log_init(&ledger->log);
    ledger->path = file_in(usual, company_id);
    if (!g_file_test(ledger->path, G_FILE_TEST_EXISTS)) {
        forget_file(ledger);
        if (kept)
            (void)ledger_take_text(ledger, kept);
    }
    return ledger;
}

void ledger_free(struct ledger *ledger)
{
    if (!ledger)
        return;
    unlock_file(ledger);
    forget_file(ledger);
    budget_log_done(&ledger->log);
    g_free(ledger);
}

bool ledger_is_file(const struct ledger *ledger)
{
    return ledger->path != NULL;
}

/* --- use --- */

const struct budget_log *ledger_look(struct ledger *ledger, int64_t now_s, int64_t *ret_limit)
{
    if (ledger->path && ledger->lock < 0)
        (void)read_file(ledger);
    budget_log_tidy(&ledger->log, now_s);
    *ret_limit = ledger->limit;
    return &ledger->log;
}

int64_t ledger_newest_s(struct ledger *ledger)
{
    unsigned count;

    if (ledger->path && ledger->lock < 0)
        (void)read_file(ledger);
    count = ledger->log.entries->len;
    return count == 0 ? 0
                      : g_array_index(ledger->log.entries, struct budget_entry, count - 1).second;
}

const struct budget_log *ledger_known(const struct ledger *ledger)
{
    return &ledger->log;
}

bool ledger_begin(struct ledger *ledger, int64_t now_s, struct budget_log **ret_log, GError **error)
{
    g_autoptr(GError) inner = NULL;

    if (ledger->path && !lock_file(ledger, &inner)) {
        if (error_is(inner, PENSTOCK_ERROR_PARKED)) {
            g_propagate_error(error, g_steal_pointer(&inner));
            return false;
        }
        forget_file(ledger); /* the folder is gone: go on with what was known */
    } else if (ledger->path && !read_file(ledger)) {
        g_free(move_aside(ledger));
    }
    budget_log_tidy(&ledger->log, now_s);
    *ret_log = &ledger->log;
    return true;
}

void ledger_end(struct ledger *ledger, bool changed, int64_t limit, char **ret_warning)
{
    g_autoptr(GError) error = NULL;

    if (limit > 0 && limit != ledger->limit) {
        ledger->limit = limit;
        changed = true;
    }
    if (ledger->path && changed && !write_file(ledger, &error)) {
        if (ret_warning)
            *ret_warning = in_memory_warning(error);
        unlock_file(ledger);
        forget_file(ledger);
    }
    unlock_file(ledger);
}
