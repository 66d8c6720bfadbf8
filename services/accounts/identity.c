/* identity.c - who a credential stands for; see proto/identity.h for the question and the answer.
 */
#include "proto/identity.h"

#include <string.h>

#include "services/accounts/form.h"
#include "services/accounts/hooks.h"

static const char *ask(const struct call *call, const char *name)
{
    const char *value = query_find(call->request, name);
    return value != NULL ? value : "";
}

/* A number of the query, as text that PostgreSQL takes; "0" when it is none. */
static const char *ask_number(const struct call *call, const char *name)
{
    const char *value = ask(call, name);
    bool digits = value[0] != '\0' && strlen(value) <= 18;
    return digits && strspn(value, "0123456789") == strlen(value) ? value : "0";
}

/* The statement that finds the credential's person and organizations in one round trip. */
static bool plan(const struct call *call, struct sql *sql, enum identity_kind *kind)
{
    const char *asked = ask(call, "kind");
    int hash = sql_bind(sql, ask(call, "hash"));
    sql_puts(sql, "SELECT c.user_id, c.token_id, c.expires_ms, c.abilities, i.language, i.zone,"
                  " i.current_organization, i.organization_id, i.role, i.org_zone, i.custom FROM ");
    if (strcmp(asked, "token") == 0) {
        *kind = IDENTITY_TOKEN;
        sql_printf(sql, "accounts.identity_token($%d::bigint, $%d::text)",
                   sql_bind(sql, ask_number(call, "id")), hash);
    } else if (strcmp(asked, "session") == 0) {
        *kind = IDENTITY_SESSION;
        sql_printf(sql, "accounts.identity_session($%d::text)", hash);
    } else if (strcmp(asked, "jwt") == 0) {
        *kind = IDENTITY_JWT;
        int user = sql_bind(sql, ask_number(call, "user"));
        sql_printf(sql, "accounts.identity_jwt($%d::text, $%d::bigint, $%d::bigint)", hash, user,
                   sql_bind(sql, ask_number(call, "iat")));
    } else {
        return false;
    }
    sql_puts(sql, " c CROSS JOIN LATERAL accounts.identity_of(c.user_id) i");
    return true;
}

static int64_t number_of(const char *digits)
{
    int64_t value = 0;
    for (; *digits >= '0' && *digits <= '9'; digits++)
        value = value * 10 + (*digits - '0');
    return value;
}

static void fill(struct call *call, const struct pg_result *rows, struct identity *who)
{
    size_t n = (size_t)pg_rows(rows);
    int64_t named = number_of(ask_number(call, "organization"));
    who->user_id = pg_int(rows, 0, 0);
    who->token_id = pg_int(rows, 0, 1);
    who->expires_ms = pg_int(rows, 0, 2);
    who->abilities = pg_text(rows, 0, 3);
    who->language = pg_text(rows, 0, 4);
    who->zone = pg_text(rows, 0, 5);
    who->current_organization = pg_int(rows, 0, 6);
    who->memberships = arena_alloc(call->arena, n * sizeof(struct membership));
    for (size_t i = 0; i < n; i++) {
        int64_t organization = pg_int(rows, (int)i, 7);
        if (organization == 0)
            continue;
        who->memberships[who->memberships_n++] =
            (struct membership){organization, role_of(pg_text(rows, (int)i, 8)),
                                pg_text(rows, (int)i, 9), pg_int(rows, (int)i, 10)};
        if (organization == named && who->kind == IDENTITY_JWT)
            who->current_organization = named;
    }
}

enum err identity_op(struct call *call)
{
    struct identity who = {0};
    struct sql sql;
    struct pg_result *result;
    sql_init(&sql, call->arena);
    if (!plan(call, &sql, &who.kind))
        return call_fail(call, ERR_UNAUTHENTICATED, NULL);
    enum err err = call_run(call, &sql, &result);
    if (err != ERR_OK)
        return err;
    if (pg_rows(result) == 0)
        return call_fail(call, ERR_UNAUTHENTICATED, NULL);
    fill(call, result, &who);
    struct buf text;
    buf_init(&text, call->arena);
    identity_write(&text, &who);
    call->reply->json = (struct slice){text.data, text.len};
    call->reply->bare = true;
    return ERR_OK;
}
