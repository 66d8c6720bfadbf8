#include "services/billing/words.h"
#include "tests/unit/test.h"

#define NB  "\xc2\xa0"
#define NNB NARROW_SPACE

static struct arena *arena;

static void test_amounts_are_written_as_each_language_does(void **state)
{
    (void)state;
    static const struct {
        enum tongue tongue;
        const char *iso, *amount, *written;
    } cases[] = {
        {ENGLISH, "EUR", "1664.25", "€1,664.25"},
        {FRENCH, "EUR", "1664.25", "1" NNB "664,25" NB "€"},
        {ENGLISH, "EUR", "999.99", "€999.99"},
        {FRENCH, "EUR", "-100000.00", "−100" NNB "000,00" NB "€"},
        {ENGLISH, "EUR", "-9.10", "−€9.10"},
        {FRENCH, "EUR", "-9.10", "−9,10" NB "€"},
        {ENGLISH, "CHF", "0.00", "CHF" NB "0.00"},
        {FRENCH, "XYZ", "12345678.90", "12" NNB "345" NNB "678,90" NB "XYZ"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_string_equal(words_money(arena, cases[i].tongue, cases[i].iso, cases[i].amount),
                            cases[i].written);
    assert_string_equal(words_number(arena, FRENCH, "1.75"), "1,75");
    assert_string_equal(words_number(arena, ENGLISH, "-1234"), "−1,234");
    assert_string_equal(words_number(arena, ENGLISH, "1234567.1234"), "1,234,567.1234");
    assert_string_equal(words_number(arena, FRENCH, ""), "");
    assert_string_equal(words_currency(FRENCH, "USD"), "dollars américains");
    assert_string_equal(words_currency(ENGLISH, "XYZ"), "XYZ");
}

static void test_dates_know_their_weekday(void **state)
{
    (void)state;
    assert_string_equal(words_long_date(arena, FRENCH, "2020-02-12 00:00:00"),
                        "mercredi" NB "12" NB "février" NB "2020");
    assert_string_equal(words_long_date(arena, ENGLISH, "2000-03-01"),
                        "Wednesday" NB "1" NB "March" NB "2000");
    assert_string_equal(words_long_date(arena, FRENCH, "2024-02-29"),
                        "jeudi" NB "29" NB "février" NB "2024");
    assert_string_equal(words_long_date(arena, FRENCH, "2026-01-01"),
                        "jeudi" NB "1er" NB "janvier" NB "2026");
    assert_string_equal(words_date(arena, FRENCH, "2020-02-12"), "12/02/2020");
    assert_string_equal(words_date(arena, ENGLISH, "2020-02-12"), "12" NB "Feb" NB "2020");
}

static void test_what_is_no_date_stays(void **state)
{
    (void)state;
    static const char *const cases[] = {"", "2020", "2020-13-01", "20-02-12", "2020-02-00", "soon"};
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_string_equal(words_long_date(arena, ENGLISH, cases[i]), cases[i]);
}

static void test_every_word_is_there_in_both_languages(void **state)
{
    (void)state;
    for (int i = 0; i < WORDS; i++)
        for (int tongue = ENGLISH; tongue <= FRENCH; tongue++)
            assert_non_null(word((enum tongue)tongue, (enum word)i));
    assert_int_equal(tongue_of("fr"), FRENCH);
    assert_int_equal(tongue_of("NL"), ENGLISH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_amounts_are_written_as_each_language_does),
        cmocka_unit_test(test_dates_know_their_weekday),
        cmocka_unit_test(test_what_is_no_date_stays),
        cmocka_unit_test(test_every_word_is_there_in_both_languages),
    };
    arena = arena_new(1 << 16);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_destroy(arena);
    return failed;
}
