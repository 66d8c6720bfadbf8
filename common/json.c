#include "common/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#include "common/mp.h"
#include "common/utf8.h"

enum { DEPTH_MAX = 32, KEYS_MAX = 200, NUMBER_MAX = 64 };

struct frame {
    size_t header;  /* offset of the 5-byte msgpack header to patch */
    uint32_t count; /* items, or keys */
    bool is_map;
    struct slice keys[KEYS_MAX];
};

struct reader {
    struct arena *arena;
    struct buf *out;
    struct frame *frames[DEPTH_MAX]; /* made when first reached */
    int depth;
    const char *reason;
};

static int refuse(struct reader *r, const char *reason)
{
    r->reason = reason;
    return 0;
}

static void item(struct reader *r)
{
    if (r->depth > 0 && !r->frames[r->depth - 1]->is_map)
        r->frames[r->depth - 1]->count++;
}

static int on_null(void *ctx)
{
    struct reader *r = ctx;
    item(r);
    mp_put_nil(r->out);
    return 1;
}

static int on_bool(void *ctx, int value)
{
    struct reader *r = ctx;
    item(r);
    mp_put_bool(r->out, value != 0);
    return 1;
}

/* An exponent of more than three digits can only be an attack on whoever expands it. */
static bool is_absurd(const char *text, size_t len)
{
    const char *e = memchr(text, 'e', len);
    if (e == NULL)
        e = memchr(text, 'E', len);
    if (len > NUMBER_MAX)
        return true;
    if (e == NULL)
        return false;
    size_t digits = 0;
    for (const char *at = e + 1; at < text + len; at++)
        digits += *at >= '0' && *at <= '9';
    return digits > 3;
}

static int on_number(void *ctx, const char *text, size_t len)
{
    struct reader *r = ctx;
    if (is_absurd(text, len))
        return refuse(r, "a number is too long");
    item(r);
    char copy[NUMBER_MAX + 1];
    memcpy(copy, text, len);
    copy[len] = '\0';
    errno = 0;
    char *end;
    long long value = strtoll(copy, &end, 10);
    if (*end == '\0' && errno == 0 && strcmp(copy, "-0") != 0) {
        mp_put_int(r->out, value);
        return 1;
    }
    unsigned char header[3] = {0xc7, (unsigned char)len, MP_NUMBER}; /* ext 8 */
    buf_put(r->out, header, sizeof(header));
    buf_put(r->out, text, len);
    return 1;
}

static bool has_nul(const unsigned char *text, size_t len) { return memchr(text, 0, len) != NULL; }

static int on_string(void *ctx, const unsigned char *text, size_t len)
{
    struct reader *r = ctx;
    if (has_nul(text, len))
        return refuse(r, "a string contains a NUL character");
    item(r);
    mp_put_str(r->out, (const char *)text, len);
    return 1;
}

static int open_frame(struct reader *r, bool is_map)
{
    item(r);
    if (r->depth == DEPTH_MAX)
        return refuse(r, "nested deeper than 32 levels");
    if (r->frames[r->depth] == NULL)
        r->frames[r->depth] = arena_alloc(r->arena, sizeof(struct frame));
    struct frame *frame = r->frames[r->depth++];
    frame->header = r->out->len;
    frame->count = 0;
    frame->is_map = is_map;
    buf_put(r->out, is_map ? "\xdf\0\0\0\0" : "\xdd\0\0\0\0", 5);
    return 1;
}

static int close_frame(void *ctx)
{
    struct reader *r = ctx;
    struct frame *frame = r->frames[--r->depth];
    for (int i = 0; i < 4; i++)
        r->out->data[frame->header + 1 + (size_t)i] = (char)(frame->count >> (24 - 8 * i) & 255);
    return 1;
}

static int on_map(void *ctx) { return open_frame(ctx, true); }
static int on_array(void *ctx) { return open_frame(ctx, false); }

