/* The PDF read back with pdftotext and pdfinfo of poppler-utils. */
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "services/billing/pdf.h"
#include "services/billing/words.h"
#include "tests/unit/billing_sample.h"
#include "tests/unit/test.h"

static struct arena *arena;

static struct slice made(const struct paper *paper)
{
    struct slice out;
    assert_int_equal(pdf_bill(arena, paper, &out), ERR_OK);
    assert_true(out.len > 1000);
    assert_memory_equal(out.data, "%PDF-", 5);
    return out;
}

/* What a program of poppler prints of the PDF: "pdftotext -layout %s -". */
static const char *read_back(struct slice pdf, const char *before, const char *after)
{
    char path[] = "/tmp/bill.XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, pdf.data, pdf.len), (ssize_t)pdf.len);
    close(file);
    FILE *pipe = popen(arena_printf(arena, "%s %s %s", before, path, after), "r");
    assert_non_null(pipe);
    const size_t most = 1 << 20;
    char *text = arena_alloc(arena, most);
    size_t len = fread(text, 1, most - 1, pipe);
    text[len] = '\0';
    int status = pclose(pipe);
    const char *keep = getenv("BUREAU_KEEP_PDF");
    if (keep == NULL)
        unlink(path);
    assert_int_equal(status, 0);
    return text;
}

static const char *text_of(struct slice pdf) { return read_back(pdf, "pdftotext -layout", "-"); }

static void has(const char *text, const char *what)
{
    if (strstr(text, what) == NULL)
        fail_msg("\"%s\" is not in:\n%s", what, text);
}

static size_t count(const char *text, const char *what)
{
    size_t n = 0;
    for (const char *at = text; (at = strstr(at, what)) != NULL; at += strlen(what))
        n++;
    return n;
}

static void test_the_same_bill_is_the_same_bytes(void **state)
{
    (void)state;
    struct paper paper = sample_paper(), other;
    struct slice first = made(&paper), second = made(&paper);
    assert_int_equal(first.len, second.len);
    assert_memory_equal(first.data, second.data, first.len);
    /* Nor does it matter what was made in between, or when. */
    const struct pair changes[] = {{"language", "EN"}, {0}};
    other = sample_changed(arena, changes);
    (void)made(&other);
    setenv("TZ", "Asia/Tokyo", 1);
    tzset();
    struct slice third = made(&paper);
    assert_int_equal(first.len, third.len);
    assert_memory_equal(first.data, third.data, first.len);
}

/* Every kind of space is a space. */
static void put_space(char *text, const char *instead_of)
{
    size_t wide = strlen(instead_of);
    for (char *at; (at = strstr(text, instead_of)) != NULL;) {
        at[0] = ' ';
        memmove(at + 1, at + wide, strlen(at + wide) + 1);
    }
}

static void test_the_french_bill_says_it_all(void **state)
{
    (void)state;
    static const char *const said[] = {
        "Facture en euros",
        "20200212-00001",
        "12/02/2020",
        "1/2",
        "Lumière & Son SARL",
        "12 rue des Écoles",
        "38000 Grenoble",
        "France",
        "FR32123456789",
        "SIRET 123 456 789 00012",
        "Théâtre de l’Étoile",
        "Bénédicte Dupré",
        "69001 Lyon",
        "Concert & <bal>",
        "mercredi 12 février 2020",
        "jeudi 13 février 2020",
        "Vizille",
        "17,00 €",
        "74,00 €",
        "Remise 10 %",
        "−9,10 €",
        "81,90 €",
        "16,38 €",
        "98,28 €",
        "(2 jours)",
        "1,75",
        "143,33 €",
        "28,66 €",
        "Net à payer",
        "171,99 €",
        "7 010,00",
        "Détail du matériel",
        "Amplis",
        "MTD108P",
        "---",
        "Amplifié L-Acoustics MTD 108P",
        "adaptri camping",
        "6 000,00",
    };
    struct paper paper = sample_paper();
    struct slice pdf = made(&paper);
    char *text = arena_strdup(arena, text_of(pdf));
    put_space(text, "\xc2\xa0");
    put_space(text, NARROW_SPACE);
    for (size_t i = 0; i < COUNT_OF(said); i++)
        has(text, said[i]);
    const char *info = read_back(pdf, "TZ=UTC pdfinfo", "");
    has(info, "Facture n°20200212-00001");
    has(info, "Lumière & Son SARL");
    has(info, "Wed Feb 12 09:45:46 2020");
    has(info, "(A4)");
    has(info, "Pages:           2");
}

