/*
 * redis.h - the gateway's Redis: the sliding window of the rate limits and the cached identities,
 * both in one round trip for a whole batch of requests. The only hiredis.
 *
 * When Redis is away or slow (REDIS_TIMEOUT_MS), nothing waits for it: asks stay unanswered, the
 * caller uses local_limit(), and redis_maintain() finds out when Redis is back.
 */
#ifndef GATEWAY_REDIS_H
#define GATEWAY_REDIS_H

#include "common/arena.h"
#include "gateway/exchange.h"

enum { REDIS_TIMEOUT_MS = 200, LIMIT_WINDOW_MS = 60000, LIMIT_KEYS = 2 };

/* One request's question. */
struct redis_ask {
    struct arena *arena;         /* where `identity` goes */
    const char *identity;        /* key "tok:<sha256hex>", or NULL: do not look up */
    int64_t caller_most;         /* limit of the identity's user, when it is found */
    const char *key[LIMIT_KEYS]; /* further windows, or NULL */
    int64_t most[LIMIT_KEYS];
    /* Answer. */
    bool answered, missed; /* missed: the identity is not cached and nothing was counted */
    struct slice text;     /* the identity */
    struct limit limit;
};

struct redis; /* a connection; belongs to one lane at a time; opened on first use */

bool redis_open(const char *url) MUST_USE; /* once: reads the URL; false when it is none */
struct redis *redis_new(void);
/* Fills the answers; leaves all unanswered when Redis is away. */
void redis_ask_all(struct redis *redis, struct redis_ask **asks, size_t n);

/* Keeps an identity unless it was forgotten within the last seconds. */
void redis_keep(const char *key, int64_t user, struct slice text, int64_t ttl_ms);
/* Drops "tok:<sha256hex> user:12 …" everywhere; remembered and repeated when Redis is away. */
void redis_forget(const char *names);
/* Asks whether Redis answers and repeats what could not be forgotten; called now and then. */
void redis_maintain(void);
bool redis_alive(void);
const char *redis_reason(struct arena *arena); /* why it is not, as Redis or the system said */
/* For a process that only tries: whether Redis takes us and does what we ask of it. */
bool redis_check(void) MUST_USE;

/* The bound of this gateway alone, used while Redis is away. */
void local_limit(struct redis_ask *ask);

#endif
