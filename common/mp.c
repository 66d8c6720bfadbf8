#include "common/mp.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { DEPTH_MAX = 40 };

static uint64_t big_endian(const unsigned char *at, size_t n)
{
    uint64_t value = 0;
    for (size_t i = 0; i < n; i++)
        value = value << 8 | at[i];
    return value;
}

/* One header: its own bytes, the payload behind it, and how many objects follow. */
struct header {
    size_t size;
    uint64_t payload, children;
};

/* How each byte from 0xc0 on reads: bytes of its length field, fixed payload, kind. */
static const struct {
    unsigned char length, payload;
    char kind; /* 'p' payload, 'a' array, 'm' map, 'x' never used */
} forms[] = {
    [0x00] = {0, 0, 'p'},  [0x01] = {0, 0, 'x'}, [0x02] = {0, 0, 'p'}, [0x03] = {0, 0, 'p'},
    [0x04] = {1, 0, 'p'},  [0x05] = {2, 0, 'p'}, [0x06] = {4, 0, 'p'}, [0x07] = {1, 1, 'p'},
    [0x08] = {2, 1, 'p'},  [0x09] = {4, 1, 'p'}, [0x0a] = {0, 4, 'p'}, [0x0b] = {0, 8, 'p'},
    [0x0c] = {0, 1, 'p'},  [0x0d] = {0, 2, 'p'}, [0x0e] = {0, 4, 'p'}, [0x0f] = {0, 8, 'p'},
    [0x10] = {0, 1, 'p'},  [0x11] = {0, 2, 'p'}, [0x12] = {0, 4, 'p'}, [0x13] = {0, 8, 'p'},
    [0x14] = {0, 2, 'p'},  [0x15] = {0, 3, 'p'}, [0x16] = {0, 5, 'p'}, [0x17] = {0, 9, 'p'},
    [0x18] = {0, 17, 'p'}, [0x19] = {1, 0, 'p'}, [0x1a] = {2, 0, 'p'}, [0x1b] = {4, 0, 'p'},
    [0x1c] = {2, 0, 'a'},  [0x1d] = {4, 0, 'a'}, [0x1e] = {2, 0, 'm'}, [0x1f] = {4, 0, 'm'},
};

static bool read_header(const unsigned char *at, size_t left, struct header *out)
{
    unsigned char c = at[0];
    *out = (struct header){.size = 1};
    if (c < 0x80 || c >= 0xE0)
        return true;
    if (c < 0xC0) {
        if (c < 0x90)
            out->children = (uint64_t)(c & 15) * 2;
        else if (c < 0xA0)
            out->children = c & 15;
        else
            out->payload = c & 31;
        return true;
    }
    size_t length = forms[c - 0xC0].length;
    if (forms[c - 0xC0].kind == 'x' || left < 1 + length)
        return false;
    uint64_t value = big_endian(at + 1, length);
    out->size = 1 + length;
    if (forms[c - 0xC0].kind == 'p')
        out->payload = value + forms[c - 0xC0].payload;
    else
        out->children = forms[c - 0xC0].kind == 'm' ? value * 2 : value;
    return true;
}

/*
 * Bytes of the object at the start, 0 when it is none or not whole. Walks every header, so that no
 * count promises more than the bytes can hold.
 */
static size_t object_len(struct slice bytes)
{
    const unsigned char *at = (const unsigned char *)bytes.data;
    size_t left = bytes.len;
    uint64_t open[DEPTH_MAX] = {1};
    int depth = 0;
    while (depth >= 0) {
        if (open[depth] == 0) {
            depth--;
            continue;
        }
        open[depth]--;
        struct header header;
        if (left == 0 || !read_header(at, left, &header) || header.payload > left - header.size ||
            header.children > left - header.size)
            return 0;
        at += header.size + header.payload;
        left -= header.size + (size_t)header.payload;
        if (header.children > 0) {
            if (++depth == DEPTH_MAX)
                return 0;
            open[depth] = header.children;
        }
    }
    return bytes.len - left;
}

struct slice mp_inside(struct slice bytes)
{
    struct header header;
    if (bytes.len == 0 || !read_header((const unsigned char *)bytes.data, bytes.len, &header))
        return (struct slice){NULL, 0};
    return (struct slice){bytes.data + header.size, bytes.len - header.size};
}

