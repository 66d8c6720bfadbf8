#include "services/core/crud.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/crypto.h"
#include "services/core/audit.h"
#include "services/core/check.h"
#include "services/core/custom_field.h"
#include "services/core/listing.h"
#include "services/core/sql.h"
#include "services/core/validate.h"

enum verb { VERB_LIST, VERB_GET, VERB_CREATE, VERB_UPDATE, VERB_DELETE, VERB_RESTORE, VERB_OTHER };

static enum verb verb_of(const struct call *call)
{
    static const char *const names[] = {"list", "get", "create", "update", "delete", "restore"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (strcmp(names[i], call->request->op) == 0)
            return (enum verb)i;
    return VERB_OTHER;
}

/* "time block": the label as it stands inside a sentence. */
static const char *label_of(struct call *call)
{
    char *label = arena_strdup(call->arena, call->resource->label);
    if (!isupper((unsigned char)label[1]))
        label[0] = (char)tolower((unsigned char)label[0]);
    return label;
}

static enum err refuse(struct call *call)
{
    if (call->resource->dialect == DIALECT_ROBERT)
        return call_fail(call, ERR_NOT_FOUND, NULL);
    return call_fail(call, ERR_FORBIDDEN, "You do not have access to this %s.", label_of(call));
}

/* The names of broken references, as the statement listed them, become faults in field order. */
static enum err refuse_references(struct call *call, const char *names_json)
{
    bool any = false;
    for (const struct field *f = call->resource->fields; f->name != NULL && names_json; f++) {
        const char *at = f->type == F_REF ? strstr(names_json, f->name) : NULL;
        char before = at == NULL ? '\0' : at[-1], after = at == NULL ? '\0' : at[strlen(f->name)];
        if ((before != '"' && before != ',') || (after != '"' && after != ','))
            continue;
        fault_add(call, f, RULE_EXISTS, NULL, NULL);
        any = true;
    }
    if (any)
        return ERR_INVALID;
    /* Somebody else changed the row while this statement waited for it. */
    bool tagged = sql_versions(call->arena, call->request->headers[HEADER_IF_MATCH]) != NULL;
    return call_fail(call, tagged ? ERR_STALE : ERR_NOT_FOUND, NULL);
}

/* What a statement about one row answered; ROW_OK and ROW_DESTROYED are successes. */
static enum err read_row(struct call *call, const struct pg_result *result, enum row_code *code)
{
    if (pg_rows(result) == 0)
        return call->created ? call_fail(call, ERR_INTERNAL, NULL)
                             : call_fail(call, ERR_NOT_FOUND, NULL);
    *code = (enum row_code)pg_int(result, 0, 0);
    switch (*code) {
    case ROW_OK:
    case ROW_DESTROYED:
        return ERR_OK;
    case ROW_FORBIDDEN:
        return refuse(call);
    case ROW_STALE:
        return call_fail(call, ERR_STALE, NULL);
    case ROW_JUDGED:
        return call->hooks->judged(call, pg_text(result, 0, 2));
    case ROW_REFERENCE:
        break;
    }
    return refuse_references(call, pg_text(result, 0, 1));
}

static void set_json(struct call *call, const char *json)
{
    call->reply->json = (struct slice){json, json == NULL ? 0 : strlen(json)};
}

/* A row that was read once more after its write has the tag of what was read last. */
static void put_tag(struct call *call, const char *tag)
{
    for (struct pair *h = call->reply->headers; h->name != NULL; h++)
        if (strcmp(h->name, "ETag") == 0) {
            h->value = tag;
            return;
        }
    call_header(call, "ETag", tag);
}

/* ETag: version of the row, and of its rendering; true when the caller has just that already. */
static bool set_etag(struct call *call, const char *version)
{
    const struct slice *json = &call->reply->json;
    if (version == NULL || json->len == 0)
        return false;
    const char *tag = arena_printf(call->arena, "\"%s-%08x\"", version,
                                   (unsigned)crypto_crc32b(json->data, json->len));
    put_tag(call, tag);
    const char *known = call->request->headers[HEADER_IF_NONE_MATCH];
    return known != NULL && (strcmp(known, "*") == 0 || strstr(known, tag) != NULL);
}

static enum err finish_item(struct call *call, const struct pg_result *result)
{
    enum row_code code;
    enum err err = read_row(call, result, &code);
    if (err != ERR_OK)
        return err;
    set_json(call, pg_text(result, 0, 1));
    bool known = set_etag(call, pg_text(result, 0, 2));
    if (known && verb_of(call) == VERB_GET) {
        call->reply->status = 304;
        set_json(call, NULL);
    }
    return ERR_OK;
}

static void say(struct call *call, const char *said, const char *done)
{
    const struct resource *r = call->resource;
    if (r->dialect == DIALECT_LARAVEL)
        call->reply->message =
            said != NULL ? said : arena_printf(call->arena, "%s %s successfully.", r->label, done);
}

/* The answer of a write whose row is (code, json, version). */
static enum err finish_write(struct call *call, const struct pg_result *result)
{
    const struct resource *r = call->resource;
    enum row_code code = ROW_OK;
    enum err err = read_row(call, result, &code);
    if (err == ERR_OK && call->planned != ERR_OK)
        return call->reply->err = call->planned;
    if (err != ERR_OK && call->planned != ERR_OK)
        call->reply->faults = NULL; /* of a row that is not there for this caller */
    if (err != ERR_OK)
        return err;
    enum verb verb = verb_of(call);
    bool laravel = r->dialect == DIALECT_LARAVEL;
    if (code == ROW_DESTROYED && !laravel)
        set_json(call, "{\"destroyed\":true}");
    else if (code == ROW_OK && !(laravel && verb == VERB_DELETE))
        set_json(call, pg_text(result, 0, 1));
    if (verb == VERB_CREATE)
        say(call, r->said_created, "created");
    else if (verb == VERB_UPDATE)
        say(call, r->said_updated, "updated");
    else if (verb == VERB_DELETE)
        say(call, r->said_deleted, "deleted");
    else
        say(call, NULL, "restored");
    if (verb != VERB_DELETE)
        (void)set_etag(call, pg_text(result, 0, 2));
    return ERR_OK;
}

static void set_page(struct call *call, int64_t total, int64_t rows)
{
    struct page *page = &call->reply->page;
    page->total = total;
    page->rows = rows;
    if (page->size == ALL_ROWS)
        page->size = rows > 0 ? rows : PAGE_ROWS;
}

/* A search that matches more than anyone pages through is counted up to a bound, and says so. */
static int64_t bounded_total(struct call *call, const struct pg_result *result)
{
    int64_t total = pg_int(result, 0, 0);
    if (total <= COUNTED_MAX || !pg_true(result, 0, LIST_BOUNDED))
        return total;
    if (call->reply->meta == NULL)
        call->reply->meta = "{\"total_is_at_least\":true}";
    return COUNTED_MAX;
}

static enum err finish_list(struct call *call, const struct pg_result *result)
{
    struct page *page = &call->reply->page;
    call->reply->meta = pg_text(result, 0, LIST_META);
    int64_t total = bounded_total(call, result), before = (page->number - 1) * page->size;
    int64_t rows = total > before ? total - before : 0;
    set_json(call, pg_text(result, 0, LIST_ROWS));
    set_page(call, total, rows < page->size ? rows : page->size);
    return ERR_OK;
}

static enum err plan_list(struct call *call, struct listing *listing, struct sql *sql)
{
    enum err err = listing_read(call, listing);
    if (err != ERR_OK)
        return err;
    listing_sql(call, listing, sql);
    call->reply->page = (struct page){.number = listing->page, .size = listing->size};
    call->reply->page.plain = (call->resource->without & PLAIN_LIST) != 0;
    return ERR_OK;
}

static enum err check_body(struct call *call, bool created)
{
    call->created = created;
    const struct hooks *hooks = call->hooks;
    enum err err = validate(call);
    if (err == ERR_INVALID && hooks != NULL && hooks->check_values != NULL) {
        enum err more = hooks->check_values(call);
        return more == ERR_OK ? err : more;
    }
    if (err == ERR_OK)
        err = custom_check_unique(call);
    if (err == ERR_OK && hooks != NULL && hooks->check != NULL)
        err = hooks->check(call);
    return err == ERR_OK && call->reply->faults != NULL ? ERR_INVALID : err;
}

static bool has_write_hooks(const struct call *call, enum verb verb)
{
    const struct hooks *h = call->hooks;
    if (h == NULL)
        return false;
    switch (verb) {
    case VERB_CREATE:
    case VERB_UPDATE:
        if (verb == VERB_CREATE && h->judge_sql != NULL)
            return false;
        return (h->check != NULL || h->after_write != NULL) &&
               (h->applies == NULL || h->applies(call));
    case VERB_DELETE:
        return h->after_delete != NULL;
    case VERB_RESTORE:
        return h->after_restore != NULL;
    case VERB_LIST:
    case VERB_GET:
    case VERB_OTHER:
        break;
    }
    return false;
}

/* Only a row that is there and may be seen is told what is wrong with the body. */
static enum err plan_update(struct call *call, struct sql *sql)
{
    enum err err = check_body(call, false);
    bool at_fault = err == ERR_INVALID || err == ERR_MALFORMED;
    call->planned = at_fault ? err : ERR_OK;
    if (at_fault)
        sql_seen(call, sql, call->request->row);
    else if (err == ERR_OK)
        sql_update(call, sql);
    return at_fault ? ERR_OK : err;
}

bool crud_is_single(const struct call *call)
{
    enum verb verb = verb_of(call);
    const struct hooks *h = call->hooks;
    if (call->resource == NULL || verb == VERB_OTHER || !custom_is_loaded(call))
        return false;
    if (verb == VERB_LIST && query_find(call->request, "cursor") != NULL)
        return false;
    if (verb == VERB_LIST)
        return h == NULL || (h->list == NULL && h->narrow == NULL);
    if (verb == VERB_GET)
        return h == NULL || h->get == NULL;
    if (verb == VERB_RESTORE && custom_owner(call->resource) != call->resource)
        return false;
    if (verb != VERB_DELETE && custom_has_unique(call))
        return false;
    return !has_write_hooks(call, verb);
}

enum err crud_plan(struct call *call, struct sql *sql)
{
    struct listing listing;
    enum verb verb = verb_of(call);
    enum err err;
    call->planned = ERR_OK;
    sql_init(sql, call->arena);
    switch (verb) {
    case VERB_LIST:
        return plan_list(call, &listing, sql);
    case VERB_GET:
        sql_item(call, sql, call->request->row, IN_ITEM);
        return ERR_OK;
    case VERB_CREATE:
        err = check_body(call, true);
        if (err == ERR_OK)
            sql_create(call, sql);
        return err;
    case VERB_UPDATE:
        return plan_update(call, sql);
    case VERB_DELETE:
        sql_delete(call, sql);
        return ERR_OK;
    case VERB_RESTORE:
        sql_restore(call, sql);
        return ERR_OK;
    case VERB_OTHER:
        break;
    }
    return call_fail(call, ERR_INTERNAL, NULL);
}

enum err crud_finish(struct call *call, const struct pg_result *result)
{
    enum verb verb = verb_of(call);
    if (verb == VERB_LIST)
        return finish_list(call, result);
    return verb == VERB_GET ? finish_item(call, result) : finish_write(call, result);
}

enum err crud_list(struct call *call)
{
    struct listing listing;
    struct sql sql;
    struct pg_result *result;
    enum err err = custom_load(call);
    if (err == ERR_OK)
        err = plan_list(call, &listing, &sql);
    if (err == ERR_OK)
        err = call_run(call, &sql, &result);
    if (err != ERR_OK || !listing.by_cursor)
        return err == ERR_OK ? finish_list(call, result) : err;
    call->reply->meta = pg_text(result, 0, LIST_META);
    int64_t total = bounded_total(call, result), rows = pg_int(result, 0, LIST_COUNT);
    set_json(call, pg_text(result, 0, LIST_ROWS));
    set_page(call, total, rows);
    if (rows == listing.size)
        call->reply->page.next_cursor =
            cursor_write(call, &listing, total, pg_text(result, 0, LIST_KEYS));
    return ERR_OK;
}

static enum err run_item(struct call *call, int64_t id, unsigned where, struct pg_result **result)
{
    struct sql sql;
    enum err err = custom_load(call);
    if (err != ERR_OK)
        return err;
    sql_init(&sql, call->arena);
    sql_item(call, &sql, id, where);
    return call_run(call, &sql, result);
}

enum err crud_item(struct call *call, int64_t id)
{
    struct pg_result *result;
    enum err err = run_item(call, id, IN_ITEM, &result);
    return err == ERR_OK ? finish_item(call, result) : err;
}

enum err crud_get(struct call *call) { return crud_item(call, call->request->row); }

/* The id a written row's JSON begins with: every resource shows its id first. */
static int64_t id_of(const char *json)
{
    const char *at = json == NULL ? NULL : strstr(json, "\"id\":");
    return at == NULL ? 0 : strtoll(at + 5, NULL, 10);
}

/* After a hook the row and its embeds may have changed: they are read once more. */
static enum err reread(struct call *call, int64_t id)
{
    struct pg_result *result;
    enum err err = run_item(call, id, IN_WRITE | IN_CHANGE, &result);
    enum row_code code;
    if (err != ERR_OK)
        return err;
    if (pg_rows(result) == 0 || pg_int(result, 0, 0) != ROW_OK)
        return ERR_OK; /* given away by this very write: the first answer stands */
    err = read_row(call, result, &code);
    set_json(call, pg_text(result, 0, 1));
    if (err == ERR_OK)
        (void)set_etag(call, pg_text(result, 0, 2));
    return err;
}

/* May the update change lists that are kept beside the row? */
static bool has_lists(const struct call *call)
{
    const char *const *list = call->created || call->hooks == NULL ? NULL : call->hooks->lists;
    bool logged = verb_of(call) != VERB_RESTORE && audit_is_on(call);
    for (; logged && list != NULL && *list != NULL; list++)
        if (mp_find(call->body, *list) != NULL)
            return true;
    return false;
}

static enum err run_after(struct call *call, enum err (*after)(struct call *, int64_t), int64_t id)
{
    const char *before = NULL;
    enum err err = has_lists(call) ? audit_lists_read(call, id, &before) : ERR_OK;
    if (err == ERR_OK)
        err = after(call, id);
    return err == ERR_OK && before != NULL ? audit_lists(call, id, before) : err;
}

static enum err write_row(struct call *call, enum err (*after)(struct call *, int64_t), bool again)
{
    struct sql sql;
    struct pg_result *result;
    enum err err = custom_load(call);
    if (err == ERR_OK)
        err = crud_plan(call, &sql);
    struct reply planned = *call->reply;
    if (err == ERR_OK)
        err = call_run(call, &sql, &result);
    if (err != ERR_OK && call->planned != ERR_OK) {
        *call->reply = planned; /* the check itself had broken the transaction */
        return call->reply->err = call->planned;
    }
    if (err == ERR_OK)
        err = finish_write(call, result);
    if (err != ERR_OK || after == NULL)
        return err;
    int64_t id = call->created ? id_of(pg_text(result, 0, 1)) : call->request->row;
    const char *done = call->reply->message;
    err = run_after(call, after, id);
    if (err != ERR_OK && call->reply->message == done)
        call->reply->message = NULL; /* it is not done after all */
    return err == ERR_OK && again && !call->silent ? reread(call, id) : err;
}

static enum err write_with_hooks(struct call *call)
{
    bool hooked = has_write_hooks(call, verb_of(call));
    return write_row(call, hooked ? call->hooks->after_write : NULL, true);
}

enum err crud_create(struct call *call) { return write_with_hooks(call); }

enum err crud_update(struct call *call) { return write_with_hooks(call); }

enum err crud_delete(struct call *call)
{
    return write_row(call, call->hooks == NULL ? NULL : call->hooks->after_delete, false);
}

static enum err restored(struct call *call, int64_t id)
{
    bool hooked = call->hooks != NULL && call->hooks->after_restore != NULL;
    enum err err = hooked ? call->hooks->after_restore(call, id) : ERR_OK;
    return err == ERR_OK ? custom_check_restored(call) : err;
}

enum err crud_restore(struct call *call)
{
    return write_row(call, restored, call->hooks != NULL && call->hooks->after_restore != NULL);
}
