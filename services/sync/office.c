/*
 * office.c - calendars of Microsoft Graph: who the account is, its calendars, and one block's
 * event.
 *
 * The event's id is Microsoft's. Ours is the transactionId: a creation whose answer was lost is
 * sent once more with the same one and answers with the event that is there. It stands in a
 * property of the event too, so that an event can be found when its id was never heard of. Source:
 * Microsoft Graph v1.0, resource types event and calendar, and its page on throttling.
 */
#include <inttypes.h>
#include <string.h>

#include "services/sync/calendars.h"

enum { IDENTIFY_MS = 8000, PAGES = 40 };

/* Our property of an event. The set's name is a constant of our own. */
#define PROPERTY "String {6d1f2c1e-5a34-4a57-9c3b-1f0b6f2f9a11} Name BureauBlock"

/* Ids that stay when an event is moved by hand. */
static const char *const immutable[] = {"Prefer: IdType=\"ImmutableId\"", NULL};

const char *office_identify(struct http *http, struct arena *arena, const char *access,
                            struct account *out)
{
    const struct endpoint *e = provider_endpoint(provider_find("office365_calendar"));
    struct http_reply reply;
    http_send(http, arena,
              &(struct http_request){.method = "GET",
                                     .url = arena_printf(arena, "%s/me", e->api_url),
                                     .bearer = access,
                                     .timeout_ms = IDENTIFY_MS},
              &reply);
    const char *id = mp_text(arena, mp_find(reply.object, "id"));
    if (reply.fate != HTTP_ANSWERED || reply.status != 200 || id == NULL)
        return "Microsoft did not say whose account it is. Please try again.";
    const char *name = mp_text(arena, mp_find(reply.object, "displayName"));
    out->account = id;
    out->email = mp_text(arena, mp_find(reply.object, "mail"));
    if (out->email == NULL)
        out->email = mp_text(arena, mp_find(reply.object, "userPrincipalName"));
    out->name = name != NULL && name[0] != '\0' ? arena_printf(arena, "%s's Outlook calendar", name)
                : out->email != NULL            ? out->email
                                                : "Outlook calendar";
    return NULL;
}

/* Waits come as 429 and 503 with Retry-After, which every delivery honours. 409 and 412 say that
   somebody else wrote just then; a creation knows better what 409 means. */
bool office_judge(struct task *task, const struct http_reply *reply)
{
    const char *code = mp_text(task->arena, mp_find(mp_find(reply->object, "error"), "code"));
    bool twin = code != NULL && strcmp(code, "ErrorDuplicateTransactionId") == 0;
    if (reply->status == 412 || (reply->status == 409 && !twin))
        return deliver_stop(task, OUTCOME_RETRY, "The event was being changed in Office 365.");
    return true;
}

static bool fail(struct task *task, const struct http_reply *reply)
{
    const msgpack_object *error = mp_find(reply->object, "error");
    const char *words = deliver_words(task->arena, mp_find(error, "message"));
    return deliver_stop(task, OUTCOME_FAILED, "Office 365 refused it (%d): %s", reply->status,
                        words[0] != '\0' ? words
                                         : deliver_words(task->arena, mp_find(error, "code")));
}

/* ---- calendars ---- */

static bool is_set(const msgpack_object *item, const char *key)
{
    const msgpack_object *flag = mp_find(item, key);
    return flag != NULL && flag->type == MSGPACK_OBJECT_BOOLEAN && flag->via.boolean;
}

static bool take_calendar(struct task *task, const msgpack_object *item)
{
    struct arena *a = task->arena;
    const char *color = mp_text(a, mp_find(item, "hexColor"));
    struct calendar c = {.id = mp_text(a, mp_find(item, "id")),
                         .name = mp_text(a, mp_find(item, "name")),
                         .color = color != NULL && color[0] == '#' ? color : NULL,
                         .access = is_set(item, "canEdit") ? "writer" : "reader",
                         .primary = is_set(item, "isDefaultCalendar")};
    return c.id == NULL || calendars_take(task, &c);
}

/* The next page must lie where the first one does: it is asked with the account's token. */
static const char *next_page(struct task *task, const struct http_reply *reply)
{
    const char *root = provider_endpoint(task->provider)->api_url;
    const char *next = mp_text(task->arena, mp_find(reply->object, "@odata.nextLink"));
    size_t len = strlen(root);
    return next != NULL && strncmp(next, root, len) == 0 && next[len] == '/' ? next : NULL;
}

static void list_calendars(struct task *task)
{
    struct http_reply reply;
    const char *since = calendars_begin(task);
    const char *url = arena_printf(task->arena, "%s/me/calendars?$top=100",
                                   provider_endpoint(task->provider)->api_url);
    for (int i = 0; since != NULL && url != NULL && i < PAGES; i++) {
        if (!deliver_ask(task, &(struct ask){"GET", url, NULL, immutable}, &reply))
            return;
        const msgpack_object *items = mp_find(reply.object, "value");
        if (reply.status != 200 || items == NULL || items->type != MSGPACK_OBJECT_ARRAY) {
            fail(task, &reply);
            return;
        }
        for (uint32_t k = 0; k < items->via.array.size; k++)
            if (!take_calendar(task, &items->via.array.ptr[k]))
                return;
        url = next_page(task, &reply);
    }
    if (since != NULL)
        calendars_finish(task, since);
}

/* ---- one event ---- */

/* Of a calendar's events, or one of them. */
static const char *url_of(struct task *task, const char *calendar, const char *event)
{
    struct buf url;
    buf_init(&url, task->arena);
    buf_printf(&url, "%s/me/calendars/", provider_endpoint(task->provider)->api_url);
    http_encode(&url, calendar);
    buf_puts(&url, "/events");
    if (event != NULL) {
        buf_putc(&url, '/');
        http_encode(&url, event);
    }
    return url.data;
}

