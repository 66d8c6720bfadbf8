#include "proto/envelope.h"

#include <string.h>

/*
 * One table a struct says key, kind and place of each member; the writer and the reader both walk
 * it. A member at its zero value is left out. Unknown keys are skipped, so that a newer peer may
 * add some within a version; everything else that is off is refused.
 */
enum kind {
    TEXT,
    SURE_TEXT,
    INT64,
    UINT32,
    INT,
    BOOL,
    BYTES,
    ERROR,
    ROLE,
    TEXTS,
    QUERY,
    CALLER,
    FAULTS,
    RULE_NO,
    PAGE,
    HEADERS
};

struct member {
    char key[2];
    enum kind kind;
    size_t at;
    uint32_t n; /* TEXTS: how many */
};

enum {
    BATCH_MAX = 4096,
    QUERY_MAX = 256,
    FAULTS_MAX = 2000,
    HEADERS_MAX = COUNT_OF(((struct reply *)0)->headers),
    RULES_N = 0
#define RULE(name, laravel, robert_en, robert_fr) +1
#include "proto/rules.def"
#undef RULE
};

#define AT(type, name) offsetof(struct type, name)

static const struct member caller_members[] = {
    {"u", INT64, AT(caller, user_id)},
    {"o", INT64, AT(caller, organization_id)},
    {"t", INT64, AT(caller, token_id)},
    {"r", ROLE, AT(caller, role)},
    {"a", SURE_TEXT, AT(caller, abilities)},
    {"z", SURE_TEXT, AT(caller, zone)},
    {"y", SURE_TEXT, AT(caller, org_zone)},
    {"l", SURE_TEXT, AT(caller, language)},
    {"s", BOOL, AT(caller, session)},
    {"v", INT64, AT(caller, custom)},
    {{0}},
};

static const struct member request_members[] = {
    {"i", UINT32, AT(request, index)},
    {"d", SURE_TEXT, AT(request, id)},
    {"t", SURE_TEXT, AT(request, trace)},
    {"o", SURE_TEXT, AT(request, op)},
    {"r", SURE_TEXT, AT(request, resource)},
    {"n", INT64, AT(request, row)},
    {"a", TEXTS, AT(request, arg), COUNT_OF(((struct request *)0)->arg)},
    {"q", QUERY, 0},
    {"b", BYTES, AT(request, body)},
    {"w", BYTES, AT(request, raw)},
    {"c", CALLER, AT(request, who)},
    {"l", INT64, AT(request, left_ms)},
    {"f", SURE_TEXT, AT(request, address)},
    {"h", TEXTS, AT(request, headers), COUNT_OF(((struct request *)0)->headers)},
    {"p", SURE_TEXT, AT(request, path)},
    {{0}},
};

static const struct member fault_members[] = {
    {"f", SURE_TEXT, AT(fault, field)}, {"r", RULE_NO, AT(fault, rule)}, {"a", TEXT, AT(fault, a)},
    {"b", TEXT, AT(fault, b)},          {"l", TEXT, AT(fault, label)},   {{0}},
};

static const struct member page_members[] = {
    {"n", INT64, AT(page, number)},
    {"s", INT64, AT(page, size)},
    {"t", INT64, AT(page, total)},
    {"r", INT64, AT(page, rows)},
    {"c", TEXT, AT(page, next_cursor)},
    {"p", BOOL, AT(page, plain)},
    {{0}},
};

static const struct member reply_members[] = {
    {"i", UINT32, AT(reply, index)},
    {"e", ERROR, AT(reply, err)},
    {"f", FAULTS, AT(reply, faults)},
    {"m", TEXT, AT(reply, message)},
    {"j", BYTES, AT(reply, json)},
    {"k", TEXT, AT(reply, meta)},
    {"p", PAGE, AT(reply, page)},
    {"s", INT, AT(reply, status)},
    {"b", BOOL, AT(reply, bare)},
    {"t", TEXT, AT(reply, type)},
    {"h", HEADERS, AT(reply, headers)},
    {"g", TEXT, AT(reply, forget)},
    {"a", INT64, AT(reply, retry_after_s)},
    {"q", INT64, AT(reply, sql_us)},
    {{0}},
};

static void put_members(struct buf *out, const struct member *m, const void *base, int64_t version);

static bool put_text(struct buf *out, const char *key, const char *text)
{
    if (text == NULL)
        return false;
    mp_put_str(out, key, 1);
    mp_put_text(out, text);
    return true;
}

