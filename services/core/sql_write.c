/*
 * Each write is one statement: the change as CTE "new", the changed row as the dialect shows it,
 * and, only where there can be one, a second branch that tells why nothing was changed.
 */
#include "services/core/sql.h"

#include <string.h>

#include "services/core/audit.h"
#include "services/core/check.h"

const char *sql_array(struct arena *arena, const char *const *items, size_t n)
{
    struct buf out;
    buf_init(&out, arena);
    buf_putc(&out, '{');
    for (size_t i = 0; i < n; i++) {
        buf_puts(&out, i == 0 ? "\"" : ",\"");
        for (const char *c = items[i]; *c != '\0'; c++) {
            if (*c == '"' || *c == '\\')
                buf_putc(&out, '\\');
            buf_putc(&out, *c);
        }
        buf_putc(&out, '"');
    }
    buf_putc(&out, '}');
    return out.data;
}

/* "123-0badcafe" is version 123 of the row, in a certain rendering. */
const char *sql_versions(struct arena *arena, const char *if_match)
{
    enum { TAGS_MAX = 16 };
    const char *tags[TAGS_MAX];
    size_t n = 0;
    if (if_match == NULL || if_match[0] == '\0' || strcmp(if_match, "*") == 0)
        return NULL;
    for (const char *at = if_match; (at = strchr(at, '"')) != NULL && n < TAGS_MAX;) {
        const char *end = strchr(++at, '"');
        if (end == NULL)
            break;
        size_t len = strcspn(at, "-\"");
        tags[n++] = arena_strndup(arena, at, len);
        at = end + 1;
    }
    return sql_array(arena, tags, n);
}

/* What a write of one row is made of. */
struct write {
    struct call *call;
    struct sql *sql;
    int row, versions; /* bound parameters; 0: none */
    int values[COUNT_OF(((struct call *)NULL)->columns)];
};

static void put_value(struct write *w, size_t i)
{
    const struct column *column = &w->call->columns[i];
    if (w->values[i] == 0)
        w->values[i] = sql_bind(w->sql, column->value);
    sql_printf(w->sql, "$%d::%s", w->values[i], column->cast);
}

/* The resource a column points at, when its table is this service's own. */
static const struct resource *target_of(const struct write *w, size_t i)
{
    const struct column *column = &w->call->columns[i];
    const struct field *field = column->field;
    if (field == NULL || field->type != F_REF || field->ref == NULL || column->value == NULL)
        return NULL;
    const struct resource *target = resource_find(field->ref);
    bool own = target != NULL && strcmp(target->service, w->call->resource->service) == 0;
    return own ? target : NULL;
}

static void put_target(struct write *w, size_t i, const struct resource *target)
{
    bool update = w->row != 0;
    sql_puts(w->sql, "(");
    if (update) {
        sql_printf(w->sql, "t.%s = ", w->call->columns[i].name);
        put_value(w, i);
        sql_puts(w->sql, " OR ");
    }
    sql_printf(w->sql, "EXISTS (SELECT 1 FROM %s t WHERE t.id = ", target->table);
    put_value(w, i);
    sql_target(w->call, target, w->sql);
    sql_puts(w->sql, "))");
}

static bool has_targets(const struct write *w)
{
    for (size_t i = 0; i < w->call->columns_n; i++)
        if (target_of(w, i) != NULL)
            return true;
    return false;
}

static void put_targets(struct write *w)
{
    for (size_t i = 0; i < w->call->columns_n; i++) {
        const struct resource *target = target_of(w, i);
        if (target == NULL)
            continue;
        sql_puts(w->sql, " AND ");
        put_target(w, i, target);
    }
}

