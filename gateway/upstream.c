#include "gateway/upstream.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/metrics.h"
#include "gateway/config.h"
#include "proto/addresses.h"

enum { LANES_MAX = 8, SLOW_LANES = 2, CLASSES = 3, ADDRESS_BYTES = 256 };
enum { SPILL_LOAD = 24, OPEN_WAIT_MS = 1000, OPEN_LOOK_MS = 5 };

const char *const upstream_services[SERVICES] = {"accounts", "crm", "rentals", "billing", "sync"};

/* One address of a service. A slot whose address went away is used again for another. */
struct peer {
    _Atomic bool active;
    bool seen; /* in this round of resolving */
    char address[ADDRESS_BYTES], slow[ADDRESS_BYTES];
    struct lane *lanes[CLASSES][LANES_MAX];
};

static struct peer peers[SERVICES][ADDRESSES_MAX];
static struct lane *redis_only;
static _Atomic unsigned turn;

static size_t lanes_of(enum lane_class class)
{
    return class == LANE_SLOW ? SLOW_LANES : (size_t)config.lanes;
}

/* What nng dials: every address of a host, or the address itself when it is no host. */
struct resolved {
    char address[ADDRESSES_MAX][ADDRESS_BYTES];
    size_t n;
};

static void add_address(struct resolved *out, const char *scheme, const struct addrinfo *info,
                        const char *port)
{
    char host[INET6_ADDRSTRLEN];
    if (out->n == ADDRESSES_MAX || getnameinfo(info->ai_addr, info->ai_addrlen, host, sizeof host,
                                               NULL, 0, NI_NUMERICHOST) != 0)
        return;
    bool six = strchr(host, ':') != NULL;
    snprintf(out->address[out->n], ADDRESS_BYTES, "%s://%s%s%s:%s", scheme, six ? "[" : "", host,
             six ? "]" : "", port);
    for (size_t i = 0; i < out->n; i++)
        if (strcmp(out->address[i], out->address[out->n]) == 0)
            return;
    out->n++;
}

/* false when the name is not known just now: what is connected stays. */
static bool resolve(const char *url, struct resolved *out)
{
    char host[200], port[16];
    const char *rest = strncmp(url, "tcp://", 6) == 0 ? url + 6 : NULL;
    const char *colon = rest == NULL ? NULL : strrchr(rest, ':');
    if (colon == NULL || (size_t)(colon - rest) >= sizeof host || *rest == '[') {
        if (out->n < ADDRESSES_MAX)
            snprintf(out->address[out->n++], ADDRESS_BYTES, "%s", url);
        return true;
    }
    snprintf(host, sizeof host, "%.*s", (int)(colon - rest), rest);
    snprintf(port, sizeof port, "%.15s", colon + 1);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
    if (getaddrinfo(host, port, &hints, &list) != 0)
        return false;
    for (struct addrinfo *info = list; info != NULL; info = info->ai_next)
        add_address(out, "tcp", info, port);
    freeaddrinfo(list);
    return true;
}

static bool dial(struct peer *peer, const char *address)
{
    struct arena *arena = arena_new(512);
    snprintf(peer->address, sizeof peer->address, "%s", address);
    snprintf(peer->slow, sizeof peer->slow, "%s", address_slow(arena, address));
    arena_destroy(arena);
    bool done = true;
    for (int class = 0; class < CLASSES; class ++) {
        const char *target = class == LANE_SLOW ? peer->slow : peer->address;
        for (size_t i = 0; i < lanes_of((enum lane_class) class); i++) {
            if (peer->lanes[class][i] == NULL)
                peer->lanes[class][i] = lane_new(target);
            else
                done = lane_redial(peer->lanes[class][i], target) && done;
        }
    }
    atomic_store(&peer->active, done);
    return done;
}

static void retire(struct peer *peer)
{
    atomic_store(&peer->active, false);
    for (int class = 0; class < CLASSES; class ++)
        for (size_t i = 0; i < LANES_MAX && peer->lanes[class][i] != NULL; i++)
            lane_retire(peer->lanes[class][i]);
}