static bool put_int(struct buf *out, const char *key, int64_t value)
{
    if (value == 0)
        return false;
    mp_put_str(out, key, 1);
    mp_put_int(out, value);
    return true;
}

static bool put_bool(struct buf *out, const char *key, bool value)
{
    if (!value)
        return false;
    mp_put_str(out, key, 1);
    mp_put_bool(out, true);
    return true;
}

static bool put_bytes(struct buf *out, const char *key, const struct slice *bytes)
{
    if (bytes->len == 0)
        return false;
    mp_put_str(out, key, 1);
    mp_put_bin(out, bytes->data, bytes->len);
    return true;
}

static bool put_texts(struct buf *out, const struct member *m, const char *const *texts)
{
    uint32_t n = m->n;
    while (n > 0 && texts[n - 1] == NULL)
        n--;
    if (n == 0)
        return false;
    mp_put_str(out, m->key, 1);
    mp_put_array(out, n);
    for (uint32_t i = 0; i < n; i++)
        mp_put_text(out, texts[i]);
    return true;
}

/* A flat array: name, value, name, value. */
static bool put_pairs(struct buf *out, const char *key, const struct pair *pairs, size_t n)
{
    if (n == 0)
        return false;
    mp_put_str(out, key, 1);
    mp_put_array(out, (uint32_t)n * 2);
    for (size_t i = 0; i < n; i++) {
        mp_put_text(out, pairs[i].name);
        mp_put_text(out, pairs[i].value == NULL ? "" : pairs[i].value);
    }
    return true;
}

static bool put_headers(struct buf *out, const char *key, const struct pair *headers)
{
    size_t n = 0;
    while (n < HEADERS_MAX && headers[n].name != NULL)
        n++;
    return put_pairs(out, key, headers, n);
}

static bool put_faults(struct buf *out, const char *key, const struct fault *first)
{
    uint32_t n = 0;
    for (const struct fault *f = first; f != NULL && n < FAULTS_MAX; f = f->next)
        n++;
    if (n == 0)
        return false;
    mp_put_str(out, key, 1);
    mp_put_array(out, n);
    for (const struct fault *f = first; n > 0; f = f->next, n--)
        put_members(out, fault_members, f, 0);
    return true;
}

/* false: left out. */
static bool put_member(struct buf *out, const struct member *m, const void *base)
{
    const void *at = (const char *)base + m->at;
    switch (m->kind) {
    case TEXT:
    case SURE_TEXT:
        return put_text(out, m->key, *(const char *const *)at);
    case INT64:
        return put_int(out, m->key, *(const int64_t *)at);
    case INT:
        return put_int(out, m->key, *(const int *)at);
    case UINT32:
    case ERROR:
    case ROLE:
    case RULE_NO: /* an enumeration without negative members is an unsigned int */
        return put_int(out, m->key, *(const unsigned *)at);
    case BOOL:
        return put_bool(out, m->key, *(const bool *)at);
    case BYTES:
        return put_bytes(out, m->key, at);
    case TEXTS:
        return put_texts(out, m, at);
    case QUERY:
        return put_pairs(out, m->key, ((const struct request *)base)->query,
                         ((const struct request *)base)->query_n);
    case HEADERS:
        return put_headers(out, m->key, at);
    case FAULTS:
        return put_faults(out, m->key, *(struct fault *const *)at);
    case CALLER:
    case PAGE:
        mp_put_str(out, m->key, 1);
        put_members(out, m->kind == CALLER ? caller_members : page_members, at, 0);
        return true;
    }
    return false;
}

/* A map of those that are not at their zero; its count is patched in when known. */
static void put_members(struct buf *out, const struct member *m, const void *base, int64_t version)
{
    size_t header = out->len;
    buf_put(out, "\xde\0\0", 3);
    unsigned n = put_int(out, "v", version) ? 1 : 0;
    for (; m->key[0] != '\0'; m++)
        n += put_member(out, m, base) ? 1 : 0;
    out->data[header + 1] = (char)(n >> 8);
    out->data[header + 2] = (char)(n & 255);
}

void request_write(struct buf *out, const struct request *request)
{
    put_members(out, request_members, request, ENVELOPE_VERSION);
}

void reply_write(struct buf *out, const struct reply *reply)
{
    put_members(out, reply_members, reply, ENVELOPE_VERSION);
}

/* Reading. Each get_ is false when the object is not what the member wants. */

