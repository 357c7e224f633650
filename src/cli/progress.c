#include "base/log.h"
#include "cli/format.h"
#include "cli/progress_state.h"

#include <string.h>
#include <unistd.h>

/* --- screen --- */

static void put(const GString *bytes)
{
    for (size_t done = 0; done < bytes->len;) {
        ssize_t count = write(STDERR_FILENO, bytes->str + done, bytes->len - done);
        if (count <= 0)
            return; /* a display that cannot be drawn stops nothing */
        done += (size_t)count;
    }
}

/* Back to the first line, everything below is cleared. The cursor stands at the end of the last
 * line. A terminal that became narrower has folded our lines. */
static void append_erase(struct progress *progress, GString *out)
{
    unsigned columns, rows;
    terminal_size(STDERR_FILENO, &columns, &rows);
    size_t lines = 0;
    for (unsigned i = 0; i < progress->widths->len; i++) {
        size_t width = MAX(g_array_index(progress->widths, size_t, i), 1);
        lines += columns > 0 ? (width + columns - 1) / columns : 1;
    }
    /* Line by line: some terminals save a screen that is cleared as a whole in their history. */
    g_string_append(out, "\r\033[K");
    for (; lines > 1; lines--)
        g_string_append(out, "\033[A\033[K");
}

static void screen_hide(void *opaque)
{
    struct progress *progress = opaque;
    g_mutex_lock(&progress->lock);
    if (!progress->is_drawn)
        return;
    g_autoptr(GString) out = g_string_new(NULL);
    append_erase(progress, out);
    put(out);
}

static void screen_show(void *opaque)
{
    struct progress *progress = opaque;
    if (progress->is_drawn)
        put(progress->screen);
    g_mutex_unlock(&progress->lock);
}

/* A log line hides and shows the display itself. */
static void screen_hide_unless_logged(struct progress *progress)
{
    if (!progress->ui->json_log)
        screen_hide(progress);
}

static void screen_show_unless_logged(struct progress *progress)
{
    if (!progress->ui->json_log)
        screen_show(progress);
}

static void append_line(struct progress *progress, const struct picture_line *line, bool first)
{
    GString *out = progress->screen;
    size_t width = text_width(line->text);
    if (!first)
        g_string_append(out, "\r\n");
    if (line->color != NULL && progress->ui->color_err && line->text[0] != '\0') {
        const char *rest = g_utf8_next_char(line->text);
        g_string_append_printf(out, "\033[%sm%.*s\033[0m%s", line->color, (int)(rest - line->text),
                               line->text, rest);
    } else {
        g_string_append(out, line->text);
    }
    g_array_append_val(progress->widths, width);
}

/* Erases the last picture and draws this one, in one write. */
static void screen_draw(struct progress *progress, const GArray *lines)
{
    g_mutex_lock(&progress->lock);
    g_autoptr(GString) out = g_string_new(NULL);
    if (progress->is_drawn)
        append_erase(progress, out);
    g_string_truncate(progress->screen, 0);
    g_array_set_size(progress->widths, 0);
    for (unsigned i = 0; i < lines->len; i++)
        append_line(progress, &g_array_index(lines, struct picture_line, i), i == 0);
    g_string_append_len(out, progress->screen->str, (gssize)progress->screen->len);
    put(out);
    progress->is_drawn = true;
    g_mutex_unlock(&progress->lock);
}

/* --- plain lines --- */

static char *prefix(const struct progress *progress, const char *connection)
{
    return progress->with_connection ? g_strdup_printf("%s: ", connection) : g_strdup("");
}

static void print_line(struct progress *progress, const char *connection, const char *text)
{
    g_autofree char *before = prefix(progress, connection);
    g_autofree char *clean = text_clean(text);
    screen_hide(progress);
    fprintf(stderr, "%s%s\n", before, clean);
    screen_show(progress);
}

static void log_table(const struct progress_table *table)
{
    const struct table_progress *now = &table->now;
    log_info("progress", "connection", table->connection, "table", now->table, "outcome",
             outcome_name(now->outcome), "rows", log_int(now->rows), "tokens", log_int(now->tokens),
             "requests", log_int(now->requests), NULL);
}

static void say_table(struct progress *progress, const struct progress_table *table)
{
    const struct table_progress *now = &table->now;
    if (progress->ui->json_log) {
        log_table(table);
        return;
    }
    char tokens[FORMAT_BYTES], queue[FORMAT_BYTES];
    bool is_final = outcome_is_final(now->outcome);
    g_autofree char *rows = format_plural(now->rows, "row");
    g_autofree char *text = g_strdup_printf(
        "%s: %s%s%s, %s tokens%s%s%s", now->table, is_final ? outcome_name(now->outcome) : "",
        is_final ? ", " : "", rows, format_count(now->tokens, tokens), now->queue > 0 ? ", " : "",
        now->queue > 0 ? format_count(now->queue, queue) : "",
        now->queue > 0 ? " deals waiting" : "");
    print_line(progress, table->connection, text);
}

