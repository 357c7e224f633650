#include "cli/ui.h"
#include "base/log.h"
#include "cli/format.h"

#include <errno.h>
#include <langinfo.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static bool is_set(const char *variable)
{
    const char *value = g_getenv(variable);
    return value != NULL && *value != '\0';
}

void ui_init(struct ui *ui, const struct options *options)
{
    const char *terminal = g_getenv("TERM");
    bool dumb = terminal == NULL || *terminal == '\0' || strcmp(terminal, "dumb") == 0;
    bool colors = !dumb && !options->no_color && !is_set("NO_COLOR");
    *ui = (struct ui){
        .options = options,
        .json_log = options->log_format == LOG_JSON,
        .utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0,
        .color_out = colors && isatty(STDOUT_FILENO) == 1,
        .color_err = colors && isatty(STDERR_FILENO) == 1,
    };
    ui->live =
        isatty(STDERR_FILENO) == 1 && !dumb && !is_set("CI") && !options->quiet && !ui->json_log;
    GLogLevelFlags level = options->quiet         ? G_LOG_LEVEL_CRITICAL
                           : options->verbose > 1 ? LOG_LEVEL_TRACE
                           : options->verbose > 0 ? G_LOG_LEVEL_DEBUG
                           : ui->json_log         ? G_LOG_LEVEL_INFO
                                                  : G_LOG_LEVEL_WARNING;
    log_setup(ui->json_log ? LOG_JSON : LOG_TEXT, level);
}

void terminal_size(int descriptor, unsigned *ret_columns, unsigned *ret_rows)
{
    struct winsize size = {0};
    *ret_columns = *ret_rows = 0;
    if (isatty(descriptor) != 1)
        return;
    bool known = ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    *ret_columns = known ? size.ws_col : 80;
    *ret_rows = known && size.ws_row > 0 ? size.ws_row : 24;
}

static int output_errno; /* of the first write to standard output that failed */

void ui_show(void)
{
    errno = 0;
    if (fflush(stdout) != 0 && output_errno == 0)
        output_errno = errno;
}

void ui_error(const struct ui *ui, const char *connection, const char *code, const char *message)
{
    g_autofree char *text = text_clean(message);
    if (ui->json_log) {
        log_error("failed", "connection", connection, "code", code, "message", text, NULL);
        return;
    }
    ui_show();
    fprintf(stderr, "penstock: %s%s%s%s%s\n", ui->color_err ? "\033[31m" : "",
            connection != NULL ? connection : "", connection != NULL ? ": " : "", text,
            ui->color_err ? "\033[0m" : "");
}

void ui_warning(const struct ui *ui, const char *connection, const char *table, const char *message)
{
    if (ui->options->quiet)
        return;
    g_autofree char *text = text_clean(message);
    if (ui->json_log) {
        log_warning("warning", "connection", connection, "table", table, "message", text, NULL);
        return;
    }
    ui_show();
    fprintf(stderr, "penstock: %swarning:%s %s%s%s%s%s\n", ui->color_err ? "\033[33m" : "",
            ui->color_err ? "\033[0m" : "", connection != NULL ? connection : "",
            connection != NULL ? ": " : "", table != NULL ? table : "", table != NULL ? ": " : "",
            text);
}

void ui_note(const struct ui *ui, const char *connection, const char *message)
{
    if (ui->options->quiet)
        return;
    g_autofree char *text = text_clean(message);
    if (ui->json_log) {
        log_info("notice", "connection", connection, "message", text, NULL);
        return;
    }
    ui_show();
    fprintf(stderr, "penstock: %s%s%s\n", connection != NULL ? connection : "",
            connection != NULL ? ": " : "", text);
}

int exit_code_for(const GError *error)
{
    if (error_is(error, PENSTOCK_ERROR_CONFIG))
        return 2;
    if (error_is(error, PENSTOCK_ERROR_AUTH))
        return 4;
    if (error_is(error, PENSTOCK_ERROR_PARKED) || error_is(error, PENSTOCK_ERROR_FENCED) ||
        error_is(error, PENSTOCK_ERROR_CANCELLED) || error_is(error, PENSTOCK_ERROR_THROTTLED))
        return 75;
    return 1;
}

int exit_code_worst(int a, int b)
{
    static const int order[] = {4, 2, 1, 3, 75};
    for (unsigned i = 0; i < G_N_ELEMENTS(order); i++)
        if (a == order[i] || b == order[i])
            return order[i];
    return 0;
}

int ui_fail(const struct ui *ui, const char *connection, const GError *error)
{
    ui_error(ui, connection, error_code_name(error), error->message);
    return exit_code_for(error);
}

void ui_say(const char *format, ...)
{
    va_list arguments;
    unsigned columns, rows;
    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    terminal_size(STDOUT_FILENO, &columns, &rows);
    g_autofree char *folded = text_fold(text, columns > 0 ? columns : SIZE_MAX, 0);
    fputs(folded, stdout);
}

void ui_print_json(GString *text)
{
    g_string_append_c(text, '\n');
    fwrite(text->str, 1, text->len, stdout);
    g_string_free(text, TRUE);
}

int ui_flush(const struct ui *ui, int exit_code)
{
    ui_show();
    if (!ferror(stdout) || output_errno == EPIPE)
        return exit_code;
    g_autofree char *text =
        g_strdup_printf("cannot write to standard output: %s",
                        output_errno != 0 ? g_strerror(output_errno) : "some of it is lost");
    ui_error(ui, NULL, "storage", text);
    return exit_code_worst(exit_code, 1);
}
