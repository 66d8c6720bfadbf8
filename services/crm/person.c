/*
 * person.c - contacts and clients written through document 003's dialect: their names are unique
 * there, tags and people come in the same body. Source: rentals.md 4.3, 4.4; decisions.md 8.
 */
#include <string.h>

#include "services/core/crud.h"
#include "services/crm/hooks.h"

enum { TAG_CHARS = 48 };

static size_t characters(const char *text)
{
    size_t n = 0;
    for (; *text != '\0'; text++)
        n += ((unsigned char)*text & 0xC0) != 0x80;
    return n;
}

static bool is_blank(const char *text) { return text[strspn(text, " \t\r\n")] == '\0'; }

/* One tag: a name or {id, name}. The faults are those of a tag of its own: details.name. */
static enum err check_tag(struct call *call, const msgpack_object *tag, uint32_t index)
{
    const msgpack_object *named = tag->type == MSGPACK_OBJECT_MAP ? mp_find(tag, "name") : tag;
    const char *name = mp_text(call->arena, named);
    if (name == NULL)
        return call_fault(call, arena_printf(call->arena, "tags.%u", (unsigned)index), RULE_STRING,
                          NULL, NULL);
    if (is_blank(name))
        (void)call_fault(call, "name", RULE_MISSING, NULL, NULL);
    if (is_blank(name) || characters(name) > TAG_CHARS)
        return call_fault(call, "name", RULE_LENGTH, "1", "48");
    return ERR_OK;
}

enum err person_check_tags(struct call *call)
{
    const msgpack_object *tags = mp_find(call->body, "tags");
    if (mp_is_null(tags))
        return ERR_OK;
    if (tags->type != MSGPACK_OBJECT_ARRAY)
        return call_fault(call, "tags", RULE_ARRAY, NULL, NULL);
    for (uint32_t i = 0; i < tags->via.array.size; i++) {
        enum err err = check_tag(call, &tags->via.array.ptr[i], i);
        if (err != ERR_OK)
            return err;
    }
    return ERR_OK;
}

/* Runs SELECT function(kind, id, list) for a list of the body. */
static enum err write_list(struct call *call, const char *call_text, int64_t id, const char *key)
{
    const msgpack_object *list = mp_find(call->body, key);
    if (mp_is_null(list))
        return ERR_OK;
    struct buf json;
    struct sql sql;
    struct pg_result *result;
    buf_init(&json, call->arena);
    mp_put_json(&json, list);
    sql_init(&sql, call->arena);
    int row = sql_bind_int(&sql, id);
    sql_printf(&sql, "SELECT %s $%d::bigint, $%d::jsonb)", call_text, row,
               sql_bind(&sql, json.data));
    return call_run(call, &sql, &result);
}

/* true in the first column: taken. */
static enum err refuse_taken(struct call *call, struct sql *sql)
{
    struct pg_result *result;
    enum err err = call_run(call, sql, &result);
    if (err == ERR_OK && pg_true(result, 0, 0))
        return call_fail(call, ERR_CONFLICT, "%s", call->resource->duplicate);
    return err;
}

static int bind_row(struct call *call, struct sql *sql)
{
    return call->created ? sql_bind(sql, NULL) : sql_bind_int(sql, call->request->row);
}

/* A user_id names a member of the organization. */
static enum err check_user(struct call *call)
{
    const char *user = call_value(call, "user_id");
    if (user == NULL)
        return ERR_OK;
    struct sql sql;
    struct pg_result *result;
    sql_init(&sql, call->arena);
    sql_printf(&sql, "SELECT crm.is_member($%d::bigint)", sql_bind(&sql, user));
    enum err err = call_run(call, &sql, &result);
    if (err == ERR_OK && !pg_true(result, 0, 0))
        return call_fault(call, "user_id", RULE_EXISTS, NULL, NULL);
    return err;
}

static enum err check_person(struct call *call)
{
    enum err err = person_check_tags(call);
    if (err == ERR_OK)
        err = check_user(call);
    if (err != ERR_OK ||
        !(call_has(call, "first_name") || call_has(call, "last_name") || call_has(call, "email")))
        return err;
    struct sql sql;
    sql_init(&sql, call->arena);
    int row = bind_row(call, &sql), first = sql_bind(&sql, call_value(call, "first_name"));
    int last = sql_bind(&sql, call_value(call, "last_name"));
    const char *email = call_value(call, "email");
    if (email == NULL && call_has(call, "email"))
        email = ""; /* taken away, not left as it is */
    sql_printf(&sql, "SELECT crm.person_taken($%d::bigint, $%d::text, $%d::text, $%d::text)", row,
               first, last, sql_bind(&sql, email));
    return refuse_taken(call, &sql);
}