/* --- events --- */

bool outcome_is_final(enum outcome outcome)
{
    switch (outcome) {
    case OUTCOME_RUNNING:
    case OUTCOME_WAITING:
        return false;
    case OUTCOME_DONE:
    case OUTCOME_NOT_DUE:
    case OUTCOME_STOPPED:
    case OUTCOME_PARKED:
    case OUTCOME_FAILED:
        return true;
    }
    g_assert_not_reached();
}

static struct progress_table *find_table(struct progress *progress, const struct event *event,
                                         int64_t now_ms)
{
    for (unsigned i = 0; i < progress->tables->len; i++) {
        struct progress_table *table = &g_array_index(progress->tables, struct progress_table, i);
        if (table->connection == event->connection && table->now.table == event->progress.table)
            return table;
    }
    struct progress_table fresh = {
        .connection = event->connection, .mark_ms = now_ms, .said_ms = now_ms};
    fresh.now.outcome = OUTCOME_WAITING;
    g_array_append_val(progress->tables, fresh);
    return &g_array_index(progress->tables, struct progress_table, progress->tables->len - 1);
}

static struct progress_total *find_total(struct progress *progress, const char *connection)
{
    for (unsigned i = 0; i < progress->totals->len; i++) {
        struct progress_total *total = &g_array_index(progress->totals, struct progress_total, i);
        if (total->connection == connection)
            return total;
    }
    struct progress_total fresh = {.connection = connection};
    g_array_append_val(progress->totals, fresh);
    return &g_array_index(progress->totals, struct progress_total, progress->totals->len - 1);
}

static void measure(struct progress_table *table, int64_t now_ms)
{
    int64_t took_ms = now_ms - table->mark_ms;
    if (table->ended_ms > 0) {
        int64_t all_ms = table->ended_ms - table->started_ms; /* below a second it is no rate */
        table->rate = all_ms >= 1000 ? (double)table->now.rows * 1000 / (double)all_ms : 0;
    } else if (took_ms >= 1000) {
        double rate = (double)(table->now.rows - table->mark_rows) * 1000 / (double)took_ms;
        table->rate = table->rate > 0 ? 0.6 * table->rate + 0.4 * rate : rate;
        table->mark_ms = now_ms;
        table->mark_rows = table->now.rows;
    }
}

static void table_event(struct progress *progress, const struct event *event, int64_t now_ms)
{
    struct progress_table *table = find_table(progress, event, now_ms);
    bool was_final = outcome_is_final(table->now.outcome),
         is_final = outcome_is_final(event->progress.outcome);
    table->now = event->progress;
    if (table->started_ms == 0 && table->now.outcome != OUTCOME_WAITING)
        table->started_ms = table->mark_ms = now_ms;
    table->ended_ms = is_final ? MAX(table->ended_ms, 1) : 0;
    if (is_final && !was_final)
        table->ended_ms = now_ms;
    measure(table, now_ms);
    table->changed_ms = now_ms;
    if (progress->ui->live || progress->ui->options->quiet)
        return;
    bool is_quiet_end = table->now.outcome == OUTCOME_NOT_DUE;
    table->owes_line = is_final && !is_quiet_end && (table->owes_line || !was_final);
    if (table->now.outcome == OUTCOME_RUNNING && now_ms - table->said_ms >= PROGRESS_PLAIN_MS) {
        say_table(progress, table);
        table->said_ms = now_ms;
    }
}

/* The last pages of a table may still be counted after it is done: its line waits for them a
 * moment. */
static void say_ended(struct progress *progress, int64_t quiet_since_ms)
{
    for (unsigned i = 0; i < progress->tables->len; i++) {
        struct progress_table *table = &g_array_index(progress->tables, struct progress_table, i);
        if (!table->owes_line || table->changed_ms > quiet_since_ms)
            continue;
        say_table(progress, table);
        table->owes_line = false;
    }
}

static void total_event(struct progress *progress, const struct event *event, int64_t now_ms)
{
    struct progress_total *total = find_total(progress, event->connection);
    total->rows = event->rows;
    total->tokens = event->tokens;
    if (event->kind == EVENT_WAITING) {
        g_free(total->wait);
        total->wait = text_clean(event->text);
        total->wait_until_ms = now_ms + event->wait_ms;
        /* A person who reads a log wants to know why it is quiet for long. */
        if (event->wait_ms >= PROGRESS_PLAIN_MS && !progress->ui->live &&
            !progress->ui->options->quiet) {
            char wait[FORMAT_BYTES];
            g_autofree char *text =
                g_strdup_printf("waiting %s: %s", format_duration(event->wait_ms / 1000, wait),
                                event->text != NULL ? event->text : "");
            progress_say(progress, text, NULL);
        }
    }
}

