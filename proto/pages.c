#include "proto/pages.h"

#include <inttypes.h>
#include <string.h>

enum { ALL_PAGES = 14, EDGE = 7, SIDE = 3 };

/* RFC 3986: everything but the unreserved characters. */
static void put_encoded(struct buf *out, const char *text, size_t len)
{
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                     c == '-' || c == '_' || c == '.' || c == '~';
        char escaped[3] = {'%', hex[c >> 4], hex[c & 15]};
        buf_put(out, plain ? text + i : escaped, plain ? 1 : 3);
    }
}

static bool is_list_name(const char *name)
{
    size_t len = strlen(name);
    return len > 2 && strcmp(name + len - 2, "[]") == 0;
}

/* How many members of the list stand before this one: "tags[]" is written "tags[1]". */
static size_t place_in_list(const struct saying *s, size_t at)
{
    size_t place = 0;
    for (size_t i = 0; i < at; i++)
        place += strcmp(s->query[i].name, s->query[at].name) == 0 ? 1 : 0;
    return place;
}

/* A repeated name counts once, with its last value. */
static bool comes_again(const struct saying *s, size_t at)
{
    for (size_t i = at + 1; i < s->query_n; i++)
        if (strcmp(s->query[i].name, s->query[at].name) == 0)
            return true;
    return false;
}

/* Every parameter but the one that turns pages; each is followed (or led) by '&'. */
static const char *others(struct arena *arena, const struct saying *s, const char *turning,
                          bool leading)
{
    struct buf text;
    buf_init(&text, arena);
    for (size_t i = 0; i < s->query_n; i++) {
        const char *name = s->query[i].name;
        const char *value = s->query[i].value == NULL ? "" : s->query[i].value;
        bool list = is_list_name(name);
        if (strcmp(name, turning) == 0 || (!list && comes_again(s, i)))
            continue;
        if (leading)
            buf_putc(&text, '&');
        put_encoded(&text, name, strlen(name) - (list ? 2 : 0));
        if (list)
            buf_printf(&text, "%%5B%zu%%5D", place_in_list(s, i));
        buf_putc(&text, '=');
        put_encoded(&text, value, strlen(value));
        if (!leading)
            buf_putc(&text, '&');
    }
    return text.data;
}

/* What a list's numbers come to. */
struct figures {
    int64_t current, size, last, from, to, total;
    const char *path;   /* absolute for Laravel */
    const char *others; /* the other parameters */
};

static struct figures figures_of(const struct page *page)
{
    struct figures f = {.current = page->number < 1 ? 1 : page->number,
                        .size = page->size < 1 ? 1 : page->size,
                        .total = page->total < 0 ? 0 : page->total};
    f.last = f.total == 0 ? 1 : (f.total - 1) / f.size + 1;
    if (page->rows > 0 && f.current <= INT64_MAX / f.size) {
        f.from = (f.current - 1) * f.size + 1;
        f.to = f.from + page->rows - 1;
    }
    return f;
}

static void put_key(struct buf *out, const char *key)
{
    buf_putc(out, '"');
    buf_puts(out, key);
    buf_puts(out, "\":");
}

/* A number; 0 is null. */
static void put_number(struct buf *out, const char *key, int64_t value)
{
    put_key(out, key);
    if (value == 0)
        buf_puts(out, "null");
    else
        buf_printf(out, "%" PRId64, value);
}

/* Address of a page with `page` first; page 0 is null. */
static void put_url(struct buf *out, const struct figures *f, int64_t page)
{
    if (page == 0) {
        buf_puts(out, "null");
        return;
    }
    const char *url = arena_printf(out->arena, "%s?page=%" PRId64 "%s", f->path, page, f->others);
    buf_puts_json(out, url);
}

static void put_link(struct buf *out, const struct figures *f, const char *label, int64_t page)
{
    bool numbered = label == NULL;
    buf_puts(out, "{\"url\":");
    put_url(out, f, page);
    buf_puts(out, ",\"label\":");
    buf_puts_json(out, numbered ? arena_printf(out->arena, "%" PRId64, page) : label);
    buf_putc(out, ',');
    put_number(out, "page", page);
    buf_printf(out, ",\"active\":%s}", numbered && page == f->current ? "true" : "false");
}

static void put_range(struct buf *out, const struct figures *f, int64_t from, int64_t to)
{
    for (int64_t page = from; page <= to; page++) {
        buf_putc(out, ',');
        put_link(out, f, NULL, page);
    }
}

static void put_gap(struct buf *out)
{
    buf_puts(out, ",{\"url\":null,\"label\":\"...\",\"active\":false}");
}

/* The numbers between Previous and Next: all when few, else a window and both ends. */
static void put_window(struct buf *out, const struct figures *f)
{
    if (f->last < ALL_PAGES) {
        put_range(out, f, 1, f->last);
    } else if (f->current <= EDGE) {
        put_range(out, f, 1, EDGE + SIDE);
        put_gap(out);
        put_range(out, f, f->last - 1, f->last);
    } else if (f->current > f->last - EDGE) {
        put_range(out, f, 1, 2);
        put_gap(out);
        put_range(out, f, f->last - EDGE - SIDE + 1, f->last);
    } else {
        put_range(out, f, 1, 2);
        put_gap(out);
        put_range(out, f, f->current - SIDE, f->current + SIDE);
        put_gap(out);
        put_range(out, f, f->last - 1, f->last);
    }
}

static void put_meta_links(struct buf *out, const struct figures *f)
{
    buf_puts(out, ",\"links\":[");
    put_link(out, f, "&laquo; Previous", f->current - 1);
    put_window(out, f);
    buf_putc(out, ',');
    put_link(out, f, "Next &raquo;", f->current < f->last ? f->current + 1 : 0);
    buf_putc(out, ']');
}

