/*
 * settings.c - what an organization and a person have set. Source: seed 001 "Settings Endpoints",
 * decisions.md 8.
 */
#include <string.h>

#include "services/accounts/form.h"
#include "services/accounts/hooks.h"
#include "services/accounts/setting_rules.h"
#include "services/core/degressive.h"

enum err settings_get(struct call *call)
{
    struct sql sql;
    sql_init(&sql, call->arena);
    sql_puts(
        &sql,
        "SELECT json_build_object('organization', json_build_object('id', o.id, 'name', o.name,"
        " 'slug', o.slug, 'timezone', s.timezone, 'billing_email', s.billing_email,"
        " 'subscription_status', o.subscription_status, 'language', s.language, 'currency',"
        " s.currency, 'vat_rate', trim_scale(s.vat_rate), 'degressive_rate', s.degressive_rate,"
        " 'overbooking', s.overbooking, 'overlap', s.overlap, 'week_starts_on', s.week_starts_on, "
        "'street', s.street,"
        " 'postal_code', s.postal_code, 'locality', s.locality, 'country', s.country, 'phone',"
        " s.phone, 'vat_number', s.vat_number, 'legal_numbers', s.legal_numbers),"
        " 'integrations_count', json_build_object("
        "'calendar', accounts.integrations_count('calendar'),"
        " 'invoicing', accounts.integrations_count('invoicing')),"
        " 'team_count', (SELECT count(*) FROM accounts.members WHERE organization_id ="
        " core.org() AND deleted_at IS NULL)) FROM accounts.organizations o"
        " JOIN accounts.organization_settings s ON s.organization_id = o.id"
        " WHERE o.id = core.org()");
    return call_json(call, &sql);
}

/* A bill must never be the first to find out that the expression cannot be computed. */
static enum err judge_rate(struct call *call, const char *rate)
{
    int64_t refused = 0;
    switch (degressive_judge(rate, &refused)) {
    case DEGRESSIVE_OK:
        return ERR_OK;
    case DEGRESSIVE_SYNTAX:
        return call_fault(call, "degressive_rate", RULE_FORMAT, NULL, NULL);
    case DEGRESSIVE_RANGE:
        break;
    }
    return call_fault_said(call, "degressive_rate",
                           "The degressive rate cannot be computed for a daysCount of %lld: it"
                           " must neither divide by zero nor be negative or out of range.",
                           (long long)refused);
}

static enum err judge(struct call *call, const struct form *form)
{
    enum err err = ERR_OK;
    const char *currency = form_text(form, "currency"), *rate = form_text(form, "degressive_rate");
    if (currency != NULL && !setting_is_currency(currency))
        err = call_fault(call, "currency", RULE_FORMAT, NULL, NULL);
    const char *country = form_text(form, "country");
    if (country != NULL && !setting_is_country(country))
        err = call_fault(call, "country", RULE_FORMAT, NULL, NULL);
    if (rate != NULL && judge_rate(call, rate) != ERR_OK)
        err = ERR_INVALID;
    return err;
}

/* Only what was sent changes; constants of the table name the columns. */
static enum err change(struct call *call, const struct form *form)
{
    struct sql sql;
    struct pg_result *result;
    sql_init(&sql, call->arena);
    int name = sql_bind(&sql, form_text(form, "name"));
    sql_puts(&sql, "WITH s AS (UPDATE accounts.organization_settings SET");
    for (size_t i = 0; form->fields[i].name != NULL; i++) {
        const struct field *field = &form->fields[i];
        if (strcmp(field->name, "name") == 0 || !form->present[i])
            continue;
        sql_printf(&sql, " %s = $%d::text%s,", field->name, sql_bind(&sql, form->values[i]),
                   field->type == F_DECIMAL ? "::numeric" : "");
    }
    sql_printf(&sql,
               " updated_at = clock_timestamp() WHERE organization_id = core.org())"
               " UPDATE accounts.organizations SET name = coalesce($%d::text, name),"
               " updated_at = clock_timestamp() WHERE id = core.org()"
               " RETURNING accounts.members_to_forget()",
               name);
    enum err err = call_run(call, &sql, &result);
    if (err == ERR_OK) /* gateways remember the organization's zone */
        call->reply->forget = pg_text(result, 0, 0);
    return err;
}

/* The keys may stand flat, inside `organization`, or some here and some there; inside counts. */
static const msgpack_object *both_of(struct call *call, const msgpack_object *nested)
{
    const msgpack_object *flat = call->body;
    if (mp_is_null(nested) || nested->via.map.size == 0)
        return flat;
    msgpack_object *both = arena_alloc(call->arena, sizeof *both);
    size_t inside = nested->via.map.size, beside = flat->via.map.size;
    *both = *nested;
    both->via.map.size = (uint32_t)(inside + beside);
    both->via.map.ptr = arena_alloc(call->arena, (inside + beside) * sizeof *both->via.map.ptr);
    memcpy(both->via.map.ptr, nested->via.map.ptr, inside * sizeof *both->via.map.ptr);
    memcpy(both->via.map.ptr + inside, flat->via.map.ptr, beside * sizeof *both->via.map.ptr);
    return both;
}

enum err settings_update(struct call *call)
{
    struct form form;
    const msgpack_object *nested = mp_find(call->body, "organization");
    if (!mp_is_null(nested) && nested->type != MSGPACK_OBJECT_MAP)
        return call_fault(call, "organization", RULE_ARRAY, NULL, NULL);
    enum err err = form_read(call, both_of(call, nested), &form);
    enum err second = judge(call, &form);
    if (err != ERR_OK || second != ERR_OK)
        return ERR_INVALID;
    err = change(call, &form);
    if (err != ERR_OK)
        return err;
    call->reply->message = "Settings updated";
    return settings_get(call);
}
