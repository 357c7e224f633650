/* The schema of penstock.yaml and its lint; only config*.c use it. */
#ifndef PENSTOCK_CLI_CONFIG_SCHEMA_H
#define PENSTOCK_CLI_CONFIG_SCHEMA_H

#include "base/error.h"

#include <cyaml/cyaml.h>

extern const cyaml_schema_value_t config_schema;

/* Checks the document against the schema and fills *lines (path of a node → its line). CONFIG
 * errors name file, line, connection and what was expected. */
MUST_USE bool config_lint(const char *path, const char *bytes, size_t length, GHashTable *lines,
                          GError **error);

#endif
