/* fake_moneybird.c - Moneybird v2 by its rules: ids beyond 2^53, minutes, one limit for everybody.
 */
#include "tests/fakes/fake.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define FIRST_ID 481234567890123000

static json_t *entries, *people;
static bool two; /* every account has two administrations */
static int64_t serial, plan, limit, window_s, window_start, used;

void moneybird_reset(void)
{
    json_decref(entries);
    json_decref(people);
    entries = json_object();
    people = json_array();
    serial = (now_ms() / 1000 - 1700000000) * 1000; /* no id is given twice, started again or not */
    plan = limit = 1000000;
    window_s = 300;
    window_start = used = 0;
}

static json_t *new_id(void)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, (int64_t)FIRST_ID + ++serial);
    return json_string(text);
}

static void symbolic(struct exchange *x, int status, const char *error, const char *key,
                     const char *what)
{
    answer(x, status, json_pack("{s:s,s:{s:s}}", "error", error, "symbolic", key, what));
}

static void unfit(struct exchange *x, const char *field, const char *words)
{
    answer(x, 422, json_pack("{s:{s:[s]}}", "error", field, words));
}

/* One window for all tokens of this address. */
static bool within_limit(struct exchange *x)
{
    int64_t now = now_ms() / 1000;
    char text[32];
    if (now >= window_start + window_s) {
        window_start = now;
        used = 0;
    }
    if (++used <= limit)
        return true;
    snprintf(text, sizeof text, "%" PRId64, window_start + window_s);
    answer(x, 429, json_string("Retry later"));
    answer_header(x, "Retry-After", text);
    answer_header(x, "RateLimit-Reset", text);
    if (used > limit + 1)
        violation(x, "asked again before the wait was over");
    return false;
}

/* ---- time entries ---- */

static int64_t minute(const json_t *body, const char *key)
{
    int64_t at = instant(json_string_value(json_object_get(body, key)));
    return at < 0 ? at : at - at % 60;
}

static const char *id_text(const json_t *value)
{
    const char *text = json_string_value(value);
    return text != NULL && text[0] != '\0' && text[strspn(text, "0123456789")] == '\0' ? text
                                                                                       : NULL;
}

static bool knows_person(const char *id)
{
    for (size_t i = 0; id != NULL && i < json_array_size(people); i++)
        if (strcmp(json_string_value(json_object_get(json_array_get(people, i), "id")), id) == 0)
            return true;
    return false;
}

/* Checks what is there; false when refused. */
static bool fits(struct exchange *x, const json_t *b, bool whole)
{
    if (!only_keys(b,
                   whole ? "user_id started_at ended_at description contact_id project_id billable "
                           "sales_invoice_id paused_duration"
                         : "started_at ended_at description contact_id project_id billable "
                           "sales_invoice_id paused_duration")) {
        violation(x, "a key that is not known");
        symbolic(x, 400, "Unknown parameter", "time_entry", "unknown");
        return false;
    }
    const char *words = json_string_value(json_object_get(b, "description"));
    static const char *const ids[] = {"contact_id", "project_id"};
    for (int i = 0; i < 2; i++)
        if (json_object_get(b, ids[i]) != NULL && id_text(json_object_get(b, ids[i])) == NULL) {
            violation(x, "an id that is no text of digits");
            symbolic(x, 400, "Id is invalid", ids[i], "invalid");
            return false;
        }
    if ((whole || words != NULL) && (words == NULL || words[0] == '\0'))
        unfit(x, "description", "can't be blank");
    else if (whole && !knows_person(json_string_value(json_object_get(b, "user_id"))))
        unfit(x, "user_id", "is invalid");
    else if (minute(b, "started_at") < 0 && (whole || json_object_get(b, "started_at") != NULL))
        unfit(x, "started_at", "is invalid");
    else if (minute(b, "ended_at") >= 0 && minute(b, "ended_at") < minute(b, "started_at"))
        unfit(x, "ended_at", "cannot be before the start time");
    else
        return true;
    return false;
}

