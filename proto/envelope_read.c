/* Reading requests and replies. Each get_ is false when the object is not what the member wants. */
#include <string.h>

#include "proto/envelope_members.h"

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
        if (!get_members(arena, envelope_fault, &from->via.array.ptr[i], fault, 0))
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
    else if (m->kind == RULE_NO) /* a later version may have more rules */
        *(enum rule *)at = value >= 0 && value < RULES_N ? (enum rule)value : RULE_FORMAT;
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
        return get_members(arena, envelope_caller, from, at, 0);
    case PAGE:
        return get_members(arena, envelope_page, from, at, 0);
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
        if (!get_members(arena, envelope_request, &batch->via.array.ptr[i], &requests[i],
                         ENVELOPE_VERSION))
            return ERR_MALFORMED;
        be_sure(envelope_caller, &requests[i].who); /* also when there was no caller at all */
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
        if (!get_members(arena, envelope_reply, &batch->via.array.ptr[i], &replies[i],
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
