/* penstock: what was typed chooses a command; the rest is in cmd_*.c. */
#include "cli/commands.h"
#include "cli/help.h"

#include <fcntl.h>
#include <locale.h>
#include <malloc.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static int run_help(const struct options *options)
{
    if (options->names[0] == NULL) {
        help_print(stdout, COMMAND_NONE);
        return 0;
    }
    for (int i = COMMAND_NONE + 1; i < COMMAND_COUNT; i++)
        if (strcmp(options->names[0], command_rows[i].name) == 0) {
            help_print(stdout, (enum command)i);
            return 0;
        }
    fprintf(stderr, "penstock: unknown command \"%s\"; see penstock --help\n", options->names[0]);
    return 2;
}

static int run_command(const struct ui *ui)
{
    switch (ui->options->command) {
    case COMMAND_CHECK:
        return cmd_check(ui);
    case COMMAND_DISCOVER:
        return cmd_discover(ui);
    case COMMAND_PLAN:
        return cmd_plan(ui);
    case COMMAND_SYNC:
        return cmd_sync(ui);
    case COMMAND_REFRESH:
        return cmd_refresh(ui);
    case COMMAND_STATUS:
        return cmd_status(ui);
    case COMMAND_VIEWS:
        return cmd_views(ui);
    case COMMAND_VERIFY:
        return cmd_verify(ui);
    case COMMAND_RESET:
        return cmd_reset(ui);
    case COMMAND_HELP:
        return run_help(ui->options);
    case COMMAND_NONE:
        help_short(stderr);
        return 2;
    case COMMAND_COUNT:
        break;
    }
    g_assert_not_reached();
}

static int run(const struct ui *ui)
{
    const struct options *options = ui->options;
    if (options->generate != NULL)
        return generate(options);
    if (options->help) {
        help_print(stdout, options->command);
        return 0;
    }
    if (options->version) {
        printf("penstock %s\n", PENSTOCK_VERSION);
        return 0;
    }
    return run_command(ui);
}

/* Memory of a page is kept for the next; from this size on it goes back to the system at once. */
#define MAPPED_BYTES (2 << 20)
/* Free memory at the end of a heap that is not given back. */
#define KEPT_BYTES (4 << 20)

/* Started without standard streams (>&-), the next file would become one, and be written to. Opened
 * for reading, so that what cannot be written is still an error. */
static void keep_standard_streams(void)
{
    int descriptor;
    do
        descriptor = open("/dev/null", O_RDONLY);
    while (descriptor >= 0 && descriptor <= STDERR_FILENO);
    if (descriptor >= 0)
        close(descriptor);
}

int main(int argc, char **argv)
{
    keep_standard_streams();

    /* Pages come and go by the hundred kilobytes. What is mapped for each is zeroed by the system
     * each time, a third of the I/O thread's time; what is kept without bound makes the process
     * grow. */
    mallopt(M_MMAP_THRESHOLD, MAPPED_BYTES);
    mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
    setlocale(LC_CTYPE, "");  /* only the character set: numbers stay as they are */
    signal(SIGXFSZ, SIG_IGN); /* a file over its limit is an error of the destination, no death */
    struct options options;
    g_autoptr(GError) error = NULL;
    int code = 2;
    bool good = options_parse(&options, argc, argv, &error);
    struct ui ui;
    ui_init(&ui, &options);
    if (good)
        code = run(&ui);
    else
        ui_error(&ui, NULL, "config", error->message);
    code = ui_flush(&ui, code);
    options_done(&options);
    return code;
}