/* "client_id,contact_id": the references that do not hold. */
static void put_broken(struct write *w)
{
    sql_puts(w->sql, "to_json(concat_ws(','");
    for (size_t i = 0; i < w->call->columns_n; i++) {
        const struct resource *target = target_of(w, i);
        if (target == NULL)
            continue;
        sql_puts(w->sql, ", CASE WHEN ");
        put_target(w, i, target);
        sql_printf(w->sql, " THEN NULL ELSE '%s' END", w->call->columns[i].field->name);
    }
    sql_puts(w->sql, "))");
}

static void put_fresh(struct write *w)
{
    const char *versions = sql_versions(w->call->arena, w->call->request->headers[HEADER_IF_MATCH]);
    if (versions != NULL && w->versions == 0)
        w->versions = sql_bind(w->sql, versions);
    if (w->versions != 0)
        sql_printf(w->sql, "%s = ANY ($%d::text[])", sql_version(w->call->resource), w->versions);
}

static bool has_versions(const struct write *w)
{
    const char *tag = w->call->request->headers[HEADER_IF_MATCH];
    return tag != NULL && tag[0] != '\0' && strcmp(tag, "*") != 0;
}

/* The row, seen and fresh: the WHERE of every change of one row. */
static void put_row(struct write *w, enum trash trash)
{
    if (w->row == 0)
        w->row = sql_bind_int(w->sql, w->call->request->row);
    sql_printf(w->sql, " WHERE t.id = $%d::bigint", w->row);
    sql_scope(w->call, w->sql, trash);
}

static void put_allowed(struct write *w)
{
    if (sql_is_narrowed(w->call)) {
        sql_puts(w->sql, " AND ");
        sql_mine(w->call, w->sql, true);
    }
    if (has_versions(w)) {
        sql_puts(w->sql, " AND ");
        put_fresh(w);
    }
}

/* Why there is no new row, when the row itself is there. */
static void put_reasons(struct write *w, enum trash trash)
{
    bool narrowed = sql_is_narrowed(w->call), targets = has_targets(w), fresh = has_versions(w);
    if (!narrowed && !targets && !fresh)
        return;
    sql_puts(w->sql, " UNION ALL SELECT CASE");
    if (narrowed) {
        sql_puts(w->sql, " WHEN ");
        sql_mine(w->call, w->sql, true);
        sql_printf(w->sql, " IS NOT TRUE THEN %d", ROW_FORBIDDEN);
    }
    if (fresh) {
        sql_puts(w->sql, " WHEN NOT ");
        put_fresh(w);
        sql_printf(w->sql, " THEN %d", ROW_STALE);
    }
    sql_printf(w->sql, " WHEN true THEN %d END, ", ROW_REFERENCE);
    if (targets)
        put_broken(w);
    else
        sql_puts(w->sql, "NULL::json");
    sql_printf(w->sql, ", NULL FROM %s t", w->call->resource->table);
    put_row(w, trash);
    sql_puts(w->sql, " AND NOT EXISTS (SELECT 1 FROM new)");
}

static void put_returning(struct write *w)
{
    sql_printf(w->sql, " RETURNING t.*, %s AS \"@v\")", sql_version(w->call->resource));
}

bool sql_is_judged(const struct call *call)
{
    return call->created && call->hooks != NULL && call->hooks->judge_sql != NULL;
}

/* Behind a hook the row is read once more (crud.c): what only changes show can wait until then. */
static unsigned shown(const struct call *call)
{
    bool again = call->hooks != NULL && call->hooks->after_write != NULL && !sql_is_judged(call);
    return again ? IN_WRITE : IN_WRITE | IN_CHANGE;
}

static void put_new(struct write *w, unsigned where)
{
    sql_printf(w->sql, " SELECT %d, ", ROW_OK);
    if (w->call->silent)
        sql_puts(w->sql, "('{\"id\":' || t.id || '}')::json");
    else
        sql_row(w->call, w->sql, where);
    sql_puts(w->sql, ", t.\"@v\" FROM new t");
}

