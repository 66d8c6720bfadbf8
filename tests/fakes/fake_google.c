/* fake_google.c - Google Calendar v3 by its rules. Each account has three calendars: its primary
   one, a team's it may write to, and holidays it may only read. */
#include "tests/fakes/fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *events; /* "calendar\nid" → event; deleted ones stay, status cancelled */
static int64_t serial; /* grows with every write: etags, sync tokens */
static int64_t oldest; /* sync tokens below are no longer valid */
static int64_t page_size;
static bool empty_page; /* lists begin with a page that has nothing on it */
static json_t *channels;

void google_reset(void)
{
    json_decref(events);
    events = json_object();
    json_decref(channels);
    channels = json_array();
    serial = 100;
    oldest = 0;
    page_size = 0;
    empty_page = false;
}

void google_error(struct exchange *x, int status, const char *reason, const char *message)
{
    answer(x, status,
           json_pack("{s:{s:i,s:s,s:[{s:s,s:s,s:s}]}}", "error", "code", status, "message", message,
                     "errors", "domain", status == 401 || status == 404 ? "global" : "usageLimits",
                     "reason", reason, "message", message));
}

/* ---- calendars ---- */

static void calendar_id(const char *account, int which, char out[128])
{
    static const char *const formats[] = {"%s@gmail.test", "team#%s@group.calendar.test",
                                          "holidays@group.v.calendar.test"};
    if (which == 2)
        snprintf(out, 128, "%s", formats[2]);
    else
        snprintf(out, 128, which == 0 ? "%s@gmail.test" : "team#%s@group.calendar.test", account);
}

static void calendar_list(struct exchange *x, const char *account)
{
    static const char *const names[] = {"Primary", "Team", "Holidays"};
    static const char *const colors[] = {"#4285f4", "#0b8043", "#8e24aa"};
    static const char *const roles[] = {"owner", "writer", "reader"};
    json_t *items = json_array();
    for (int i = 0; i < 3; i++) {
        char id[128];
        calendar_id(account, i, id);
        json_t *c =
            json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s}", "kind", "calendar#calendarListEntry", "etag",
                      "\"1\"", "id", id, "summary", names[i], "timeZone", "Europe/Amsterdam",
                      "backgroundColor", colors[i], "accessRole", roles[i]);
        if (i == 0)
            json_object_set_new(c, "primary", json_true());
        json_array_append_new(items, c);
    }
    if (!only_params(x, "maxResults pageToken minAccessRole showHidden showDeleted syncToken"))
        violation(x, "an unknown parameter");
    answer(x, 200,
           json_pack("{s:s,s:s,s:o,s:s}", "kind", "calendar#calendarList", "etag", "\"1\"", "items",
                     items, "nextSyncToken", "list-1"));
}

/* What the account may do with a calendar: 0 nothing, 1 read, 2 write. */
static int access_to(const char *account, const char *calendar)
{
    char id[128];
    for (int i = 0; i < 3; i++) {
        calendar_id(account, i, id);
        if (strcmp(id, calendar) == 0)
            return i == 2 ? 1 : 2;
    }
    return 0;
}

/* ---- events ---- */

static bool is_time(const json_t *t)
{
    const char *at = json_string_value(json_object_get(t, "dateTime"));
    const char *zone = json_string_value(json_object_get(t, "timeZone"));
    return only_keys(t, "dateTime timeZone") && instant(at) >= 0 &&
           (zone == NULL || zone[0] != '\0');
}

static bool is_marks(const json_t *p)
{
    const char *key;
    json_t *value;
    if (p == NULL)
        return true;
    if (!only_keys(p, "private shared"))
        return false;
    json_object_foreach(json_object_get(p, "private"), key, value)
    {
        if (!json_is_string(value) || strlen(key) > 44 || json_string_length(value) > 1024)
            return false;
    }
    return true;
}

/* The words of Google's refusal, or NULL. */
static const char *event_fault(const json_t *e, bool whole)
{
    const json_t *start = json_object_get(e, "start"), *end = json_object_get(e, "end");
    if (!only_keys(e, "id summary description start end status transparency extendedProperties "
                      "source colorId location reminders"))
        return "badRequest";
    if (whole && (start == NULL || end == NULL))
        return "required";
    if ((start != NULL && !is_time(start)) || (end != NULL && !is_time(end)) ||
        !is_marks(json_object_get(e, "extendedProperties")))
        return "invalid";
    if (start != NULL && end != NULL &&
        instant(json_string_value(json_object_get(end, "dateTime"))) <
            instant(json_string_value(json_object_get(start, "dateTime"))))
        return "timeRangeEmpty";
    return NULL;
}

