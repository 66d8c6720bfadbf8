#include "services/sync/secrets.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/crypto.h"
#include "common/json.h"
#include "common/log.h"
#include "proto/identity.h"
#include "services/core/service.h"

enum { KEYS = 2, EARLY_MS = 60000, TOKEN_MS = 10000, LOCK_MS = 30000 };

static struct {
    uint8_t bytes[32];
    char id[17];
} keys[KEYS];
static size_t keys_n;

static void add_key(const char *master)
{
    char hex[65];
    if (master == NULL || master[0] == '\0' || keys_n == KEYS)
        return;
    crypto_derive(master, KEY_SEAL, keys[keys_n].bytes);
    crypto_sha256_hex(keys[keys_n].bytes, sizeof keys[keys_n].bytes, hex);
    memcpy(keys[keys_n].id, hex, 16);
    keys_n++;
}

void secrets_open(void)
{
    keys_n = 0;
    add_key(service_settings.secret_key);
    add_key(sync_settings.previous_key);
}

const char *secrets_key_id(void) { return keys[0].id; }

static const char *bound_to(struct arena *arena, int64_t organization, const char *provider,
                            const char *account)
{
    return arena_printf(arena, "sync.integrations|%" PRId64 "|%s|%s", organization, provider,
                        account);
}

const char *secrets_seal(struct arena *arena, int64_t organization, const char *provider,
                         const char *account, const struct tokens *tokens)
{
    struct buf plain, sealed;
    buf_init(&plain, arena);
    buf_init(&sealed, arena);
    mp_put_array(&plain, 2);
    mp_put_text(&plain, tokens->access);
    mp_put_text(&plain, tokens->refresh);
    crypto_seal(&sealed, keys[0].bytes, bound_to(arena, organization, provider, account),
                (struct slice){plain.data, plain.len});
    return sealed.data;
}

bool secrets_open_tokens(struct arena *arena, int64_t organization, const char *provider,
                         const char *account, const char *sealed, struct tokens *tokens)
{
    const char *bound = bound_to(arena, organization, provider, account);
    struct slice plain;
    const msgpack_object *pair;
    for (size_t i = 0; sealed != NULL && i < keys_n; i++) {
        if (!crypto_unseal(arena, keys[i].bytes, bound, sealed, &plain))
            continue;
        if (mp_read(arena, plain, &pair) != ERR_OK || pair->type != MSGPACK_OBJECT_ARRAY ||
            pair->via.array.size != 2)
            return false;
        tokens->access = mp_text(arena, &pair->via.array.ptr[0]);
        tokens->refresh = mp_text(arena, &pair->via.array.ptr[1]);
        return tokens->access != NULL;
    }
    return false;
}

bool secrets_read_answer(struct arena *arena, const msgpack_object *answer, struct tokens *tokens,
                         const char **scope)
{
    int64_t seconds;
    const char *access = mp_text(arena, mp_find(answer, "access_token"));
    const char *refresh = mp_text(arena, mp_find(answer, "refresh_token"));
    if (access == NULL || access[0] == '\0')
        return false;
    tokens->access = access;
    if (refresh != NULL && refresh[0] != '\0')
        tokens->refresh = refresh;
    bool ends = mp_int(mp_find(answer, "expires_in"), &seconds) && seconds > 0;
    tokens->expires_ms = ends ? clock_unix_ms() + seconds * 1000 : 0;
    *scope = mp_text(arena, mp_find(answer, "scope"));
    return true;
}

/* ---- renewing ---- */

static enum err run(struct task *task, struct sql *sql, struct pg_result **rows)
{
    struct pg_fault fault = {0};
    enum err err = pg_run(task->pg, task->arena, sql, rows, &fault);
    if (err != ERR_OK)
        log_event(LOG_WARN, "sync_sql_failed", NULL, "sqlstate", fault.sqlstate, "message",
                  fault.message, NULL);
    return err;
}

static bool stop(struct task *task, enum outcome outcome, const char *error)
{
    task->result = (struct result){.outcome = outcome, .error = error};
    return false;
}

