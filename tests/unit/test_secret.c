#include "base/secret.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

static void assert_reference_gives(const char *reference, const char *expected)
{
    struct secret *secret = NULL;
    g_autoptr(GError) error = NULL;

    g_assert_true(secret_from_reference(reference, &secret, &error));
    g_assert_no_error(error);
    g_assert_cmpstr(secret_reveal(secret), ==, expected);
    secret_free(secret);
}

/* The message must have shown, and must not have hidden. hidden may be NULL. */
static void assert_reference_fails(const char *reference, const char *shown, const char *hidden)
{
    struct secret *secret = NULL;
    g_autoptr(GError) error = NULL;

    g_assert_false(secret_from_reference(reference, &secret, &error));
    g_assert_error(error, PENSTOCK_ERROR, PENSTOCK_ERROR_CONFIG);
    g_assert_null(secret);
    g_assert_nonnull(strstr(error->message, shown));
    if (hidden)
        g_assert_null(strstr(error->message, hidden));
}

static void copies_are_independent(void)
{
    char text[] = "a1b2c3";
    struct secret *secret = secret_new(text);
    struct secret *copy = secret_copy(secret);

    memset(text, 'x', strlen(text));
    g_assert_cmpstr(secret_reveal(secret), ==, "a1b2c3");
    secret_free(secret);
    g_assert_cmpstr(secret_reveal(copy), ==, "a1b2c3");
    secret_free(copy);
    secret_free(NULL);
}

static void environment_is_read(void)
{
    g_setenv("PENSTOCK_TEST_SECRET", "s3cret value", TRUE);
    assert_reference_gives("env:PENSTOCK_TEST_SECRET", "s3cret value");
    g_setenv("PENSTOCK_TEST_SECRET", "s3cret\r\n", TRUE);
    assert_reference_gives("env:PENSTOCK_TEST_SECRET", "s3cret");
    g_setenv("PENSTOCK_TEST_SECRET", "s3cret\r\nX-Injected: yes", TRUE);
    assert_reference_fails("env:PENSTOCK_TEST_SECRET", "PENSTOCK_TEST_SECRET", "s3cret");
    g_setenv("PENSTOCK_TEST_SECRET", "", TRUE);
    assert_reference_fails("env:PENSTOCK_TEST_SECRET", "empty", NULL);
    g_unsetenv("PENSTOCK_TEST_SECRET");
    assert_reference_fails("env:PENSTOCK_TEST_SECRET", "not set", NULL);
}

static void bare_values_are_refused_unnamed(void)
{
    assert_reference_fails("9f8e7d6c5b4a", "env:NAME", "9f8e7d6c5b4a");
    assert_reference_fails("", "env:NAME", NULL);
    assert_reference_fails("ENV:9f8e7d6c5b4a", "env:NAME", "9f8e7d6c5b4a");
}

struct folder {
    char *path, *file, *reference;
};

static void folder_set_up(struct folder *folder, const void *unused)
{
    (void)unused;
    folder->path = g_dir_make_tmp("penstock-XXXXXX", NULL);
    folder->file = g_build_filename(folder->path, "token", NULL);
    folder->reference = g_strconcat("file:", folder->file, NULL);
}

static void folder_tear_down(struct folder *folder, const void *unused)
{
    (void)unused;
    g_unlink(folder->file);
    g_rmdir(folder->path);
    g_free(folder->path);
    g_free(folder->file);
    g_free(folder->reference);
}

static void fill(struct folder *folder, const char *bytes, gssize length)
{
    g_assert_true(g_file_set_contents(folder->file, bytes, length, NULL));
}

static void first_line_of_a_file_is_read(struct folder *folder, const void *unused)
{
    (void)unused;
    fill(folder, "s3cret", -1);
    assert_reference_gives(folder->reference, "s3cret");
    fill(folder, " \ts3cret \r\nsecond line\n", -1);
    assert_reference_gives(folder->reference, "s3cret");
}

static void bad_files_are_refused(struct folder *folder, const void *unused)
{
    g_autofree char *endless = g_strnfill(5000, 'x');

    (void)unused;
    fill(folder, "\nsecond line", -1);
    assert_reference_fails(folder->reference, "empty", "second");
    fill(folder, "", -1);
    assert_reference_fails(folder->reference, "empty", NULL);
    fill(folder, "s3c\0ret", 7);
    assert_reference_fails(folder->reference, folder->file, "s3c");
    fill(folder, endless, -1);
    assert_reference_fails(folder->reference, folder->file, "xxx");
}

static void missing_file_says_why(struct folder *folder, const void *unused)
{
    struct secret *secret = NULL;
    g_autoptr(GError) error = NULL;

    (void)unused;
    g_assert_false(secret_from_reference(folder->reference, &secret, &error));
    g_assert_error(error, PENSTOCK_ERROR, PENSTOCK_ERROR_CONFIG);
    g_assert_cmpint(error_detail(error)->origin_code, ==, ENOENT);
    g_assert_nonnull(strstr(error->message, folder->file));
}

static void redaction_hides_every_occurrence(void)
{
    struct secret *secret = secret_new("abab");
    struct secret *empty = secret_new("");
    char text[] = "token=abab&x=abababab ab";

    secret_redact(empty, text);
    g_assert_cmpstr(text, ==, "token=abab&x=abababab ab");
    secret_redact(secret, text);
    g_assert_cmpstr(text, ==, "token=****&x=******** ab");
    secret_free(secret);
    secret_free(empty);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/secret/copies", copies_are_independent);
    g_test_add_func("/secret/environment", environment_is_read);
    g_test_add_func("/secret/bare", bare_values_are_refused_unnamed);
    g_test_add("/secret/file", struct folder, NULL, folder_set_up, first_line_of_a_file_is_read,
               folder_tear_down);
    g_test_add("/secret/bad-file", struct folder, NULL, folder_set_up, bad_files_are_refused,
               folder_tear_down);
    g_test_add("/secret/no-file", struct folder, NULL, folder_set_up, missing_file_says_why,
               folder_tear_down);
    g_test_add_func("/secret/redact", redaction_hides_every_occurrence);
    return g_test_run();
}
