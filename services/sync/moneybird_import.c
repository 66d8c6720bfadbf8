/*
 * moneybird_import.c - contacts and projects of Moneybird become clients and projects, once a day
 * and when asked; who was thrown away here is not brought back. Hours that were invoiced there are
 * billed here.
 */
#include <string.h>

#include "services/sync/moneybird.h"

enum { DAY_MS = 86400000, PAGE = 100, PAGES = 200 };

static bool is_true(const msgpack_object *o)
{
    return o != NULL && o->type == MSGPACK_OBJECT_BOOLEAN && o->via.boolean;
}

static void put_pair(struct buf *out, const char *key, const char *value)
{
    buf_puts_json(out, key);
    buf_putc(out, ':');
    buf_puts_json(out, value);
}

/* One kind of what is listed: how an object is told to the database, and what takes it there. */
struct kind {
    void (*put)(struct task *task, struct buf *out, const char *id, const msgpack_object *o);
    const char *take; /* of e; $1 is the integration */
};

static void put_contact(struct task *task, struct buf *out, const char *id, const msgpack_object *o)
{
    struct arena *a = task->arena;
    const char *name = mp_text(a, mp_find(o, "company_name"));
    const char *first = mp_text(a, mp_find(o, "firstname"));
    const char *last = mp_text(a, mp_find(o, "lastname"));
    if (name == NULL || name[0] == '\0')
        name = arena_printf(a, "%s%s%s", first == NULL ? "" : first,
                            first != NULL && first[0] != '\0' && last != NULL ? " " : "",
                            last == NULL ? "" : last);
    put_pair(out, "id", id);
    buf_putc(out, ',');
    put_pair(out, "name", name);
    buf_putc(out, ',');
    put_pair(out, "email", mp_text(a, mp_find(o, "email")));
    buf_printf(out, ",\"archived\":%s", is_true(mp_find(o, "archived")) ? "true" : "false");
}

static void put_project(struct task *task, struct buf *out, const char *id, const msgpack_object *o)
{
    put_pair(out, "id", id);
    buf_putc(out, ',');
    put_pair(out, "name", mp_text(task->arena, mp_find(o, "name")));
    buf_printf(out, ",\"active\":%s", mp_same(mp_find(o, "state"), "active") ? "true" : "false");
}

/* The invoice's number, else its id. */
static void put_entry(struct task *task, struct buf *out, const char *id, const msgpack_object *o)
{
    struct arena *a = task->arena;
    const char *invoice = moneybird_id(a, mp_find(o, "sales_invoice_id"));
    const char *number = mp_text(a, mp_find(mp_find(o, "sales_invoice"), "invoice_id"));
    if (invoice != NULL && number != NULL && number[0] != '\0')
        invoice = number;
    put_pair(out, "id", id);
    buf_putc(out, ',');
    put_pair(out, "invoice", invoice);
}

static const struct kind contacts = {
    put_contact,
    "sync.take_contact(e ->> 'id', e ->> 'name', e ->> 'email', (e ->> 'archived')::boolean)"};
static const struct kind projects = {
    put_project, "sync.take_project(e ->> 'id', e ->> 'name', (e ->> 'active')::boolean)"};
static const struct kind entries = {put_entry,
                                    "sync.take_invoiced($1::bigint, e ->> 'id', e ->> 'invoice')"};

/* A page at once: one object after the other, a long list would not be read within one lease. */
static bool take(struct task *task, const struct kind *kind, const msgpack_object *o, uint32_t n)
{
    struct buf all;
    struct sql sql;
    struct pg_result *rows;
    buf_init(&all, task->arena);
    buf_putc(&all, '[');
    for (uint32_t i = 0; i < n; i++) {
        const char *id = moneybird_id(task->arena, mp_find(&o[i], "id"));
        if (id == NULL)
            continue;
        buf_puts(&all, all.len > 1 ? ",{" : "{");
        kind->put(task, &all, id, &o[i]);
        buf_putc(&all, '}');
    }
    buf_putc(&all, ']');
    sql_init(&sql, task->arena);
    (void)sql_bind_int(&sql, task->integration_id); /* $1 */
    int list = sql_bind(&sql, all.data);
    sql_printf(&sql, "SELECT %s FROM jsonb_array_elements($%d::jsonb) e WHERE $1::bigint > 0",
               kind->take, list);
    return deliver_sql(task, &sql, &rows);
}

