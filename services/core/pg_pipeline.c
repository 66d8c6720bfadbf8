/* Many statements in one round trip, and transactions. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/metrics.h"
#include "services/core/pg_internal.h"

enum { DEFAULT_TIMEOUT_MS = 30000, GRACE_MS = 1000 };

static const char identity_sql[] =
    "SELECT set_config('bureau.org', $1, true), set_config('bureau.user', $2, true),"
    " set_config('bureau.zone', $3, true), set_config('bureau.user_zone', $4, true),"
    " set_config('statement_timeout', $5, true)";

/* What the start of a connection of our own says, for a transaction on one that is shared. */
static const char session_sql[] =
    "SELECT set_config('role', $1, true), set_config('TimeZone', 'UTC', true),"
    " set_config('DateStyle', 'ISO', true), set_config('jit', 'off', true),"
    " set_config('idle_in_transaction_session_timeout', '60000', true)";

static bool queue(struct pg *pg, const struct sql *sql, enum step_kind kind, struct pg_item *item)
{
    const struct pg_words words = {sql->text.data, sql->text.len, sql->n, sql->params,
                                   sql->planned_anew};
    return pg_queue(pg, &words, kind, item);
}

/* Before the first statement of each transaction on a shared connection. */
static bool queue_session(struct pg *pg, struct pg_item *item)
{
    const char *params[] = {pg->role == NULL ? "none" : pg->role};
    const struct pg_words words = {session_sql, sizeof session_sql - 1, 1, params, false};
    return !pg->pooled || pg_queue(pg, &words, STEP_DISCARD, item);
}

static bool same_who(const struct who *a, const struct who *b)
{
    return a->organization_id == b->organization_id && a->user_id == b->user_id &&
           a->timeout_ms == b->timeout_ms && strcmp(a->zone, b->zone) == 0 &&
           strcmp(a->user_zone, b->user_zone) == 0;
}

/* Says for whom the next statements run, when the server does not know it yet. */
static bool queue_identity(struct pg *pg, struct pg_item *item)
{
    if (pg->known && same_who(&pg->have, &pg->want))
        return true;
    char org[24] = "", user[24] = "", timeout[24];
    if (pg->want.organization_id != 0)
        snprintf(org, sizeof org, "%" PRId64, pg->want.organization_id);
    if (pg->want.user_id != 0)
        snprintf(user, sizeof user, "%" PRId64, pg->want.user_id);
    snprintf(timeout, sizeof timeout, "%" PRId64, pg->want.timeout_ms);
    const char *params[] = {org, user, pg->want.zone, pg->want.user_zone, timeout};
    const struct pg_words words = {identity_sql, sizeof identity_sql - 1, COUNT_OF(params), params,
                                   false};
    pg->have = pg->want;
    pg->known = true;
    return pg_queue(pg, &words, STEP_DISCARD, item);
}

void pg_become(struct pg *pg, const struct pg_who *who)
{
    pg->want.organization_id = who->organization_id;
    pg->want.user_id = who->user_id;
    pg->want.timeout_ms = who->timeout_ms > 0 ? who->timeout_ms : DEFAULT_TIMEOUT_MS;
    snprintf(pg->want.zone, ZONE_MAX, "%s", who->zone == NULL ? "" : who->zone);
    snprintf(pg->want.user_zone, ZONE_MAX, "%s", who->user_zone == NULL ? "" : who->user_zone);
}

static void become_item(struct pg *pg, const struct pg_item *item, int64_t timeout_ms)
{
    pg_become(pg, &(struct pg_who){item->organization_id, item->user_id, item->zone,
                                   item->user_zone, timeout_ms});
}

/* ---- answers ---- */

static bool is_reached(const struct pg_item *item)
{
    return item->err == ERR_OK || item->fault.sqlstate[0] != '\0';
}

static void mark_unreached(const struct pg *pg, struct pg_item *item)
{
    item->err = pg->timed_out ? ERR_TIMEOUT : ERR_UNAVAILABLE;
    item->result = NULL;
    item->fault = (struct pg_fault){.err = item->err,
                                    .constraint = "",
                                    .table = "",
                                    .column = "",
                                    .message = "PostgreSQL did not answer this statement"};
}

/* A table changed under a kept plan, or the server forgot the statement: only a new connection,
   which knows no statement, helps. */
