/* Parks: what is accepted but not kept, and the materials of one. Source: rentals.md 4.7. */
#include "services/core/crud.h"
#include "services/rentals/hooks.h"

/* Document 003's clients send the two back; no one ever stored them. */
static enum err check(struct call *call)
{
    static const char *const dropped[] = {"person_id", "company_id"};
    for (size_t i = 0; i < COUNT_OF(dropped); i++)
        if (call_has(call, dropped[i]))
            call_set(call, dropped[i], NULL, "bigint");
    return ERR_OK;
}

/* Every material has a park, so the last one stays. Deletes of parks wait for one another here, so
   that two of them cannot each see the other's park. Source: seed 003, "Parks". */
static enum err keep_last(struct call *call, int64_t id)
{
    struct sql sql;
    struct pg_result *result;
    (void)id;
    sql_init(&sql, call->arena);
    sql_puts(&sql, "SELECT pg_advisory_xact_lock(hashtextextended('rentals.parks', core.org()))");
    enum err err = call_run(call, &sql, &result);
    if (err != ERR_OK)
        return err;
    sql_init(&sql, call->arena);
    sql_puts(&sql, "SELECT EXISTS (SELECT FROM rentals.parks WHERE organization_id = core.org()"
                   " AND deleted_at IS NULL)");
    err = call_run(call, &sql, &result);
    if (err == ERR_OK && !pg_true(result, 0, 0))
        return call_fail(call, ERR_CONFLICT,
                         "The last park has to stay." IN_FRENCH("Le dernier parc doit rester."));
    return err;
}

const struct hooks park_hooks = {
    .resource = "park",
    .check = check,
    .after_delete = keep_last,
};

/* The list of materials, narrowed to the park and to nothing else but the page. */
enum err park_materials(struct call *call)
{
    struct sql sql;
    struct pg_result *result;
    sql_init(&sql, call->arena);
    sql_printf(&sql,
               "SELECT id FROM rentals.parks WHERE organization_id = core.org()"
               " AND id = $%d::bigint AND deleted_at IS NULL",
               sql_bind_int(&sql, call->request->row));
    enum err err = call_run(call, &sql, &result);
    if (err != ERR_OK)
        return err;
    if (pg_rows(result) == 0)
        return call_fail(call, ERR_NOT_FOUND, NULL);
    struct pair *query = arena_alloc(call->arena, 2 * sizeof *query);
    const char *page = query_find(call->request, "page");
    query[0] = (struct pair){"park", pg_text(result, 0, 0)};
    query[1] = (struct pair){"page", page != NULL ? page : "1"};
    struct request *request = arena_alloc(call->arena, sizeof *request);
    *request = *call->request;
    request->op = "list";
    request->resource = material_resource.name;
    request->row = 0;
    request->query = query;
    request->query_n = 2;
    call->request = request;
    call->resource = &material_resource;
    call->hooks = NULL;
    err = crud_list(call);
    if (err != ERR_OK || call->reply->page.rows == 0)
        return err;
    struct slice rows = call->reply->json;
    sql_init(&sql, call->arena);
    sql_printf(&sql, "SELECT rentals.with_names($%d::json)",
               sql_bind(&sql, arena_strndup(call->arena, rows.data, rows.len)));
    return call_json(call, &sql);
}
