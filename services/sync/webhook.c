/* webhook.c - endpoints changes are sent to, as the API shows and changes them. */
#include <string.h>

#include "common/crypto.h"
#include "proto/resources.h"
#include "services/core/check.h"
#include "services/core/validate.h"
#include "services/sync/ops.h"
#include "services/sync/secrets.h"

enum { ENDPOINTS_MAX = 20, LIST_MAX = 50, SECRET_BYTES = 32, OVERLAP_H = 24 };

static const char missing[] = "Webhook not found.";

static const struct field resources_field = {"resources", F_LIST, 0};
static const struct field events_field = {"events", F_LIST, 0};

/* ---- bodies ---- */

/* Accepted values as texts; a list is a JSON array. has: the body names it. */
struct input {
    const char *url, *description, *active, *resources, *events;
    bool has_description;
};

static bool is_event(const msgpack_object *item)
{
    static const char *const events[] = {"created", "updated", "deleted", "restored", "destroyed"};
    for (size_t i = 0; i < COUNT_OF(events); i++)
        if (mp_same(item, events[i]))
            return true;
    return false;
}

static bool is_resource(const msgpack_object *item)
{
    for (size_t i = 0; resources[i] != NULL; i++)
        if (mp_same(item, resources[i]->name))
            return true;
    return false;
}

/* A JSON array of known names; null is []. NULL when absent. */
static const char *read_list(struct call *call, const struct field *field,
                             bool (*known)(const msgpack_object *item), enum err *err)
{
    const msgpack_object *value = mp_find(call->body, field->name);
    enum rule rule = RULE_ARRAY;
    struct buf json;
    if (value == NULL || mp_is_null(value))
        return value == NULL ? NULL : "[]";
    if (value->type == MSGPACK_OBJECT_ARRAY) {
        uint32_t n = value->via.array.size, good = 0;
        while (good < n && known(&value->via.array.ptr[good]))
            good++;
        if (good == n && n <= LIST_MAX) {
            buf_init(&json, call->arena);
            mp_put_json(&json, value);
            return json.data;
        }
        rule = n > LIST_MAX ? RULE_MAX_ITEMS : RULE_IN;
    }
    fault_add(call, field, rule, rule == RULE_MAX_ITEMS ? "50" : NULL, NULL);
    *err = ERR_INVALID;
    return NULL;
}

/* The address itself is judged when it is connected to: a name may lead elsewhere by then. */
static bool may_be_sent_to(const char *url)
{
    bool tls = strncmp(url, "https://", 8) == 0;
    return http_url_plain(url) && http_url_allowed(url) && (tls || sync_settings.webhook_loopback);
}

static enum err read_input(struct call *call, struct input *in)
{
    enum err err = validate_endpoint(call, "sync");
    *in = (struct input){.url = call_value(call, "url"),
                         .description = call_value(call, "description"),
                         .active = call_value(call, "is_active"),
                         .resources = read_list(call, &resources_field, is_resource, &err),
                         .events = read_list(call, &events_field, is_event, &err),
                         .has_description = call_has(call, "description")};
    if (err == ERR_OK && in->url != NULL && !may_be_sent_to(in->url))
        err = call_fault_said(call, "url",
                              "The url field must be an https address without a user name.");
    return err;
}

/* ---- secrets ---- */

struct secret {
    const char *shown, *sealed; /* shown: whsec_… */
};

/* A new one; previous: what signs too, or NULL. */
static struct secret new_secret(struct call *call, const char *seal_name, const char *previous)
{
    uint8_t bytes[SECRET_BYTES];
    struct buf shown;
    char kept[44];
    crypto_random(bytes, sizeof bytes);
    crypto_base64url_of_32(bytes, kept);
    buf_init(&shown, call->arena);
    buf_puts(&shown, "whsec_");
    crypto_base64(&shown, bytes, sizeof bytes);
    struct tokens pair = {.access = kept, .refresh = previous};
    return (struct secret){shown.data, secrets_seal(call->arena, call->request->who.organization_id,
                                                    SECRETS_WEBHOOK, seal_name, &pair)};
}

