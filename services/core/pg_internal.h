/*
 * pg_internal.h - what pg.c (connection, faults, results), pg_statements.c and pg_pipeline.c
 * (pipeline, transactions) share. Nobody else includes it.
 */
#ifndef CORE_PG_INTERNAL_H
#define CORE_PG_INTERNAL_H

#include <libpq-fe.h>

#include "services/core/pg.h"

/* Prepared statements by text: SETS x WAYS, the least recently used of a set makes room. */
enum { SETS = 64, WAYS = 4, CHUNK = 64, STEPS = 6 * CHUNK + 16, ZONE_MAX = 64 };

struct statement {
    uint64_t hash, used;
    unsigned id;          /* 0: empty. The name at the server is "s<id>" */
    struct arena *memory; /* holds the text; an arena of its own, given back on eviction */
    const char *text;
    size_t len;
};

/* What is expected back, in order. */
enum step_kind { STEP_PREPARE, STEP_RUN, STEP_DISCARD, STEP_SYNC };
struct step {
    enum step_kind kind;
    unsigned id;          /* STEP_PREPARE: the statement */
    struct pg_item *item; /* who is told when it fails; NULL: nobody */
};

struct who {
    int64_t organization_id, user_id, timeout_ms;
    char zone[ZONE_MAX], user_zone[ZONE_MAX];
};

struct pg {
    PGconn *conn;
    const char *conninfo, *application, *role;
    char listen[ZONE_MAX]; /* "LISTEN x", said again after a reconnect; "" none */
    int64_t next_try_us, backoff_us, spent_us;
    bool lost;        /* the connection broke; the next use makes another */
    bool timed_out;   /* … because PostgreSQL did not answer in time */
    char reason[256]; /* of the last failure to connect */
    bool pooled;      /* each transaction may meet another server connection */
    bool read_only;   /* the server took no writes when it was connected */
    bool warned;      /* a WARNING came since this was last cleared */
    struct statement statements[SETS][WAYS];
    unsigned last_id;
    uint64_t uses;
    struct step steps[STEPS];
    size_t steps_n;
    bool in_transaction;                                /* pg_begin was called */
    bool begun;                                         /* … and BEGIN was sent */
    enum { POINT_NONE, POINT_WANTED, POINT_SET } point; /* the savepoint */
    bool point_old;                                     /* a former one is to be released first */
    bool known;                                         /* `have` is what the server has */
    struct who want, have;
    struct arena *ending; /* what the last COMMIT answered */
};

struct pg_result {
    PGresult *rows;
};

/* pg.c */
void pg_lose(struct pg *pg, const char *why);
void pg_read_fault(struct arena *arena, const PGresult *result, struct pg_fault *fault);
struct pg_result *pg_keep(struct arena *arena, PGresult *rows);
bool pg_is_loss(const char *sqlstate_or_null);
/* Connects, and waits for a primary while one may be on its way; false when there is none. */
bool pg_await(struct pg *pg, int64_t timeout_ms);
/* Waits until PQgetResult does not block; false when the connection is lost. */
bool pg_pump(struct pg *pg, int64_t deadline_us);

/* pg_statements.c */
struct pg_words { /* a statement and its parameters */
    const char *text;
    size_t len;
    int n;
    const char *const *params;
    bool planned_anew;
};
/* What will come back next. */
void pg_expect(struct pg *pg, enum step_kind kind, unsigned id, struct pg_item *item);
bool pg_sent(struct pg *pg, int ok); /* what libpq answered; 0: the connection is lost */
bool pg_send_plain(struct pg *pg, const char *text, struct pg_item *item);
/* Queues a statement; kind says whether its rows belong to the item. Prepared under a name where
   the next one meets the same server connection, and may have the same plan. */
bool pg_queue(struct pg *pg, const struct pg_words *words, enum step_kind kind,
              struct pg_item *item);
void pg_forget_statements(struct pg *pg);
/* A Parse that failed or was skipped left nothing at the server. */
void pg_forget_id(struct pg *pg, unsigned id);

#endif
