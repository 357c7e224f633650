/* Gives a fuzzer the files of the folders named on the command line: its corpus as a normal test.
 */
#include "fuzz.h"

#include <glib.h>
#include <string.h>

static void replay_file(const char *path)
{
    g_autofree char *bytes = NULL;
    g_autoptr(GError) error = NULL;
    size_t length;

    if (!g_file_get_contents(path, &bytes, &length, &error))
        g_error("%s", error->message);
    /* An exact copy: get_contents() adds a byte, which would hide an overrun. */
    g_autofree uint8_t *exact = g_malloc(MAX(length, 1));
    memcpy(exact, bytes, length);
    g_print("# %s\n", path);
    LLVMFuzzerTestOneInput(exact, length);
}

static unsigned replay_folder(const char *path)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GDir) folder = g_dir_open(path, 0, &error);
    const char *name;
    unsigned files = 0;

    if (!folder)
        g_error("%s", error->message);
    for (; (name = g_dir_read_name(folder)); files++) {
        g_autofree char *file = g_build_filename(path, name, NULL);
        replay_file(file);
    }
    return files;
}

int main(int argc, char **argv)
{
    unsigned files = 0;

    for (int i = 1; i < argc; i++)
        files += replay_folder(argv[i]);
    g_print("%u files\n", files);
    return files > 0 ? 0 : 1;
}