static bool get_members(struct arena *arena, const struct member *members,
                        const msgpack_object *map, void *base, int64_t version);

static bool get_text(struct arena *arena, const msgpack_object *from, const char **out)
{
    /* A NUL inside would silently cut the text. */
    if (from->type != MSGPACK_OBJECT_STR ||
        (from->via.str.size > 0 && memchr(from->via.str.ptr, 0, from->via.str.size) != NULL))
        return false;
    *out = mp_text(arena, from);
    return true;
}

static bool get_int(const msgpack_object *from, int64_t min, int64_t max, int64_t *out)
{
    return mp_int(from, out) && *out >= min && *out <= max;
}

static bool get_bytes(const msgpack_object *from, struct slice *out)
{
    if (from->type != MSGPACK_OBJECT_BIN)
        return false;
    *out = (struct slice){from->via.bin.ptr, from->via.bin.size};
    return true;
}

static bool get_texts(struct arena *arena, const msgpack_object *from, uint32_t max,
                      const char **out)
{
    if (from->type != MSGPACK_OBJECT_ARRAY || from->via.array.size > max)
        return false;
    for (uint32_t i = 0; i < from->via.array.size; i++) {
        const msgpack_object *text = &from->via.array.ptr[i];
        if (!mp_is_null(text) && !get_text(arena, text, &out[i]))
            return false;
    }
    return true;
}

static bool get_pairs(struct arena *arena, const msgpack_object *from, struct pair *out)
{
    for (uint32_t i = 0; i < from->via.array.size; i += 2)
        if (!get_text(arena, &from->via.array.ptr[i], &out[i / 2].name) ||
            !get_text(arena, &from->via.array.ptr[i + 1], &out[i / 2].value))
            return false;
    return true;
}

static bool is_pairs(const msgpack_object *from, uint32_t max)
{
    return from->type == MSGPACK_OBJECT_ARRAY && from->via.array.size % 2 == 0 &&
           from->via.array.size / 2 <= max;
}

static bool get_query(struct arena *arena, const msgpack_object *from, struct request *out)
{
    if (!is_pairs(from, QUERY_MAX))
        return false;
    out->query_n = from->via.array.size / 2;
    struct pair *pairs = arena_alloc(arena, sizeof *pairs * (out->query_n + 1));
    out->query = pairs;
    return get_pairs(arena, from, pairs);
}

static bool get_faults(struct arena *arena, const msgpack_object *from, struct fault **out)
{
    if (from->type != MSGPACK_OBJECT_ARRAY || from->via.array.size > FAULTS_MAX)
        return false;
    for (uint32_t i = 0; i < from->via.array.size; i++) {
        struct fault *fault = arena_alloc(arena, sizeof *fault);
        if (!get_members(arena, fault_members, &from->via.array.ptr[i], fault, 0))
            return false;
        *out = fault;
        out = &fault->next;
    }
    return true;
}

/* The numbers: what they may be depends on where they go. */
static bool get_number(const struct member *m, const msgpack_object *from, void *at)
{
    int64_t value;
    if (!mp_int(from, &value))
        return false;
    if (m->kind == INT64)
        *(int64_t *)at = value;
    else if (m->kind == ERROR)
        *(enum err *)at = err_of(value);
    else if (m->kind == UINT32 && get_int(from, 0, UINT32_MAX, &value))
        *(uint32_t *)at = (uint32_t)value;
    else if (m->kind == INT && get_int(from, 0, 999, &value))
        *(int *)at = (int)value;
    else if (m->kind == ROLE && get_int(from, ROLE_NONE, ROLE_OWNER, &value))
        *(enum role *)at = (enum role)value;
    else if (m->kind == RULE_NO && get_int(from, 0, RULES_N - 1, &value))
        *(enum rule *)at = (enum rule)value;
    else
        return false;
    return true;
}

static bool get_member(struct arena *arena, const struct member *m, const msgpack_object *from,
                       void *base)
{
    void *at = (char *)base + m->at;
    switch (m->kind) {
    case TEXT:
    case SURE_TEXT:
        return get_text(arena, from, at);
    case INT64:
    case UINT32:
    case INT:
    case ERROR:
    case ROLE:
    case RULE_NO:
        return get_number(m, from, at);
    case BOOL:
        *(bool *)at = from->type == MSGPACK_OBJECT_BOOLEAN && from->via.boolean;
        return from->type == MSGPACK_OBJECT_BOOLEAN;
    case BYTES:
        return get_bytes(from, at);
    case TEXTS:
        return get_texts(arena, from, m->n, at);
    case QUERY:
        return get_query(arena, from, base);
    case HEADERS:
        return is_pairs(from, HEADERS_MAX) && get_pairs(arena, from, at);
    case FAULTS:
        return get_faults(arena, from, at);
    case CALLER:
        return get_members(arena, caller_members, from, at, 0);
    case PAGE:
        return get_members(arena, page_members, from, at, 0);
    }
    return false;
}

