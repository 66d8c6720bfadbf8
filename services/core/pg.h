/*
 * pg.h - the only libpq. A connection belongs to one worker thread and runs in pipeline mode.
 *
 * A worker's batch is one pipeline. Each item is: set_config of the caller's identity for
 * row-level security, then its statements. Statements are prepared on first use (by text) and kept
 * per connection; after a reconnect they are prepared again.
 */
#ifndef CORE_PG_H
#define CORE_PG_H

#include "common/arena.h"
#include "common/buf.h"
#include "common/err.h"

struct pg;
struct pg_result; /* rows of one statement; lives in the arena */

/* Connects at first use, and again after a loss, at most every 50 ms to 1 s while no PostgreSQL
   takes writes. In the first PG_SWITCH_MS of that, reads and new transactions wait for it, half of
   their time at most; later everything answers UNAVAILABLE at once. conninfo may name several
   hosts: the one that takes writes is used (unless it says target_session_attrs). role: the NOLOGIN
   role to work as, or NULL. Strings must live as long as the connection. */
enum { PG_SWITCH_MS = 5000 };
struct pg *pg_open(const char *conninfo, const char *application);
struct pg *pg_open_as(const char *conninfo, const char *application, const char *role);
/* The same behind a pooler that gives each transaction another connection (PgBouncer's transaction
   mode): nothing is kept in the session, and LISTEN does nothing. */
struct pg *pg_open_pooled(const char *conninfo, const char *application, const char *role);
void pg_close(struct pg *pg);
void pg_disconnect(struct pg *pg); /* until its next use */
/* Whether it can be an address of PostgreSQL at all; else reason says why not. */
bool pg_check(const char *conninfo, char *reason, size_t reason_len) MUST_USE;
bool pg_connected(struct pg *pg);           /* tries to connect when it is not */
const char *pg_reason(const struct pg *pg); /* why the last try failed, "" none did */

/* A statement under construction: text with $n, and its text parameters. */
enum { PG_PARAMS = 240 };
struct sql {
    struct buf text;
    const char *params[PG_PARAMS];
    int n;
    bool planned_anew; /* not kept prepared: its values decide which plan is good */
};
void sql_init(struct sql *sql, struct arena *arena);
/* Adds a parameter and returns its number for "$%d". NULL is SQL NULL. Beyond PG_PARAMS: aborts. */
int sql_bind(struct sql *sql, const char *text_or_null);
int sql_bind_int(struct sql *sql, int64_t value);
void sql_puts(struct sql *sql, const char *text);
void sql_printf(struct sql *sql, const char *format, ...) PRINTF(2, 3);

/* What a database error means. */
struct pg_fault {
    enum err err; /* by the table of err_of_state in pg.c: CONFLICT (taken, excluded), INVALID
                     (references, checks, values), TIMEOUT (statement_timeout), UNAVAILABLE
                     (connection, deadlock, resources), else INTERNAL. P0001 with a DETAIL of
                     "ERR_NAME" raises that error with MESSAGE as its text */
    char sqlstate[6];
    const char *constraint; /* "clients_email_key", or "" */
    const char *message;    /* for the log only, except for P0001 */
    const char *table;      /* of a constraint, or "" */
    const char *column;     /* of a NOT NULL fault (23502), or "" */
};

/* Runs one statement in the open item (own transaction unless inside pg_begin). */
enum err pg_run(struct pg *pg, struct arena *arena, struct sql *sql, struct pg_result **out,
                struct pg_fault *fault) MUST_USE;
int pg_rows(const struct pg_result *result);
/* NULL for SQL NULL. Text as PostgreSQL prints it. */
const char *pg_text(const struct pg_result *result, int row, int column);
size_t pg_len(const struct pg_result *result, int row, int column);  /* bytes of pg_text */
int64_t pg_int(const struct pg_result *result, int row, int column); /* 0 for NULL */
bool pg_true(const struct pg_result *result, int row, int column);

/* Many statements in one round trip, each alone (reads) — results in order, faults in order. */
struct pg_item {
    struct sql *sql; /* the statement */
    int64_t organization_id, user_id;
    const char *zone, *user_zone; /* of the organization and the caller; NULL: unknown */
    enum err err;                 /* out */
    struct pg_result *result;     /* out */
    struct pg_fault fault;        /* out */
};
/* Reads: one Sync; items after a failed one run again alone. */
void pg_run_reads(struct pg *pg, struct arena *arena, struct pg_item *items, size_t n,
                  int64_t timeout_ms);

/* A transaction with the caller's identity set, for everything that is not one read. */
enum err pg_begin(struct pg *pg, int64_t organization_id, int64_t user_id,
                  int64_t timeout_ms) MUST_USE;
/* Who the next statements of the open transaction are for (costs nothing when nothing changes). */
struct pg_who {
    int64_t organization_id, user_id;
    const char *zone, *user_zone; /* copied; NULL: unknown */
    int64_t timeout_ms;
};
void pg_become(struct pg *pg, const struct pg_who *who);
/* Marks a point inside the open transaction (travels with the next statement; a later one takes
   the place of the former); pg_rollback_to undoes what came behind it, false when the whole
   transaction is lost. */
void pg_savepoint(struct pg *pg);
bool pg_rollback_to(struct pg *pg) MUST_USE;
/* The next statement says again for whom it runs: for callers of SQL that changes it. */
void pg_identify_again(struct pg *pg);
bool pg_in_transaction(const struct pg *pg);
/* Many statements of the open transaction in one round trip; the first failure ends it: the items
   behind it have err UNAVAILABLE and an empty sqlstate. false when one failed: roll back. */
bool pg_run_writes(struct pg *pg, struct arena *arena, struct pg_item *items, size_t n) MUST_USE;
int64_t pg_spent_us(struct pg *pg); /* time spent waiting for PostgreSQL since the last call */
/* Rolls back on failure. TIMEOUT: the answer was lost, or no standby confirmed what
   synchronous_standby_names wants confirmed: it may have happened. What fault points to lives until
   the next end of a transaction. */
enum err pg_commit(struct pg *pg, struct pg_fault *fault) MUST_USE;
void pg_rollback(struct pg *pg);

/* For LISTEN users: waits for a notification or until ms, behind a pooler until 1 s; true when one
   came. */
bool pg_wait_notify(struct pg *pg, int64_t ms);

#endif
