/*
 * google.c - Google Calendar v3: who the account is, what errors mean, and one block's event.
 * Source: planner-and-sync.md B.
 *
 * The event's id is chosen here and stored before it is sent, so an insert whose answer was lost
 * answers 409 the next time and becomes an update. An id stays burnt after its event was deleted:
 * then the next generation of it is used.
 */
#include "services/sync/google.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "services/core/service.h"
#include "services/sync/calendars.h"

enum {
    IDENTIFY_MS = 8000,
    LAG_TRIES = 3,
    QUOTA_MS = 3600000,
    DAY_S = 86400,
    MIDNIGHT_S = 8 * 3600
};

const char *google_identify(struct http *http, struct arena *arena, const char *access,
                            struct account *out)
{
    const struct endpoint *e = provider_endpoint(provider_find("google_calendar"));
    struct http_reply reply;
    http_send(
        http, arena,
        &(struct http_request){
            .method = "GET", .url = e->userinfo_url, .bearer = access, .timeout_ms = IDENTIFY_MS},
        &reply);
    const char *sub = mp_text(arena, mp_find(reply.object, "sub"));
    if (reply.fate != HTTP_ANSWERED || reply.status != 200 || sub == NULL)
        return "Google did not say whose account it is. Please try again.";
    const char *name = mp_text(arena, mp_find(reply.object, "name"));
    out->account = sub;
    out->email = mp_text(arena, mp_find(reply.object, "email"));
    out->name = name != NULL && name[0] != '\0' ? arena_printf(arena, "%s's Google Calendar", name)
                : out->email != NULL            ? out->email
                                                : "Google Calendar";
    return NULL;
}

/* ---- errors ---- */

const char *google_reason(struct arena *arena, const struct http_reply *reply)
{
    const msgpack_object *errors = mp_find(mp_find(reply->object, "error"), "errors");
    if (errors == NULL || errors->type != MSGPACK_OBJECT_ARRAY || errors->via.array.size == 0)
        return "";
    const char *reason = mp_text(arena, mp_find(&errors->via.array.ptr[0], "reason"));
    return reason == NULL ? "" : reason;
}

bool google_fail(struct task *task, const struct http_reply *reply)
{
    const msgpack_object *message = mp_find(mp_find(reply->object, "error"), "message");
    const char *words = deliver_words(task->arena, message);
    return deliver_stop(task, OUTCOME_FAILED, "Google Calendar refused it (%d): %s", reply->status,
                        words[0] != '\0' ? words : google_reason(task->arena, reply));
}

/* Until midnight in California, winter time: an hour late in summer does no harm. */
static int64_t until_midnight_ms(void)
{
    int64_t now_s = clock_unix_ms() / 1000;
    return (DAY_S - (now_s - MIDNIGHT_S) % DAY_S) * 1000;
}

bool google_judge(struct task *task, const struct http_reply *reply)
{
    if (reply->status != 403 && reply->status != 409)
        return true;
    const char *reason = google_reason(task->arena, reply);
    if (reply->status == 409)
        return strcmp(reason, "conflict") != 0 ||
               deliver_stop(task, OUTCOME_RETRY, "The event was being changed in Google.");
    if (strcmp(reason, "rateLimitExceeded") == 0 || strcmp(reason, "userRateLimitExceeded") == 0)
        return deliver_wait(task, reply->wait_ms, "Google asked us to wait.");
    if (strcmp(reason, "quotaExceeded") == 0)
        return deliver_wait(task, reply->wait_ms > QUOTA_MS ? reply->wait_ms : QUOTA_MS,
                            "Google has closed this account's calendar for some hours.");
    if (strcmp(reason, "dailyLimitExceeded") == 0)
        return deliver_wait(task, until_midnight_ms(), "Google's daily limit is reached.");
    return true;
}