/* Reads the row behind the lock; false with the result set. */
static bool read_row(struct task *task)
{
    struct sql sql;
    struct pg_result *rows;
    sql_init(&sql, task->arena);
    int id = sql_bind_int(&sql, task->integration_id);
    sql_printf(
        &sql, "SELECT pg_advisory_xact_lock(hashtextextended('sync.integrations:' || $%d, 0))", id);
    if (run(task, &sql, &rows) != ERR_OK)
        return stop(task, OUTCOME_SNOOZE, NULL);
    sql_init(&sql, task->arena);
    id = sql_bind_int(&sql, task->integration_id);
    sql_printf(&sql,
               "SELECT account, sealed, (extract(epoch FROM expires_at) * 1000)::bigint, facts,"
               " coalesce((extract(epoch FROM now() - facts_at) * 1000)::bigint, -1)"
               " FROM sync.integrations WHERE organization_id = core.org() AND id = $%d::bigint"
               " AND deleted_at IS NULL AND is_active AND sealed IS NOT NULL"
               " AND EXISTS (SELECT FROM accounts.organization_card)",
               id);
    if (run(task, &sql, &rows) != ERR_OK)
        return stop(task, OUTCOME_SNOOZE, NULL);
    if (pg_rows(rows) == 0)
        return stop(task, OUTCOME_DONE, NULL); /* disconnected, or its organization is no more */
    task->account = pg_text(rows, 0, 0);
    task->sealed = pg_text(rows, 0, 1);
    task->facts = pg_text(rows, 0, 3);
    task->facts_age_ms = pg_int(rows, 0, 4);
    task->tokens.expires_ms = pg_int(rows, 0, 2);
    if (secrets_open_tokens(task->arena, task->organization_id, task->provider->key, task->account,
                            task->sealed, &task->tokens))
        return true;
    return stop(task, OUTCOME_RECONNECT, "The stored connection cannot be read. Connect it again.");
}

/* What somebody connected with meanwhile stays: it is newer than what was renewed. */
static bool keep(struct task *task)
{
    struct sql sql;
    struct pg_result *rows;
    sql_init(&sql, task->arena);
    const char *now = secrets_seal(task->arena, task->organization_id, task->provider->key,
                                   task->account, &task->tokens);
    int sealed = sql_bind(&sql, now), key = sql_bind(&sql, secrets_key_id());
    int before = sql_bind(&sql, task->sealed);
    int ends = task->tokens.expires_ms == 0 ? sql_bind(&sql, NULL)
                                            : sql_bind_int(&sql, task->tokens.expires_ms);
    sql_printf(&sql,
               "UPDATE sync.integrations SET sealed = $%d::text, key_id = $%d::text, expires_at ="
               " to_timestamp($%d::bigint / 1000.0), updated_at = now()"
               " WHERE organization_id = core.org() AND id = $%d::bigint AND sealed = $%d::text"
               " RETURNING 1",
               sealed, key, ends, sql_bind_int(&sql, task->integration_id), before);
    if (run(task, &sql, &rows) != ERR_OK || pg_rows(rows) == 0)
        return false;
    task->sealed = now;
    return true;
}

void secrets_ask_renewal(struct http *http, struct arena *arena, const struct provider *provider,
                         const char *refresh, struct http_reply *reply, int64_t timeout_ms)
{
    const struct endpoint *e = provider_endpoint(provider);
    struct buf form;
    buf_init(&form, arena);
    http_form(&form, "grant_type", "refresh_token");
    http_form(&form, "refresh_token", refresh);
    http_form(&form, "client_id", e->client_id);
    http_form(&form, "client_secret", e->client_secret);
    http_send(http, arena,
              &(struct http_request){.method = "POST",
                                     .url = e->token_url,
                                     .body = form.data,
                                     .type = "application/x-www-form-urlencoded",
                                     .timeout_ms = timeout_ms},
              reply);
}

static bool renew(struct task *task)
{
    struct http_reply reply;
    const char *scope;
    int64_t left_ms = (task->deadline_us - clock_mono_us()) / 1000 - 1000;
    if (left_ms < 500)
        return stop(task, OUTCOME_SNOOZE, NULL); /* the lease would end under way */
    if (task->tokens.refresh == NULL)
        return stop(task, OUTCOME_RECONNECT, "The connection has ended. Connect it again.");
    secrets_ask_renewal(task->http, task->arena, task->provider, task->tokens.refresh, &reply,
                        left_ms < TOKEN_MS ? left_ms : TOKEN_MS);
    if (reply.fate != HTTP_ANSWERED || reply.status >= 500 || reply.status == 429) {
        stop(task, reply.status == 429 ? OUTCOME_SNOOZE : OUTCOME_RETRY,
             "The provider could not renew the connection; it is tried again.");
        task->result.wait_ms = reply.wait_ms;
        return false;
    }
    if (reply.status == 200 &&
        secrets_read_answer(task->arena, reply.object, &task->tokens, &scope))
        return keep(task) || stop(task, OUTCOME_SNOOZE, NULL);
    if (mp_same(mp_find(reply.object, "error"), "invalid_grant"))
        return stop(task, OUTCOME_RECONNECT,
                    "The access was revoked or has ended. Connect the account again.");
    if (mp_same(mp_find(reply.object, "error"), "invalid_client"))
        return stop(task, OUTCOME_RECONNECT,
                    "The provider does not know this application any more.");
    return stop(task, OUTCOME_RETRY, "The provider refused to renew the connection.");
}

