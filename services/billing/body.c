#include "services/billing/body.h"

#include <string.h>

#include "services/core/check.h"
#include "services/core/validate.h"

enum err body_read(struct call *call) { return validate_endpoint(call, "billing"); }

enum err query_day(struct call *call, const char *name, bool required, const char **out)
{
    *out = query_find(call->request, name);
    if (*out == NULL || (*out)[0] == '\0') {
        *out = NULL;
        return required ? call_fault(call, name, RULE_MISSING, NULL, NULL) : ERR_OK;
    }
    if (strlen(*out) == 10 && date_read(call->arena, *out) != NULL)
        return ERR_OK;
    return call_fault(call, name, RULE_DATE, NULL, NULL);
}

enum err query_days(struct call *call, bool required, const char **start, const char **end)
{
    enum err err = query_day(call, "start", required, start);
    enum err second = query_day(call, "end", required, end);
    if (err != ERR_OK || second != ERR_OK)
        return ERR_INVALID;
    if (*start != NULL && *end != NULL && strcmp(*start, *end) > 0)
        return call_fault_said(call, "end",
                               "The end field must be a date after or equal to start.");
    return ERR_OK;
}

enum err query_id(struct call *call, const char *name, const char **out)
{
    bool wide;
    const char *text = query_find(call->request, name);
    *out = NULL;
    if (text == NULL || text[0] == '\0')
        return ERR_OK;
    *out = integer_read(call->arena, text, &wide);
    if (*out != NULL && strlen(*out) <= 18 && (*out)[0] != '-')
        return ERR_OK;
    return call_fault(call, name, RULE_INTEGER, NULL, NULL);
}

void put_actor(struct call *call, struct sql *sql)
{
    const struct caller *who = &call->request->who;
    sql_printf(sql, "ROW($%d::bigint, $%d::bigint, $%d::text)::billing.actor",
               sql_bind_int(sql, who->user_id), sql_bind_int(sql, who->token_id),
               sql_bind(sql, call->request->id));
}
