/* user_person.c - the address book entry that a user's body carries. Source: rentals.md 4.2, 4.3.
 */
#include <string.h>

#include "services/accounts/form.h"
#include "services/accounts/user.h"
#include "services/core/check.h"

static const struct field fields[] = {
    {"first_name", F_TEXT, REQUIRED, .min = 2, .max = 96, .chars = CHARS_ALPHA},
    {"last_name", F_TEXT, REQUIRED, .min = 2, .max = 96, .chars = CHARS_ALPHA},
    {"nickname", F_TEXT, 0, .max = 96},
    {"email", F_EMAIL, 0, .max = 191},
    {"phone", F_PHONE, 0, .max = 24},
    {"street", F_TEXT, 0, .max = 191},
    {"postal_code", F_TEXT, 0, .max = 10},
    {"locality", F_TEXT, 0, .max = 191},
    {"country_id", F_REF, 0},
    {"note", F_TEXT, 0, .max = 65535},
    {0},
};

/* What was sent, checked, as one JSON object of texts. */
static const char *json_of(struct call *call, const struct form *form)
{
    struct buf out;
    buf_init(&out, call->arena);
    buf_putc(&out, '{');
    for (size_t i = 0; fields[i].name != NULL; i++) {
        if (!form->present[i])
            continue;
        buf_printf(&out, "%s\"%s\":", out.len > 1 ? "," : "", fields[i].name);
        buf_puts_json(&out, form->values[i]);
    }
    buf_putc(&out, '}');
    return out.data;
}

static enum err judge_country(struct call *call, const char *id)
{
    struct sql sql;
    struct pg_result *result;
    if (id == NULL)
        return ERR_OK;
    sql_init(&sql, call->arena);
    sql_printf(&sql, "SELECT crm.country_json($%d::bigint) IS NOT NULL", sql_bind(&sql, id));
    enum err err = call_run(call, &sql, &result);
    if (err != ERR_OK || pg_true(result, 0, 0))
        return err;
    return call_fault(call, "country_id", RULE_EXISTS, NULL, NULL);
}

enum err user_person(struct call *call, bool partial, const char **json, const char **name)
{
    struct form form;
    const msgpack_object *person = mp_find(call->body, "person");
    *json = *name = NULL;
    if (mp_is_null(person))
        return ERR_OK;
    if (person->type != MSGPACK_OBJECT_MAP)
        return call_fault(call, "person", RULE_ARRAY, NULL, NULL);
    enum err err = form_robert(call, person, fields, partial, &form);
    if (err == ERR_OK)
        err = judge_country(call, form_text(&form, "country_id"));
    if (err != ERR_OK)
        return err;
    *json = json_of(call, &form);
    if (form_text(&form, "first_name") != NULL && form_text(&form, "last_name") != NULL)
        *name = arena_printf(call->arena, "%s %s", form_text(&form, "first_name"),
                             form_text(&form, "last_name"));
    return ERR_OK;
}

enum err user_person_set(struct call *call, int64_t user, const char *json)
{
    struct sql sql;
    struct pg_result *result;
    if (json == NULL)
        return ERR_OK;
    sql_init(&sql, call->arena);
    int who = sql_bind_int(&sql, user);
    sql_printf(&sql, "SELECT accounts.person_set($%d::bigint, $%d::text::jsonb)", who,
               sql_bind(&sql, json));
    return call_run(call, &sql, &result);
}
