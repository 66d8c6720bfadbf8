/* end.h - ending the token, session or JWT that a call came with. */
#ifndef ACCOUNTS_END_H
#define ACCOUNTS_END_H

#include "services/core/call.h"

/* Also ends the cookies and what gateways remember. */
enum err end_credential(struct call *call) MUST_USE;

#endif
