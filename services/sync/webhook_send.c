/*
 * webhook_send.c - threads that send changes to webhooks: sign, post, settle. An endpoint is served
 * by one worker at a time and gets its changes in order; see sync.claim_webhook and its companions.
 * Source: the Standard Webhooks specification, 1.0.
 */
#include <inttypes.h>
#include <pthread.h>
#include <string.h>

#include "common/clock.h"
#include "common/crypto.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/stop.h"
#include "services/core/service.h"
#include "services/sync/ops.h"
#include "services/sync/secrets.h"

enum { SQL_MS = 10000, IDLE_MS = 1000, SEND_MS = 10000, LEAST_MS = 1000, BLOCK_BYTES = 1 << 16 };

/* Between the tries, 76 hours in all; the first is BUREAU_SYNC_RETRY_MS, the others in proportion.
 */
static const int64_t waits_s[] = {5, 30, 120, 600, 1800, 7200, 18000, 36000, 50400, 72000, 86400};

struct sender {
    struct pg *pg;
    struct arena *arena;
    struct http *http;
    int64_t webhook, organization, claim, deadline_us;
};

/* One row of sync.next_deliveries. */
struct message {
    int64_t delivery, attempt;
    const char *id, *body, *url, *sealed, *seal_name;
    bool aside, two;
};

struct verdict {
    const char *outcome, *error, *off; /* error, off: or NULL */
    int64_t status, ms, wait_ms;
};

/* In a transaction of its own. */
static bool run(struct sender *s, struct sql *sql, struct pg_result **rows)
{
    struct pg_fault fault = {0};
    if (pg_begin(s->pg, s->organization, 0, SQL_MS) != ERR_OK)
        return false;
    if (pg_run(s->pg, s->arena, sql, rows, &fault) == ERR_OK && pg_commit(s->pg, &fault) == ERR_OK)
        return true;
    log_event(LOG_WARN, "webhook_sql_failed", NULL, "sqlstate", fault.sqlstate, "message",
              fault.message, NULL);
    pg_rollback(s->pg);
    return false;
}

static bool claim(struct sender *s)
{
    struct sql sql;
    struct pg_result *rows;
    sql_init(&sql, s->arena);
    s->organization = 0;
    int64_t now = clock_mono_us(), most = sync_settings.webhook_workers / 2;
    int lease = sql_bind_int(&sql, sync_settings.lease_s * 1000);
    sql_printf(&sql, "SELECT * FROM sync.claim_webhook($%d::bigint, $%d::integer)", lease,
               sql_bind_int(&sql, most < 1 ? 1 : most));
    if (!run(s, &sql, &rows) || pg_rows(rows) == 0)
        return false;
    s->webhook = pg_int(rows, 0, 0);
    s->organization = pg_int(rows, 0, 1);
    s->claim = pg_int(rows, 0, 2);
    s->deadline_us = now + sync_settings.lease_s * 900000; /* the rest is for settling */
    return true;
}

/* ---- one message ---- */

static void put_signature(struct sender *s, struct buf *out, const char *secret, struct slice text)
{
    struct slice key;
    uint8_t mac[CRYPTO_SHA256];
    if (secret == NULL ||
        !crypto_base64url_read(s->arena, (struct slice){secret, strlen(secret)}, &key))
        return;
    crypto_hmac_sha256(key, text, mac);
    buf_puts(out, out->len == 0 ? "v1," : " v1,");
    crypto_base64(out, mac, sizeof mac);
}

/* NULL: no known key opens the secret. */
static const char *signature(struct sender *s, const struct message *m, const char *timestamp)
{
    struct tokens pair = {0};
    struct buf text, out;
    if (!secrets_open_tokens(s->arena, s->organization, SECRETS_WEBHOOK, m->seal_name, m->sealed,
                             &pair))
        return NULL;
    buf_init(&text, s->arena);
    buf_init(&out, s->arena);
    buf_printf(&text, "%s.%s.", m->id, timestamp);
    buf_puts(&text, m->body);
    put_signature(s, &out, pair.access, (struct slice){text.data, text.len});
    if (m->two)
        put_signature(s, &out, pair.refresh, (struct slice){text.data, text.len});
    return out.len == 0 ? NULL : out.data;
}