bool moneybird_take_invoiced(struct task *task, const msgpack_object *entry)
{
    return take(task, &entries, entry, 1);
}

/* ---- lists, page by page ---- */

/* place = list * LIST + page: the page to read next. */
enum { LIST = 1000 };

static bool find_place(struct task *task, int64_t *place)
{
    struct sql sql;
    struct pg_result *rows;
    sql_init(&sql, task->arena);
    sql_printf(&sql,
               "SELECT coalesce(max(place), 0) FROM sync.jobs WHERE organization_id = core.org()"
               " AND integration_id = $%d::bigint AND kind = 'import'",
               sql_bind_int(&sql, task->integration_id));
    bool good = deliver_sql(task, &sql, &rows);
    *place = good ? pg_int(rows, 0, 0) : 0;
    return good;
}

static bool keep_place(struct task *task, int64_t place)
{
    struct sql sql;
    struct pg_result *rows;
    sql_init(&sql, task->arena);
    sql_printf(&sql, "UPDATE sync.jobs SET place = $%d::integer", sql_bind_int(&sql, place));
    sql_printf(&sql,
               " WHERE organization_id = core.org() AND integration_id = $%d::bigint"
               " AND kind = 'import'",
               sql_bind_int(&sql, task->integration_id));
    return deliver_sql(task, &sql, &rows);
}

/* The entries of the last months, which may have been invoiced since. */
static const char *recent_entries(struct task *task)
{
    struct sql sql;
    struct pg_result *rows;
    sql_init(&sql, task->arena);
    sql_puts(&sql, "SELECT 'time_entries.json?filter=period%3A' || to_char(now() - interval '92"
                   " days', 'YYYYMMDD') || '..' || to_char(now() + interval '1 day', 'YYYYMMDD')"
                   " || '%2Cstate%3Aall'");
    return deliver_sql(task, &sql, &rows) ? pg_text(rows, 0, 0) : NULL;
}

struct list {
    const struct kind *kind;
    const char *path;
};

/* Every page of a list from this one; one that is short is the last. */
static bool take_all(struct task *task, const struct list *list, int64_t place)
{
    for (int64_t page = place % LIST; page <= PAGES; page++) {
        struct http_reply reply;
        struct ask ask = {"GET",
                          moneybird_url(task, arena_printf(task->arena, "%s&per_page=%d&page=%lld",
                                                           list->path, (int)PAGE, (long long)page)),
                          NULL, NULL};
        if (!keep_place(task, place - place % LIST + page) || !deliver_ask(task, &ask, &reply))
            return false;
        if (reply.status != 200 || reply.object == NULL ||
            reply.object->type != MSGPACK_OBJECT_ARRAY)
            return moneybird_fail(task, &reply);
        const msgpack_object_array *objects = &reply.object->via.array;
        if (!take(task, list->kind, objects->ptr, objects->size))
            return false;
        if (objects->size < PAGE)
            return true;
    }
    return true;
}

void moneybird_import(struct task *task)
{
    const struct list lists[] = {{&contacts, "contacts.json?include_archived=true"},
                                 {&projects, "projects.json?filter=state%3Aall"},
                                 {&entries, recent_entries(task)}};
    int64_t place;
    if (lists[2].path == NULL || !find_place(task, &place))
        return;
    for (size_t i = (size_t)place / LIST; i < COUNT_OF(lists); i++, place = 0)
        if (!take_all(task, &lists[i], (int64_t)i * LIST + (place == 0 ? 1 : place % LIST)))
            return;
    if (!keep_place(task, 0))
        return;
    deliver_stop(task, OUTCOME_LATER, NULL);
    task->result.wait_ms = DAY_MS;
}
