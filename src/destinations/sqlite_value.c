/* Numbers without loss. SQLite's own conversions print 15 digits; a double needs up to 17, and a
 * JSON number may have more than any double holds. */
#include <math.h>
#include <string.h>

#include "destinations/sqlite_private.h"
#include "model/decimal.h"

#define DOUBLE_SURE_DIGITS   15 /* so many survive a round trip through any normal double */
#define DOUBLE_SURE_EXPONENT 300

void sqlite_real_format(double value, char ret[SQLITE_REAL_TEXT_BYTES])
{
    static const char *const formats[] = {"%.15g", "%.16g", "%.17g"};
    for (unsigned i = 0; i < G_N_ELEMENTS(formats); i++) {
        g_ascii_formatd(ret, SQLITE_REAL_TEXT_BYTES, formats[i], value);
        if (g_ascii_strtod(ret, NULL) == value)
            return;
    }
}

bool sqlite_real_parse(const char *text, size_t length, double *ret)
{
    char copy[64], shortest[SQLITE_REAL_TEXT_BYTES];
    struct decimal sent, kept;
    if (length >= sizeof copy || !decimal_parse(text, length, &sent))
        return false;
    memcpy(copy, text, length);
    copy[length] = '\0';
    double value = g_ascii_strtod(copy, NULL);
    if (!isfinite(value))
        return false;
    bool sure = sent.count <= DOUBLE_SURE_DIGITS && ABS(sent.first) < DOUBLE_SURE_EXPONENT;
    if (!sure) {
        sqlite_real_format(value, shortest);
        if (!decimal_parse(shortest, strlen(shortest), &kept) || !decimal_equal(&sent, &kept))
            return false;
    }
    *ret = value;
    return true;
}

static void bind_cell_text(sqlite3_stmt *statement, int number, const struct cell *cell)
{
    /* A NULL pointer would be bound as null. */
    sqlite3_bind_text(statement, number, cell->text ? cell->text : "", (int)cell->length,
                      SQLITE_STATIC);
}

bool sqlite_bind_cell(sqlite3_stmt *statement, int number, enum sqlite_storage storage,
                      const struct cell *cell)
{
    int64_t integer;
    double real;
    if (cell->kind != CELL_VALUE)
        sqlite3_bind_null(statement, number);
    else if (storage == STORE_TEXT)
        bind_cell_text(statement, number, cell);
    else if (cell_int64(cell, &integer))
        sqlite3_bind_int64(statement, number, integer);
    else if (storage == STORE_INTEGER)
        return false;
    else if (sqlite_real_parse(cell->text, cell->length, &real))
        sqlite3_bind_double(statement, number, real);
    else
        bind_cell_text(statement, number, cell);
    return true;
}

static void text_function(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    char text[SQLITE_REAL_TEXT_BYTES];
    switch (sqlite3_value_type(values[0])) {
    case SQLITE_INTEGER:
        g_snprintf(text, sizeof text, "%" G_GINT64_FORMAT, (gint64)sqlite3_value_int64(values[0]));
        break;
    case SQLITE_FLOAT:
        sqlite_real_format(sqlite3_value_double(values[0]), text);
        break;
    default:
        sqlite3_result_value(context, values[0]);
        return;
    }
    sqlite3_result_text(context, text, -1, SQLITE_TRANSIENT);
}

bool sqlite_register_text_function(sqlite3 *db)
{
    return sqlite3_create_function(db, "penstock_text", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL,
                                   text_function, NULL, NULL) == SQLITE_OK;
}
