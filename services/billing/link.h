/*
 * link.h - signed links to the papers of a bill: who holds one may read that one bill's PDF until
 * it expires, without signing in. Source: decisions.md 6.
 *
 * /bills/8/pdf?organization=3&expires=1790000000&signature=… ; signature = base64url(HMAC-SHA256(
 * key derived for KEY_LINK, "bill 3 8 1790000000")). Pure but for the key and the clock it is
 * given.
 */
#ifndef BILLING_LINK_H
#define BILLING_LINK_H

#include "common/buf.h"

enum { LINK_LIFE_S = 3600 };

struct link {
    int64_t organization_id, bill;
    int64_t expires_s; /* Unix time */
};

void link_sign(const struct link *link, const char *master, char signature[44]);
/* The address, signed. */
const char *link_write(struct arena *arena, const char *public_url, const char *master,
                       const struct link *link) NEVER_NULL;
/* Is the signature that of this link, and is it still good? Any text may be given. */
bool link_is_good(const struct link *link, const char *master, const char *signature,
                  int64_t now_s) MUST_USE;

/* Gives each row of a JSON object or array of objects its link: the row ends with the member
   "pdf_url":null and begins with its "id"; rows that end otherwise stay as they are. */
struct slice link_rows(struct arena *arena, struct slice json, const char *public_url,
                       const char *master, const struct link *link) MUST_USE;

#endif
