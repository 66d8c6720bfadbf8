/* Materials: their tags and attribute values, and what remains of them during an event.
   Source: seed 003 "Materials", rentals.md 4.9 and 4.11. */
#include <ctype.h>
#include <string.h>

#include "services/core/crud.h"
#include "services/rentals/hooks.h"
#include "services/rentals/lists.h"

/* Shapes first: nothing is written when one of them is wrong. */
static enum err check(struct call *call)
{
    const char *text;
    enum err tags = list_tags(call, "tags", &text);
    enum err values = list_values(call, "attributes", &text);
    return tags != ERR_OK ? tags : values;
}

static enum err keep_tags(struct call *call, int64_t id)
{
    const char *names;
    enum err err = list_tags(call, "tags", &names);
    if (err != ERR_OK || names == NULL)
        return err;
    struct sql sql;
    struct pg_result *result;
    sql_init(&sql, call->arena);
    int row = sql_bind_int(&sql, id);
    sql_printf(&sql,
               "SELECT rentals.keep_tags($%d::bigint, ARRAY(SELECT jsonb_array_elements_text("
               "$%d::jsonb)))",
               row, sql_bind(&sql, names));
    return call_run(call, &sql, &result);
}

static enum err keep_values(struct call *call, int64_t id)
{
    const char *values;
    enum err err = list_values(call, "attributes", &values);
    if (err != ERR_OK || values == NULL)
        return err;
    struct sql sql;
    struct pg_result *result;
    sql_init(&sql, call->arena);
    int row = sql_bind_int(&sql, id);
    sql_printf(&sql, "SELECT name, type FROM rentals.keep_attributes($%d::bigint, $%d::jsonb)", row,
               sql_bind(&sql, values));
    err = call_run(call, &sql, &result);
    if (err != ERR_OK || pg_rows(result) == 0)
        return err;
    bool integer = strcmp(pg_text(result, 0, 1), "integer") == 0;
    return call_fault(call, arena_printf(call->arena, "attributes.%s", pg_text(result, 0, 0)),
                      integer ? RULE_INTEGER : RULE_FLOAT, NULL, NULL);
}

static enum err after_write(struct call *call, int64_t id)
{
    enum err err = keep_tags(call, id);
    return err == ERR_OK ? keep_values(call, id) : err;
}

/* The page first, then remaining_quantity for exactly its rows in one statement. */
static enum err list(struct call *call)
{
    enum err err = crud_list(call);
    const char *event = query_find(call->request, "whileEvent");
    if (err != ERR_OK || event == NULL || event[0] == '\0' || call->reply->page.rows == 0)
        return err;
    struct sql sql;
    struct slice page = call->reply->json;
    sql_init(&sql, call->arena);
    int rows = sql_bind(&sql, arena_strndup(call->arena, page.data, page.len));
    sql_printf(&sql, "SELECT rentals.with_remaining($%d::json, rentals.id_of($%d))", rows,
               sql_bind(&sql, event));
    return call_json(call, &sql);
}

static const char *const lists[] = {"tags", "attributes", NULL};

const struct hooks material_hooks = {
    .resource = "material",
    .check = check,
    .after_write = after_write,
    .lists = lists,
    .lists_sql = "rentals.material_lists(t.id)",
    .list = list,
};

enum err material_tags(struct call *call)
{
    struct sql sql;
    sql_init(&sql, call->arena);
    sql_printf(&sql,
               "SELECT rentals.material_tags_json(id) FROM rentals.materials"
               " WHERE organization_id = core.org() AND id = $%d::bigint AND deleted_at IS NULL",
               sql_bind_int(&sql, call->request->row));
    call->reply->bare = true;
    return call_json(call, &sql);
}

enum err attribute_list(struct call *call)
{
    struct sql sql;
    sql_init(&sql, call->arena);
    sql_puts(&sql,
             "SELECT coalesce(json_agg(json_build_object('id', id, 'name', name, 'type', type,"
             " 'unit', unit, 'max_length', max_length, 'created_at', core.local(created_at),"
             " 'updated_at', core.local(updated_at), 'deleted_at', core.local(deleted_at))"
             " ORDER BY id), '[]') FROM rentals.attributes"
             " WHERE organization_id = core.org() AND deleted_at IS NULL");
    call->reply->bare = true;
    return call_json(call, &sql);
}
