#include "services/core/check.h"

#include "tests/unit/test.h"

static struct arena *arena;

/* One row a text: the instant as PostgreSQL is given it, or NULL. */
static const struct {
    const char *text, *instant;
} cases[] = {
    {"2026-01-02", "2026-01-02 00:00:00 Europe/Paris"},
    {"2026-01-02 10:11", "2026-01-02 10:11:00 Europe/Paris"},
    {"2026-01-02T10:11:12Z", "2026-01-02 10:11:12+00:00"},
    {"2026-01-02T10:11:12z", "2026-01-02 10:11:12+00:00"},
    {"2026-01-02 10:11:12 UTC", "2026-01-02 10:11:12+00:00"},
    {"2026-01-02 10:11:12gmt", "2026-01-02 10:11:12+00:00"},
    {"2026-01-02T10:11:12+0230", "2026-01-02 10:11:12+02:30"},
    {"2026-01-02T10:11:12-05:00", "2026-01-02 10:11:12-05:00"},
    {"@0", "1970-01-01 00:00:00+00:00"},
    {"20260102", "2026-01-02 00:00:00 Europe/Paris"},
    {"01/02/2026", "2026-01-02 00:00:00 Europe/Paris"},
    {"02.01.2026", "2026-01-02 00:00:00 Europe/Paris"},
    {"2026-02-29", NULL},
    {"2026-13-01", NULL},
    {"2026-01-02T25:00:00", NULL},
    {"2026-01-02T10:11:12Za", NULL},
    {"2026-01-02T10:11:12Zab", NULL},
    {"2026-01-02T10:11:12UTCx", NULL},
    {"2026-01-02T10:11:12+16:00", NULL},
    {"2026-01-02T10:11:12+02:60", NULL},
    {"@12x", NULL},
    {"", NULL},
};

static void test_instants_are_read_whole_or_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *got = instant_read(arena, cases[i].text, "Europe/Paris");
        if ((got == NULL) != (cases[i].instant == NULL) ||
            (got != NULL && strcmp(got, cases[i].instant) != 0))
            fail_msg("\"%s\" became %s", cases[i].text, got == NULL ? "nothing" : got);
    }
}

static void test_offsets_end_in_utc(void **state)
{
    (void)state;
    assert_string_equal(utc_read(arena, "2026-01-01T01:00:00+02:00"), "2025-12-31 23:00:00");
    assert_string_equal(utc_read(arena, "2026-01-01 01:00:00"), "2026-01-01 01:00:00");
    assert_null(utc_read(arena, "2026-01-01 01:00:00Zz"));
    assert_string_equal(date_read(arena, "2024-02-29"), "2024-02-29");
    assert_null(date_read(arena, "2023-02-29"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_instants_are_read_whole_or_refused),
        cmocka_unit_test(test_offsets_end_in_utc),
    };
    arena = arena_new(4096);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_destroy(arena);
    return failed;
}