/* ---- endpoints ---- */

enum err webhook_list(struct call *call)
{
    struct sql sql;
    sql_init(&sql, call->arena);
    sql_puts(&sql, "SELECT json_build_object('data', coalesce(json_agg(sync.webhook_json(w)"
                   " ORDER BY w.id), '[]')) FROM sync.webhooks w"
                   " WHERE w.organization_id = core.org()");
    return ops_row(call, &sql, missing);
}

enum err webhook_get(struct call *call)
{
    struct sql sql;
    sql_init(&sql, call->arena);
    sql_printf(&sql,
               "SELECT json_build_object('data', sync.webhook_json(w)) FROM sync.webhooks w"
               " WHERE w.organization_id = core.org() AND w.id = $%d::bigint",
               sql_bind_int(&sql, call->request->row));
    return ops_row(call, &sql, missing);
}

static enum err within_limit(struct call *call)
{
    struct sql sql;
    struct pg_result *rows;
    sql_init(&sql, call->arena);
    sql_puts(&sql, "SELECT count(*) FROM (SELECT pg_advisory_xact_lock(hashtextextended("
                   "'sync.webhooks:' || core.org(), 0))) locked, sync.webhooks w"
                   " WHERE w.organization_id = core.org()");
    enum err err = call_run(call, &sql, &rows);
    if (err != ERR_OK)
        return err;
    if (pg_int(rows, 0, 0) >= ENDPOINTS_MAX)
        return call_fail(call, ERR_CONFLICT, "An organization has at most %d webhooks.",
                         ENDPOINTS_MAX);
    return ERR_OK;
}

enum err webhook_create(struct call *call)
{
    struct input in;
    struct sql sql;
    char name[37];
    enum err err = read_input(call, &in);
    if (err == ERR_OK)
        err = within_limit(call);
    if (err != ERR_OK)
        return err;
    crypto_uuid(name);
    struct secret secret = new_secret(call, name, NULL);
    sql_init(&sql, call->arena);
    int url = sql_bind(&sql, in.url), description = sql_bind(&sql, in.description);
    int resource = sql_bind(&sql, in.resources == NULL ? "[]" : in.resources);
    int event = sql_bind(&sql, in.events == NULL ? "[]" : in.events);
    int active = sql_bind(&sql, in.active == NULL ? "true" : in.active);
    int sealed = sql_bind(&sql, secret.sealed), key = sql_bind(&sql, secrets_key_id());
    int named = sql_bind(&sql, name), shown = sql_bind(&sql, secret.shown);
    sql_printf(&sql,
               "INSERT INTO sync.webhooks AS w (url, description, resources, events, is_active,"
               " sealed, key_id, seal_name, after_seq, user_id) VALUES ($%d::text, $%d::text,"
               " ARRAY(SELECT jsonb_array_elements_text($%d::jsonb)),"
               " ARRAY(SELECT jsonb_array_elements_text($%d::jsonb)), $%d::boolean, $%d::text,"
               " $%d::text, $%d::text, sync.chain_end(core.org()), core.usr())"
               " RETURNING json_build_object('message', 'Webhook created', 'data',"
               " core.json_join(sync.webhook_json(w), json_build_object('secret', $%d::text)))",
               url, description, resource, event, active, sealed, key, named, shown);
    return ops_row(call, &sql, missing);
}

/* Switched on again, it goes on where it stopped, at once. */
static enum err hurry(struct call *call)
{
    struct sql sql;
    struct pg_result *rows;
    sql_init(&sql, call->arena);
    sql_printf(&sql,
               "UPDATE sync.webhook_deliveries SET next_at = now(), attempts = 0"
               " WHERE organization_id = core.org() AND webhook_id = $%d::bigint"
               " AND status = 'pending'",
               sql_bind_int(&sql, call->request->row));
    return call_run(call, &sql, &rows);
}

