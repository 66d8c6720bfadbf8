/* exchange.h - one HTTP request on its way through the gateway; lives in its thread's arena. */
#ifndef GATEWAY_EXCHANGE_H
#define GATEWAY_EXCHANGE_H

#include "common/arena.h"
#include "gateway/connections.h"
#include "proto/dialect.h"
#include "proto/identity.h"

enum { QUERY_MAX = 64 /* the last three are ours */ };

enum credential_kind { CREDENTIAL_NONE, CREDENTIAL_TOKEN, CREDENTIAL_JWT, CREDENTIAL_SESSION };

struct credential {
    enum credential_kind kind;
    bool bearer;                        /* from the Authorization header, not from a cookie */
    char key[4 + 65];                   /* "tok:<sha256hex>" */
    int64_t id;                         /* token: its row */
    int64_t user, issued, organization; /* jwt */
    struct slice session;               /* cookie's value, also beside another credential */
    const char *fault;                  /* why it is no good before anybody is asked, or NULL */
};

/* What the limiter said; limit 0: nothing is limited. */
struct limit {
    int64_t most, left, reset_s, retry_s;
    bool refused;
};

struct exchange {
    struct arena *arena;
    const struct http_request *http;
    int64_t started_us, deadline_us, redis_us, upstream_us;
    const char *id;    /* request id */
    const char *trace; /* traceparent, or "" */
    const char *verb;
    const char *path;    /* decoded */
    const char *base;    /* for absolute links */
    const char *address; /* of the caller */
    const char *origin;  /* or NULL */
    enum language language;
    struct pair query[QUERY_MAX];
    size_t query_n;
    struct route_match match;
    enum dialect dialect;
    struct credential credential;
    bool csrf_missing; /* an unsafe call from a browser without its token */
    bool local;        /* answered by the gateway itself (health.c) */
    bool counted;      /* local: counts against the limits all the same */
    struct identity identity;
    bool known;           /* identity is filled and valid */
    bool limited;         /* the limiter was asked */
    bool missed;          /* the identity must be asked for */
    bool resolved;        /* and was */
    bool probes;          /* may not change the row, but is told first whether it is there */
    const char *account;  /* lower-case hash of the account a sign-in names, or NULL */
    int64_t organization; /* of X-Organization-Id; 0: none; -1: unreadable */
    struct limit limit;
    struct caller who;
    struct slice body, raw;
    enum err body_err;
    int body_status; /* other than that error's own, or 0 */
    const char *body_message;
    const char *form_token; /* `_token` of the body, or NULL */
    enum err err;           /* why the exchange ended early */
    struct reply reply;
    const char *allow;
    bool closes;         /* the connection ends with this answer */
    bool finished;       /* answered and accounted for, but for what is unsent */
    struct slice unsent; /* of the answer */
    const char *stage;   /* the last one that ran without a fault */
    int status;          /* answered */
    size_t bytes;        /* of the body */
};

/* Ends the exchange with an error in the dialect's words, or in these. */
enum err exchange_fail(struct exchange *x, enum err err, const char *message_or_null);
/* A header's value, terminated, in the arena; NULL when absent. */
const char *exchange_header(const struct exchange *x, const char *name);
/* A cookie's value, as sent; {NULL, 0} when absent. */
struct slice exchange_cookie(const struct exchange *x, const char *name);
bool exchange_is_safe(const struct exchange *x); /* GET, HEAD, OPTIONS */

/* The stages; each returns OK to go on. */
enum err route_stage(struct exchange *x) MUST_USE;
enum err body_stage(struct exchange *x) MUST_USE;
enum err upstream_stage(struct exchange *x) MUST_USE;
/* upload.c: the rest of a file that lies in a spool, part by part. */
enum err upload_stage(struct exchange *x) MUST_USE;
/* The first part, which travels with the request itself. */
void upload_first(struct exchange *x);

/* The request to the service, once the caller is admitted. */
void exchange_request(struct exchange *x, struct request *request);
void pipeline_run(struct exchange *x, void *connection);
/* The whole response; fills status, bytes and closes. */
struct slice answer_format(struct exchange *x);
/* Writes it. */
void answer_send(struct exchange *x, void *connection);

/* body.c: the most bytes a body may have. */
size_t body_max(const struct http_head *head);
/* cors.c: headers for a browser of another origin; a preflight is answered whole. */
void cors_put(struct buf *out, const struct exchange *x);
bool cors_is_preflight(const struct exchange *x);
void cors_preflight(struct buf *out, const struct exchange *x);

/* session.c: the credential of the call, and whether CSRF was cared for. */
void session_read(struct exchange *x);
/* Whether this is the CSRF token of the call's session. */
bool session_token_fits(const struct exchange *x, const char *token);

/* health.c: the gateway's own paths. true when this is one; the reply is filled. */
bool health_answers(struct exchange *x);
bool health_has(const char *path);
void health_draining(void);

/* document.c: the OpenAPI document with the custom fields of the caller's organization. */
bool document_is_personal(const struct exchange *x);
enum err document_stage(struct exchange *x) MUST_USE;

#endif