/* Defaults of the table that the body left open. */
static void add_defaults(struct call *call)
{
    for (const struct field *f = call->resource->fields; f->name != NULL; f++)
        if (f->def != NULL && (f->flags & READONLY) == 0 && f->type != F_LIST &&
            f->type != F_COMPUTED && f->type != F_ID && !call_has(call, field_column(f)))
            call_set(call, field_column(f), f->def, field_cast(f));
}

/* Column names, then their values, of the row to be made. */
static void put_columns(struct write *w, bool values)
{
    struct call *call = w->call;
    bool organization = resource_has_organization(call->resource);
    if (organization && values)
        sql_printf(w->sql, "$%d::bigint", sql_bind_int(w->sql, call->request->who.organization_id));
    else if (organization)
        sql_puts(w->sql, "organization_id");
    for (size_t i = 0; i < call->columns_n; i++) {
        sql_puts(w->sql, i > 0 || organization ? ", " : "");
        if (values)
            put_value(w, i);
        else
            sql_puts(w->sql, call->columns[i].name);
    }
}

/* What the judge said, or why there is no new row else. */
static void put_refusals(struct write *w)
{
    if (sql_is_judged(w->call))
        sql_printf(w->sql,
                   " UNION ALL SELECT %d, NULL::json, said FROM judged WHERE said IS NOT NULL",
                   ROW_JUDGED);
    if (!has_targets(w))
        return;
    sql_printf(w->sql, " UNION ALL SELECT %d, ", ROW_REFERENCE);
    put_broken(w);
    sql_puts(w->sql, ", NULL WHERE NOT EXISTS (SELECT 1 FROM new)");
}

void sql_create(struct call *call, struct sql *sql)
{
    struct write w = {.call = call, .sql = sql};
    const struct hooks *judge = sql_is_judged(call) ? call->hooks : NULL;
    add_defaults(call);
    sql_puts(sql, "WITH ");
    if (judge != NULL) {
        sql_puts(sql, "judged AS MATERIALIZED (SELECT ");
        judge->judge_sql(call, sql);
        sql_puts(sql, " AS said), ");
    }
    sql_printf(sql, "new AS (INSERT INTO %s AS t (", call->resource->table);
    put_columns(&w, false);
    sql_puts(sql, ") SELECT ");
    put_columns(&w, true);
    sql_puts(sql, judge != NULL ? " FROM judged WHERE said IS NULL" : " WHERE true");
    put_targets(&w);
    put_returning(&w);
    audit_sql(call, sql, AUDIT_CREATE, "new");
    put_new(&w, shown(call));
    if (judge != NULL) {
        sql_puts(sql, " WHERE ");
        judge->made_sql(call, sql);
    }
    put_refusals(&w);
}

static void put_assignments(struct write *w)
{
    const char *comma = " ";
    for (size_t i = 0; i < w->call->columns_n; i++) {
        const char *name = w->call->columns[i].name;
        sql_printf(w->sql, "%s%s = ", comma, name);
        if (strcmp(name, "custom") == 0)
            sql_puts(w->sql, "t.custom || ");
        put_value(w, i);
        comma = ", ";
    }
    if (field_find(w->call->resource, "updated_at") != NULL && !call_has(w->call, "updated_at"))
        sql_printf(w->sql, "%supdated_at = clock_timestamp()", comma);
}

