#include "times.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct civil {
    int year, month, day;
};

/* Days since 1970 to a date and back, proleptic Gregorian (H. Hinnant's algorithms). */
static struct civil civil_of(int64_t days)
{
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    int64_t month = mp < 10 ? mp + 3 : mp - 9;
    return (struct civil){(int)(yoe + era * 400 + (month <= 2)), (int)month,
                          (int)(doy - (153 * mp + 2) / 5 + 1)};
}

static int64_t days_of(int year, int month, int day)
{
    int64_t y = year - (month <= 2);
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t yoe = y - era * 400;
    int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + doe - 719468;
}

static void two(char *at, int value)
{
    at[0] = (char)('0' + value / 10 % 10);
    at[1] = (char)('0' + value % 10);
}

static void date_digits(char *at, int64_t days)
{
    struct civil c = civil_of(days);
    two(at, c.year / 100);
    two(at + 2, c.year % 100);
    at[4] = at[7] = '-';
    two(at + 5, c.month);
    two(at + 8, c.day);
}

void time_write(struct buf *b, int64_t when, enum time_style style)
{
    char text[28] = "\"YYYY-MM-DD HH:MM:SS";
    size_t n = 20;

    if (when == 0) {
        BUF_LIT(b, "null");
        return;
    }
    int second = (int)(when % DAY_S);
    date_digits(text + 1, when / DAY_S);
    text[11] = style == TIME_V1 ? ' ' : 'T';
    two(text + 12, second / 3600);
    two(text + 15, second / 60 % 60);
    two(text + 18, second % 60);
    if (style == TIME_V2_FRACTION) {
        memcpy(text + n, ".000", 4);
        n += 4;
    }
    if (style != TIME_V1)
        text[n++] = 'Z';
    text[n++] = '"';
    buf_bytes(b, text, n);
}

void date_write(struct buf *b, int64_t when)
{
    char text[12] = "\"          \"";
    date_digits(text + 1, when / DAY_S);
    buf_bytes(b, text, 12);
}

static bool digits(const char *text, int n, int *ret)
{
    *ret = 0;
    for (int i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        *ret = *ret * 10 + (text[i] - '0');
    }
    return true;
}

static int month_days(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

/* Also refuses the 29th of February of a common year. */
static bool parse_date(const char *t, int64_t *ret_days)
{
    int year, month, day;
    if (strlen(t) < 10 || t[4] != '-' || t[7] != '-' || !digits(t, 4, &year) ||
        !digits(t + 5, 2, &month) || !digits(t + 8, 2, &day) || month < 1 || month > 12 ||
        day < 1 || day > month_days(year, month))
        return false;
    *ret_days = days_of(year, month, day);
    return true;
}

static bool parse_clock(const char *t, int64_t *ret_seconds)
{
    int hour, minute, second;
    if (strlen(t) < 8 || t[2] != ':' || t[5] != ':' || !digits(t, 2, &hour) ||
        !digits(t + 3, 2, &minute) || !digits(t + 6, 2, &second) || hour > 23 || minute > 59 ||
        second > 59)
        return false;
    *ret_seconds = hour * 3600 + minute * 60 + second;
    return true;
}

bool time_parse(const char *text, int64_t *ret_when)
{
    int64_t days, seconds, offset = 0;
    if (!parse_date(text, &days) || (text[10] != 'T' && text[10] != 't') ||
        !parse_clock(text + 11, &seconds))
        return false;
    const char *zone = text + 19;
    if (*zone == '+' || *zone == '-' || *zone == ' ') { /* an unescaped + arrives as a blank */
        int hour, minute;
        if (strlen(zone) != 6 || zone[3] != ':' || !digits(zone + 1, 2, &hour) ||
            !digits(zone + 4, 2, &minute))
            return false;
        offset = (hour * 3600 + minute * 60) * (*zone == '-' ? -1 : 1);
    } else if (strcmp(zone, "Z") != 0 && strcmp(zone, "z") != 0) {
        return false;
    }
    *ret_when = days * DAY_S + seconds - offset;
    return true;
}

bool time_parse_any(const char *text, int64_t *ret_when)
{
    int64_t days, seconds = 0;
    if (time_parse(text, ret_when))
        return true;
    if (!parse_date(text, &days))
        return false;
    if (text[10] && (strlen(text) != 19 || !parse_clock(text + 11, &seconds)))
        return false;
    *ret_when = days * DAY_S + seconds;
    return true;
}

void time_http(char out[40], int64_t when)
{
    time_t t = (time_t)when;
    struct tm tm;
    gmtime_r(&t, &tm);
    strftime(out, 40, "%a, %d %b %Y %H:%M:%S GMT", &tm);
}
