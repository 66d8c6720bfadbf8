#include "services/core/bulk.h"

#include <string.h>

#include "services/core/check.h"
#include "services/core/crud.h"
#include "services/core/sql.h"

#define UPSERT_KEY "external_id"

enum { PLANNED_FROM = 100 };

/* One bulk request on its way. */
struct bulk {
    struct call *call;
    enum err (*run)(struct call *call);
    const char *op;
    bool atomic;
    bool upsert; /* a record whose external_id is known already is an update */
    struct buf results;
    int64_t done, refused;
    struct reply *last; /* of the record before */
    enum err last_err;
};

enum { UPSERT_NO, UPSERT_YES, UPSERT_UNKNOWN };

static bool is_atomic(const struct call *call)
{
    const char *query = query_find(call->request, "atomic");
    const msgpack_object *asked = mp_find(call->body, "atomic");
    bool in_body = asked != NULL && asked->type == MSGPACK_OBJECT_BOOLEAN && asked->via.boolean;
    return in_body || (query != NULL && (strcmp(query, "true") == 0 || strcmp(query, "1") == 0));
}

/* Asked for by the body or the query: true, 1 or external_id, the one key there is. */
static int read_upsert(struct call *call)
{
    const msgpack_object *asked = mp_find(call->body, "upsert");
    const struct field *key = field_find(call->resource, UPSERT_KEY);
    const char *text = mp_text(call->arena, asked);
    bool yes = asked != NULL && asked->type == MSGPACK_OBJECT_BOOLEAN && asked->via.boolean;
    bool no = mp_is_null(asked) || (asked->type == MSGPACK_OBJECT_BOOLEAN && !yes);
    if (asked == NULL) {
        text = query_find(call->request, "upsert");
        no =
            text == NULL || text[0] == '\0' || strcmp(text, "0") == 0 || strcmp(text, "false") == 0;
        yes = !no && (strcmp(text, "1") == 0 || strcmp(text, "true") == 0);
    }
    if (no)
        return UPSERT_NO;
    yes = yes || (text != NULL && strcmp(text, UPSERT_KEY) == 0);
    return yes && key != NULL && (key->flags & UNIQUE) != 0 ? UPSERT_YES : UPSERT_UNKNOWN;
}

/* The live row that has the record's external_id: request->row, 0 when there is none. */
static enum err find_row(struct call *one, struct request *request)
{
    const char *key = mp_text(one->arena, mp_find(one->body, UPSERT_KEY));
    struct sql sql;
    struct pg_result *found;
    request->row = 0;
    if (key == NULL || text_length(key) < 0)
        return ERR_OK; /* not said, or no text: the checks of a create tell */
    sql_init(&sql, one->arena);
    sql_printf(&sql, "SELECT t.id FROM %s t WHERE t.external_id = $%d::text", one->resource->table,
               sql_bind(&sql, text_trim(one->arena, key)));
    sql_scope(one, &sql, TRASH_NOT);
    enum err err = call_run(one, &sql, &found);
    if (err == ERR_OK && pg_rows(found) > 0)
        request->row = pg_int(found, 0, 0);
    return err;
}

/* Two upserts of one key wait for each other: the later one finds what the earlier one made. */
static enum err take_turn(struct call *call)
{
    struct sql sql;
    struct pg_result *none;
    sql_init(&sql, call->arena);
    sql_printf(&sql,
               "SELECT pg_advisory_xact_lock(hashtextextended('upsert ' || $%d::text,"
               " $%d::bigint))",
               sql_bind(&sql, call->resource->name),
               sql_bind_int(&sql, call->request->who.organization_id));
    return call_run(call, &sql, &none);
}

static enum err upsert_one(struct bulk *bulk, struct call *one, struct request *request)
{
    const msgpack_object *key = mp_find(one->body, UPSERT_KEY);
    const char *text = mp_text(one->arena, key);
    if (mp_is_null(key) || (text != NULL && text_trim(one->arena, text)[0] == '\0'))
        return one->reply->err = call_fault(one, UPSERT_KEY, RULE_MISSING, NULL, NULL);
    enum err err = find_row(one, request);
    if (err != ERR_OK)
        return err;
    bulk->op = request->op = request->row > 0 ? "update" : "create";
    return request->row > 0 ? crud_update(one) : crud_create(one);
}

