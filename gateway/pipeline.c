#include <civetweb.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/metrics.h"
#include "gateway/admit.h"
#include "gateway/config.h"
#include "gateway/stream.h"

static void fill_request(struct exchange *x, struct request *request)
{
    const struct route *route = x->match.route;
    *request = (struct request){.id = x->id,
                                .trace = x->trace,
                                .op = stream_is_export(x) ? "export" : route->op,
                                .resource = route->resource == NULL ? "" : route->resource->name,
                                .row = x->match.id,
                                .query = x->query,
                                .body = x->body,
                                .raw = x->raw,
                                .address = x->address,
                                .path = x->path};
    for (size_t i = 0; i < ROUTE_ARGS; i++)
        if (x->match.arg[i].data != NULL)
            request->arg[i] = arena_strndup(x->arena, x->match.arg[i].data, x->match.arg[i].len);
    request->headers[HEADER_IDEMPOTENCY_KEY] = exchange_header(x, "Idempotency-Key");
    request->headers[HEADER_IF_MATCH] = exchange_header(x, "If-Match");
    request->headers[HEADER_IF_NONE_MATCH] = exchange_header(x, "If-None-Match");
    request->headers[HEADER_ACCEPT] = exchange_header(x, "Accept");
    request->headers[HEADER_USER_AGENT] = exchange_header(x, "User-Agent");
    request->headers[HEADER_COOKIE] = exchange_header(x, "Cookie");
}

void exchange_request(struct exchange *x, struct request *request)
{
    fill_request(x, request);
    request->who = x->who;
    request->query_n = x->query_n;
}

/* The pairs of ours go last: the last of a name wins. */
static void finish_request(struct exchange *x, struct request *request)
{
    request->who = x->who;
    if (x->organization > 0)
        x->query[x->query_n++] = (struct pair){"@organization", "1"};
    if (x->known && strcmp(x->match.route->service, "accounts") == 0)
        x->query[x->query_n++] = (struct pair){"@credential", x->credential.key + 4};
    request->query_n = x->query_n;
}

/* Only whether the record can be seen. */
static void probe(struct exchange *x, struct request *request)
{
    request->op = "get";
    request->body = request->raw = (struct slice){NULL, 0};
    memset(request->headers, 0, sizeof request->headers);
    x->query_n = 0;
}

/* What the limiter and the cache said; true when the caller's identity must be asked for. */
static bool take_ask(struct exchange *x, struct redis_ask *ask)
{
    bool unknown = ask->identity != NULL && (!ask->answered || ask->missed);
    if (unknown)
        return true;
    if (!ask->answered)
        local_limit(ask);
    x->limited = true;
    x->limit = ask->limit;
    return ask->identity != NULL && !admit_identity(x, ask->text);
}

static enum err refuse_body(struct exchange *x)
{
    exchange_fail(x, x->body_err, x->body_message);
    x->reply.status = x->body_status;
    return x->err;
}

/* Runs on the lane's leading thread while this exchange's own thread waits. */
static enum err settle(struct lane_item *item)
{
    struct exchange *x = item->context;
    if (!x->limited && take_ask(x, item->ask)) {
        x->missed = true;
        return ERR_UNAUTHENTICATED;
    }
    item->ask = NULL; /* asked once only */
    if (x->limit.refused)
        return exchange_fail(x, ERR_RATE_LIMITED, NULL);
    if (x->err != ERR_OK || item->request == NULL)
        return x->err;
    enum err err = admit_caller(x);
    if (err != ERR_OK)
        return err;
    if (x->probes)
        probe(x, item->request);
    else if (x->body_err != ERR_OK)
        return refuse_body(x);
    finish_request(x, item->request);
    return ERR_OK;
}

static enum lane_class class_of(const struct exchange *x)
{
    if ((x->match.route->flags & ACTION_SLOW) != 0 || stream_is_export(x))
        return LANE_SLOW;
    return exchange_is_safe(x) ? LANE_READ : LANE_WRITE;
}

