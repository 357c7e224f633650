#include "cli/connections.h"
#include "cli/format.h"
#include "cli/help.h"
#include "destinations/registry.h"
#include "sync/commands.h"

#include <string.h>

/* --- mdoc --- */

/* Text lines of mdoc: folded; backslashes and leading dots are escaped. */
static void mdoc_text(GString *out, const char *text)
{
    g_autofree char *folded = text_fold(text, 76, 0);
    g_auto(GStrv) lines = g_strsplit(g_strchomp(folded), "\n", -1);
    for (char **line = lines; *line != NULL; line++) {
        if (**line == '\0') {
            g_string_append(out, ".Pp\n");
            continue;
        }
        if (**line == '.' || **line == '\'')
            g_string_append(out, "\\&");
        for (const char *p = *line; *p != '\0'; p++)
            g_string_append_printf(out, *p == '\\' ? "\\e" : "%c", *p);
        g_string_append_c(out, '\n');
    }
}

/* Each sentence on a line of its own, as mdoc wants it. */
static void mdoc_sentences(GString *out, const char *text)
{
    g_auto(GStrv) sentences = g_strsplit(text, ". ", -1);
    for (char **sentence = sentences; *sentence != NULL; sentence++) {
        g_autofree char *line = g_strconcat(*sentence, sentence[1] != NULL ? "." : "", NULL);
        mdoc_text(out, line);
    }
}

/* "[CONNECTION...]" → "Op Ar CONNECTION ..." */
static void mdoc_arguments(GString *out, const char *arguments)
{
    g_auto(GStrv) words = g_strsplit(arguments, " ", -1);
    for (char **word = words; *word != NULL; word++)
        for (const char *p = *word; *p != '\0';) {
            size_t length = strcspn(p, "[].");
            if (length > 0)
                g_string_append_printf(out, " Ar %.*s", (int)length, p);
            p += length;
            if (*p == '[')
                g_string_append(out, " Op");
            if (g_str_has_prefix(p, "..."))
                g_string_append(out, " ...");
            p += *p == '.' ? strspn(p, ".") : *p != '\0' ? 1 : 0;
        }
    g_string_append_c(out, '\n');
}

static void mdoc_synopsis(GString *out)
{
    for (int i = COMMAND_NONE + 1; i < COMMAND_COUNT; i++) {
        g_string_append_printf(out, ".Nm\n.Cm %s\n.Op Ar option ...\n.", command_rows[i].name);
        g_autoptr(GString) arguments = g_string_new(NULL);
        mdoc_arguments(arguments, command_rows[i].arguments);
        g_string_append(out, arguments->str + 1);
    }
}

/* Which options a command takes beside those of every command. */
static void mdoc_options_of(GString *out, enum command command)
{
    g_autoptr(GString) list = g_string_new(NULL);
    for (const struct option_row *row = option_rows; row->name != NULL; row++)
        if (!row->hidden && row->commands & 1u << command && !(row->commands & 1u << COMMAND_NONE))
            g_string_append_printf(list, "%s.Fl -%s", list->len > 0 ? " ,\n" : "", row->name);
    if (list->len > 0)
        g_string_append_printf(out, ".Pp\nOptions:\n%s .\n", list->str);
}

static void mdoc_commands(GString *out)
{
    g_string_append(out, ".Bl -tag -width Ds\n");
    for (int i = COMMAND_NONE + 1; i < COMMAND_COUNT; i++) {
        const struct command_row *row = &command_rows[i];
        g_string_append_printf(out, ".It Cm %s", row->name);
        mdoc_arguments(out, row->arguments);
        g_autofree char *summary =
            g_strdup_printf("%c%s.", g_ascii_toupper(row->summary[0]), row->summary + 1);
        mdoc_sentences(out, summary);
        g_auto(GStrv) paragraphs = g_strsplit(row->text, "\n\n", -1);
        for (char **paragraph = paragraphs; *paragraph != NULL; paragraph++) {
            if (paragraph != paragraphs)
                g_string_append(out, ".Pp\n");
            mdoc_sentences(out, *paragraph);
        }
        mdoc_options_of(out, (enum command)i);
    }
    g_string_append(out, ".El\n");
}

static void mdoc_options(GString *out)
{
    g_string_append(out, ".Bl -tag -width Ds\n");
    for (const struct option_row *row = option_rows; row->name != NULL; row++) {
        if (row->hidden)
            continue;
        g_string_append(out, ".It ");
        if (row->letter != 0)
            g_string_append_printf(out, "Fl %c , ", row->letter);
        g_string_append_printf(out, "Fl -%s", row->name);
        if (row->choices != NULL) {
            g_auto(GStrv) choices = g_strsplit(row->choices, "|", -1);
            for (char **choice = choices; *choice != NULL; choice++)
                g_string_append_printf(out, "%s%s", choice == choices ? " Cm " : " | ", *choice);
        } else if (row->argument != NULL) {
            g_string_append_printf(out, " Ar %s", row->argument);
        }
        g_string_append_c(out, '\n');
        mdoc_sentences(out, row->help);
    }
    g_string_append(out, ".El\n");
}

/* --- what the engine knows --- */

static GPtrArray *tables_new(void)
{
    struct sync_settings settings = {.connection = "default", .start_date = INSTANT_NONE};
    GPtrArray *tables = NULL;
    g_autoptr(GError) error = NULL;
    if (!discover_run(&settings, &tables, &error)) {
        fprintf(stderr, "penstock: the tables are not in the result: %s\n", error->message);
        return g_ptr_array_new();
    }
    return tables;
}

