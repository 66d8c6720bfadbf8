#include "common/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/arena.h"
#include "tests/unit/test.h"

static struct arena *arena;
static const char *text, *secret, *needed;
static int64_t number;
static bool yes;

static const struct setting settings[] = {
    {"T_ZED", SETTING_TEXT, 0, "none at all", .help = "Last.", .target = &text},
    {"T_NUMBER", SETTING_INT, 0, "5", 1, 10, "things", "How many.", &number},
    {"T_SECRET", SETTING_TEXT, SETTING_SECRET, NULL, .help = "Hidden.", .target = &secret},
    {"T_BOOL", SETTING_BOOL, 0, "false", .help = "Whether.", .target = &yes},
    {0},
};
static const struct setting more[] = {
    {"T_NEEDED", SETTING_TEXT, SETTING_REQUIRED, NULL, .help = "Must be.", .target = &needed},
    {0},
};
static const struct setting *const tables[] = {settings, NULL};
static const struct setting *const all[] = {settings, more, NULL};

/* Runs config_main in a child; its exit code (100 + index when it returned) and what it printed. */
static int run(const struct setting *const *which, const char *option, const char **printed)
{
    static const char *const extra[] = {"--migrate", NULL};
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        char program[] = "prog", copy[64];
        snprintf(copy, sizeof copy, "%s", option == NULL ? "" : option);
        char *argv[] = {program, copy, NULL};
        dup2(ends[1], STDOUT_FILENO);
        dup2(ends[1], STDERR_FILENO);
        int rest = config_main("prog", which, extra, option == NULL ? 1 : 2, argv);
        fflush(NULL);
        _exit(100 + rest);
    }
    close(ends[1]);
    char *out = arena_alloc(arena, 16384);
    size_t len = 0;
    for (ssize_t n = 1; n > 0; len += n > 0 ? (size_t)n : 0)
        n = read(ends[0], out + len, 16383 - len);
    close(ends[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    *printed = out;
    return WEXITSTATUS(status);
}

static void clear(void)
{
    static const char *const names[] = {"T_ZED", "T_NUMBER", "T_SECRET", "T_BOOL", "T_NEEDED"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        unsetenv(names[i]);
        unsetenv(arena_printf(arena, "%s_FILE", names[i]));
    }
}

static void test_defaults_and_values(void **state)
{
    (void)state;
    clear();
    assert_true(config_load(tables));
    assert_string_equal(text, "none at all");
    assert_true(number == 5 && !yes && secret == NULL);
    setenv("T_NUMBER", "10", 1);
    setenv("T_BOOL", "On", 1);
    setenv("T_ZED", "", 1);
    assert_true(config_load(tables));
    assert_true(number == 10 && yes);
    assert_string_equal(text, "none at all");
}

static void test_unfit_values_stop_the_start(void **state)
{
    (void)state;
    static const struct {
        const char *name, *value;
    } bad[] = {{"T_NUMBER", "11"},
               {"T_NUMBER", "0"},
               {"T_NUMBER", "5x"},
               {"T_NUMBER", "1e1"},
               {"T_NUMBER", "99999999999999999999"},
               {"T_BOOL", "maybe"},
               {"T_ZED_FILE", "/no/such/file"},
               {"T_ZED_FILE", "/"}};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        const char *printed;
        clear();
        setenv(bad[i].name, bad[i].value, 1);
        assert_int_equal(run(tables, NULL, &printed), 2);
        assert_non_null(strstr(printed, bad[i].name));
        assert_int_equal(run(tables, "--check-config", &printed), 2);
    }
}

static void test_a_required_value_is_asked_for(void **state)
{
    (void)state;
    const char *printed;
    clear();
    assert_int_equal(run(all, NULL, &printed), 2);
    assert_non_null(strstr(printed, "T_NEEDED is not set: Must be."));
    setenv("T_NEEDED", "x", 1);
    assert_int_equal(run(all, NULL, &printed), 100);
    assert_int_equal(run(all, "--migrate", &printed), 101);
    assert_int_equal(run(all, "--check-config", &printed), 0);
    assert_int_equal(run(all, "--what", &printed), 2);
}

static void test_help_is_in_alphabetical_order(void **state)
{
    (void)state;
    const char *help;
    clear();
    assert_int_equal(run(all, "--help", &help), 0);
    const char *names[] = {"T_BOOL", "T_NEEDED", "T_NUMBER", "T_SECRET", "T_ZED"};
    for (size_t i = 0; i + 1 < COUNT_OF(names); i++)
        assert_true(strstr(help, names[i]) < strstr(help, names[i + 1]));
    assert_non_null(strstr(help, "How many. Unit: things. Default: 5."));
    assert_non_null(strstr(help, "--migrate"));
}

static void test_secrets_are_masked(void **state)
{
    (void)state;
    static const struct {
        const char *value, *shown;
    } cases[] = {
        {"plainsecret", "T_SECRET=***\n"},
        {"host=h password=p", "T_SECRET=***\n"},
        {"host=h password=a://b", "T_SECRET=***\n"},
        {"redis://:pw@h:6379/0", "T_SECRET=redis://:***@h:6379/0\n"},
        {"postgres://u:p@h/db", "T_SECRET=postgres://u:***@h/db\n"},
        {"smtp://u:p@ss@h:587", "T_SECRET=smtp://u:***@h:587\n"},
        {"postgres://u@h/db?password=p", "T_SECRET=postgres://u@h/db?***\n"},
        {"postgres://u:p@h/db?sslpassword=q@r", "T_SECRET=postgres://u:***@h/db?***\n"},
        {"unix:///run/redis.sock", "T_SECRET=unix:///run/redis.sock\n"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *printed;
        clear();
        setenv("T_SECRET", cases[i].value, 1);
        assert_int_equal(run(tables, "--show-config", &printed), 0);
        if (strstr(printed, cases[i].shown) == NULL)
            fail_msg("%s: %s", cases[i].value, printed);
    }
}

static void test_values_from_files(void **state)
{
    (void)state;
    char path[] = "/tmp/bureau-config-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, " kept \n\r\n", 9), 9);
    clear();
    setenv("T_ZED_FILE", path, 1);
    setenv("T_ZED", "the file wins", 1);
    assert_true(config_load(tables));
    assert_string_equal(text, " kept ");
    assert_int_equal(ftruncate(fd, 70000), 0);
    const char *printed;
    assert_int_equal(run(tables, NULL, &printed), 2);
    close(fd);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults_and_values),
        cmocka_unit_test(test_unfit_values_stop_the_start),
        cmocka_unit_test(test_a_required_value_is_asked_for),
        cmocka_unit_test(test_help_is_in_alphabetical_order),
        cmocka_unit_test(test_secrets_are_masked),
        cmocka_unit_test(test_values_from_files),
    };
    arena = arena_new(4096);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_destroy(arena);
    return failed;
}