void sql_update(struct call *call, struct sql *sql)
{
    struct write w = {.call = call, .sql = sql};
    const struct resource *r = call->resource;
    bool changes = call->columns_n > 0;
    w.row = sql_bind_int(sql, call->request->row);
    if (changes) {
        sql_puts(sql, "WITH ");
        audit_old_sql(call, sql, w.row);
        sql_printf(sql, "new AS (UPDATE %s AS t SET", r->table);
        put_assignments(&w);
    } else {
        sql_printf(sql, "WITH new AS (SELECT t.*, %s AS \"@v\" FROM %s t", sql_version(r),
                   r->table);
    }
    bool kept = changes && audit_is_on(call);
    if (kept)
        sql_puts(sql, " FROM old");
    put_row(&w, TRASH_NOT);
    if (kept)
        sql_puts(sql, " AND old.id = t.id");
    put_allowed(&w);
    put_targets(&w);
    bool hooked = call->hooks != NULL && call->hooks->after_write != NULL;
    if (changes)
        put_returning(&w);
    else /* what the hook writes beside the row, others write in turn */
        sql_puts(sql, hooked ? " FOR NO KEY UPDATE OF t)" : ")");
    if (changes)
        audit_sql(call, sql, AUDIT_UPDATE, "new");
    put_new(&w, shown(call));
    put_reasons(&w, TRASH_NOT);
}

static void put_touch(struct write *w, const char *deleted_at)
{
    sql_printf(w->sql, " SET deleted_at = %s", deleted_at);
    if (field_find(w->call->resource, "updated_at") != NULL)
        sql_puts(w->sql, ", updated_at = clock_timestamp()");
}

/* Row first, marked as deleted; then, on the second call, gone. */
static void delete_two_step(struct write *w)
{
    struct sql *sql = w->sql;
    const struct resource *r = w->call->resource;
    sql_printf(sql, "WITH hit AS (SELECT t.id, t.deleted_at IS NOT NULL AS trashed FROM %s t",
               r->table);
    put_row(w, TRASH_WITH);
    put_allowed(w);
    sql_printf(sql,
               " FOR UPDATE), gone AS (DELETE FROM %s AS t USING hit"
               " WHERE t.id = hit.id AND hit.trashed RETURNING t.*), new AS (UPDATE %s AS t",
               r->table, r->table);
    put_touch(w, "now()");
    sql_puts(sql, " FROM hit WHERE t.id = hit.id AND NOT hit.trashed");
    put_returning(w);
    audit_sql(w->call, sql, AUDIT_DELETE, "new");
    audit_sql(w->call, sql, AUDIT_DESTROY, "gone");
    put_new(w, IN_WRITE);
    sql_printf(sql, " UNION ALL SELECT %d, NULL::json, NULL FROM gone", ROW_DESTROYED);
    if (!sql_is_narrowed(w->call) && !has_versions(w))
        return;
    put_reasons(w, TRASH_WITH);
    sql_puts(sql, " AND NOT EXISTS (SELECT 1 FROM gone)");
}

void sql_delete(struct call *call, struct sql *sql)
{
    struct write w = {.call = call, .sql = sql};
    const struct resource *r = call->resource;
    call->columns_n = 0;
    if (r->lifecycle == DELETE_TWO_STEP) {
        delete_two_step(&w);
        return;
    }
    bool soft = resource_has_trash(r);
    sql_printf(sql, soft ? "WITH new AS (UPDATE %s AS t" : "WITH new AS (DELETE FROM %s AS t",
               r->table);
    if (soft)
        put_touch(&w, "now()");
    put_row(&w, TRASH_NOT);
    put_allowed(&w);
    put_returning(&w);
    audit_sql(call, sql, AUDIT_DELETE, "new");
    if (soft)
        put_new(&w, IN_WRITE);
    else
        sql_printf(sql, " SELECT %d, NULL::json, NULL FROM new", ROW_DESTROYED);
    put_reasons(&w, TRASH_NOT);
}

void sql_restore(struct call *call, struct sql *sql)
{
    struct write w = {.call = call, .sql = sql};
    call->columns_n = 0;
    sql_printf(sql, "WITH new AS (UPDATE %s AS t", call->resource->table);
    put_touch(&w, "NULL");
    put_row(&w, TRASH_ONLY);
    put_allowed(&w);
    put_returning(&w);
    audit_sql(call, sql, AUDIT_RESTORE, "new");
    put_new(&w, IN_WRITE);
    put_reasons(&w, TRASH_ONLY);
}
