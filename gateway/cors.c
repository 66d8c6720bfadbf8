#include <string.h>

#include "gateway/config.h"
#include "gateway/exchange.h"

/* "*", the origin itself when it is listed, or NULL. Never with credentials. */
static const char *allowed(const struct exchange *x)
{
    if (x->origin == NULL)
        return NULL;
    size_t wanted = strlen(x->origin);
    for (const char *at = config.cors; *at != '\0';) {
        size_t len = strcspn(at, ", ");
        if (len == 1 && *at == '*')
            return "*";
        if (len == wanted && memcmp(at, x->origin, len) == 0)
            return x->origin;
        at += len;
        at += strspn(at, ", ");
    }
    return NULL;
}

bool cors_is_preflight(const struct exchange *x) { return strcmp(x->verb, "OPTIONS") == 0; }

void cors_put(struct buf *out, const struct exchange *x)
{
    const char *origin = allowed(x);
    if (strcmp(config.cors, "*") != 0)
        buf_puts(out, "Vary: Origin\r\n");
    if (origin == NULL)
        return;
    buf_printf(out, "Access-Control-Allow-Origin: %s\r\n", origin);
    buf_puts(out, "Access-Control-Expose-Headers: X-Request-Id, X-RateLimit-Limit, "
                  "X-RateLimit-Remaining, X-RateLimit-Reset, Retry-After, ETag, Location, "
                  "Idempotency-Replayed\r\n");
}

void cors_preflight(struct buf *out, const struct exchange *x)
{
    if (x->allow == NULL || allowed(x) == NULL)
        return;
    buf_printf(out, "Access-Control-Allow-Methods: %s\r\n", x->allow);
    buf_puts(out, "Access-Control-Allow-Headers: Authorization, Content-Type, Accept, "
                  "Accept-Language, X-Organization-Id, X-Request-Id, X-Requested-With, "
                  "X-XSRF-TOKEN, X-CSRF-TOKEN, Idempotency-Key, If-Match, If-None-Match, "
                  "traceparent\r\nAccess-Control-Max-Age: 600\r\n");
}
