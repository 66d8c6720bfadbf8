#include "services/core/idempotency.h"

#include <inttypes.h>
#include <string.h>

#include "common/crypto.h"
#include "common/log.h"

enum { KEY_MAX = 255 };

static uint8_t seal_key[32];

/* Whose key, which key, for what. */
struct claim {
    const char *organization, *caller, *key;
    const char *associated; /* all three: binds the sealed answer to its row */
    char request_sha256[65];
    int64_t lock;
};

void idempotency_open(const char *secret_key)
{
    crypto_derive(secret_key, "idempotency", seal_key);
}

const char *idempotency_key(const struct request *request)
{
    const char *key = request->headers[HEADER_IDEMPOTENCY_KEY];
    return key == NULL || *key == '\0' ? NULL : key;
}

bool idempotency_keeps(const struct reply *reply)
{
    return err_status(reply->err) < 500 && !err_is_transient(reply->err);
}

static bool is_fit(const char *key)
{
    size_t len = strlen(key);
    for (size_t i = 0; i < len; i++)
        if (key[i] < 0x21 || key[i] > 0x7e)
            return false;
    return len <= KEY_MAX;
}

static void put_part(struct buf *buf, const char *data, size_t len)
{
    buf_printf(buf, "%zu:", len); /* so that no two requests read the same */
    buf_put(buf, data, len);
}

static void put_text(struct buf *buf, const char *text)
{
    put_part(buf, text == NULL ? "" : text, text == NULL ? 0 : strlen(text));
}

/* Method (as op), path and body; pairs named @… are the gateway's own. */
static void hash_request(struct arena *arena, const struct request *request, char out[65])
{
    struct buf buf;
    buf_init(&buf, arena);
    put_text(&buf, request->op);
    put_text(&buf, request->resource);
    put_text(&buf, request->path);
    buf_printf(&buf, "%" PRId64 ",", request->row);
    for (size_t i = 0; i < COUNT_OF(request->arg); i++)
        put_text(&buf, request->arg[i]);
    for (size_t i = 0; i < request->query_n; i++)
        if (request->query[i].name[0] != '@') {
            put_text(&buf, request->query[i].name);
            put_text(&buf, request->query[i].value);
        }
    put_part(&buf, request->body.data, request->body.len);
    put_part(&buf, request->raw.data, request->raw.len);
    crypto_sha256_hex(buf.data, buf.len, out);
}

static void make_claim(struct call *call, struct claim *claim)
{
    const struct request *request = call->request;
    const struct caller *who = &request->who;
    uint8_t hash[CRYPTO_SHA256];
    claim->key = idempotency_key(request);
    claim->organization = arena_printf(call->arena, "%" PRId64, who->organization_id);
    claim->caller = who->user_id != 0
                        ? arena_printf(call->arena, "user:%" PRId64, who->user_id)
                        : arena_printf(call->arena, "address:%s",
                                       request->address == NULL ? "" : request->address);
    claim->associated =
        arena_printf(call->arena, "%s|%s|%s", claim->organization, claim->caller, claim->key);
    hash_request(call->arena, request, claim->request_sha256);
    crypto_sha256(claim->associated, strlen(claim->associated), hash);
    memcpy(&claim->lock, hash, sizeof claim->lock);
}

/* Lock and look in one round trip; the second statement sees what was committed before the lock. */
static enum err look(struct job *job, const struct claim *claim, struct pg_item items[2])
{
    struct call *call = &job->call;
    struct sql lock, kept;
    sql_init(&lock, call->arena);
    sql_puts(&lock, "SELECT pg_try_advisory_xact_lock($1::bigint)");
    (void)sql_bind_int(&lock, claim->lock);
    sql_init(&kept, call->arena);
    sql_puts(&kept, "SELECT request_sha256, answer FROM core.idempotency WHERE organization_id ="
                    " $1::bigint AND caller = $2 AND key = $3"
                    " AND created_at > now() - interval '24 hours'");
    (void)sql_bind(&kept, claim->organization);
    (void)sql_bind(&kept, claim->caller);
    (void)sql_bind(&kept, claim->key);
    job_item(job, &items[0]);
    job_item(job, &items[1]);
    items[0].sql = &lock;
    items[1].sql = &kept;
    if (pg_run_writes(call->pg, call->arena, items, 2))
        return ERR_OK;
    const struct pg_item *failed = items[0].err != ERR_OK ? &items[0] : &items[1];
    return call_database_fault(call, &failed->fault);
}