/* Only one is not worth its name to people. */
static const char *name_of(const struct progress *progress, const struct event *event)
{
    return progress->with_connection || progress->ui->json_log ? event->connection : NULL;
}

static void note_event(struct progress *progress, const struct event *event)
{
    screen_hide_unless_logged(progress);
    ui_note(progress->ui, name_of(progress, event), event->text);
    screen_show_unless_logged(progress);
}

static void connected_event(struct progress *progress, const struct event *event)
{
    if (progress->ui->json_log)
        log_info("connected", "connection", event->connection, "as", event->text, NULL);
    else if (!progress->ui->options->quiet && event->text != NULL)
        print_line(progress, event->connection, event->text);
}

void progress_event(struct progress *progress, const struct event *event, int64_t now_ms)
{
    total_event(progress, event, now_ms);
    switch (event->kind) {
    case EVENT_CONNECTED:
        connected_event(progress, event);
        break;
    case EVENT_NOTE:
        note_event(progress, event);
        break;
    case EVENT_TABLE:
        table_event(progress, event, now_ms);
        break;
    case EVENT_WARNING:
        screen_hide_unless_logged(progress);
        ui_warning(progress->ui, name_of(progress, event), event->progress.table,
                   event->text != NULL ? event->text : "");
        screen_show_unless_logged(progress);
        break;
    case EVENT_WAITING:
    case EVENT_DONE:
        break;
    }
}

void progress_say(struct progress *progress, const char *text, const char *note)
{
    if (note != NULL) {
        g_free(progress->note);
        progress->note = g_strdup(note);
    }
    screen_hide_unless_logged(progress);
    ui_note(progress->ui, NULL, text);
    screen_show_unless_logged(progress);
}

void progress_tick(struct progress *progress, int64_t now_ms)
{
    say_ended(progress, now_ms - PROGRESS_SETTLE_MS);
    if (!progress->ui->live || now_ms - progress->drawn_ms < PROGRESS_TICK_MS)
        return;
    for (unsigned i = 0; i < progress->tables->len; i++)
        measure(&g_array_index(progress->tables, struct progress_table, i), now_ms);
    unsigned columns, rows;
    terminal_size(STDERR_FILENO, &columns, &rows);
    progress->drawn_ms = now_ms;
    progress->frame++;
    /* Five columns stay free: an echoed ^C^C must not fold the last line. */
    g_autoptr(GArray) lines =
        progress_draw(progress, columns > 15 ? columns - 5 : 10, MAX(rows, 3) - 1, now_ms);
    screen_draw(progress, lines);
}

/* --- life --- */

static void total_clear(gpointer pointer)
{
    g_free(((struct progress_total *)pointer)->wait);
}

struct progress *progress_new(const struct ui *ui, bool with_connection, unsigned tables,
                              int64_t now_ms)
{
    struct progress *progress = g_new0(struct progress, 1);
    progress->ui = ui;
    progress->with_connection = with_connection;
    progress->table_count = tables;
    progress->started_ms = now_ms;
    progress->tables = g_array_new(FALSE, TRUE, sizeof(struct progress_table));
    progress->totals = g_array_new(FALSE, TRUE, sizeof(struct progress_total));
    g_array_set_clear_func(progress->totals, total_clear);
    progress->screen = g_string_new(NULL);
    progress->widths = g_array_new(FALSE, FALSE, sizeof(size_t));
    g_mutex_init(&progress->lock);
    if (ui->live)
        log_set_screen(screen_hide, screen_show, progress);
    return progress;
}

void progress_free(struct progress *progress)
{
    if (progress == NULL)
        return;
    say_ended(progress, INT64_MAX);
    if (progress->ui->live)
        log_set_screen(NULL, NULL, NULL);
    screen_hide(progress);
    progress->is_drawn = false;
    screen_show(progress);
    g_array_unref(progress->tables);
    g_array_unref(progress->totals);
    g_array_unref(progress->widths);
    g_string_free(progress->screen, TRUE);
    g_mutex_clear(&progress->lock);
    g_free(progress->note);
    g_free(progress);
}

char *progress_picture(struct progress *progress, unsigned columns, unsigned rows, int64_t now_ms)
{
    g_autoptr(GArray) lines = progress_draw(progress, columns, rows, now_ms);
    g_autoptr(GString) text = g_string_new(NULL);
    for (unsigned i = 0; i < lines->len; i++)
        g_string_append_printf(text, "%s%s", i > 0 ? "\n" : "",
                               g_array_index(lines, struct picture_line, i).text);
    return g_strdup(text->str);
}
