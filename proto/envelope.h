/*
 * envelope.h - request and reply between gateway and services: msgpack maps with short fixed keys,
 * version 1. A message is an array of them (a batch).
 */
#ifndef PROTO_ENVELOPE_H
#define PROTO_ENVELOPE_H

#include "common/mp.h"
#include "proto/resource.h"
#include "proto/rules.h"

enum { ENVELOPE_VERSION = 1, MESSAGE_MAX_BYTES = 8 << 20 };

struct pair {
    const char *name, *value;
};

struct caller {
    int64_t user_id, organization_id, token_id; /* 0: none */
    enum role role;
    const char *abilities; /* "*", or space-separated */
    const char *zone;      /* her time zone, "" unknown */
    const char *org_zone;
    const char *language; /* "EN" */
    bool session;         /* cookie, not bearer */
    int64_t custom;       /* version of her organization's custom fields, 0: unknown */
};

struct request {
    uint32_t index;       /* place in the batch; the reply carries it back */
    const char *id;       /* request id, for logs */
    const char *trace;    /* traceparent or "" */
    const char *op;       /* list get create update delete restore … */
    const char *resource; /* "" for endpoints */
    int64_t row;          /* {id} */
    const char *arg[3];   /* other path parts, or NULL */
    const struct pair *query;
    size_t query_n;
    struct slice body; /* msgpack of the body; len 0: none */
    struct slice raw;  /* text/csv and the like: the bytes; len 0: none */
    struct caller who;
    int64_t left_ms;        /* rest of the deadline when sent */
    const char *address;    /* of the client, for audit and throttling */
    const char *headers[6]; /* enum request_header */
    const char *path;       /* as requested, for paging links */
};
enum request_header {
    HEADER_IDEMPOTENCY_KEY,
    HEADER_IF_MATCH,
    HEADER_IF_NONE_MATCH,
    HEADER_ACCEPT,
    HEADER_USER_AGENT,
    HEADER_COOKIE
};

/* A page of a list. */
struct page {
    int64_t number, size, total, rows; /* size 0: not a list */
    const char *next_cursor;           /* or NULL */
    bool plain;                        /* Robert lists without paging: only {"data": …} */
    bool by_cursor;                    /* pages have no numbers, whatever was asked for */
};

struct reply {
    uint32_t index;
    enum err err;
    struct fault *faults; /* INVALID */
    const char *message;  /* success: the "message"; error: replaces the dialect's text; or NULL */
    struct slice json;    /* the data, JSON text made by the database */
    const char *meta;     /* JSON object merged into meta (Laravel lists), or NULL */
    struct page page;
    int status;       /* 0: from err and route (200, 201); else exact */
    bool bare;        /* json is the whole body: no envelope */
    const char *type; /* content type when json is not JSON (text/csv, application/pdf), or NULL */
    struct pair headers[8]; /* name NULL ends: Set-Cookie, Location, ETag, Content-Disposition … */
    const char
        *forget; /* identities to drop from the cache: "tok:<sha256hex> user:12 …", or NULL */
    int64_t retry_after_s; /* 0: none */
    int64_t sql_us;        /* time in PostgreSQL */
    struct slice bytes;    /* of replies_read: the reply as it stands in the message */
};

void request_write(struct buf *out, const struct request *request);
/* Strings live in the arena or point into bytes. Errors: MALFORMED. */
enum err requests_read(struct arena *arena, struct slice bytes, struct request **out,
                       size_t *n) MUST_USE;
void reply_write(struct buf *out, const struct reply *reply);
enum err replies_read(struct arena *arena, struct slice bytes, struct reply **out,
                      size_t *n) MUST_USE;
/* A message of one with the reply whose bytes are given (struct reply, bytes): replies_read takes
   it. Copied to the arena, so that it may go to another thread. */
struct slice reply_alone(struct arena *arena, struct slice bytes);

/* Value of a query parameter, last one wins; NULL when absent. "tags[]" is kept as written. */
const char *query_find(const struct request *request, const char *name) MUST_USE;

#endif
