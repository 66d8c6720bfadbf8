#include "services/billing/link.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/crypto.h"
#include "proto/identity.h"

void link_sign(const struct link *link, const char *master, char signature[44])
{
    uint8_t key[32], mac[CRYPTO_SHA256];
    char text[96];
    int len = snprintf(text, sizeof text, "bill %" PRId64 " %" PRId64 " %" PRId64,
                       link->organization_id, link->bill, link->expires_s);
    crypto_derive(master, KEY_LINK, key);
    crypto_hmac_sha256((struct slice){(const char *)key, sizeof key},
                       (struct slice){text, (size_t)len}, mac);
    crypto_base64url_of_32(mac, signature);
}

const char *link_write(struct arena *arena, const char *public_url, const char *master,
                       const struct link *link)
{
    char signature[44];
    link_sign(link, master, signature);
    return arena_printf(
        arena, "%s/bills/%" PRId64 "/pdf?organization=%" PRId64 "&expires=%" PRId64 "&signature=%s",
        public_url, link->bill, link->organization_id, link->expires_s, signature);
}

bool link_is_good(const struct link *link, const char *master, const char *signature, int64_t now_s)
{
    char right[44];
    link_sign(link, master, right);
    if (strlen(signature) != sizeof right - 1)
        return false;
    return crypto_same(right, signature, sizeof right - 1) && now_s < link->expires_s &&
           link->expires_s <= now_s + LINK_LIFE_S;
}

/* The number behind "id": at the beginning of a row; 0 when there is none. */
static int64_t id_of(const char *row, const char *end)
{
    static const char begin[] = "{\"id\":";
    int64_t id = 0;
    if ((size_t)(end - row) < sizeof begin || memcmp(row, begin, sizeof begin - 1) != 0)
        return 0;
    for (row += sizeof begin - 1; row < end && *row >= '0' && *row <= '9' && id < INT64_MAX / 10;
         row++)
        id = id * 10 + (*row - '0');
    return id;
}

/* One past the brace that ends the object at `at`. */
static const char *object_end(const char *at, const char *end)
{
    int depth = 0;
    bool quoted = false;
    for (; at < end; at++) {
        if (quoted && *at == '\\')
            at++;
        else if (*at == '"')
            quoted = !quoted;
        else if (!quoted && *at == '{')
            depth++;
        else if (!quoted && *at == '}' && --depth == 0)
            return at + 1;
    }
    return end;
}

struct slice link_rows(struct arena *arena, struct slice json, const char *public_url,
                       const char *master, const struct link *link)
{
    static const char hole[] = "\"pdf_url\":null}";
    const size_t len = sizeof hole - 1;
    struct buf out;
    buf_init(&out, arena);
    for (const char *at = json.data, *end = at + json.len; at < end;) {
        if (*at != '{') {
            buf_putc(&out, *at++);
            continue;
        }
        const char *next = object_end(at, end);
        bool open = (size_t)(next - at) > len && memcmp(next - len, hole, len) == 0;
        struct link own = {link->organization_id, id_of(at, next), link->expires_s};
        buf_put(&out, at, (size_t)(next - at) - (open ? 5 : 0)); /* 5: null} */
        if (open) {
            buf_puts_json(&out, link_write(arena, public_url, master, &own));
            buf_putc(&out, '}');
        }
        at = next;
    }
    return (struct slice){out.data, out.len};
}