/* What an answer says besides: whose it is, and when it was written. */
static void embed(json_t *e)
{
    static const char *const of[] = {"contact", "project"};
    char now[32];
    instant_text(now_ms() / 1000, now);
    for (int i = 0; i < 2; i++) {
        const json_t *id = json_object_get(e, i == 0 ? "contact_id" : "project_id");
        json_object_set_new(e, of[i],
                            json_is_null(id) ? json_null()
                            : i == 0 ? json_pack("{s:O,s:s,s:n,s:n}", "id", id, "company_name",
                                                 "Acme BV", "firstname", "lastname")
                                     : json_pack("{s:O,s:s,s:s,s:n}", "id", id, "name", "Website",
                                                 "state", "active", "budget"));
    }
    json_object_set_new(e, "user",
                        json_pack("{s:O,s:s,s:s,s:s}", "id", json_object_get(e, "user_id"), "name",
                                  "Somebody", "created_at", now, "updated_at", now));
    json_object_set_new(e, "updated_at", json_string(now));
    if (json_object_get(e, "created_at") == NULL)
        json_object_set_new(e, "created_at", json_string(now));
}

static void fill(json_t *e, const json_t *b)
{
    static const char *const times[] = {"started_at", "ended_at"};
    json_object_update(e, (json_t *)(uintptr_t)b);
    embed(e);
    for (int i = 0; i < 2; i++)
        if (json_object_get(b, times[i]) != NULL) {
            char text[32];
            instant_text(minute(b, times[i]), text);
            json_object_set_new(e, times[i], json_string(text));
        }
}

static json_t *wrapped(struct exchange *x)
{
    json_t *b = json_object_get(x->body, "time_entry");
    if (json_is_object(b) && json_object_size(x->body) == 1)
        return b;
    violation(x, "no time_entry around it");
    symbolic(x, 400, "Time entry is required", "time_entry", "required");
    return NULL;
}

static void create(struct exchange *x, const char *administration)
{
    json_t *b = wrapped(x);
    if (b == NULL || !fits(x, b, true))
        return;
    if ((int64_t)json_object_size(entries) >= plan) {
        symbolic(x, 402, "creating time entries is limited", "administration", "limit_reached");
        return;
    }
    json_t *e = json_pack("{s:o,s:s,s:n,s:n,s:n,s:n,s:i,s:b,s:[],s:[]}", "id", new_id(),
                          "administration_id", administration, "contact_id", "project_id",
                          "sales_invoice_id", "sales_invoice", "paused_duration", 0, "billable", 1,
                          "events", "notes");
    fill(e, b);
    json_object_set_new(entries, json_string_value(json_object_get(e, "id")), e);
    answer(x, 201, json_incref(e));
}

static bool passes(const json_t *e, const char *filter)
{
    char copy[512], *rest = copy, *part;
    snprintf(copy, sizeof copy, "%s", filter);
    while ((part = strsep(&rest, ",")) != NULL) {
        char from[16] = "", to[16] = "", day[16], *value = strchr(part, ':');
        if (value == NULL)
            return false;
        *value++ = '\0';
        const char *start = json_string_value(json_object_get(e, "started_at"));
        snprintf(day, sizeof day, "%.4s%.2s%.2s", start, start + 5, start + 8);
        if (strcmp(part, "period") == 0 && sscanf(value, "%8[0-9]..%8[0-9]", from, to) == 2) {
            if (strcmp(day, from) < 0 || strcmp(day, to) > 0)
                return false;
        } else if (strcmp(part, "user_id") == 0) {
            if (strcmp(json_string_value(json_object_get(e, "user_id")), value) != 0)
                return false;
        } else if (strcmp(part, "state") != 0 || strcmp(value, "all") != 0) {
            return false;
        }
    }
    return true;
}