/* {"name": ["The name field is required."], …} in the caller's dialect and language. */
static void put_faults(struct bulk *bulk, const struct fault *fault)
{
    enum dialect dialect = bulk->call->resource->dialect;
    enum language language = language_of(bulk->call->request->who.language);
    const char *field = NULL;
    for (; fault != NULL; fault = fault->next) {
        struct buf words;
        buf_init(&words, bulk->call->arena);
        rule_say(&words, fault, dialect, language);
        if (field == NULL || strcmp(field, fault->field) != 0) {
            buf_puts(&bulk->results, field == NULL ? "" : "],");
            buf_puts_json(&bulk->results, fault->field);
            buf_puts(&bulk->results, ":[");
        } else {
            buf_putc(&bulk->results, ',');
        }
        field = fault->field;
        buf_puts_json(&bulk->results, words.data);
    }
    buf_puts(&bulk->results, field == NULL ? "" : "]");
}

static const char *words_of(struct bulk *bulk, enum err err, const struct reply *reply)
{
    if (reply->message != NULL)
        return text_in(bulk->call->arena, reply->message, bulk->call->resource->dialect,
                       language_of(bulk->call->request->who.language));
    if (err == ERR_INVALID)
        return "The given data was invalid.";
    if (err == ERR_NOT_FOUND)
        return arena_printf(bulk->call->arena, "%s not found.", bulk->call->resource->label);
    return err_meaning(err);
}

static void put_result(struct bulk *bulk, uint32_t index, enum err err, const struct reply *reply)
{
    struct buf *out = &bulk->results;
    bool robert = bulk->call->resource->dialect == DIALECT_ROBERT;
    int status = err == ERR_INVALID && robert ? 400 : err_status(err);
    if (err == ERR_OK && strcmp(bulk->op, "create") == 0)
        status = 201;
    buf_printf(out, "%s{\"index\":%u,\"status\":%d", index == 0 ? "" : ",", (unsigned)index,
               status);
    if (err == ERR_OK && reply->json.len > 0) {
        buf_puts(out, ",\"data\":");
        buf_put(out, reply->json.data, reply->json.len);
    }
    if (err != ERR_OK) {
        buf_puts(out, ",\"message\":");
        buf_puts_json(out, words_of(bulk, err, reply));
    }
    if (reply->faults != NULL && err != ERR_OK) {
        buf_puts(out, ",\"errors\":{");
        put_faults(bulk, reply->faults);
        buf_putc(out, '}');
    }
    buf_putc(out, '}');
}

/* The record as a request of its own. */
static enum err run_one(struct bulk *bulk, const msgpack_object *record, uint32_t index)
{
    struct call *call = bulk->call;
    struct request *request = arena_alloc(call->arena, sizeof *request);
    struct reply *reply = arena_alloc(call->arena, sizeof *reply);
    struct call *one = arena_alloc(call->arena, sizeof *one);
    *request = *call->request;
    request->op = bulk->op;
    request->query_n = 0;
    memset(request->headers, 0, sizeof request->headers);
    *one = *call;
    one->request = request;
    one->reply = reply;
    one->columns_n = 0;
    one->body = record->type == MSGPACK_OBJECT_MAP ? record : NULL;
    const msgpack_object *id = one->body != NULL ? mp_find(record, "id") : record;
    if (!mp_int(id, &request->row))
        request->row = 0;
    if (!bulk->atomic)
        pg_savepoint(call->pg);
    enum err err = bulk->upsert ? upsert_one(bulk, one, request) : bulk->run(one);
    call->again = call->again || one->again;
    if (err != ERR_OK && err_status(err) >= 500)
        return err;
    if (err != ERR_OK && !bulk->atomic && pg_in_transaction(call->pg) && !pg_rollback_to(call->pg))
        return ERR_UNAVAILABLE;
    if (reply->forget != NULL) /* of the last record: each names all whom it concerns */
        call->reply->forget = reply->forget;
    put_result(bulk, index, err, reply);
    bulk->last = reply;
    bulk->last_err = err;
    bulk->done += err == ERR_OK;
    bulk->refused += err != ERR_OK;
    return ERR_OK;
}

