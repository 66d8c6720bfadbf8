/* A batch: every request of one message, answered in one message. */
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/metrics.h"
#include "services/core/crud.h"
#include "services/core/worker.h"

enum { REPLY_ROOM = 512 }; /* what an error reply may take beside its texts */

/* The longest of the deadlines: a shorter one must not cut its neighbours off. */
static int64_t longest_left(struct job **jobs, size_t n)
{
    int64_t longest = 1;
    for (size_t i = 0; i < n; i++) {
        int64_t left = call_left_ms(&jobs[i]->call);
        longest = left > longest ? left : longest;
    }
    return longest;
}

static void read_singles(struct worker *worker, struct job **jobs, size_t n)
{
    struct job **planned = arena_alloc(worker->arena, n * sizeof(*planned));
    struct pg_item *items = arena_alloc(worker->arena, n * sizeof(*items));
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        if (job_plan(jobs[i]) != ERR_OK)
            continue;
        job_item(jobs[i], &items[count]);
        items[count].sql = &jobs[i]->sql;
        planned[count++] = jobs[i];
    }
    if (count == 0)
        return;
    pg_run_reads(worker->pg, worker->arena, items, count, longest_left(planned, count));
    for (size_t i = 0; i < count; i++) {
        struct job *job = planned[i];
        job->reply.err = items[i].err == ERR_OK ? crud_finish(&job->call, items[i].result)
                                                : call_database_fault(&job->call, &items[i].fault);
    }
}

/* An op that is no write opens a transaction itself, by its first statement; it ends here. */
static void read_once(struct job *job)
{
    struct pg *pg = job->call.pg;
    struct pg_fault fault;
    enum err err = job_run(job);
    if (!pg_in_transaction(pg))
        return;
    if (err != ERR_OK)
        pg_rollback(pg);
    else if ((err = pg_commit(pg, &fault)) != ERR_OK) {
        (void)call_database_fault(&job->call, &fault);
        job->call.again = job->call.again || err == ERR_TIMEOUT; /* it only read */
    }
}

/* A second time when the connection was lost meanwhile. */
static void read_alone(struct job *job)
{
    read_once(job);
    if (!job->call.again || job->call.settled)
        return;
    job_reset(job);
    read_once(job);
}

static size_t pick(struct job *jobs, size_t n, enum job_kind from, enum job_kind to,
                   struct job **out)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        if (jobs[i].kind >= from && jobs[i].kind <= to)
            out[count++] = &jobs[i];
    return count;
}

static void run_all(struct worker *worker, struct job *jobs, size_t n)
{
    struct job **some = arena_alloc(worker->arena, n * sizeof(*some));
    size_t count = pick(jobs, n, JOB_READ_SINGLE, JOB_READ_SINGLE, some);
    if (count > 0)
        read_singles(worker, some, count);
    count = pick(jobs, n, JOB_WRITE_SINGLE, JOB_WRITE_ALONE, some);
    if (count > 0)
        writes_run(worker, some, count);
    count = pick(jobs, n, JOB_READ_ALONE, JOB_READ_ALONE, some);
    for (size_t i = 0; i < count; i++)
        read_alone(some[i]);
}

/* A reply that does not fit: alone too large is a defect of ours; else it is asked for again. */
static void write_reply(struct buf *out, struct job *job, size_t others)
{
    size_t before = out->len;
    size_t limit = MESSAGE_MAX_BYTES - others * REPLY_ROOM;
    if (before + job->reply.json.len + REPLY_ROOM < limit)
        reply_write(out, &job->reply);
    if (out->len > before && out->len < limit)
        return;
    bool hopeless = job->reply.json.len + (size_t)64 * REPLY_ROOM > MESSAGE_MAX_BYTES;
    out->len = before;
    log_event(hopeless ? LOG_ERROR : LOG_WARN, "reply_too_large", job->request->id, "op",
              job->request->op, "resource", job->request->resource, NULL);
    struct reply instead = {.index = job->request->index,
                            .err = hopeless ? ERR_INTERNAL : ERR_UNAVAILABLE,
                            .retry_after_s = 1};
    reply_write(out, &instead);
}

void batch_answer(struct worker *worker, struct slice message, struct buf *out)
{
    struct request *requests;
    size_t n;
    int64_t arrived = clock_mono_us();
    if (requests_read(worker->arena, message, &requests, &n) != ERR_OK) {
        log_say(LOG_ERROR, "message_unreadable", "%zu bytes were no batch of requests",
                message.len);
        mp_put_array(out, 0);
        return;
    }
    struct job *jobs = arena_alloc(worker->arena, (n == 0 ? 1 : n) * sizeof(*jobs));
    (void)pg_spent_us(worker->pg);
    for (size_t i = 0; i < n; i++)
        job_open(worker, &jobs[i], &requests[i], arrived);
    if (n > 0)
        run_all(worker, jobs, n);
    int64_t spent = pg_spent_us(worker->pg);
    mp_put_array(out, (uint32_t)n);
    for (size_t i = 0; i < n; i++) {
        job_close(&jobs[i], spent);
        write_reply(out, &jobs[i], n - i - 1);
    }
    metrics_count("bureau_batches_total", "Messages answered.",
                  worker->slow ? "lane=\"slow\"" : "lane=\"fast\"", 1);
    metrics_observe_us("bureau_batch_seconds", "From receiving a message to its replies.", "",
                       clock_mono_us() - arrived);
}
