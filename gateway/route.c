#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/clock.h"
#include "common/crypto.h"
#include "gateway/config.h"
#include "gateway/decode.h"
#include "gateway/exchange.h"

enum { REQUEST_ID_MAX = 64, FORWARDED_MAX = 45 };

enum err exchange_fail(struct exchange *x, enum err err, const char *message_or_null)
{
    x->err = err;
    x->reply = (struct reply){.err = err, .message = message_or_null};
    return err;
}

const char *exchange_header(const struct exchange *x, const char *name)
{
    if (x->http->head == NULL)
        return NULL;
    struct slice value = http_header_find(x->http->head, name);
    return value.data == NULL ? NULL : arena_strndup(x->arena, value.data, value.len);
}

struct slice exchange_cookie(const struct exchange *x, const char *name)
{
    size_t len = strlen(name);
    const char *at = exchange_header(x, "Cookie");
    while (at != NULL && *at != '\0') {
        at += strspn(at, " ;");
        size_t part = strcspn(at, ";");
        if (part > len && at[len] == '=' && memcmp(at, name, len) == 0) {
            while (part > len + 1 && at[part - 1] == ' ')
                part--;
            return (struct slice){at + len + 1, part - len - 1};
        }
        at += part;
    }
    return (struct slice){NULL, 0};
}

bool exchange_is_safe(const struct exchange *x)
{
    return strcmp(x->verb, "GET") == 0 || strcmp(x->verb, "HEAD") == 0 ||
           strcmp(x->verb, "OPTIONS") == 0;
}

/* The caller's id for the request when it is harmless in logs and headers, else one of ours. */
static void name_request(struct exchange *x)
{
    const char *given = exchange_header(x, "X-Request-Id");
    size_t len = given == NULL ? 0 : strlen(given);
    bool sane = len > 0 && len <= REQUEST_ID_MAX;
    for (size_t i = 0; i < len; i++)
        sane = sane && (isalnum((unsigned char)given[i]) || strchr("._-", given[i]) != NULL);
    char *own = arena_alloc(x->arena, 37);
    if (!sane)
        crypto_uuid(own);
    x->id = sane ? given : own;
}

/* "00-<32 hex>-<16 hex>-<2 hex>", neither id all zero. Source: W3C Trace Context. */
static void read_trace(struct exchange *x)
{
    static const char form[] = "hh-hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh-hhhhhhhhhhhhhhhh-hh";
    const char *trace = exchange_header(x, "traceparent");
    bool good = trace != NULL && strlen(trace) == sizeof form - 1 && strncmp(trace, "ff", 2) != 0;
    for (size_t i = 0; good && form[i] != '\0'; i++)
        good = form[i] == '-'
                   ? trace[i] == '-'
                   : isdigit((unsigned char)trace[i]) || (trace[i] >= 'a' && trace[i] <= 'f');
    if (good)
        good = strspn(trace + 3, "0") < 32 && strspn(trace + 36, "0") < 16;
    x->trace = good ? trace : "";
}

/* The last address of X-Forwarded-For that is no proxy of ours. */
static const char *forwarded_address(struct exchange *x)
{
    const char *list = exchange_header(x, "X-Forwarded-For");
    const char *address = x->http->address;
    size_t end = list == NULL ? 0 : strlen(list);
    while (end > 0 && address_is_in(&config.trusted, address)) {
        size_t start = end;
        while (start > 0 && list[start - 1] != ',')
            start--;
        const char *word = list + start + strspn(list + start, " ");
        size_t len = (size_t)(list + end - word);
        while (len > 0 && word[len - 1] == ' ')
            len--;
        if (len == 0 || len > FORWARDED_MAX)
            break;
        uint8_t bytes[16];
        const char *candidate = arena_strndup(x->arena, word, len);
        if (!address_read(candidate, bytes))
            break;
        address = candidate;
        end = start > 0 ? start - 1 : 0;
    }
    return address;
}

static bool is_plain_host(const char *host)
{
    for (; *host != '\0'; host++)
        if (!isalnum((unsigned char)*host) && strchr(".:-[]_", *host) == NULL)
            return false;
    return true;
}

static void read_peer(struct exchange *x)
{
    x->address = x->http->address;
    x->base = config.public_url;
    if (!address_is_in(&config.trusted, x->http->address))
        return;
    x->address = forwarded_address(x);
    const char *proto = exchange_header(x, "X-Forwarded-Proto");
    const char *host = exchange_header(x, "X-Forwarded-Host");
    if (host == NULL)
        host = exchange_header(x, "Host");
    bool known = proto != NULL && (strcmp(proto, "https") == 0 || strcmp(proto, "http") == 0);
    if (known && host != NULL && *host != '\0' && is_plain_host(host))
        x->base = arena_printf(x->arena, "%s://%s", proto, host);
}

static bool read_path(struct exchange *x, struct slice raw)
{
    struct buf path;
    buf_init(&path, x->arena);
    for (size_t at = 0; at < raw.len;) {
        const char *start = raw.data + at + 1;
        const char *slash = memchr(start, '/', raw.len - at - 1);
        size_t len = slash == NULL ? raw.len - at - 1 : (size_t)(slash - start);
        const char *segment = decode_segment(x->arena, (struct slice){start, len});
        if (segment == NULL)
            return false;
        buf_putc(&path, '/');
        buf_puts(&path, segment);
        at += len + 1;
    }
    x->path = path.data;
    return true;
}

