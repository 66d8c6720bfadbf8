#include <civetweb.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "common/clock.h"
#include "common/log.h"
#include "gateway/config.h"
#include "gateway/stream.h"

static const char *reason_of(int status)
{
    static const struct {
        int status;
        const char *reason;
    } more[] = {{419, "Page Expired"}, {422, "Unprocessable Content"}, {431, "Headers Too Large"}};
    for (size_t i = 0; i < COUNT_OF(more); i++)
        if (more[i].status == status)
            return more[i].reason;
    return mg_get_response_code_text(NULL, status);
}

/* Written once a second: strftime looks at the zone's file each time. */
static void put_date(struct buf *out)
{
    static _Thread_local char line[48];
    static _Thread_local time_t written;
    time_t now = (time_t)(clock_unix_ms() / 1000);
    if (now != written) {
        struct tm parts;
        gmtime_r(&now, &parts);
        strftime(line, sizeof line, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &parts);
        written = now;
    }
    buf_puts(out, line);
}

static void put_limit(struct buf *out, const struct exchange *x)
{
    if (x->limit.most > 0)
        buf_printf(out,
                   "X-RateLimit-Limit: %" PRId64 "\r\nX-RateLimit-Remaining: %" PRId64
                   "\r\nX-RateLimit-Reset: %" PRId64 "\r\n",
                   x->limit.most, x->limit.left, x->limit.reset_s);
    int64_t retry = x->reply.retry_after_s;
    if (x->limit.refused)
        retry = x->limit.retry_s;
    else if (retry == 0 && (x->status == 503 || x->status == 504 || x->status == 429))
        retry = 1;
    if (retry > 0)
        buf_printf(out, "Retry-After: %" PRId64 "\r\n", retry);
}

/* A line break in a value would begin another header. */
static bool is_clean(const char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < 0x20 && *text != '\t')
            return false;
    return true;
}

static bool says(const struct exchange *x, const char *name)
{
    for (size_t i = 0; i < COUNT_OF(x->reply.headers) && x->reply.headers[i].name != NULL; i++)
        if (strcasecmp(x->reply.headers[i].name, name) == 0)
            return true;
    return false;
}

static void put_reply_headers(struct buf *out, const struct exchange *x)
{
    bool https = strncmp(x->base, "https:", 6) == 0; /* also when only a trusted proxy knows it */
    for (size_t i = 0; i < COUNT_OF(x->reply.headers) && x->reply.headers[i].name != NULL; i++) {
        const struct pair *h = &x->reply.headers[i];
        if (h->value == NULL || !is_clean(h->name) || !is_clean(h->value))
            continue;
        bool bare = https && strcmp(h->name, "Set-Cookie") == 0 && !strstr(h->value, "; Secure");
        buf_printf(out, "%s: %s%s\r\n", h->name, h->value, bare ? "; Secure" : "");
    }
    if (!says(x, "Cache-Control"))
        buf_puts(out, "Cache-Control: no-cache, private\r\n");
    if (x->allow != NULL)
        buf_printf(out, "Allow: %s\r\n", x->allow);
    if (x->status == 415) /* what would have been taken: RFC 9110 12.5.3 */
        buf_puts(out, "Accept-Encoding: identity\r\n");
}

static void put_timing(struct buf *out, const struct exchange *x)
{
    if (!config.server_timing && exchange_header(x, "X-Server-Timing") == NULL)
        return;
    double unit = 1000.0; /* the header speaks milliseconds */
    buf_printf(out,
               "Server-Timing: total;dur=%.3f, redis;dur=%.3f, upstream;dur=%.3f, sql;dur=%.3f\r\n",
               (double)(clock_mono_us() - x->started_us) / unit, (double)x->redis_us / unit,
               (double)x->upstream_us / unit, (double)x->reply.sql_us / unit);
}

static bool has_body(int status) { return status != 204 && status != 304; }

static void put_length(struct buf *out, const struct exchange *x, size_t bytes)
{
    if (!stream_goes_on(x))
        buf_printf(out, "Content-Length: %zu\r\n", bytes);
    else if (x->http->head->http11)
        buf_puts(out, "Transfer-Encoding: chunked\r\n");
}

static void put_head(struct buf *out, const struct exchange *x, size_t bytes)
{
    buf_printf(out, "HTTP/1.1 %d %s\r\n", x->status, reason_of(x->status));
    put_date(out);
    if (has_body(x->status)) {
        const char *type = x->reply.type != NULL ? x->reply.type : "application/json";
        buf_printf(out, "Content-Type: %s\r\n", is_clean(type) ? type : "application/octet-stream");
        put_length(out, x, bytes);
    }
    buf_printf(out, "Connection: %s\r\nX-Request-Id: %s\r\n", x->closes ? "close" : "keep-alive",
               x->id);
    if (*x->trace != '\0')
        buf_printf(out, "traceparent: %s\r\n", x->trace);
    buf_puts(out, "X-Content-Type-Options: nosniff\r\nX-Frame-Options: DENY\r\n"
                  "Referrer-Policy: no-referrer\r\n");
    put_limit(out, x);
    cors_put(out, x);
    if (cors_is_preflight(x))
        cors_preflight(out, x);
    put_reply_headers(out, x);
    put_timing(out, x);
    buf_puts(out, "\r\n");
}

static void say(struct exchange *x, struct buf *body)
{
    struct saying saying = {.dialect = x->dialect,
                            .language = x->language,
                            .route = x->match.route,
                            .path = x->path,
                            .base = x->base,
                            .query = x->query,
                            .query_n = x->query_n,
                            .role = x->who.role,
                            .allow = x->allow,
                            .verb = x->verb};
    /* The pairs of ours are no part of the address. */
    while (saying.query_n > 0 && saying.query[saying.query_n - 1].name[0] == '@')
        saying.query_n--;
    if (x->local && x->reply.err == ERR_OK) {
        buf_put(body, x->reply.json.data, x->reply.json.len);
        x->status = x->reply.status != 0 ? x->reply.status : 200;
    } else {
        x->status = dialect_say(body, &saying, &x->reply);
    }
}

struct slice answer_format(struct exchange *x)
{
    struct buf body, out;
    buf_init(&body, x->arena);
    buf_init(&out, x->arena);
    if (cors_is_preflight(x) && x->err == ERR_OK)
        x->status = 204;
    else
        say(x, &body);
    x->bytes = body.len;
    bool goes_on = stream_goes_on(x);
    if (goes_on && !x->http->head->http11)
        x->closes = true; /* nothing else would say where it ends */
    put_head(&out, x, body.len);
    if (!goes_on && strcmp(x->verb, "HEAD") != 0 && has_body(x->status))
        buf_put(&out, body.data, body.len);
    return (struct slice){out.data, out.len};
}

void answer_send(struct exchange *x, void *connection)
{
    struct slice answer = answer_format(x);
    mg_write(connection, answer.data, answer.len);
    if (stream_goes_on(x))
        stream_send(x, connection);
}