enum err person_written(struct call *call, int64_t id)
{
    return write_list(call, "crm.set_tags('person',", id, "tags");
}

static enum err check_company(struct call *call)
{
    enum err err = person_check_tags(call);
    if (err != ERR_OK || !call_has(call, "name"))
        return err;
    struct sql sql;
    sql_init(&sql, call->arena);
    int row = bind_row(call, &sql);
    sql_printf(&sql, "SELECT crm.company_taken($%d::bigint, $%d::text)", row,
               sql_bind(&sql, call_value(call, "name")));
    return refuse_taken(call, &sql);
}

const char *const tagged_lists[] = {"tags", NULL};

const struct hooks person_hooks = {
    .resource = "person",
    .check = check_person,
    .after_write = person_written,
    .lists = tagged_lists,
    .lists_sql = "crm.contact_lists(t.id)",
};

/* The body of a person of a company: what was sent, with the company's id. */
static enum err put_company(struct call *one, const msgpack_object *sent, int64_t company)
{
    struct buf bytes;
    const msgpack_object_map *map = &sent->via.map;
    uint32_t pairs = map->size + (mp_find(sent, "company_id") == NULL);
    buf_init(&bytes, one->arena);
    mp_put_map(&bytes, pairs);
    mp_put_text(&bytes, "company_id");
    mp_put_int(&bytes, company);
    for (uint32_t i = 0; i < map->size; i++) {
        if (mp_same(&map->ptr[i].key, "company_id"))
            continue;
        mp_put_object(&bytes, &map->ptr[i].key);
        mp_put_object(&bytes, &map->ptr[i].val);
    }
    return mp_read(one->arena, (struct slice){bytes.data, bytes.len}, &one->body);
}

/* What was wrong with a person is told by her place: persons.0.last_name. */
static enum err refuse_person(struct call *call, struct call *one, enum err err, uint32_t index)
{
    struct fault *faults = one->reply->faults;
    call->again = call->again || one->again;
    for (struct fault *f = faults; f != NULL; f = f->next)
        f->field = arena_printf(call->arena, "persons.%u.%s", (unsigned)index, f->field);
    call->reply->faults = faults;
    call->reply->message = one->reply->message;
    return call->reply->err = err;
}

/* A person in the body of a company is made as POST /api/persons makes one. */
static enum err add_person(struct call *call, int64_t company, const msgpack_object *sent,
                           uint32_t index)
{
    struct request *request = arena_alloc(call->arena, sizeof *request);
    struct reply *reply = arena_alloc(call->arena, sizeof *reply);
    struct call *one = arena_alloc(call->arena, sizeof *one);
    if (sent->type != MSGPACK_OBJECT_MAP)
        return call_fault(call, "persons", RULE_FORMAT, NULL, NULL);
    *request = *call->request;
    request->op = "create";
    request->query_n = 0;
    memset(request->headers, 0, sizeof request->headers);
    *one = *call;
    one->request = request;
    one->reply = reply;
    one->resource = resource_find("person");
    one->hooks = &person_hooks;
    one->columns_n = 0;
    one->silent = true;
    enum err err = put_company(one, sent, company);
    if (err == ERR_OK)
        err = crud_create(one);
    return err == ERR_OK ? ERR_OK : refuse_person(call, one, err, index);
}

static enum err company_written(struct call *call, int64_t id)
{
    const msgpack_object *persons = mp_find(call->body, "persons");
    enum err err = write_list(call, "crm.set_tags('company',", id, "tags");
    if (err != ERR_OK || mp_is_null(persons))
        return err;
    if (persons->type != MSGPACK_OBJECT_ARRAY)
        return call_fault(call, "persons", RULE_ARRAY, NULL, NULL);
    for (uint32_t i = 0; i < persons->via.array.size && err == ERR_OK; i++)
        err = add_person(call, id, &persons->via.array.ptr[i], i);
    return err;
}

const struct hooks company_hooks = {
    .resource = "company",
    .check = check_company,
    .after_write = company_written,
    .lists = tagged_lists,
    .lists_sql = "crm.client_lists(t.id)",
};