enum err webhook_update(struct call *call)
{
    struct input in;
    struct sql sql;
    enum err err = webhook_get(call);
    if (err == ERR_OK)
        err = read_input(call, &in);
    if (err == ERR_OK && in.active != NULL && strcmp(in.active, "false") != 0)
        err = hurry(call);
    if (err != ERR_OK)
        return err;
    sql_init(&sql, call->arena);
    int url = sql_bind(&sql, in.url), active = sql_bind(&sql, in.active);
    int described = sql_bind(&sql, in.has_description ? "true" : "false");
    int description = sql_bind(&sql, in.description);
    int resource = sql_bind(&sql, in.resources), event = sql_bind(&sql, in.events);
    sql_printf(&sql,
               "UPDATE sync.webhooks w SET url = coalesce($%d::text, url), description = CASE WHEN"
               " $%d::boolean THEN $%d::text ELSE description END,"
               " resources = CASE WHEN $%d::jsonb IS NULL THEN resources"
               " ELSE ARRAY(SELECT jsonb_array_elements_text($%d::jsonb)) END,"
               " events = CASE WHEN $%d::jsonb IS NULL THEN events"
               " ELSE ARRAY(SELECT jsonb_array_elements_text($%d::jsonb)) END,"
               " is_active = coalesce($%d::boolean, is_active), disabled_reason = CASE WHEN"
               " $%d::boolean IS NULL THEN disabled_reason END, updated_at = now(), next_at = CASE"
               " WHEN $%d::boolean THEN now() ELSE next_at END"
               " WHERE w.organization_id = core.org() AND w.id = $%d::bigint RETURNING"
               " json_build_object('message', 'Webhook updated', 'data', sync.webhook_json(w))",
               url, described, description, resource, resource, event, event, active, active,
               active, sql_bind_int(&sql, call->request->row));
    return ops_row(call, &sql, missing);
}

enum err webhook_delete(struct call *call)
{
    struct sql sql;
    sql_init(&sql, call->arena);
    sql_printf(&sql,
               "DELETE FROM sync.webhooks WHERE organization_id = core.org() AND id = $%d::bigint"
               " RETURNING json_build_object('message', 'Webhook deleted')",
               sql_bind_int(&sql, call->request->row));
    return ops_row(call, &sql, missing);
}

/* What signs besides the new secret, and what it is bound to. */
static enum err old_secret(struct call *call, const char **name, const char **secret)
{
    struct sql sql;
    struct pg_result *rows;
    struct tokens pair = {0};
    sql_init(&sql, call->arena);
    sql_printf(&sql,
               "SELECT seal_name, sealed FROM sync.webhooks WHERE organization_id = core.org()"
               " AND id = $%d::bigint FOR UPDATE",
               sql_bind_int(&sql, call->request->row));
    enum err err = ops_find(call, &sql, missing, &rows);
    if (err != ERR_OK)
        return err;
    *name = pg_text(rows, 0, 0);
    if (secrets_open_tokens(call->arena, call->request->who.organization_id, SECRETS_WEBHOOK, *name,
                            pg_text(rows, 0, 1), &pair))
        *secret = pair.access;
    return ERR_OK;
}

enum err webhook_rotate(struct call *call)
{
    const char *name = "", *previous = NULL;
    struct sql sql;
    enum err err = old_secret(call, &name, &previous);
    if (err == ERR_OK)
        err = validate_endpoint(call, "sync");
    if (err != ERR_OK)
        return err;
    const char *hours = call_value(call, "overlap_hours");
    struct secret secret = new_secret(call, name, previous);
    sql_init(&sql, call->arena);
    int sealed = sql_bind(&sql, secret.sealed), key = sql_bind(&sql, secrets_key_id());
    int overlap = hours == NULL ? sql_bind_int(&sql, OVERLAP_H) : sql_bind(&sql, hours);
    int row = sql_bind_int(&sql, call->request->row), shown = sql_bind(&sql, secret.shown);
    sql_printf(&sql,
               "UPDATE sync.webhooks w SET sealed = $%d::text, key_id = $%d::text, previous_until ="
               " now() + $%d::integer * interval '1 hour', updated_at = now()"
               " WHERE w.organization_id = core.org() AND w.id = $%d::bigint RETURNING"
               " json_build_object('message', 'Secret rotated', 'data',"
               " core.json_join(sync.webhook_json(w), json_build_object('secret', $%d::text)))",
               sealed, key, overlap, row, shown);
    return ops_row(call, &sql, missing);
}

