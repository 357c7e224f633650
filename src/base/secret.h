/* Secret: a value that cannot be printed by accident.
 *
 * The type is opaque, so no format string takes it; the text comes out only through
 * secret_reveal(), whose callers are easy to find. Memory is wiped before it is freed. Thread:
 * immutable after creation, share freely. */
#ifndef PENSTOCK_BASE_SECRET_H
#define PENSTOCK_BASE_SECRET_H

#include "base/error.h"

struct secret;

/* Copies text; the caller wipes its own copy if that matters. */
struct secret *secret_new(const char *text);
/* "env:NAME" or "file:PATH" (first line, white space stripped). A bare value is refused, so that
 * tokens stay out of configuration files; the error never repeats it. */
MUST_USE bool secret_from_reference(const char *reference, struct secret **ret, GError **error);
struct secret *secret_copy(const struct secret *secret);
/* Accepts NULL; wipes. */
void secret_free(struct secret *secret);
/* The text. Do not log it, do not put it into an error, a URL or a table. */
const char *secret_reveal(const struct secret *secret);
/* Replaces each occurrence of the secret in text by asterisks, in place: last line of defence for
 * third-party messages. */
void secret_redact(const struct secret *secret, char *text);

#endif
