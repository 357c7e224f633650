#include "cli/help.h"
#include "cli/format.h"
#include "cli/ui.h"

#include <string.h>
#include <unistd.h>

#define EXAMPLE "export PIPEDRIVE_API_TOKEN=... ; penstock sync --to sqlite:crm.db"

static size_t help_columns(FILE *out)
{
    unsigned columns, rows;
    terminal_size(fileno(out), &columns, &rows);
    return columns == 0 ? 80 : CLAMP(columns, 30, 100);
}

static void print_commands(FILE *out, size_t columns)
{
    for (int i = COMMAND_NONE + 1; i < COMMAND_COUNT; i++) {
        g_autofree char *text = text_fold(command_rows[i].summary, columns - 1, 12);
        fprintf(out, "  %-9s %s", command_rows[i].name, text + 12);
    }
}

/* "-y, --yes" or "    --to URL". */
static char *typed_as(const struct option_row *row)
{
    char letter[8] = "";
    if (row->letter != 0)
        g_snprintf(letter, sizeof letter, "-%c, ", row->letter);
    return g_strdup_printf("%s--%s%s%s", letter, row->name, row->argument != NULL ? " " : "",
                           row->argument != NULL ? row->argument : "");
}

static void print_options(FILE *out, enum command command, size_t columns)
{
    size_t indent = columns < 60 ? 8 : 26;
    for (const struct option_row *row = option_rows; row->name != NULL; row++) {
        if (row->hidden || !(row->commands & 1u << command))
            continue;
        g_autofree char *typed = typed_as(row);
        g_autofree char *text = text_fold(row->help, columns - 1, indent);
        if (strlen(typed) + 4 <= indent)
            fprintf(out, "  %-*s%s", (int)indent - 2, typed, text + indent);
        else
            fprintf(out, "  %s\n%s", typed, text);
    }
}

void help_short(FILE *out)
{
    size_t columns = help_columns(out);
    fputs("Penstock replicates a Pipedrive company into a database.\n\n"
          "Usage: penstock COMMAND [OPTION...] [CONNECTION...]\n\n"
          "  " EXAMPLE "\n\n"
          "Commands:\n",
          out);
    print_commands(out, columns);
    fputs("\nMore: penstock --help, penstock COMMAND --help, man penstock\n", out);
}

static void print_text(FILE *out, const char *text, size_t columns)
{
    g_autofree char *folded = text_fold(text, columns - 1, 0);
    fprintf(out, "%s\n", folded);
}

static void help_command(FILE *out, enum command command, size_t columns)
{
    const struct command_row *row = &command_rows[command];
    fprintf(out, "Usage: penstock %s [OPTION...] %s\n\n", row->name, row->arguments);
    print_text(out, row->text, columns);
    fprintf(out, "Example:\n  %s\n\nOptions:\n", row->example);
    print_options(out, command, columns);
}

void help_print(FILE *out, enum command command)
{
    size_t columns = help_columns(out);
    if (command != COMMAND_NONE) {
        help_command(out, command, columns);
        return;
    }
    help_short(out);
    fputs("\nOptions of every command:\n", out);
    print_options(out, COMMAND_NONE, columns);
    fputs("\nExit status:\n"
          "  0  done                         3   some tables failed\n"
          "  1  failed                       4   credentials\n"
          "  2  usage or configuration       75  stopped, run again later\n",
          out);
}
