#include "cli/config_schema.h"
#include "cli/config.h"
#include "sync/sync.h"

/* The texts are ended by zero and allocated; a missing optional one is NULL. */
#define TEXT(key, type, member)                                                                    \
    CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER, type, member, 1, 1000)
#define OPTIONAL_TEXT(key, type, member)                                                           \
    CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, type, member, 1, 1000)
#define OPTIONAL_CHOICE(key, type, member, words)                                                  \
    CYAML_FIELD_ENUM(key, CYAML_FLAG_STRICT | CYAML_FLAG_OPTIONAL, type, member, words,            \
                     CYAML_ARRAY_LEN(words))

static const cyaml_strval_t gateways[] = {{"none", GATEWAY_NONE}};
static const cyaml_strval_t custom_fields_modes[] = {
    {"names", CUSTOM_FIELDS_NAMES}, {"keys", CUSTOM_FIELDS_KEYS}, {"json", CUSTOM_FIELDS_JSON}};
static const cyaml_strval_t metadata_styles[] = {{"native", METADATA_NATIVE},
                                                 {"stitch", METADATA_STITCH},
                                                 {"fivetran", METADATA_FIVETRAN},
                                                 {"airbyte", METADATA_AIRBYTE},
                                                 {"none", METADATA_NONE}};
static const cyaml_strval_t dealflow_modes[] = {
    {"stages", DEALFLOW_STAGES}, {"all", DEALFLOW_ALL}, {"off", DEALFLOW_OFF}};
static const cyaml_strval_t deletes_modes[] = {
    {"flag", DELETES_FLAG}, {"remove", DELETES_REMOVE}, {"ignore", DELETES_IGNORE}};

static const cyaml_schema_value_t table_entry = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, 100)};

static const cyaml_schema_field_t every_fields[] = {
    OPTIONAL_TEXT("hot", struct config_every, hot),
    OPTIONAL_TEXT("archived", struct config_every, archived),
    OPTIONAL_TEXT("full", struct config_every, full),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t budget_fields[] = {
    OPTIONAL_TEXT("per_day", struct config_budget, per_day),
    OPTIONAL_TEXT("reserve", struct config_budget, reserve),
    OPTIONAL_TEXT("backfill", struct config_budget, backfill),
    OPTIONAL_TEXT("tokens", struct config_budget, tokens),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t connection_fields[] = {
    TEXT("name", struct config_connection, name),
    TEXT("api_token", struct config_connection, api_token),
    TEXT("destination", struct config_connection, destination),
    OPTIONAL_TEXT("schema", struct config_connection, schema),
    OPTIONAL_TEXT("start_date", struct config_connection, start_date),
    OPTIONAL_TEXT("api_url", struct config_connection, api_url),
    OPTIONAL_CHOICE("gateway", struct config_connection, gateway, gateways),
    CYAML_FIELD_SEQUENCE_COUNT("tables", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                               struct config_connection, tables, table_count, &table_entry, 1, 100),
    OPTIONAL_CHOICE("custom_fields", struct config_connection, custom_fields, custom_fields_modes),
    OPTIONAL_CHOICE("metadata_columns", struct config_connection, metadata, metadata_styles),
    OPTIONAL_CHOICE("dealflow", struct config_connection, dealflow, dealflow_modes),
    CYAML_FIELD_MAPPING("every", CYAML_FLAG_OPTIONAL, struct config_connection, every,
                        every_fields),
    OPTIONAL_TEXT("full_every", struct config_connection, full_every),
    OPTIONAL_CHOICE("deletes", struct config_connection, deletes, deletes_modes),
    OPTIONAL_TEXT("refresh_every", struct config_connection, refresh_every),
    CYAML_FIELD_MAPPING("budget", CYAML_FLAG_OPTIONAL, struct config_connection, budget,
                        budget_fields),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t connection_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_connection, connection_fields)};

static const cyaml_schema_field_t document_fields[] = {
    CYAML_FIELD_SEQUENCE_COUNT("connections", CYAML_FLAG_POINTER, struct config_document,
                               connections, connection_count, &connection_entry, 1, 10000),
    CYAML_FIELD_END,
};

const cyaml_schema_value_t config_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct config_document, document_fields)};
