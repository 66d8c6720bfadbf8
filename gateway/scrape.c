#include "gateway/scrape.h"

#include <string.h>

#include "common/clock.h"
#include "gateway/upstream.h"
#include "proto/addresses.h"

/* The next line without its end; advances. */
static bool next_line(struct slice *text, struct slice *line)
{
    if (text->len == 0)
        return false;
    const char *end = memchr(text->data, '\n', text->len);
    line->data = text->data;
    line->len = end == NULL ? text->len : (size_t)(end - text->data);
    size_t used = end == NULL ? line->len : line->len + 1;
    text->data += used;
    text->len -= used;
    return true;
}

/* "# HELP name " when the line begins a family, else len 0. */
static struct slice mark_of(struct slice line)
{
    static const char help[] = "# HELP ";
    size_t start = sizeof help - 1;
    if (line.len <= start || memcmp(line.data, help, start) != 0)
        return (struct slice){NULL, 0};
    const char *space = memchr(line.data + start, ' ', line.len - start);
    return (struct slice){line.data, space == NULL ? 0 : (size_t)(space + 1 - line.data)};
}

/* From the family's first line to the end of the text; len 0: it is not there. */
static struct slice family_of(struct slice text, struct slice mark)
{
    const char *at = text.len == 0 ? NULL : memmem(text.data, text.len, mark.data, mark.len);
    if (at == NULL)
        return (struct slice){NULL, 0};
    return (struct slice){at, (size_t)(text.data + text.len - at)};
}

static void put_line(struct buf *out, struct slice line)
{
    buf_printf(out, "%.*s\n", (int)line.len, line.data);
}

/* name{a="b"} 1 becomes name{service="crm",a="b"} 1 */
static void put_sample(struct buf *out, struct slice line, const char *more)
{
    size_t name = 0;
    while (name < line.len && line.data[name] != '{' && line.data[name] != ' ')
        name++;
    if (name == line.len)
        return;
    bool labelled = line.data[name] == '{';
    size_t rest = labelled ? name + 1 : name;
    buf_printf(out, "%.*s{%s%s%.*s\n", (int)name, line.data, more, labelled ? "," : "}",
               (int)(line.len - rest), line.data + rest);
}

/* HELP and TYPE once, then the samples of every text that has the family. */
static void put_family(struct buf *out, const struct slice *texts, const char *const *labels,
                       size_t n, struct slice mark)
{
    bool said = false;
    for (size_t i = 0; i < n; i++) {
        struct slice family = family_of(texts[i], mark), line;
        for (size_t at = 0; next_line(&family, &line); at++) {
            bool comment = line.len > 0 && *line.data == '#';
            if (at >= 2 && comment)
                break;
            if (!comment)
                put_sample(out, line, labels[i]);
            else if (!said)
                put_line(out, line);
        }
        said = said || family_of(texts[i], mark).len > 0;
    }
}

void scrape_merge(struct buf *out, const struct slice *texts, const char *const *labels, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct slice left = texts[i], line;
        while (next_line(&left, &line)) {
            struct slice mark = mark_of(line);
            bool before = mark.len == 0;
            for (size_t j = 0; j < i && !before; j++)
                before = family_of(texts[j], mark).len > 0;
            if (!before)
                put_family(out, texts, labels, n, mark);
        }
    }
}

static struct request question(const struct exchange *x)
{
    return (struct request){.id = x->id,
                            .trace = x->trace,
                            .op = "metrics",
                            .resource = "",
                            .who = {.abilities = "", .zone = "", .org_zone = "", .language = ""},
                            .address = x->address,
                            .path = x->path};
}

/* An address is a path or a URL: quotes, backslashes and line breaks could end the label. */
static const char *labels_of(struct exchange *x, const char *service, const char *address)
{
    struct buf out;
    buf_init(&out, x->arena);
    buf_printf(&out, "service=\"%s\",instance=\"", service);
    for (const char *c = address; *c != '\0'; c++)
        buf_putc(&out, *c == '"' || *c == '\\' || *c == '\n' ? '_' : *c);
    buf_putc(&out, '"');
    return out.data;
}

void scrape_services(struct exchange *x, struct buf *out)
{
    struct slice texts[SERVICES * ADDRESSES_MAX] = {{NULL, 0}};
    const char *labels[SERVICES * ADDRESSES_MAX];
    size_t n = 0;
    int64_t until = clock_mono_us() + SCRAPE_ALL_MS * 1000;
    struct request request = question(x);
    for (size_t i = 0; i < SERVICES * ADDRESSES_MAX && clock_mono_us() < until; i++) {
        const char *service = upstream_services[i / ADDRESSES_MAX];
        const char *address = upstream_address(x->arena, service, i % ADDRESSES_MAX);
        struct reply *reply = NULL;
        if (address == NULL || upstream_ask_at(x->arena, service, i % ADDRESSES_MAX, &request,
                                               SCRAPE_MS, &reply) != ERR_OK)
            continue;
        labels[n] = labels_of(x, service, address);
        texts[n++] = reply->json;
    }
    scrape_merge(out, texts, labels, n);
}
