/*
 * prove.h - whether a name and a password belong together, at most 5 failures a minute for one
 * account whatever route is used. Source: decisions.md 3 and 8.
 */
#ifndef ACCOUNTS_PROVE_H
#define ACCOUNTS_PROVE_H

#include "services/core/call.h"

struct proof {
    const char *identifier, *password;
    bool pseudo_too; /* the identifier may be a pseudo */
    int64_t user_id; /* out: 0 unless proven */
};

/* OK also when not proven (user_id 0). Takes as long for an unknown name. For an op's admit: a
   failure is counted in the open transaction, which is committed. Errors: RATE_LIMITED with
   Retry-After. */
enum err prove(struct call *call, struct proof *proof) MUST_USE;

#endif
