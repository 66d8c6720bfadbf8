/*
 * 10,000 random carts: what PostgreSQL makes of them in services/billing/sql/002_amounts.sql
 * against a second computation in whole cents on 128-bit integers, which shares nothing with it.
 */
#include "common/buf.h"
#include "services/core/degressive.h"
#include "tests/unit/database.h"

enum { CARTS = 10000, PER_STATEMENT = 500, LINES = 12, MILLION = 1000000 };

__extension__ typedef __int128 wide;

struct cart {
    int64_t daily, discountable, replacement; /* cents */
    int64_t discount, vat;                    /* millionths of a percent, ten-thousandths */
    int64_t num, den;                         /* of the rate, by the book of this file */
};

static uint64_t seed = 0x9e3779b97f4a7c15U;

static int64_t below(int64_t bound)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (int64_t)(seed % (uint64_t)bound);
}

/* The rate twice: as the organization writes it, and as a fraction worked out by hand. */
static const char *pick_rate(struct cart *cart, int64_t days)
{
    switch (below(5)) {
    case 0:
        cart->num = days;
        cart->den = 1;
        return "daysCount";
    case 1:
        cart->num = days;
        cart->den = 3;
        return "1 / 3 * daysCount";
    case 2:
        cart->num = 9 * (days < 5 ? days : 5) + 1;
        cart->den = 10;
        return "min(daysCount, 5) * 0.9 + 0.1";
    case 3:
        cart->num = 333333 * days;
        cart->den = MILLION;
        return "daysCount * 0.333333";
    default:
        cart->num = 3 * (days - 1) + 4;
        cart->den = 4;
        return "((daysCount - 1) * 0.75) + 1";
    }
}

static void put_price(struct buf *out, int64_t cents)
{
    if (cents % 100 == 0)
        buf_printf(out, "%ld", (long)(cents / 100));
    else
        buf_printf(out, "%ld.%02ld", (long)(cents / 100), (long)(cents % 100));
}

static void put_lines(struct buf *out, struct cart *cart)
{
    static const int64_t most[] = {100, 10000, 1000000, 99999999};
    int64_t lines = below(LINES + 1);
    buf_putc(out, '[');
    for (int64_t i = 0; i < lines; i++) {
        int64_t price = below(most[below(4)]), value = below(most[below(4)]);
        int64_t quantity = 1 + below(below(10) == 0 ? 999 : 9);
        bool off = below(3) > 0, valued = below(4) > 0;
        buf_puts(out, i == 0 ? "{\"rental_price\":" : ",{\"rental_price\":");
        put_price(out, price);
        buf_puts(out, ",\"replacement_price\":");
        if (valued)
            put_price(out, value);
        else
            buf_puts(out, "null");
        buf_printf(out, ",\"quantity\":%ld,\"is_discountable\":%s}", (long)quantity,
                   off ? "true" : "false");
        cart->daily += price * quantity;
        cart->discountable += off ? price * quantity : 0;
        cart->replacement += valued ? value * quantity : 0;
    }
    buf_putc(out, ']');
}

static void put_cart(struct buf *out, struct cart *cart, int index)
{
    static const int64_t discounts[] = {0, 10 * MILLION, 100 * MILLION, 33333333, 12500000};
    static const int64_t vats[] = {0, 200000, 55000, 21000, 196000, 1000000};
    struct fraction rate;
    int64_t days = 1 + below(below(4) == 0 ? 365 : 7);
    *cart = (struct cart){.discount = below(2) == 0 ? discounts[below(5)] : below(100 * MILLION),
                          .vat = below(2) == 0 ? vats[below(6)] : below(MILLION)};
    assert_int_equal(degressive_rate(pick_rate(cart, days), days, &rate), DEGRESSIVE_OK);
    buf_printf(out, "%s(%d, '", index == 0 ? "" : ",", index);
    put_lines(out, cart);
    buf_printf(out, "'::jsonb, %ld.%06ld, %ld, %ld, %ld.%04ld)", (long)(cart->discount / MILLION),
               (long)(cart->discount % MILLION), (long)rate.num, (long)rate.den,
               (long)(cart->vat / 10000), (long)(cart->vat % 10000));
}

static int64_t half_up(wide n, wide d) { return (int64_t)(n / d + (2 * (n % d) >= d ? 1 : 0)); }

static void expect(const struct cart *cart, PGresult *rows, int row)
{
    wide net =
        ((wide)cart->daily * 100 * MILLION - (wide)cart->discountable * cart->discount) * cart->num;
    wide unit = (wide)100 * MILLION * cart->den;
    const int64_t cents[] = {cart->daily, cart->discountable, cart->replacement, half_up(net, unit),
                             half_up(net * (MILLION + cart->vat), unit * MILLION)};
    for (int i = 0; i < 5; i++) {
        char text[40];
        snprintf(text, sizeof text, "%ld.%02ld", (long)(cents[i] / 100), (long)(cents[i] % 100));
        assert_string_equal(PQgetvalue(rows, row, i), text);
    }
}

