/* user.h - what the operations on document 003's users share. */
#ifndef ACCOUNTS_USER_H
#define ACCOUNTS_USER_H

#include "services/core/call.h"

/* Herself, or an admin. Errors: ACL. */
enum err user_allowed(struct call *call, int64_t user) MUST_USE;
/* The user as document 003 prints her becomes the answer. */
enum err user_show(struct call *call, int64_t user) MUST_USE;
/* Checks the `person` of a body as the address book does and makes it JSON text; NULL when absent
   or null. partial: the names may be absent. Errors: INVALID. */
enum err user_person(struct call *call, bool partial, const char **json,
                     const char **name) MUST_USE;
/* Stores it. */
enum err user_person_set(struct call *call, int64_t user, const char *json) MUST_USE;

#endif
