/* Imports over HTTP: a file comes in, its progress goes out. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "services/crm/hooks.h"
#include "services/crm/import.h"

/* One of several words, the first when it was not said; NULL: something else. */
static const char *word_of(struct call *call, const char *name, const char *const *words)
{
    const char *said = query_find(call->request, name);
    if (said == NULL || said[0] == '\0')
        return words[0];
    for (; *words != NULL; words++)
        if (strcasecmp(*words, said) == 0)
            return *words;
    (void)call_fault(call, name, RULE_IN, NULL, NULL);
    return NULL;
}

static bool is_set(const char *value)
{
    return value != NULL && (strcmp(value, "1") == 0 || strcasecmp(value, "true") == 0);
}

/* As text for bytea. */
static const char *hex_of(struct call *call)
{
    static const char digits[] = "0123456789abcdef";
    struct slice raw = call->request->raw;
    char *out = arena_alloc(call->arena, raw.len * 2 + 3), *at = out;
    *at++ = '\\';
    *at++ = 'x';
    for (size_t i = 0; i < raw.len; i++) {
        *at++ = digits[(unsigned char)raw.data[i] >> 4];
        *at++ = digits[(unsigned char)raw.data[i] & 15];
    }
    return out;
}

static const char *delimiter_of(struct call *call)
{
    const char *said = query_find(call->request, "delimiter");
    if (said == NULL || said[0] == '\0' || strcmp(said, "auto") == 0)
        return "";
    if (strcasecmp(said, "tab") == 0)
        return "\t";
    if (strlen(said) == 1 && strchr(",;\t|", said[0]) != NULL)
        return said;
    (void)call_fault(call, "delimiter", RULE_IN, NULL, NULL);
    return "";
}

static enum err store(struct call *call, const char *id, const char *start)
{
    struct sql sql;
    sql_init(&sql, call->arena);
    int row = sql_bind(&sql, id), at = sql_bind(&sql, start);
    sql_printf(&sql, "SELECT crm.import_store($%d::bigint, $%d::bigint, $%d::bytea)", row, at,
               sql_bind(&sql, hex_of(call)));
    enum err err = call_json(call, &sql);
    call->reply->status = 202;
    call->reply->message = "The import was accepted.";
    return err;
}

static enum err insert(struct call *call, const char *mode, const char *key, const char **id)
{
    struct sql sql;
    struct pg_result *made;
    const struct caller *who = &call->request->who;
    const char *mapping = query_find(call->request, "mapping");
    sql_init(&sql, call->arena);
    int resource = sql_bind(&sql, call->resource->name), how = sql_bind(&sql, mode);
    int by = sql_bind(&sql, key), cut = sql_bind(&sql, delimiter_of(call));
    int map = sql_bind(&sql, mapping == NULL ? "" : mapping);
    bool dry = is_set(query_find(call->request, "dry_run"));
    int zone = sql_bind(&sql, who->org_zone), own = sql_bind(&sql, who->zone);
    int language = sql_bind(&sql, who->language), token = sql_bind_int(&sql, who->token_id);
    sql_printf(&sql,
               "INSERT INTO crm.imports (resource, mode, key, delimiter, mapping, dry_run, zone,"
               " user_zone, language, token_id, bytes) VALUES ($%d::text, $%d::text, $%d::text,"
               " $%d::text, $%d::text, %s, coalesce($%d::text, ''), coalesce($%d::text, ''),"
               " coalesce($%d::text, 'EN'), $%d::bigint, $%d::bigint) RETURNING id",
               resource, how, by, cut, map, dry ? "true" : "false", zone, own, language, token,
               sql_bind(&sql, query_find(call->request, "@bytes")));
    enum err err = call_run(call, &sql, &made);
    *id = err == ERR_OK ? pg_text(made, 0, 0) : NULL;
    return err;
}

/* The file is in the raw body, or begins there; see gateway/upload.c. */
enum err import_start(struct call *call)
{
    static const char *const modes[] = {"create", "update", "upsert", NULL};
    static const char *const keys[] = {"external_id", "email", NULL};
    const char *mode = word_of(call, "mode", modes), *key = word_of(call, "key", keys), *id;
    const char *bytes = query_find(call->request, "@bytes");
    (void)delimiter_of(call);
    if (key != NULL && field_find(call->resource, key) == NULL)
        (void)call_fault(call, "key", RULE_IN, NULL, NULL);
    if (bytes == NULL || call->request->raw.len == 0)
        return call_fault_said(call, "file", "Send the file as the body, as text/csv.");
    if (call->reply->faults != NULL)
        return ERR_INVALID;
    enum err err = insert(call, mode, key, &id);
    if (err == ERR_OK)
        err = store(call, id, "0");
    if (err == ERR_OK && strtoll(bytes, NULL, 10) > (int64_t)call->request->raw.len)
        call->reply->page.next_cursor = id;
    return err;
}

enum err import_part(struct call *call)
{
    struct sql sql;
    sql_init(&sql, call->arena);
    (void)sql_bind_int(&sql, call->request->row);
    return store(call, sql.params[0], query_find(call->request, "@start"));
}

/* Her own; who manages sees everybody's. */
static void put_mine(struct call *call, struct sql *sql)
{
    if (call->request->who.role < ROLE_MANAGER)
        sql_puts(sql, " AND i.user_id = core.usr()");
}

enum err import_list(struct call *call)
{
    struct sql sql;
    sql_init(&sql, call->arena);
    sql_puts(&sql, "SELECT coalesce(json_agg(crm.import_json(i, false) ORDER BY i.id DESC), '[]')"
                   " FROM (SELECT i.* FROM crm.imports i WHERE i.organization_id = core.org()");
    put_mine(call, &sql);
    sql_puts(&sql, " ORDER BY i.id DESC LIMIT 100) i");
    return call_json(call, &sql);
}

enum err import_get(struct call *call)
{
    struct sql sql;
    sql_init(&sql, call->arena);
    sql_printf(&sql,
               "SELECT crm.import_json(i, true) FROM crm.imports i"
               " WHERE i.organization_id = core.org() AND i.id = $%d::bigint",
               sql_bind_int(&sql, call->request->row));
    put_mine(call, &sql);
    enum err err = call_json(call, &sql);
    return err == ERR_NOT_FOUND ? call_fail(call, err, "Import not found.") : err;
}

/* What was imported stays; the rest is left. */
enum err import_cancel(struct call *call)
{
    struct sql sql;
    sql_init(&sql, call->arena);
    sql_printf(&sql,
               "WITH hit AS (UPDATE crm.imports i SET finished_at = coalesce(finished_at, now()),"
               " state = CASE WHEN i.finished_at IS NULL THEN 'cancelled' ELSE i.state END"
               " WHERE i.organization_id = core.org() AND i.id = $%d::bigint",
               sql_bind_int(&sql, call->request->row));
    put_mine(call, &sql);
    sql_puts(&sql, " RETURNING i.*), gone AS (DELETE FROM crm.import_parts p USING hit WHERE"
                   " p.organization_id = core.org() AND p.import_id = hit.id)"
                   " SELECT crm.import_json(ROW(hit.*)::crm.imports, false) FROM hit");
    enum err err = call_json(call, &sql);
    call->reply->message = err == ERR_OK ? "Import cancelled." : call->reply->message;
    return err == ERR_NOT_FOUND ? call_fail(call, err, "Import not found.") : err;
}
