/*
 * http.h - one request to a provider: the only libcurl of this service.
 *
 * Bounded in bytes and time, https only except to a loopback host, no redirects, no proxy, and no
 * connection to a private address unless the URL itself names a loopback host. Nothing of a request
 * is ever logged: headers and bodies carry tokens.
 */
#ifndef SYNC_HTTP_H
#define SYNC_HTTP_H

#include "common/buf.h"
#include "common/mp.h"

enum { HTTP_BODY_MAX = 4 << 20, HTTP_UNREAD_MAX = 1 << 20, HTTP_MS = 15000 };

struct http; /* one thread's handle; keeps connections */

struct http_request {
    const char *method, *url;
    const char *bearer;       /* or NULL */
    const char *body;         /* or NULL */
    const char *type;         /* content type of body */
    const char *const *extra; /* more header lines, NULL-terminated, or NULL */
    int64_t timeout_ms;       /* 0: HTTP_MS */
    bool outside;             /* a loopback host of the URL is refused like any private address */
    bool unread;              /* the body of the answer is of no interest */
};

enum http_fate {
    HTTP_ANSWERED,
    HTTP_NOT_SENT, /* it surely did not reach the provider */
    HTTP_DOUBTFUL, /* it may have been carried out; the answer was lost */
};

struct http_reply {
    enum http_fate fate;
    int status;                   /* ANSWERED */
    struct slice body;            /* in the arena, terminated */
    const msgpack_object *object; /* the body when it is JSON, else NULL */
    int64_t wait_ms;              /* what Retry-After asks for; 0: nothing */
    const char *link;             /* header Link, or "" */
    const char *reason;           /* not ANSWERED: short, without any secret */
};

void http_open(void); /* once, before threads */
struct http *http_new(void);
void http_free(struct http *http);
void http_send(struct http *http, struct arena *arena, const struct http_request *request,
               struct http_reply *reply);

/* Whether requests may go there: https, or http to a loopback host. Pure. */
bool http_url_allowed(const char *url);
/* Whether it is an address libcurl can read, without user, password and fragment. */
bool http_url_plain(const char *url);
/* Retry-After as milliseconds from now: seconds, Unix time, or an HTTP date; 1 s to 24 h. Source:
   planner-and-sync.md C2. 0 when it cannot be read. */
int64_t http_wait_ms(const char *text, int64_t now_ms);
/* Adds a part of a path or form, percent-encoded. */
void http_encode(struct buf *out, const char *text);
/* Adds "name=value", behind an & unless first. */
void http_form(struct buf *out, const char *name, const char *value);

#endif