static void touch(json_t *event)
{
    char etag[48], at[32];
    snprintf(etag, sizeof etag, "\"34%012lld\"", (long long)++serial);
    instant_text(now_ms() / 1000, at);
    json_object_set_new(event, "etag", json_string(etag));
    json_object_set_new(event, "updated", json_string(at));
    json_object_set_new(event, "_seq", json_integer(serial));
}

static json_t *shown(const json_t *event)
{
    json_t *out = json_deep_copy(event);
    json_object_del(out, "_seq");
    json_object_del(out, "_calendar");
    return out;
}

static bool is_cancelled(const json_t *event)
{
    return strcmp(json_string_value(json_object_get(event, "status")), "cancelled") == 0;
}

static json_t *put_event(const char *calendar, const char *id, const json_t *body)
{
    char key[1400];
    json_t *e = json_deep_copy(body);
    snprintf(key, sizeof key, "%s\n%s", calendar, id);
    json_object_set_new(e, "kind", json_string("calendar#event"));
    json_object_set_new(e, "id", json_string(id));
    json_object_set_new(e, "_calendar", json_string(calendar));
    json_object_set_new(e, "htmlLink", json_string("https://calendar.test/event"));
    if (json_object_get(e, "status") == NULL)
        json_object_set_new(e, "status", json_string("confirmed"));
    touch(e);
    json_object_set(e, "created", json_object_get(e, "updated"));
    json_object_set_new(e, "creator", json_pack("{s:s}", "email", calendar));
    json_object_set_new(e, "organizer", json_pack("{s:s,s:b}", "email", calendar, "self", 1));
    snprintf(key, sizeof key, "%s@google.test", id);
    json_object_set_new(e, "iCalUID", json_string(key));
    json_object_set_new(e, "sequence", json_integer(0));
    json_object_set_new(e, "reminders", json_pack("{s:b}", "useDefault", 1));
    json_object_set_new(e, "eventType", json_string("default"));
    snprintf(key, sizeof key, "%s\n%s", calendar, id);
    json_object_set_new(events, key, e);
    return e;
}

static void insert(struct exchange *x, const char *calendar)
{
    char id[1100], key[1400];
    const char *wanted = json_string_value(json_object_get(x->body, "id"));
    const char *fault = event_fault(x->body, true);
    if (wanted == NULL)
        snprintf(id, sizeof id, "made%lld", (long long)serial);
    else
        snprintf(id, sizeof id, "%s", wanted);
    if (strspn(id, "0123456789abcdefghijklmnopqrstuv") != strlen(id) || strlen(id) < 5)
        fault = "invalid";
    snprintf(key, sizeof key, "%s\n%s", calendar, id);
    if (fault != NULL) {
        violation(x, fault);
        google_error(x, 400, fault, "Invalid event.");
    } else if (json_object_get(events, key) != NULL) {
        google_error(x, 409, "duplicate", "The requested identifier already exists.");
    } else {
        answer(x, 200, shown(put_event(calendar, id, x->body)));
    }
}

static void change(struct exchange *x, json_t *e, bool whole)
{
    const char *fault = event_fault(x->body, whole);
    const char *match = header(x, "If-Match");
    if (fault != NULL || (json_object_get(x->body, "id") != NULL && !whole)) {
        violation(x, fault == NULL ? "an id in a patch" : fault);
        google_error(x, 400, fault == NULL ? "invalid" : fault, "Invalid event.");
        return;
    }
    if (match != NULL && strcmp(match, json_string_value(json_object_get(e, "etag"))) != 0) {
        google_error(x, 412, "conditionNotMet", "Precondition Failed");
        return;
    }
    note_version(json_object_get(e, "summary"), json_object_get(x->body, "summary"));
    json_object_update(e, x->body);
    touch(e);
    answer(x, 200, shown(e));
}

static void take_away(struct exchange *x, json_t *e)
{
    if (is_cancelled(e)) {
        google_error(x, 410, "deleted", "Resource has been deleted");
        return;
    }
    json_object_set_new(e, "status", json_string("cancelled"));
    touch(e);
    answer(x, 204, NULL);
}

static void one_event(struct exchange *x, const char *calendar, const char *id)
{
    char key[1400];
    snprintf(key, sizeof key, "%s\n%s", calendar, id);
    json_t *e = json_object_get(events, key);
    if (!only_params(x, "sendUpdates"))
        violation(x, "an unknown parameter");
    if (e == NULL)
        google_error(x, 404, "notFound", "Not Found");
    else if (strcmp(x->method, "GET") == 0)
        answer(x, 200, shown(e));
    else if (strcmp(x->method, "DELETE") == 0)
        take_away(x, e);
    else if (strcmp(x->method, "PATCH") == 0 || strcmp(x->method, "PUT") == 0)
        change(x, e, x->method[1] == 'U');
    else
        google_error(x, 405, "badRequest", "Method Not Allowed");
}

/* ---- lists ---- */

