/* upstream.h - the services: which lanes lead to them, and a plain question outside a request. */
#ifndef GATEWAY_UPSTREAM_H
#define GATEWAY_UPSTREAM_H

#include "gateway/lane.h"

enum lane_class { LANE_READ, LANE_WRITE, LANE_SLOW };
enum { SERVICES = 5 };
extern const char *const upstream_services[SERVICES];

void upstream_open(void); /* once */
/* Now and then, on one thread: resolves names again, replaces what is stuck. */
void upstream_maintain(void);
/* The least loaded lane that is up, rather not one to where `avoid` leads; NULL when the service is
   out of reach. */
struct lane *upstream_pick(const char *service, enum lane_class class, const struct lane *avoid);
/* A lane that only asks Redis. */
struct lane *upstream_redis(void);
/* Asks on a read lane. Errors: UNAVAILABLE, TIMEOUT, or the reply's own. *out may be NULL then. */
enum err upstream_ask(struct arena *arena, const char *service, struct request *request,
                      int64_t timeout_ms, struct reply **out) MUST_USE;
/* The known addresses of a service by index, 0 to ADDRESSES_MAX - 1: as it is dialled, copied to
   the arena; NULL: nothing is dialled at this index. */
const char *upstream_address(struct arena *arena, const char *service, size_t index);
/* Asks at that address; once. */
enum err upstream_ask_at(struct arena *arena, const char *service, size_t index,
                         struct request *request, int64_t timeout_ms, struct reply **out) MUST_USE;
void upstream_metrics(void);

#endif
