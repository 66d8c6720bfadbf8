/*
 * worker.c - threads that take jobs, have them delivered and settle them. Any number of threads in
 * any number of processes; see sync.claim and sync.settle for what keeps them apart.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/stop.h"
#include "services/core/service.h"
#include "services/sync/deliver.h"
#include "services/sync/ops.h"
#include "services/sync/secrets.h"

enum { SQL_MS = 10000, IDLE_MS = 1000, TRIES = 12, BLOCK_BYTES = 1 << 16 };

static bool run(struct pg *pg, struct arena *arena, struct sql *sql, struct pg_result **rows)
{
    struct pg_fault fault = {0};
    if (pg_run(pg, arena, sql, rows, &fault) == ERR_OK)
        return true;
    log_event(LOG_WARN, "sync_sql_failed", NULL, "sqlstate", fault.sqlstate, "message",
              fault.message, NULL);
    return false;
}

static bool claim(struct task *task, const char *name)
{
    struct sql sql;
    struct pg_result *r = NULL;
    struct pg_fault fault = {0};
    sql_init(&sql, task->arena);
    int worker = sql_bind(&sql, name), lease = sql_bind_int(&sql, sync_settings.lease_s * 1000);
    sql_printf(&sql, "SELECT * FROM sync.claim($%d::text, $%d::bigint, $%d::text)", worker, lease,
               sql_bind(&sql, sync_settings.address));
    int64_t now = clock_mono_us();
    if (pg_begin(task->pg, 0, 0, SQL_MS) != ERR_OK)
        return false;
    if (!run(task->pg, task->arena, &sql, &r) || pg_commit(task->pg, &fault) != ERR_OK) {
        pg_rollback(task->pg);
        return false;
    }
    if (pg_rows(r) == 0)
        return false;
    task->job = pg_int(r, 0, 0);
    task->organization_id = pg_int(r, 0, 1);
    task->integration_id = pg_int(r, 0, 2);
    task->provider = provider_find(pg_text(r, 0, 3));
    task->kind = pg_text(r, 0, 4);
    task->record_id = pg_int(r, 0, 5);
    task->rev = pg_int(r, 0, 6);
    task->attempt = pg_int(r, 0, 7);
    task->claim = pg_int(r, 0, 8);
    task->priority = pg_int(r, 0, 9);
    task->failures = pg_int(r, 0, 10);
    task->deadline_us = now + sync_settings.lease_s * 900000; /* the rest is for settling */
    return true;
}

/* ---- the end of a job ---- */

static const char *const outcome_names[] = {"done", "later", "retry", "snooze", "failed", "snooze"};

static void decide(struct task *task)
{
    struct result *r = &task->result;
    bool clocked = strcmp(task->kind, "push") != 0;
    if (r->outcome == OUTCOME_RETRY && task->attempt >= TRIES && !clocked) {
        r->error = arena_printf(task->arena, "Given up after %d tries. %s", TRIES,
                                r->error == NULL ? "" : r->error);
        r->outcome = OUTCOME_FAILED;
    }
    if (r->outcome == OUTCOME_RETRY && r->wait_ms == 0)
        r->wait_ms = deliver_backoff_ms(task->attempt);
    if (r->outcome == OUTCOME_FAILED && clocked) {
        r->outcome = OUTCOME_LATER;
        r->wait_ms = 3600 * 1000;
    }
}

/* The tokens were refused: people must connect the account again, unless somebody just did. */
static bool refuse(struct task *task)
{
    struct sql sql;
    struct pg_result *rows;
    sql_init(&sql, task->arena);
    int integration = sql_bind_int(&sql, task->integration_id);
    int sealed = sql_bind(&sql, task->sealed);
    sql_printf(&sql, "SELECT sync.refuse_grant($%d::bigint, $%d::text, $%d::text)", integration,
               sealed, sql_bind(&sql, task->result.error));
    if (!run(task->pg, task->arena, &sql, &rows))
        return false;
    if (!pg_true(rows, 0, 0))
        task->result = (struct result){.outcome = OUTCOME_SNOOZE}; /* at once, with the new ones */
    return true;
}

static bool say(struct task *task, const char *text, const char *words)
{
    struct sql sql;
    struct pg_result *rows;
    sql_init(&sql, task->arena);
    int integration = sql_bind_int(&sql, task->integration_id);
    int record = sql_bind_int(&sql, task->record_id), error = sql_bind(&sql, words);
    (void)integration; /* $1, $2, $3 of text */
    (void)record;
    (void)error;
    sql_puts(&sql, text);
    return run(task->pg, task->arena, &sql, &rows);
}

/* What people see of it. */
static bool show(struct task *task)
{
    const struct result *r = &task->result;
    bool push = strcmp(task->kind, "push") == 0;
    if (r->outcome == OUTCOME_RECONNECT && !refuse(task))
        return false;
    if (r->outcome == OUTCOME_RECONNECT)
        return true;
    if (r->outcome == OUTCOME_FAILED || r->said)
        return say(task,
                   "WITH i AS (UPDATE sync.integrations SET last_error = $3::text WHERE"
                   " organization_id = core.org() AND id = $1::bigint) UPDATE sync.links SET"
                   " status = 'failed', error = $3::text, updated_at = clock_timestamp() WHERE"
                   " organization_id = core.org() AND integration_id = $1::bigint"
                   " AND record_id = $2::bigint",
                   r->error);
    if (push && r->outcome != OUTCOME_DONE && !r->said)
        return say(task,
                   "UPDATE sync.links SET status = 'pending', error = $3::text WHERE"
                   " organization_id = core.org() AND integration_id = $1::bigint"
                   " AND record_id = $2::bigint AND status = 'syncing'",
                   r->error);
    if (r->error != NULL)
        return say(task,
                   "UPDATE sync.integrations SET last_error = $3::text WHERE organization_id ="
                   " core.org() AND id = $1::bigint AND $2::bigint >= 0",
                   r->error);
    return say(task,
               "UPDATE sync.integrations SET last_sync_at = clock_timestamp(), last_error ="
               " $3::text WHERE organization_id = core.org() AND id = $1::bigint AND $2::bigint"
               " >= 0 AND (last_error IS NOT NULL OR last_sync_at IS NULL OR last_sync_at <"
               " clock_timestamp() - interval '5 seconds')",
               NULL);
}