static const char *transaction_of(struct task *task, const struct block *b)
{
    return arena_printf(task->arena, "tb%sg%" PRId64, b->uuid, b->generation);
}

/* at: in UTC, ends with Z. */
static void put_time(struct task *task, struct buf *out, const char *key, const char *at)
{
    char *bare = arena_strdup(task->arena, at);
    bare[strcspn(bare, "Z")] = '\0';
    buf_printf(out, ",\"%s\":{\"dateTime\":", key);
    buf_puts_json(out, bare);
    buf_puts(out, ",\"timeZone\":\"UTC\"}");
}

static const char *event_json(struct task *task, const struct block *b, bool creating)
{
    struct buf out;
    buf_init(&out, task->arena);
    buf_puts(&out, "{\"subject\":");
    buf_puts_json(&out, b->title);
    buf_puts(&out, ",\"body\":{\"contentType\":\"text\",\"content\":");
    calendars_put_description(task, &out, b);
    buf_putc(&out, '}');
    put_time(task, &out, "start", b->starts);
    put_time(task, &out, "end", b->ends == NULL ? b->starts : b->ends);
    buf_puts(&out, ",\"showAs\":\"busy\"");
    if (creating) {
        const char *ours = transaction_of(task, b);
        buf_printf(&out,
                   ",\"isReminderOn\":false,\"transactionId\":\"%s\","
                   "\"singleValueExtendedProperties\":[{\"id\":\"" PROPERTY "\",\"value\":\"%s\"}]",
                   ours, ours);
    }
    buf_putc(&out, '}');
    return out.data;
}

static void forget(struct block *b)
{
    b->external_id = b->place = NULL;
    b->is_there = b->attempted = false;
    b->generation++;
}

/* Finds what a creation that was not heard of has left: its id, or nothing. */
static bool look(struct task *task, struct block *b)
{
    struct buf url;
    struct http_reply reply;
    buf_init(&url, task->arena);
    buf_puts(&url, url_of(task, b->place, NULL));
    buf_putc(&url, '?');
    http_form(&url, "$top", "1");
    http_form(&url, "$select", "id");
    http_form(&url, "$filter",
              arena_printf(task->arena,
                           "singleValueExtendedProperties/any(p: p/id eq '" PROPERTY
                           "' and p/value eq '%s')",
                           transaction_of(task, b)));
    if (!deliver_ask(task, &(struct ask){"GET", url.data, NULL, immutable}, &reply))
        return false;
    const msgpack_object *found = mp_find(reply.object, "value");
    if (reply.status != 404 &&
        (reply.status != 200 || found == NULL || found->type != MSGPACK_OBJECT_ARRAY))
        return fail(task, &reply);
    b->external_id = reply.status == 404 || found->via.array.size == 0
                         ? NULL
                         : mp_text(task->arena, mp_find(&found->via.array.ptr[0], "id"));
    b->is_there = b->external_id != NULL;
    return true;
}

static enum step create(struct task *task, struct block *b)
{
    struct http_reply reply;
    bool before = b->attempted;
    b->place = b->place_wanted;
    b->attempted = true;
    if (!deliver_keep(task, b, "syncing", true))
        return STEP_STOP;
    struct ask ask = {"POST", url_of(task, b->place, NULL), event_json(task, b, true), immutable};
    if (!deliver_ask(task, &ask, &reply))
        return STEP_STOP;
    if (reply.status == 409) {
        if (!look(task, b))
            return STEP_STOP;
        if (b->external_id == NULL)
            forget(b);
        return STEP_AGAIN;
    }
    if (reply.status == 404 || reply.status == 403)
        return calendars_gone(task, b) ? STEP_DONE : STEP_STOP;
    if (reply.status >= 300) {
        fail(task, &reply);
        return STEP_STOP;
    }
    b->external_id = mp_text(task->arena, mp_find(reply.object, "id"));
    if (b->external_id == NULL) {
        deliver_stop(task, OUTCOME_RETRY, "The answer of Office 365 could not be read.");
        return STEP_STOP;
    }
    b->is_there = true;
    return before ? STEP_AGAIN : STEP_DONE; /* the earlier try may have brought an older state */
}

static enum step change(struct task *task, struct block *b)
{
    struct http_reply reply;
    struct ask ask = {"PATCH", url_of(task, b->place, b->external_id), event_json(task, b, false),
                      immutable};
    if (!deliver_ask(task, &ask, &reply))
        return STEP_STOP;
    if (reply.status == 200)
        return STEP_DONE;
    if (reply.status == 404 || reply.status == 410) {
        forget(b); /* deleted there: it is put back */
        return STEP_AGAIN;
    }
    fail(task, &reply);
    return STEP_STOP;
}

static bool take_away(struct task *task, struct block *b)
{
    struct http_reply reply;
    if (b->external_id == NULL && !look(task, b))
        return false;
    if (b->external_id != NULL) {
        struct ask ask = {"DELETE", url_of(task, b->place, b->external_id), NULL, immutable};
        if (!deliver_ask(task, &ask, &reply))
            return false;
        if (reply.status >= 300 && reply.status != 404 && reply.status != 410)
            return fail(task, &reply);
    }
    forget(b);
    return deliver_keep(task, b, b->wanted ? "syncing" : "none", false);
}

void office_run(struct task *task)
{
    if (strcmp(task->kind, "push") == 0)
        calendars_push(task, &(struct calendar_way){create, change, take_away});
    else if (strcmp(task->kind, "calendars") == 0)
        list_calendars(task);
    else
        deliver_stop(task, OUTCOME_DONE, NULL);
}