static bool in_window(const json_t *e, const char *min, const char *max)
{
    int64_t from =
        instant(json_string_value(json_object_get(json_object_get(e, "start"), "dateTime")));
    int64_t to = instant(json_string_value(json_object_get(json_object_get(e, "end"), "dateTime")));
    return (min[0] == '\0' || to > instant(min)) && (max[0] == '\0' || from < instant(max));
}

static void list(struct exchange *x, const char *calendar)
{
    char token[64] = "", page[64] = "", min[64] = "", max[64] = "", deleted[8] = "", text[64];
    bool incremental = param(x->query, "syncToken", token, sizeof token);
    param(x->query, "pageToken", page, sizeof page);
    param(x->query, "timeMin", min, sizeof min);
    param(x->query, "timeMax", max, sizeof max);
    param(x->query, "showDeleted", deleted, sizeof deleted);
    if (!only_params(x, incremental
                            ? "syncToken maxResults singleEvents pageToken showDeleted"
                            : "maxResults singleEvents pageToken showDeleted timeMin timeMax "
                              "orderBy timeZone")) {
        violation(x, "parameters that do not go together");
        google_error(x, 400, "badRequest", "Sync token cannot be combined.");
        return;
    }
    int64_t since = incremental ? strtoll(token, NULL, 10) : 0, skip = strtoll(page, NULL, 10);
    if (incremental && since < oldest) {
        google_error(x, 410, "fullSyncRequired",
                     "Sync token is no longer valid, a full sync is required.");
        return;
    }
    json_t *items = json_array(), *e;
    const char *key;
    int64_t seen = 0, room = page_size > 0 ? page_size : 250;
    bool more = empty_page && page[0] == '\0';
    if (more)
        room = 0;
    json_object_foreach(events, key, e)
    {
        if (strcmp(json_string_value(json_object_get(e, "_calendar")), calendar) != 0 ||
            json_integer_value(json_object_get(e, "_seq")) <= since ||
            (is_cancelled(e) && !incremental && strcmp(deleted, "true") != 0) ||
            !in_window(e, min, max) || seen++ < skip)
            continue;
        more = (int64_t)json_array_size(items) == room;
        if (more)
            break;
        json_array_append_new(items, is_cancelled(e)
                                         ? json_pack("{s:O,s:s}", "id", json_object_get(e, "id"),
                                                     "status", "cancelled")
                                         : shown(e));
    }
    json_t *out = json_pack("{s:s,s:o}", "kind", "calendar#events", "items", items);
    snprintf(text, sizeof text, "%lld", (long long)(more ? skip + room : serial));
    json_object_set_new(out, more ? "nextPageToken" : "nextSyncToken", json_string(text));
    answer(x, 200, out);
}

/* Their notifications are sent by whoever tests. */
static void watch(struct exchange *x, const char *calendar)
{
    const char *id = json_string_value(json_object_get(x->body, "id"));
    const char *type = json_string_value(json_object_get(x->body, "type"));
    const char *address = json_string_value(json_object_get(x->body, "address"));
    char until[32];
    if (!only_keys(x->body, "id type address params token") || id == NULL || strlen(id) > 64 ||
        type == NULL || strcmp(type, "web_hook") != 0 || address == NULL ||
        strncmp(address, "https://", 8) != 0) {
        violation(x, "a channel that is none");
        google_error(x, 400, "push.webhookUrlNotHttps", "WebHook callback must be HTTPS.");
        return;
    }
    snprintf(until, sizeof until, "%lld", (long long)now_ms() + 604800000);
    json_array_append_new(
        channels, json_pack("{s:s,s:s,s:s}", "calendar", calendar, "address", address, "id", id));
    answer(x, 200,
           json_pack("{s:s,s:s,s:s,s:s}", "kind", "api#channel", "id", id, "resourceId", calendar,
                     "expiration", until));
}

static void stop_channel(struct exchange *x)
{
    const char *id = json_string_value(json_object_get(x->body, "id"));
    const char *resource = json_string_value(json_object_get(x->body, "resourceId"));
    if (!only_keys(x->body, "id resourceId") || id == NULL || resource == NULL)
        violation(x, "a channel that is none");
    for (size_t i = 0; id != NULL && resource != NULL && i < json_array_size(channels); i++) {
        const json_t *c = json_array_get(channels, i);
        if (strcmp(json_string_value(json_object_get(c, "id")), id) != 0 ||
            strcmp(json_string_value(json_object_get(c, "calendar")), resource) != 0)
            continue;
        json_array_remove(channels, i);
        answer(x, 204, NULL);
        return;
    }
    google_error(x, 404, "notFound", "Channel not found.");
}

static void decode(const char *from, size_t len, char *out, size_t size)
{
    mg_url_decode(from, (int)len, out, (int)size, 0);
}