/* A call that may have reached a service is asked again only when that can do no harm. */
static bool may_repeat(const struct exchange *x, const struct lane_item *item)
{
    return item->err == ERR_UNAVAILABLE && (!item->sent || exchange_is_safe(x) ||
                                            item->request->headers[HEADER_IDEMPOTENCY_KEY] != NULL);
}

/* One pass over a lane; without a request, or a lane that leads there, only Redis is asked. */
static void pass(struct exchange *x, struct lane_item *item, struct lane *lane)
{
    struct redis_ask ask;
    if (!x->limited) {
        admit_ask(x, &ask);
        item->ask = &ask;
    }
    lane_run(lane, item);
    item->ask = NULL;
    if (!x->missed || x->resolved)
        return;
    x->resolved = true;
    if (x->err == ERR_OK && (item->request != NULL || document_is_personal(x))) {
        enum err err = admit_resolve(x);
        if (err != ERR_OK && item->request != NULL)
            exchange_fail(x, err, NULL);
    } else {
        x->credential.fault = "Token not found."; /* nothing to admit: counted by address */
    }
    if (!x->known && x->credential.fault == NULL)
        x->credential.fault = "Token not found.";
    pass(x, item, lane);
}

static void take_reply(struct exchange *x, const struct lane_item *item)
{
    struct reply *reply = NULL;
    size_t n = 0;
    if (item->err != ERR_OK) {
        bool doubtful = item->sent && !exchange_is_safe(x);
        exchange_fail(x, item->err,
                      doubtful ? "The answer was lost: whether the change was made is not known. "
                                 "Look before you try again."
                               : NULL);
        if (err_is_transient(item->err))
            x->reply.retry_after_s = 1;
    } else if (replies_read(x->arena, item->answer, &reply, &n) != ERR_OK || n != 1) {
        exchange_fail(x, ERR_INTERNAL, NULL);
    } else {
        if (x->probes && reply->err == ERR_OK) {
            exchange_fail(x, ERR_FORBIDDEN, NULL);
            return;
        }
        x->reply = *reply;
        if (reply->forget != NULL && *reply->forget != '\0')
            redis_forget(reply->forget);
    }
}

static void observe(const struct exchange *x)
{
    char labels[192];
    const char *pattern = x->match.route != NULL ? x->match.route->pattern
                          : x->local             ? x->path
                                                 : "none";
    int64_t total = clock_mono_us() - x->started_us;
    snprintf(labels, sizeof labels, "method=\"%s\",route=\"%s\",status=\"%d\"",
             x->match.route != NULL ? x->match.route->verb : "-", pattern, x->status);
    metrics_count("bureau_http_requests_total", "Answered requests.", labels, 1);
    metrics_observe_us("bureau_http_duration_seconds", "From the first stage to the last byte.", "",
                       total);
    if (x->redis_us > 0)
        metrics_observe_us("bureau_redis_duration_seconds", "Waiting for Redis.", "", x->redis_us);
    if (x->upstream_us > 0)
        metrics_observe_us("bureau_upstream_duration_seconds", "Waiting for a service.", "",
                           x->upstream_us);
    if (x->reply.sql_us > 0)
        metrics_observe_us("bureau_sql_duration_seconds", "Time in PostgreSQL.", "",
                           x->reply.sql_us);
    if (x->limit.refused)
        metrics_count("bureau_limiter_refused_total", "Requests over a limit.", "", 1);
}

static void log_access(const struct exchange *x)
{
    char number[6][24];
    const int64_t values[6] = {x->status,      clock_mono_us() - x->started_us,
                               x->redis_us,    x->upstream_us,
                               x->who.user_id, x->who.organization_id};
    if (!log_enabled(LOG_INFO))
        return;
    for (size_t i = 0; i < COUNT_OF(values); i++)
        snprintf(number[i], sizeof number[i], "%" PRId64, values[i]);
    const char *route = x->match.route != NULL ? x->match.route->pattern
                        : x->local             ? x->path
                                               : "none";
    log_event(LOG_INFO, "request", x->id, "method", x->verb, "route", route, "#status", number[0],
              "stage", x->stage, "#total_us", number[1], "#redis_us", number[2], "#upstream_us",
              number[3], "#user", number[4], "#organization", number[5], "address", x->address,
              NULL);
}