static void list(struct exchange *x, json_t *of, const char *administration, const char *filter)
{
    char text[16] = "25", page_text[16] = "1";
    param(x->query, "per_page", text, sizeof text);
    param(x->query, "page", page_text, sizeof page_text);
    int64_t size = strtoll(text, NULL, 10), page = strtoll(page_text, NULL, 10), seen = 0;
    if (size > 100 || size < 1 || page < 1) {
        violation(x, "per_page or page out of range");
        answer(x, 400, json_pack("{s:s}", "error", "per_page does not have a valid value"));
        return;
    }
    json_t *out = json_array(), *e;
    const char *key;
    json_object_foreach(of, key, e)
    {
        const char *theirs = json_string_value(json_object_get(e, "administration_id"));
        if ((theirs != NULL && strcmp(theirs, administration) != 0) ||
            (filter != NULL && !passes(e, filter)) || seen++ < (page - 1) * size)
            continue;
        json_array_append(out, e);
        if ((int64_t)json_array_size(out) == size)
            break;
    }
    answer(x, 200, out);
}

static void list_entries(struct exchange *x, const char *administration)
{
    char filter[512] = "";
    if (!param(x->query, "filter", filter, sizeof filter) || strstr(filter, "period:") == NULL)
        violation(x, "a list without a period shows this year only");
    list(x, entries, administration, filter);
}

static void one_entry(struct exchange *x, const char *id)
{
    json_t *e = json_object_get(entries, id), *b;
    if (e == NULL) {
        symbolic(x, 404, "record not found", "id", "not_found");
    } else if (strcmp(x->method, "GET") == 0) {
        answer(x, 200, json_incref(e));
    } else if (!json_is_null(json_object_get(e, "sales_invoice_id"))) {
        violation(x, "an invoiced entry was touched");
        unfit(x, "sales_invoice_id", "is invoiced");
    } else if (strcmp(x->method, "DELETE") == 0) {
        json_object_del(entries, id);
        answer(x, 204, NULL);
    } else if ((b = wrapped(x)) != NULL && fits(x, b, false)) {
        note_version(json_object_get(e, "description"), json_object_get(b, "description"));
        fill(e, b);
        answer(x, 200, json_incref(e));
    }
}

/* ---- the rest ---- */

static json_t *named(const char *kind)
{
    static const char *const names[] = {"Acme BV", "Beta BV"};
    json_t *out = json_object();
    for (int i = 0; i < 2; i++) {
        char id[32];
        snprintf(id, sizeof id, "%" PRId64, (int64_t)FIRST_ID + (kind[0] == 'c' ? 700 : 800) + i);
        json_object_set_new(out, id,
                            kind[0] == 'c'
                                ? json_pack("{s:s,s:s,s:s,s:s,s:s,s:b}", "id", id, "company_name",
                                            names[i], "firstname", "", "lastname", "", "email",
                                            "info@acme.test", "archived", 0)
                                : json_pack("{s:s,s:s,s:s}", "id", id, "name",
                                            i == 0 ? "Website" : "App", "state",
                                            i == 0 ? "active" : "archived"));
    }
    return out;
}

static void administrations(struct exchange *x, const char *account)
{
    char id[32];
    uint64_t hash = 0;
    for (const char *c = account; *c != '\0'; c++)
        hash = hash * 31 + (unsigned char)*c;
    snprintf(id, sizeof id, "%" PRIu64, 300000000000000000 + hash % 1000000);
    json_t *all = json_array();
    json_array_append_new(all, json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:b}", "id", id, "name",
                                         "My Company BV", "language", "nl", "currency", "EUR",
                                         "country", "NL", "time_zone", "Europe/Amsterdam", "access",
                                         "user", "suspended", 0));
    if (two) {
        json_t *other = json_deep_copy(json_array_get(all, 0));
        id[0] = '4';
        json_object_set_new(other, "id", json_string(id));
        json_object_set_new(other, "name", json_string("Second BV"));
        json_array_append_new(all, other);
    }
    answer(x, 200, all);
}