static int on_key(void *ctx, const unsigned char *text, size_t len)
{
    struct reader *r = ctx;
    struct frame *frame = r->frames[r->depth - 1];
    if (has_nul(text, len))
        return refuse(r, "a key contains a NUL character");
    for (uint32_t i = 0; i < frame->count; i++)
        if (frame->keys[i].len == len && memcmp(frame->keys[i].data, text, len) == 0)
            return refuse(r, arena_printf(r->arena, "duplicate key \"%.*s\"",
                                          (int)(len > 100 ? 100 : len), (const char *)text));
    if (frame->count == KEYS_MAX)
        return refuse(r, "more than 200 keys in one object");
    frame->keys[frame->count++] =
        (struct slice){arena_strndup(r->arena, (const char *)text, len), len};
    mp_put_str(r->out, (const char *)text, len);
    return 1;
}

static const yajl_callbacks callbacks = {
    .yajl_null = on_null,
    .yajl_boolean = on_bool,
    .yajl_number = on_number,
    .yajl_string = on_string,
    .yajl_start_map = on_map,
    .yajl_map_key = on_key,
    .yajl_end_map = close_frame,
    .yajl_start_array = on_array,
    .yajl_end_array = close_frame,
};

static int hex_at(const char *at)
{
    int value = 0;
    for (int i = 0; i < 4; i++) {
        char c = at[i];
        char low = (char)(c | 32);
        int digit = c >= '0' && c <= '9' ? c - '0' : low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

/* yajl turns a lone surrogate into '?'; we refuse it. Returns its offset or SIZE_MAX. */
static size_t find_lone_surrogate(struct slice text)
{
    for (size_t i = 0; i + 1 < text.len; i++) {
        if (text.data[i] != '\\')
            continue;
        i++;
        if (text.data[i] != 'u' || i + 4 >= text.len)
            continue;
        int code = hex_at(text.data + i + 1);
        i += 4;
        if (code < 0xD800 || code > 0xDFFF)
            continue;
        bool pair = code < 0xDC00 && i + 6 < text.len && text.data[i + 1] == '\\' &&
                    text.data[i + 2] == 'u' && (hex_at(text.data + i + 3) & 0xFC00) == 0xDC00;
        if (!pair)
            return i - 5;
        i += 6;
    }
    return SIZE_MAX;
}

/* yajl lets overlong forms, surrogates and values above U+10FFFF through. */
static size_t find_bad_utf8(struct slice text)
{
    const unsigned char *at = (const unsigned char *)text.data;
    for (size_t i = 0; i < text.len;) {
        size_t n = utf8_len(at + i, text.len - i);
        if (n == 0)
            return i;
        i += n;
    }
    return SIZE_MAX;
}

static enum err parse(struct reader *r, struct slice text, struct json_fault *fault)
{
    yajl_handle handle = yajl_alloc(&callbacks, NULL, r);
    if (handle == NULL)
        return ERR_INTERNAL;
    const unsigned char *bytes = (const unsigned char *)text.data;
    yajl_status status = yajl_parse(handle, bytes, text.len);
    bool early = status == yajl_status_ok;
    if (early)
        status = yajl_complete_parse(handle);
    if (status != yajl_status_ok) {
        size_t consumed = yajl_get_bytes_consumed(handle); /* of the last call alone */
        fault->at = early || consumed > text.len ? text.len : consumed;
        fault->reason = r->reason != NULL ? r->reason
                        : early           ? "the text ends too early"
                                          : "syntax error";
    }
    yajl_free(handle);
    return status == yajl_status_ok ? ERR_OK : ERR_MALFORMED;
}

enum err json_to_mp(struct arena *arena, struct slice text, struct buf *out,
                    struct json_fault *fault)
{
    struct reader reader = {.arena = arena, .out = out};
    size_t bad = find_bad_utf8(text);
    if (bad != SIZE_MAX) {
        *fault = (struct json_fault){bad, "invalid UTF-8"};
        return ERR_MALFORMED;
    }
    bad = find_lone_surrogate(text);
    if (bad != SIZE_MAX) {
        *fault = (struct json_fault){bad, "half of a surrogate pair"};
        return ERR_MALFORMED;
    }
    return parse(&reader, text, fault);
}
