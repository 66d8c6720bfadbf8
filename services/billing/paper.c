#include "services/billing/paper.h"

#include <string.h>

const char *paper_fact(const struct paper *paper, const char *name)
{
    for (size_t i = 0; i < paper->facts_n; i++)
        if (strcmp(paper->facts[i].name, name) == 0)
            return paper->facts[i].value == NULL ? "" : paper->facts[i].value;
    return "";
}

bool paper_is(const struct paper *paper, const char *name, const char *value)
{
    return strcmp(paper_fact(paper, name), value) == 0;
}

/* select: up to the name of the function that takes the bill. */
static enum err ask(struct call *call, const char *select, int64_t bill, struct pg_result **result)
{
    struct sql sql;
    sql_init(&sql, call->arena);
    sql_puts(&sql, select);
    sql_printf(&sql, "($%d::bigint)", sql_bind_int(&sql, bill));
    return call_run(call, &sql, result);
}

static enum err read_facts(struct call *call, int64_t bill, struct paper *out)
{
    struct pg_result *result;
    enum err err = ask(call, "SELECT name, value FROM billing.paper_facts", bill, &result);
    if (err != ERR_OK)
        return err;
    out->facts_n = (size_t)pg_rows(result);
    if (out->facts_n == 0)
        return call_fail(call, ERR_NOT_FOUND, NULL);
    struct pair *facts = arena_alloc(call->arena, out->facts_n * sizeof *facts);
    for (size_t i = 0; i < out->facts_n; i++)
        facts[i] = (struct pair){pg_text(result, (int)i, 0), pg_text(result, (int)i, 1)};
    out->facts = facts;
    return ERR_OK;
}

static enum err read_lines(struct call *call, int64_t bill, struct paper *out)
{
    struct pg_result *result;
    enum err err = ask(call,
                       "SELECT part, reference, name, quantity, price, replacement, total, running,"
                       " period_price, period_total, item FROM billing.paper_lines",
                       bill, &result);
    if (err != ERR_OK)
        return err;
    out->lines_n = (size_t)pg_rows(result);
    struct paper_line *lines = arena_alloc(call->arena, (out->lines_n + 1) * sizeof *lines);
    for (int i = 0; i < pg_rows(result); i++)
        lines[i] = (struct paper_line){.part = pg_text(result, i, 0),
                                       .reference = pg_text(result, i, 1),
                                       .name = pg_text(result, i, 2),
                                       .quantity = pg_text(result, i, 3),
                                       .price = pg_text(result, i, 4),
                                       .replacement = pg_text(result, i, 5),
                                       .total = pg_text(result, i, 6),
                                       .running = pg_text(result, i, 7),
                                       .period_price = pg_text(result, i, 8),
                                       .period_total = pg_text(result, i, 9),
                                       .item = pg_int(result, i, 10)};
    out->lines = lines;
    return ERR_OK;
}

static enum err read_categories(struct call *call, int64_t bill, struct paper *out)
{
    struct pg_result *result;
    enum err err =
        ask(call, "SELECT category, items, total FROM billing.paper_categories", bill, &result);
    if (err != ERR_OK)
        return err;
    out->categories_n = (size_t)pg_rows(result);
    struct paper_category *rows = arena_alloc(call->arena, (out->categories_n + 1) * sizeof *rows);
    for (int i = 0; i < pg_rows(result); i++)
        rows[i] = (struct paper_category){pg_text(result, i, 0), pg_text(result, i, 1),
                                          pg_text(result, i, 2)};
    out->categories = rows;
    return ERR_OK;
}

enum err paper_read(struct call *call, int64_t bill, struct paper *out)
{
    *out = (struct paper){0};
    enum err err = read_facts(call, bill, out);
    if (err == ERR_OK)
        err = read_lines(call, bill, out);
    return err == ERR_OK ? read_categories(call, bill, out) : err;
}
