#include "services/core/sql.h"

#include <string.h>

#include "services/core/custom_field.h"

bool resource_has_trash(const struct resource *resource)
{
    return resource->lifecycle != DELETE_HARD;
}

bool resource_has_organization(const struct resource *resource)
{
    return (resource->scope & (SCOPE_ORG | SCOPE_ASSIGNEE)) != 0;
}

void sql_value(struct sql *sql, const struct field *field)
{
    bool by_sql = field->type == F_BOOL || field->type == F_INT || field->type == F_COMPUTED ||
                  field->type == F_LIST;
    if (by_sql && field->sql != NULL)
        sql_printf(sql, "(%s)", field->sql);
    else
        sql_printf(sql, "t.%s", field_column(field));
}

void sql_hole(struct sql *sql, const char *text, int n, const char *cast)
{
    for (const char *hole; (hole = strstr(text, "%s")) != NULL; text = hole + 2) {
        buf_put(&sql->text, text, (size_t)(hole - text));
        sql_printf(sql, "$%d::%s", n, cast);
    }
    sql_puts(sql, text);
}

void sql_scope(struct call *call, struct sql *sql, enum trash trash)
{
    const struct resource *r = call->resource;
    if (resource_has_organization(r))
        sql_printf(sql, " AND t.organization_id = $%d::bigint",
                   sql_bind_int(sql, call->request->who.organization_id));
    if (resource_has_trash(r) && trash != TRASH_WITH)
        sql_puts(sql, trash == TRASH_ONLY ? " AND t.deleted_at IS NOT NULL"
                                          : " AND t.deleted_at IS NULL");
    if (r->where != NULL)
        sql_printf(sql, " AND (%s)", r->where);
}

static bool narrows(const struct call *call, const struct resource *r)
{
    return (r->scope & SCOPE_ASSIGNEE) != 0 && call->request->who.role == ROLE_USER;
}

bool sql_is_narrowed(const struct call *call) { return narrows(call, call->resource); }

static void put_mine(struct call *call, const struct resource *r, struct sql *sql, bool item)
{
    const char *mine = r->mine != NULL ? r->mine : "t.assigned_to = %s";
    if (item && r->mine_item != NULL)
        mine = r->mine_item;
    sql_puts(sql, "(");
    sql_hole(sql, mine, sql_bind_int(sql, call->request->who.user_id), "bigint");
    sql_puts(sql, ")");
}

void sql_mine(struct call *call, struct sql *sql, bool item)
{
    put_mine(call, call->resource, sql, item);
}

void sql_target(struct call *call, const struct resource *target, struct sql *sql)
{
    if (resource_has_organization(target))
        sql_printf(sql, " AND t.organization_id = $%d::bigint",
                   sql_bind_int(sql, call->request->who.organization_id));
    if (resource_has_trash(target))
        sql_puts(sql, " AND t.deleted_at IS NULL");
    if (target->where != NULL)
        sql_printf(sql, " AND (%s)", target->where);
    if (narrows(call, target)) {
        sql_puts(sql, " AND ");
        put_mine(call, target, sql, true);
    }
}

void sql_shown(struct sql *sql, const struct resource *r, const struct field *field)
{
    const char *column = field_column(field);
    if (field->sql != NULL)
        sql_printf(sql, "(%s)", field->sql);
    else if (field->type == F_TIME) /* row_to_json prints Laravel's form: sessions are in UTC */
        sql_printf(
            sql, r->dialect == DIALECT_LARAVEL ? "date_trunc('second', t.%s)" : "core.local(t.%s)",
            column);
    else if (field->type == F_DECIMAL && field->as_text)
        sql_printf(sql, "round(t.%s, %d)::text", column, field->scale);
    else if (field->type == F_DECIMAL)
        sql_printf(sql, "trim_scale(t.%s)", column);
    else
        sql_printf(sql, "t.%s", column);
}

/* Is name one of a list parted by ';' or ','? */
static bool is_named(const char *list, const char *name)
{
    size_t len = strlen(name);
    while (list != NULL && *list != '\0') {
        size_t n = strcspn(list, ";,");
        if (n == len && strncmp(list, name, n) == 0)
            return true;
        list += n + (list[n] != '\0');
    }
    return false;
}

static bool is_selected(const struct call *call, const char *name)
{
    const char *select = query_find(call->request, "select");
    if (call->resource->dialect == DIALECT_ROBERT || select == NULL || select[0] == '\0')
        return true;
    return strcmp(name, "id") == 0 || is_named(select, name);
}

static bool is_shown(const struct call *call, const struct field *field, unsigned where)
{
    if ((field->flags & (HIDDEN | WRITEONLY)) != 0)
        return false;
    if (field->type == F_LIST && field->sql == NULL)
        return false;
    if ((field->flags & HIDDEN_LIST) != 0 && (where & IN_LIST) != 0)
        return false;
    return (where & IN_WRITE) != 0 || is_selected(call, field->name);
}

static bool is_withheld(const struct call *call, const struct relation *relation)
{
    return call->request->who.role < relation->least;
}

