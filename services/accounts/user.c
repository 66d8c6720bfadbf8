/*
 * user.c - members of the organization as document 003's users. Source: seed 003 "Users",
 * rentals.md 1.3, 2.1 and 4.2, decisions.md 2 and 8.
 */
#include "services/accounts/user.h"

#include <string.h>

#include "services/accounts/form.h"
#include "services/accounts/hooks.h"
#include "services/accounts/member.h"

enum { PAGE = 100 };

enum err user_allowed(struct call *call, int64_t user)
{
    const struct caller *who = &call->request->who;
    if (who->user_id == user || who->role >= ROLE_ADMIN)
        return ERR_OK;
    return call_fail(call, ERR_ACL, NULL);
}

enum err user_show(struct call *call, int64_t user)
{
    struct sql sql;
    sql_init(&sql, call->arena);
    sql_printf(&sql, "SELECT accounts.user_json($%d::bigint)", sql_bind_int(&sql, user));
    return call_json(call, &sql);
}

/* The truth of a query value as the original took it. */
static bool is_true(const struct call *call, const char *name, bool absent)
{
    const char *value = query_find(call->request, name);
    if (value == NULL)
        return absent;
    return value[0] != '\0' && strcmp(value, "0") != 0;
}

static const char *order_of(const struct call *call)
{
    static const char *const orders[][2] = {
        {"pseudo", "u.pseudo"},
        {"email", "u.email"},
        {"id", "u.id"},
        {"group_id", "accounts.group_of(m.role)"},
        {"created_at", "u.created_at"},
        {"updated_at", "u.updated_at"},
    };
    const char *asked = query_find(call->request, "orderBy");
    for (size_t i = 0; i < COUNT_OF(orders); i++)
        if (asked != NULL && strcmp(asked, orders[i][0]) == 0)
            return orders[i][1];
    return orders[0][1];
}

static int64_t page_of(const struct call *call)
{
    const char *text = query_find(call->request, "page");
    int64_t page = 0;
    if (text == NULL || strlen(text) > 9 || strspn(text, "0123456789") != strlen(text))
        return 1;
    for (; *text != '\0'; text++)
        page = page * 10 + (*text - '0');
    return page < 1 ? 1 : page;
}

static void add_search(const struct call *call, struct sql *sql)
{
    const char *search = query_find(call->request, "search");
    const char *by = query_find(call->request, "searchBy");
    if (search == NULL || search[strspn(search, " ")] == '\0')
        return;
    bool email = by != NULL && strcmp(by, "email") == 0;
    sql_printf(sql,
               " AND core.fold(%s) LIKE '%%' || core.like_escape(core.fold(btrim($%d::text)))"
               " || '%%'",
               email ? "u.email::text" : "coalesce(u.pseudo, u.email)::text",
               sql_bind(sql, search));
}

enum err user_list(struct call *call)
{
    struct sql sql;
    struct pg_result *result;
    int64_t page = page_of(call);
    sql_init(&sql, call->arena);
    sql_printf(&sql,
               "WITH f AS (SELECT u.id, row_number() OVER (ORDER BY %s %s NULLS LAST, u.id) AS n"
               " FROM accounts.members m JOIN accounts.users u ON u.id = m.user_id"
               " WHERE m.organization_id = core.org() AND m.deleted_at IS %s NULL",
               order_of(call), is_true(call, "ascending", true) ? "ASC" : "DESC",
               is_true(call, "deleted", false) ? "NOT" : "");
    add_search(call, &sql);
    sql_printf(&sql,
               "), p AS (SELECT * FROM f WHERE n > $%d::bigint AND n <= $%d::bigint)"
               " SELECT (SELECT count(*) FROM f), (SELECT count(*) FROM p), coalesce((SELECT"
               " json_agg(accounts.user_json(p.id) ORDER BY p.n) FROM p), '[]')",
               sql_bind_int(&sql, (page - 1) * PAGE), sql_bind_int(&sql, page * PAGE));
    enum err err = call_run(call, &sql, &result);
    if (err != ERR_OK)
        return err;
    call->reply->page = (struct page){
        .number = page, .size = PAGE, .total = pg_int(result, 0, 0), .rows = pg_int(result, 0, 1)};
    answer(call, pg_text(result, 0, 2));
    return ERR_OK;
}

enum err user_get(struct call *call)
{
    enum role role;
    int64_t user = call->request->row;
    enum err err = user_allowed(call, user);
    if (err == ERR_OK)
        err = member_role(call, user, false, NULL, &role);
    return err != ERR_OK ? err : user_show(call, user);
}

static enum err trash(struct call *call, int64_t user)
{
    struct sql sql;
    struct pg_result *result;
    sql_init(&sql, call->arena);
    sql_printf(&sql,
               "UPDATE accounts.members SET deleted_at = clock_timestamp()"
               " WHERE organization_id = core.org() AND user_id = $%d::bigint",
               sql_bind_int(&sql, user));
    enum err err = call_run(call, &sql, &result);
    return err != ERR_OK ? err : user_show(call, user);
}

static enum err destroy(struct call *call, int64_t user)
{
    struct sql sql;
    struct pg_result *result;
    sql_init(&sql, call->arena);
    sql_printf(&sql, "SELECT accounts.user_destroy($%d::bigint)", sql_bind_int(&sql, user));
    answer(call, "{\"destroyed\":true}");
    return call_run(call, &sql, &result);
}

/* The role, and whether she is in the trash already. */
static enum err find_any(struct call *call, int64_t user, bool *trashed, enum role *role)
{
    struct sql sql;
    struct pg_result *result;
    sql_init(&sql, call->arena);
    sql_printf(&sql,
               "SELECT role, deleted_at IS NOT NULL FROM accounts.members"
               " WHERE organization_id = core.org() AND user_id = $%d::bigint FOR UPDATE",
               sql_bind_int(&sql, user));
    enum err err = row_of(call, &sql, NULL, &result);
    if (err != ERR_OK)
        return err;
    *role = role_of(pg_text(result, 0, 0));
    *trashed = pg_true(result, 0, 1);
    return ERR_OK;
}

enum err user_delete(struct call *call)
{
    enum role role;
    bool trashed;
    int64_t user = call->request->row;
    if (user == call->request->who.user_id)
        return call_fail(call, ERR_MALFORMED, "Cannot delete user that is currently logged in.");
    enum err err = find_any(call, user, &trashed, &role);
    if (err == ERR_OK && role == ROLE_OWNER && call->request->who.role != ROLE_OWNER)
        err = call_fail(call, ERR_ACL, NULL);
    if (err == ERR_OK && !trashed)
        err = member_may_become(call, user, role, ROLE_NONE);
    if (err != ERR_OK)
        return err;
    forget_user(call, user);
    return trashed ? destroy(call, user) : trash(call, user);
}

enum err user_restore(struct call *call)
{
    enum role role;
    struct sql sql;
    struct pg_result *result;
    int64_t user = call->request->row;
    enum err err = member_role(call, user, true, NULL, &role);
    if (err == ERR_OK && role == ROLE_OWNER && call->request->who.role != ROLE_OWNER)
        err = call_fail(call, ERR_ACL, NULL);
    if (err != ERR_OK)
        return err;
    sql_init(&sql, call->arena);
    sql_printf(&sql,
               "UPDATE accounts.members SET deleted_at = NULL"
               " WHERE organization_id = core.org() AND user_id = $%d::bigint",
               sql_bind_int(&sql, user));
    forget_user(call, user);
    err = call_run(call, &sql, &result);
    return err != ERR_OK ? err : user_show(call, user);
}
