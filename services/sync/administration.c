/*
 * administration.c - which of several administrations an invoicing account is used for.
 *
 * Moneybird lets people allow more than one; the first is used until another is chosen. Tokens are
 * sealed for an administration, so they are sealed anew.
 */
#include <string.h>

#include "services/core/validate.h"
#include "services/sync/ops.h"
#include "services/sync/secrets.h"

static const char missing[] = "Integration not found.";

struct choice {
    const char *provider, *account; /* the one that is used */
    const char *name;               /* of the one that is wanted; NULL: it was not allowed */
    struct tokens tokens;
};

enum err administration_list(struct call *call)
{
    struct sql sql;
    sql_init(&sql, call->arena);
    sql_printf(&sql,
               "SELECT json_build_object('data', coalesce((SELECT json_agg(json_build_object('id',"
               " c ->> 'id', 'name', c ->> 'name', 'is_used', c ->> 'id' = i.account))"
               " FROM jsonb_array_elements(coalesce(i.choices, jsonb_build_array("
               "jsonb_build_object('id', i.account, 'name', i.name)))) c), '[]'))"
               " FROM sync.integrations i WHERE i.organization_id = core.org()"
               " AND i.id = $%d::bigint AND i.deleted_at IS NULL AND i.provider_type ="
               " 'invoicing'",
               sql_bind_int(&sql, call->request->row));
    return ops_row(call, &sql, missing);
}

/* Behind the lock under which tokens are renewed. */
static enum err read_choice(struct call *call, const char *wanted, struct choice *c)
{
    struct sql sql;
    struct pg_result *rows;
    sql_init(&sql, call->arena);
    sql_printf(&sql,
               "SELECT pg_advisory_xact_lock(hashtextextended('sync.integrations:' || $%d, 0))",
               sql_bind_int(&sql, call->request->row));
    enum err err = call_run(call, &sql, &rows);
    if (err != ERR_OK)
        return err;
    sql_init(&sql, call->arena);
    int id = sql_bind_int(&sql, call->request->row);
    sql_printf(&sql,
               "SELECT i.provider, i.account, i.sealed, (SELECT c ->> 'name' FROM"
               " jsonb_array_elements(i.choices) c WHERE c ->> 'id' = $%d::text)"
               " FROM sync.integrations i WHERE i.organization_id = core.org()"
               " AND i.id = $%d::bigint AND i.deleted_at IS NULL AND i.provider_type ="
               " 'invoicing' FOR UPDATE",
               sql_bind(&sql, wanted), id);
    err = ops_find(call, &sql, missing, &rows);
    if (err != ERR_OK)
        return err;
    *c = (struct choice){.provider = pg_text(rows, 0, 0),
                         .account = pg_text(rows, 0, 1),
                         .name = pg_text(rows, 0, 3)};
    if (!secrets_open_tokens(call->arena, call->request->who.organization_id, c->provider,
                             c->account, pg_text(rows, 0, 2), &c->tokens))
        return call_fail(call, ERR_CONFLICT, "The account must be connected again first.");
    return ERR_OK;
}

enum err administration_choose(struct call *call)
{
    struct choice c;
    struct sql sql;
    struct pg_result *rows;
    const char *wanted = mp_text(call->arena, mp_find(call->body, "administration_id"));
    enum err err = read_choice(call, wanted, &c); /* what is not there comes before what is wrong */
    if (err == ERR_OK)
        err = validate_endpoint(call, "sync");
    if (err != ERR_OK)
        return err;
    wanted = call_value(call, "administration_id");
    if (strcmp(wanted, c.account) != 0) {
        if (c.name == NULL)
            return call_fault_said(call, "administration_id",
                                   "The selected administration id is invalid.");
        sql_init(&sql, call->arena);
        int id = sql_bind_int(&sql, call->request->row), account = sql_bind(&sql, wanted);
        int named = sql_bind(&sql, c.name);
        int sealed = sql_bind(&sql, secrets_seal(call->arena, call->request->who.organization_id,
                                                 c.provider, wanted, &c.tokens));
        sql_printf(&sql,
                   "SELECT sync.choose_administration($%d::bigint, $%d::text, $%d::text, $%d::text,"
                   " $%d::text)",
                   id, account, named, sealed, sql_bind(&sql, secrets_key_id()));
        err = call_run(call, &sql, &rows);
        if (err != ERR_OK)
            return err;
    }
    const char *id = strcmp(wanted, c.account) != 0
                         ? pg_text(rows, 0, 0)
                         : arena_printf(call->arena, "%lld", (long long)call->request->row);
    return ops_text(
        call, arena_printf(call->arena,
                           "{\"message\":\"Administration chosen\",\"data\":{\"id\":%s}}", id));
}