/* The members of a JSON object's text, after a comma; nothing for an empty one. */
static void put_more_meta(struct buf *out, const char *object)
{
    const char *start = object == NULL ? NULL : strchr(object, '{');
    const char *end = object == NULL ? NULL : strrchr(object, '}');
    if (start == NULL || end == NULL)
        return;
    start += 1 + strspn(start + 1, " \t\r\n");
    if (start >= end)
        return;
    buf_putc(out, ',');
    buf_put(out, start, (size_t)(end - start));
}

static void put_data(struct buf *out, const struct reply *reply)
{
    if (reply->json.len == 0)
        buf_puts(out, "[]");
    else
        buf_put(out, reply->json.data, reply->json.len);
}

static const char *absolute_path(struct arena *arena, const struct saying *s)
{
    size_t len = strlen(s->path);
    while (len > 1 && s->path[len - 1] == '/')
        len--;
    return arena_printf(arena, "%s%.*s", s->base == NULL ? "" : s->base, (int)len, s->path);
}

static void put_numbered(struct buf *out, const struct saying *s, const struct reply *reply)
{
    struct figures f = figures_of(&reply->page);
    f.path = absolute_path(out->arena, s);
    f.others = others(out->arena, s, "page", true);
    buf_puts(out, ",\"links\":{\"first\":");
    put_url(out, &f, 1);
    buf_puts(out, ",\"last\":");
    put_url(out, &f, f.last);
    buf_puts(out, ",\"prev\":");
    put_url(out, &f, f.current - 1);
    buf_puts(out, ",\"next\":");
    put_url(out, &f, f.current < f.last ? f.current + 1 : 0);
    buf_puts(out, "},\"meta\":{");
    put_number(out, "current_page", f.current);
    buf_putc(out, ',');
    put_number(out, "from", f.from);
    buf_putc(out, ',');
    put_number(out, "last_page", f.last);
    put_meta_links(out, &f);
    buf_puts(out, ",\"path\":");
    buf_puts_json(out, f.path);
    buf_putc(out, ',');
    put_number(out, "per_page", f.size);
    buf_putc(out, ',');
    put_number(out, "to", f.to);
    buf_printf(out, ",\"total\":%" PRId64, f.total);
    if (reply->page.next_cursor != NULL) {
        buf_puts(out, ",\"next_cursor\":");
        buf_puts_json(out, reply->page.next_cursor);
    }
}

static void put_by_cursor(struct buf *out, const struct saying *s, const struct reply *reply)
{
    const char *path = absolute_path(out->arena, s), *next = reply->page.next_cursor;
    struct buf url;
    buf_init(&url, out->arena);
    if (next != NULL) {
        buf_printf(&url, "%s?cursor=", path);
        put_encoded(&url, next, strlen(next));
        buf_puts(&url, others(out->arena, s, "cursor", true));
    }
    buf_puts(out, ",\"links\":{\"first\":null,\"last\":null,\"prev\":null,\"next\":");
    buf_puts_json(out, next == NULL ? NULL : url.data);
    buf_puts(out, "},\"meta\":{\"path\":");
    buf_puts_json(out, path);
    buf_putc(out, ',');
    put_number(out, "per_page", reply->page.size);
    buf_puts(out, ",\"next_cursor\":");
    buf_puts_json(out, next);
    buf_puts(out, ",\"prev_cursor\":null");
}

static bool asks_for_cursor(const struct saying *s)
{
    for (size_t i = 0; i < s->query_n; i++)
        if (strcmp(s->query[i].name, "cursor") == 0)
            return true;
    return false;
}

void pages_laravel(struct buf *out, const struct saying *saying, const struct reply *reply)
{
    buf_puts(out, "{\"data\":");
    put_data(out, reply);
    if (asks_for_cursor(saying) || reply->page.by_cursor)
        put_by_cursor(out, saying, reply);
    else
        put_numbered(out, saying, reply);
    put_more_meta(out, reply->meta);
    buf_puts(out, "}}");
}

/* Address of a page with `page` last; page 0 is null. */
static void put_robert_url(struct buf *out, const struct figures *f, const char *key, int64_t page)
{
    put_key(out, key);
    buf_puts_json(
        out, page == 0 ? NULL
                       : arena_printf(out->arena, "%s?%spage=%" PRId64, f->path, f->others, page));
    buf_putc(out, ',');
}

void pages_robert(struct buf *out, const struct saying *saying, const struct reply *reply)
{
    struct figures f = figures_of(&reply->page);
    f.path = saying->path;
    f.others = others(out->arena, saying, "page", false);
    buf_puts(out, "{\"pagination\":{");
    put_number(out, "current_page", f.current);
    buf_putc(out, ',');
    put_robert_url(out, &f, "first_page_url", 1);
    put_number(out, "from", f.from);
    buf_putc(out, ',');
    put_number(out, "last_page", f.last);
    buf_putc(out, ',');
    put_robert_url(out, &f, "last_page_url", f.last);
    put_robert_url(out, &f, "next_page_url", f.current < f.last ? f.current + 1 : 0);
    put_key(out, "path");
    buf_puts_json(out, f.path);
    buf_putc(out, ',');
    put_number(out, "per_page", f.size);
    buf_putc(out, ',');
    put_robert_url(out, &f, "prev_page_url", f.current - 1);
    put_number(out, "to", f.to);
    buf_printf(out, ",\"total\":%" PRId64 "},\"data\":", f.total);
    put_data(out, reply);
    buf_putc(out, '}');
}
