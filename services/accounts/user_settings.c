/* user_settings.c - language and length of a sign-in. Source: seed 003 "Get user settings". */
#include "services/accounts/form.h"
#include "services/accounts/hooks.h"
#include "services/accounts/member.h"
#include "services/accounts/user.h"

static enum err find(struct call *call)
{
    enum role role;
    enum err err = user_allowed(call, call->request->row);
    return err != ERR_OK ? err : member_role(call, call->request->row, false, NULL, &role);
}

static enum err show(struct call *call)
{
    struct sql sql;
    sql_init(&sql, call->arena);
    sql_printf(&sql, "SELECT accounts.settings_json($%d::bigint)",
               sql_bind_int(&sql, call->request->row));
    return call_json(call, &sql);
}

enum err user_settings(struct call *call)
{
    enum err err = find(call);
    return err != ERR_OK ? err : show(call);
}

enum err user_settings_update(struct call *call)
{
    struct form form;
    struct sql sql;
    struct pg_result *result;
    bool partial;
    const struct field *fields = form_fields(call, &partial);
    enum err err = find(call);
    if (err == ERR_OK && (call->body == NULL || call->body->via.map.size == 0))
        err = call_fail(call, ERR_MALFORMED, "Missing request data to process validation");
    if (err == ERR_OK)
        err = form_robert(call, call->body, fields, partial, &form);
    if (err != ERR_OK)
        return err;
    sql_init(&sql, call->arena);
    int language = sql_bind(&sql, form_text(&form, "language"));
    int hours = sql_bind(&sql, form_text(&form, "auth_token_validity_duration"));
    sql_printf(&sql,
               "UPDATE accounts.users SET language = coalesce($%d::text, language),"
               " auth_token_validity_duration = coalesce($%d::integer,"
               " auth_token_validity_duration), settings_updated_at = clock_timestamp()"
               " WHERE id = $%d::bigint",
               language, hours, sql_bind_int(&sql, call->request->row));
    forget_user(call, call->request->row);
    err = call_run(call, &sql, &result);
    return err != ERR_OK ? err : show(call);
}