static bool is_stale_plan(const struct pg_fault *fault)
{
    return strcmp(fault->sqlstate, "26000") == 0 ||
           (strcmp(fault->sqlstate, "0A000") == 0 && strstr(fault->message, "cached plan") != NULL);
}

static void take_failure(struct pg *pg, struct arena *arena, const struct step *step,
                         const PGresult *rows)
{
    struct pg_fault fault;
    pg_read_fault(arena, rows, &fault);
    if (pg_is_loss(fault.sqlstate[0] == '\0' ? NULL : fault.sqlstate)) {
        pg_lose(pg, fault.message[0] == '\0' ? "closed by the server" : fault.message);
        return;
    }
    if (is_stale_plan(&fault)) {
        pg_lose(pg, fault.message);
        return;
    }
    if (step->item != NULL && !is_reached(step->item)) {
        step->item->fault = fault;
        step->item->err = fault.err;
    }
}

/* One answer; takes over rows. */
static void take(struct pg *pg, struct arena *arena, const struct step *step, PGresult *rows)
{
    ExecStatusType status = PQresultStatus(rows);
    bool good = status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
    if (good && step->kind == STEP_RUN) {
        step->item->result = pg_keep(arena, rows);
        step->item->err = ERR_OK;
        step->item->fault = (struct pg_fault){.constraint = "", .table = "", .column = ""};
        return;
    }
    if (!good) {
        pg->known = false;
        if (step->kind == STEP_PREPARE)
            pg_forget_id(pg, step->id);
        if (status != PGRES_PIPELINE_ABORTED)
            take_failure(pg, arena, step, rows);
    }
    PQclear(rows);
}

static bool next(struct pg *pg, int64_t deadline_us, PGresult **rows)
{
    if (!pg_pump(pg, deadline_us))
        return false;
    *rows = PQgetResult(pg->conn);
    return true;
}

static bool collect_step(struct pg *pg, struct arena *arena, const struct step *step,
                         int64_t deadline_us)
{
    PGresult *rows = NULL;
    if (!next(pg, deadline_us, &rows))
        return false;
    if (rows == NULL) {
        pg_lose(pg, "an answer is missing");
        return false;
    }
    if (step->kind == STEP_SYNC) {
        bool synced = PQresultStatus(rows) == PGRES_PIPELINE_SYNC;
        PQclear(rows);
        if (!synced)
            pg_lose(pg, "closed by the server");
        return synced;
    }
    take(pg, arena, step, rows);
    while (!pg->lost && next(pg, deadline_us, &rows) && rows != NULL)
        PQclear(rows);
    return !pg->lost;
}

/* Sends everything queued behind one Sync and reads every answer; false when lost. */
static bool exchange(struct pg *pg, struct arena *arena, int64_t timeout_ms)
{
    int64_t start = clock_mono_us();
    int64_t deadline = start + (timeout_ms + GRACE_MS) * 1000;
    pg_expect(pg, STEP_SYNC, 0, NULL);
    bool good = !pg->lost && pg_sent(pg, PQpipelineSync(pg->conn));
    for (size_t i = 0; good && i < pg->steps_n; i++)
        good = collect_step(pg, arena, &pg->steps[i], deadline);
    pg->steps_n = 0;
    int64_t spent = clock_mono_us() - start;
    pg->spent_us += spent;
    metrics_observe_us("bureau_sql_seconds", "Round trips to PostgreSQL.", "", spent);
    return good && !pg->lost;
}

/* ---- reads ---- */

static void read_chunk(struct pg *pg, struct arena *arena, struct pg_item *items, size_t n,
                       int64_t timeout_ms)
{
    pg->known = false;                  /* what set_config said ends with the Sync */
    (void)queue_session(pg, &items[0]); /* a loss is seen in pg->lost */
    for (size_t i = 0; i < n && !pg->lost; i++) {
        become_item(pg, &items[i], timeout_ms);
        if (queue_identity(pg, &items[i]))
            (void)queue(pg, items[i].sql, STEP_RUN, &items[i]);
    }
    (void)exchange(pg, arena, timeout_ms);
    pg->known = false;
}

