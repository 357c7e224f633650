/* One writer per database and prefix: a lock file beside the database, held with flock(), which the
 * kernel gives back however the process ends. The JSON in it only tells people who it is. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "destinations/sqlite_private.h"

#define HOLDER_TRIES   50
#define HOLDER_WAIT_US 2000

char *sqlite_wall_clock_text(void)
{
    g_autoptr(GDateTime) now = g_date_time_new_now_utc();
    return g_date_time_format(now, "%Y-%m-%d %H:%M:%S UTC");
}

/* The same file for every spelling of the database's path. */
static char *lock_path(const char *database, const char *scope)
{
    char *real = realpath(database, NULL);
    if (!real) {
        g_autofree char *directory = g_path_get_dirname(database);
        g_autofree char *name = g_path_get_basename(database);
        char *real_directory = realpath(directory, NULL);
        char *path = g_strdup_printf("%s/%s-%s.penstock-lock",
                                     real_directory ? real_directory : directory, name, scope);
        free(real_directory);
        return path;
    }
    char *path = g_strdup_printf("%s-%s.penstock-lock", real, scope);
    free(real);
    return path;
}

static void append_json_string(GString *json, const char *text)
{
    g_string_append_c(json, '"');
    for (const char *p = text; *p; p++) {
        if (*p == '"' || *p == '\\')
            g_string_append_c(json, '\\');
        if ((unsigned char)*p < 0x20)
            g_string_append_printf(json, "\\u%04x", (unsigned)*p);
        else
            g_string_append_c(json, *p);
    }
    g_string_append_c(json, '"');
}

/* A failure to write it is no reason to stop: the lock is what counts. */
static void write_holder(int fd, const char *connection)
{
    g_autofree char *since = sqlite_wall_clock_text();
    g_autoptr(GString) json = g_string_new(NULL);
    g_string_printf(json, "{\"pid\": %d, \"since\": \"%s\", \"connection\": ", (int)getpid(),
                    since);
    append_json_string(json, connection ? connection : "");
    g_string_append(json, "}\n");
    if (ftruncate(fd, 0) == 0) {
        ssize_t ignored = pwrite(fd, json->str, json->len, 0);
        (void)ignored;
    }
}

static bool set_held_error(int fd, const char *database, GError **error)
{
    char text[512] = "", since[64] = "an unknown time";
    int pid = 0;
    /* Between taking the lock and writing who it is a holder needs a moment. */
    for (unsigned tries = 0; pid == 0 && tries < HOLDER_TRIES; tries++) {
        if (tries > 0)
            g_usleep(HOLDER_WAIT_US);
        ssize_t length = pread(fd, text, sizeof text - 1, 0);
        text[MAX(length, 0)] = '\0';
        sscanf(text, "{\"pid\": %d, \"since\": \"%63[^\"]", &pid, since);
    }
    error_setf(error, PENSTOCK_ERROR_FENCED,
               "another penstock (process %d) has been writing to %s since %s: wait until it is "
               "done, or stop it, then run again",
               pid, database, since);
    struct error_detail detail = {.origin_code = EWOULDBLOCK};
    if (error)
        error_set_detail(*error, &detail);
    return false;
}

static bool set_errno_error(const char *path, GError **error)
{
    int code = errno;
    error_setf(error, PENSTOCK_ERROR_STORAGE,
               "cannot make the lock file %s: %s: Penstock must be able to write to that directory",
               path, g_strerror(code));
    struct error_detail detail = {.origin_code = code};
    if (error)
        error_set_detail(*error, &detail);
    return false;
}

/* The holder before us unlinks the file before it lets go; then we have locked a file that nobody
 * else can find. */
static bool is_still_there(int fd, const char *path)
{
    struct stat ours, there;
    return fstat(fd, &ours) == 0 && stat(path, &there) == 0 && ours.st_ino == there.st_ino &&
           ours.st_dev == there.st_dev;
}

bool sqlite_lock_take(struct sqlite_lock *lock, const char *database, const char *scope,
                      const char *connection, GError **error)
{
    g_autofree char *path = lock_path(database, scope);
    for (;;) {
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        if (fd < 0)
            return set_errno_error(path, error);
        int rc = flock(fd, LOCK_EX | LOCK_NB);
        if (rc < 0) {
            bool held = errno == EWOULDBLOCK;
            bool ret = held ? set_held_error(fd, database, error) : set_errno_error(path, error);
            close(fd);
            return ret;
        }
        if (is_still_there(fd, path)) {
            write_holder(fd, connection);
            *lock = (struct sqlite_lock){.fd = fd, .path = g_steal_pointer(&path)};
            return true;
        }
        close(fd);
    }
}

void sqlite_lock_release(struct sqlite_lock *lock)
{
    if (lock->fd < 0)
        return;
    unlink(lock->path); /* while it is held: see is_still_there() */
    close(lock->fd);
    g_free(lock->path);
    *lock = (struct sqlite_lock){.fd = -1};
}
