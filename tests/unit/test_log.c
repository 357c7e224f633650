#include "base/log.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

/* Lines go to standard error, and GLib takes a writer once in a process: hence a process a case,
 * which runs the case's child. */

static void assert_child_logs(const char *pattern)
{
    g_autofree char *child = g_strconcat(g_test_get_path(), "/subprocess", NULL);

    g_test_trap_subprocess(child, 0, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr(pattern);
}

static void text_child(void)
{
    log_setup(LOG_TEXT, G_LOG_LEVEL_INFO);
    log_info("commit", "table", "deals", "rows", log_int(500), "none", NULL, NULL);
    log_warning("retry", "why", "too fast", "empty", "", "minus", log_int(INT64_MIN), NULL);
    log_error("failed", "text", "a \"b\"\nc\x1b[31m\xc2\x9b", NULL);
    log_debug("hidden", "a", "b", NULL);
    log_info("bare", NULL);
}

static void text_lines_have_their_form(void)
{
    assert_child_logs("??:??:?? info  commit table=deals rows=500\n"
                      "??:??:?? warn  retry why=\"too fast\" empty=\"\" "
                      "minus=-9223372036854775808\n"
                      "??:??:?? error failed text=\"a \\\"b\\\"\\nc\\u001b[31m\\u009b\"\n"
                      "??:??:?? info  bare\n");
}

static void json_child(void)
{
    log_setup(LOG_JSON, G_LOG_LEVEL_DEBUG);
    log_info("commit", "table", "deals", "rows", log_int(500), "digits", "12", NULL);
    log_debug("odd", "text", "a \"b\"\\\n\t\xff\xc3\xa9", NULL);
}

static void json_lines_have_their_form(void)
{
    assert_child_logs("{\"time\":\"20*-*-*T*:*:*.*Z\",\"level\":\"info\",\"event\":\"commit\","
                      "\"table\":\"deals\",\"rows\":500,\"digits\":\"12\"}\n"
                      "{\"time\":\"*Z\",\"level\":\"debug\",\"event\":\"odd\","
                      "\"text\":\"a \\\"b\\\"\\\\\\n\\t\xef\xbf\xbd\xc3\xa9\"}\n");
}

static void foreign_child(void)
{
    log_setup(LOG_TEXT, G_LOG_LEVEL_INFO);
    g_log("GLib-Net", G_LOG_LEVEL_MESSAGE, "TLS is missing");
    g_info("plain");
    g_debug("hidden");
}

static void foreign_messages_take_the_same_form(void)
{
    assert_child_logs("??:??:?? info  message domain=GLib-Net text=\"TLS is missing\"\n"
                      "??:??:?? info  message domain=penstock text=plain\n");
}

static void foreign_json_child(void)
{
    log_setup(LOG_JSON, G_LOG_LEVEL_INFO);
    g_log("GLib-Net", G_LOG_LEVEL_MESSAGE, "TLS is missing");
}

static void foreign_messages_take_the_same_form_in_json(void)
{
    assert_child_logs("{\"time\":\"*Z\",\"level\":\"info\",\"event\":\"message\","
                      "\"domain\":\"GLib-Net\",\"text\":\"TLS is missing\"}\n");
}

static void say(void *word)
{
    g_assert_cmpint(write(STDERR_FILENO, word, strlen(word)), >, 0);
}

static void say_shown(void *unused)
{
    (void)unused;
    say("shown\n");
}

static void screen_child(void)
{
    log_setup(LOG_TEXT, G_LOG_LEVEL_INFO);
    log_set_screen(say, say_shown, "hidden\n");
    log_info("one", NULL);
    log_debug("dropped", NULL);
    log_set_screen(NULL, NULL, NULL);
    log_info("two", NULL);
}

static void screen_steps_aside(void)
{
    assert_child_logs("hidden\n??:??:?? info  one\nshown\n??:??:?? info  two\n");
}

enum {
    THREADS = 4,
    LINES = 500
};

static void *log_many(void *unused)
{
    (void)unused;
    for (int i = 0; i < LINES; i++)
        log_info("line", "number", log_int(i), "text", "two words", NULL);
    return NULL;
}

/* Checks its own lines, read back from a file in place of standard error. */
static void threads_child(void)
{
    GThread *threads[THREADS];
    g_autofree char *name = NULL;
    g_autofree char *output = NULL;
    int file = g_file_open_tmp("penstock-XXXXXX", &name, NULL);
    int standard_error = dup(STDERR_FILENO);

    g_assert_cmpint(dup2(file, STDERR_FILENO), ==, STDERR_FILENO);
    log_setup(LOG_TEXT, G_LOG_LEVEL_INFO);
    for (int i = 0; i < THREADS; i++)
        threads[i] = g_thread_new("logger", log_many, NULL);
    for (int i = 0; i < THREADS; i++)
        g_thread_join(threads[i]);
    dup2(standard_error, STDERR_FILENO);
    g_assert_true(g_file_get_contents(name, &output, NULL, NULL));
    g_unlink(name);
    close(file);
    close(standard_error);
    g_auto(GStrv) lines = g_strsplit(output, "\n", -1);
    g_assert_cmpuint(g_strv_length(lines), ==, THREADS * LINES + 1);
    for (int i = 0; i < THREADS * LINES; i++)
        g_assert_true(
            g_pattern_match_simple("??:??:?? info  line number=* text=\"two words\"", lines[i]));
}

static void lines_of_threads_do_not_mix(void)
{
    g_test_trap_subprocess("/log/threads/subprocess", 0, 0);
    g_test_trap_assert_passed();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/log/text", text_lines_have_their_form);
    g_test_add_func("/log/text/subprocess", text_child);
    g_test_add_func("/log/json", json_lines_have_their_form);
    g_test_add_func("/log/json/subprocess", json_child);
    g_test_add_func("/log/foreign", foreign_messages_take_the_same_form);
    g_test_add_func("/log/foreign/subprocess", foreign_child);
    g_test_add_func("/log/foreign-json", foreign_messages_take_the_same_form_in_json);
    g_test_add_func("/log/foreign-json/subprocess", foreign_json_child);
    g_test_add_func("/log/screen", screen_steps_aside);
    g_test_add_func("/log/screen/subprocess", screen_child);
    g_test_add_func("/log/threads", lines_of_threads_do_not_mix);
    g_test_add_func("/log/threads/subprocess", threads_child);
    return g_test_run();
}
