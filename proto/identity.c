#include "proto/identity.h"

#include <inttypes.h>
#include <string.h>

#include "common/crypto.h"
#include "proto/resources.h"

enum { VERSION = 2 };

static const char *const kinds[] = {"token", "session", "jwt"};

/* A word of the line: what would part it in two becomes `instead`. */
static void put_word(struct buf *out, const char *text, const char *fallback, char instead)
{
    if (text == NULL || *text == '\0')
        text = fallback;
    for (; *text != '\0'; text++)
        buf_putc(out, (unsigned char)*text <= ' ' ? instead : *text);
}

static void put_zone(struct buf *out, const char *zone)
{
    put_word(out, zone == NULL || strpbrk(zone, " ,:") != NULL ? "UTC" : zone, "UTC", '_');
}

void identity_write(struct buf *out, const struct identity *identity)
{
    buf_printf(out, "%d %" PRId64 " %" PRId64 " %" PRId64 " %s ", VERSION, identity->user_id,
               identity->token_id, identity->expires_ms, kinds[identity->kind]);
    put_word(out, identity->language, "EN", '_');
    buf_putc(out, ' ');
    put_zone(out, identity->zone);
    buf_putc(out, ' ');
    /* No ability at all must not read as all of them. */
    put_word(out, identity->abilities, "none", ',');
    buf_printf(out, " %" PRId64 " ", identity->current_organization);
    size_t n = identity->memberships_n;
    if (n > IDENTITY_ORGANIZATIONS)
        n = IDENTITY_ORGANIZATIONS;
    for (size_t i = 0; i < n; i++) {
        const struct membership *m = &identity->memberships[i];
        buf_printf(out, "%s%" PRId64 ":%s:", i == 0 ? "" : ",", m->organization_id,
                   role_name(m->role));
        put_zone(out, m->zone);
        buf_printf(out, ":%" PRId64, m->custom);
    }
    if (n == 0)
        buf_putc(out, '-');
}

/* Cuts the text up to the separator; false when that part is empty. */
static bool cut(struct slice *text, char separator, struct slice *part)
{
    const char *end = memchr(text->data, separator, text->len);
    size_t len = end == NULL ? text->len : (size_t)(end - text->data);
    *part = (struct slice){text->data, len};
    size_t used = end == NULL ? len : len + 1;
    text->data += used;
    text->len -= used;
    return len > 0;
}

/* Plain digits, at least min. */
static bool cut_number(struct slice *text, char separator, int64_t min, int64_t *out)
{
    struct slice part;
    if (!cut(text, separator, &part) || part.len > 19)
        return false;
    uint64_t value = 0;
    for (size_t i = 0; i < part.len; i++) {
        if (part.data[i] < '0' || part.data[i] > '9')
            return false;
        value = value * 10 + (uint64_t)(part.data[i] - '0');
    }
    *out = (int64_t)value;
    return value <= INT64_MAX && *out >= min;
}

static bool cut_text(struct arena *arena, struct slice *text, char separator, const char **out)
{
    struct slice part;
    if (!cut(text, separator, &part))
        return false;
    *out = arena_strndup(arena, part.data, part.len);
    return true;
}

static bool cut_kind(struct slice *text, enum identity_kind *out)
{
    struct slice part;
    if (!cut(text, ' ', &part))
        return false;
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (part.len == strlen(kinds[i]) && memcmp(part.data, kinds[i], part.len) == 0) {
            *out = (enum identity_kind)i;
            return true;
        }
    return false;
}

static bool read_membership(struct arena *arena, struct slice text, struct membership *out)
{
    const char *role;
    if (!cut_number(&text, ':', 1, &out->organization_id) || !cut_text(arena, &text, ':', &role) ||
        !cut_text(arena, &text, ':', &out->zone) || memchr(text.data, ':', text.len) != NULL ||
        !cut_number(&text, ':', 0, &out->custom))
        return false;
    out->role = role_of(role);
    return out->role != ROLE_NONE;
}

static bool read_memberships(struct arena *arena, struct slice text, struct identity *out)
{
    if (text.len == 1 && *text.data == '-')
        return true;
    out->memberships = arena_alloc(arena, sizeof *out->memberships * IDENTITY_ORGANIZATIONS);
    while (text.len > 0) {
        struct slice part;
        if (out->memberships_n == IDENTITY_ORGANIZATIONS || !cut(&text, ',', &part) ||
            !read_membership(arena, part, &out->memberships[out->memberships_n]))
            return false;
        out->memberships_n++;
    }
    return out->memberships_n > 0;
}

enum err identity_read(struct arena *arena, struct slice text, struct identity *out)
{
    struct identity read = {0};
    int64_t version;
    if (text.len == 0 || memchr(text.data, 0, text.len) != NULL || text.data[text.len - 1] == ',' ||
        !cut_number(&text, ' ', 0, &version) || version != VERSION ||
        !cut_number(&text, ' ', 1, &read.user_id) || !cut_number(&text, ' ', 0, &read.token_id) ||
        !cut_number(&text, ' ', 0, &read.expires_ms) || !cut_kind(&text, &read.kind) ||
        !cut_text(arena, &text, ' ', &read.language) || !cut_text(arena, &text, ' ', &read.zone) ||
        !cut_text(arena, &text, ' ', &read.abilities) ||
        !cut_number(&text, ' ', 0, &read.current_organization) ||
        !read_memberships(arena, text, &read))
        return ERR_MALFORMED;
    *out = read;
    return ERR_OK;
}

const struct membership *identity_in(const struct identity *identity, int64_t organization)
{
    int64_t wanted = organization != 0 ? organization : identity->current_organization;
    for (size_t i = 0; i < identity->memberships_n; i++)
        if (identity->memberships[i].organization_id == wanted)
            return &identity->memberships[i];
    return organization == 0 && identity->memberships_n > 0 ? &identity->memberships[0] : NULL;
}

void csrf_token(const uint8_t key[32], struct slice session, char out[44])
{
    uint8_t mac[CRYPTO_SHA256];
    crypto_hmac_sha256((struct slice){(const char *)key, 32}, session, mac);
    crypto_base64url_of_32(mac, out);
}
