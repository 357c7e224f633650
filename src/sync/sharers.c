#include "sync/sharers.h"

#include "sync/ledger.h"

#include <fcntl.h>
#include <stdbool.h>
#include <sys/file.h>
#include <unistd.h>

/* More runs than this divide the window as if they were so many. */
#define SHARERS_MAX   16
#define LOOK_EVERY_MS 500

struct sharers {
    char *prefix; /* of the locks' paths */
    int lock;     /* -1: none */
    unsigned own; /* its number */
    unsigned count;
    int64_t looked_ms;
};

static int open_lock(const struct sharers *sharers, unsigned i, int flags)
{
    g_autofree char *path = g_strdup_printf("%s%u.lock", sharers->prefix, i);

    return open(path, flags | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600);
}

/* Whoever counts holds a lock for a moment: then the next one is taken. */
static void take_lock(struct sharers *sharers)
{
    for (unsigned i = 0; i < SHARERS_MAX && sharers->lock < 0; i++) {
        int fd = open_lock(sharers, i, O_CREAT);

        if (fd < 0)
            return;
        if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
            sharers->lock = fd;
            sharers->own = i;
        } else {
            close(fd);
        }
    }
}

struct sharers *sharers_join(const char *folder, int64_t company_id, int64_t user_id)
{
    struct sharers *sharers = g_new0(struct sharers, 1);
    g_autofree char *in = ledger_folder(folder);

    sharers->prefix = g_strdup_printf("%s/company-%" G_GINT64_FORMAT ".user-%" G_GINT64_FORMAT ".",
                                      in, company_id, user_id);
    sharers->lock = -1;
    sharers->count = 1;
    sharers->looked_ms = INT64_MIN / 2;
    take_lock(sharers);
    return sharers;
}

void sharers_leave(struct sharers *sharers)
{
    if (!sharers)
        return;
    if (sharers->lock >= 0)
        close(sharers->lock);
    g_free(sharers->prefix);
    g_free(sharers);
}

static bool is_held(const struct sharers *sharers, unsigned i)
{
    int fd = open_lock(sharers, i, 0);
    bool held = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) != 0;

    if (fd >= 0)
        close(fd);
    return held;
}

unsigned sharers_count(struct sharers *sharers, int64_t now_ms)
{
    if (!sharers || sharers->lock < 0)
        return 1;
    if (now_ms - sharers->looked_ms < LOOK_EVERY_MS)
        return sharers->count;
    sharers->looked_ms = now_ms;
    sharers->count = 1;
    for (unsigned i = 0; i < SHARERS_MAX; i++)
        sharers->count += i != sharers->own && is_held(sharers, i);
    return sharers->count;
}
