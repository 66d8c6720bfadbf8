/* preferences.c - how a person likes to work. Source: seed 001, GET and PUT /api/preferences. */
#include <string.h>

#include "services/accounts/form.h"
#include "services/accounts/hooks.h"
#include "services/accounts/setting_rules.h"

enum { PREFERENCES_MAX_BYTES = 16384 };

#define COMMON_JSON                                                                                \
    "'timezone', zone, 'work_days', to_json(work_days), 'work_hours_start',"                       \
    " CASE WHEN work_hours_start = '24:00' THEN '24:00' ELSE to_char(work_hours_start, 'HH24:MI')" \
    " END, 'work_hours_end', CASE WHEN work_hours_end = '24:00' THEN '24:00'"                      \
    " ELSE to_char(work_hours_end, 'HH24:MI') END"

enum err preferences_get(struct call *call)
{
    struct sql sql;
    sql_init(&sql, call->arena);
    sql_puts(&sql, "SELECT json_build_object(" COMMON_JSON ", 'preferences', preferences)"
                   " FROM accounts.users WHERE id = core.usr()");
    return call_json(call, &sql);
}

/* Days of the week as an array literal, each once, in the week's order. NULL: not sent. */
static enum err read_days(struct call *call, const char **literal)
{
    static const char *const days[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
    const msgpack_object *value = mp_find(call->body, "work_days");
    bool chosen[COUNT_OF(days)] = {false};
    enum err err = ERR_OK;
    *literal = NULL;
    if (value == NULL)
        return ERR_OK;
    if (value->type != MSGPACK_OBJECT_ARRAY)
        return call_fault(call, "work_days", RULE_ARRAY, NULL, NULL);
    if (value->via.array.size > 7)
        return call_fault(call, "work_days", RULE_MAX_ITEMS, "7", NULL);
    for (uint32_t i = 0; i < value->via.array.size; i++) {
        size_t day = 0;
        while (day < COUNT_OF(days) && !mp_same(&value->via.array.ptr[i], days[day]))
            day++;
        if (day < COUNT_OF(days))
            chosen[day] = true;
        else
            err =
                call_fault(call, arena_printf(call->arena, "work_days.%u", i), RULE_IN, NULL, NULL);
    }
    struct buf out;
    buf_init(&out, call->arena);
    for (size_t i = 0; i < COUNT_OF(days); i++)
        if (chosen[i])
            buf_printf(&out, "%s%s", out.len == 0 ? "" : ",", days[i]);
    *literal = arena_printf(call->arena, "{%s}", out.data);
    return err;
}

/* Keys with a meaning of their own: the crm service reads them (crm.remind). They may stand beside
   "preferences" as well as in it, and are kept there. */
static const struct {
    const char *name;
    bool clock; /* "09:00"; else true or false */
} reminders[] = {{"task_reminders_enabled", false},
                 {"remind_day_before", false},
                 {"remind_same_day", false},
                 {"reminder_time", true}};

static enum err judge_reminder(struct call *call, size_t i, const msgpack_object *value)
{
    const char *text = mp_text(call->arena, value);
    bool clock = text != NULL && setting_is_clock(text) && strcmp(text, "24:00") != 0;
    if (value == NULL || mp_is_null(value))
        return ERR_OK;
    if (reminders[i].clock && !clock)
        return call_fault(call, reminders[i].name, RULE_FORMAT, NULL, NULL);
    if (!reminders[i].clock && value->type != MSGPACK_OBJECT_BOOLEAN)
        return call_fault(call, reminders[i].name, RULE_BOOLEAN, NULL, NULL);
    return ERR_OK;
}

/* The preferences as one JSON object, those beside them last: they win. NULL: nothing was sent. */
static enum err read_free(struct call *call, const char **json)
{
    const msgpack_object *value = mp_find(call->body, "preferences");
    bool sent = !mp_is_null(value);
    enum err err = ERR_OK;
    struct buf out;
    *json = NULL;
    if (sent && value->type != MSGPACK_OBJECT_MAP)
        return call_fault(call, "preferences", RULE_ARRAY, NULL, NULL);
    buf_init(&out, call->arena);
    if (sent && value->via.map.size > 0) {
        mp_put_json(&out, value);
        out.data[--out.len] = '\0'; /* its bracket comes last */
    } else {
        buf_putc(&out, '{');
    }
    for (size_t i = 0; i < COUNT_OF(reminders); i++) {
        const msgpack_object *beside = mp_find(call->body, reminders[i].name);
        if (judge_reminder(call, i, beside != NULL ? beside : mp_find(value, reminders[i].name)) !=
            ERR_OK)
            err = ERR_INVALID;
        if (beside == NULL)
            continue;
        buf_printf(&out, "%s\"%s\":", out.len == 1 ? "" : ",", reminders[i].name);
        mp_put_json(&out, beside);
        sent = true;
    }
    buf_putc(&out, '}');
    *json = sent ? out.data : NULL;
    return out.len > PREFERENCES_MAX_BYTES
               ? call_fault(call, "preferences", RULE_MAX_CHARS, "16384", NULL)
               : err;
}

static enum err judge_hours(struct call *call, const struct form *form)
{
    static const char *const names[] = {"work_hours_start", "work_hours_end"};
    enum err err = ERR_OK;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        const char *text = form_text(form, names[i]);
        if (text != NULL && !setting_is_clock(text))
            err = call_fault(call, names[i], RULE_FORMAT, NULL, NULL);
    }
    return err;
}

static enum err change(struct call *call, const struct form *form, const char *days,
                       const char *json)
{
    struct sql sql;
    struct pg_result *result;
    sql_init(&sql, call->arena);
    int zone = sql_bind(&sql, form_text(form, "timezone"));
    int start = sql_bind(&sql, form_text(form, "work_hours_start"));
    int end = sql_bind(&sql, form_text(form, "work_hours_end"));
    int week = sql_bind(&sql, days);
    sql_printf(&sql,
               "UPDATE accounts.users SET zone = coalesce($%d::text, zone), work_hours_start ="
               " coalesce($%d::text::time, work_hours_start), work_hours_end ="
               " coalesce($%d::text::time, work_hours_end), work_days ="
               " coalesce($%d::text::text[], work_days), preferences = preferences ||"
               " coalesce($%d::text::jsonb, '{}'), updated_at = clock_timestamp()"
               " WHERE id = core.usr() RETURNING work_hours_end > work_hours_start,"
               " json_build_object(" COMMON_JSON "), json_build_object(" COMMON_JSON
               ", 'preferences', preferences)",
               zone, start, end, week, sql_bind(&sql, json));
    enum err err = row_of(call, &sql, NULL, &result);
    if (err != ERR_OK)
        return err;
    if (!pg_true(result, 0, 0))
        return call_fault_said(call, "work_hours_end",
                               "The work hours end field must be after work hours start.");
    answer(call, pg_text(result, 0, json == NULL ? 1 : 2));
    forget_user(call, call->request->who.user_id); /* gateways remember her zone */
    return ERR_OK;
}

/* The free preferences are merged, and shown when they were sent: so prints the document. */
enum err preferences_update(struct call *call)
{
    struct form form;
    const char *days, *json;
    enum err err = form_read(call, call->body, &form);
    enum err week = read_days(call, &days);
    enum err rest = read_free(call, &json);
    enum err hours = judge_hours(call, &form);
    if (err != ERR_OK || week != ERR_OK || rest != ERR_OK || hours != ERR_OK)
        return ERR_INVALID;
    err = change(call, &form, days, json);
    if (err == ERR_OK)
        call->reply->message = "Preferences updated";
    return err;
}
