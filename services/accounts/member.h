/*
 * member.h - changing somebody's place in the organization of the call, whichever dialect asks:
 * only owners touch owners, and the last owner stays.
 */
#ifndef ACCOUNTS_MEMBER_H
#define ACCOUNTS_MEMBER_H

#include "services/core/call.h"

/* The role of a member who is not in the trash (trashed: one who is). Errors: NOT_FOUND with the
   words given (NULL: the dialect's). */
enum err member_role(struct call *call, int64_t user, bool trashed, const char *missing,
                     enum role *role) MUST_USE;
/* Whether the caller may give this member another role, or take her out (to ROLE_NONE).
   Errors: FORBIDDEN; CONFLICT when no owner would be left. */
enum err member_may_become(struct call *call, int64_t user, enum role from, enum role to) MUST_USE;
enum err member_set_role(struct call *call, int64_t user, enum role to) MUST_USE;

#endif
