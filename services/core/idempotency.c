#include "services/core/idempotency.h"

#include <inttypes.h>
#include <string.h>

#include "common/crypto.h"
#include "common/log.h"

enum { KEY_MAX = 255 };

static uint8_t seal_key[32], request_key[32];

/* Whose key, which key, for what. */
struct claim {
    const char *organization, *caller, *key;
    const char *associated; /* all three: binds the sealed answer to its row */
    char request[44];       /* keyed hash of the request: its body may hold a password */
    int64_t lock;
};

void idempotency_open(const char *secret_key)
{
    crypto_derive(secret_key, "idempotency", seal_key);
    crypto_derive(secret_key, "idempotency request", request_key);
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
static void hash_request(struct arena *arena, const struct request *request, char out[44])
{
    uint8_t hash[CRYPTO_SHA256];
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
    crypto_hmac_sha256((struct slice){(const char *)request_key, sizeof request_key},
                       (struct slice){buf.data, buf.len}, hash);
    crypto_base64url_of_32(hash, out);
}

static void make_claim(struct call *call, struct claim *claim)
{
    const struct request *request = call->request;
    const struct caller *who = &request->who;
    int64_t user = call->proven != 0 ? call->proven : who->user_id;
    uint8_t hash[CRYPTO_SHA256];
    claim->key = idempotency_key(request);
    claim->organization = arena_printf(call->arena, "%" PRId64, who->organization_id);
    claim->caller = user != 0 ? arena_printf(call->arena, "user:%" PRId64, user)
                              : arena_printf(call->arena, "address:%s",
                                             request->address == NULL ? "" : request->address);
    claim->associated =
        arena_printf(call->arena, "%s|%s|%s", claim->organization, claim->caller, claim->key);
    hash_request(call->arena, request, claim->request);
    crypto_sha256(claim->associated, strlen(claim->associated), hash);
    memcpy(&claim->lock, hash, sizeof claim->lock);
}

static void lock_sql(struct call *call, const struct claim *claim, struct sql *sql)
{
    sql_init(sql, call->arena);
    sql_puts(sql, "SELECT pg_try_advisory_xact_lock($1::bigint)");
    (void)sql_bind_int(sql, claim->lock);
}

static enum err still_running(struct job *job)
{
    job->reply.retry_after_s = 1;
    return call_fail(&job->call, ERR_BUSY, "A request with this Idempotency-Key is still running.");
}

/* Lock and look in one round trip; the second statement sees what was committed before the lock. */
static enum err look(struct job *job, const struct claim *claim, struct pg_item items[2])
{
    struct call *call = &job->call;
    struct sql lock, kept;
    lock_sql(call, claim, &lock);
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

/* The kept answer may be known to this server alone: by changing its row, our COMMIT waits for the
   standbys, too. */
static enum err touch(struct call *call, const struct claim *claim)
{
    struct sql sql;
    struct pg_result *rows;
    sql_init(&sql, call->arena);
    sql_puts(&sql, "UPDATE core.idempotency SET status = status WHERE organization_id = $1::bigint"
                   " AND caller = $2 AND key = $3");
    (void)sql_bind(&sql, claim->organization);
    (void)sql_bind(&sql, claim->caller);
    (void)sql_bind(&sql, claim->key);
    return call_run(call, &sql, &rows);
}

static enum err replay(struct job *job, const struct claim *claim, const char *sealed)
{
    struct call *call = &job->call;
    struct slice plain;
    struct buf bytes;
    struct reply *replies;
    size_t n = 0;
    enum err touched = touch(call, claim);
    if (touched != ERR_OK)
        return touched;
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
    job->replayed = true;
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
    (void)sql_bind(&sql, claim->request);
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

/* An op that proves who asks does so whether an answer is kept or not: else a key that somebody
   guessed would tell whether a password is right, uncounted. Proven, the keys are that user's. The
   lock before it is the guest's, so that a second request hears "still running" meanwhile. */
static enum err admit(struct job *job)
{
    struct claim guest;
    struct sql sql;
    struct pg_result *locked;
    if (job->op == NULL || job->op->admit == NULL)
        return ERR_OK;
    make_claim(&job->call, &guest);
    lock_sql(&job->call, &guest, &sql);
    enum err err = call_run(&job->call, &sql, &locked);
    if (err != ERR_OK)
        return err;
    return pg_true(locked, 0, 0) ? job_admit(job) : still_running(job);
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
    enum err err = admit(job);
    if (err != ERR_OK)
        return err;
    make_claim(call, &claim);
    err = look(job, &claim, items);
    if (err != ERR_OK)
        return err;
    if (!pg_true(items[0].result, 0, 0))
        return still_running(job);
    if (pg_rows(items[1].result) == 0)
        return run_and_keep(job, &claim);
    if (strcmp(pg_text(items[1].result, 0, 0), claim.request) != 0) {
        job->reply.status = err_status(ERR_INVALID); /* 422 in every dialect: interface.md */
        return call_fail(call, ERR_INVALID, "This Idempotency-Key was used for another request.");
    }
    return replay(job, &claim, pg_text(items[1].result, 0, 1));
}
