#include "destinations/postgres_copy.h"

#include <string.h>

#include "model/decimal.h"

#define DAYS_1970_TO_2000 10957
#define SECONDS_PER_DAY   86400

/* ── The buffer ── */

void copy_buffer_done(struct copy_buffer *buffer)
{
    g_free(buffer->bytes);
    *buffer = (struct copy_buffer){0};
}

static char *reserve(struct copy_buffer *buffer, size_t size)
{
    if (buffer->room - buffer->length < size) {
        buffer->room = MAX(buffer->room * 2, buffer->length + size + 1024);
        buffer->bytes = g_realloc(buffer->bytes, buffer->room);
    }
    char *place = buffer->bytes + buffer->length;
    buffer->length += size;
    return place;
}

void copy_bytes(struct copy_buffer *buffer, const char *bytes, size_t length)
{
    if (length > 0)
        memcpy(reserve(buffer, length), bytes, length);
}

static void put16(char *place, unsigned value)
{
    place[0] = (char)(value >> 8);
    place[1] = (char)value;
}

static void put32(char *place, uint32_t value)
{
    uint32_t network = GUINT32_TO_BE(value);
    memcpy(place, &network, sizeof network);
}

static void put64(char *place, int64_t value)
{
    uint64_t network = GUINT64_TO_BE((uint64_t)value);
    memcpy(place, &network, sizeof network);
}

void copy_word(struct copy_buffer *buffer, uint32_t value)
{
    put32(reserve(buffer, 4), value);
}

void copy_word_at(struct copy_buffer *buffer, size_t place, uint32_t value)
{
    put32(buffer->bytes + place, value);
}

/* ── The frame ── */

