#include "services/sync/deliver.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/crypto.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/utf8.h"
#include "services/sync/secrets.h"

enum { SQL_MS = 10000, HOUR_MS = 3600000, LEAST_MS = 2000, WORDS_MAX = 200 };

bool deliver_stop(struct task *task, enum outcome outcome, const char *format, ...)
{
    task->result = (struct result){.outcome = outcome};
    if (format != NULL) {
        char text[512];
        va_list args;
        va_start(args, format);
        vsnprintf(text, sizeof text, format, args);
        va_end(args);
        task->result.error = arena_strdup(task->arena, text);
    }
    return false;
}

int64_t deliver_backoff_ms(int64_t n)
{
    uint32_t random;
    crypto_random(&random, sizeof random);
    int64_t most = sync_settings.retry_ms << (n > 20 ? 20 : n < 0 ? 0 : n);
    if (most > HOUR_MS)
        most = HOUR_MS;
    return most / 10 + random % (uint32_t)(most - most / 10 + 1);
}

bool deliver_wait(struct task *task, int64_t wait_ms, const char *error)
{
    int64_t pause = wait_ms > 0 ? wait_ms : deliver_backoff_ms(task->failures) + 1000;
    task->result = (struct result){
        .outcome = OUTCOME_SNOOZE, .wait_ms = pause, .pause_ms = pause, .error = error};
    return false;
}

/* ---- the database ---- */

bool deliver_sql(struct task *task, struct sql *sql, struct pg_result **rows)
{
    struct pg_fault fault = {0};
    if (pg_begin(task->pg, task->organization_id, 0, SQL_MS) == ERR_OK &&
        pg_run(task->pg, task->arena, sql, rows, &fault) == ERR_OK &&
        pg_commit(task->pg, &fault) == ERR_OK)
        return true;
    log_event(LOG_WARN, "sync_sql_failed", NULL, "sqlstate", fault.sqlstate, "message",
              fault.message, NULL);
    pg_rollback(task->pg);
    return deliver_stop(task, OUTCOME_RETRY, "The database could not be reached.");
}

bool deliver_load(struct task *task, struct block *block)
{
    struct sql sql;
    struct pg_result *r;
    sql_init(&sql, task->arena);
    int integration = sql_bind_int(&sql, task->integration_id);
    sql_printf(&sql, "SELECT * FROM sync.load($%d::bigint, $%d::bigint)", integration,
               sql_bind_int(&sql, task->record_id));
    if (!deliver_sql(task, &sql, &r))
        return false;
    if (pg_rows(r) == 0)
        return deliver_stop(task, OUTCOME_DONE, NULL);
    const char **const texts[] = {NULL,
                                  &block->place_wanted,
                                  &block->uuid,
                                  &block->title,
                                  &block->description,
                                  &block->starts,
                                  &block->ends,
                                  &block->zone,
                                  NULL,
                                  &block->client,
                                  &block->project,
                                  &block->contact_id,
                                  &block->project_id,
                                  &block->email,
                                  &block->floor_start,
                                  &block->floor_end,
                                  &block->day_from,
                                  &block->day_to,
                                  &block->external_id,
                                  NULL,
                                  &block->place,
                                  NULL,
                                  &block->etag,
                                  &block->sent};
    *block = (struct block){.wanted = pg_true(r, 0, 0),
                            .billable = pg_true(r, 0, 8),
                            .is_there = pg_true(r, 0, 19),
                            .generation = pg_int(r, 0, 21),
                            .attempted = pg_true(r, 0, 24),
                            .is_frozen = pg_true(r, 0, 25)};
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        if (texts[i] != NULL)
            *texts[i] = pg_text(r, 0, (int)i);
    return true;
}

bool deliver_keep(struct task *task, const struct block *b, const char *status, bool attempting)
{
    struct sql sql;
    struct pg_result *rows;
    sql_init(&sql, task->arena);
    int words = sql_bind(&sql, status), id = sql_bind(&sql, b->external_id);
    int there = sql_bind(&sql, b->is_there ? "true" : "false"), place = sql_bind(&sql, b->place);
    int generation = sql_bind_int(&sql, b->generation), etag = sql_bind(&sql, b->etag);
    int sent = sql_bind(&sql, b->sent), trying = sql_bind(&sql, attempting ? "true" : "false");
    int frozen = sql_bind(&sql, b->is_frozen ? "true" : "false");
    sql_printf(&sql,
               "UPDATE sync.links SET status = $%d::text, error = NULL, external_id = $%d::text,"
               " is_there = $%d::boolean, place = $%d::text, generation = $%d::integer,"
               " etag = $%d::text, sent = $%d::jsonb, attempt_at = CASE WHEN $%d::boolean THEN"
               " clock_timestamp() END, is_frozen = $%d::boolean, updated_at = clock_timestamp(),",
               words, id, there, place, generation, etag, sent, trying, frozen);
    int integration = sql_bind_int(&sql, task->integration_id);
    int claim = sql_bind_int(&sql, task->claim);
    sql_printf(&sql,
               " synced_at = CASE WHEN $%d::text = 'synced' THEN clock_timestamp() ELSE synced_at"
               " END WHERE organization_id = core.org() AND integration_id = $%d::bigint AND"
               " record_id = $%d::bigint AND EXISTS (SELECT FROM sync.lanes n WHERE"
               " n.organization_id = core.org() AND n.integration_id = $%d::bigint AND n.claim ="
               " $%d::bigint) RETURNING 1",
               words, integration, sql_bind_int(&sql, task->record_id), integration, claim);
    if (!deliver_sql(task, &sql, &rows))
        return false;
    return pg_rows(rows) > 0 || deliver_stop(task, OUTCOME_SNOOZE, NULL);
}

