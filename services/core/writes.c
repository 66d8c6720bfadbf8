/*
 * Writes of a batch: one transaction, one commit. When that fails as a whole nothing of it stays,
 * and each runs again alone. A write whose answer is an error is undone before anything is
 * committed.
 */
#include "common/clock.h"
#include "common/metrics.h"
#include "services/core/crud.h"
#include "services/core/idempotency.h"
#include "services/core/worker.h"

enum { TRIES = 4 }; /* of a write that met a deadlock or lost its connection */

static void become(struct job *job, int64_t timeout_ms)
{
    const struct caller *who = &job->request->who;
    pg_become(job->call.pg, &(struct pg_who){who->organization_id, who->user_id, who->org_zone,
                                             who->zone, timeout_ms});
}

static bool locks(const struct job *job)
{
    const struct hooks *hooks = job->call.hooks;
    return hooks != NULL && hooks->locks != NULL && hooks->locks(&job->call);
}

/* The statement that takes the locks of hooks.locks, before anything else of the transaction, and
   who asks for it; NULL: nobody. A service has one such lock at most. */
static struct job *lock_sql(struct job **jobs, size_t n, struct sql *sql)
{
    struct job *asker = NULL;
    struct buf ids;
    for (size_t i = 0; i < n; i++) {
        if (!locks(jobs[i]))
            continue;
        if (asker == NULL)
            buf_init(&ids, jobs[i]->call.arena);
        buf_printf(&ids, "%c%lld", asker == NULL ? '{' : ',',
                   (long long)jobs[i]->request->who.organization_id);
        asker = asker == NULL ? jobs[i] : asker;
    }
    if (asker == NULL)
        return NULL;
    buf_putc(&ids, '}');
    sql_init(sql, asker->call.arena);
    sql_printf(sql, "SELECT %s($%d::bigint[])", asker->call.hooks->lock, sql_bind(sql, ids.data));
    return asker;
}

/* ---- alone ---- */

/* What only COMMIT would check is checked before a dry run says how it went. */
static enum err end_dry(struct job *job)
{
    struct sql sql;
    struct pg_result *rows;
    sql_init(&sql, job->call.arena);
    sql_puts(&sql, "SET CONSTRAINTS ALL IMMEDIATE");
    enum err err = call_run(&job->call, &sql, &rows);
    pg_rollback(job->call.pg);
    if (err == ERR_OK)
        call_header(&job->call, "Dry-Run", "true");
    return err;
}

static enum err try_once(struct job *job)
{
    struct call *call = &job->call;
    struct pg_fault fault;
    bool keyed = !call->dry_run && idempotency_key(job->request) != NULL;
    job_reset(job);
    if (call_begin(call) != ERR_OK)
        return job->reply.err;
    struct sql lock;
    struct pg_result *rows;
    call->joined = true;
    enum err err = lock_sql(&job, 1, &lock) == NULL ? ERR_OK : call_run(call, &lock, &rows);
    if (err == ERR_OK)
        err = keyed ? idempotency_run(job) : job_admit(job);
    if (!keyed && err == ERR_OK)
        err = job_run(job);
    if (err == ERR_OK && call->dry_run)
        return end_dry(job);
    if (err == ERR_OK || job->refused || (keyed && idempotency_keeps(&job->reply))) {
        enum err ended = pg_commit(call->pg, &fault);
        if (ended == ERR_OK)
            return err;
        (void)call_database_fault(call, &fault);
        /* Whether it happened, the kept answer tells: it is there or not, with the write. */
        call->again = call->again || (keyed && ended == ERR_TIMEOUT);
        return ended;
    }
    pg_rollback(call->pg);
    return err;
}

static void run_alone(struct job *job)
{
    for (int i = 0; i < TRIES; i++) {
        enum err err = try_once(job);
        job->reply.err = err;
        if (err == ERR_OK || !job->call.again)
            break;
        metrics_count("bureau_writes_again_total",
                      "Writes run again after a deadlock or a lost connection.", "", 1);
    }
    if (job->call.dry_run && job->reply.err != ERR_OK)
        call_header(&job->call, "Dry-Run", "true");
}

/* ---- together ---- */