static void below(struct exchange *x, const char *administration, const char *what)
{
    bool reads = strcmp(x->method, "GET") == 0;
    char id[32];
    int n = 0;
    if (strcmp(what, "users.json") == 0 && reads)
        answer(x, 200, json_incref(people));
    else if ((strcmp(what, "contacts.json") == 0 || strcmp(what, "projects.json") == 0) && reads) {
        json_t *of = named(what);
        list(x, of, administration, NULL);
        json_decref(of);
    } else if (strcmp(what, "time_entries.json") == 0 && reads)
        list_entries(x, administration);
    else if (strcmp(what, "time_entries.json") == 0 && strcmp(x->method, "POST") == 0)
        create(x, administration);
    else if (sscanf(what, "time_entries/%31[0-9].json%n", id, &n) == 1 && what[n] == '\0' && n > 0)
        one_entry(x, id);
    else {
        violation(x, "no such route");
        answer(x, 404, json_pack("{s:s}", "error", "not found"));
    }
}

bool moneybird_serve(struct exchange *x)
{
    static const char root[] = "/api/v2/";
    char administration[32];
    if (strncmp(x->path, root, sizeof root - 1) != 0)
        return false;
    const char *rest = x->path + sizeof root - 1, *account;
    if (!within_limit(x) || (account = oauth_account(x, "moneybird")) == NULL)
        return true;
    if (header(x, "User-Agent") == NULL)
        violation(x, "no User-Agent");
    if (strcmp(rest, "administrations.json") == 0) {
        administrations(x, account);
        return true;
    }
    size_t len = strspn(rest, "0123456789");
    snprintf(administration, sizeof administration, "%.*s", (int)(len < 31 ? len : 31), rest);
    if (len > 0 && rest[len] == '/')
        below(x, administration, rest + len + 1);
    else
        answer(x, 404, json_pack("{s:s}", "error", "not found"));
    return true;
}

static void invoice(json_t *e)
{
    json_t *id = new_id();
    json_object_set(e, "sales_invoice_id", id);
    json_object_set_new(
        e, "sales_invoice",
        json_pack("{s:o,s:s,s:s}", "id", id, "invoice_id", "2026-0007", "state", "open"));
}

/* So many more like the newest. */
static void add_many(int64_t n)
{
    const char *key;
    json_t *e, *like = NULL;
    json_object_foreach(entries, key, e) like = e;
    for (int64_t i = 0; like != NULL && i < n; i++) {
        e = json_deep_copy(like);
        json_object_set_new(e, "id", new_id());
        json_object_set_new(entries, json_string_value(json_object_get(e, "id")), e);
    }
}

bool moneybird_set(const char *name, const char *value)
{
    if (strcmp(name, "employee") == 0)
        json_array_append_new(people, json_pack("{s:o,s:s,s:s,s:b,s:s,s:s,s:s,s:[s,s]}", "id",
                                                new_id(), "name", value, "email", value,
                                                "email_validated", 1, "language", "nl", "time_zone",
                                                "Europe/Amsterdam", "user_type", "employee",
                                                "permissions", "sales_invoices", "time_entries"));
    else if (strcmp(name, "two") == 0)
        two = value[0] == '1';
    else if (strcmp(name, "plan") == 0)
        plan = strtoll(value, NULL, 10);
    else if (strcmp(name, "limit") == 0) {
        limit = strtoll(value, NULL, 10);
        used = 0;
        window_start = now_ms() / 1000;
    } else if (strcmp(name, "window_s") == 0)
        window_s = strtoll(value, NULL, 10);
    else if (strcmp(name, "invoice") == 0 && json_object_get(entries, value) != NULL)
        invoice(json_object_get(entries, value));
    else if (strcmp(name, "uninvoice") == 0 && json_object_get(entries, value) != NULL) {
        json_object_set_new(json_object_get(entries, value), "sales_invoice_id", json_null());
        json_object_set_new(json_object_get(entries, value), "sales_invoice", json_null());
    } else if (strcmp(name, "lose") == 0)
        json_object_del(entries, value);
    else if (strcmp(name, "many") == 0)
        add_many(strtoll(value, NULL, 10));
    else
        return false;
    return true;
}

json_t *moneybird_state(void)
{
    json_t *out = json_array(), *e;
    const char *key;
    json_object_foreach(entries, key, e) json_array_append(out, e);
    return json_pack("{s:o}", "entries", out);
}