void pg_run_reads(struct pg *pg, struct arena *arena, struct pg_item *items, size_t n,
                  int64_t timeout_ms)
{
    for (size_t i = 0; i < n; i++)
        mark_unreached(pg, &items[i]);
    timeout_ms = timeout_ms > 0 ? timeout_ms : DEFAULT_TIMEOUT_MS;
    int losses = 0;
    int64_t end_us = clock_mono_us() + timeout_ms * 1000;
    for (size_t start = 0; start < n && pg_await(pg, (end_us - clock_mono_us()) / 1000);) {
        size_t until = n - start > CHUNK ? start + CHUNK : n, before = start;
        int64_t left_ms = (end_us - clock_mono_us()) / 1000;
        read_chunk(pg, arena, items + start, until - start, left_ms > 1 ? left_ms : 1);
        while (start < until && is_reached(&items[start]))
            start++;
        if (pg->lost && (pg->timed_out || ++losses > 1))
            break;
        if (!pg->lost && start == before)
            items[start++].err = ERR_INTERNAL; /* never: it keeps the loop finite */
    }
    if (pg->timed_out)
        for (size_t i = 0; i < n; i++)
            if (!is_reached(&items[i]))
                mark_unreached(pg, &items[i]);
}

/* ---- transactions ---- */

enum err pg_begin(struct pg *pg, int64_t organization_id, int64_t user_id, int64_t timeout_ms)
{
    pg->begun = pg->known = pg->point_old = false;
    pg->point = POINT_NONE;
    pg->in_transaction = pg_await(pg, timeout_ms > 0 ? timeout_ms : DEFAULT_TIMEOUT_MS);
    pg_become(pg, &(struct pg_who){organization_id, user_id, NULL, NULL, timeout_ms});
    return pg->in_transaction ? ERR_OK : ERR_UNAVAILABLE;
}

void pg_identify_again(struct pg *pg) { pg->known = false; }

bool pg_in_transaction(const struct pg *pg) { return pg->in_transaction; }

static bool queue_prelude(struct pg *pg, struct pg_item *item)
{
    if (!pg->in_transaction)
        return true;
    if (!pg->begun && !(pg_send_plain(pg, "BEGIN", item) && queue_session(pg, item)))
        return false;
    pg->begun = true;
    if (pg->point == POINT_WANTED) {
        if (pg->point_old && !pg_send_plain(pg, "RELEASE SAVEPOINT one", item))
            return false;
        pg->point = POINT_SET;
        pg->point_old = false;
        if (!pg_send_plain(pg, "SAVEPOINT one", item))
            return false;
    }
    return queue_identity(pg, item);
}

/* identify: the items say for whom they run; otherwise as pg_become said. */
static bool run_chunk(struct pg *pg, struct arena *arena, struct pg_item *items, size_t n,
                      bool identify)
{
    if (!pg->in_transaction)
        (void)queue_session(pg, &items[0]); /* a loss is seen in pg->lost */
    for (size_t i = 0; i < n && !pg->lost; i++) {
        if (identify)
            become_item(pg, &items[i], pg->want.timeout_ms);
        if (queue_prelude(pg, &items[i]))
            (void)queue(pg, items[i].sql, STEP_RUN, &items[i]);
    }
    bool good = exchange(pg, arena, pg->want.timeout_ms);
    for (size_t i = 0; i < n; i++) {
        if (!is_reached(&items[i]))
            mark_unreached(pg, &items[i]);
        good = good && items[i].err == ERR_OK;
    }
    return good;
}

static bool run_items(struct pg *pg, struct arena *arena, struct pg_item *items, size_t n,
                      bool identify)
{
    for (size_t i = 0; i < n; i++)
        mark_unreached(pg, &items[i]);
    /* A transaction that lost its connection is gone: its later statements must not run alone. */
    if (pg->in_transaction && pg->begun ? pg->conn == NULL || pg->lost : !pg_connected(pg))
        return false;
    if (pg->want.timeout_ms == 0)
        pg->want.timeout_ms = DEFAULT_TIMEOUT_MS;
    bool good = true;
    for (size_t start = 0; good && start < n; start += CHUNK)
        good = run_chunk(pg, arena, items + start, n - start > CHUNK ? CHUNK : n - start, identify);
    return good;
}

bool pg_run_writes(struct pg *pg, struct arena *arena, struct pg_item *items, size_t n)
{
    return run_items(pg, arena, items, n, true);
}

