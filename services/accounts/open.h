/* open.h - what a person gets who has proven who she is: a token, a browser session, a JWT. */
#ifndef ACCOUNTS_OPEN_H
#define ACCOUNTS_OPEN_H

#include "services/core/call.h"

/* A token "id|secret" of kind signin under this name. Inside a transaction of act_as(user). */
enum err open_token(struct call *call, const char *name, const char **token) MUST_USE;
/* A browser session: its row, and the two Set-Cookie headers. Same. */
enum err open_session(struct call *call) MUST_USE;
/* The session cookie and its CSRF twin; age_s 0 ends both. */
void put_cookies(struct call *call, const char *session, int64_t age_s);

#endif
