/* Clients that look alike; what a tag is on; tags and people in the bodies of persons and
   companies. Source: seed 003, "Tags", "Persons", "Companies"; decisions.md 8. */
#include "services/crm/hooks.h"
#include "services/crm/lists.h"

enum err client_duplicates(struct call *call)
{
    const struct caller *who = &call->request->who;
    struct sql sql;
    sql_init(&sql, call->arena);
    if (who->role == ROLE_USER)
        sql_printf(&sql, "SELECT crm.duplicates($%d::bigint)", sql_bind_int(&sql, who->user_id));
    else
        sql_puts(&sql, "SELECT crm.duplicates(NULL)");
    return call_json(call, &sql);
}

enum err tag_search(struct call *call) { return list_search(call, "name"); }

enum err tag_persons(struct call *call) { return list_below(call, "crm.tag_persons", true); }

enum err tag_materials(struct call *call) { return list_below(call, "crm.tag_materials", false); }

enum err company_search(struct call *call) { return list_search(call, "legal_name"); }

enum err company_persons(struct call *call)
{
    return list_below(call, "crm.company_persons", true);
}

/* A bare array. */
enum err person_tags(struct call *call)
{
    enum err err = list_parent(call);
    if (err != ERR_OK)
        return err;
    struct sql sql;
    sql_init(&sql, call->arena);
    sql_printf(&sql,
               "SELECT coalesce(json_agg(json_build_object('id', g.id, 'name', g.name)"
               " ORDER BY core.fold(g.name), g.id), '[]') FROM crm.contact_tags l"
               " JOIN crm.tags g ON g.organization_id = l.organization_id AND g.id = l.tag_id"
               " WHERE l.organization_id = core.org() AND l.contact_id = $%d::bigint"
               " AND g.deleted_at IS NULL",
               sql_bind_int(&sql, call->request->row));
    call->reply->bare = true;
    return call_json(call, &sql);
}
