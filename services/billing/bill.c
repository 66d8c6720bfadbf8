/*
 * bill.c - the bill of an event: one at a time, frozen prices, exact amounts; finalization and
 * credit notes. Source: seed 003 "Bills", rentals.md 4.12, decisions.md 6 and 8.
 */
#include <string.h>

#include "services/billing/degressive.h"
#include "services/billing/hooks.h"
#include "services/core/crud.h"

/* The discount of the body as exact text, "0" when absent. */
static enum err discount_of(struct call *call, const char **discount)
{
    *discount = "0";
    const msgpack_object *given = mp_find(call->body, "discountRate");
    if (mp_is_null(given))
        given = mp_find(call->body, "discount_rate");
    if (mp_is_null(given))
        return ERR_OK;
    const char *text = mp_number(call->arena, given);
    if (text == NULL)
        text = mp_text(call->arena, given);
    if (text != NULL && text[0] == '\0')
        return ERR_OK;
    if (text == NULL || strspn(text, "0123456789.") != strlen(text) || strlen(text) > 12 ||
        strchr(text, '.') != strrchr(text, '.') || strcmp(text, ".") == 0)
        return call_fault(call, "discountRate", RULE_FLOAT, NULL, NULL);
    *discount = text;
    return ERR_OK;
}

/* Days of the event and the organization's degressive expression become an exact fraction. */
static enum err rate_of(struct call *call, int64_t event, struct fraction *rate, int64_t *days)
{
    struct sql sql;
    struct pg_result *result;
    sql_init(&sql, call->arena);
    sql_printf(&sql, "SELECT * FROM billing.bill_basis($%d::bigint)", sql_bind_int(&sql, event));
    enum err err = call_run(call, &sql, &result);
    if (err != ERR_OK)
        return err;
    if (pg_rows(result) == 0)
        return call_fail(call, ERR_NOT_FOUND, "Event not found.");
    if (!pg_true(result, 0, 2))
        return call_fail(call, ERR_CONFLICT, "Event is not billable.");
    if (!pg_true(result, 0, 3))
        return call_fail(call, ERR_CONFLICT, "Event has no beneficiary to bill.");
    *days = pg_int(result, 0, 0);
    if (degressive_rate(pg_text(result, 0, 1), *days, rate) != DEGRESSIVE_OK)
        return call_fail(call, ERR_CONFLICT,
                         "The degressive rate of the organization's settings cannot be computed"
                         " for this event.");
    return ERR_OK;
}

enum err bill_create(struct call *call)
{
    const char *discount;
    struct fraction rate;
    int64_t days = 0, event = call->request->row;
    enum err err = rate_of(call, event, &rate, &days);
    if (err == ERR_OK)
        err = discount_of(call, &discount);
    if (err != ERR_OK)
        return err;
    struct sql sql;
    struct pg_result *result;
    sql_init(&sql, call->arena);
    int row = sql_bind_int(&sql, event), off = sql_bind(&sql, discount);
    int num = sql_bind_int(&sql, rate.num), den = sql_bind_int(&sql, rate.den);
    int count = sql_bind_int(&sql, days), user = sql_bind_int(&sql, call->request->who.user_id);
    sql_printf(&sql,
               "SELECT billing.make_bill($%d::bigint, $%d::numeric, $%d::numeric, $%d::numeric,"
               " $%d::integer, $%d::bigint)",
               row, off, num, den, count, user);
    err = call_run(call, &sql, &result);
    if (err != ERR_OK)
        return err;
    if (pg_text(result, 0, 0) == NULL)
        return call_fault(call, "discountRate", RULE_MAX, "100", NULL);
    call->resource = &bill_resource;
    return crud_item(call, pg_int(result, 0, 0));
}

static enum err by_function(struct call *call, const char *function)
{
    struct sql sql;
    struct pg_result *result;
    sql_init(&sql, call->arena);
    int row = sql_bind_int(&sql, call->request->row);
    sql_printf(&sql, "SELECT %s($%d::bigint, $%d::bigint)", function, row,
               sql_bind_int(&sql, call->request->who.user_id));
    enum err err = call_run(call, &sql, &result);
    if (err != ERR_OK)
        return err;
    if (pg_text(result, 0, 0) == NULL)
        return call_fail(call, ERR_NOT_FOUND, NULL);
    return crud_item(call, pg_int(result, 0, 0));
}

enum err bill_finalize(struct call *call) { return by_function(call, "billing.finalize_bill"); }

enum err bill_credit_note(struct call *call) { return by_function(call, "billing.credit_bill"); }
