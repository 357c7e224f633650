#include "cli/commands.h"
#include "cli/format.h"

int for_each_connection(const struct ui *ui, unsigned needs, connection_func run)
{
    g_autoptr(GPtrArray) connections = NULL;
    g_autoptr(GError) error = NULL;
    if (!connections_new(ui->options, needs, &connections, &error))
        return ui_fail(ui, NULL, error);
    int code = 0;
    for (unsigned i = 0; i < connections->len; i++) {
        if (i > 0 && !ui->options->json && !ui->options->quiet)
            printf("\n");
        code = exit_code_worst(code, run(ui, connections->pdata[i]));
    }
    return code;
}

void print_title(const struct connection *connection, const char *text)
{
    g_autofree char *clean = text_clean(text);
    printf("%s: %s\n", connection->name, clean != NULL ? clean : "");
}
