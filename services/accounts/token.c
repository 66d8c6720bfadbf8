/* token.c - personal access tokens. Source: seed 000 "Authentication", decisions.md 3 and 8. */
#include <string.h>

#include "proto/routes.h"
#include "services/accounts/end.h"
#include "services/accounts/form.h"
#include "services/accounts/hooks.h"
#include "services/accounts/secret.h"

#define TOKEN_JSON                                                                                 \
    "json_build_object('id', t.id, 'name', t.name, 'abilities', to_json(t.abilities),"             \
    " 'expires_at', core.iso(t.expires_at), 'last_used_at', core.iso(t.last_used_at),"             \
    " 'created_at', core.iso(t.created_at))"

enum { ABILITIES_MAX = 100 };

enum err token_list(struct call *call)
{
    struct sql sql;
    sql_init(&sql, call->arena);
    sql_puts(&sql, "SELECT coalesce(json_agg(" TOKEN_JSON " ORDER BY t.id), '[]')"
                   " FROM accounts.tokens t WHERE t.user_id = core.usr()"
                   " AND (t.expires_at IS NULL OR t.expires_at > now())");
    return call_json(call, &sql);
}

/* "/api/clients…" has the word "clients". */
static bool is_word(const char *word, size_t len)
{
    for (size_t i = 0; i < routes_count(); i++) {
        const char *pattern = routes_at(i)->pattern;
        if (strncmp(pattern, "/api/", 5) == 0 && strncmp(pattern + 5, word, len) == 0 &&
            (pattern[5 + len] == '\0' || pattern[5 + len] == '/'))
            return true;
    }
    return false;
}

static bool is_ability(const char *text)
{
    static const char *const verbs[] = {"read", "write", "delete"};
    if (strcmp(text, "*") == 0 || strcmp(text, "read") == 0 || strcmp(text, "write") == 0)
        return true;
    const char *colon = strchr(text, ':');
    if (colon == NULL || colon == text || !is_word(text, (size_t)(colon - text)))
        return false;
    for (size_t i = 0; i < COUNT_OF(verbs); i++)
        if (strcmp(colon + 1, verbs[i]) == 0)
            return true;
    return false;
}

/* A token may not make one that may more: each ability must be one of its own, or below it. */
static bool may_give(const char *own, const char *ability)
{
    size_t len;
    const char *colon = strchr(ability, ':');
    for (; *own != '\0'; own += len + strspn(own + len, " ,")) {
        len = strcspn(own, " ,");
        if (len == 1 && own[0] == '*')
            return true;
        if (strlen(ability) == len && strncmp(own, ability, len) == 0)
            return true;
        if (colon != NULL && strlen(colon + 1) == len && strncmp(own, colon + 1, len) == 0)
            return true;
    }
    return false;
}

static enum err read_ability(struct call *call, const msgpack_object *value, size_t at,
                             const char **out)
{
    const char *name = arena_printf(call->arena, "abilities.%zu", at);
    const char *text = mp_text(call->arena, value);
    if (text == NULL)
        return call_fault(call, name, RULE_STRING, NULL, NULL);
    if (!is_ability(text))
        return call_fault(call, name, RULE_IN, NULL, NULL);
    const char *own = call->request->who.abilities;
    if (own != NULL && own[0] != '\0' && !may_give(own, text))
        return call_fail(call, ERR_FORBIDDEN, "This token may not give the ability %s.", text);
    *out = text;
    return ERR_OK;
}