static size_t member_of(const struct member *members, const msgpack_object *key)
{
    size_t i = 0;
    if (key->type == MSGPACK_OBJECT_STR && key->via.str.size == 1)
        for (; members[i].key[0] != '\0'; i++)
            if (members[i].key[0] == key->via.str.ptr[0])
                return i;
    return SIZE_MAX;
}

/* Texts that are promised are never NULL. */
static void be_sure(const struct member *m, void *base)
{
    for (; m->key[0] != '\0'; m++) {
        const char **text = (void *)((char *)base + m->at);
        if (m->kind == SURE_TEXT && *text == NULL)
            *text = "";
    }
}

static bool get_members(struct arena *arena, const struct member *members,
                        const msgpack_object *map, void *base, int64_t version)
{
    int64_t have = 0;
    uint32_t seen = 0;
    if (map->type != MSGPACK_OBJECT_MAP)
        return false;
    if (version != 0 && (!mp_int(mp_find(map, "v"), &have) || have != version))
        return false;
    for (uint32_t i = 0; i < map->via.map.size; i++) {
        size_t at = member_of(members, &map->via.map.ptr[i].key);
        if (at == SIZE_MAX)
            continue;
        if ((seen >> at & 1) != 0 ||
            !get_member(arena, &members[at], &map->via.map.ptr[i].val, base))
            return false;
        seen |= 1U << at;
    }
    be_sure(members, base);
    return true;
}

static enum err read_batch(struct arena *arena, struct slice bytes, const msgpack_object **out)
{
    if (bytes.len > MESSAGE_MAX_BYTES || mp_read(arena, bytes, out) != ERR_OK ||
        (*out)->type != MSGPACK_OBJECT_ARRAY || (*out)->via.array.size > BATCH_MAX)
        return ERR_MALFORMED;
    return ERR_OK;
}

enum err requests_read(struct arena *arena, struct slice bytes, struct request **out, size_t *n)
{
    const msgpack_object *batch;
    if (read_batch(arena, bytes, &batch) != ERR_OK)
        return ERR_MALFORMED;
    struct request *requests = arena_alloc(arena, sizeof *requests * (batch->via.array.size + 1));
    for (uint32_t i = 0; i < batch->via.array.size; i++) {
        if (!get_members(arena, request_members, &batch->via.array.ptr[i], &requests[i],
                         ENVELOPE_VERSION))
            return ERR_MALFORMED;
        be_sure(caller_members, &requests[i].who); /* also when there was no caller at all */
    }
    *out = requests;
    *n = batch->via.array.size;
    return ERR_OK;
}

enum err replies_read(struct arena *arena, struct slice bytes, struct reply **out, size_t *n)
{
    const msgpack_object *batch;
    if (read_batch(arena, bytes, &batch) != ERR_OK)
        return ERR_MALFORMED;
    struct reply *replies = arena_alloc(arena, sizeof *replies * (batch->via.array.size + 1));
    struct slice rest = mp_inside(bytes);
    for (uint32_t i = 0; i < batch->via.array.size; i++) {
        if (!get_members(arena, reply_members, &batch->via.array.ptr[i], &replies[i],
                         ENVELOPE_VERSION))
            return ERR_MALFORMED;
        replies[i].bytes = mp_cut(&rest);
    }
    *out = replies;
    *n = batch->via.array.size;
    return ERR_OK;
}

struct slice reply_alone(struct arena *arena, struct slice bytes)
{
    char *message = arena_alloc(arena, 1 + bytes.len);
    message[0] = (char)0x91; /* an array of one */
    memcpy(message + 1, bytes.data, bytes.len);
    return (struct slice){message, 1 + bytes.len};
}

const char *query_find(const struct request *request, const char *name)
{
    for (size_t i = request->query_n; i > 0; i--)
        if (strcmp(request->query[i - 1].name, name) == 0)
            return request->query[i - 1].value;
    return NULL;
}
