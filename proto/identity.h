/*
 * identity.h - who a credential stands for: what accounts answers to op "identity", what the
 * gateway keeps in Redis for at most IDENTITY_TTL_S, and the keys derived from the master key.
 *
 * Op "identity" (service accounts, no resource, never a route): query pairs kind = token | session
 * | jwt, hash = SHA-256 hex of the secret (of the whole JWT text for jwt), for token also id = its
 * row id, for jwt also user, iat (seconds) and organization. Reply: json = the text of
 * identity_write (bare); UNAUTHENTICATED when the credential is unknown, expired, revoked or older
 * than the user's last "sign out everywhere".
 *
 * The text is one line, fields parted by a space: version, user id, token id (0: none), expiry as
 * Unix milliseconds (0: none), kind, language, zone, abilities parted by commas, current
 * organization, then memberships organization:role:zone:custom parted by commas ("-" for none);
 * custom counts the changes of the organization's custom fields.
 */
#ifndef PROTO_IDENTITY_H
#define PROTO_IDENTITY_H

#include "common/buf.h"
#include "common/err.h"
#include "proto/resource.h"

enum { IDENTITY_TTL_S = 60, IDENTITY_ORGANIZATIONS = 64 };

/* Purposes for crypto_derive(BUREAU_SECRET_KEY, purpose). */
#define KEY_JWT  "jwt"  /* HS256 of document 003's tokens */
#define KEY_CSRF "csrf" /* XSRF-TOKEN = base64url(HMAC-SHA256(key, session cookie value)) */
#define KEY_LINK "link" /* signed links: pdf_url, iCalendar feeds */
#define KEY_SEAL "seal" /* OAuth tokens at rest */

#define COOKIE_SESSION "bureau_session"
#define COOKIE_CSRF    "XSRF-TOKEN"
#define COOKIE_JWT     "Authorization" /* document 003's original sets it at sign-in */

enum identity_kind { IDENTITY_TOKEN, IDENTITY_SESSION, IDENTITY_JWT };

struct membership {
    int64_t organization_id;
    enum role role;
    const char *zone;
    int64_t custom; /* version of its custom fields */
};

struct identity {
    int64_t user_id, token_id, expires_ms, current_organization;
    enum identity_kind kind;
    const char *language;           /* "EN" */
    const char *zone;               /* "UTC" when unknown */
    const char *abilities;          /* "*" or "read,clients:write"; never empty */
    struct membership *memberships; /* oldest first */
    size_t memberships_n;
};

void identity_write(struct buf *out, const struct identity *identity);
/* Strings live in the arena. Errors: MALFORMED (then the cached text is dropped and asked again).
 */
enum err identity_read(struct arena *arena, struct slice text, struct identity *out) MUST_USE;
/* The membership in an organization; organization 0: the current one, else the oldest; NULL: none.
 */
const struct membership *identity_in(const struct identity *identity, int64_t organization);

/* The CSRF token that belongs to a session cookie's value: 43 characters, terminated: out[44]. */
void csrf_token(const uint8_t key[32], struct slice session, char out[44]);

#endif
