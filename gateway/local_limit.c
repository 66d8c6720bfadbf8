#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>

#include "common/clock.h"
#include "common/metrics.h"
#include "gateway/redis.h"

/* Two fixed windows a key, weighted: near enough to a sliding one for a bound that only holds
   while Redis is away. A full table forgets whoever shares a slot. */
enum { SLOTS = 8192, PROBES = 8 };

struct slot {
    uint64_t key;
    int64_t window;
    int64_t now, before;
};

static struct slot slots[SLOTS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static uint64_t hash_of(const char *key)
{
    uint64_t hash = 1469598103934665603U;
    for (; *key != '\0'; key++)
        hash = (hash ^ (unsigned char)*key) * 1099511628211U;
    return hash == 0 ? 1 : hash;
}

static struct slot *find(uint64_t key, int64_t window)
{
    struct slot *stale = &slots[key % SLOTS];
    for (size_t i = 0; i < PROBES; i++) {
        struct slot *slot = &slots[(key + i) % SLOTS];
        if (slot->key == key)
            return slot;
        if (slot->window < stale->window)
            stale = slot;
    }
    *stale = (struct slot){.key = key, .window = window};
    return stale;
}

static void count(const char *key, int64_t most, struct limit *limit)
{
    int64_t now = clock_unix_ms(), window = now / LIMIT_WINDOW_MS;
    int64_t into = now % LIMIT_WINDOW_MS;
    struct slot *slot = find(hash_of(key), window);
    if (slot->window != window) {
        slot->before = slot->window == window - 1 ? slot->now : 0;
        slot->now = 0;
        slot->window = window;
    }
    int64_t used = slot->now + slot->before * (LIMIT_WINDOW_MS - into) / LIMIT_WINDOW_MS;
    bool refused = used >= most;
    if (!refused)
        slot->now++;
    int64_t left = refused ? 0 : most - used - 1;
    if (limit->most == 0 || left < limit->left || (refused && !limit->refused))
        *limit = (struct limit){.most = most,
                                .left = left,
                                .reset_s = (window + 1) * (LIMIT_WINDOW_MS / 1000),
                                .retry_s = (LIMIT_WINDOW_MS - into + 999) / 1000,
                                .refused = refused || limit->refused};
}

void local_limit(struct redis_ask *ask)
{
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < LIMIT_KEYS; i++)
        if (ask->key[i] != NULL && ask->most[i] > 0)
            count(ask->key[i], ask->most[i], &ask->limit);
    pthread_mutex_unlock(&lock);
    metrics_count("bureau_limiter_local_total", "Requests bounded without Redis.", "", 1);
}