/* All or nothing: the first record that is refused refuses the whole, by its place. */
static enum err refuse_all(struct bulk *bulk, uint32_t index)
{
    struct call *call = bulk->call;
    struct fault *fault = bulk->last->faults;
    if (fault == NULL)
        return call_fault_said(call, arena_printf(call->arena, "records.%u", index), "%s",
                               words_of(bulk, bulk->last_err, bulk->last));
    for (; fault != NULL; fault = fault->next)
        fault->field = arena_printf(call->arena, "records.%u.%s", index, fault->field);
    call->reply->faults = bulk->last->faults;
    return ERR_INVALID;
}

static enum err answer(struct bulk *bulk)
{
    struct reply *reply = bulk->call->reply;
    buf_putc(&bulk->results, ']');
    reply->json = (struct slice){bulk->results.data, bulk->results.len};
    reply->status = 200;
    reply->message = arena_printf(bulk->call->arena, "%lld done, %lld refused.",
                                  (long long)bulk->done, (long long)bulk->refused);
    return ERR_OK;
}

/* The rows that are to change, locked in the order of their ids: two bulk requests wait for each
   other's end, whatever order their records have. Ids that are none, or not the caller's, are left
   to the records themselves. */
static enum err lock_rows(struct call *call, const msgpack_object *records)
{
    struct buf ids;
    struct sql sql;
    struct pg_result *rows;
    buf_init(&ids, call->arena);
    for (uint32_t i = 0; i < records->via.array.size; i++) {
        const msgpack_object *record = &records->via.array.ptr[i];
        int64_t id;
        if (mp_int(record->type == MSGPACK_OBJECT_MAP ? mp_find(record, "id") : record, &id))
            buf_printf(&ids, "%c%lld", ids.len == 0 ? '{' : ',', (long long)id);
    }
    if (ids.len == 0)
        return ERR_OK;
    buf_putc(&ids, '}');
    sql_init(&sql, call->arena);
    sql_printf(&sql, "SELECT t.id FROM %s t WHERE t.id = ANY ($%d::bigint[])",
               call->resource->table, sql_bind(&sql, ids.data));
    sql_scope(call, &sql, TRASH_WITH);
    sql_puts(&sql, " ORDER BY t.id FOR NO KEY UPDATE OF t");
    return call_run(call, &sql, &rows);
}

/* A plan made while a table was small is kept, and may read all of it for each of these records. */
static enum err plan_again(struct call *call, uint32_t records_n)
{
    struct sql sql;
    struct pg_result *none;
    if (records_n < PLANNED_FROM)
        return ERR_OK;
    sql_init(&sql, call->arena);
    sql_puts(&sql, "DISCARD PLANS");
    return call_run(call, &sql, &none);
}

static enum err bulk_run(struct call *call, const char *list, const char *op,
                         enum err (*run)(struct call *call))
{
    struct bulk bulk = {.call = call, .run = run, .op = op, .atomic = is_atomic(call)};
    const msgpack_object *records = mp_find(call->body, list);
    if (records == NULL || records->type != MSGPACK_OBJECT_ARRAY || records->via.array.size == 0)
        return call_fault(call, list, RULE_ARRAY, NULL, NULL);
    if (records->via.array.size > BULK_MAX)
        return call_fault(call, list, RULE_MAX_ITEMS, "1000", NULL);
    int upsert = strcmp(op, "create") == 0 ? read_upsert(call) : UPSERT_NO;
    if (upsert == UPSERT_UNKNOWN)
        return call_fault(call, "upsert", RULE_IN, NULL, NULL);
    bulk.upsert = upsert == UPSERT_YES;
    enum err turn = plan_again(call, records->via.array.size);
    if (turn == ERR_OK)
        turn = bulk.upsert                 ? take_turn(call)
               : strcmp(op, "create") == 0 ? ERR_OK
                                           : lock_rows(call, records);
    if (turn != ERR_OK)
        return turn;
    buf_init(&bulk.results, call->arena);
    buf_putc(&bulk.results, '[');
    for (uint32_t i = 0; i < records->via.array.size; i++) {
        enum err err = run_one(&bulk, &records->via.array.ptr[i], i);
        if (err != ERR_OK)
            return call_fail(call, err, NULL);
        if (bulk.atomic && bulk.refused > 0)
            return refuse_all(&bulk, i);
    }
    return answer(&bulk);
}

enum err bulk_create(struct call *call) { return bulk_run(call, "records", "create", crud_create); }

enum err bulk_update(struct call *call) { return bulk_run(call, "records", "update", crud_update); }

enum err bulk_delete(struct call *call) { return bulk_run(call, "ids", "delete", crud_delete); }