/* ---- deliveries ---- */

enum err webhook_deliveries(struct call *call)
{
    static const char *const known[] = {"pending", "delivered", "failed", NULL};
    const char *wanted;
    struct sql sql;
    enum err err = webhook_get(call); /* it must be there first */
    if (err == ERR_OK)
        err = query_status(call, known, &wanted);
    if (err != ERR_OK)
        return err;
    sql_init(&sql, call->arena);
    int row = sql_bind_int(&sql, call->request->row);
    int status = sql_bind(&sql, wanted);
    int page = sql_bind(&sql, query_find(call->request, "page"));
    int size = sql_bind(&sql, query_find(call->request, "per_page"));
    sql_printf(&sql, "SELECT sync.delivery_page($%d::bigint, $%d::text, $%d::text, $%d::text)", row,
               status, page, size);
    return ops_row(call, &sql, missing);
}

/* It must be there, and on: what is off sends nothing. */
static enum err is_on(struct call *call)
{
    struct sql sql;
    struct pg_result *rows;
    sql_init(&sql, call->arena);
    sql_printf(&sql,
               "SELECT is_active FROM sync.webhooks WHERE organization_id = core.org()"
               " AND id = $%d::bigint FOR UPDATE",
               sql_bind_int(&sql, call->request->row));
    enum err err = ops_find(call, &sql, missing, &rows);
    if (err != ERR_OK)
        return err;
    if (!pg_true(rows, 0, 0))
        return call_fail(call, ERR_CONFLICT, "The webhook is switched off.");
    return ERR_OK;
}

static enum err send_aside(struct call *call, const char *delivery, const char *message)
{
    struct sql sql;
    struct pg_result *rows;
    sql_init(&sql, call->arena);
    int row = sql_bind_int(&sql, call->request->row), which = sql_bind(&sql, delivery);
    sql_printf(&sql, "SELECT sync.send_aside($%d::bigint, $%d::bigint)", row, which);
    enum err err = call_run(call, &sql, &rows);
    if (err != ERR_OK)
        return err;
    if (pg_text(rows, 0, 0) == NULL)
        return call_fail(call, ERR_NOT_FOUND, "Delivery not found.");
    struct buf out;
    buf_init(&out, call->arena);
    buf_printf(&out, "{\"message\":\"%s\",\"data\":%s}", message, pg_text(rows, 0, 0));
    return ops_text(call, out.data);
}

enum err webhook_test(struct call *call)
{
    enum err err = is_on(call);
    return err == ERR_OK ? send_aside(call, NULL, "Test event queued") : err;
}

enum err webhook_replay(struct call *call)
{
    const char *delivery = call->request->arg[0];
    size_t digits = strspn(delivery, "0123456789");
    enum err err = is_on(call);
    if (err != ERR_OK)
        return err;
    if (digits == 0 || digits > 18 || delivery[digits] != '\0')
        return call_fail(call, ERR_NOT_FOUND, "Delivery not found.");
    return send_aside(call, delivery, "Delivery queued again");
}

enum err webhook_rewind(struct call *call)
{
    struct sql sql;
    struct pg_result *rows;
    enum err err = is_on(call);
    if (err == ERR_OK)
        err = validate_endpoint(call, "sync");
    if (err != ERR_OK)
        return err;
    sql_init(&sql, call->arena);
    int row = sql_bind_int(&sql, call->request->row);
    sql_printf(&sql, "SELECT sync.rewind_webhook($%d::bigint, $%d::bigint)", row,
               sql_bind(&sql, call_value(call, "after")));
    err = call_run(call, &sql, &rows);
    return err == ERR_OK ? webhook_get(call) : err;
}
