/*
 * moneybird.c - Moneybird v2: what errors mean, and one block's time entry. Who the account is:
 * moneybird_account.c.
 * Source: planner-and-sync.md C.
 *
 * Moneybird takes no id of ours. Before a creation is sent, that it was begun is stored; when its
 * outcome was not heard of, the entry is looked up by user, period and content before anything is
 * created again. Times are compared by the minute, as Moneybird keeps them. Ids are texts: they do
 * not fit a double.
 */
#include "services/sync/moneybird.h"

#include <stdio.h>
#include <string.h>

#include "common/json.h"

enum {
    PAGE = 100,
    PAGES = 20,
    FACTS_MS = 3600000,    /* people of the administration are asked for again */
    FACTS_SOON_MS = 60000, /* when somebody is missing */
    PLAN_MS = 6 * 3600000
};

const char *moneybird_id(struct arena *arena, const msgpack_object *id)
{
    const char *text = mp_text(arena, id);
    if (text == NULL)
        text = mp_number(arena, id);
    return text != NULL && text[0] != '\0' && text[strspn(text, "0123456789")] == '\0' ? text
                                                                                       : NULL;
}

/* ---- errors ---- */

/* "error" is a text, or an object of lists of texts by field. */
static const char *words_of(struct task *task, const struct http_reply *reply)
{
    const msgpack_object *error = mp_find(reply->object, "error");
    struct buf out;
    if (error == NULL || error->type != MSGPACK_OBJECT_MAP)
        return deliver_words(task->arena, error);
    buf_init(&out, task->arena);
    for (uint32_t i = 0; i < error->via.map.size && i < 5; i++) {
        const msgpack_object *list = &error->via.map.ptr[i].val;
        const msgpack_object *first = list->type == MSGPACK_OBJECT_ARRAY && list->via.array.size > 0
                                          ? list->via.array.ptr
                                          : list;
        buf_printf(&out, "%s%s %s", i == 0 ? "" : "; ",
                   deliver_words(task->arena, &error->via.map.ptr[i].key),
                   deliver_words(task->arena, first));
    }
    return out.data;
}

bool moneybird_fail(struct task *task, const struct http_reply *reply)
{
    return deliver_stop(task, OUTCOME_FAILED, "Moneybird refused it (%d): %s", reply->status,
                        words_of(task, reply));
}

bool moneybird_judge(struct task *task, const struct http_reply *reply)
{
    const char *error = mp_text(task->arena, mp_find(reply->object, "error"));
    if (reply->status == 401 && error != NULL && strncmp(error, "No access", 9) == 0)
        return deliver_stop(task, OUTCOME_FAILED, "Moneybird: %s. Connect again and allow it.",
                            deliver_words(task->arena, mp_find(reply->object, "error")));
    if (reply->status == 402) {
        deliver_wait(task, PLAN_MS,
                     "The Moneybird plan of this administration allows no more time entries.");
        task->result.said = true;
        return false;
    }
    return true;
}

const char *moneybird_url(struct task *task, const char *rest)
{
    return arena_printf(task->arena, "%s/%s/%s", provider_endpoint(task->provider)->api_url,
                        task->account, rest);
}

/* ---- whose entry it is ---- */

static const char *find_person(struct task *task, const char *email)
{
    struct buf bytes;
    struct json_fault fault;
    const msgpack_object *facts;
    buf_init(&bytes, task->arena);
    if (email == NULL || task->facts == NULL ||
        json_to_mp(task->arena, (struct slice){task->facts, strlen(task->facts)}, &bytes, &fault) !=
            ERR_OK ||
        mp_read(task->arena, (struct slice){bytes.data, bytes.len}, &facts) != ERR_OK)
        return NULL;
    const msgpack_object *people = mp_find(facts, "people");
    for (uint32_t i = 0;
         people != NULL && people->type == MSGPACK_OBJECT_ARRAY && i < people->via.array.size;
         i++) {
        const char *theirs = mp_text(task->arena, mp_find(&people->via.array.ptr[i], "email"));
        if (theirs != NULL && strcasecmp(theirs, email) == 0)
            return mp_text(task->arena, mp_find(&people->via.array.ptr[i], "id"));
    }
    return NULL;
}

