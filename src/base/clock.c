#include "base/clock.h"

#include <glib.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SECONDS_A_DAY 86400

/* Seconds since 1970 of the first and last second that we take: years 0001 to 9999. */
#define FIRST_SECOND INT64_C(-62135596800)
#define LAST_SECOND  INT64_C(253402300799)

/* What is left of a text that is being read; every reader moves it only on success. */
struct cursor {
    const char *at, *end;
};

int64_t clock_monotonic_ms(void)
{
    return g_get_monotonic_time() / 1000;
}

/* --- calendar: proleptic Gregorian, by eras of 400 years that begin in March --- */

static bool is_leap_year(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return month == 2 && is_leap_year(year) ? 29 : days[month - 1];
}

static int64_t floor_div(int64_t value, int64_t divisor)
{
    return value / divisor - (value % divisor < 0);
}

/* Never negative. */
static int64_t floor_rest(int64_t value, int64_t divisor)
{
    int64_t rest = value % divisor;

    return rest < 0 ? rest + divisor : rest;
}

/* Days since 1970-01-01. (Howard Hinnant, "chrono-compatible low-level date algorithms") */
static int64_t days_from_civil(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = floor_div(y, 400);
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return era * 146097 + day_of_era - 719468;
}

struct civil {
    int64_t year;
    int month, day;
};

static struct civil civil_from_days(int64_t days)
{
    days += 719468;
    int64_t era = floor_div(days, 146097);
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t march_month = (5 * day_of_year + 2) / 153;
    int month = (int)(march_month < 10 ? march_month + 3 : march_month - 9);

    return (struct civil){
        .year = era * 400 + year_of_era + (month <= 2),
        .month = month,
        .day = (int)(day_of_year - (153 * march_month + 2) / 5 + 1),
    };
}

/* --- readers --- */

static bool take_char(struct cursor *text, char expected)
{
    if (text->at == text->end || *text->at != expected)
        return false;
    text->at++;
    return true;
}

/* Exactly that many digits. */
static bool take_number(struct cursor *text, int digits, int *ret)
{
    int value = 0;

    if (text->end - text->at < digits)
        return false;
    for (int i = 0; i < digits; i++) {
        if (!g_ascii_isdigit(text->at[i]))
            return false;
        value = value * 10 + (text->at[i] - '0');
    }
    text->at += digits;
    *ret = value;
    return true;
}

static bool date_exists(int year, int month, int day)
{
    return year >= 1 && month >= 1 && month <= 12 && day >= 1 && day <= days_in_month(year, month);
}

static bool take_date(struct cursor *text, int64_t *ret_days)
{
    int year, month, day;

    if (!take_number(text, 4, &year) || !take_char(text, '-') || !take_number(text, 2, &month) ||
        !take_char(text, '-') || !take_number(text, 2, &day) || !date_exists(year, month, day))
        return false;
    *ret_days = days_from_civil(year, month, day);
    return true;
}

static bool take_hour_minute(struct cursor *text, int *ret_minutes)
{
    int hour, minute;

    if (!take_number(text, 2, &hour) || !take_char(text, ':') || !take_number(text, 2, &minute) ||
        hour > 23 || minute > 59)
        return false;
    *ret_minutes = hour * 60 + minute;
    return true;
}

static bool take_time(struct cursor *text, int *ret_seconds)
{
    int minutes, second;

    if (!take_hour_minute(text, &minutes) || !take_char(text, ':') ||
        !take_number(text, 2, &second) || second > 59)
        return false;
    *ret_seconds = minutes * 60 + second;
    return true;
}

/* ".5" to ".123456789", or nothing. */
static bool take_fraction(struct cursor *text, int *ret_microseconds)
{
    int digits = 0, value = 0;

    if (take_char(text, '.')) {
        for (int digit; take_number(text, 1, &digit); digits++)
            if (digits < 6)
                value = value * 10 + digit;
        if (digits < 1 || digits > 9)
            return false;
        for (int i = digits; i < 6; i++)
            value *= 10;
    }
    *ret_microseconds = value;
    return true;
}

/* "Z" or "+01:00": seconds that the text is ahead of UTC. */
static bool take_offset(struct cursor *text, int *ret_seconds)
{
    int minutes, sign;

    if (take_char(text, 'Z') || take_char(text, 'z')) {
        *ret_seconds = 0;
        return true;
    }
    if (take_char(text, '+'))
        sign = 1;
    else if (take_char(text, '-'))
        sign = -1;
    else
        return false;
    if (!take_hour_minute(text, &minutes))
        return false;
    *ret_seconds = sign * minutes * 60;
    return true;
}

bool instant_parse(const char *text, size_t length, instant_t *ret)
{
    if (!text)
        return false;
    struct cursor rest = {text, text + length};
    int64_t days;
    int seconds, microseconds, offset = 0;

    if (!take_date(&rest, &days))
        return false;
    bool has_zone = take_char(&rest, 'T') || take_char(&rest, 't');
    if (!has_zone && !take_char(&rest, ' '))
        return false;
    if (!take_time(&rest, &seconds) || !take_fraction(&rest, &microseconds))
        return false;
    if (has_zone && !take_offset(&rest, &offset))
        return false;
    if (rest.at != rest.end)
        return false;
    int64_t utc = days * SECONDS_A_DAY + seconds - offset;
    if (utc < FIRST_SECOND || utc > LAST_SECOND)
        return false;
    *ret = utc * INSTANT_SECOND + microseconds;
    return true;
}