/* ---- requests ---- */

static int64_t left_ms(const struct task *task)
{
    return (task->deadline_us - clock_mono_us()) / 1000;
}

/* One request of the budget all accounts of an address share; a part is kept for urgent work. */
static bool pay(struct task *task)
{
    const struct provider *p = task->provider;
    if (p->budget == 0)
        return true;
    struct sql sql;
    struct pg_result *rows;
    int64_t total = sync_settings.moneybird_budget;
    sql_init(&sql, task->arena);
    int name = sql_bind(&sql, arena_printf(task->arena, "%s@%s", p->key, sync_settings.address));
    /* A burst of a fifth, the rest evenly but a little for connecting: never more than the total in
       any window. */
    int burst = sql_bind_int(&sql, total / 5);
    int evenly = sql_bind_int(&sql, total - total / 5 - total / 15),
        window = sql_bind_int(&sql, p->budget_s);
    sql_printf(&sql,
               "SELECT sync.take($%d::text, $%d::numeric, $%d::numeric / $%d::numeric,"
               " $%d::numeric)",
               name, burst, evenly, window,
               sql_bind_int(&sql, task->priority == 0 ? 0 : total / 20));
    if (!deliver_sql(task, &sql, &rows))
        return false;
    int64_t wait = pg_int(rows, 0, 0);
    if (wait == 0)
        return true;
    task->result = (struct result){.outcome = OUTCOME_SNOOZE, .wait_ms = wait};
    return false;
}

static bool throttled(struct task *task, const struct http_reply *reply)
{
    static const char words[] = "The provider asked us to wait.";
    const struct provider *p = task->provider;
    if (p->budget == 0)
        return deliver_wait(task, reply->wait_ms, words);
    struct sql sql;
    struct pg_result *rows;
    int64_t wait = reply->wait_ms > 0 ? reply->wait_ms : 60000;
    if (wait > p->budget_s * 3000)
        wait = p->budget_s * 3000;
    sql_init(&sql, task->arena);
    int name = sql_bind(&sql, arena_printf(task->arena, "%s@%s", p->key, sync_settings.address));
    sql_printf(&sql, "SELECT sync.close_budget($%d::text, $%d::bigint)", name,
               sql_bind_int(&sql, wait));
    if (!deliver_sql(task, &sql, &rows))
        return false;
    return deliver_wait(task, wait, words);
}

static bool send_once(struct task *task, const struct ask *ask, struct http_reply *reply)
{
    int64_t left = left_ms(task);
    if (left < LEAST_MS)
        return deliver_stop(task, OUTCOME_SNOOZE, NULL); /* the lease would end under way */
    if (!pay(task))
        return false;
    int64_t start = clock_mono_us();
    http_send(task->http, task->arena,
              &(struct http_request){.method = ask->method,
                                     .url = ask->url,
                                     .bearer = task->tokens.access,
                                     .body = ask->json,
                                     .type = "application/json",
                                     .extra = ask->extra,
                                     .timeout_ms = left - 1000 < HTTP_MS ? left - 1000 : HTTP_MS},
              reply);
    metrics_observe_us("bureau_provider_seconds", "Requests to providers.",
                       arena_printf(task->arena, "provider=\"%s\"", task->provider->key),
                       clock_mono_us() - start);
    if (reply->fate == HTTP_NOT_SENT)
        return deliver_stop(task, OUTCOME_RETRY, "%s could not be reached: %s",
                            task->provider->name, reply->reason);
    if (reply->fate == HTTP_DOUBTFUL)
        return deliver_stop(task, OUTCOME_RETRY, "The answer of %s was lost: %s",
                            task->provider->name, reply->reason);
    return true;
}

bool deliver_ask(struct task *task, const struct ask *ask, struct http_reply *reply)
{
    if (!send_once(task, ask, reply))
        return false;
    if (reply->status == 401 && !task->provider->judge(task, reply))
        return false;
    if (reply->status == 401 && !task->refreshed) {
        task->refreshed = true;
        if (!secrets_ready(task, task->tokens.access) || !send_once(task, ask, reply))
            return false;
    }
    if (reply->status == 401)
        return deliver_stop(task, OUTCOME_RECONNECT,
                            "%s refuses the access. Connect the account again.",
                            task->provider->name);
    /* An address that is shared by all is told to wait for all. */
    bool shared = task->provider->budget > 0 && reply->status == 503 && reply->wait_ms > 0;
    if (reply->status == 429 || shared)
        return throttled(task, reply);
    if (reply->status >= 500 || reply->status < 200 || reply->status == 408 ||
        (reply->status >= 300 && reply->status < 400)) {
        deliver_stop(task, OUTCOME_RETRY, "%s answered with status %d.", task->provider->name,
                     reply->status);
        task->result.wait_ms = reply->wait_ms;
        task->result.pause_ms = reply->wait_ms;
        return false;
    }
    return task->provider->judge(task, reply);
}

const char *deliver_words(struct arena *arena, const msgpack_object *text)
{
    const char *words = mp_text(arena, text);
    size_t len = 0;
    if (words == NULL)
        return "";
    char *shown = arena_strdup(arena, words);
    for (size_t all = strlen(shown); shown[len] != '\0' && len < WORDS_MAX;) {
        size_t n = utf8_len((const unsigned char *)shown + len, all - len);
        if (n == 0)
            break;
        if ((unsigned char)shown[len] < ' ')
            shown[len] = ' ';
        len += n;
    }
    shown[len] = '\0';
    return shown;
}