/* As an array literal of PostgreSQL; abilities have no character that would need quoting. */
static enum err read_abilities(struct call *call, const char **literal)
{
    const msgpack_object *value = mp_find(call->body, "abilities");
    struct buf out;
    enum err err = ERR_OK;
    buf_init(&out, call->arena);
    buf_putc(&out, '{');
    if (!mp_is_null(value) && value->type != MSGPACK_OBJECT_ARRAY)
        return call_fault(call, "abilities", RULE_ARRAY, NULL, NULL);
    size_t n = mp_is_null(value) ? 0 : value->via.array.size;
    if (value != NULL && !mp_is_null(value) && n == 0) /* nothing is not everything */
        return call_fault(call, "abilities", RULE_MISSING, NULL, NULL);
    if (n > ABILITIES_MAX)
        return call_fault(call, "abilities", RULE_MAX_ITEMS, "100", NULL);
    for (size_t i = 0; i < n; i++) {
        const char *text = NULL;
        enum err one = read_ability(call, &value->via.array.ptr[i], i, &text);
        if (one != ERR_OK)
            err = one;
        else
            buf_printf(&out, "%s%s", i == 0 ? "" : ",", text);
    }
    if (n == 0) { /* none named: all that this call has */
        const char *own = call->request->who.abilities;
        for (; own != NULL && *own != '\0'; own++)
            buf_putc(&out, *own == ' ' ? ',' : *own);
        if (out.len == 1)
            buf_putc(&out, '*');
    }
    buf_putc(&out, '}');
    *literal = out.data;
    return err;
}

static void plan_create(struct call *call, struct sql *sql, const struct form *form,
                        const char *abilities)
{
    char secret[SECRET_TOKEN + 1], hash[65];
    secret_token(secret);
    secret_hash(secret, hash);
    sql_init(sql, call->arena);
    int name = sql_bind(sql, form_text(form, "name"));
    int key = sql_bind(sql, arena_strdup(call->arena, hash));
    int list = sql_bind(sql, abilities);
    int expiry = sql_bind(sql, form_text(form, "expires_at"));
    int text = sql_bind(sql, arena_strdup(call->arena, secret));
    sql_printf(sql,
               "WITH t AS (INSERT INTO accounts.tokens (kind, name, hash, abilities, expires_at)"
               " VALUES ('personal', $%d::text, $%d::text, $%d::text[], $%d::timestamptz)"
               " RETURNING *) SELECT json_build_object('message', 'Token created successfully.',"
               " 'token', t.id || '|' || $%d::text, 'data', " TOKEN_JSON ") FROM t",
               name, key, list, expiry, text);
}

static enum err refuse_past(struct call *call, const char *expiry)
{
    struct sql sql;
    struct pg_result *result;
    if (expiry == NULL)
        return ERR_OK;
    sql_init(&sql, call->arena);
    sql_printf(&sql, "SELECT $%d::timestamptz > now()", sql_bind(&sql, expiry));
    enum err err = call_run(call, &sql, &result);
    if (err == ERR_OK && !pg_true(result, 0, 0))
        return call_fault(call, "expires_at", RULE_AFTER, "now", NULL);
    return err;
}

enum err token_create(struct call *call)
{
    struct form form;
    struct sql sql;
    const char *abilities = NULL;
    enum err err = form_read(call, call->body, &form);
    enum err second = read_abilities(call, &abilities);
    if (err == ERR_OK)
        err = second;
    if (err == ERR_OK)
        err = refuse_past(call, form_text(&form, "expires_at"));
    if (err != ERR_OK)
        return err;
    plan_create(call, &sql, &form, abilities);
    return call_json(call, &sql);
}

enum err token_delete(struct call *call)
{
    struct sql sql;
    struct pg_result *result;
    sql_init(&sql, call->arena);
    sql_printf(&sql,
               "DELETE FROM accounts.tokens WHERE id = $%d::bigint AND user_id = core.usr()"
               " RETURNING hash",
               sql_bind_int(&sql, call->request->row));
    enum err err = row_of(call, &sql, "Token not found.", &result);
    if (err != ERR_OK)
        return err;
    call->reply->forget = arena_printf(call->arena, "tok:%s", pg_text(result, 0, 0));
    forget_user(call, call->request->who.user_id);
    answer(call, "{\"message\":\"Token revoked successfully.\"}");
    return ERR_OK;
}

enum err token_revoke(struct call *call)
{
    answer(call, "{\"message\":\"Token revoked successfully.\"}");
    return end_credential(call);
}
