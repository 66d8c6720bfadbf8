#include "gateway/scrape.h"

#include <string.h>

#include "gateway/upstream.h"

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
static void put_sample(struct buf *out, struct slice line, const char *service)
{
    size_t name = 0;
    while (name < line.len && line.data[name] != '{' && line.data[name] != ' ')
        name++;
    if (name == line.len)
        return;
    bool labels = line.data[name] == '{';
    size_t rest = labels ? name + 1 : name;
    buf_printf(out, "%.*s{service=\"%s\"%s%.*s\n", (int)name, line.data, service,
               labels ? "," : "}", (int)(line.len - rest), line.data + rest);
}

/* HELP and TYPE once, then the samples of every text that has the family. */
static void put_family(struct buf *out, const struct slice *texts, const char *const *names,
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
                put_sample(out, line, names[i]);
            else if (!said)
                put_line(out, line);
        }
        said = said || family_of(texts[i], mark).len > 0;
    }
}

void scrape_merge(struct buf *out, const struct slice *texts, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct slice left = texts[i], line;
        while (next_line(&left, &line)) {
            struct slice mark = mark_of(line);
            bool before = mark.len == 0;
            for (size_t j = 0; j < i && !before; j++)
                before = family_of(texts[j], mark).len > 0;
            if (!before)
                put_family(out, texts, names, n, mark);
        }
    }
}

void scrape_services(struct exchange *x, struct buf *out)
{
    struct slice texts[SERVICES] = {{NULL, 0}};
    struct request request = {.id = x->id,
                              .trace = x->trace,
                              .op = "metrics",
                              .resource = "",
                              .address = x->address,
                              .path = x->path};
    request.who = (struct caller){.abilities = "", .zone = "", .org_zone = "", .language = ""};
    for (size_t i = 0; i < SERVICES; i++) {
        struct reply *reply = NULL;
        if (upstream_ask(x->arena, upstream_services[i], &request, SCRAPE_MS, &reply) == ERR_OK)
            texts[i] = reply->json;
    }
    scrape_merge(out, texts, upstream_services, SERVICES);
}