static void settle_address(struct peer *of_service, const char *address)
{
    size_t spare = ADDRESSES_MAX;
    for (size_t i = 0; i < ADDRESSES_MAX; i++) {
        struct peer *peer = &of_service[i];
        if (atomic_load(&peer->active) && strcmp(peer->address, address) == 0) {
            peer->seen = true;
            return;
        }
        if (spare == ADDRESSES_MAX && !atomic_load(&peer->active))
            spare = i;
    }
    if (spare < ADDRESSES_MAX && dial(&of_service[spare], address))
        of_service[spare].seen = true;
}

static void resolve_service(size_t service)
{
    const char *urls[ADDRESSES_MAX];
    struct resolved all = {.n = 0};
    struct arena *arena = arena_new(1024);
    bool sure = true;
    size_t n = addresses_of(arena, config.services, config.data, upstream_services[service], urls);
    for (size_t i = 0; i < n; i++)
        sure = resolve(urls[i], &all) && sure;
    arena_destroy(arena);
    for (size_t i = 0; i < ADDRESSES_MAX; i++)
        peers[service][i].seen = false;
    for (size_t i = 0; i < all.n; i++)
        settle_address(peers[service], all.address[i]);
    for (size_t i = 0; sure && i < ADDRESSES_MAX; i++)
        if (atomic_load(&peers[service][i].active) && !peers[service][i].seen)
            retire(&peers[service][i]);
}

static bool all_reached(void)
{
    for (size_t i = 0; i < SERVICES; i++)
        for (int class = 0; class < CLASSES; class ++)
            if (upstream_pick(upstream_services[i], (enum lane_class) class, NULL) == NULL)
                return false;
    return true;
}

/* Whoever connects meanwhile waits too, where she would have heard that nothing is available. */
void upstream_open(void)
{
    redis_only = lane_new(NULL);
    for (size_t i = 0; i < SERVICES; i++)
        resolve_service(i);
    for (int i = 0; i < OPEN_WAIT_MS / OPEN_LOOK_MS && !all_reached(); i++)
        usleep(OPEN_LOOK_MS * 1000);
}

void upstream_maintain(void)
{
    static int64_t resolved_us;
    int64_t now = clock_mono_us();
    for (size_t s = 0; s < SERVICES; s++)
        for (size_t p = 0; p < ADDRESSES_MAX; p++)
            for (int class = 0; class < CLASSES; class ++)
                for (size_t i = 0; i < LANES_MAX && peers[s][p].lanes[class][i] != NULL; i++)
                    lane_maintain(peers[s][p].lanes[class][i]);
    if (now - resolved_us < 5000000)
        return;
    resolved_us = now;
    for (size_t i = 0; config.services != NULL && i < SERVICES; i++)
        resolve_service(i);
}

static struct peer *peers_of(const char *service)
{
    for (size_t i = 0; i < SERVICES; i++)
        if (strcmp(upstream_services[i], service) == 0)
            return peers[i];
    return NULL;
}

struct lane *upstream_redis(void) { return redis_only; }

/* A peer's further lanes wait until its first has a good batch: few requests go better together,
   many in parallel. */
static bool is_spared(const struct peer *peer, enum lane_class class, size_t lane)
{
    return class != LANE_SLOW && lane > 0 && lane_is_up(peer->lanes[class][lane - 1]) &&
           lane_load(peer->lanes[class][lane - 1]) < SPILL_LOAD;
}

/* The best of the peer's lanes, when it is better than `best`. */
static struct lane *better(const struct peer *peer, enum lane_class class, const struct lane *avoid,
                           struct lane *best)
{
    for (size_t k = 0; k < lanes_of(class); k++) {
        struct lane *lane = peer->lanes[class][k];
        if (!lane_is_up(lane) || is_spared(peer, class, k))
            continue;
        if (best == NULL || best == avoid || (lane != avoid && lane_load(lane) < lane_load(best)))
            best = lane;
    }
    return best;
}

