/* Writing requests and replies. Each put_ is false when it left the member out. */
#include "proto/envelope_members.h"

static void put_members(struct buf *out, const struct member *m, const void *base, int64_t version);

static bool put_text(struct buf *out, const char *key, const char *text)
{
    if (text == NULL)
        return false;
    mp_put_str(out, key, 1);
    mp_put_text(out, text);
    return true;
}

static bool put_int(struct buf *out, const char *key, int64_t value)
{
    if (value == 0)
        return false;
    mp_put_str(out, key, 1);
    mp_put_int(out, value);
    return true;
}

static bool put_bool(struct buf *out, const char *key, bool value)
{
    if (!value)
        return false;
    mp_put_str(out, key, 1);
    mp_put_bool(out, true);
    return true;
}

static bool put_bytes(struct buf *out, const char *key, const struct slice *bytes)
{
    if (bytes->len == 0)
        return false;
    mp_put_str(out, key, 1);
    mp_put_bin(out, bytes->data, bytes->len);
    return true;
}

static bool put_texts(struct buf *out, const struct member *m, const char *const *texts)
{
    uint32_t n = m->n;
    while (n > 0 && texts[n - 1] == NULL)
        n--;
    if (n == 0)
        return false;
    mp_put_str(out, m->key, 1);
    mp_put_array(out, n);
    for (uint32_t i = 0; i < n; i++)
        mp_put_text(out, texts[i]);
    return true;
}

/* A flat array: name, value, name, value. */
static bool put_pairs(struct buf *out, const char *key, const struct pair *pairs, size_t n)
{
    if (n == 0)
        return false;
    mp_put_str(out, key, 1);
    mp_put_array(out, (uint32_t)n * 2);
    for (size_t i = 0; i < n; i++) {
        mp_put_text(out, pairs[i].name);
        mp_put_text(out, pairs[i].value == NULL ? "" : pairs[i].value);
    }
    return true;
}

static bool put_headers(struct buf *out, const char *key, const struct pair *headers)
{
    size_t n = 0;
    while (n < HEADERS_MAX && headers[n].name != NULL)
        n++;
    return put_pairs(out, key, headers, n);
}

static bool put_faults(struct buf *out, const char *key, const struct fault *first)
{
    uint32_t n = 0;
    for (const struct fault *f = first; f != NULL && n < FAULTS_MAX; f = f->next)
        n++;
    if (n == 0)
        return false;
    mp_put_str(out, key, 1);
    mp_put_array(out, n);
    for (const struct fault *f = first; n > 0; f = f->next, n--)
        put_members(out, envelope_fault, f, 0);
    return true;
}

static bool put_member(struct buf *out, const struct member *m, const void *base)
{
    const void *at = (const char *)base + m->at;
    switch (m->kind) {
    case TEXT:
    case SURE_TEXT:
        return put_text(out, m->key, *(const char *const *)at);
    case INT64:
        return put_int(out, m->key, *(const int64_t *)at);
    case INT:
        return put_int(out, m->key, *(const int *)at);
    case UINT32:
    case ERROR:
    case ROLE:
    case RULE_NO: /* an enumeration without negative members is an unsigned int */
        return put_int(out, m->key, *(const unsigned *)at);
    case BOOL:
        return put_bool(out, m->key, *(const bool *)at);
    case BYTES:
        return put_bytes(out, m->key, at);
    case TEXTS:
        return put_texts(out, m, at);
    case QUERY:
        return put_pairs(out, m->key, ((const struct request *)base)->query,
                         ((const struct request *)base)->query_n);
    case HEADERS:
        return put_headers(out, m->key, at);
    case FAULTS:
        return put_faults(out, m->key, *(struct fault *const *)at);
    case CALLER:
    case PAGE:
        mp_put_str(out, m->key, 1);
        put_members(out, m->kind == CALLER ? envelope_caller : envelope_page, at, 0);
        return true;
    }
    return false;
}

/* A map of those that are not at their zero; its count is patched in when known. */
static void put_members(struct buf *out, const struct member *m, const void *base, int64_t version)
{
    size_t header = out->len;
    buf_put(out, "\xde\0\0", 3);
    unsigned n = put_int(out, "v", version) ? 1 : 0;
    for (; m->key[0] != '\0'; m++)
        n += put_member(out, m, base) ? 1 : 0;
    out->data[header + 1] = (char)(n >> 8);
    out->data[header + 2] = (char)(n & 255);
}

void request_write(struct buf *out, const struct request *request)
{
    put_members(out, envelope_request, request, ENVELOPE_VERSION);
}

void reply_write(struct buf *out, const struct reply *reply)
{
    put_members(out, envelope_reply, reply, ENVELOPE_VERSION);
}
