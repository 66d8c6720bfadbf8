/* admit.h - who asks, for which organization, with which role and abilities, how often. */
#ifndef GATEWAY_ADMIT_H
#define GATEWAY_ADMIT_H

#include "gateway/upstream.h"

/* The limiter's and the identity cache's question for this call. */
void admit_ask(struct exchange *x, struct redis_ask *ask);
/* From an identity's text; false when it cannot be read. x->known says whether it is good. */
bool admit_identity(struct exchange *x, struct slice text);
/* Asks accounts for the identity; OK also when there is none (x->known false). */
enum err admit_resolve(struct exchange *x) MUST_USE;
/* 419, 401, organization, role, abilities; fills x->who. */
enum err admit_caller(struct exchange *x) MUST_USE;
/* Whether a token's abilities ("*", "read,clients:write") allow the call. */
bool admit_able(const char *abilities, const char *verb, const char *path) MUST_USE;

#endif