static bool leads_to(const struct peer *peer, enum lane_class class, const struct lane *lane)
{
    for (size_t k = 0; k < lanes_of(class); k++)
        if (lane != NULL && peer->lanes[class][k] == lane)
            return true;
    return false;
}

struct lane *upstream_pick(const char *service, enum lane_class class, const struct lane *avoid)
{
    struct peer *of_service = peers_of(service);
    struct lane *best = NULL, *beside = NULL;
    unsigned start = atomic_fetch_add_explicit(&turn, 1, memory_order_relaxed);
    for (unsigned i = 0; of_service != NULL && i < ADDRESSES_MAX; i++) {
        struct peer *peer = &of_service[(start + i) % ADDRESSES_MAX];
        if (!atomic_load(&peer->active))
            continue;
        if (leads_to(peer, class, avoid))
            beside =
                better(peer, class, avoid, NULL); /* where one lane broke, the others may too */
        else
            best = better(peer, class, avoid, best);
    }
    return best != NULL ? best : beside;
}

static enum err ask(struct lane *lane, struct lane_item *item, struct reply **out)
{
    size_t n = 0;
    lane_run(lane, item);
    if (item->err != ERR_OK)
        return item->err;
    if (replies_read(item->arena, item->answer, out, &n) != ERR_OK || n != 1) {
        *out = NULL;
        return ERR_INTERNAL;
    }
    return (*out)->err;
}

enum err upstream_ask(struct arena *arena, const char *service, struct request *request,
                      int64_t timeout_ms, struct reply **out)
{
    struct lane *lane = upstream_pick(service, LANE_READ, NULL);
    *out = NULL;
    for (int tries = 0; lane != NULL && tries < 2; tries++) {
        struct lane_item item = {
            .arena = arena, .request = request, .deadline_us = clock_mono_us() + timeout_ms * 1000};
        enum err err = ask(lane, &item, out);
        if (item.err != ERR_UNAVAILABLE || tries == 1)
            return err;
        lane = upstream_pick(service, LANE_READ, lane);
    }
    return ERR_UNAVAILABLE;
}

const char *upstream_address(struct arena *arena, const char *service, size_t index)
{
    const struct peer *of_service = peers_of(service);
    if (of_service == NULL || index >= ADDRESSES_MAX || !atomic_load(&of_service[index].active))
        return NULL;
    const char *address = of_service[index].address;
    return arena_strndup(arena, address, strnlen(address, ADDRESS_BYTES - 1));
}

enum err upstream_ask_at(struct arena *arena, const char *service, size_t index,
                         struct request *request, int64_t timeout_ms, struct reply **out)
{
    const struct peer *of_service = peers_of(service);
    struct lane_item item = {
        .arena = arena, .request = request, .deadline_us = clock_mono_us() + timeout_ms * 1000};
    *out = NULL;
    if (of_service == NULL || index >= ADDRESSES_MAX || !atomic_load(&of_service[index].active))
        return ERR_UNAVAILABLE;
    struct lane *lane = better(&of_service[index], LANE_READ, NULL, NULL);
    return lane == NULL ? ERR_UNAVAILABLE : ask(lane, &item, out);
}

void upstream_metrics(void)
{
    static const char *const classes[] = {"read", "write", "slow"};
    char labels[96];
    for (size_t s = 0; s < SERVICES; s++) {
        for (int class = 0; class < CLASSES; class ++) {
            int64_t up = 0, load = 0;
            for (size_t p = 0; p < ADDRESSES_MAX; p++)
                for (size_t i = 0; i < LANES_MAX && peers[s][p].lanes[class][i] != NULL; i++) {
                    up += lane_is_up(peers[s][p].lanes[class][i]) ? 1 : 0;
                    load += (int64_t)lane_load(peers[s][p].lanes[class][i]);
                }
            snprintf(labels, sizeof labels, "service=\"%s\",class=\"%s\"", upstream_services[s],
                     classes[class]);
            metrics_gauge("bureau_lanes_up", "Lanes whose peer is connected.", labels, up);
            metrics_gauge("bureau_lane_load", "Requests on the lanes.", labels, load);
        }
    }
}
