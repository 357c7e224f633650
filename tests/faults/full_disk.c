/* A disk that is full, for processes that are started with this library in LD_PRELOAD: while the
 * file PENSTOCK_DISK_FULL exists, no file whose path holds PENSTOCK_DISK_OF can grow. What is there
 * can be written over, as on a real disk. It needs no rights, unlike a small file system of one's
 * own. */
#undef _FILE_OFFSET_BITS /* it renames functions, and both names are needed */
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

int fallocate(int fd, int mode, off_t offset, off_t length);
int posix_fallocate(int fd, off_t offset, off_t length);

#define NEXT(name) ((__typeof__(&name))(void *)dlsym(RTLD_NEXT, #name))

static bool is_of_the_disk(int fd)
{
    const char *part = getenv("PENSTOCK_DISK_OF");
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (!part || length < 0)
        return false;
    path[length] = '\0';
    return strstr(path, part) != NULL;
}

/* Would the file grow to this end, and may it not? */
static bool is_refused(int fd, off_t end)
{
    const char *full = getenv("PENSTOCK_DISK_FULL");
    struct stat st;
    int code = errno;
    bool refused = full && access(full, F_OK) == 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
                   end > st.st_size && is_of_the_disk(fd);
    errno = refused ? ENOSPC : code;
    return refused;
}

static off_t bytes_of(const struct iovec *pieces, int count)
{
    off_t bytes = 0;
    for (int i = 0; i < count; i++)
        bytes += (off_t)pieces[i].iov_len;
    return bytes;
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset)
{
    return is_refused(fd, offset + (off_t)length) ? -1 : NEXT(pwrite)(fd, bytes, length, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off_t offset)
{
    return pwrite(fd, bytes, length, offset);
}

ssize_t pwritev(int fd, const struct iovec *pieces, int count, off_t offset)
{
    return is_refused(fd, offset + bytes_of(pieces, count))
               ? -1
               : NEXT(pwritev)(fd, pieces, count, offset);
}

ssize_t pwritev64(int fd, const struct iovec *pieces, int count, off_t offset)
{
    return pwritev(fd, pieces, count, offset);
}

ssize_t write(int fd, const void *bytes, size_t length)
{
    off_t offset = lseek(fd, 0, SEEK_CUR);
    return offset >= 0 && is_refused(fd, offset + (off_t)length) ? -1
                                                                 : NEXT(write)(fd, bytes, length);
}

int fallocate(int fd, int mode, off_t offset, off_t length)
{
    return is_refused(fd, offset + length) ? -1 : NEXT(fallocate)(fd, mode, offset, length);
}

int fallocate64(int fd, int mode, off_t offset, off_t length)
{
    return fallocate(fd, mode, offset, length);
}

/* Answers the code itself. */
int posix_fallocate(int fd, off_t offset, off_t length)
{
    return is_refused(fd, offset + length) ? ENOSPC : NEXT(posix_fallocate)(fd, offset, length);
}

int posix_fallocate64(int fd, off_t offset, off_t length)
{
    return posix_fallocate(fd, offset, length);
}

int ftruncate(int fd, off_t length)
{
    return is_refused(fd, length) ? -1 : NEXT(ftruncate)(fd, length);
}

int ftruncate64(int fd, off_t length)
{
    return ftruncate(fd, length);
}
