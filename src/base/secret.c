#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* A first line longer than this is no token or password but the wrong file. */
#define FILE_BYTES 4096

struct secret {
    size_t length;
    char text[]; /* zero-terminated */
};

static struct secret *secret_new_sized(const char *text, size_t length)
{
    struct secret *secret = g_malloc(sizeof(*secret) + length + 1);

    secret->length = length;
    memcpy(secret->text, text, length);
    secret->text[length] = '\0';
    return secret;
}

struct secret *secret_new(const char *text)
{
    return secret_new_sized(text, strlen(text));
}

struct secret *secret_copy(const struct secret *secret)
{
    return secret_new_sized(secret->text, secret->length);
}

void secret_free(struct secret *secret)
{
    if (!secret)
        return;
    explicit_bzero(secret, sizeof(*secret) + secret->length + 1);
    g_free(secret);
}

const char *secret_reveal(const struct secret *secret)
{
    return secret->text;
}

void secret_redact(const struct secret *secret, char *text)
{
    if (secret->length == 0)
        return;
    while ((text = strstr(text, secret->text))) {
        memset(text, '*', secret->length);
        text += secret->length;
    }
}

/* What may go into a header or a connection string: a stray line break there is an injection. */
static bool is_printable(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return false;
    return true;
}

/* source is the reference without its secret part: it may be shown. */
static bool take_text(const char *source, const char *text, size_t length, struct secret **ret,
                      GError **error)
{
    if (length == 0) {
        error_setf(error, PENSTOCK_ERROR_CONFIG, "%s holds an empty secret", source);
        return false;
    }
    if (!is_printable(text, length)) {
        error_setf(error, PENSTOCK_ERROR_CONFIG,
                   "%s holds control characters; expected one line of plain text", source);
        return false;
    }
    *ret = secret_new_sized(text, length);
    return true;
}

static bool secret_from_environment(const char *reference, struct secret **ret, GError **error)
{
    const char *text = g_getenv(reference + strlen("env:"));

    if (!text) {
        error_setf(error, PENSTOCK_ERROR_CONFIG,
                   "%s: this environment variable is not set; export it", reference);
        return false;
    }
    size_t length = strlen(text);
    /* Orchestrators like to leave the line break of the file that a variable was made from. */
    while (length > 0 && (text[length - 1] == '\n' || text[length - 1] == '\r'))
        length--;
    return take_text(reference, text, length, ret, error);
}

static bool fail_on_file(const char *reference, int code, GError **error)
{
    GError *own = g_error_new(PENSTOCK_ERROR, PENSTOCK_ERROR_CONFIG, "%s: cannot be read: %s",
                              reference, g_strerror(code));

    error_set_detail(own, &(struct error_detail){.origin_code = code});
    g_propagate_error(error, own);
    return false;
}

/* Not g_file_get_contents(): its buffers would stay in freed memory. */
static bool read_start(const char *reference, char buffer[FILE_BYTES], size_t *ret_length,
                       GError **error)
{
    size_t length = 0;
    int file = open(reference + strlen("file:"), O_RDONLY | O_CLOEXEC | O_NOCTTY);

    if (file < 0)
        return fail_on_file(reference, errno, error);
    while (length < FILE_BYTES) {
        ssize_t n = read(file, buffer + length, FILE_BYTES - length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            int code = errno;
            close(file);
            return fail_on_file(reference, code, error);
        }
        if (n == 0)
            break;
        length += (size_t)n;
    }
    close(file);
    *ret_length = length;
    return true;
}

static bool take_first_line(const char *reference, const char *buffer, size_t length,
                            struct secret **ret, GError **error)
{
    const char *line_end = memchr(buffer, '\n', length);

    if (!line_end && length == FILE_BYTES) {
        error_setf(error, PENSTOCK_ERROR_CONFIG, "%s: the first line is longer than %d bytes",
                   reference, FILE_BYTES);
        return false;
    }
    const char *end = line_end ? line_end : buffer + length;
    const char *start = buffer;
    while (start < end && g_ascii_isspace(*start))
        start++;
    while (end > start && g_ascii_isspace(end[-1]))
        end--;
    return take_text(reference, start, (size_t)(end - start), ret, error);
}

static bool secret_from_file(const char *reference, struct secret **ret, GError **error)
{
    char buffer[FILE_BYTES];
    size_t length = 0;

    bool ok = read_start(reference, buffer, &length, error) &&
              take_first_line(reference, buffer, length, ret, error);
    explicit_bzero(buffer, sizeof(buffer));
    return ok;
}

bool secret_from_reference(const char *reference, struct secret **ret, GError **error)
{
    if (g_str_has_prefix(reference, "env:"))
        return secret_from_environment(reference, ret, error);
    if (g_str_has_prefix(reference, "file:"))
        return secret_from_file(reference, ret, error);
    error_setf(error, PENSTOCK_ERROR_CONFIG,
               "a secret is written as env:NAME or file:PATH, never as its value");
    return false;
}
