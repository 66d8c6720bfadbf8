#include <ctype.h>
#include <string.h>

#include "proto/openapi_parts.h"

/* Shapes come from answers.def, which the compiler has as text: they are taken as well formed. */

static void skip_space(const char **at)
{
    while (**at == ' ')
        (*at)++;
}

/* The text between quotes; `at` goes behind the second one. */
static struct slice read_text(const char **at)
{
    const char *start = ++*at;
    while (**at != '"' && **at != '\0')
        *at += **at == '\\' ? 2 : 1;
    struct slice text = {start, (size_t)(*at - start)};
    (*at)++;
    return text;
}

struct key {
    struct slice name;
    bool map, nullable, optional;
};

/* Also takes the colon. */
static struct key read_key(const char **at)
{
    struct key key = {.name = read_text(at)};
    for (; key.name.len > 0 && strchr("?~", key.name.data[key.name.len - 1]); key.name.len--) {
        key.nullable = key.nullable || key.name.data[key.name.len - 1] == '?';
        key.optional = key.optional || key.name.data[key.name.len - 1] == '~';
    }
    if (key.name.len > 0 && *key.name.data == '*') {
        key.map = true;
        key.name = (struct slice){key.name.data + 1, key.name.len - 1};
    }
    skip_space(at);
    (*at)++;
    skip_space(at);
    return key;
}

/* Behind a value: true when another one follows, which `at` then stands before. */
static bool read_next(const char **at)
{
    skip_space(at);
    bool more = **at == ',';
    if (**at != '\0')
        (*at)++;
    skip_space(at);
    return more;
}

static void put_type(struct buf *out, const char *type, bool nullable)
{
    doc_key(out, "type");
    buf_printf(out, nullable ? "[\"%s\",\"null\"]" : "\"%s\"", type);
}

static void put_quoted(struct buf *out, struct slice text)
{
    buf_putc(out, '"');
    buf_put(out, text.data, text.len);
    buf_putc(out, '"');
}

static void put_schema(struct buf *out, const char **at, bool nullable);

static void put_members(struct buf *out, const char **at)
{
    struct buf required, map;
    buf_init(&required, out->arena);
    buf_init(&map, out->arena);
    doc_json(out, "properties", "{");
    (*at)++;
    skip_space(at);
    for (bool more = **at != '}' || read_next(at); more; more = read_next(at)) {
        struct key key = read_key(at);
        if (key.map) {
            put_schema(&map, at, key.nullable);
            continue;
        }
        if (!key.optional) {
            buf_puts(&required, required.len == 0 ? "" : ",");
            put_quoted(&required, key.name);
        }
        doc_next(out);
        put_quoted(out, key.name);
        buf_putc(out, ':');
        put_schema(out, at, key.nullable);
    }
    buf_putc(out, '}');
    if (required.len > 0)
        doc_json(out, "required", arena_printf(out->arena, "[%s]", required.data));
    if (map.len > 0)
        doc_json(out, "additionalProperties", map.data);
}

static void put_items(struct buf *out, const char **at)
{
    doc_key(out, "items");
    (*at)++;
    skip_space(at);
    if (**at == ']') {
        buf_puts(out, "{}");
        (*at)++;
        return;
    }
    put_schema(out, at, false);
    (void)read_next(at);
}

static void put_reference(struct buf *out, struct slice name, bool nullable)
{
    const char *names = arena_strndup(out->arena, name.data, name.len);
    bool any = nullable || strchr(names, '|') != NULL;
    buf_puts(out, any ? "{\"anyOf\":[" : "");
    for (const char *at = names; *at != '\0'; at += strcspn(at, "|"), at += *at == '|')
        buf_printf(out, "%s{\"$ref\":\"#/components/schemas/%.*s\"}", at == names ? "" : ",",
                   (int)strcspn(at + 1, "|"), at + 1);
    buf_puts(out, nullable ? ",{\"type\":\"null\"}" : "");
    buf_puts(out, any ? "]}" : "");
}

static void put_scalar(struct buf *out, const char **at, bool nullable)
{
    if (**at == '"') {
        struct slice text = read_text(at);
        put_type(out, "string", nullable);
        if (text.len == 25 && text.data[10] == 'T')
            doc_text(out, "format", "date-time");
        return;
    }
    size_t len = strcspn(*at, " ,]}");
    bool fraction = memchr(*at, '.', len) != NULL;
    bool number = isdigit((unsigned char)**at) || **at == '-';
    if (number)
        put_type(out, fraction ? "number" : "integer", nullable);
    else if (**at != 'n') /* null: anything */
        put_type(out, "boolean", nullable);
    *at += len;
}

static void put_schema(struct buf *out, const char **at, bool nullable)
{
    if (**at == '"' && (*at)[1] == '@') {
        put_reference(out, read_text(at), nullable);
        return;
    }
    buf_putc(out, '{');
    if (**at == '{') {
        put_type(out, "object", nullable);
        put_members(out, at);
    } else if (**at == '[') {
        put_type(out, "array", nullable);
        put_items(out, at);
    } else {
        put_scalar(out, at, nullable);
    }
    buf_putc(out, '}');
}

/* `"name":{…}` of each member, behind others. */
void doc_shape_members(struct buf *out, const char *shape)
{
    shape++;
    skip_space(&shape);
    for (bool more = *shape != '}'; more; more = read_next(&shape)) {
        struct key key = read_key(&shape);
        doc_next(out);
        put_quoted(out, key.name);
        buf_putc(out, ':');
        put_schema(out, &shape, key.nullable);
    }
}

void doc_shape_schema(struct buf *out, const char *shape) { put_schema(out, &shape, false); }

static const char *first_name(struct arena *arena, struct slice names)
{
    const char *bar = memchr(names.data, '|', names.len);
    size_t len = bar == NULL ? names.len : (size_t)(bar - names.data);
    return arena_strndup(arena, names.data + 1, len - 1);
}

/* As it stands, but for the marks on its keys and what is referred to. */
void doc_shape_example(struct buf *out, const char *shape)
{
    for (const char *at = shape; *at != '\0';) {
        if (*at != '"') {
            if (*at != ' ')
                buf_putc(out, *at);
            at++;
            continue;
        }
        const char *behind = at;
        struct slice text = read_text(&behind);
        skip_space(&behind);
        if (*behind == ':') {
            put_quoted(out, read_key(&at).name);
            buf_putc(out, ':');
            continue;
        }
        if (text.len > 0 && *text.data == '@')
            doc_schema_example(out, first_name(out->arena, text));
        else
            put_quoted(out, text);
        at = behind;
    }
}
