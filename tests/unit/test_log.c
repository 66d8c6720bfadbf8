#include "common/log.h"

#include <stdlib.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/json.h"
#include "tests/unit/test.h"

static struct arena *arena;
static int saved, reader;

static void open_in(const char *level, const char *format)
{
    static const struct setting *const tables[] = {log_settings, NULL};
    setenv("BUREAU_LOG_LEVEL", level, 1);
    setenv("BUREAU_LOG_FORMAT", format, 1);
    assert_true(config_load(tables));
    log_open("test");
}

static void catch_stderr(void)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    saved = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    reader = ends[0];
}

/* What was written since catch_stderr(). */
static const char *caught(void)
{
    char *text = arena_alloc(arena, 65536);
    dup2(saved, STDERR_FILENO);
    close(saved);
    ssize_t n = read(reader, text, 65535);
    close(reader);
    assert_true(n >= 0);
    return text;
}

static void assert_is_json(const char *line)
{
    struct buf mp;
    struct json_fault fault = {0};
    buf_init(&mp, arena);
    size_t len = strlen(line);
    assert_true(len > 0 && line[len - 1] == '\n' && strchr(line, '\n') == line + len - 1);
    if (json_to_mp(arena, (struct slice){line, len}, &mp, &fault) != ERR_OK)
        fail_msg("%s at %zu: %s", fault.reason, fault.at, line);
}

static void test_a_line_is_one_json_object(void **state)
{
    (void)state;
    open_in("info", "json");
    catch_stderr();
    clock_set(1795513080123);
    log_event(LOG_INFO, "request", "r-1", "path",
              "/a\"b\\\n\x01\x7f\xff"
              "é",
              "user", NULL, NULL);
    clock_set(0);
    const char *line = caught();
    assert_is_json(line);
    assert_string_equal(line, "{\"time\":\"2026-11-24T09:38:00.123Z\",\"level\":\"info\","
                              "\"program\":\"test\",\"event\":\"request\",\"request_id\":\"r-1\","
                              "\"path\":\"/a\\\"b\\\\\\u000a\\u0001\\u007f\xEF\xBF\xBDé\","
                              "\"user\":null}\n");
}

static void test_a_value_of_any_length_leaves_a_sound_line(void **state)
{
    (void)state;
    open_in("info", "json");
    static const char *const units[] = {"x", "é", "€", "😀", "\"", "\n", "\xff"};
    for (size_t u = 0; u < COUNT_OF(units); u++) {
        for (size_t n = 3840; n < 3880; n++) {
            struct buf value;
            buf_init(&value, arena);
            while (value.len < n)
                buf_puts(&value, value.len + strlen(units[u]) > n - 20 ? units[u] : "a");
            catch_stderr();
            log_event(LOG_INFO, "e", NULL, "k", value.data, "more", "x", NULL);
            const char *line = caught();
            assert_true(strlen(line) <= 4000);
            assert_is_json(line);
        }
    }
}

static void test_numbers_are_numbers_and_nothing_else_is(void **state)
{
    (void)state;
    open_in("info", "json");
    catch_stderr();
    log_event(LOG_INFO, "x", NULL, "#a", "200", "#b", "-9223372036854775808", "#c", "0", "d", "7",
              "#e", "007", "#f", "1\",\"level\":\"error", "#g", "", "#h", NULL, "#i", "-", NULL);
    const char *line = caught();
    assert_is_json(line);
    assert_non_null(strstr(line, ",\"a\":200,\"b\":-9223372036854775808,\"c\":0,\"d\":\"7\","
                                 "\"e\":\"007\",\"f\":\"1\\\",\\\"level\\\":\\\"error\","
                                 "\"g\":\"\",\"h\":null,\"i\":\"-\"}"));
    open_in("info", "text");
    catch_stderr();
    log_event(LOG_INFO, "x", NULL, "#a", "200", NULL);
    assert_non_null(strstr(caught(), " event=x a=200\n"));
}

static void test_text_lines_cannot_be_forged(void **state)
{
    (void)state;
    open_in("info", "text");
    catch_stderr();
    log_event(LOG_WARN, "x", NULL, "a", "plain", "b", "two words\nlevel=error", "c", NULL, NULL);
    const char *line = caught();
    assert_non_null(strstr(line, " level=warn program=test event=x a=plain "
                                 "b=\"two words\\u000alevel=error\" c=-\n"));
    assert_true(strchr(line, '\n') == line + strlen(line) - 1);
}

static void test_lower_levels_are_silent(void **state)
{
    (void)state;
    open_in("warn", "json");
    catch_stderr();
    log_event(LOG_INFO, "x", NULL, NULL);
    log_say(LOG_DEBUG, "x", "%d", 1);
    assert_false(log_enabled(LOG_INFO));
    assert_true(log_enabled(LOG_ERROR));
    assert_string_equal(caught(), "");
}

static void test_free_text(void **state)
{
    (void)state;
    open_in("debug", "json");
    catch_stderr();
    log_say(LOG_DEBUG, "x", "%d of %s", 3, "\"it\"");
    const char *line = caught();
    assert_is_json(line);
    assert_non_null(strstr(line, "\"message\":\"3 of \\\"it\\\"\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_line_is_one_json_object),
        cmocka_unit_test(test_a_value_of_any_length_leaves_a_sound_line),
        cmocka_unit_test(test_numbers_are_numbers_and_nothing_else_is),
        cmocka_unit_test(test_text_lines_cannot_be_forged),
        cmocka_unit_test(test_lower_levels_are_silent),
        cmocka_unit_test(test_free_text),
    };
    arena = arena_new(4096);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_destroy(arena);
    return failed;
}
