#include "services/core/custom_field.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/clock.h"
#include "services/core/check.h"
#include "services/core/sql.h"

enum { SLOTS = 512, SLOT_BYTES = 1024, KEPT_US = 1000000 };

/* Definitions of one resource in one organization, kept by a worker thread in an arena of its own.
 */
struct slot {
    struct arena *arena;
    const struct resource *resource;
    int64_t organization_id, read_us, version;
    struct custom_field *fields;
    size_t n;
};
static _Thread_local struct slot slots[SLOTS];

static struct slot *slot_of(const struct call *call)
{
    uint64_t hash = (uint64_t)call->request->who.organization_id;
    for (const char *c = call->resource->name; *c != '\0'; c++)
        hash = (hash ^ (unsigned char)*c) * 1099511628211U;
    return &slots[(hash >> 20) % SLOTS];
}

static bool is_of(const struct slot *slot, const struct call *call)
{
    return slot->resource == call->resource &&
           slot->organization_id == call->request->who.organization_id;
}

bool custom_is_loaded(const struct call *call)
{
    if (call->resource->custom == NULL)
        return true;
    const struct slot *slot = slot_of(call);
    return is_of(slot, call) && slot->version >= call->request->who.custom &&
           clock_mono_us() - slot->read_us < KEPT_US;
}

/* Document 002's types. */
static const struct {
    const char *name;
    enum custom_type kind;
    enum field_type type;
    int64_t min, max;
    int scale;
} types[] = {
    {"Boolean", CUSTOM_ONE, F_BOOL, 0, 0, 0},
    {"ColorSwatch", CUSTOM_ONE, F_COLOR, 0, 7, 0},
    {"Checkbox", CUSTOM_OPTIONS, F_LIST, 0, 0, 0},
    {"MultiSelect", CUSTOM_OPTIONS, F_LIST, 0, 0, 0},
    {"Radio", CUSTOM_OPTION, F_INT, 0, 0, 0},
    {"Select", CUSTOM_OPTION, F_INT, 0, 0, 0},
    {"Date", CUSTOM_ONE, F_DATE, 0, 0, 0},
    {"DateTime", CUSTOM_ONE, F_TIME, 0, 0, 0},
    {"Number", CUSTOM_ONE, F_INT, 0, 0, 0},
    {"Numeric", CUSTOM_ONE, F_DECIMAL, -999999999999, 999999999999, 3},
    {"URL", CUSTOM_ONE, F_URL, 0, 255, 0},
    {"Text", CUSTOM_ONE, F_TEXT, 0, 255, 0},
    {"Textarea", CUSTOM_ONE, F_TEXT, 0, 65535, 0},
    {"Timezone", CUSTOM_ONE, F_ZONE, 0, 64, 0},
};

static void read_options(struct arena *arena, const char *list, struct custom_field *out)
{
    size_t room = list != NULL;
    for (const char *at = list; at != NULL && (at = strchr(at, ',')) != NULL; at++)
        room++;
    int64_t *ids = arena_alloc(arena, room * sizeof *ids);
    while (list != NULL && *list != '\0' && out->options_n < room) {
        char *end;
        ids[out->options_n++] = strtoll(list, &end, 10);
        list = *end == ',' ? end + 1 : "";
    }
    out->options = ids;
}

static bool read_type(const char *name, struct custom_field *out)
{
    for (size_t i = 0; i < COUNT_OF(types); i++)
        if (strcasecmp(types[i].name, name) == 0) {
            out->type = types[i].kind;
            out->field.type = types[i].type;
            out->field.min = types[i].min;
            out->field.max = types[i].max;
            out->field.scale = types[i].scale;
            return true;
        }
    return false;
}

