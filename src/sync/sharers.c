#include "sync/sharers.h"

#include "base/secret.h"
#include "sync/governor.h"
#include "sync/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/file.h>
#include <unistd.h>

/* Runs beyond these hold no lock; each divides the window as if it were the only one of them. */
#define SHARERS_MAX   64
#define LOOK_EVERY_MS 100
#define LONG_AGO_MS   (INT64_MIN / 2)
/* Hexadecimal digits of a digest: enough to tell tokens apart, far too few to find one. */
#define NAME_LENGTH 16
/* A time in a lock: a line of digits, as long as the longest. */
#define UNTIL_BYTES 21

struct sharers {
    char *prefix;                 /* of the locks' paths */
    int lock;                     /* -1: none */
    unsigned own;                 /* its number; SHARERS_MAX: all were held */
    bool is_alone;                /* nothing can be locked */
    int64_t held_ms[SHARERS_MAX]; /* when others were last seen to hold theirs */
    int64_t looked_ms, quiet_until_ms;
};

static int open_lock(const struct sharers *sharers, unsigned i, int flags)
{
    g_autofree char *path = g_strdup_printf("%s%u.lock", sharers->prefix, i);

    return open(path, flags | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600);
}

/* Times are of the clock that all processes since the machine's start share; what is left of an
 * earlier one is too far away to be a wait. */
static void hear_wait(struct sharers *sharers, int fd, int64_t now_ms)
{
    char text[UNTIL_BYTES + 1] = "";
    int64_t until_ms;

    if (pread(fd, text, UNTIL_BYTES, 0) != UNTIL_BYTES)
        return;
    until_ms = g_ascii_strtoll(text, NULL, 10);
    if (until_ms <= now_ms + GOVERNOR_HOLD_MAX_MS)
        sharers->quiet_until_ms = MAX(sharers->quiet_until_ms, until_ms);
}

void sharers_tell_wait(const struct sharers *sharers, int64_t until_ms)
{
    char text[UNTIL_BYTES + 1];

    g_snprintf(text, sizeof text, "%*" G_GINT64_FORMAT "\n", UNTIL_BYTES - 1, until_ms);
    /* Who cannot write it lets the others find out by themselves. */
    if (sharers->lock >= 0 && pwrite(sharers->lock, text, UNTIL_BYTES, 0) < 0)
        return;
}

/* Whoever counts holds a lock for a moment: then the next one is taken. */
static void take_lock(struct sharers *sharers, int64_t now_ms)
{
    for (unsigned i = 0; i < SHARERS_MAX && sharers->lock < 0 && !sharers->is_alone; i++) {
        int fd = open_lock(sharers, i, O_CREAT);

        if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0) {
            sharers->lock = fd;
            sharers->own = i;
            hear_wait(sharers, fd, now_ms);
            sharers_tell_wait(sharers, sharers->quiet_until_ms); /* passed on */
        } else {
            sharers->is_alone = fd < 0 || errno != EWOULDBLOCK;
            if (fd >= 0)
                close(fd);
        }
    }
}

static char *make_prefix(const char *folder, const struct secret *token)
{
    g_autofree char *in = ledger_folder(folder);
    g_autofree char *digest =
        g_compute_checksum_for_string(G_CHECKSUM_SHA256, secret_reveal(token), -1);

    (void)g_mkdir_with_parents(in, 0700);
    return g_strdup_printf("%s/token-%.*s.", in, NAME_LENGTH, digest);
}

/* Of more that come at once than the smallest limit, the others begin a window later. */
static int64_t begins_after_ms(const struct sharers *sharers)
{
    return GOVERNOR_WINDOW_MS * (1 + sharers->own / GOVERNOR_LIMIT_FIRST);
}

struct sharers *sharers_join(const char *folder, const struct secret *token, int64_t now_ms)
{
    struct sharers *sharers = g_new0(struct sharers, 1);

    sharers->prefix = make_prefix(folder, token);
    sharers->lock = -1;
    sharers->own = SHARERS_MAX;
    sharers->looked_ms = LONG_AGO_MS;
    sharers->quiet_until_ms = LONG_AGO_MS;
    for (unsigned i = 0; i < SHARERS_MAX; i++)
        sharers->held_ms[i] = LONG_AGO_MS;
    take_lock(sharers, now_ms);
    if (sharers_count(sharers, now_ms) > 1)
        sharers->quiet_until_ms =
            MAX(sharers->quiet_until_ms, now_ms + LOOK_EVERY_MS + begins_after_ms(sharers));
    return sharers;
}

void sharers_leave(struct sharers *sharers)
{
    if (sharers->lock >= 0)
        close(sharers->lock);
    g_free(sharers->prefix);
    g_free(sharers);
}

/* Locks are never removed, and taken from the first on: behind one that is not there, there is
 * none. What those who left have said is for who comes; the others count them for as long. */
static void look(struct sharers *sharers, int64_t now_ms)
{
    for (unsigned i = 0; i < SHARERS_MAX; i++) {
        int fd = i == sharers->own ? -1 : open_lock(sharers, i, 0);

        if (fd >= 0) {
            bool is_held = flock(fd, LOCK_SH | LOCK_NB) != 0;

            if (is_held)
                sharers->held_ms[i] = now_ms;
            if (is_held || sharers->looked_ms == LONG_AGO_MS)
                hear_wait(sharers, fd, now_ms);
            close(fd);
        } else if (i != sharers->own && errno == ENOENT) {
            break;
        }
    }
    sharers->looked_ms = now_ms;
}

unsigned sharers_count(struct sharers *sharers, int64_t now_ms)
{
    unsigned count = 1;

    if (sharers->is_alone)
        return 1;
    if (now_ms - sharers->looked_ms >= LOOK_EVERY_MS)
        look(sharers, now_ms);
    for (unsigned i = 0; i < SHARERS_MAX; i++)
        count += now_ms - sharers->held_ms[i] < GOVERNOR_WINDOW_MS;
    return count;
}

int64_t sharers_quiet_until_ms(const struct sharers *sharers)
{
    return sharers->quiet_until_ms;
}