const char *google_url(struct task *task, const char *calendar, const char *event,
                       const char *query)
{
    struct buf url;
    buf_init(&url, task->arena);
    buf_printf(&url, "%s/calendars/", provider_endpoint(task->provider)->api_url);
    http_encode(&url, calendar);
    buf_puts(&url, "/events");
    if (event != NULL) {
        buf_putc(&url, '/');
        http_encode(&url, event);
    }
    buf_puts(&url, query);
    return url.data;
}

/* ---- one event ---- */

static void put_time(struct buf *out, const char *key, const char *at, const char *zone)
{
    buf_printf(out, ",\"%s\":{\"dateTime\":", key);
    buf_puts_json(out, at);
    buf_puts(out, ",\"timeZone\":");
    buf_puts_json(out, zone);
    buf_putc(out, '}');
}

/* status "confirmed" also brings an event back that was deleted there. */
static const char *event_json(struct task *task, const struct block *b, bool with_id)
{
    struct buf out;
    buf_init(&out, task->arena);
    buf_puts(&out, "{\"summary\":");
    buf_puts_json(&out, b->title);
    buf_puts(&out, ",\"description\":");
    calendars_put_description(task, &out, b);
    put_time(&out, "start", b->starts, b->zone);
    put_time(&out, "end", b->ends == NULL ? b->starts : b->ends, b->zone);
    if (with_id) {
        buf_puts(&out, ",\"id\":");
        buf_puts_json(&out, b->external_id);
    }
    buf_printf(&out,
               ",\"status\":\"confirmed\",\"transparency\":\"opaque\",\"extendedProperties\":"
               "{\"private\":{\"app\":\"bureau\",\"block_id\":\"%" PRId64 "\",\"org_id\":\"%" PRId64
               "\"}},\"source\":{\"title\":\"Bureau\",\"url\":",
               task->record_id, task->organization_id);
    buf_puts_json(&out, service_settings.public_url);
    buf_puts(&out, "}}");
    return out.data;
}

static void forget_event(struct block *b)
{
    b->external_id = b->place = b->etag = NULL;
    b->is_there = false;
    b->generation++;
}

/* Is this event ours? Some accounts strip the marks; then the id we chose is the proof. */
static bool is_ours(struct task *task, const msgpack_object *event)
{
    const msgpack_object *marks = mp_find(mp_find(event, "extendedProperties"), "private");
    if (mp_find(marks, "block_id") == NULL)
        return true;
    const char *block = arena_printf(task->arena, "%" PRId64, task->record_id);
    const char *org = arena_printf(task->arena, "%" PRId64, task->organization_id);
    return mp_same(mp_find(marks, "block_id"), block) && mp_same(mp_find(marks, "org_id"), org);
}

static enum step adopt(struct task *task, struct block *b, const struct http_reply *reply)
{
    const char *etag = mp_text(task->arena, mp_find(reply->object, "etag"));
    if (reply->object == NULL || etag == NULL) {
        deliver_stop(task, OUTCOME_RETRY, "Google's answer could not be read.");
        return STEP_STOP;
    }
    b->etag = etag;
    b->is_there = true;
    b->sent = NULL;
    return STEP_DONE;
}

/* What was made just now may not be found yet: given up at once, it would stand twice later, or be
   left there. */
static bool may_lag(struct task *task, int status)
{
    if (status != 404 || task->attempt >= LAG_TRIES)
        return false;
    deliver_stop(task, OUTCOME_RETRY, "Google does not find the event.");
    return true;
}

/* Our id is taken: by our own earlier insert, or by what is not ours. */
static enum step look(struct task *task, struct block *b)
{
    struct http_reply reply;
    if (!deliver_ask(
            task, &(struct ask){"GET", google_url(task, b->place, b->external_id, ""), NULL, NULL},
            &reply))
        return STEP_STOP;
    if (reply.status == 200 && is_ours(task, reply.object)) {
        if (adopt(task, b, &reply) == STEP_STOP)
            return STEP_STOP;
        return STEP_AGAIN; /* and now its content */
    }
    if (reply.status != 200 && reply.status != 404 && reply.status != 410) {
        google_fail(task, &reply);
        return STEP_STOP;
    }
    if (may_lag(task, reply.status))
        return STEP_STOP;
    forget_event(b);
    return STEP_AGAIN;
}