static void fill(struct slot *slot, const struct call *call, const struct pg_result *result)
{
    if (slot->arena == NULL)
        slot->arena = arena_new(SLOT_BYTES);
    arena_reset(slot->arena);
    slot->resource = call->resource;
    slot->organization_id = call->request->who.organization_id;
    slot->read_us = clock_mono_us();
    slot->version = call->request->who.custom;
    slot->n = 0;
    int rows = pg_rows(result) < CUSTOM_FIELDS_MAX ? pg_rows(result) : CUSTOM_FIELDS_MAX;
    slot->fields = arena_alloc(slot->arena, (size_t)(rows + 1) * sizeof *slot->fields);
    for (int i = 0; i < rows; i++) {
        struct custom_field *f = &slot->fields[slot->n];
        *f = (struct custom_field){.unique = pg_true(result, i, 5)};
        f->field.name = arena_strdup(slot->arena, pg_text(result, i, 0));
        f->field.label = arena_strdup(slot->arena, pg_text(result, i, 1));
        f->field.flags = pg_true(result, i, 4) ? REQUIRED : 0;
        read_options(slot->arena, pg_text(result, i, 3), f);
        slot->n += read_type(pg_text(result, i, 2), f) ? 1 : 0;
    }
}

enum err custom_reload(struct call *call)
{
    slot_of(call)->resource = NULL;
    return custom_load(call);
}

enum err custom_load(struct call *call)
{
    struct sql sql;
    struct pg_result *result;
    if (custom_is_loaded(call))
        return ERR_OK;
    sql_init(&sql, call->arena);
    sql_printf(
        &sql,
        "SELECT d.field_id, d.label, d.type, (SELECT string_agg(o->>'id', ',') FROM"
        " jsonb_array_elements(coalesce(d.options, '[]')) o WHERE o->>'id' ~ '^[0-9]{1,18}$'),"
        " d.required, d.is_unique FROM crm.custom_field_definitions($%d::text) d",
        sql_bind(&sql, call->resource->custom));
    enum err err = call_run(call, &sql, &result);
    if (err == ERR_OK)
        fill(slot_of(call), call, result);
    return err;
}

const struct custom_field *custom_fields(const struct call *call, size_t *n)
{
    const struct slot *slot = slot_of(call);
    bool usable = call->resource->custom != NULL && is_of(slot, call);
    *n = usable ? slot->n : 0;
    return usable ? slot->fields : NULL;
}

const struct custom_field *custom_find(const struct call *call, const char *id)
{
    size_t n;
    const struct custom_field *fields = custom_fields(call, &n);
    for (size_t i = 0; i < n; i++)
        if (strcmp(fields[i].field.name, id) == 0)
            return &fields[i];
    return NULL;
}

static bool has_option(const struct custom_field *custom, int64_t id)
{
    for (size_t i = 0; i < custom->options_n; i++)
        if (custom->options[i] == id)
            return true;
    return false;
}

/* An option's id: a number or its text. */
static bool read_option(struct call *call, const struct custom_field *custom,
                        const msgpack_object *value, struct buf *out)
{
    bool wide = false;
    const char *text = mp_text(call->arena, value);
    if (text == NULL)
        text = mp_number(call->arena, value);
    text = text == NULL ? NULL : integer_read(call->arena, text, &wide);
    if (text == NULL || wide || !has_option(custom, strtoll(text, NULL, 10)))
        return false;
    buf_puts(out, text);
    return true;
}

static bool put_options(struct call *call, const struct custom_field *custom,
                        const msgpack_object *value, struct buf *out)
{
    if (value->type != MSGPACK_OBJECT_ARRAY) {
        fault_add(call, &custom->field, RULE_ARRAY, NULL, NULL);
        return false;
    }
    bool good = true;
    buf_putc(out, '[');
    for (uint32_t i = 0; i < value->via.array.size && good; i++) {
        buf_puts(out, i == 0 ? "" : ",");
        good = read_option(call, custom, &value->via.array.ptr[i], out);
    }
    buf_putc(out, ']');
    if (!good)
        fault_add(call, &custom->field, RULE_IN, NULL, NULL);
    return good;
}