enum err pg_run(struct pg *pg, struct arena *arena, struct sql *sql, struct pg_result **out,
                struct pg_fault *fault)
{
    struct pg_item item = {.sql = sql};
    struct sql nothing;
    bool first = pg->in_transaction && !pg->begun;
    bool listens = strncmp(sql->text.data, "LISTEN ", 7) == 0;
    if (listens && !pg->pooled)
        snprintf(pg->listen, sizeof pg->listen, "%s", sql->text.data);
    if (listens && pg->pooled) { /* it would stay on a connection that is somebody else's next */
        sql_init(&nothing, arena);
        sql_puts(&nothing, "SELECT");
        item.sql = &nothing;
    }
    (void)run_items(pg, arena, &item, 1, false);
    /* Nothing of the transaction was done yet: it may begin again on a new connection. */
    if (first && pg->lost && !pg->timed_out && !is_reached(&item)) {
        pg->begun = false;
        (void)run_items(pg, arena, &item, 1, false);
    }
    *out = item.result;
    *fault = item.fault;
    return item.err;
}

/* For what COMMIT and the like answer: until the next one. */
static struct arena *ending(struct pg *pg)
{
    if (pg->ending == NULL)
        pg->ending = arena_new(1024);
    arena_reset(pg->ending);
    return pg->ending;
}

/* Runs COMMIT and the like; its tag is in item->result. */
static bool run_plain(struct pg *pg, struct arena *arena, const char *how, struct pg_item *item)
{
    mark_unreached(pg, item);
    pg_expect(pg, STEP_RUN, 0, item);
    bool good = pg_sent(pg, PQsendQueryParams(pg->conn, how, 0, NULL, NULL, NULL, NULL, 0)) &&
                exchange(pg, arena, DEFAULT_TIMEOUT_MS);
    return good && item->err == ERR_OK;
}

enum err pg_commit(struct pg *pg, struct pg_fault *fault)
{
    static const struct pg_fault none = {
        .constraint = "", .table = "", .column = "", .message = ""};
    bool begun = pg->begun, broken = pg->lost;
    *fault = none;
    if (!pg->in_transaction || (!begun && !broken)) {
        pg->in_transaction = false;
        return ERR_OK; /* no statement ran */
    }
    pg->in_transaction = pg->begun = pg->known = false;
    if (broken || pg->conn == NULL) {
        fault->message = "the connection was lost before COMMIT";
        return fault->err = ERR_UNAVAILABLE;
    }
    struct pg_item item = {0};
    pg->warned = false;
    bool good = run_plain(pg, ending(pg), "COMMIT", &item);
    if (good && strcmp(PQcmdStatus(item.result->rows), "COMMIT") == 0) {
        if (!pg->warned)
            return ERR_OK;
        fault->message = "committed, but no standby has confirmed it";
        return fault->err = ERR_TIMEOUT; /* a switch of the primary may still lose it */
    }
    if (good || is_reached(&item))
        item.fault.err = item.fault.err == ERR_OK ? ERR_INTERNAL : item.fault.err;
    else
        item.fault.err = ERR_TIMEOUT; /* it may have happened */
    *fault = item.fault;
    if (fault->message == NULL)
        fault->message = "COMMIT rolled back";
    return fault->err;
}

void pg_savepoint(struct pg *pg)
{
    pg->point_old = pg->point_old || pg->point == POINT_SET;
    pg->point = POINT_WANTED;
    pg->known = false; /* what ran before may have worked for somebody else */
}

bool pg_rollback_to(struct pg *pg)
{
    if (!pg->in_transaction || pg->lost || pg->conn == NULL)
        return false;
    if (pg->point != POINT_SET)
        return pg->point == POINT_WANTED; /* nothing ran behind it */
    struct pg_item item = {0};
    pg->known = false; /* it undoes set_config as well */
    return run_plain(pg, ending(pg), "ROLLBACK TO SAVEPOINT one", &item);
}

void pg_rollback(struct pg *pg)
{
    bool begun = pg->begun;
    pg->in_transaction = pg->begun = pg->known = false;
    if (!begun || pg->conn == NULL || pg->lost)
        return;
    struct pg_item item = {0};
    if (!run_plain(pg, ending(pg), "ROLLBACK", &item))
        pg_lose(pg, "ROLLBACK failed");
}
