#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/metrics.h"
#include "gateway/config.h"
#include "gateway/docs.h"
#include "gateway/people.h"
#include "gateway/scrape.h"
#include "gateway/upstream.h"
#include "proto/openapi.h"

enum { PING_MS = 1000, READY_MS = 2500 }; /* one service; all together */

static _Atomic bool draining;

void health_draining(void) { atomic_store(&draining, true); }

static void answer(struct exchange *x, const struct buf *text, const char *type)
{
    x->reply.json = (struct slice){text->data, text->len};
    x->reply.type = type;
}

static void answer_alive(struct exchange *x, struct buf *out)
{
    buf_printf(out, "{\"status\":\"ok\",\"version\":\"%s\"}", BUREAU_VERSION);
    answer(x, out, NULL);
}

static struct request ping(const struct exchange *x, const char *op)
{
    return (struct request){.id = x->id,
                            .trace = x->trace,
                            .op = op,
                            .resource = "",
                            .who = {.abilities = "", .zone = "", .org_zone = "", .language = ""},
                            .address = x->address,
                            .path = x->path};
}

static bool service_is_ready(struct exchange *x, struct buf *out, const char *service)
{
    struct request request = ping(x, "ping");
    struct reply *reply = NULL;
    int64_t left = READY_MS - (clock_mono_us() - x->started_us) / 1000;
    int64_t wait = left < 1 ? 1 : left < PING_MS ? left : PING_MS;
    enum err err = upstream_ask(x->arena, service, &request, wait, &reply);
    const char *reason = err == ERR_OK                             ? NULL
                         : reply != NULL && reply->message != NULL ? reply->message
                                                                   : err_meaning(err);
    buf_printf(out, ",\"%s\":{\"ready\":%s", service, err == ERR_OK ? "true" : "false");
    if (reason != NULL) {
        buf_puts(out, ",\"reason\":");
        buf_puts_json(out, reason);
    }
    buf_putc(out, '}');
    return err == ERR_OK;
}

static void answer_ready(struct exchange *x, struct buf *out)
{
    struct buf parts;
    bool leaving = atomic_load(&draining), redis = redis_alive();
    buf_init(&parts, x->arena);
    bool ready = !leaving && redis;
    for (size_t i = 0; i < SERVICES; i++)
        ready = service_is_ready(x, &parts, upstream_services[i]) && ready;
    buf_printf(out, "{\"ready\":%s,\"parts\":{\"gateway\":{\"ready\":%s%s}",
               ready ? "true" : "false", leaving ? "false" : "true",
               leaving ? ",\"reason\":\"it is stopping\"" : "");
    buf_printf(out, ",\"redis\":{\"ready\":%s", redis ? "true" : "false");
    if (!redis) {
        buf_puts(out, ",\"reason\":");
        buf_puts_json(out, redis_reason(x->arena));
    }
    buf_printf(out, "}%s}}", parts.data);
    answer(x, out, NULL);
    x->reply.status = ready ? 200 : 503;
}

/* A proxy that is not trusted hides who asks: what it passes on is not its own question. */
static bool may_read_metrics(const struct exchange *x)
{
    bool passed_on =
        exchange_header(x, "X-Forwarded-For") != NULL || exchange_header(x, "Forwarded") != NULL;
    return address_is_in(&config.metrics_readers, x->address) &&
           (!passed_on || address_is_in(&config.trusted, x->http->address));
}

static void answer_metrics(struct exchange *x, struct buf *out)
{
    if (!may_read_metrics(x)) {
        exchange_fail(x, ERR_FORBIDDEN, NULL);
        return;
    }
    connections_metrics();
    upstream_metrics();
    metrics_print(out);
    scrape_services(x, out);
    answer(x, out, "text/plain; version=0.0.4");
}

/* The document never changes while the process lives: written once, kept for good. */
static void answer_openapi(struct exchange *x, struct buf *out)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static struct arena *kept;
    static struct buf text;
    (void)out;
    pthread_mutex_lock(&lock);
    if (kept == NULL) {
        kept = arena_new(65536);
        buf_init(&text, kept);
        openapi_write(&text, NULL);
    }
    pthread_mutex_unlock(&lock);
    answer(x, &text, NULL);
    x->counted = true;
}

static const struct {
    const char *path;
    void (*answer)(struct exchange *x, struct buf *out);
} pages[] = {
    {"/healthz", answer_alive},
    {"/readyz", answer_ready},
    {"/metrics", answer_metrics},
    {"/api/openapi.json", answer_openapi},
};

static void (*page_of(const char *path))(struct exchange *x, struct buf *out)
{
    static const char *const docs[] = {DOCS_PATHS}, *const people[] = {PEOPLE_PATHS};
    for (size_t i = 0; i < COUNT_OF(pages); i++)
        if (strcmp(pages[i].path, path) == 0)
            return pages[i].answer;
    for (size_t i = 0; i < COUNT_OF(docs); i++)
        if (strcmp(docs[i], path) == 0)
            return docs_answer;
    for (size_t i = 0; i < COUNT_OF(people); i++)
        if (strcmp(people[i], path) == 0)
            return people_answer;
    return NULL;
}

bool health_has(const char *path) { return page_of(path) != NULL; }

bool health_answers(struct exchange *x)
{
    struct buf out;
    void (*page)(struct exchange *, struct buf *) = page_of(x->path);
    bool reads = strcmp(x->verb, "GET") == 0 || strcmp(x->verb, "HEAD") == 0;
    if (page == NULL || (!reads && route_verbs((struct slice){x->path, strlen(x->path)}) != NULL))
        return false;
    x->local = true;
    if (config.limit_guest > 0) /* what is not counted leaves the whole limit */
        x->limit = (struct limit){.most = config.limit_guest,
                                  .left = config.limit_guest,
                                  .reset_s = clock_unix_ms() / 1000 + LIMIT_WINDOW_MS / 1000};
    buf_init(&out, x->arena);
    if (!reads) {
        x->allow = "GET, HEAD";
        exchange_fail(x, ERR_METHOD, NULL);
    } else {
        page(x, &out);
    }
    return true;
}
