/*
 * call.h - one request inside a service: what hooks and ops get, and how they answer or fail.
 */
#ifndef CORE_CALL_H
#define CORE_CALL_H

#include "proto/envelope.h"
#include "proto/resources.h"
#include "services/core/pg.h"

/* One accepted column of a write. value NULL: SQL NULL. */
struct column {
    const struct field *field; /* or NULL when added by a hook */
    const char *name;          /* column */
    const char *value;         /* text for PostgreSQL */
    const char *cast;          /* "bigint", "text", "timestamptz", "jsonb" … */
};

struct call {
    struct arena *arena;
    struct pg *pg;
    const struct request *request;
    const struct resource *resource; /* or NULL for endpoints */
    const struct hooks *hooks;       /* of the resource, or NULL */
    const msgpack_object *body;      /* a map, or NULL */
    struct reply *reply;
    struct column columns[96]; /* writes: accepted columns; hooks may add and change */
    size_t columns_n;
    bool created;     /* create, not update */
    enum err planned; /* the fault of an update whose row is still to be looked for */
    bool dry_run;
    int64_t proven;      /* user whose password op.admit has seen, 0: none */
    bool silent;         /* nobody reads the written row: only its id is shown */
    bool joined;         /* the service opened the transaction: call_transaction joins it */
    bool again;          /* nothing of it stays (deadlock, connection lost): it may run again */
    bool settled;        /* a transaction of it was committed: it may not */
    int64_t deadline_us; /* clock_mono_us() */
    void *service;       /* the service's own state */
};

/* Failing: each returns the error, so that `return call_fail(…)` is the whole statement. The text
   of call_fail is for the client (it replaces the dialect's words); NULL keeps the dialect's. */
enum err call_fail(struct call *call, enum err err, const char *format, ...) PRINTF(3, 4);
/* Adds a fault; returns ERR_INVALID. Several may be added before returning. */
enum err call_fault(struct call *call, const char *field, enum rule rule, const char *a,
                    const char *b);
/* RULE_SAID with a whole sentence. */
enum err call_fault_said(struct call *call, const char *field, const char *format, ...)
    PRINTF(3, 4);

/* Opens a transaction as the caller (lazily: BEGIN travels with its first statement). */
enum err call_begin(struct call *call) MUST_USE;
int64_t call_left_ms(const struct call *call); /* until the deadline, at least 1 */
/* What a database error means to this caller: adds the fault or the text, writes the details to the
   log, returns the error. */
enum err call_database_fault(struct call *call, const struct pg_fault *fault);
/* Runs a statement as the caller, in the open transaction or one that is opened for it and ended
   with the call; a database error becomes the call's error or fault (constraint
   <table>_<field>_key|_fkey|_check → field). */
enum err call_run(struct call *call, struct sql *sql, struct pg_result **out) MUST_USE;
/* One row, one column of JSON becomes the reply's data; no row: NOT_FOUND. */
enum err call_json(struct call *call, struct sql *sql) MUST_USE;
/* Adds a reply header. */
void call_header(struct call *call, const char *name, const char *value);
/* Columns of a write. call_value: text or NULL when absent or null; call_has: present. */
bool call_has(const struct call *call, const char *column);
const char *call_value(const struct call *call, const char *column);
void call_set(struct call *call, const char *column, const char *value, const char *cast);

/* Runs `work` in a transaction as the caller; commits when it returns OK (rolls back on a dry run).
   Inside a write op it joins the transaction the service opened; in an op that is no write it is
   one of its own, so that such an op can keep what it wrote and still answer an error. */
enum err call_transaction(struct call *call, enum err (*work)(struct call *call)) MUST_USE;

/* Special behaviour of a resource. Each may be NULL. All run inside the write's transaction. */
struct hooks {
    const char *resource;
    /* false: check and after_write have nothing to do for this body, and the write may be one
       statement. NULL: they always may. */
    bool (*applies)(const struct call *call);
    /* true: the write takes a lock that its organization's other writes take, too. It is then taken
       before anything else of the transaction: whoever waits for it holds nothing, and a group
       takes those of all its organizations in one order. Looks at op and body alone, before
       anything is validated. NULL: never. */
    bool (*locks)(const struct call *call);
    const char *lock; /* SQL function of bigint[], the organizations; NULL when locks is */
    enum err (*check)(struct call *call); /* after validation, before SQL */
    /* after a failed validation: adds faults that the accepted values alone make */
    enum err (*check_values)(struct call *call);
    enum err (*after_write)(struct call *call, int64_t id);
    /* Keys of a body whose lists after_write keeps beside the row (ends with NULL), and a jsonb
       object of these lists over alias t: what an update changes of them stands in the history and
       makes a new version of the row, which has updated_at then. */
    const char *const *lists;
    const char *lists_sql;
    /* A create that is one statement, with others in one round trip: all three or none. judge_sql
       puts a text expression, evaluated before anything is written; NULL: the row may be made, else
       judged makes what it says the call's error, and there is nothing to undo. made_sql puts a
       condition over the new row t that is true: what belongs to it is written there. check is
       still called, without SQL; after_write is not. */
    void (*judge_sql)(struct call *call, struct sql *sql);
    enum err (*judged)(struct call *call, const char *said);
    void (*made_sql)(struct call *call, struct sql *sql);
    enum err (*after_delete)(struct call *call, int64_t id);
    enum err (*after_restore)(struct call *call, int64_t id);
    /* Instead of crud_list and crud_get (service.c calls them; they may call crud_* in turn). */
    enum err (*list)(struct call *call);
    enum err (*get)(struct call *call);
    /* Adds to the SELECT list or WHERE of a list (whileEvent …). */
    enum err (*narrow)(struct call *call, struct sql *where);
    const char *(*extra_select)(struct call *call); /* more JSON keys: ", 'k', expr" or "" */
};

/* A named operation: an endpoint's or an action's. `write`: runs in a transaction the service opens
   and takes Idempotency-Key; every op of a route that is no GET is one. */
struct op {
    const char *name;     /* op of the route */
    const char *resource; /* or "" */
    enum err (*run)(struct call *call);
    bool write;
    bool own_dry_run; /* ?dry_run=1 is its own matter: it is run, and kept, all the same */
    /* Before run, and before an answer kept for an Idempotency-Key is given: proves who asks and
       sets call->proven, whose keys they then are. What it wrote stays when it refuses (a wrong
       password is counted), and a refusal is kept for no key. The write is alone in its
       transaction. NULL: the gateway's word is enough. */
    enum err (*admit)(struct call *call);
    /* What is done outside once the write is committed; not for a kept answer. NULL: nothing. */
    void (*afterwards)(struct call *call);
    bool alone; /* write: never one of a group, beside whose others it would lock in no order */
};

#endif