static int64_t growing_wait_ms(int64_t attempt)
{
    size_t i = attempt < 1 ? 0 : (size_t)attempt - 1;
    int64_t wait =
        waits_s[i < COUNT_OF(waits_s) ? i : COUNT_OF(waits_s) - 1] * sync_settings.retry_ms / 5;
    uint16_t random;
    crypto_random(&random, sizeof random);
    return wait + wait / 10 * random / UINT16_MAX;
}

static struct verdict judge(struct sender *s, const struct message *m,
                            const struct http_reply *reply)
{
    struct verdict v = {.outcome = "retry", .status = reply->status};
    bool answered = reply->fate == HTTP_ANSWERED;
    if (answered && reply->status >= 200 && reply->status < 300) {
        v.outcome = "delivered";
        return v;
    }
    if (!answered)
        v.error = arena_strdup(s->arena, reply->reason);
    else
        v.error = arena_printf(s->arena, "It answered %d%s.", reply->status,
                               reply->status / 100 == 3 ? "; redirects are not followed" : "");
    v.wait_ms = growing_wait_ms(m->attempt);
    if (reply->wait_ms > v.wait_ms)
        v.wait_ms = reply->wait_ms;
    if (m->aside || m->attempt > (int64_t)COUNT_OF(waits_s))
        v.outcome = "failed";
    if (answered && reply->status == 410)
        v.off = "The receiver answered 410 Gone.";
    else if (!m->aside && strcmp(v.outcome, "failed") == 0)
        v.off = "Nothing was accepted for days. What failed can be sent again.";
    return v;
}

static struct verdict post(struct sender *s, const struct message *m, int64_t left_ms)
{
    struct http_reply reply;
    const char *timestamp = arena_printf(s->arena, "%" PRId64, clock_unix_ms() / 1000);
    const char *signed_by = signature(s, m, timestamp);
    if (signed_by == NULL)
        return (struct verdict){.outcome = m->aside ? "failed" : "retry",
                                .error = "The secret cannot be read.",
                                .off = "The secret cannot be read. Rotate it."};
    const char *const headers[] = {arena_printf(s->arena, "webhook-id: %s", m->id),
                                   arena_printf(s->arena, "webhook-timestamp: %s", timestamp),
                                   arena_printf(s->arena, "webhook-signature: %s", signed_by),
                                   NULL};
    int64_t began = clock_mono_us();
    http_send(s->http, s->arena,
              &(struct http_request){.method = "POST",
                                     .url = m->url,
                                     .body = m->body,
                                     .type = "application/json",
                                     .extra = headers,
                                     .timeout_ms = left_ms < SEND_MS ? left_ms : SEND_MS,
                                     .outside = !sync_settings.webhook_loopback,
                                     .unread = true},
              &reply);
    struct verdict v = judge(s, m, &reply);
    v.ms = (clock_mono_us() - began) / 1000;
    return v;
}

/* While the database is away the lease runs out and it is sent once more, with the same id. */
static bool settle(struct sender *s, const struct message *m, const struct verdict *v)
{
    struct sql sql;
    struct pg_result *rows;
    sql_init(&sql, s->arena);
    int webhook = sql_bind_int(&sql, s->webhook), claimed = sql_bind_int(&sql, s->claim);
    int delivery = sql_bind_int(&sql, m->delivery), outcome = sql_bind(&sql, v->outcome);
    int status = v->status == 0 ? sql_bind(&sql, NULL) : sql_bind_int(&sql, v->status);
    int ms = sql_bind_int(&sql, v->ms), error = sql_bind(&sql, v->error);
    int wait = sql_bind_int(&sql, v->wait_ms);
    sql_printf(&sql,
               "SELECT sync.settle_delivery($%d::bigint, $%d::bigint, $%d::bigint, $%d::text,"
               " $%d::integer, $%d::integer, $%d::text, $%d::bigint, $%d::text)",
               webhook, claimed, delivery, outcome, status, ms, error, wait,
               sql_bind(&sql, v->off));
    for (int i = 0; i < 5; i++) {
        if (run(s, &sql, &rows))
            return pg_true(rows, 0, 0);
        (void)stop_wait_ms(500);
    }
    return false;
}

