/*
 * service.h - asking the service of service_ops.h whole batches: for the tests of batches and of
 * Idempotency-Key.
 */
#ifndef TESTS_UNIT_SERVICE_H
#define TESTS_UNIT_SERVICE_H

#include <pthread.h>
#include <stdio.h>

#include "common/crypto.h"
#include "services/core/idempotency.h"
#include "services/core/migrate.h"
#include "services/core/worker.h"
#include "tests/unit/database.h"
#include "tests/unit/service_ops.h"

enum { BATCH_MAX = 16 };

struct asker {
    struct worker worker;
    struct request requests[BATCH_MAX];
    size_t n;
    struct reply *replies;
};
static struct asker main_asker;

static inline void open_asker(struct asker *asker)
{
    asker->worker = (struct worker){.service = &service,
                                    .arena = arena_new(1 << 16),
                                    .pg = pg_open_as(database_url, "unit-batch", "bureau_crm")};
}

static inline void close_asker(struct asker *asker)
{
    pg_close(asker->worker.pg);
    arena_destroy(asker->worker.arena);
}

static inline int open_all(void **state)
{
    (void)state;
    if (!crypto_open())
        return -1;
    idempotency_open("a key for unit tests only");
    if (!database_open())
        return 0;
    if (migrate_run(database_url, UNIT_SQL_DIR) != ERR_OK || !ping_open(UNIT_SQL_DIR))
        return -1;
    (void)database_ask(database_url,
                       "CREATE TABLE public.things (id bigint PRIMARY KEY,"
                       " organization_id bigint NOT NULL, made_by bigint);"
                       "ALTER TABLE public.things ENABLE ROW LEVEL SECURITY;"
                       "CREATE POLICY tenant ON public.things USING"
                       " (organization_id = core.org()); GRANT ALL ON public.things TO bureau_crm");
    open_asker(&main_asker);
    return 0;
}

static inline int close_all(void **state)
{
    (void)state;
    if (main_asker.worker.pg != NULL)
        close_asker(&main_asker);
    return 0;
}

static inline struct request *add(struct asker *asker, const char *op, int64_t row)
{
    struct request *r = &asker->requests[asker->n];
    *r = (struct request){.index = (uint32_t)asker->n++,
                          .id = "unit",
                          .trace = "",
                          .op = op,
                          .resource = "",
                          .row = row,
                          .who = {.user_id = 7,
                                  .organization_id = 10,
                                  .role = ROLE_OWNER,
                                  .abilities = "*",
                                  .zone = "Europe/Paris",
                                  .org_zone = "Asia/Tokyo",
                                  .language = "EN"},
                          .left_ms = 5000,
                          .address = "192.0.2.1",
                          .path = "/api/things"};
    return r;
}

static inline void ask(struct asker *asker)
{
    struct buf message, answer;
    size_t n;
    buf_init(&message, asker->worker.arena);
    buf_init(&answer, asker->worker.arena);
    mp_put_array(&message, (uint32_t)asker->n);
    for (size_t i = 0; i < asker->n; i++)
        request_write(&message, &asker->requests[i]);
    batch_answer(&asker->worker, (struct slice){message.data, message.len}, &answer);
    assert_int_equal(replies_read(asker->worker.arena, (struct slice){answer.data, answer.len},
                                  &asker->replies, &n),
                     ERR_OK);
    assert_int_equal(n, asker->n);
    asker->n = 0;
}

static const struct reply *reply_at(const struct asker *asker, size_t index)
{
    return &asker->replies[index];
}

static inline const char *header(const struct reply *reply, const char *name)
{
    for (size_t i = 0; i < COUNT_OF(reply->headers) && reply->headers[i].name != NULL; i++)
        if (strcmp(reply->headers[i].name, name) == 0)
            return reply->headers[i].value;
    return "";
}

static inline const char *text_of(struct asker *asker, const struct reply *reply)
{
    return arena_strndup(asker->worker.arena, reply->json.data, reply->json.len);
}

/* One request that carries a key. */
static inline const struct reply *ask_keyed(struct asker *asker, const char *op, int64_t row,
                                            const char *key)
{
    add(asker, op, row)->headers[HEADER_IDEMPOTENCY_KEY] = key;
    ask(asker);
    return reply_at(asker, 0);
}

static inline int count_between(int low, int high)
{
    char sql[160];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM public.things WHERE id BETWEEN %d AND %d", low,
             high);
    return atoi(database_ask(database_url, sql));
}

#endif
