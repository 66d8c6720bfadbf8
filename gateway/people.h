/*
 * people.h - the two pages that links in mails open: a new password, and an invitation. Their forms
 * call the API; nothing is loaded from elsewhere. Words in English, French and Dutch: ?lang= of the
 * link, else Accept-Language.
 */
#ifndef GATEWAY_PEOPLE_H
#define GATEWAY_PEOPLE_H

#include "gateway/exchange.h"

#define PEOPLE_PATHS "/reset-password", "/invitation", "/people/page.js", "/people/page.css"

/* Answers GET of one of PEOPLE_PATHS. */
void people_answer(struct exchange *x, struct buf *out);

#endif
