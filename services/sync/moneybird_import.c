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

static bool take_contact(struct task *task, const msgpack_object *o)
{
    struct arena *a = task->arena;
    struct sql sql;
    struct pg_result *rows;
    const char *id = moneybird_id(a, mp_find(o, "id"));
    const char *name = mp_text(a, mp_find(o, "company_name"));
    const char *first = mp_text(a, mp_find(o, "firstname"));
    const char *last = mp_text(a, mp_find(o, "lastname"));
    if (id == NULL)
        return true;
    if (name == NULL || name[0] == '\0')
        name = arena_printf(a, "%s%s%s", first == NULL ? "" : first,
                            first != NULL && first[0] != '\0' && last != NULL ? " " : "",
                            last == NULL ? "" : last);
    sql_init(&sql, a);
    int external = sql_bind(&sql, id), named = sql_bind(&sql, name);
    int email = sql_bind(&sql, mp_text(a, mp_find(o, "email")));
    sql_printf(&sql, "SELECT sync.take_contact($%d::text, $%d::text, $%d::text, $%d::boolean)",
               external, named, email,
               sql_bind(&sql, is_true(mp_find(o, "archived")) ? "true" : "false"));
    return deliver_sql(task, &sql, &rows);
}

static bool take_project(struct task *task, const msgpack_object *o)
{
    struct arena *a = task->arena;
    struct sql sql;
    struct pg_result *rows;
    const char *id = moneybird_id(a, mp_find(o, "id"));
    if (id == NULL)
        return true;
    sql_init(&sql, a);
    int external = sql_bind(&sql, id), name = sql_bind(&sql, mp_text(a, mp_find(o, "name")));
    bool active = mp_same(mp_find(o, "state"), "active");
    sql_printf(&sql, "SELECT sync.take_project($%d::text, $%d::text, $%d::boolean)", external, name,
               sql_bind(&sql, active ? "true" : "false"));
    return deliver_sql(task, &sql, &rows);
}

/* The invoice's number, else its id. */
bool moneybird_take_invoiced(struct task *task, const msgpack_object *o)
{
    struct arena *a = task->arena;
    struct sql sql;
    struct pg_result *rows;
    const char *id = moneybird_id(a, mp_find(o, "id"));
    const char *invoice = moneybird_id(a, mp_find(o, "sales_invoice_id"));
    const char *number = mp_text(a, mp_find(mp_find(o, "sales_invoice"), "invoice_id"));
    if (id == NULL)
        return true;
    if (invoice != NULL && number != NULL && number[0] != '\0')
        invoice = number;
    sql_init(&sql, a);
    int integration = sql_bind_int(&sql, task->integration_id), external = sql_bind(&sql, id);
    sql_printf(&sql, "SELECT sync.take_invoiced($%d::bigint, $%d::text, $%d::text)", integration,
               external, sql_bind(&sql, invoice));
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

/* Every page of a list; one that is short is the last. */
static bool take_all(struct task *task, const char *list,
                     bool (*take)(struct task *task, const msgpack_object *o))
{
    for (int page = 1; page <= PAGES; page++) {
        struct http_reply reply;
        struct ask ask = {"GET",
                          moneybird_url(task, arena_printf(task->arena, "%s&per_page=%d&page=%d",
                                                           list, (int)PAGE, page)),
                          NULL, NULL};
        if (!deliver_ask(task, &ask, &reply))
            return false;
        if (reply.status != 200 || reply.object == NULL ||
            reply.object->type != MSGPACK_OBJECT_ARRAY)
            return moneybird_fail(task, &reply);
        for (uint32_t i = 0; i < reply.object->via.array.size; i++)
            if (!take(task, &reply.object->via.array.ptr[i]))
                return false;
        if (reply.object->via.array.size < PAGE)
            return true;
    }
    return true;
}

void moneybird_import(struct task *task)
{
    const char *entries = recent_entries(task);
    if (entries == NULL || !take_all(task, "contacts.json?include_archived=true", take_contact) ||
        !take_all(task, "projects.json?filter=state%3Aall", take_project) ||
        !take_all(task, entries, moneybird_take_invoiced))
        return;
    deliver_stop(task, OUTCOME_LATER, NULL);
    task->result.wait_ms = DAY_MS;
}