static bool put_one(struct call *call, const struct custom_field *custom,
                    const msgpack_object *value, struct buf *out)
{
    struct checked checked = {0};
    if (!check_laravel(call, &custom->field, value, &checked))
        return false;
    enum field_type type = custom->field.type;
    if (type == F_TIME) /* kept and shown as document 002 writes it: UTC without a sign of it */
        checked.text = utc_read(call->arena, text_trim(call->arena, mp_text(call->arena, value)));
    if (type == F_BOOL || type == F_INT || type == F_DECIMAL)
        buf_puts(out, checked.text);
    else
        buf_puts_json(out, checked.text);
    return true;
}

static bool is_blank(struct call *call, const msgpack_object *value)
{
    const char *text = value == NULL ? NULL : mp_text(call->arena, value);
    return mp_is_null(value) || (text != NULL && text_trim(call->arena, text)[0] == '\0');
}

static bool put_value(struct call *call, const struct custom_field *custom,
                      const msgpack_object *value, struct buf *out)
{
    bool required = (custom->field.flags & REQUIRED) != 0;
    bool none = value != NULL && value->type == MSGPACK_OBJECT_ARRAY && value->via.array.size == 0;
    if (is_blank(call, value) || (required && none)) {
        if (required)
            fault_add(call, &custom->field, RULE_MISSING, NULL, NULL);
        buf_puts(out, "null");
        return !required;
    }
    if (custom->type == CUSTOM_OPTIONS)
        return put_options(call, custom, value, out);
    if (custom->type == CUSTOM_ONE)
        return put_one(call, custom, value, out);
    if (read_option(call, custom, value, out))
        return true;
    fault_add(call, &custom->field, RULE_IN, NULL, NULL);
    return false;
}

void custom_validate(struct call *call)
{
    size_t n;
    const struct custom_field *fields = custom_fields(call, &n);
    struct buf json;
    bool any = false;
    buf_init(&json, call->arena);
    buf_putc(&json, '{');
    for (size_t i = 0; i < n; i++) {
        const msgpack_object *value = mp_find(call->body, fields[i].field.name);
        bool required = (fields[i].field.flags & REQUIRED) != 0;
        if (value == NULL && !(required && call->created))
            continue;
        buf_puts(&json, any ? "," : "");
        buf_puts_json(&json, fields[i].field.name);
        buf_putc(&json, ':');
        any = true;
        if (!put_value(call, &fields[i], value, &json))
            buf_puts(&json, "null"); /* a fault was added; the text is not used */
    }
    buf_putc(&json, '}');
    if (any && call->reply->faults == NULL)
        call_set(call, "custom", json.data, "jsonb");
}

void custom_select(struct call *call, struct sql *sql)
{
    size_t n;
    const struct custom_field *fields = custom_fields(call, &n);
    const char *ids[CUSTOM_FIELDS_MAX], *empty[CUSTOM_FIELDS_MAX];
    for (size_t i = 0; i < n; i++) {
        ids[i] = fields[i].field.name;
        empty[i] = fields[i].type == CUSTOM_OPTIONS ? "[]" : "null";
    }
    sql_printf(sql, "core.custom_values(t.custom, $%d::text[], $%d::json[])",
               sql_bind(sql, sql_array(call->arena, ids, n)),
               sql_bind(sql, sql_array(call->arena, empty, n)));
}

const char *custom_value_sql(struct call *call, struct sql *sql, const struct custom_field *custom)
{
    int id = sql_bind(sql, custom->field.name);
    if (custom->type == CUSTOM_OPTIONS)
        return arena_printf(call->arena, "(t.custom -> $%d::text)", id);
    if (custom->field.type == F_TIME)
        return arena_printf(call->arena, "((t.custom ->> $%d::text) || '+00')::timestamptz", id);
    return arena_printf(call->arena, "(t.custom ->> $%d::text)::%s", id,
                        field_cast(&custom->field));
}