struct slice mp_cut(struct slice *rest)
{
    struct slice first = {rest->data, object_len(*rest)};
    if (first.len == 0)
        return (struct slice){NULL, 0};
    *rest = (struct slice){rest->data + first.len, rest->len - first.len};
    return first;
}

static void release_zone(void *zone) { msgpack_zone_free(zone); }

enum err mp_read(struct arena *arena, struct slice bytes, const msgpack_object **out)
{
    if (bytes.len == 0 || object_len(bytes) != bytes.len)
        return ERR_MALFORMED;
    msgpack_zone *zone = msgpack_zone_new(MSGPACK_ZONE_CHUNK_SIZE);
    if (zone == NULL)
        return ERR_INTERNAL;
    arena_defer(arena, release_zone, zone);
    msgpack_object *object = arena_alloc(arena, sizeof(*object));
    size_t offset = 0;
    if (msgpack_unpack(bytes.data, bytes.len, &offset, zone, object) != MSGPACK_UNPACK_SUCCESS)
        return ERR_MALFORMED;
    *out = object;
    return ERR_OK;
}

bool mp_same(const msgpack_object *object, const char *text)
{
    size_t len = strlen(text);
    return object != NULL && object->type == MSGPACK_OBJECT_STR && object->via.str.size == len &&
           (len == 0 || memcmp(object->via.str.ptr, text, len) == 0);
}

const msgpack_object *mp_find(const msgpack_object *map, const char *key)
{
    if (map == NULL || map->type != MSGPACK_OBJECT_MAP)
        return NULL;
    for (uint32_t i = 0; i < map->via.map.size; i++)
        if (mp_same(&map->via.map.ptr[i].key, key))
            return &map->via.map.ptr[i].val;
    return NULL;
}

const char *mp_text(struct arena *arena, const msgpack_object *object)
{
    if (object == NULL || object->type != MSGPACK_OBJECT_STR)
        return NULL;
    return arena_strndup(arena, object->via.str.ptr, object->via.str.size);
}

const char *mp_number(struct arena *arena, const msgpack_object *object)
{
    if (object == NULL)
        return NULL;
    if (object->type == MSGPACK_OBJECT_POSITIVE_INTEGER)
        return arena_printf(arena, "%" PRIu64, object->via.u64);
    if (object->type == MSGPACK_OBJECT_NEGATIVE_INTEGER)
        return arena_printf(arena, "%" PRId64, object->via.i64);
    if (object->type == MSGPACK_OBJECT_EXT && object->via.ext.type == MP_NUMBER)
        return arena_strndup(arena, object->via.ext.ptr, object->via.ext.size);
    return NULL;
}

bool mp_int(const msgpack_object *object, int64_t *out)
{
    if (object == NULL)
        return false;
    if (object->type == MSGPACK_OBJECT_NEGATIVE_INTEGER) {
        *out = object->via.i64;
        return true;
    }
    if (object->type != MSGPACK_OBJECT_POSITIVE_INTEGER || object->via.u64 > INT64_MAX)
        return false;
    *out = (int64_t)object->via.u64;
    return true;
}

/* Big-endian value of n bytes behind its code. */
static void put_head(struct buf *buf, unsigned char code, uint64_t value, size_t n)
{
    unsigned char head[9] = {code};
    for (size_t i = 0; i < n; i++)
        head[1 + i] = (unsigned char)(value >> (8 * (n - 1 - i)));
    buf_put(buf, head, 1 + n);
}

/* Arrays and maps: the count in the code itself when below 16, else in 2 or 4 bytes behind it. */
static void put_count(struct buf *buf, unsigned char fix, unsigned char code16, uint32_t n)
{
    if (n < 16)
        put_head(buf, (unsigned char)(fix | n), 0, 0);
    else if (n <= UINT16_MAX)
        put_head(buf, code16, n, 2);
    else
        put_head(buf, (unsigned char)(code16 + 1), n, 4);
}

