/* Definitions of custom fields: their fourteen types, ids that clash with nothing, options.
   Source: seed 002, "Custom Fields"; decisions.md 8. */
#include <string.h>
#include <strings.h>

#include "services/core/custom_field.h"
#include "services/crm/hooks.h"

static const char *const types[] = {"Boolean",     "ColorSwatch", "Checkbox", "Date",    "DateTime",
                                    "MultiSelect", "Number",      "Numeric",  "Radio",   "URL",
                                    "Select",      "Text",        "Textarea", "Timezone"};

static enum err check_type(struct call *call)
{
    const char *given = call_value(call, "type");
    for (size_t i = 0; given != NULL && i < COUNT_OF(types); i++)
        if (strcasecmp(given, types[i]) == 0) {
            call_set(call, "type", types[i], "text");
            return ERR_OK;
        }
    return call_has(call, "type") ? call_fault(call, "type", RULE_IN, NULL, NULL) : ERR_OK;
}

/* A lower-case word, as a JSON key that nothing built in has. */
static bool is_word(const char *id)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz";
    static const char rest[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
    return id[0] != '\0' && strchr(letters, id[0]) != NULL && strspn(id, rest) == strlen(id);
}

static bool is_built_in(const char *set, const char *id)
{
    for (size_t i = 0; resources[i] != NULL; i++) {
        const struct resource *r = resources[i];
        if (r->custom == NULL || strcmp(r->custom, set) != 0)
            continue;
        if (field_find(r, id) != NULL)
            return true;
        for (const struct relation *x = r->relations; x != NULL && x->key != NULL; x++)
            if (strcmp(x->key, id) == 0)
                return true;
    }
    return strcmp(id, "custom") == 0 || strcmp(id, "deleted_at") == 0;
}

static enum err check_id(struct call *call)
{
    const char *set = call_value(call, "resource"), *id = call_value(call, "field_id");
    if (id == NULL || set == NULL)
        return ERR_OK;
    if (!is_word(id))
        return call_fault(call, "field_id", RULE_FORMAT, NULL, NULL);
    if (is_built_in(set, id))
        return call_fault(call, "field_id", RULE_UNIQUE, NULL, NULL);
    return ERR_OK;
}

/* Options get their ids; something else than a list of named options is a fault. */
static enum err check_options(struct call *call)
{
    const char *given = call_value(call, "options");
    if (given == NULL)
        return ERR_OK;
    struct sql sql;
    struct pg_result *result;
    sql_init(&sql, call->arena);
    sql_printf(&sql, "SELECT crm.options_normal($%d::jsonb)", sql_bind(&sql, given));
    enum err err = call_run(call, &sql, &result);
    if (err != ERR_OK)
        return err;
    const char *normal = pg_text(result, 0, 0);
    if (normal == NULL)
        return call_fault(call, "options", RULE_FORMAT, NULL, NULL);
    call_set(call, "options", normal, "jsonb");
    return ERR_OK;
}

/* Values that are stored already keep their meaning: what they belong to and their type stay. */
static enum err check_unchanged(struct call *call)
{
    static const char *const fixed[] = {"resource", "field_id", "type"};
    if (call->created)
        return ERR_OK;
    struct sql sql;
    struct pg_result *result;
    sql_init(&sql, call->arena);
    sql_printf(&sql,
               "SELECT resource, field_id, type FROM crm.custom_fields"
               " WHERE organization_id = core.org() AND id = $%d::bigint"
               " AND deleted_at IS NULL",
               sql_bind_int(&sql, call->request->row));
    enum err err = call_run(call, &sql, &result);
    if (err != ERR_OK || pg_rows(result) == 0)
        return err; /* a missing row: the update says so */
    for (int i = 0; i < (int)COUNT_OF(fixed); i++) {
        const char *value = call_value(call, fixed[i]);
        if (value != NULL && strcmp(value, pg_text(result, 0, i)) != 0)
            err = call_fault_said(call, fixed[i], "The %s of a custom field cannot be changed.",
                                  i == 1 ? "field id" : fixed[i]);
    }
    return err;
}

/* Values of a deleted field show again under the same id: they must mean the same. */
static enum err check_free(struct call *call)
{
    struct sql sql;
    struct pg_result *found;
    const char *id = call_value(call, "field_id");
    if (!call->created)
        return ERR_OK;
    sql_init(&sql, call->arena);
    sql_printf(&sql,
               "SELECT 1 FROM crm.custom_fields WHERE organization_id = core.org()"
               " AND resource = $%d::text",
               sql_bind(&sql, call_value(call, "resource")));
    sql_printf(&sql, " AND field_id = $%d::text AND deleted_at IS NOT NULL", sql_bind(&sql, id));
    sql_printf(&sql,
               " AND (purged_at IS NOT NULL OR type <> $%d::text"
               " OR jsonb_array_length(options) > 0) LIMIT 1",
               sql_bind(&sql, call_value(call, "type")));
    enum err err = call_run(call, &sql, &found);
    if (err != ERR_OK || pg_rows(found) == 0)
        return err;
    return call_fault_said(call, "field_id",
                           "A deleted custom field has this id: restore it, or purge it first.");
}

static enum err check(struct call *call)
{
    enum err faults[] = {check_type(call), check_id(call), check_options(call), check_free(call)};
    for (size_t i = 0; i < COUNT_OF(faults); i++)
        if (faults[i] != ERR_OK)
            return faults[i];
    return check_unchanged(call);
}

enum err custom_schemas(struct call *call)
{
    struct sql sql;
    sql_init(&sql, call->arena);
    sql_puts(&sql, "SELECT crm.custom_schemas()");
    call->reply->bare = true;
    return call_json(call, &sql);
}

/* Whoever keeps the definitions shall read them anew before this answer is out. */
static enum err announce(struct call *call, int64_t id)
{
    struct sql sql;
    struct pg_result *result;
    (void)id;
    sql_init(&sql, call->arena);
    sql_puts(&sql, "SELECT accounts.custom_changed()");
    enum err err = call_run(call, &sql, &result);
    if (err == ERR_OK)
        call->reply->forget = pg_text(result, 0, 0);
    return err;
}

/* More than are read would be ignored without a word. Behind announce(), which makes writers of an
   organization's definitions take turns. */
static enum err written(struct call *call, int64_t id)
{
    struct sql sql;
    struct pg_result *result;
    enum err err = announce(call, id);
    sql_init(&sql, call->arena);
    sql_printf(&sql,
               "SELECT c.resource FROM crm.custom_fields f JOIN crm.custom_fields c"
               " ON c.organization_id = f.organization_id AND c.resource = f.resource"
               " AND c.deleted_at IS NULL WHERE f.organization_id = core.org()"
               " AND f.id = $%d::bigint GROUP BY c.resource HAVING count(*) > %d",
               sql_bind_int(&sql, id), CUSTOM_FIELDS_MAX);
    if (err == ERR_OK)
        err = call_run(call, &sql, &result);
    if (err != ERR_OK || pg_rows(result) == 0)
        return err;
    return call_fault_said(call, "resource", "The %s have %d custom fields already.",
                           pg_text(result, 0, 0), CUSTOM_FIELDS_MAX);
}

const struct hooks custom_field_hooks = {.resource = "custom_field",
                                         .check = check,
                                         .after_write = written,
                                         .after_delete = announce,
                                         .after_restore = written};
