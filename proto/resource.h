/*
 * resource.h - how a resource is described: the constant table that the gateway, the services, the
 * tests and the document generator all read.
 */
#ifndef PROTO_RESOURCE_H
#define PROTO_RESOURCE_H

#include "proto/field.h"

enum {
    IN_LIST = 1,
    IN_ITEM = 2,
    IN_WRITE = 4,
    ON_REQUEST = 8 /* include=key */,
    IN_CHANGE = 16 /* as IN_WRITE, but not in the answers of delete and restore */
};

/* An embed. Rendered by sql, a scalar sub-select over alias t giving json. Kept as SQL because each
   embed of the documents has its own shape. */
struct relation {
    const char *key;
    unsigned where;
    const char *sql;
    enum role least;   /* who is shown it; ROLE_NONE: everyone */
    const char *below; /* SQL shown to lower roles instead; NULL: the key is absent */
    const char *fresh; /* the same in the statement that has just written it; NULL: as sql */
};

/* A query parameter with a name of its own. `where` is SQL with %s where the bound text value goes
   (cast it there). Empty value: ignored. A NULL where is for hooks, which read the query
   themselves. */
struct param {
    const char *name;
    const char *where;
    bool list; /* name[]=a&name[]=b: bound as text[] */
    const char *help;
    enum field_type type; /* of the value: wrong ones match nothing (Robert) or are 422 (bool) */
};

/* A route below or beside the resource: verb and path below .path, "{id}" is the row.
   The service binds op by name and refuses to start when one is missing. */
struct action {
    const char *verb, *below, *op;
    enum role least;
    const char *summary;
    unsigned flags; /* enum action_flags */
};
enum action_flags {
    ACTION_PUBLIC = 1,  /* no identity needed */
    ACTION_RAW = 2,     /* the answer's json bytes are sent as they are, without an envelope */
    ACTION_CREATED = 4, /* 201 */
    ACTION_LOGIN = 8,   /* counted against the login limit */
    ACTION_SLOW = 16,   /* goes on the slow lane */
    ACTION_NO_ORG = 32, /* needs an identity but no organization */
};

enum lifecycle { DELETE_SOFT, DELETE_TWO_STEP, DELETE_HARD };
enum scope { SCOPE_NONE = 0, SCOPE_ORG = 1, SCOPE_ASSIGNEE = 2 };
enum {
    NO_LIST = 1,
    NO_GET = 2,
    NO_CREATE = 4,
    NO_UPDATE = 8,
    NO_DELETE = 16,
    NO_RESTORE = 32,
    NO_CRUD = 63,
    PLAIN_LIST = 64 /* Robert {"data":[...]} without paging */
};

struct resource {
    const char *name; /* "client" */
    const char *path; /* "/api/clients" */
    const char *service;
    const char *table; /* "crm.clients" */
    const char *label; /* "Client" */
    enum dialect dialect;
    enum lifecycle lifecycle;
    unsigned scope;
    unsigned without;  /* NO_* */
    const char *where; /* constant extra condition over t ("t.type = 'company'"), or NULL */
    const char *order; /* "t.created_at DESC, t.id DESC" */
    const char *mine;  /* SCOPE_ASSIGNEE: what a `user` may see in lists; default t.assigned_to =
                          $user  written with %s for the user id */
    const char *mine_item; /* the same for single records, when wider */
    enum role read, write, remove;
    const struct field *fields;       /* ends with {0} */
    const struct relation *relations; /* may be NULL */
    /* What several embeds share: a FROM item with an alias over t, "(SELECT …) b", that gives
       exactly one row; or NULL. A list looks it up in one join over its page. */
    const char *beside;
    const struct param *params;   /* may be NULL */
    const struct action *actions; /* may be NULL */
    const char *meta_sql;         /* aggregate json over the filtered rows f, put into meta */
    const char *custom;           /* name for custom fields ("clients"), or NULL */
    const char *said_created, *said_updated,
        *said_deleted;      /* Laravel; NULL: "Client created successfully." */
    const char *search_sql; /* expression searched when more than the SEARCH columns, or NULL */
    /* A column with a trigram index that holds all that SEARCH and SEARCH_BY fields hold, folded:
       looked at first, so that a search in one of them is no walk over all rows; or NULL. */
    const char *search_within;
    const char *duplicate; /* words of the 409 in the Robert dialect, or NULL */
    /* Exact number of live rows of core.org(), kept by triggers: the total of a list that nothing
       narrows (no filter, search, param or trash; the caller sees all). NULL: they are counted. */
    const char *count_sql;
    const char *summary; /* for the documents */
    bool audit;          /* changes are written to the audit chain and the change feed */
};

#endif