static bool ask_people(struct task *task)
{
    struct http_reply reply;
    struct buf facts;
    struct sql sql;
    struct pg_result *rows;
    struct ask ask = {"GET", moneybird_url(task, "users.json"), NULL, NULL};
    if (!deliver_ask(task, &ask, &reply))
        return false;
    if (reply.status != 200 || reply.object == NULL || reply.object->type != MSGPACK_OBJECT_ARRAY)
        return moneybird_fail(task, &reply);
    buf_init(&facts, task->arena);
    buf_puts(&facts, "{\"people\":[");
    for (uint32_t i = 0; i < reply.object->via.array.size; i++) {
        const msgpack_object *person = &reply.object->via.array.ptr[i];
        buf_printf(&facts, "%s{\"id\":", i == 0 ? "" : ",");
        buf_puts_json(&facts, moneybird_id(task->arena, mp_find(person, "id")));
        buf_puts(&facts, ",\"email\":");
        buf_puts_json(&facts, mp_text(task->arena, mp_find(person, "email")));
        buf_putc(&facts, '}');
    }
    buf_puts(&facts, "]}");
    task->facts = facts.data;
    task->facts_age_ms = 0;
    sql_init(&sql, task->arena);
    int text = sql_bind(&sql, facts.data);
    sql_printf(&sql,
               "UPDATE sync.integrations SET facts = $%d::jsonb, facts_at = now()"
               " WHERE organization_id = core.org() AND id = $%d::bigint",
               text, sql_bind_int(&sql, task->integration_id));
    return deliver_sql(task, &sql, &rows);
}

static bool person_of(struct task *task, const char *email, const char **id)
{
    bool old = task->facts_age_ms < 0 || task->facts_age_ms > FACTS_MS;
    if (old && !ask_people(task))
        return false;
    *id = find_person(task, email);
    if (*id == NULL && task->facts_age_ms > FACTS_SOON_MS) {
        if (!ask_people(task))
            return false;
        *id = find_person(task, email);
    }
    if (*id != NULL)
        return true;
    return deliver_stop(task, OUTCOME_FAILED, "Moneybird knows no employee with the address %s.",
                        email == NULL ? "of this block's user" : email);
}

/* ---- one entry ---- */

enum { E_USER, E_START, E_END, E_WORDS, E_CONTACT, E_PROJECT, E_BILLABLE, E_ALL };
static const char *const entry_keys[E_ALL] = {"user_id",    "started_at", "ended_at", "description",
                                              "contact_id", "project_id", "billable"};

/* NULL: nothing there. billable: "true" or "false". */
struct entry {
    const char *value[E_ALL];
};

static bool entry_of(struct task *task, const struct block *b, struct entry *e)
{
    const char *user;
    if (!person_of(task, b->email, &user))
        return false;
    bool more = b->description != NULL && b->description[0] != '\0';
    const char *words =
        more ? arena_printf(task->arena, "%s: %s", b->title, b->description) : b->title;
    *e = (struct entry){{user, b->floor_start, b->floor_end, words, b->contact_id, b->project_id,
                         b->billable ? "true" : "false"}};
    return true;
}

static const char *entry_json(struct task *task, const struct entry *e, bool with_user)
{
    struct buf out;
    buf_init(&out, task->arena);
    bool first = true;
    for (int i = with_user ? E_USER : E_START; i < E_ALL; i++) {
        if (e->value[i] == NULL)
            continue;
        buf_printf(&out, "%s\"%s\":", first ? "{" : ",", entry_keys[i]);
        first = false;
        if (i == E_BILLABLE)
            buf_puts(&out, e->value[i]);
        else
            buf_puts_json(&out, e->value[i]);
    }
    buf_putc(&out, '}');
    return out.data;
}

static bool read_sent(struct task *task, const char *sent, struct entry *e)
{
    struct buf bytes;
    struct json_fault fault;
    const msgpack_object *object;
    buf_init(&bytes, task->arena);
    if (sent == NULL ||
        json_to_mp(task->arena, (struct slice){sent, strlen(sent)}, &bytes, &fault) != ERR_OK ||
        mp_read(task->arena, (struct slice){bytes.data, bytes.len}, &object) != ERR_OK)
        return false;
    for (int i = 0; i < E_ALL; i++) {
        const msgpack_object *value = mp_find(object, entry_keys[i]);
        bool flag = value != NULL && value->type == MSGPACK_OBJECT_BOOLEAN;
        e->value[i] = flag ? (value->via.boolean ? "true" : "false") : mp_text(task->arena, value);
    }
    return true;
}

static bool same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool same_entry(const struct entry *a, const struct entry *b)
{
    for (int i = 0; i < E_ALL; i++)
        if (!same(a->value[i], b->value[i]))
            return false;
    return true;
}