static char *read_file(struct arena *arena, const char *path)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    char *text = arena_alloc(arena, 1 << 16);
    text[fread(text, 1, (1 << 16) - 1, file)] = '\0';
    fclose(file);
    return text;
}

static PGconn *open_amounts(struct arena *arena)
{
    PGconn *conn = PQconnectdb(database_url);
    assert_int_equal(PQstatus(conn), CONNECTION_OK);
    PQclear(PQexec(conn, "CREATE SCHEMA IF NOT EXISTS billing"));
    PGresult *made = PQexec(conn, read_file(arena, UNIT_SQL_DIR "/billing/002_amounts.sql"));
    assert_string_equal(PQresultErrorMessage(made), "");
    PQclear(made);
    return conn;
}

static void test_ten_thousand_carts_are_right_to_the_cent(void **state)
{
    (void)state;
    NEEDS_DATABASE();
    static struct cart carts[PER_STATEMENT];
    struct arena *arena = arena_new(1 << 20);
    PGconn *conn = open_amounts(arena);
    int done = 0;
    for (; done < CARTS; done += PER_STATEMENT) {
        struct buf sql;
        arena_reset(arena);
        buf_init(&sql, arena);
        buf_puts(&sql, "SELECT round(a.daily, 2), round(a.discountable, 2),"
                       " round(a.replacement, 2), a.without_taxes, a.due FROM (VALUES ");
        for (int i = 0; i < PER_STATEMENT; i++)
            put_cart(&sql, &carts[i], i);
        buf_puts(&sql, ") AS c (i, materials, discount, num, den, vat), LATERAL"
                       " billing.bill_amounts(c.materials, c.discount, c.num, c.den, c.vat) a"
                       " ORDER BY c.i");
        PGresult *rows = PQexec(conn, sql.data);
        assert_string_equal(PQresultErrorMessage(rows), "");
        assert_int_equal(PQntuples(rows), PER_STATEMENT);
        for (int i = 0; i < PER_STATEMENT; i++)
            expect(&carts[i], rows, i);
        PQclear(rows);
    }
    assert_int_equal(done, CARTS);
    PQfinish(conn);
    arena_destroy(arena);
}

/* The document's example and the check values of the specs. */
static void test_known_bills(void **state)
{
    (void)state;
    NEEDS_DATABASE();
    static const struct {
        const char *materials, *rest, *amounts;
    } cases[] = {
        {"[{\"rental_price\":15,\"replacement_price\":950,\"quantity\":1,\"is_discountable\":true},"
         "{\"rental_price\":37,\"replacement_price\":3000,\"quantity\":2,\"is_discountable\":true},"
         "{\"rental_price\":1,\"replacement_price\":30,\"quantity\":2,\"is_discountable\":true}]",
         "10, 7, 4, 20", "7010 143.33 171.99"},
        {"[{\"rental_price\":300,\"replacement_price\":19400,\"quantity\":3,"
         "\"is_discountable\":false},"
         "{\"rental_price\":25.5,\"replacement_price\":349.9,\"quantity\":2,"
         "\"is_discountable\":true}]",
         "0, 7, 4, 20", "58899.8 1664.25 1997.10"},
        {"[{\"rental_price\":300,\"quantity\":3,\"is_discountable\":false},"
         "{\"rental_price\":25.5,\"quantity\":2,\"is_discountable\":true}]",
         "50, 7, 4, 0", "0 1619.63 1619.63"},
        {"[{\"rental_price\":0.01,\"quantity\":1,\"is_discountable\":true}]", "50, 1, 1, 0",
         "0 0.01 0.01"},
        {"[{\"rental_price\":9,\"quantity\":1,\"is_discountable\":true}]", "100, 1, 1, 20",
         "0 0.00 0.00"},
        {"[]", "0, 1, 1, 20", "0 0.00 0.00"},
    };
    struct arena *arena = arena_new(1 << 16);
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_string_equal(
            database_ask(database_url,
                         arena_printf(arena,
                                      "SELECT concat_ws(' ', trim_scale(replacement),"
                                      " without_taxes, due) FROM billing.bill_amounts('%s', %s)",
                                      cases[i].materials, cases[i].rest)),
            cases[i].amounts);
    arena_destroy(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ten_thousand_carts_are_right_to_the_cent),
        cmocka_unit_test(test_known_bills),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
