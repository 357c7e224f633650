/* Numbers without loss. SQLite's own conversions print 15 digits; a double needs up to 17, and a
 * JSON number may have more than any double holds. */
#include <math.h>
#include <string.h>

#include "destinations/sqlite_private.h"

#define DOUBLE_MAX_DIGITS    17 /* the shortest form of a double never has more */
#define DOUBLE_SURE_DIGITS   15 /* so many survive a round trip through any normal double */
#define DOUBLE_SURE_EXPONENT 300

/* 0.d1d2d3… × 10^exponent without zeros at either end, so that equal numbers look equal; zero has
 * no digits. */
struct decimal {
    char digits[DOUBLE_MAX_DIGITS];
    unsigned count;
    int exponent;
    bool negative;
};

void sqlite_real_format(double value, char ret[SQLITE_REAL_TEXT_BYTES])
{
    static const char *const formats[] = {"%.15g", "%.16g", "%.17g"};
    for (unsigned i = 0; i < G_N_ELEMENTS(formats); i++) {
        g_ascii_formatd(ret, SQLITE_REAL_TEXT_BYTES, formats[i], value);
        if (g_ascii_strtod(ret, NULL) == value)
            return;
    }
}

/* Zeros are held back until a digit follows, so that those at the end never count. */
static bool take_digits(struct decimal *decimal, const char **p, const char *end, unsigned *zeros,
                        bool fraction)
{
    for (; *p < end && g_ascii_isdigit(**p); (*p)++) {
        bool leading = decimal->count == 0 && **p == '0';
        decimal->exponent += leading ? (fraction ? -1 : 0) : (fraction ? 0 : 1);
        if (leading)
            continue;
        if (**p == '0') {
            (*zeros)++;
            continue;
        }
        if (decimal->count + *zeros + 1 > DOUBLE_MAX_DIGITS)
            return false;
        memset(decimal->digits + decimal->count, '0', *zeros);
        decimal->count += *zeros;
        *zeros = 0;
        decimal->digits[decimal->count++] = **p;
    }
    return true;
}

static bool take_exponent(struct decimal *decimal, const char **p, const char *end)
{
    if (*p == end || (**p != 'e' && **p != 'E'))
        return true;
    (*p)++;
    bool negative = *p < end && **p == '-';
    if (*p < end && (**p == '-' || **p == '+'))
        (*p)++;
    int exponent = 0;
    const char *start = *p;
    for (; *p < end && g_ascii_isdigit(**p); (*p)++) {
        if (exponent > 9999) /* no double gets there */
            return false;
        exponent = exponent * 10 + (**p - '0');
    }
    decimal->exponent += negative ? -exponent : exponent;
    return *p > start;
}

/* False for what is no number and for more digits than a double may have. */
static bool decimal_parse(const char *text, size_t length, struct decimal *ret)
{
    *ret = (struct decimal){0};
    if (length == 0 || length > 400)
        return false;
    const char *p = text, *end = text + length;
    unsigned zeros = 0;
    ret->negative = *p == '-';
    p += ret->negative;
    const char *start = p;
    if (!take_digits(ret, &p, end, &zeros, false) || p == start)
        return false;
    if (p < end && *p == '.') {
        start = ++p;
        if (!take_digits(ret, &p, end, &zeros, true) || p == start)
            return false;
    }
    if (!take_exponent(ret, &p, end) || p != end)
        return false;
    if (ret->count == 0)
        ret->exponent = 0;
    return true;
}

static bool decimal_equal(const struct decimal *a, const struct decimal *b)
{
    return a->negative == b->negative && a->exponent == b->exponent && a->count == b->count &&
           memcmp(a->digits, b->digits, a->count) == 0;
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
    bool sure = sent.count <= DOUBLE_SURE_DIGITS && ABS(sent.exponent) < DOUBLE_SURE_EXPONENT;
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
