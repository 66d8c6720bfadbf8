/*
 * lane.h - many threads' requests in one round trip.
 *
 * A lane is one REQ socket to one address of a service and one Redis connection. A thread that
 * finds its lane idle leads: it takes what is queued (no timer: alone, the batch is one), asks
 * Redis for all, drops the refused, sends one message with the rest, waits, wakes each waiter with
 * its own answer, and hands the lead on. The only nng in the gateway.
 *
 * An item may let the leader finish it, so that its thread need not be woken (turn.h).
 */
#ifndef GATEWAY_LANE_H
#define GATEWAY_LANE_H

#include "gateway/redis.h"
#include "gateway/turn.h"
#include "proto/envelope.h"

enum { LANE_BATCH = 32, LANE_BATCH_BYTES = 4 << 20 };

struct lane_item {
    struct lane_item *next;
    struct arena *arena;   /* of the waiting thread; the leader may use it while it waits */
    struct redis_ask *ask; /* or NULL: Redis is not asked */
    /* On the leader's thread, after the ask: OK goes on with `request`; may be NULL (OK). */
    enum err (*settle)(struct lane_item *item);
    /* On the leader's thread, after the answer, when there is a socket: true when nothing is left
       for the item's own thread. */
    bool (*finish)(struct lane_item *item);
    int socket; /* of the client, or -1 */
    void *context;
    struct request *request; /* NULL: only Redis is asked */
    int64_t deadline_us;
    /* Answer. */
    struct slice answer; /* a message of one reply */
    enum err err;        /* of settle, or UNAVAILABLE, TIMEOUT, TOO_LARGE */
    bool sent;           /* the service may have seen it */
    int64_t redis_us, upstream_us;
    struct turn turn;
};

struct lane;

/* address NULL: a lane to Redis only. Never fails: what cannot be dialled yet is dialled again. */
struct lane *lane_new(const char *address);
void lane_retire(struct lane *lane); /* its address is gone: never picked again */
/* A retired, idle lane gets a new address, which must outlive it; false while it is in use. */
bool lane_redial(struct lane *lane, const char *address) MUST_USE;
bool lane_is_up(const struct lane *lane);
/* Items waiting or on their way; a lane whose answer is late (a write that waits for a lock) counts
   for very loaded, so that others go around it. */
size_t lane_load(const struct lane *lane);
void lane_run(struct lane *lane, struct lane_item *item);
/* Rebuilds the socket of a lane whose peer stays silent. */
void lane_maintain(struct lane *lane);

#endif
