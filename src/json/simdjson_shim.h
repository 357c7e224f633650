/* The only door to simdjson, and to C++: its first stage, which finds where tokens begin.
 *
 * That stage checks UTF-8, control characters in strings and that the last string ends, at several
 * gigabytes a second, with the best instructions of the machine it runs on. What tokens mean is
 * reader.c's business: simdjson's own second stages either lose the digits of numbers (DOM) or skip
 * what nobody asked for (on demand). */
#ifndef PENSTOCK_JSON_SIMDJSON_SHIM_H
#define PENSTOCK_JSON_SIMDJSON_SHIM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum shim_result {
    SHIM_OK,
    SHIM_EMPTY,     /* white space at most */
    SHIM_MALFORMED, /* invalid UTF-8, a control character in a string, or a string without an end */
    SHIM_NO_MEMORY,
};

struct shim;

/* NULL when there is no memory. */
struct shim *shim_new(void);
/* Accepts NULL. */
void shim_free(struct shim *shim);

/* *ret_tokens: ascending offsets of the first byte of each token, valid until the next call; one
 * more entry after the last is length. A token reaches to the next one, less white space. length is
 * at most UINT32_MAX. */
enum shim_result shim_scan(struct shim *shim, const char *bytes, size_t length,
                           const uint32_t **ret_tokens, size_t *ret_count);

#ifdef __cplusplus
}
#endif

#endif
