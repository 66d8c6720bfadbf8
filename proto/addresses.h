/*
 * addresses.h - where the services answer. BUREAU_SERVICES is "name=url,name=url"; a name may stand
 * several times (several copies). Without the setting each service has one ipc:// socket,
 * <BUREAU_DATA>/run/<name>.ipc. Slow requests have a socket of their own beside each address, so
 * that they hold no other up: address_slow() gives it (ipc: ".slow" behind the path; tcp, ws: the
 * next port).
 */
#ifndef PROTO_ADDRESSES_H
#define PROTO_ADDRESSES_H

#include "common/arena.h"
#include "common/err.h"

enum { ADDRESSES_MAX = 16 }; /* of one service */

/* Fills out; returns how many. 0: the setting has none for this name. */
size_t addresses_of(struct arena *arena, const char *services_or_null, const char *data,
                    const char *service, const char *out[ADDRESSES_MAX]);
const char *address_slow(struct arena *arena, const char *address) NEVER_NULL;
/* false with a reason when the setting is no list of name=scheme://rest, or names no service of
 * ours. */
bool addresses_check(const char *services, const char **reason) MUST_USE;

#endif