static bool is_embedded(const struct call *call, const struct relation *relation, unsigned where)
{
    if (is_withheld(call, relation) && relation->below == NULL)
        return false;
    if ((relation->where & where) != 0)
        return (where & IN_WRITE) != 0 || is_selected(call, relation->key);
    return (relation->where & ON_REQUEST) != 0 &&
           is_named(query_find(call->request, "include"), relation->key);
}

static const char *embed_sql(const struct call *call, const struct relation *relation)
{
    if (is_withheld(call, relation))
        return relation->below;
    return relation->fresh != NULL && sql_is_judged(call) ? relation->fresh : relation->sql;
}

/* End of the part of a list of SQL expressions that starts at text: the next comma outside of
   parentheses and quotes, or the end. */
static size_t part_length(const char *text)
{
    int depth = 0;
    bool quoted = false;
    for (size_t i = 0; text[i] != '\0'; i++) {
        if (text[i] == '\'')
            quoted = !quoted;
        else if (!quoted && text[i] == ',' && depth == 0)
            return i;
        else if (!quoted)
            depth += (text[i] == '(') - (text[i] == ')');
    }
    return strlen(text);
}

/* A hook's ", 'key', expression" becomes further columns. */
static void put_extra(struct call *call, struct sql *sql)
{
    const char *extra = NULL;
    if (call->hooks != NULL && call->hooks->extra_select != NULL)
        extra = call->hooks->extra_select(call);
    while (extra != NULL && *extra == ',') {
        extra += 1 + strspn(extra + 1, " ");
        size_t key = part_length(extra);
        const char *value = extra + key;
        if (key < 3 || *value != ',')
            return;
        value += 1;
        size_t len = part_length(value);
        sql_printf(sql, ", %.*s AS \"%.*s\"", (int)len, value, (int)(key - 2), extra + 1);
        extra = value + len;
    }
}

void sql_columns(struct call *call, struct sql *sql, unsigned where)
{
    const struct resource *r = call->resource;
    const char *comma = "";
    for (const struct field *f = r->fields; f->name != NULL; f++) {
        if (!is_shown(call, f, where))
            continue;
        sql_puts(sql, comma);
        sql_shown(sql, r, f);
        sql_printf(sql, " AS \"%s\"", f->name);
        comma = ", ";
    }
    for (const struct relation *e = r->relations; e != NULL && e->key != NULL; e++)
        if (is_embedded(call, e, where)) {
            sql_printf(sql, "%s(%s) AS \"%s\"", comma, embed_sql(call, e), e->key);
            comma = ", ";
        }
    put_extra(call, sql);
}

void sql_row(struct call *call, struct sql *sql, unsigned where)
{
    size_t customs;
    custom_fields(call, &customs);
    sql_puts(sql, customs > 0 ? "core.json_join((SELECT row_to_json(q) FROM (SELECT "
                              : "(SELECT row_to_json(q) FROM (SELECT ");
    sql_columns(call, sql, where);
    if (call->resource->beside != NULL)
        sql_printf(sql, " FROM %s", call->resource->beside);
    sql_puts(sql, ") q)");
    if (customs > 0) {
        sql_puts(sql, ", ");
        custom_select(call, sql);
        sql_puts(sql, ")");
    }
}

const char *sql_version(const struct resource *resource)
{
    if (field_find(resource, "updated_at") != NULL)
        return "(extract(epoch FROM t.updated_at) * 1000000)::bigint::text";
    return "md5(t::text)";
}

/* " FROM table t … WHERE …": one row by id, with s.code when not everybody may see it. */
static void put_one(struct call *call, struct sql *sql, int64_t id)
{
    sql_printf(sql, " FROM %s t", call->resource->table);
    if (sql_is_narrowed(call)) {
        sql_puts(sql, ", LATERAL (SELECT CASE WHEN ");
        sql_mine(call, sql, true);
        sql_printf(sql, " THEN %d ELSE %d END AS code) s", ROW_OK, ROW_FORBIDDEN);
    }
    sql_printf(sql, " WHERE t.id = $%d::bigint", sql_bind_int(sql, id));
    sql_scope(call, sql, TRASH_NOT);
}

void sql_item(struct call *call, struct sql *sql, int64_t id, unsigned where)
{
    bool narrowed = sql_is_narrowed(call);
    sql_printf(sql, "SELECT %s, ", narrowed ? "s.code" : "0");
    sql_puts(sql, narrowed ? "CASE WHEN s.code = 0 THEN " : "");
    sql_row(call, sql, where);
    sql_printf(sql, "%s, %s", narrowed ? " END" : "", sql_version(call->resource));
    put_one(call, sql, id);
}

void sql_seen(struct call *call, struct sql *sql, int64_t id)
{
    const char *code = sql_is_narrowed(call) ? "s.code" : "0";
    const char *versions = sql_versions(call->arena, call->request->headers[HEADER_IF_MATCH]);
    if (versions != NULL)
        code = arena_printf(
            call->arena, "CASE WHEN %s <> %d OR %s = ANY ($%d::text[]) THEN %s ELSE %d END", code,
            ROW_OK, sql_version(call->resource), sql_bind(sql, versions), code, ROW_STALE);
    sql_printf(sql, "SELECT %s, NULL, NULL", code);
    put_one(call, sql, id);
}
