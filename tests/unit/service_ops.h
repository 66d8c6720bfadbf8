/* service_ops.h - a service of a few ops over one table, public.things. */
#ifndef TESTS_UNIT_SERVICE_OPS_H
#define TESTS_UNIT_SERVICE_OPS_H

#include "services/core/service.h"

static inline struct sql *begin_sql(struct call *call, const char *text)
{
    struct sql *sql = arena_alloc(call->arena, sizeof *sql);
    sql_init(sql, call->arena);
    sql_puts(sql, text);
    return sql;
}

static inline enum err put(struct call *call)
{
    struct pg_result *rows;
    struct sql *sql = begin_sql(call, "INSERT INTO public.things (id, organization_id, made_by)"
                                      " VALUES ($1::bigint, core.org(), core.usr())"
                                      " RETURNING json_build_object('id', id, 'at', now())");
    (void)sql_bind_int(sql, call->request->row);
    enum err err = call_run(call, sql, &rows);
    if (err != ERR_OK)
        return err;
    call->reply->json = (struct slice){pg_text(rows, 0, 0), pg_len(rows, 0, 0)};
    return ERR_OK;
}

static inline enum err put_and_refuse(struct call *call)
{
    enum err err = put(call);
    return err == ERR_OK ? call_fail(call, ERR_CONFLICT, "refused") : err;
}

static inline enum err put_and_break(struct call *call)
{
    enum err err = put(call);
    return err == ERR_OK ? call_fail(call, ERR_INTERNAL, NULL) : err;
}

static inline enum err put_slowly(struct call *call)
{
    struct pg_result *rows;
    enum err err = call_run(call, begin_sql(call, "SELECT pg_sleep(0.4)"), &rows);
    return err == ERR_OK ? put(call) : err;
}

/* Row 1 then 2, or 2 then 1: two of them lock each other out. */
static inline enum err touch_two(struct call *call)
{
    enum err err = ERR_OK;
    for (int64_t i = 0; err == ERR_OK && i < 2; i++) {
        struct pg_result *rows;
        struct sql *sql = begin_sql(call, "UPDATE public.things SET made_by = made_by + 1"
                                          " WHERE id = $1::bigint RETURNING pg_sleep(0.3)");
        (void)sql_bind_int(sql, call->request->row == 1 ? 1 + i : 2 - i);
        err = call_run(call, sql, &rows);
    }
    return err;
}

/* Works for another organization from here on, as registering does. */
static inline enum err change_organization(struct call *call)
{
    return call_json(call, begin_sql(call, "SELECT to_json(set_config('bureau.org', '20', true))"));
}

static inline enum err who(struct call *call)
{
    return call_json(call, begin_sql(call, "SELECT json_build_array(core.org(), core.usr(),"
                                           " core.org_zone(), core.user_zone())"));
}

/* No write: keeps what it wrote though it answers an error. */
static inline enum err note_and_refuse(struct call *call)
{
    enum err err = who(call);
    if (err == ERR_OK)
        err = call_transaction(call, put);
    return err == ERR_OK ? call_fail(call, ERR_UNAUTHENTICATED, NULL) : err;
}

/* Lets even rows in, as user 9; writes down that an odd one was refused. */
static inline enum err let_even_in(struct call *call)
{
    if (call->request->row % 2 == 0) {
        call->proven = 9;
        return ERR_OK;
    }
    enum err err = put(call);
    return err == ERR_OK ? call_fail(call, ERR_CONFLICT, "odd") : err;
}

static int afterwards_n;
static inline void count_afterwards(struct call *call)
{
    (void)call;
    afterwards_n++;
}

static const struct op ops[] = {
    {"put", "", put, true},
    {"put_and_refuse", "", put_and_refuse, true},
    {"put_and_break", "", put_and_break, true},
    {"put_slowly", "", put_slowly, true},
    {"put_even", "", put, true, .admit = let_even_in, .afterwards = count_afterwards},
    {"touch_two", "", touch_two, true},
    {"change_organization", "", change_organization, true},
    {"who", "", who, false},
    {"note_and_refuse", "", note_and_refuse, false},
    {0},
};
static const struct service service = {.name = "crm", .ops = ops};

#endif
