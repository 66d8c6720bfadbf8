/* One search over everything the caller sees. */
#include <stdlib.h>
#include <string.h>

#include "services/core/check.h"
#include "services/core/sql.h"
#include "services/crm/hooks.h"

enum { FOUND = 20, FOUND_MAX = 50, TEXT_MAX = 200 };

static const struct {
    const char *name;
    enum role least;
} types[] = {
    {"client", ROLE_VISITOR}, {"contact", ROLE_VISITOR},  {"communication", ROLE_USER},
    {"project", ROLE_USER},   {"material", ROLE_VISITOR}, {"event", ROLE_VISITOR},
};

/* Is name, or its plural, in a list parted by commas? NULL: everything is. */
static bool is_wanted(const char *list, const char *name)
{
    size_t len = strlen(name);
    if (list == NULL || list[0] == '\0')
        return true;
    while (*list != '\0') {
        size_t n = strcspn(list, ",");
        if (strncmp(list, name, len) == 0 && (n == len || (n == len + 1 && list[len] == 's')))
            return true;
        list += n + (list[n] != '\0');
    }
    return false;
}

/* May a token with these abilities read it? "clients:read" and the like narrow. */
static bool may_read(const struct call *call, const char *name)
{
    const char *abilities = call->request->who.abilities;
    char wanted[40];
    size_t len = strlen(name);
    if (abilities == NULL || abilities[0] == '\0' || len + 7 > sizeof wanted)
        return true;
    memcpy(wanted, name, len);
    memcpy(wanted + len, "s:read", 7);
    for (const char *at = abilities; *at != '\0';) {
        size_t n = strcspn(at, " ,");
        if ((n == 1 && *at == '*') || (n == 4 && strncmp(at, "read", 4) == 0) ||
            (n == len + 6 && strncmp(at, wanted, n) == 0))
            return true;
        at += n + (at[n] != '\0');
    }
    return false;
}

static const char *types_of(struct call *call)
{
    const char *list[COUNT_OF(types)], *asked = query_find(call->request, "types");
    size_t n = 0;
    for (size_t i = 0; i < COUNT_OF(types); i++)
        if (call->request->who.role >= types[i].least && is_wanted(asked, types[i].name) &&
            may_read(call, types[i].name))
            list[n++] = types[i].name;
    return sql_array(call->arena, list, n);
}

static int64_t limit_of(struct call *call)
{
    const char *text = query_find(call->request, "per_page");
    long long n = text == NULL ? FOUND : strtoll(text, NULL, 10);
    return n < 1 ? FOUND : n > FOUND_MAX ? FOUND_MAX : n;
}

enum err search_all(struct call *call)
{
    const struct caller *who = &call->request->who;
    const char *q = query_find(call->request, "q");
    struct sql sql;
    q = q == NULL ? "" : text_trim(call->arena, q);
    if (q[0] == '\0')
        return call_fault(call, "q", RULE_MISSING, NULL, NULL);
    if (text_length(q) > TEXT_MAX)
        return call_fault(call, "q", RULE_MAX_CHARS, "200", NULL);
    sql_init(&sql, call->arena);
    int text = sql_bind(&sql, q), wanted = sql_bind(&sql, types_of(call));
    int user = who->role == ROLE_USER ? sql_bind_int(&sql, who->user_id) : sql_bind(&sql, NULL);
    sql_printf(&sql, "SELECT crm.search($%d::text, $%d::text[], $%d::bigint, $%d::integer)", text,
               wanted, user, sql_bind_int(&sql, limit_of(call)));
    return call_json(call, &sql);
}