bool secrets_ready(struct task *task, const char *rejected)
{
    struct pg_fault fault = {0};
    if (pg_begin(task->pg, task->organization_id, 0, LOCK_MS) != ERR_OK)
        return stop(task, OUTCOME_SNOOZE, NULL);
    bool good = read_row(task);
    if (good) {
        bool same = rejected != NULL && strcmp(rejected, task->tokens.access) == 0;
        bool ends =
            task->tokens.expires_ms != 0 && task->tokens.expires_ms < clock_unix_ms() + EARLY_MS;
        if (same || ends)
            good = renew(task);
    }
    /* The tokens live in the arena; only the end of the transaction is left. */
    if (good && pg_commit(task->pg, &fault) != ERR_OK)
        return stop(task, OUTCOME_SNOOZE, NULL);
    if (!good)
        pg_rollback(task->pg);
    return good;
}

/* ---- rotation ---- */

static bool ask(struct pg *pg, struct arena *arena, struct sql *sql, struct pg_result **rows)
{
    struct pg_fault fault = {0};
    if (pg_run(pg, arena, sql, rows, &fault) == ERR_OK)
        return true;
    fprintf(stderr, "bureau-sync: %s\n", fault.message == NULL ? "no database" : fault.message);
    return false;
}

/* Counts what was sealed anew and what no key opens. */
static bool rotate_row(struct pg *pg, struct arena *arena, int64_t organization,
                       const struct pg_result *from, int row, int64_t counts[2])
{
    struct tokens tokens = {0};
    struct sql sql;
    struct pg_result *rows;
    const char *provider = pg_text(from, row, 1), *account = pg_text(from, row, 2);
    if (!secrets_open_tokens(arena, organization, provider, account, pg_text(from, row, 3),
                             &tokens)) {
        counts[1]++;
        return true;
    }
    sql_init(&sql, arena);
    int sealed = sql_bind(&sql, secrets_seal(arena, organization, provider, account, &tokens));
    int key = sql_bind(&sql, secrets_key_id());
    sql_printf(&sql,
               "UPDATE sync.%s SET sealed = $%d::text, key_id = $%d::text"
               " WHERE organization_id = core.org() AND id = $%d::bigint",
               strcmp(provider, SECRETS_WEBHOOK) == 0 ? "webhooks" : "integrations", sealed, key,
               sql_bind(&sql, pg_text(from, row, 0)));
    counts[0]++;
    return ask(pg, arena, &sql, &rows);
}

/* What is renewed just now is stored before it is sealed anew. */
static bool await_renewals(struct pg *pg, struct arena *arena)
{
    struct sql sql;
    struct pg_result *rows;
    sql_init(&sql, arena);
    sql_printf(&sql,
               "SELECT pg_advisory_xact_lock(hashtextextended('sync.integrations:' || id, 0)) FROM"
               " (SELECT id FROM sync.integrations WHERE organization_id = core.org() AND sealed IS"
               " NOT NULL AND key_id <> $%d::text ORDER BY id) i",
               sql_bind(&sql, secrets_key_id()));
    return ask(pg, arena, &sql, &rows);
}

static bool rotate_organization(struct pg *pg, struct arena *arena, int64_t organization,
                                int64_t counts[2])
{
    struct sql sql;
    struct pg_result *rows;
    struct pg_fault fault = {0};
    sql_init(&sql, arena);
    int key = sql_bind(&sql, secrets_key_id());
    sql_printf(&sql,
               "WITH i AS (SELECT id, provider, account, sealed FROM sync.integrations"
               " WHERE organization_id = core.org() AND sealed IS NOT NULL AND key_id <> $%d::text"
               " ORDER BY id FOR UPDATE), w AS (SELECT id, '" SECRETS_WEBHOOK "', seal_name, sealed"
               " FROM sync.webhooks WHERE organization_id = core.org() AND key_id <> $%d::text"
               " ORDER BY id FOR UPDATE) SELECT * FROM i UNION ALL SELECT * FROM w",
               key, key);
    bool good = pg_begin(pg, organization, 0, LOCK_MS) == ERR_OK && await_renewals(pg, arena) &&
                ask(pg, arena, &sql, &rows);
    for (int row = 0; good && row < pg_rows(rows); row++)
        good = rotate_row(pg, arena, organization, rows, row, counts);
    if (good && pg_commit(pg, &fault) == ERR_OK)
        return true;
    pg_rollback(pg);
    return false;
}

int secrets_rotate_main(struct pg *pg)
{
    struct arena *arena = arena_new(1 << 16);
    struct sql sql;
    struct pg_result *rows = NULL;
    int64_t counts[2] = {0, 0};
    sql_init(&sql, arena);
    sql_puts(&sql, "SELECT organization_id FROM sync.lanes UNION"
                   " SELECT organization_id FROM sync.webhooks ORDER BY 1");
    bool good = pg_begin(pg, 0, 0, LOCK_MS) == ERR_OK && ask(pg, arena, &sql, &rows);
    pg_rollback(pg);
    for (int row = 0; good && row < pg_rows(rows); row++)
        good = rotate_organization(pg, arena, pg_int(rows, row, 0), counts);
    printf("%" PRId64 " connections sealed with key %s, %" PRId64 " that no key opens\n", counts[0],
           secrets_key_id(), counts[1]);
    arena_destroy(arena);
    return good && counts[1] == 0 ? 0 : 1;
}