/* Texts and bytes beyond what a code of its own tells; sizes are bounded by what feeds us. */
static void put_size(struct buf *buf, unsigned char code8, size_t len)
{
    if (len <= UINT8_MAX)
        put_head(buf, code8, len, 1);
    else if (len <= UINT16_MAX)
        put_head(buf, (unsigned char)(code8 + 1), len, 2);
    else
        put_head(buf, (unsigned char)(code8 + 2), len, 4);
}

void mp_put_map(struct buf *buf, uint32_t pairs) { put_count(buf, 0x80, 0xde, pairs); }

void mp_put_array(struct buf *buf, uint32_t items) { put_count(buf, 0x90, 0xdc, items); }

void mp_put_nil(struct buf *buf) { put_head(buf, 0xc0, 0, 0); }

void mp_put_bool(struct buf *buf, bool value) { put_head(buf, value ? 0xc3 : 0xc2, 0, 0); }

void mp_put_int(struct buf *buf, int64_t value)
{
    if (value >= -32 && value < 128)
        put_head(buf, (unsigned char)value, 0, 0);
    else if (value >= INT8_MIN && value <= INT8_MAX)
        put_head(buf, 0xd0, (uint64_t)value, 1);
    else if (value >= INT16_MIN && value <= INT16_MAX)
        put_head(buf, 0xd1, (uint64_t)value, 2);
    else if (value >= INT32_MIN && value <= INT32_MAX)
        put_head(buf, 0xd2, (uint64_t)value, 4);
    else
        put_head(buf, 0xd3, (uint64_t)value, 8);
}

void mp_put_str(struct buf *buf, const char *data, size_t len)
{
    if (len < 32)
        put_head(buf, (unsigned char)(0xa0 | len), 0, 0);
    else
        put_size(buf, 0xd9, len);
    buf_put(buf, data, len);
}

void mp_put_text(struct buf *buf, const char *text)
{
    if (text == NULL)
        mp_put_nil(buf);
    else
        mp_put_str(buf, text, strlen(text));
}

void mp_put_bin(struct buf *buf, const void *data, size_t len)
{
    put_size(buf, 0xc4, len);
    buf_put(buf, data, len);
}

static int sink(void *data, const char *bytes, size_t len)
{
    buf_put(data, bytes, len);
    return 0;
}

void mp_put_object(struct buf *buf, const msgpack_object *object)
{
    msgpack_packer pk;
    msgpack_packer_init(&pk, buf, sink);
    (void)msgpack_pack_object(&pk, *object); /* the sink cannot fail */
}

static void put_members(struct buf *out, const msgpack_object_map *map)
{
    buf_putc(out, '{');
    for (uint32_t i = 0; i < map->size; i++) {
        if (i > 0)
            buf_putc(out, ',');
        mp_put_json(out, &map->ptr[i].key);
        buf_putc(out, ':');
        mp_put_json(out, &map->ptr[i].val);
    }
    buf_putc(out, '}');
}

static void put_items(struct buf *out, const msgpack_object_array *array)
{
    buf_putc(out, '[');
    for (uint32_t i = 0; i < array->size; i++) {
        if (i > 0)
            buf_putc(out, ',');
        mp_put_json(out, &array->ptr[i]);
    }
    buf_putc(out, ']');
}

void mp_put_json(struct buf *out, const msgpack_object *object)
{
    switch (object->type) {
    case MSGPACK_OBJECT_BOOLEAN:
        buf_puts(out, object->via.boolean ? "true" : "false");
        break;
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
        buf_printf(out, "%" PRIu64, object->via.u64);
        break;
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
        buf_printf(out, "%" PRId64, object->via.i64);
        break;
    case MSGPACK_OBJECT_STR:
        buf_put_json(out, object->via.str.ptr, object->via.str.size);
        break;
    case MSGPACK_OBJECT_BIN:
        buf_put(out, object->via.bin.ptr, object->via.bin.size);
        break;
    case MSGPACK_OBJECT_EXT:
        buf_put(out, object->via.ext.ptr, object->via.ext.size);
        break;
    case MSGPACK_OBJECT_ARRAY:
        put_items(out, &object->via.array);
        break;
    case MSGPACK_OBJECT_MAP:
        put_members(out, &object->via.map);
        break;
    case MSGPACK_OBJECT_NIL:
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64:
        buf_puts(out, "null"); /* floats are never written by json_to_mp */
        break;
    }
}
