#include "gateway/spool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/clock.h"
#include "gateway/config.h"

static _Atomic int64_t spooled_all;

bool spool_wanted(const struct http_head *head)
{
    struct slice type = http_header_find(head, "Content-Type");
    const char *mark = memchr(head->target.data, '?', head->target.len);
    size_t len = mark == NULL ? head->target.len : (size_t)(mark - head->target.data);
    static const char below[] = "/import", csv[] = "text/csv";
    return len > sizeof below && type.len >= sizeof csv - 1 &&
           strncasecmp(type.data, csv, sizeof csv - 1) == 0 &&
           memcmp(head->target.data + len - (sizeof below - 1), below, sizeof below - 1) == 0;
}

static bool open_file(struct connection *c)
{
    char path[512];
    snprintf(path, sizeof path, "%s/upload.XXXXXX", config.data);
    c->spool = mkostemp(path, 02000000 /* O_CLOEXEC */);
    if (c->spool < 0) {
        c->spool = 0;
        return false;
    }
    unlink(path);
    return true;
}

void spool_drop(struct connection *c)
{
    if (c->spool > 0)
        syscall(SYS_close, c->spool);
    atomic_fetch_sub(&spooled_all, c->spooled);
    c->spool = 0;
    c->spooled = 0;
}

static bool keep(struct connection *c, const char *data, size_t len)
{
    if (c->spool == 0 && !open_file(c))
        return false;
    c->spooled += (int64_t)len;
    atomic_fetch_add(&spooled_all, (int64_t)len);
    while (len > 0) {
        ssize_t n = write(c->spool, data, len);
        if (n <= 0)
            return false;
        data += n;
        len -= (size_t)n;
    }
    return true;
}

/* What of the buffer is body: decoded bytes, and the bytes they were made of. */
struct part {
    size_t len, used;
    int status; /* 0: the body is whole; -1: more is to come; else it is refused */
    const char *why;
};

static struct part part_of(struct connection *c)
{
    size_t start = c->head.bytes;
    struct part part = {0};
    if (c->head.chunked) {
        part.status = http_chunks_read(&c->chunks, c->in.data, c->in.len, &part.why);
        part.len = c->chunks.out - start;
        part.used = c->chunks.at - start;
        return part;
    }
    int64_t left = c->head.content_length - c->spooled;
    part.len = c->in.len - start < (size_t)left ? c->in.len - start : (size_t)left;
    part.used = part.len;
    part.status = (int64_t)part.len == left ? 0 : -1;
    return part;
}

enum fill spool_take(struct connection *c)
{
    size_t start = c->head.bytes;
    struct part part = part_of(c);
    if (part.status > 0)
        return connection_refuse(c, part.status, part.why);
    if (c->spooled + (int64_t)part.len > SPOOL_MAX)
        return connection_refuse(c, 413, "The body is too large.");
    if (atomic_load(&spooled_all) + (int64_t)part.len > SPOOL_ALL_MAX ||
        !keep(c, c->in.data + start, part.len))
        return connection_refuse(c, 503, "There is no room for the file.");
    memmove(c->in.data + start, c->in.data + start + part.used, c->in.len - start - part.used);
    c->in.len -= part.used;
    c->counted -= part.used;
    atomic_fetch_sub(&held.buffered, (int64_t)part.used);
    c->chunks.at = c->chunks.out = start;
    if (part.len > 0)
        c->started_us = clock_mono_us(); /* it is late only when nothing comes any more */
    if (part.status != 0)
        return MORE;
    c->request.spool = c->spool;
    c->request.spooled = c->spooled;
    c->end = start;
    c->whole = true;
    return WHOLE;
}
