#include "services/crm/csv_reader.h"

#include <string.h>

#include "common/buf.h"

#include "tests/unit/test.h"

static struct arena *arena, *cells;
static struct csv_reader *reader;

/* Reads everything in pieces of `piece` bytes: cells parted by |, rows by a line with its number.
 */
static const char *read_all(const char *text, size_t piece, char delimiter)
{
    struct buf out;
    struct csv_row row;
    size_t left = strlen(text);
    buf_init(&out, arena);
    csv_reader_open(reader, delimiter, 0);
    for (;;) {
        struct slice data = {text, left < piece ? left : piece};
        size_t before = data.len;
        enum csv_got got = csv_reader_take(reader, arena, &data, &row);
        text += before - data.len;
        left -= before - data.len;
        if (got == CSV_MORE && left > 0)
            continue;
        if (got == CSV_MORE)
            got = csv_reader_end(reader, arena, &row);
        if (got != CSV_ROW)
            return out.data;
        buf_printf(&out, "%s%d:", out.len == 0 ? "" : "/", (int)row.line);
        for (size_t i = 0; i < row.n; i++)
            buf_printf(&out, "%s%s", i == 0 ? "" : "|", row.cells[i]);
    }
}

static void reads(const char *text, const char *expected)
{
    for (size_t piece = 1; piece <= strlen(text) + 1; piece++)
        assert_string_equal(read_all(text, piece, ','), expected);
}

static void test_rows_and_lines(void **state)
{
    (void)state;
    reads("a,b\n1,2\n", "1:a|b/2:1|2");
    reads("a,b\n1,2", "1:a|b/2:1|2");
    reads("\n\na\n\nb\n", "3:a/5:b");
    reads("a,,\n", "1:a||");
    reads("", "");
}

static void test_quotes(void **state)
{
    (void)state;
    reads("\"a,b\",\"say \"\"hi\"\"\"\n", "1:a,b|say \"hi\"");
    reads("\"one\ntwo\",x\ny,z\n", "1:one\ntwo|x/3:y|z");
    reads("\"\",''\n", "1:|''");
    reads("\" led\", bare \n", "1: led|bare");
}

/* A CR LF that is cut in two is still one line break, when the reader goes on. */
static void test_line_breaks(void **state)
{
    (void)state;
    reads("a\r\nb\r\n\r\nc", "1:a/2:b/4:c");
    reads("a\rb\rc\r", "1:a/2:b/3:c");
}

static void test_going_on_behind_a_row(void **state)
{
    struct csv_row row;
    struct slice data = {"a\r\nb\r\nc\r\n", 9};
    (void)state;
    csv_reader_open(reader, ',', 0);
    assert_int_equal(csv_reader_take(reader, arena, &data, &row), CSV_ROW);
    csv_reader_open(reader, ',', csv_reader_lines(reader));
    assert_int_equal(csv_reader_take(reader, arena, &data, &row), CSV_ROW);
    assert_string_equal(row.cells[0], "b");
    assert_int_equal(row.line, 2);
}

static void test_text(void **state)
{
    struct csv_row row;
    struct slice bad = {"a,\xE9t\xE9\n", 7}, good = {"a,\xC3\xA9\n", 5};
    (void)state;
    csv_reader_open(reader, ',', 0);
    assert_int_equal(csv_reader_take(reader, arena, &bad, &row), CSV_ROW);
    assert_false(row.is_text);
    csv_reader_open(reader, ',', 0);
    assert_int_equal(csv_reader_take(reader, arena, &good, &row), CSV_ROW);
    assert_true(row.is_text);
}

static void test_memory_is_bounded(void **state)
{
    static char cell[CSV_CELL_BYTES + 16];
    struct csv_row row;
    (void)state;
    memset(cell, 'x', sizeof cell);
    cell[0] = '"';
    struct slice data = {cell, sizeof cell};
    csv_reader_open(reader, ',', 0);
    assert_int_equal(csv_reader_take(reader, arena, &data, &row), CSV_TOO_LONG);
    cell[CSV_CELL_BYTES - 4096] = '"';
    cell[CSV_CELL_BYTES - 4095] = '\n';
    data = (struct slice){cell, CSV_CELL_BYTES - 4094};
    csv_reader_open(reader, ',', 0);
    assert_int_equal(csv_reader_take(reader, arena, &data, &row), CSV_ROW);
}

static void test_many_cells_are_counted(void **state)
{
    static char text[2 * CSV_CELLS_MAX + 16];
    struct csv_row row;
    (void)state;
    memset(text, ',', sizeof text);
    text[sizeof text - 1] = '\n';
    struct slice data = {text, sizeof text};
    csv_reader_open(reader, ',', 0);
    assert_int_equal(csv_reader_take(reader, arena, &data, &row), CSV_ROW);
    assert_int_equal(row.n, sizeof text);
}

static void test_delimiter(void **state)
{
    (void)state;
    assert_int_equal(csv_delimiter_of((struct slice){"a;b;c,d\n,,,,,,", 14}), ';');
    assert_int_equal(csv_delimiter_of((struct slice){"a,b;c\n", 6}), ',');
    assert_int_equal(csv_delimiter_of((struct slice){"\"a;;;\",b\n", 9}), ',');
    assert_int_equal(csv_delimiter_of((struct slice){"a\tb\n", 4}), '\t');
    assert_int_equal(csv_delimiter_of((struct slice){"", 0}), ',');
}

static int begin(void **state)
{
    (void)state;
    arena = arena_new(4096);
    cells = arena_new(CSV_CELL_BYTES);
    reader = csv_reader_new(cells);
    return 0;
}

static int end(void **state)
{
    (void)state;
    arena_destroy(cells);
    arena_destroy(arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_and_lines),
        cmocka_unit_test(test_quotes),
        cmocka_unit_test(test_line_breaks),
        cmocka_unit_test(test_going_on_behind_a_row),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_memory_is_bounded),
        cmocka_unit_test(test_many_cells_are_counted),
        cmocka_unit_test(test_delimiter),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