static bool settle_row(struct task *task, struct pg_result **rows)
{
    const struct result *r = &task->result;
    struct sql sql;
    sql_init(&sql, task->arena);
    int integration = sql_bind_int(&sql, task->integration_id);
    int claimed = sql_bind_int(&sql, task->claim), job = sql_bind_int(&sql, task->job);
    int rev = sql_bind_int(&sql, task->rev), how = sql_bind(&sql, outcome_names[r->outcome]);
    int wait = sql_bind_int(&sql, r->wait_ms), pause = sql_bind_int(&sql, r->pause_ms);
    sql_printf(&sql,
               "SELECT sync.settle($%d::bigint, $%d::bigint, $%d::bigint, $%d::bigint, $%d::text,"
               " $%d::bigint, $%d::bigint, $%d::text)",
               integration, claimed, job, rev, how, wait, pause, sql_bind(&sql, r->error));
    return run(task->pg, task->arena, &sql, rows);
}

static bool settle_once(struct task *task)
{
    struct pg_result *rows;
    struct pg_fault fault = {0};
    if (pg_begin(task->pg, task->organization_id, 0, SQL_MS) != ERR_OK)
        return false;
    bool good = show(task) && settle_row(task, &rows);
    bool held = good && pg_true(rows, 0, 0);
    if (good && !held) { /* somebody else has the lane: what we saw is no longer of interest */
        pg_rollback(task->pg);
        return true;
    }
    if (good && pg_commit(task->pg, &fault) == ERR_OK)
        return true;
    pg_rollback(task->pg);
    return false;
}

/* While the database is away the lease runs out and the job is done again, which does no harm. */
static void settle(struct task *task)
{
    decide(task);
    for (int i = 0; i < 5 && !settle_once(task); i++)
        (void)stop_wait_ms(500);
    const struct result *r = &task->result;
    metrics_count(
        "bureau_sync_jobs_total", "Jobs of the sync service by outcome.",
        arena_printf(task->arena, "provider=\"%s\",outcome=\"%s\"",
                     task->provider == NULL ? "none" : task->provider->key,
                     r->outcome == OUTCOME_RECONNECT ? "reconnect" : outcome_names[r->outcome]),
        1);
    if (r->error != NULL)
        log_event(LOG_INFO, "sync_job", NULL, "#job",
                  arena_printf(task->arena, "%" PRId64, task->job), "outcome",
                  outcome_names[r->outcome], "reason", r->error, NULL);
}

/* ---- threads ---- */

static void deliver(struct task *task)
{
    task->result = (struct result){.outcome = OUTCOME_RETRY, .error = "It was not delivered."};
    if (task->provider == NULL || !provider_is_configured(task->provider))
        (void)deliver_wait(task, 60000, "The provider is not configured here.");
    else if (secrets_ready(task, NULL))
        task->provider->run(task);
    settle(task);
}

static void listen_again(struct pg *pg, struct arena *arena)
{
    struct sql sql;
    struct pg_result *rows;
    struct pg_fault fault = {0};
    sql_init(&sql, arena);
    sql_puts(&sql, "LISTEN bureau_sync");
    if (pg_begin(pg, 0, 0, SQL_MS) != ERR_OK)
        return;
    if (!run(pg, arena, &sql, &rows) || pg_commit(pg, &fault) != ERR_OK)
        pg_rollback(pg);
}

static void *worker_main(void *connection)
{
    static _Atomic unsigned count;
    char host[64] = "", name[128];
    struct pg *pg = connection;
    struct arena *arena = arena_new(BLOCK_BYTES);
    struct http *http = http_new();
    (void)gethostname(host, sizeof host - 1);
    snprintf(name, sizeof name, "%s:%ld:%u", host, (long)getpid(), ++count);
    while (!stop_asked()) {
        struct task task = {.arena = arena, .pg = pg, .http = http};
        bool worked = claim(&task, name);
        if (worked)
            deliver(&task);
        arena_reset(arena);
        if (worked)
            continue;
        listen_again(pg, arena);
        (void)pg_wait_notify(pg, IDLE_MS);
        if (!pg_connected(pg))
            (void)stop_wait_ms(IDLE_MS);
    }
    http_free(http);
    arena_destroy(arena);
    return NULL;
}

void worker_background(struct pg *pg)
{
    webhook_start();
    for (int64_t i = 1; i < sync_settings.workers; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, worker_main, service_connect_listener()) != 0 ||
            pthread_detach(thread) != 0)
            log_say(LOG_ERROR, "worker_missing", "thread %" PRId64 " could not be started", i);
    }
    if (sync_settings.workers > 0)
        (void)worker_main(pg);
}
