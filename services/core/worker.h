/*
 * worker.h - how a service answers a batch: inside services/core only.
 *
 * listen.c receives a message and hands it to batch_answer (batch.c), which plans the requests
 * (job.c), runs reads in one pipeline and writes in one transaction, and writes all replies.
 */
#ifndef CORE_WORKER_H
#define CORE_WORKER_H

#include "proto/routes.h"
#include "services/core/call.h"
#include "services/core/service.h"

struct worker {
    const struct service *service;
    struct arena *arena; /* reset by listen.c after each message */
    struct pg *pg;
    bool slow;
};

enum job_kind {
    JOB_DONE,         /* answered without the database */
    JOB_READ_SINGLE,  /* one statement: planned, pipelined with the others */
    JOB_READ_ALONE,   /* an op or hook; opens its transaction itself when it needs one */
    JOB_WRITE_SINGLE, /* one statement inside the batch's transaction */
    JOB_WRITE,        /* an op or hook inside the batch's transaction */
    JOB_WRITE_ALONE,  /* Idempotency-Key, dry run, op.alone, op.admit: a transaction of its own */
};

/* One request of the batch on its way. */
struct job {
    enum job_kind kind;
    struct request *request;
    const struct op *op; /* or NULL: CRUD */
    struct reply reply;
    struct call call;
    struct sql sql;
    bool planned;  /* sql is ready */
    bool refused;  /* by op.admit: committed though it is an error */
    bool replayed; /* the answer is a kept one */
};

/* job.c */
void job_open(struct worker *worker, struct job *job, struct request *request, int64_t arrived_us);
/* Forgets what a try left, before another. */
void job_reset(struct job *job);
enum err job_plan(struct job *job) MUST_USE;
/* op.admit, if there is one. */
enum err job_admit(struct job *job) MUST_USE;
/* Runs the op, hook or CRUD function in the open transaction. */
enum err job_run(struct job *job) MUST_USE;
void job_item(const struct job *job, struct pg_item *item);
/* Sums up: a failed reply carries no data; counts and logs. */
void job_close(struct job *job, int64_t sql_us);
/* Whether a route's op exists, and is a write when the verb is not GET. */
bool op_is_fit(const struct service *service, const struct route *route);

/* batch.c: answers every request of the message into out (one message of replies). */
void batch_answer(struct worker *worker, struct slice message, struct buf *out);

/* writes.c */
void writes_run(struct worker *worker, struct job **jobs, size_t n);

/* ping.c: the ops "ping" and "metrics" that every service has; false when it is neither. */
bool ping_answer(struct worker *worker, const struct request *request, struct reply *reply);
/* Reads which migrations the program ships; false with words on stderr. */
bool ping_open(const char *sql_dir) MUST_USE;

/* As a process of its own: asks the running service at its own address, says why not on stderr.
   0: ready, or, when only that is asked, alive; else 1. */
int ping_main(const char *address, bool only_alive);

/* listen.c */
bool listen_open(const char *address, bool slow, int64_t threads,
                 const struct service *service) MUST_USE;
/* Starts the threads of every opened address. */
bool listen_start(void) MUST_USE;
/* Waits until the threads have answered what they took, at most ms; true when they have. */
bool listen_drain(int64_t ms);

/* Asks a running service one message; false when there is no answer within ms. Once a process. */
bool listen_ask(const char *address, int64_t ms, struct slice question,
                struct buf *answer) MUST_USE;

/* purge.c: removes answers kept for Idempotency-Key that are older than 24 hours, until stopped. */
void *purge_main(void *connection);

#endif