static void calendar(struct exchange *x, const char *account, const char *rest)
{
    char id[256], event[1100];
    size_t len = strcspn(rest, "/");
    decode(rest, len, id, sizeof id);
    rest += len;
    int access = access_to(account, id);
    bool reads = strcmp(x->method, "GET") == 0;
    if (access == 0)
        google_error(x, 404, "notFound", "Not Found");
    else if (access == 1 && !reads)
        google_error(x, 403, "requiredAccessLevel", "You need to have writer access.");
    else if (!reads && strcmp(x->method, "DELETE") != 0 && x->body == NULL)
        google_error(x, 400, "parseError", "Parse Error");
    else if (strcmp(rest, "/events") == 0 && reads)
        list(x, id);
    else if (strcmp(rest, "/events/watch") == 0)
        watch(x, id);
    else if (strcmp(rest, "/events") == 0)
        insert(x, id);
    else if (strncmp(rest, "/events/", 8) == 0) {
        decode(rest + 8, strlen(rest + 8), event, sizeof event);
        one_event(x, id, event);
    } else
        google_error(x, 404, "notFound", "Not Found");
}

bool google_serve(struct exchange *x)
{
    static const char root[] = "/calendar/v3/";
    const char *account;
    if (strncmp(x->path, root, sizeof root - 1) != 0)
        return false;
    const char *rest = x->path + sizeof root - 1;
    if ((account = oauth_account(x, "google")) == NULL)
        return true;
    if (strcmp(rest, "channels/stop") == 0 && strcmp(x->method, "POST") == 0)
        stop_channel(x);
    else if (strcmp(rest, "users/me/calendarList") == 0)
        calendar_list(x, account);
    else if (strncmp(rest, "calendars/", 10) == 0)
        calendar(x, account, rest + 10);
    else
        google_error(x, 404, "notFound", "Not Found");
    return true;
}

/* ---- control ---- */

/* To the account's team calendar: the old one says it is gone, the new one has it under its id. */
static void move(json_t *e, const char *account)
{
    char target[128], id[1100];
    calendar_id(account, 1, target);
    snprintf(id, sizeof id, "%s", json_string_value(json_object_get(e, "id")));
    json_t *body = json_deep_copy(e);
    put_event(target, id, body);
    json_decref(body);
    json_object_set_new(e, "status", json_string("cancelled"));
    touch(e);
}

/* somebody's own hand in the calendar: event=account|id|title|start|end; edit=id|title; remove=id;
   move=id|account */
static void by_hand(const char *name, const char *value)
{
    char v[512], *part[5] = {0}, calendar_name[128];
    const char *key;
    json_t *e;
    snprintf(v, sizeof v, "%s", value);
    char *rest = v;
    for (int i = 0; i < 5 && rest != NULL; i++)
        part[i] = strsep(&rest, "|");
    if (strcmp(name, "event") == 0 && part[4] != NULL) {
        calendar_id(part[0], 0, calendar_name);
        json_t *body = json_pack("{s:s,s:{s:s},s:{s:s}}", "summary", part[2], "start", "dateTime",
                                 part[3], "end", "dateTime", part[4]);
        put_event(calendar_name, part[1], body);
        json_decref(body);
        return;
    }
    json_object_foreach(events, key, e)
    {
        if (strcmp(json_string_value(json_object_get(e, "id")), part[0]) != 0)
            continue;
        if (strcmp(name, "move") == 0 && part[1] != NULL && !is_cancelled(e)) {
            move(e, part[1]);
            return;
        }
        if (strcmp(name, "edit") == 0)
            json_object_set_new(e, "summary", json_string(part[1]));
        else
            json_object_set_new(e, "status", json_string("cancelled"));
        touch(e);
    }
}

bool google_set(const char *name, const char *value)
{
    if (strcmp(name, "event") == 0 || strcmp(name, "edit") == 0 || strcmp(name, "remove") == 0 ||
        strcmp(name, "move") == 0)
        by_hand(name, value);
    else if (strcmp(name, "old_tokens") == 0)
        oldest = serial + 1;
    else if (strcmp(name, "page_size") == 0)
        page_size = strtoll(value, NULL, 10);
    else if (strcmp(name, "empty_page") == 0)
        empty_page = value[0] == '1';
    else if (strcmp(name, "etags") == 0) { /* every event was touched by somebody */
        const char *key;
        json_t *e;
        json_object_foreach(events, key, e) touch(e);
    } else
        return false;
    return true;
}

json_t *google_state(void)
{
    json_t *live = json_array(), *e;
    const char *key;
    json_object_foreach(events, key, e)
    {
        if (!is_cancelled(e))
            json_array_append(live, e);
    }
    return json_pack("{s:o,s:O,s:I}", "events", live, "channels", channels, "all",
                     (json_int_t)json_object_size(events));
}