static void note(const struct verdict *v)
{
    bool retry = strcmp(v->outcome, "retry") == 0, sent = strcmp(v->outcome, "delivered") == 0;
    metrics_count("bureau_webhook_deliveries_total", "Requests to webhooks by outcome.",
                  retry  ? "outcome=\"retry\""
                  : sent ? "outcome=\"delivered\""
                         : "outcome=\"failed\"",
                  1);
}

/* false: nothing more of this endpoint now. */
static bool serve_one(struct sender *s, const struct message *m)
{
    int64_t left_ms = (s->deadline_us - clock_mono_us()) / 1000;
    if (left_ms < LEAST_MS || stop_asked())
        return false;
    struct verdict v = post(s, m, left_ms);
    note(&v);
    if (!settle(s, m, &v) || v.off != NULL)
        return false;
    return m->aside || strcmp(v.outcome, "delivered") == 0;
}

/* ---- one endpoint ---- */

static void serve(struct sender *s)
{
    struct sql sql;
    struct pg_result *rows;
    sql_init(&sql, s->arena);
    int webhook = sql_bind_int(&sql, s->webhook);
    sql_printf(&sql, "SELECT * FROM sync.next_deliveries($%d::bigint, $%d::bigint)", webhook,
               sql_bind_int(&sql, s->claim));
    bool more = run(s, &sql, &rows);
    for (int row = 0; more && row < pg_rows(rows); row++)
        more = serve_one(s, &(struct message){.delivery = pg_int(rows, row, 0),
                                              .id = pg_text(rows, row, 1),
                                              .body = pg_text(rows, row, 2),
                                              .attempt = pg_int(rows, row, 3),
                                              .aside = pg_true(rows, row, 4),
                                              .url = pg_text(rows, row, 5),
                                              .sealed = pg_text(rows, row, 6),
                                              .seal_name = pg_text(rows, row, 7),
                                              .two = pg_true(rows, row, 8)});
    sql_init(&sql, s->arena);
    webhook = sql_bind_int(&sql, s->webhook);
    sql_printf(&sql, "SELECT sync.release_webhook($%d::bigint, $%d::bigint)", webhook,
               sql_bind_int(&sql, s->claim));
    (void)run(s, &sql, &rows);
}

static void *sender_main(void *connection)
{
    struct sender s = {.pg = connection, .arena = arena_new(BLOCK_BYTES), .http = http_new()};
    while (!stop_asked()) {
        bool worked = claim(&s);
        if (worked)
            serve(&s);
        arena_reset(s.arena);
        if (worked)
            continue;
        struct sql sql;
        struct pg_result *rows;
        sql_init(&sql, s.arena);
        sql_puts(&sql, "LISTEN bureau_webhooks");
        s.organization = 0;
        (void)run(&s, &sql, &rows);
        (void)pg_wait_notify(s.pg, IDLE_MS);
        if (!pg_connected(s.pg))
            (void)stop_wait_ms(IDLE_MS);
    }
    http_free(s.http);
    arena_destroy(s.arena);
    return NULL;
}

void webhook_start(void)
{
    for (int64_t i = 0; i < sync_settings.webhook_workers; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, sender_main, service_connect_listener()) != 0 ||
            pthread_detach(thread) != 0)
            log_say(LOG_ERROR, "worker_missing", "webhook thread %" PRId64 " could not be started",
                    i);
    }
}
