/*
 * routes.h - every route of the product: derived from resources.def, and endpoints.def for those
 * that are no resource. Matching works on a decoded path; ids are 1..19 digits.
 */
#ifndef PROTO_ROUTES_H
#define PROTO_ROUTES_H

#include "common/err.h"
#include "proto/resource.h"

struct route {
    const char *verb;    /* GET POST PUT DELETE (PATCH is taken as PUT where PUT exists) */
    const char *pattern; /* "/api/clients/{id}", "/api/invitations/{token}/accept" */
    const char *op;      /* list get create update delete restore, or an action's */
    const char *service;
    const struct resource *resource; /* NULL for endpoints */
    enum dialect dialect;
    enum role least; /* ROLE_NONE with ACTION_PUBLIC: anyone; ROLE_NONE otherwise: any identity */
    unsigned flags;  /* enum action_flags */
    const char *summary;
    const char *tag; /* group in the documents */
};

/* endpoints.def: ENDPOINT(verb, pattern, service, op, dialect, least role, flags, tag, summary) */

enum { ROUTE_ARGS = 3 };
struct route_match {
    const struct route *route;
    int64_t id;                   /* {id}, or 0 */
    struct slice arg[ROUTE_ARGS]; /* other {names} of the pattern, in order */
    const char *allow;            /* METHOD only: "GET, HEAD, POST" */
    bool odd_id;                  /* what stands for {id} is none */
    const struct resource *meant; /* NO_ROUTE: whose record was asked by such an id, or NULL */
};

/* Builds the tables, once, before threads; ends the process on faults of theirs (complete.h). */
void routes_open(void);
size_t routes_count(void);
const struct route *routes_at(size_t index);
/* Errors: NO_ROUTE; METHOD with match->allow. A trailing slash is accepted. The Robert dialect's
   wrong verbs are NO_ROUTE. */
enum err route_match(const char *verb, struct slice path, struct route_match *match) MUST_USE;
/* "GET, HEAD, POST", what the routes of a path take; NULL: there is none. Good until the thread
   asks again. */
const char *route_verbs(struct slice path);
/* Dialect to answer in when no route was found, from the path alone. */
enum dialect route_dialect(struct slice path);

#endif
