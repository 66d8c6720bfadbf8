/* What reads as requests or replies must read the same after it was written again. */
#include <stdlib.h>
#include <string.h>

#include "proto/envelope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct arena *arena;

static struct buf write_requests(const struct request *requests, size_t n)
{
    struct buf out;
    buf_init(&out, arena);
    mp_put_array(&out, (uint32_t)n);
    for (size_t i = 0; i < n; i++)
        request_write(&out, &requests[i]);
    return out;
}

static struct buf write_replies(const struct reply *replies, size_t n)
{
    struct buf out;
    buf_init(&out, arena);
    mp_put_array(&out, (uint32_t)n);
    for (size_t i = 0; i < n; i++)
        reply_write(&out, &replies[i]);
    return out;
}

static void same(const struct buf *a, const struct buf *b)
{
    if (a->len != b->len || memcmp(a->data, b->data, a->len) != 0)
        abort();
}

static void try_requests(struct slice bytes)
{
    struct request *first, *second;
    size_t n, again;
    if (requests_read(arena, bytes, &first, &n) != ERR_OK)
        return;
    struct buf once = write_requests(first, n);
    if (requests_read(arena, (struct slice){once.data, once.len}, &second, &again) != ERR_OK)
        abort();
    struct buf twice = write_requests(second, again);
    same(&once, &twice);
}

static void try_replies(struct slice bytes)
{
    struct reply *first, *second;
    size_t n, again;
    if (replies_read(arena, bytes, &first, &n) != ERR_OK)
        return;
    struct buf once = write_replies(first, n);
    if (replies_read(arena, (struct slice){once.data, once.len}, &second, &again) != ERR_OK)
        abort();
    struct buf twice = write_replies(second, again);
    same(&once, &twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (arena == NULL)
        arena = arena_new(1 << 16);
    try_requests((struct slice){(const char *)data, size});
    try_replies((struct slice){(const char *)data, size});
    arena_reset(arena);
    return 0;
}