/* The number of the three-letter name that comes next, from 1. */
static bool take_name(struct cursor *text, const char *names, int *ret)
{
    if (text->end - text->at < 3)
        return false;
    for (int i = 0; names[i]; i += 3) {
        if (memcmp(text->at, names + i, 3) == 0) {
            text->at += 3;
            *ret = i / 3 + 1;
            return true;
        }
    }
    return false;
}

bool instant_parse_http(const char *text, instant_t *ret)
{
    static const char weekdays[] = "MonTueWedThuFriSatSun";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    int weekday, day, month, year, seconds;

    if (!text)
        return false;
    struct cursor rest = {text, text + strlen(text)};
    if (!take_name(&rest, weekdays, &weekday) || !take_char(&rest, ',') || !take_char(&rest, ' ') ||
        !take_number(&rest, 2, &day) || !take_char(&rest, ' ') ||
        !take_name(&rest, months, &month) || !take_char(&rest, ' ') ||
        !take_number(&rest, 4, &year) || !take_char(&rest, ' ') || !take_time(&rest, &seconds) ||
        strcmp(rest.at, " GMT") != 0 || !date_exists(year, month, day))
        return false;
    *ret = (days_from_civil(year, month, day) * SECONDS_A_DAY + seconds) * INSTANT_SECOND;
    return true;
}

bool date_is_valid(const char *text, size_t length)
{
    if (!text)
        return false;
    struct cursor rest = {text, text + length};
    int64_t days;

    return take_date(&rest, &days) && rest.at == rest.end;
}

bool time_of_day_is_valid(const char *text, size_t length)
{
    if (!text)
        return false;
    struct cursor rest = {text, text + length};
    int minutes, second;

    if (!take_hour_minute(&rest, &minutes))
        return false;
    if (rest.at == rest.end)
        return true;
    return take_char(&rest, ':') && take_number(&rest, 2, &second) && second <= 59 &&
           rest.at == rest.end;
}

static bool take_american_date(struct cursor *text, int64_t *ret_days)
{
    int year, month, day;

    if (!take_number(text, 2, &month) || !take_char(text, '/') || !take_number(text, 2, &day) ||
        !take_char(text, '/') || !take_number(text, 4, &year) || !date_exists(year, month, day))
        return false;
    *ret_days = days_from_civil(year, month, day);
    return true;
}

bool instant_parse_day(const char *text, instant_t *ret)
{
    if (!text)
        return false;
    struct cursor iso = {text, text + strlen(text)};
    struct cursor american = iso;
    int64_t days;

    if (!(take_date(&iso, &days) && iso.at == iso.end) &&
        !(take_american_date(&american, &days) && american.at == american.end))
        return false;
    *ret = days * SECONDS_A_DAY * INSTANT_SECOND;
    return true;
}

/* --- writers --- */

/* The last `count` digits of a number that is not negative. */
static char *put_digits(char *out, int count, int64_t number)
{
    for (int i = count; i-- > 0; number /= 10)
        out[i] = (char)('0' + number % 10);
    return out + count;
}

static char *put_pair(char *out, char before, int number)
{
    *out = before;
    return put_digits(out + 1, 2, number);
}

/* Writes up to the second and says where; *ret_microseconds gets the rest. By hand: every row has
 * several of these. */
static char *format_seconds(instant_t instant, char separator, char ret[INSTANT_TEXT_BYTES],
                            int *ret_microseconds)
{
    int64_t seconds = floor_div(instant, INSTANT_SECOND);
    int64_t days = floor_div(seconds, SECONDS_A_DAY);
    int of_day = (int)floor_rest(seconds, SECONDS_A_DAY);
    struct civil date = civil_from_days(days);

    *ret_microseconds = (int)floor_rest(instant, INSTANT_SECOND);
    if (date.year < 0 || date.year > 9999)
        ret += snprintf(ret, INSTANT_TEXT_BYTES, "%04" PRId64, date.year);
    else
        ret = put_digits(ret, 4, date.year);
    ret = put_pair(ret, '-', date.month);
    ret = put_pair(ret, '-', date.day);
    ret = put_pair(ret, separator, of_day / 3600);
    ret = put_pair(ret, ':', of_day / 60 % 60);
    return put_pair(ret, ':', of_day % 60);
}

void instant_format_rfc3339(instant_t instant, char ret[INSTANT_TEXT_BYTES])
{
    int dropped;

    if (instant == INSTANT_NONE)
        ret[0] = '\0';
    else
        memcpy(format_seconds(instant, 'T', ret, &dropped), "Z", 2);
}

void instant_format_sql(instant_t instant, char ret[INSTANT_TEXT_BYTES])
{
    int microseconds;

    if (instant == INSTANT_NONE) {
        ret[0] = '\0';
        return;
    }
    char *end = format_seconds(instant, ' ', ret, &microseconds);
    if (microseconds) {
        *end = '.';
        end = put_digits(end + 1, 6, microseconds);
    }
    *end = '\0';
}