/* false with a message when it cannot be read. Names that begin with @ are ours. */
static const char *read_query(struct exchange *x, struct slice query)
{
    while (query.len > 0) {
        const char *end = memchr(query.data, '&', query.len);
        size_t len = end == NULL ? query.len : (size_t)(end - query.data);
        const char *equals = memchr(query.data, '=', len);
        size_t name = equals == NULL ? len : (size_t)(equals - query.data);
        size_t skip = equals == NULL ? name : name + 1;
        struct pair pair = {
            decode_percent(x->arena, (struct slice){query.data, name}, true),
            decode_percent(x->arena, (struct slice){query.data + skip, len - skip}, true)};
        if (pair.name == NULL || pair.value == NULL)
            return "The query is not percent-encoded UTF-8.";
        if (*pair.name != '\0' && *pair.name != '@') {
            if (x->query_n == QUERY_MAX - 3)
                return "The query has too many parameters.";
            x->query[x->query_n++] = pair;
        }
        size_t used = end == NULL ? len : len + 1;
        query.data += used;
        query.len -= used;
    }
    return NULL;
}

static void read_organization(struct exchange *x)
{
    const char *text = exchange_header(x, "X-Organization-Id");
    if (text == NULL)
        return;
    int64_t value = 0;
    size_t len = strlen(text);
    bool good = len > 0 && len <= 18 && strspn(text, "0123456789") == len;
    for (size_t i = 0; good && i < len; i++)
        value = value * 10 + (text[i] - '0');
    x->organization = good && value > 0 ? value : -1;
}

/* A form may name the verb a browser cannot send. */
static void override_verb(struct exchange *x)
{
    static const char *const may[] = {"PUT", "PATCH", "DELETE"};
    const char *type = exchange_header(x, "Content-Type");
    struct slice body = x->http->body;
    if (strcmp(x->verb, "POST") != 0 || type == NULL ||
        strncasecmp(type, "application/x-www-form-urlencoded", 33) != 0)
        return;
    const char *at = memmem(body.data, body.len, "_method=", 8);
    if (at == NULL || (at != body.data && at[-1] != '&'))
        return;
    const char *value = at + 8;
    size_t left = (size_t)(body.data + body.len - value);
    for (size_t i = 0; i < COUNT_OF(may); i++) {
        size_t len = strlen(may[i]);
        if (left >= len && strncasecmp(value, may[i], len) == 0 &&
            (left == len || value[len] == '&'))
            x->verb = may[i];
    }
}

static enum err refuse_framing(struct exchange *x)
{
    const struct http_request *http = x->http;
    enum err err = http->fault == 413   ? ERR_TOO_LARGE
                   : http->fault == 431 ? ERR_HEADERS
                   : http->fault == 503 ? ERR_UNAVAILABLE
                                        : ERR_MALFORMED;
    exchange_fail(x, err, http->why);
    x->reply.status = http->fault;
    return err;
}

static const char every_verb[] = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

/* The verbs of this very path, for Allow and for a browser that asks before it sends. */
static enum err answer_options(struct exchange *x)
{
    const char *verbs = route_verbs((struct slice){x->path, strlen(x->path)});
    bool page = health_has(x->path);
    if (verbs == NULL && !page)
        return exchange_fail(x, ERR_NO_ROUTE, NULL);
    x->allow = arena_printf(x->arena, "%s%s%s, OPTIONS", page ? "GET, HEAD" : "",
                            page && verbs != NULL ? ", " : "", verbs == NULL ? "" : verbs);
    return ERR_OK;
}

enum err route_stage(struct exchange *x)
{
    const struct http_head *head = x->http->head;
    x->deadline_us = x->started_us + config.timeout_ms * 1000;
    x->path = "/";
    x->verb = head == NULL ? "GET" : arena_strndup(x->arena, head->verb.data, head->verb.len);
    name_request(x);
    read_trace(x);
    read_peer(x);
    x->origin = exchange_header(x, "Origin");
    x->language = language_of(exchange_header(x, "Accept-Language"));
    if (head == NULL)
        return refuse_framing(x); /* nothing that could be read came */
    const char *mark = memchr(head->target.data, '?', head->target.len);
    size_t len = mark == NULL ? head->target.len : (size_t)(mark - head->target.data);
    struct slice raw = {head->target.data, len};
    if (len == 0)
        raw = (struct slice){"/", 1}; /* http://host?query */
    if (*raw.data == '*') {           /* OPTIONS *: what the server as a whole can */
        x->allow = every_verb;
        return ERR_OK;
    }
    x->dialect = route_dialect(raw); /* of a path that cannot be read, too */
    if (!read_path(x, raw))
        return exchange_fail(x, ERR_MALFORMED, "The path cannot be read.");
    x->dialect = route_dialect((struct slice){x->path, strlen(x->path)});
    if (x->http->fault != 0)
        return refuse_framing(x);
    if (mark != NULL) {
        const char *fault = read_query(x, (struct slice){mark + 1, head->target.len - len - 1});
        if (fault != NULL)
            return exchange_fail(x, ERR_MALFORMED, fault);
    }
    read_organization(x);
    override_verb(x);
    if (cors_is_preflight(x))
        return answer_options(x);
    if (health_answers(x))
        return x->err;
    enum err err = route_match(x->verb, (struct slice){x->path, strlen(x->path)}, &x->match);
    if (err == ERR_METHOD)
        x->allow = arena_printf(x->arena, "%s%s", health_has(x->path) ? "GET, HEAD, " : "",
                                x->match.allow);
    const struct resource *meant = x->match.meant;
    bool record = err == ERR_NO_ROUTE && meant != NULL && meant->dialect == DIALECT_LARAVEL;
    if (err != ERR_OK)
        return exchange_fail(x, err,
                             record ? arena_printf(x->arena, "%s not found.", meant->label) : NULL);
    x->dialect = x->match.route->dialect;
    return ERR_OK;
}