/* What PATCH cannot express: another user, or a contact or project that is no more. */
static bool needs_new(const struct entry *was, const struct entry *now)
{
    return !same(was->value[E_USER], now->value[E_USER]) ||
           (was->value[E_CONTACT] != NULL && now->value[E_CONTACT] == NULL) ||
           (was->value[E_PROJECT] != NULL && now->value[E_PROJECT] == NULL);
}

static void forget_entry(struct block *b)
{
    b->external_id = b->sent = NULL;
    b->is_there = b->is_frozen = false;
}

static bool frozen(struct task *task, struct block *b)
{
    b->is_frozen = true;
    if (!deliver_keep(task, b, "failed", false))
        return false;
    return deliver_stop(task, OUTCOME_FAILED,
                        "already invoiced: the time entry in Moneybird stays as it is.");
}

static const char *entry_url(struct task *task, const struct block *b)
{
    return moneybird_url(task, arena_printf(task->arena, "time_entries/%s.json", b->external_id));
}

/* Is the entry there, and free to change? *there false: it is gone. */
static bool inspect(struct task *task, struct block *b, bool *there)
{
    struct http_reply reply;
    if (!deliver_ask(task, &(struct ask){"GET", entry_url(task, b), NULL, NULL}, &reply))
        return false;
    *there = reply.status == 200;
    if (reply.status != 200 && reply.status != 404)
        return moneybird_fail(task, &reply);
    if (*there && !moneybird_take_invoiced(task, reply.object))
        return false;
    if (*there && !mp_is_null(mp_find(reply.object, "sales_invoice_id")))
        return frozen(task, b);
    b->is_frozen = false;
    return true;
}

static bool take_away(struct task *task, struct block *b)
{
    struct http_reply reply;
    bool there;
    if (!inspect(task, b, &there))
        return false;
    if (there) {
        if (!deliver_ask(task, &(struct ask){"DELETE", entry_url(task, b), NULL, NULL}, &reply))
            return false;
        if (reply.status >= 300 && reply.status != 404)
            return moneybird_fail(task, &reply);
    }
    forget_entry(b);
    return deliver_keep(task, b, "syncing", false);
}

/* Moneybird prints milliseconds, we do not: what counts is the minute. */
static bool same_minute(const char *a, const char *b)
{
    return a != NULL && b != NULL && strlen(a) >= 16 && strlen(b) >= 16 && strncmp(a, b, 10) == 0 &&
           strncmp(a + 11, b + 11, 5) == 0;
}

static bool matches(struct task *task, const msgpack_object *o, const struct entry *e)
{
    struct arena *a = task->arena;
    return same_minute(mp_text(a, mp_find(o, "started_at")), e->value[E_START]) &&
           same_minute(mp_text(a, mp_find(o, "ended_at")), e->value[E_END]) &&
           mp_same(mp_find(o, "description"), e->value[E_WORDS]) &&
           same(moneybird_id(a, mp_find(o, "user_id")), e->value[E_USER]) &&
           same(moneybird_id(a, mp_find(o, "contact_id")), e->value[E_CONTACT]) &&
           same(moneybird_id(a, mp_find(o, "project_id")), e->value[E_PROJECT]);
}

/* An entry another block of ours stands for is not this one's. */
static bool is_free(struct task *task, const char *id, bool *free)
{
    struct sql sql;
    struct pg_result *rows;
    sql_init(&sql, task->arena);
    int integration = sql_bind_int(&sql, task->integration_id), external = sql_bind(&sql, id);
    sql_printf(&sql,
               "SELECT NOT EXISTS (SELECT FROM sync.links WHERE organization_id = core.org()"
               " AND integration_id = $%d::bigint AND external_id = $%d::text"
               " AND record_id <> $%d::bigint)",
               integration, external, sql_bind_int(&sql, task->record_id));
    if (!deliver_sql(task, &sql, &rows))
        return false;
    *free = pg_true(rows, 0, 0);
    return true;
}

static bool search_page(struct task *task, struct block *b, const struct entry *e,
                        const msgpack_object *list)
{
    for (uint32_t i = 0; i < list->via.array.size; i++) {
        const msgpack_object *o = &list->via.array.ptr[i];
        const char *id = moneybird_id(task->arena, mp_find(o, "id"));
        bool free = false;
        if (id == NULL || !matches(task, o, e))
            continue;
        if (!is_free(task, id, &free))
            return false;
        if (!free)
            continue;
        b->external_id = id;
        b->is_there = true;
        b->sent = entry_json(task, e, true);
        return true;
    }
    return true;
}

