/*
 * bill.c - the bill of an event: one at a time, frozen prices, exact amounts; finalization and
 * credit notes. Source: seed 003 "Bills", rentals.md 4.12, decisions.md 6 and 8.
 */
#include "services/billing/bill.h"

#include <string.h>

#include "common/clock.h"
#include "services/billing/body.h"
#include "services/billing/link.h"
#include "services/core/crud.h"
#include "services/core/degressive.h"
#include "services/core/service.h"

enum { DISCOUNT_CHARS = 40 };

/* The reply's rows get their links; whoever asked may see the bills. */
static enum err with_links(struct call *call)
{
    struct reply *reply = call->reply;
    struct link link = {.organization_id = call->request->who.organization_id,
                        .expires_s = clock_unix_ms() / 1000 + LINK_LIFE_S};
    if (reply->json.len > 0)
        reply->json = link_rows(call->arena, reply->json, service_settings.public_url,
                                service_settings.secret_key, &link);
    return ERR_OK;
}

/* Always the whole bill, also to who has its ETag: a 304 would keep an expired link alive. */
static enum err item(struct call *call, int64_t id)
{
    struct request *plain = arena_alloc(call->arena, sizeof *plain);
    *plain = *call->request;
    plain->headers[HEADER_IF_NONE_MATCH] = NULL;
    call->request = plain;
    call->resource = &bill_resource;
    enum err err = crud_item(call, id);
    return err == ERR_OK ? with_links(call) : err;
}

static enum err bill_get(struct call *call) { return item(call, call->request->row); }

static enum err bill_list(struct call *call)
{
    enum err err = crud_list(call);
    return err == ERR_OK ? with_links(call) : err;
}

const struct hooks bill_hooks = {.resource = "bill", .list = bill_list, .get = bill_get};

/* Decimal text as JSON and people write it: digits, one point, at most two digits of exponent. */
static bool is_decimal(const char *text)
{
    size_t whole = strspn(text, "0123456789"), part = 0;
    const char *at = text + whole;
    if (*at == '.') {
        part = strspn(at + 1, "0123456789");
        at += part + 1;
    }
    if (whole + part == 0 || strlen(text) > DISCOUNT_CHARS)
        return false;
    if (*at == 'e' || *at == 'E') {
        at += at[1] == '+' || at[1] == '-' ? 2 : 1;
        size_t digits = strspn(at, "0123456789");
        if (digits == 0 || digits > 2)
            return false;
        at += digits;
    }
    return *at == '\0';
}

/* The discount of the body as exact text, "0" when absent. */
static enum err discount_of(struct call *call, const char **discount)
{
    static const char name[] = "discountRate";
    *discount = "0";
    const msgpack_object *given = mp_find(call->body, name);
    if (mp_is_null(given))
        given = mp_find(call->body, "discount_rate");
    if (mp_is_null(given))
        return ERR_OK;
    const char *text = mp_number(call->arena, given);
    if (text == NULL)
        text = mp_text(call->arena, given);
    if (text != NULL && text[0] == '\0')
        return ERR_OK;
    bool negative = text != NULL && text[0] == '-';
    if (text == NULL || !is_decimal(text + (negative ? 1 : 0)))
        return call_fault(call, name, RULE_FLOAT, NULL, NULL);
    if (negative && strpbrk(text, "123456789") != NULL)
        return call_fault(call, name, RULE_MIN, "0", NULL);
    *discount = text + (negative ? 1 : 0);
    return ERR_OK;
}

/* What the bill is made of beside the materials. */
struct basis {
    const char *expression;
    int64_t days;
    bool billable, has_beneficiary;
    const char *discount;
    struct fraction rate;
};

static enum err read_basis(struct call *call, struct basis *basis)
{
    struct sql sql;
    struct pg_result *result;
    sql_init(&sql, call->arena);
    sql_printf(&sql, "SELECT * FROM billing.bill_basis($%d::bigint)",
               sql_bind_int(&sql, call->request->row));
    enum err err = call_run(call, &sql, &result);
    if (err != ERR_OK)
        return err;
    if (pg_rows(result) == 0)
        return call_fail(call, ERR_NOT_FOUND, NULL);
    *basis = (struct basis){.days = pg_int(result, 0, 0),
                            .expression = pg_text(result, 0, 1),
                            .billable = pg_true(result, 0, 2),
                            .has_beneficiary = pg_true(result, 0, 3)};
    return discount_of(call, &basis->discount);
}

/* Days of the event and the organization's degressive expression become an exact fraction. */
static enum err judge(struct call *call, struct basis *basis)
{
    if (!basis->billable)
        return call_fail(
            call, ERR_CONFLICT,
            "The event is not billable." IN_FRENCH("L'événement n'est pas facturable."));
    if (!basis->has_beneficiary)
        return call_fail(call, ERR_CONFLICT,
                         "The event has no beneficiary to bill." IN_FRENCH(
                             "L'événement n'a pas de bénéficiaire à facturer."));
    if (degressive_rate(basis->expression, basis->days, &basis->rate) != DEGRESSIVE_OK)
        return call_fail(call, ERR_CONFLICT,
                         "The degressive rate of the organization's settings cannot be computed"
                         " for this event." IN_FRENCH(
                             "Le tarif dégressif des réglages de l'organisation ne peut pas"
                             " être calculé pour cet événement."));
    return ERR_OK;
}

static enum err too_large(struct call *call)
{
    call->reply->faults = NULL;
    return call_fail(call, ERR_CONFLICT,
                     "The amounts of the event are too large for a bill." IN_FRENCH(
                         "Les montants de l'événement sont trop grands pour une facture."));
}

enum err bill_create(struct call *call)
{
    struct basis basis;
    enum err err = read_basis(call, &basis);
    if (err == ERR_OK)
        err = judge(call, &basis);
    if (err != ERR_OK)
        return err;
    struct sql sql;
    struct pg_result *result;
    sql_init(&sql, call->arena);
    int row = sql_bind_int(&sql, call->request->row), off = sql_bind(&sql, basis.discount);
    int num = sql_bind_int(&sql, basis.rate.num), den = sql_bind_int(&sql, basis.rate.den);
    int days = sql_bind_int(&sql, basis.days);
    sql_printf(&sql,
               "SELECT billing.make_bill($%d::bigint, $%d::numeric, $%d::numeric, $%d::numeric,"
               " $%d::integer, ",
               row, off, num, den, days);
    put_actor(call, &sql);
    sql_puts(&sql, ")");
    err = call_run(call, &sql, &result);
    if (err == ERR_INVALID) /* all of the body is checked: what does not fit are the amounts */
        return too_large(call);
    if (err != ERR_OK)
        return err;
    if (pg_text(result, 0, 0) == NULL)
        return call_fault(call, "discountRate", RULE_MAX, "100", NULL);
    return item(call, pg_int(result, 0, 0));
}

static enum err by_function(struct call *call, const char *function)
{
    struct sql sql;
    struct pg_result *result;
    sql_init(&sql, call->arena);
    sql_printf(&sql, "SELECT %s($%d::bigint, ", function, sql_bind_int(&sql, call->request->row));
    put_actor(call, &sql);
    sql_puts(&sql, ")");
    enum err err = call_run(call, &sql, &result);
    if (err != ERR_OK)
        return err;
    if (pg_text(result, 0, 0) == NULL)
        return call_fail(call, ERR_NOT_FOUND, NULL);
    return item(call, pg_int(result, 0, 0));
}

enum err bill_finalize(struct call *call) { return by_function(call, "billing.finalize_bill"); }

enum err bill_credit_note(struct call *call) { return by_function(call, "billing.credit_bill"); }