static enum err replay(struct job *job, const struct claim *claim, const char *sealed)
{
    struct call *call = &job->call;
    struct slice plain;
    struct buf bytes;
    struct reply *replies;
    size_t n = 0;
    buf_init(&bytes, call->arena);
    mp_put_array(&bytes, 1);
    if (!crypto_unseal(call->arena, seal_key, claim->associated, sealed, &plain))
        return call_fail(call, ERR_CONFLICT,
                         "The answer kept for this Idempotency-Key can no longer be read.");
    buf_put(&bytes, plain.data, plain.len);
    struct slice message = {bytes.data, bytes.len};
    if (replies_read(call->arena, message, &replies, &n) != ERR_OK || n != 1)
        return call_fail(call, ERR_INTERNAL, NULL);
    job->reply = replies[0];
    job->reply.index = job->request->index;
    call_header(call, "Idempotency-Replayed", "true");
    return job->reply.err;
}

static enum err keep(struct job *job, const struct claim *claim)
{
    struct call *call = &job->call;
    struct buf bytes, sealed;
    struct sql sql;
    struct pg_result *rows;
    buf_init(&bytes, call->arena);
    buf_init(&sealed, call->arena);
    reply_write(&bytes, &job->reply);
    crypto_seal(&sealed, seal_key, claim->associated, (struct slice){bytes.data, bytes.len});
    sql_init(&sql, call->arena);
    sql_puts(&sql, "INSERT INTO core.idempotency (organization_id, caller, key, request_sha256,"
                   " status, answer) VALUES ($1::bigint, $2, $3, $4, $5::integer, $6)"
                   " ON CONFLICT ON CONSTRAINT idempotency_pkey DO UPDATE SET request_sha256 ="
                   " excluded.request_sha256, status = excluded.status, answer = excluded.answer,"
                   " created_at = excluded.created_at");
    (void)sql_bind(&sql, claim->organization);
    (void)sql_bind(&sql, claim->caller);
    (void)sql_bind(&sql, claim->key);
    (void)sql_bind(&sql, claim->request_sha256);
    (void)sql_bind_int(&sql, err_status(job->reply.err));
    (void)sql_bind(&sql, sealed.data);
    /* The op may have gone on as somebody else: a new user, another organization of hers. */
    const struct caller *who = &job->request->who;
    pg_become(call->pg, &(struct pg_who){who->organization_id, who->user_id, who->org_zone,
                                         who->zone, call_left_ms(call)});
    pg_identify_again(call->pg);
    return call_run(call, &sql, &rows);
}

/* The write itself, behind a savepoint: when it fails, its answer is all that is kept. */
static enum err run_and_keep(struct job *job, const struct claim *claim)
{
    struct call *call = &job->call;
    pg_savepoint(call->pg);
    enum err err = job_run(job);
    job->reply.err = err;
    if (call->again || !idempotency_keeps(&job->reply))
        return err;
    if (err != ERR_OK) {
        job->reply.json = (struct slice){"", 0};
        if (!pg_rollback_to(call->pg))
            return call_fail(call, ERR_UNAVAILABLE, NULL);
    }
    enum err kept = keep(job, claim);
    return kept == ERR_OK ? err : kept;
}

enum err idempotency_run(struct job *job)
{
    struct call *call = &job->call;
    struct pg_item items[2];
    struct claim claim;
    if (!is_fit(idempotency_key(job->request)))
        return call_fail(call, ERR_INVALID,
                         "The Idempotency-Key must be at most %d visible ASCII characters.",
                         KEY_MAX);
    make_claim(call, &claim);
    enum err err = look(job, &claim, items);
    if (err != ERR_OK)
        return err;
    if (!pg_true(items[0].result, 0, 0)) {
        job->reply.retry_after_s = 1;
        return call_fail(call, ERR_BUSY, "A request with this Idempotency-Key is still running.");
    }
    if (pg_rows(items[1].result) == 0)
        return run_and_keep(job, &claim);
    if (strcmp(pg_text(items[1].result, 0, 0), claim.request_sha256) != 0) {
        job->reply.status = err_status(ERR_INVALID); /* 422 in every dialect: interface.md */
        return call_fail(call, ERR_INVALID, "This Idempotency-Key was used for another request.");
    }
    return replay(job, &claim, pg_text(items[1].result, 0, 1));
}
