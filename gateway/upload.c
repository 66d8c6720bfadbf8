/*
 * Files to import. The first part is the raw body of the request itself, with the query pair @bytes
 * (of the whole file); the service's reply names the import in page.next_cursor while it wants
 * more. The others go as op "import_part" with @start, each after the one before has been stored;
 * a part may arrive twice. The answer to the last one is the answer to the caller.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "gateway/config.h"
#include "gateway/exchange.h"
#include "gateway/upstream.h"

enum { PART_BYTES = 256 << 10, PART_ARENA_BYTES = 1 << 16, TRIES = 5, PAUSE_US = 200000 };

static struct slice read_part(struct exchange *x, struct arena *arena, int64_t start)
{
    int64_t left = x->http->spooled - start;
    size_t len = left < PART_BYTES ? (size_t)left : PART_BYTES;
    char *data = arena_alloc(arena, len + 1);
    ssize_t n = pread(x->http->spool, data, len, (off_t)start);
    return (struct slice){data, n == (ssize_t)len ? len : 0};
}

void upload_first(struct exchange *x)
{
    x->raw = read_part(x, x->arena, 0);
    x->query[x->query_n++] =
        (struct pair){"@bytes", arena_printf(x->arena, "%" PRId64, x->http->spooled)};
}

/* The reply lives in the arena; NULL: x has its error. */
static struct reply *send_part(struct exchange *x, struct arena *arena, struct request *request)
{
    struct reply *reply = NULL;
    size_t n = 0;
    enum err err = ERR_UNAVAILABLE;
    for (int i = 0; i < TRIES && err == ERR_UNAVAILABLE; i++) {
        struct lane *lane = upstream_pick(x->match.route->service, LANE_SLOW, NULL);
        struct lane_item item = {.arena = arena,
                                 .request = request,
                                 .deadline_us = clock_mono_us() + config.timeout_ms * 1000};
        if (i > 0)
            usleep(PAUSE_US);
        if (lane == NULL)
            continue;
        lane_run(lane, &item);
        err = item.err;
        if (err == ERR_OK && (replies_read(arena, item.answer, &reply, &n) != ERR_OK || n != 1))
            err = ERR_INTERNAL;
        else if (err == ERR_OK)
            err = reply->err == ERR_UNAVAILABLE ? ERR_UNAVAILABLE : ERR_OK;
    }
    if (err != ERR_OK)
        exchange_fail(x, err, "The file did not arrive whole; nothing of it was imported.");
    return err == ERR_OK ? reply : NULL;
}

/* What is kept of the last reply once its arena is gone. */
static void keep_reply(struct exchange *x, const struct reply *reply)
{
    x->reply = (struct reply){.err = reply->err, .status = reply->status};
    if (reply->message != NULL)
        x->reply.message = arena_strdup(x->arena, reply->message);
    if (reply->json.len > 0)
        x->reply.json = (struct slice){arena_strndup(x->arena, reply->json.data, reply->json.len),
                                       reply->json.len};
    x->err = reply->err;
}

enum err upload_stage(struct exchange *x)
{
    const char *import = x->reply.page.next_cursor;
    if (x->http->spool == 0 || x->reply.err != ERR_OK || import == NULL)
        return x->err;
    struct arena *arena = arena_new(PART_ARENA_BYTES);
    struct request request;
    exchange_request(x, &request);
    request.op = "import_part";
    request.row = strtoll(import, NULL, 10);
    request.headers[HEADER_IDEMPOTENCY_KEY] = NULL;
    for (int64_t start = PART_BYTES; x->err == ERR_OK && start < x->http->spooled;
         start += PART_BYTES) {
        arena_reset(arena);
        struct pair at = {"@start", arena_printf(arena, "%" PRId64, start)};
        request.query = &at;
        request.query_n = 1;
        request.raw = read_part(x, arena, start);
        const struct reply *reply = send_part(x, arena, &request);
        if (reply != NULL)
            keep_reply(x, reply);
    }
    arena_destroy(arena);
    return x->err;
}
