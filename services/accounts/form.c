#include "services/accounts/form.h"

#include <assert.h>
#include <string.h>

#include "common/clock.h"
#include "proto/endpoints_schema.h"
#include "services/core/check.h"
#include "services/core/service.h"

/* Empty text counts as null, as the dialect has it. */
static bool is_blank(struct call *call, const msgpack_object *value)
{
    if (mp_is_null(value))
        return true;
    const char *text = mp_text(call->arena, value);
    return text != NULL && text_trim(call->arena, text)[0] == '\0';
}

typedef enum err (*read_fn)(struct call *call, const struct field *field,
                            const msgpack_object *value, bool partial, const char **out);

static enum err read_field(struct call *call, const struct field *field,
                           const msgpack_object *value, bool partial, const char **out)
{
    if (is_blank(call, value)) {
        bool needed = (field->flags & REQUIRED) != 0 && (!partial || value != NULL);
        bool kept = (field->flags & NOT_NULL) != 0 && partial && value != NULL;
        if (!needed && !kept)
            return ERR_OK;
        fault_add(call, field, RULE_MISSING, NULL, NULL);
        return ERR_INVALID;
    }
    struct checked checked = {0};
    if (!check_laravel(call, field, value, &checked))
        return ERR_INVALID;
    *out = checked.text;
    return ERR_OK;
}

static enum err robert_field(struct call *call, const struct field *field,
                             const msgpack_object *value, bool partial, const char **out)
{
    bool required = (field->flags & REQUIRED) != 0, sent = value != NULL;
    if (is_blank(call, value))
        value = NULL;
    if (value == NULL && (!required || (partial && !sent)))
        return ERR_OK;
    struct checked checked = {0};
    if (!check_robert(call, field, value, &checked))
        return ERR_INVALID;
    *out = checked.text;
    return ERR_OK;
}

/* Every field of form->fields, which the caller has set. */
static enum err read_all(struct call *call, const msgpack_object *body, bool partial, read_fn read,
                         struct form *form)
{
    enum err err = ERR_OK;
    for (size_t i = 0; form->fields[i].name != NULL; i++) {
        assert(i < FORM_FIELDS);
        const msgpack_object *value = mp_find(body, form->fields[i].name);
        form->present[i] = value != NULL;
        if (read(call, &form->fields[i], value, partial, &form->values[i]) != ERR_OK)
            err = ERR_INVALID;
    }
    return err;
}

const struct field *form_fields(const struct call *call, bool *partial)
{
    const struct endpoint_schema *schema = endpoint_schema_find("accounts", call->request->op);
    assert(schema != NULL && schema->body != NULL);
    *partial = schema->partial;
    return schema->body;
}

enum err form_read(struct call *call, const msgpack_object *body, struct form *form)
{
    bool partial;
    *form = (struct form){.fields = form_fields(call, &partial)};
    return read_all(call, body, partial, read_field, form);
}

enum err form_robert(struct call *call, const msgpack_object *body, const struct field *fields,
                     bool partial, struct form *form)
{
    *form = (struct form){.fields = fields};
    return read_all(call, body, partial, robert_field, form);
}

static size_t index_of(const struct form *form, const char *name)
{
    size_t i = 0;
    while (form->fields[i].name != NULL && strcmp(form->fields[i].name, name) != 0)
        i++;
    assert(form->fields[i].name != NULL);
    return i;
}

const char *form_text(const struct form *form, const char *name)
{
    return form->values[index_of(form, name)];
}

bool form_has(const struct form *form, const char *name)
{
    return form->present[index_of(form, name)];
}

enum err form_password(struct call *call, bool confirmed, const char **password)
{
    const msgpack_object *value = mp_find(call->body, "password");
    const struct field field = {.name = "password",
                                .type = F_TEXT,
                                .flags = REQUIRED | EXACT,
                                .min = service_settings.password_min,
                                .max = 255};
    *password = NULL;
    enum err err = read_field(call, &field, value, false, password);
    const char *text = mp_text(call->arena, value);
    if (!confirmed || text == NULL || *text == '\0')
        return err;
    if (mp_same(mp_find(call->body, "password_confirmation"), text))
        return err;
    fault_add(call, &field, RULE_CONFIRMED, NULL, NULL);
    return ERR_INVALID;
}

enum err row_of(struct call *call, struct sql *sql, const char *missing, struct pg_result **out)
{
    enum err err = call_run(call, sql, out);
    if (err == ERR_OK && pg_rows(*out) == 0)
        return missing == NULL ? call_fail(call, ERR_NOT_FOUND, NULL)
                               : call_fail(call, ERR_NOT_FOUND, "%s", missing);
    return err;
}

static void become(struct call *call, int64_t user, int64_t organization, const char *zone)
{
    int64_t left_ms = (call->deadline_us - clock_mono_us()) / 1000;
    pg_become(call->pg,
              &(struct pg_who){organization, user, zone, NULL, left_ms > 0 ? left_ms : 1});
}

enum err act_as(struct call *call, int64_t user, int64_t organization)
{
    struct sql sql;
    struct pg_result *result;
    become(call, user, organization, NULL);
    if (organization == 0)
        return ERR_OK;
    sql_init(&sql, call->arena);
    sql_puts(&sql, "SELECT accounts.org_setting('timezone')");
    enum err err = call_run(call, &sql, &result);
    if (err == ERR_OK)
        become(call, user, organization, pg_text(result, 0, 0));
    return err;
}

void answer(struct call *call, const char *json)
{
    call->reply->json = (struct slice){json, strlen(json)};
}

void forget_user(struct call *call, int64_t user)
{
    const char *before = call->reply->forget;
    call->reply->forget = arena_printf(call->arena, "%s%suser:%lld", before != NULL ? before : "",
                                       before != NULL ? " " : "", (long long)user);
}

const char *credential_of(const struct call *call)
{
    const char *hash = query_find(call->request, "@credential");
    return hash != NULL && strlen(hash) == 64 ? hash : NULL;
}