static void account(const struct exchange *x)
{
    observe(x);
    log_access(x);
}

/* On the thread of the lane's leader, while the exchange's own sleeps: the plain outcomes. */
static bool finish(struct lane_item *item)
{
    struct exchange *x = item->context;
    struct reply *reply = NULL;
    size_t n = 0;
    if (x->missed && !x->resolved)
        return false;
    if (x->err == ERR_OK) {
        bool answered = item->err == ERR_OK && item->request != NULL &&
                        replies_read(x->arena, item->answer, &reply, &n) == ERR_OK && n == 1;
        if (!answered || reply->forget != NULL)
            return false;
        x->reply = *reply;
    }
    x->redis_us = item->redis_us;
    x->upstream_us = item->upstream_us;
    struct slice answer = answer_format(x);
    size_t sent = request_send(x->http, answer);
    x->unsent = (struct slice){answer.data + sent, answer.len - sent};
    x->finished = true;
    account(x);
    return x->unsent.len == 0;
}

/* More than one question and one answer. */
static bool has_more(const struct exchange *x)
{
    return x->http->spool > 0 || stream_is_export(x) || document_is_personal(x);
}

enum err upstream_stage(struct exchange *x)
{
    struct request *request = NULL;
    struct lane *lane = upstream_redis();
    bool asks = x->err == ERR_OK && x->match.route != NULL && !x->local;
    if (asks) {
        request = arena_alloc(x->arena, sizeof *request);
        fill_request(x, request);
        lane = upstream_pick(x->match.route->service, class_of(x), NULL);
    }
    struct lane_item item = {.arena = x->arena,
                             .settle = settle,
                             .finish = finish,
                             .socket = has_more(x) ? -1 : request_socket(),
                             .context = x,
                             .request = request,
                             .deadline_us = x->deadline_us};
    bool out_of_reach = lane == NULL;
    pass(x, &item, out_of_reach ? upstream_redis() : lane);
    if (item.socket >= 0)
        request_waited();
    if (x->finished)
        return x->err;
    item.finish = NULL;
    struct lane *other = NULL;
    if (asks && x->err == ERR_OK && !out_of_reach && may_repeat(x, &item))
        other = upstream_pick(x->match.route->service, class_of(x), lane);
    if (other != NULL) {
        item.settle = NULL;
        lane_run(other, &item);
    }
    x->redis_us = item.redis_us;
    x->upstream_us = item.upstream_us;
    if (out_of_reach && item.err == ERR_OK)
        item.err = ERR_UNAVAILABLE;
    if (asks && x->err == ERR_OK)
        take_reply(x, &item);
    return x->err;
}

/* In the order they run. `always`: also for a call that failed already, which is still counted. */
static const struct {
    const char *name; /* in the access log of a request that ended here */
    enum err (*run)(struct exchange *x);
    bool always;
} stages[] = {
    {"route", route_stage, false},       {"body", body_stage, false},
    {"upstream", upstream_stage, true},  {"upload", upload_stage, false},
    {"document", document_stage, false},
};

void pipeline_run(struct exchange *x, void *connection)
{
    x->stage = "route";
    for (size_t i = 0; i < COUNT_OF(stages); i++) {
        if (x->local && !x->counted)
            break;
        if (x->err != ERR_OK && !stages[i].always)
            continue;
        if (x->err == ERR_OK)
            x->stage = stages[i].name;
        (void)stages[i].run(x);
        if (x->finished)
            break;
        if (i == 0)
            session_read(x);
    }
    if (!x->finished) {
        answer_send(x, connection);
        account(x);
    } else if (x->unsent.len > 0) {
        mg_write(connection, x->unsent.data, x->unsent.len);
    }
}