void copy_begin(struct copy_buffer *buffer)
{
    /* Signature, flags, length of the header's extension. */
    static const char header[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0";
    copy_bytes(buffer, header, sizeof header);
}

void copy_row(struct copy_buffer *buffer, unsigned columns)
{
    put16(reserve(buffer, 2), columns);
}

void copy_end(struct copy_buffer *buffer)
{
    put16(reserve(buffer, 2), 0xffff);
}

/* ── Values of fixed width ── */

static void put_int32(struct copy_buffer *buffer, int32_t value)
{
    char *place = reserve(buffer, 8);
    put32(place, 4);
    put32(place + 4, (uint32_t)value);
}

void copy_int64(struct copy_buffer *buffer, int64_t value)
{
    char *place = reserve(buffer, 12);
    put32(place, 8);
    put64(place + 4, value);
}

static bool put_integer(struct copy_buffer *buffer, const struct cell *cell)
{
    int64_t value;
    if (!cell_int64(cell, &value))
        return false;
    copy_int64(buffer, value);
    return true;
}

static bool put_boolean(struct copy_buffer *buffer, const struct cell *cell)
{
    if (cell->length != 1 || (*cell->text != '0' && *cell->text != '1'))
        return false;
    char *place = reserve(buffer, 5);
    put32(place, 1);
    place[4] = *cell->text == '1';
    return true;
}

/* Microseconds since 2000-01-01 UTC. */
static bool put_timestamp(struct copy_buffer *buffer, const struct cell *cell)
{
    instant_t instant;
    if (!instant_parse(cell->text, cell->length, &instant))
        return false;
    copy_int64(buffer, instant - INSTANT_SECOND * SECONDS_PER_DAY * DAYS_1970_TO_2000);
    return true;
}

static int two_digits(const char *text)
{
    return (text[0] - '0') * 10 + (text[1] - '0');
}

/* Days since 2000-01-01 in the proleptic Gregorian calendar: years begin in March, so that the leap
 * day is the last one. */
static bool put_date(struct copy_buffer *buffer, const struct cell *cell)
{
    if (!date_is_valid(cell->text, cell->length))
        return false;
    int year = two_digits(cell->text) * 100 + two_digits(cell->text + 2);
    int month = two_digits(cell->text + 5), day = two_digits(cell->text + 8);
    year -= month <= 2;
    int day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int days = year * 365 + year / 4 - year / 100 + year / 400 + day_of_year;
    put_int32(buffer, days - 730425); /* 0000-03-01 to 2000-01-01 */
    return true;
}

/* Microseconds since midnight. */
static bool put_time(struct copy_buffer *buffer, const struct cell *cell)
{
    const char *text = cell->text;
    if (!time_of_day_is_valid(text, cell->length))
        return false;
    int seconds = two_digits(text) * 3600 + two_digits(text + 3) * 60;
    if (cell->length > 5)
        seconds += two_digits(text + 6);
    copy_int64(buffer, seconds * INSTANT_SECOND);
    return true;
}

/* ── numeric ── */

/* What numeric holds; *ret_scale: the digits behind the point that it is shown with. */
static bool is_in_range(const struct decimal *decimal, int *ret_scale)
{
    int64_t needed = decimal->count ? MAX(-decimal_last(decimal), 0) : 0;
    /* Zeros at the end are kept as long as there is room for them. */
    *ret_scale =
        (int)(decimal->scale > NUMERIC_SCALE ? MIN(needed, NUMERIC_SCALE) : decimal->scale);
    return needed <= NUMERIC_SCALE &&
           (decimal->count == 0 || decimal->first < NUMERIC_INTEGER_DIGITS);
}

static int floor_div4(int value)
{
    return (value >= 0 ? value : value - 3) / 4;
}

/* Groups of four digits, each a 16-bit number; the first is `first` digits long. */
static void put_groups(char *place, const struct decimal *decimal, int first)
{
    const char *p = decimal->digits;
    size_t left = decimal->count;
    for (int length = first; left > 0; length = 4, place += 2) {
        unsigned group = 0;
        for (int i = 0; i < length; i++) {
            group *= 10;
            if (left == 0)
                continue;
            group += (unsigned)(decimal_next(&p) - '0');
            left--;
        }
        put16(place, group);
    }
}

/* Count of groups, weight of the first (powers of 10,000), sign, scale, groups. */
static bool put_numeric(struct copy_buffer *buffer, const struct cell *cell)
{
    struct decimal decimal;
    int scale;
    if (!decimal_parse(cell->text, cell->length, &decimal) || !is_in_range(&decimal, &scale))
        return false;
    int before = decimal.count ? (int)decimal.first + 1 : 0, count = (int)decimal.count;
    int weight = count ? floor_div4(before + 3) - 1 : 0;
    int first = count ? before - 4 * weight : 0;
    int groups = count ? 1 + (MAX(count - first, 0) + 3) / 4 : 0;
    size_t bytes = 8 + 2 * (size_t)groups;
    char *place = reserve(buffer, 4 + bytes);
    put32(place, (uint32_t)bytes);
    put16(place + 4, (unsigned)groups);
    put16(place + 6, (unsigned)weight & 0xffff);
    put16(place + 8, decimal.negative && count ? 0x4000 : 0);
    put16(place + 10, (unsigned)scale);
    put_groups(place + 12, &decimal, first);
    return true;
}

/* ── Any value ── */

static bool put_text(struct copy_buffer *buffer, const struct cell *cell)
{
    char *place = reserve(buffer, 4 + (size_t)cell->length);
    put32(place, cell->length);
    if (cell->length > 0)
        memcpy(place + 4, cell->text, cell->length);
    return true;
}

/* Version 1 is the text of the document. */
static bool put_jsonb(struct copy_buffer *buffer, const struct cell *cell)
{
    char *place = reserve(buffer, 5 + (size_t)cell->length);
    put32(place, cell->length + 1);
    place[4] = 1;
    if (cell->length > 0)
        memcpy(place + 5, cell->text, cell->length);
    return true;
}

bool copy_cell(struct copy_buffer *buffer, enum column_type type, const struct cell *cell)
{
    static bool (*const puts[])(struct copy_buffer *, const struct cell *) = {
        [COLUMN_INTEGER] = put_integer, [COLUMN_DECIMAL] = put_numeric,
        [COLUMN_BOOLEAN] = put_boolean, [COLUMN_TIMESTAMP] = put_timestamp,
        [COLUMN_DATE] = put_date,       [COLUMN_TIME] = put_time,
        [COLUMN_TEXT] = put_text,       [COLUMN_JSON] = put_jsonb,
    };
    if (cell->kind == CELL_VALUE)
        return puts[type](buffer, cell);
    copy_word(buffer, UINT32_MAX);
    return true;
}