static void mdoc_tables(GString *out)
{
    g_autoptr(GPtrArray) tables = tables_new();
    if (tables->len == 0)
        return;
    g_string_append(out, ".Bl -column deal_products method -compact\n.It Sy table Ta Sy method Ta "
                         "Sy \"replication key\"\n");
    for (unsigned i = 0; i < tables->len; i++) {
        const struct discover_table *table = tables->pdata[i];
        g_string_append_printf(out, ".It %s Ta %s Ta %s\n", table->name, table->method,
                               table->replication_key != NULL ? table->replication_key : "\\(en");
    }
    g_string_append(out, ".El\n");
}

static void mdoc_destinations(GString *out)
{
    for (unsigned i = 0; destinations[i] != NULL; i++)
        g_string_append_printf(out, "%s.Sy %s", i > 0 ? " ,\n" : "", destinations[i]->url_help);
    g_string_append(out, " .\n");
}

/* --- bash --- */

static void bash_tables(GString *out)
{
    g_autoptr(GPtrArray) tables = tables_new();
    for (unsigned i = 0; i < tables->len; i++)
        g_string_append_printf(out, "%s%s", i > 0 ? " " : "",
                               ((const struct discover_table *)tables->pdata[i])->name);
}

static void bash_commands(GString *out)
{
    for (int i = COMMAND_NONE + 1; i < COMMAND_COUNT; i++)
        g_string_append_printf(out, "%s%s", i > COMMAND_NONE + 1 ? " " : "", command_rows[i].name);
}

static void bash_destinations(GString *out)
{
    for (unsigned i = 0; destinations[i] != NULL; i++)
        g_string_append_printf(out, "%s%s:", i > 0 ? " " : "", destinations[i]->scheme);
}

/* Lines of a case: command) words="--to --json …" */
static void bash_options(GString *out)
{
    for (int i = COMMAND_NONE; i < COMMAND_COUNT; i++) {
        g_string_append_printf(out, "        %s) words='",
                               i == COMMAND_NONE ? "''" : command_rows[i].name);
        const char *blank = "";
        for (const struct option_row *row = option_rows; row->name != NULL; row++)
            if (!row->hidden && row->commands & 1u << i) {
                g_string_append_printf(out, "%s--%s", blank, row->name);
                blank = " ";
            }
        g_string_append(out, "' ;;\n");
    }
}

/* Options that take a value: --to) kind=destinations ;; */
static void bash_values(GString *out)
{
    static const char *const kinds[] = {"none", "files", "tables", "destinations"};
    for (const struct option_row *row = option_rows; row->name != NULL; row++) {
        if (row->hidden || row->argument == NULL)
            continue;
        g_string_append_printf(out, "        --%s) kind=%s", row->name,
                               row->choices != NULL ? "words" : kinds[row->values]);
        if (row->choices != NULL) {
            g_autofree char *words = g_strdelimit(g_strdup(row->choices), "|", ' ');
            g_string_append_printf(out, " words='%s'", words);
        }
        g_string_append(out, " ;;\n");
    }
}

/* --- frames --- */

static const struct marker {
    const char *text;
    void (*write)(GString *out);
} markers[] = {
    {"@MAN_SYNOPSIS@", mdoc_synopsis},         {"@MAN_COMMANDS@", mdoc_commands},
    {"@MAN_OPTIONS@", mdoc_options},           {"@MAN_TABLES@", mdoc_tables},
    {"@MAN_DESTINATIONS@", mdoc_destinations}, {"@BASH_TABLES@", bash_tables},
    {"@BASH_COMMANDS@", bash_commands},        {"@BASH_DESTINATIONS@", bash_destinations},
    {"@BASH_OPTIONS@", bash_options},          {"@BASH_VALUES@", bash_values},
};

/* A marker that stands alone on a line takes the line with it. */
static void replace(GString *frame, const struct marker *marker)
{
    char *found = strstr(frame->str, marker->text);
    if (found == NULL)
        return;
    size_t at = (size_t)(found - frame->str), length = strlen(marker->text);
    g_autoptr(GString) text = g_string_new(NULL);
    marker->write(text);
    bool ends_line = text->len > 0 && text->str[text->len - 1] == '\n' && found[length] == '\n';
    g_string_erase(frame, (gssize)at, (gssize)(length + (ends_line ? 1 : 0)));
    g_string_insert_len(frame, (gssize)at, text->str, (gssize)text->len);
}

static int fill_frame(void)
{
    g_autoptr(GString) frame = g_string_new(NULL);
    char buffer[4096];
    for (size_t count; (count = fread(buffer, 1, sizeof buffer, stdin)) > 0;)
        g_string_append_len(frame, buffer, (gssize)count);
    for (unsigned i = 0; i < G_N_ELEMENTS(markers); i++)
        replace(frame, &markers[i]);
    fwrite(frame->str, 1, frame->len, stdout);
    return 0;
}

int generate(const struct options *options)
{
    if (strcmp(options->generate, "connections") == 0) {
        g_auto(GStrv) names = connection_names(options);
        for (char **name = names; *name != NULL; name++)
            printf("%s\n", *name);
        return 0;
    }
    if (strcmp(options->generate, "man") == 0 || strcmp(options->generate, "completion") == 0)
        return fill_frame();
    fprintf(stderr, "penstock: --generate takes man, completion or connections\n");
    return 2;
}