static enum step insert(struct task *task, struct block *b)
{
    struct http_reply reply;
    b->place = b->place_wanted;
    b->external_id = arena_printf(task->arena, "tb%sg%" PRId64, b->uuid, b->generation);
    if (!deliver_keep(task, b, "syncing", false))
        return STEP_STOP;
    struct ask ask = {"POST", google_url(task, b->place, NULL, "?sendUpdates=none"),
                      event_json(task, b, true), NULL};
    if (!deliver_ask(task, &ask, &reply))
        return STEP_STOP;
    if (reply.status == 200 || reply.status == 201)
        return adopt(task, b, &reply);
    if (reply.status == 409)
        return look(task, b);
    if (reply.status == 404 || reply.status == 403)
        return calendars_gone(task, b) ? STEP_DONE : STEP_STOP;
    google_fail(task, &reply);
    return STEP_STOP;
}

/* Changed there meanwhile: ours is newer, its new tag is taken. refused: it may not be written to,
   unless it was deleted; while it stands it is not given up, or it would stand twice later. */
static enum step refetch(struct task *task, struct block *b, bool refused)
{
    struct http_reply reply;
    struct ask ask = {"GET", google_url(task, b->place, b->external_id, ""), NULL, NULL};
    if (!deliver_ask(task, &ask, &reply))
        return STEP_STOP;
    bool stands = reply.status == 200 && !mp_same(mp_find(reply.object, "status"), "cancelled");
    if (refused && (stands || reply.status == 403))
        return calendars_gone(task, b) ? STEP_DONE : STEP_STOP;
    if (reply.status == 200 && !refused)
        return adopt(task, b, &reply) == STEP_STOP ? STEP_STOP : STEP_AGAIN;
    if (!refused && may_lag(task, reply.status))
        return STEP_STOP;
    forget_event(b);
    return STEP_AGAIN;
}

static enum step patch(struct task *task, struct block *b)
{
    struct http_reply reply;
    const char *match[] = {NULL, NULL};
    if (b->etag != NULL)
        match[0] = arena_printf(task->arena, "If-Match: %s", b->etag);
    struct ask ask = {"PATCH", google_url(task, b->place, b->external_id, "?sendUpdates=none"),
                      event_json(task, b, false), match};
    if (!deliver_ask(task, &ask, &reply))
        return STEP_STOP;
    if (reply.status == 200)
        return adopt(task, b, &reply);
    if (reply.status == 412 || reply.status == 403)
        return refetch(task, b, reply.status == 403);
    if (may_lag(task, reply.status))
        return STEP_STOP;
    if (reply.status == 404 || reply.status == 410) {
        forget_event(b); /* deleted there: it is put back under a new id */
        return STEP_AGAIN;
    }
    google_fail(task, &reply);
    return STEP_STOP;
}

static bool take_away(struct task *task, struct block *b)
{
    struct http_reply reply;
    struct ask ask = {"DELETE", google_url(task, b->place, b->external_id, "?sendUpdates=none"),
                      NULL, NULL};
    if (!deliver_ask(task, &ask, &reply) || may_lag(task, reply.status))
        return false;
    if (reply.status >= 300 && reply.status != 404 && reply.status != 410)
        return google_fail(task, &reply);
    forget_event(b);
    return deliver_keep(task, b, b->wanted ? "syncing" : "none", false);
}

void google_run(struct task *task)
{
    if (strcmp(task->kind, "push") == 0)
        calendars_push(task, &(struct calendar_way){insert, patch, take_away});
    else if (strcmp(task->kind, "calendars") == 0)
        google_calendars(task);
    else if (strcmp(task->kind, "pull") == 0)
        google_pull(task);
    else
        deliver_stop(task, OUTCOME_DONE, NULL);
}