/* The locks and every plain write in one round trip: whoever waited for a lock goes on at once.
   false: the whole transaction is to be given up. */
static bool singles_together(struct worker *worker, struct job **jobs, size_t n)
{
    struct pg_item *items = arena_alloc(worker->arena, (n + 1) * sizeof(*items));
    struct job **planned = arena_alloc(worker->arena, (n + 1) * sizeof(*planned));
    struct sql lock;
    size_t count = 0, first = 0;
    struct job *asker = lock_sql(jobs, n, &lock);
    if (asker != NULL) {
        job_item(asker, &items[0]);
        items[0].sql = &lock;
        first = count = 1;
    }
    for (size_t i = 0; i < n; i++) {
        if (jobs[i]->kind != JOB_WRITE_SINGLE || job_plan(jobs[i]) != ERR_OK)
            continue;
        job_item(jobs[i], &items[count]);
        items[count].sql = &jobs[i]->sql;
        planned[count++] = jobs[i];
    }
    if (count == 0)
        return true;
    if (!pg_run_writes(worker->pg, worker->arena, items, count))
        return false;
    bool good = true;
    for (size_t i = first; good && i < count; i++) {
        planned[i]->reply.err = crud_finish(&planned[i]->call, items[i].result);
        good = err_status(planned[i]->reply.err) < 500; /* refused: nothing was written */
    }
    return good;
}

/* Ops and hooks in order, each behind a savepoint: what one did before it failed is undone. */
static bool others_together(struct worker *worker, struct job **jobs, size_t n, int64_t timeout_ms)
{
    for (size_t i = 0; i < n; i++) {
        struct job *job = jobs[i];
        if (job->kind != JOB_WRITE)
            continue;
        become(job, timeout_ms);
        pg_savepoint(worker->pg);
        job->call.joined = true;
        enum err err = job_run(job);
        job->call.joined = false;
        if (err == ERR_OK)
            continue;
        if (job->call.again || err_status(err) >= 500 || !pg_rollback_to(worker->pg))
            return false;
    }
    return true;
}

/* Half of the shortest deadline: when the group fails, there is time left for each alone. */
static int64_t group_timeout(struct job **jobs, size_t n)
{
    int64_t shortest = INT64_MAX;
    for (size_t i = 0; i < n; i++) {
        int64_t left = call_left_ms(&jobs[i]->call);
        shortest = left < shortest ? left : shortest;
    }
    return shortest / 2 > 1 ? shortest / 2 : 1;
}

static void all_failed(struct job **jobs, size_t n, const struct pg_fault *fault)
{
    for (size_t i = 0; i < n; i++)
        if (jobs[i]->reply.err == ERR_OK)
            jobs[i]->reply.err = call_database_fault(&jobs[i]->call, fault);
}

/* true: every job has its answer. */
static bool run_together(struct worker *worker, struct job **jobs, size_t n)
{
    struct pg_fault fault;
    int64_t timeout = group_timeout(jobs, n);
    for (size_t i = 0; i < n; i++)
        job_reset(jobs[i]);
    if (pg_begin(worker->pg, 0, 0, timeout) != ERR_OK)
        return false; /* each says so itself */
    if (!singles_together(worker, jobs, n) || !others_together(worker, jobs, n, timeout)) {
        pg_rollback(worker->pg);
        return false;
    }
    enum err err = pg_commit(worker->pg, &fault);
    if (err == ERR_TIMEOUT) /* it may have happened: running again could do it twice */
        all_failed(jobs, n, &fault);
    return err == ERR_OK || err == ERR_TIMEOUT;
}

void writes_run(struct worker *worker, struct job **jobs, size_t n)
{
    struct job **group = arena_alloc(worker->arena, n * sizeof(*group));
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        if (jobs[i]->kind != JOB_WRITE_ALONE)
            group[count++] = jobs[i];
    bool together = count > 1;
    if (together && !run_together(worker, group, count)) {
        metrics_count("bureau_groups_split_total", "Groups of writes that ran again one by one.",
                      "", 1);
        together = false;
    }
    for (size_t i = 0; i < n; i++)
        if (jobs[i]->kind == JOB_WRITE_ALONE || !together)
            run_alone(jobs[i]);
}