/* Did an earlier creation land after all? external_id is set when it did. */
static bool look_up(struct task *task, struct block *b, const struct entry *e)
{
    for (int page = 1; page <= PAGES; page++) {
        struct buf url;
        struct http_reply reply;
        buf_init(&url, task->arena);
        buf_puts(&url, moneybird_url(task, "time_entries.json?"));
        http_form(&url, "filter",
                  arena_printf(task->arena, "period:%s..%s,user_id:%s,state:all", b->day_from,
                               b->day_to, e->value[E_USER]));
        buf_printf(&url, "&per_page=%d&page=%d", PAGE, page);
        if (!deliver_ask(task, &(struct ask){"GET", url.data, NULL, NULL}, &reply))
            return false;
        if (reply.status != 200 || reply.object == NULL ||
            reply.object->type != MSGPACK_OBJECT_ARRAY)
            return moneybird_fail(task, &reply);
        if (!search_page(task, b, e, reply.object))
            return false;
        if (b->external_id != NULL || reply.object->via.array.size < PAGE)
            return true;
    }
    return true;
}

static bool create(struct task *task, struct block *b, const struct entry *e)
{
    struct http_reply reply;
    b->sent = entry_json(task, e, true); /* what to look for */
    if (!deliver_keep(task, b, "syncing", true))
        return false;
    struct ask ask = {"POST", moneybird_url(task, "time_entries.json"),
                      arena_printf(task->arena, "{\"time_entry\":%s}", entry_json(task, e, true)),
                      NULL};
    if (!deliver_ask(task, &ask, &reply))
        return false;
    if (reply.status >= 300) {
        b->sent = NULL; /* refused: nothing to look up */
        return deliver_keep(task, b, "syncing", false) && moneybird_fail(task, &reply);
    }
    b->external_id = moneybird_id(task->arena, mp_find(reply.object, "id"));
    if (b->external_id == NULL)
        return deliver_stop(task, OUTCOME_RETRY, "Moneybird's answer could not be read.");
    b->is_there = true;
    return deliver_keep(task, b, "synced", false);
}

static bool change(struct task *task, struct block *b, const struct entry *e, bool *there)
{
    struct http_reply reply;
    if (!inspect(task, b, there))
        return false;
    if (!*there)
        return true;
    struct ask ask = {"PATCH", entry_url(task, b),
                      arena_printf(task->arena, "{\"time_entry\":%s}", entry_json(task, e, false)),
                      NULL};
    if (!deliver_ask(task, &ask, &reply))
        return false;
    *there = reply.status != 404;
    if (reply.status >= 300 && *there)
        return moneybird_fail(task, &reply);
    if (*there)
        b->sent = entry_json(task, e, true);
    return true;
}

/* Brings the entry to what the block says. */
static bool bring(struct task *task, struct block *b)
{
    struct entry now, was;
    if (!entry_of(task, b, &now))
        return false;
    bool known = read_sent(task, b->sent, &was);
    if (b->external_id == NULL && b->attempted && !look_up(task, b, known ? &was : &now))
        return false;
    if (b->external_id != NULL && known && same_entry(&was, &now))
        return deliver_keep(task, b, "synced", false);
    if (b->external_id != NULL && known && needs_new(&was, &now) && !take_away(task, b))
        return false;
    if (b->external_id != NULL) {
        bool there = true;
        if (!change(task, b, &now, &there))
            return false;
        if (there)
            return deliver_keep(task, b, "synced", false);
        forget_entry(b);
    }
    return create(task, b, &now);
}

/* A creation that was never heard of must be found before it can be taken away. */
static bool withdraw(struct task *task, struct block *b)
{
    struct entry was;
    if (b->external_id == NULL && b->attempted && read_sent(task, b->sent, &was) &&
        !look_up(task, b, &was))
        return false;
    if (b->external_id != NULL && !take_away(task, b))
        return false;
    return deliver_keep(task, b, "none", false);
}

static void push(struct task *task)
{
    struct block b;
    task->result = (struct result){0};
    if (!deliver_load(task, &b))
        return;
    if (b.wanted ? bring(task, &b) : withdraw(task, &b))
        deliver_stop(task, OUTCOME_DONE, NULL);
}

void moneybird_run(struct task *task)
{
    if (strcmp(task->kind, "push") == 0)
        push(task);
    else if (strcmp(task->kind, "import") == 0)
        moneybird_import(task);
    else
        deliver_stop(task, OUTCOME_DONE, NULL);
}