static void test_the_english_bill_and_the_credit_note(void **state)
{
    (void)state;
    const struct pair changes[] = {{"language", "EN"},
                                   {"kind", "credit_note"},
                                   {"number", "2020-00002"},
                                   {"credits_number", "2020-00001"},
                                   {"discount_rate", "0"},
                                   {"due_amount", "-171.99"},
                                   {0}};
    struct paper paper = sample_changed(arena, changes);
    const char *text = text_of(made(&paper));
    has(text, "Credit note in euros");
    has(text, "2020-00001");
    has(text, "No discount");
    has(text, "−€171.99");
    has(text, "Amount credited");
    has(text, "12 February");
    assert_null(strstr(text, "Facture"));
}

static void test_five_hundred_lines_carry_their_totals(void **state)
{
    (void)state;
    struct paper paper = sample_long(arena, 500);
    struct slice pdf = made(&paper);
    const char *text = text_of(pdf);
    size_t pages = count(text, "\f"), out = count(text, "À reporter");
    assert_in_range(pages, 10, 40);
    assert_int_equal(out, pages - 2); /* neither after page one nor at the end */
    assert_int_equal(count(text, "  Report "), out);
    assert_int_equal(count(text, "REF-"), 500);
    for (size_t i = 1; i <= 500; i++)
        has(text, arena_printf(arena, "REF-%04zu", i));
    has(text, arena_printf(arena, "%zu / %zu", pages, pages));
    /* What a page carries out is the number of lines so far: each costs 1.00. */
    const char *at = text;
    for (size_t lines = 0; (at = strstr(at, "À reporter")) != NULL; at++) {
        const char *ref = text;
        lines = 0;
        for (; (ref = strstr(ref, "REF-")) != NULL && ref < at; ref++)
            lines++;
        char *figures = arena_strndup(arena, at, strcspn(at, "\n"));
        has(figures, arena_printf(arena, " %zu,00", lines));
    }
}

static void test_odd_bills_are_printed_too(void **state)
{
    (void)state;
    struct paper empty = sample_paper();
    empty.lines_n = empty.categories_n = 0;
    (void)made(&empty);
    struct paper bare = {0};
    (void)made(&bare);
    char *wide = arena_alloc(arena, 192);
    memset(wide, 'W', 191);
    struct paper_line lines[] = {sample_lines[0], sample_lines[1]};
    lines[0].name = lines[0].reference = lines[1].part = wide;
    struct paper paper = sample_paper();
    paper.lines = lines;
    paper.lines_n = 2;
    assert_true(count(text_of(made(&paper)), "W") > 191 * 2);
}

static void test_a_figure_is_never_broken(void **state)
{
    (void)state;
    const struct pair changes[] = {{"language", "EN"},
                                   {"currency", "IDR"},
                                   {"due_amount", "123456789012.34"},
                                   {"total_without_taxes", "102880657510.28"},
                                   {0}};
    struct paper_line lines[] = {sample_lines[0], sample_lines[1]};
    lines[0].total = lines[0].replacement = "98765432109.87";
    struct paper paper = sample_changed(arena, changes);
    paper.lines = lines;
    paper.lines_n = 2;
    const char *text = text_of(made(&paper));
    assert_int_equal(count(text, "123,456,789,012.34"), 2);
    assert_int_equal(count(text, "98,765,432,109.87"), 2);
    has(text, "102,880,657,510.28");
    paper = sample_changed(arena, changes + 1);
    paper.lines = lines;
    paper.lines_n = 2;
    char *french = arena_strdup(arena, text_of(made(&paper)));
    put_space(french, NARROW_SPACE);
    assert_int_equal(count(french, "123 456 789 012,34"), 2);
    assert_int_equal(count(french, " 98 765 432 109,87"), 2);
}

static void test_what_a_credit_note_takes_back_of_a_negative_bill(void **state)
{
    (void)state;
    const struct pair changes[] = {
        {"language", "EN"}, {"kind", "credit_note"}, {"due_amount", "21.00"}, {0}};
    struct paper paper = sample_changed(arena, changes);
    const char *credited = strstr(text_of(made(&paper)), "Amount credited");
    assert_non_null(credited);
    has(credited, "−€21.00");
}

static void test_bookmarks_lead_to_the_groups(void **state)
{
    (void)state;
    struct paper paper = sample_paper();
    struct slice pdf = made(&paper);
    const char *plain = read_back(pdf, "pdftohtml -xml -stdout -i", "");
    has(plain, "<outline>");
    has(plain, "Facture 20200212-00001");
    has(plain, "Amplis");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_same_bill_is_the_same_bytes),
        cmocka_unit_test(test_the_french_bill_says_it_all),
        cmocka_unit_test(test_the_english_bill_and_the_credit_note),
        cmocka_unit_test(test_five_hundred_lines_carry_their_totals),
        cmocka_unit_test(test_odd_bills_are_printed_too),
        cmocka_unit_test(test_a_figure_is_never_broken),
        cmocka_unit_test(test_what_a_credit_note_takes_back_of_a_negative_bill),
        cmocka_unit_test(test_bookmarks_lead_to_the_groups),
    };
    arena = arena_new(1 << 20);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_destroy(arena);
    return failed;
}
