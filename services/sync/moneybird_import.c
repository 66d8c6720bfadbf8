/*
 * moneybird_import.c - contacts and projects of Moneybird become clients and projects, once a day
 * and when asked. Who was thrown away here is not brought back.
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
    if (!take_all(task, "contacts.json?include_archived=true", take_contact) ||
        !take_all(task, "projects.json?filter=state%3Aall", take_project))
        return;
    deliver_stop(task, OUTCOME_LATER, NULL);
    task->result.wait_ms = DAY_MS;
}
