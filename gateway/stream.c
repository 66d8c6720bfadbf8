#include "gateway/stream.h"

#include <civetweb.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "gateway/config.h"
#include "gateway/upstream.h"

enum { PIECE_ARENA_BYTES = 1 << 16, TRIES = 3 };

bool stream_is_export(const struct exchange *x)
{
    const struct route *route = x->match.route;
    if (route == NULL || route->resource == NULL || !route->resource->audit ||
        strcmp(route->op, "list") != 0)
        return false;
    const char *accept = exchange_header(x, "Accept");
    return accept != NULL && strcasestr(accept, "text/csv") != NULL;
}

bool stream_goes_on(const struct exchange *x)
{
    return x->err == ERR_OK && x->reply.err == ERR_OK && x->reply.type != NULL &&
           x->reply.page.next_cursor != NULL && strcmp(x->verb, "GET") == 0 && stream_is_export(x);
}

static bool put_piece(const struct exchange *x, void *connection, struct slice piece)
{
    bool chunked = x->http->head->http11;
    if (piece.len == 0)
        return true;
    return chunked ? mg_send_chunk(connection, piece.data, (unsigned)piece.len) > 0
                   : mg_write(connection, piece.data, piece.len) > 0;
}

/* The piece behind the cursor, or NULL. The answer lives in the arena. */
static struct reply *ask_piece(struct exchange *x, struct arena *arena, struct request *request,
                               const char *cursor)
{
    struct reply *reply = NULL;
    size_t n = 0;
    x->query[x->query_n] = (struct pair){"@after", cursor};
    request->query_n = x->query_n + 1;
    for (int i = 0; i < TRIES; i++) {
        struct lane *lane = upstream_pick(x->match.route->service, LANE_SLOW, NULL);
        struct lane_item item = {.arena = arena,
                                 .request = request,
                                 .deadline_us = clock_mono_us() + config.timeout_ms * 1000};
        if (lane == NULL)
            return NULL;
        lane_run(lane, &item);
        if (item.err == ERR_OK)
            return replies_read(arena, item.answer, &reply, &n) == ERR_OK && n == 1 &&
                           reply->err == ERR_OK
                       ? reply
                       : NULL;
        if (item.err != ERR_UNAVAILABLE)
            return NULL;
    }
    return NULL;
}

void stream_send(struct exchange *x, void *connection)
{
    struct arena *arenas[2] = {arena_new(PIECE_ARENA_BYTES), arena_new(PIECE_ARENA_BYTES)};
    const char *cursor = x->reply.page.next_cursor;
    struct request request;
    exchange_request(x, &request);
    bool good = put_piece(x, connection, x->reply.json);
    x->bytes = x->reply.json.len;
    for (size_t turn = 0; good && cursor != NULL; turn ^= 1) {
        arena_reset(arenas[turn]); /* the cursor lives in the other one */
        const struct reply *reply = ask_piece(x, arenas[turn], &request, cursor);
        good = reply != NULL && put_piece(x, connection, reply->json);
        cursor = good ? reply->page.next_cursor : NULL;
        x->bytes += good ? reply->json.len : 0;
    }
    if (good && x->http->head->http11)
        good = mg_send_chunk(connection, "", 0) > 0;
    if (!good) {
        log_event(LOG_WARN, "export_cut", x->id, "path", x->path, NULL);
        x->closes = true;
    }
    arena_destroy(arenas[0]);
    arena_destroy(arenas[1]);
}
