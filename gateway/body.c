#include <string.h>
#include <strings.h>

#include "common/crypto.h"
#include "common/json.h"
#include "gateway/decode.h"
#include "gateway/exchange.h"

enum { BODY_MAX = 1 << 20, BODY_LARGE_MAX = 6 << 20, FORM_FIELDS_MAX = 256 };

static bool is_type(struct slice type, const char *name)
{
    size_t len = strlen(name);
    return type.len >= len && strncasecmp(type.data, name, len) == 0 &&
           (type.len == len || strchr("; ", type.data[len]) != NULL);
}

size_t body_max(const struct http_head *head)
{
    struct slice type = http_header_find(head, "Content-Type");
    const char *mark = memchr(head->target.data, '?', head->target.len);
    size_t len = mark == NULL ? head->target.len : (size_t)(mark - head->target.data);
    bool bulk = len > 5 && memcmp(head->target.data + len - 5, "/bulk", 5) == 0;
    return bulk || is_type(type, "text/csv") ? BODY_LARGE_MAX : BODY_MAX;
}

static enum err refuse(struct exchange *x, const char *message)
{
    x->body_err = ERR_MALFORMED;
    x->body_message = message;
    return ERR_OK; /* said once the caller is known: 401 comes first */
}

static enum err read_json(struct exchange *x, struct slice text)
{
    struct buf bytes;
    struct json_fault fault = {0, "syntax error"};
    buf_init(&bytes, x->arena);
    if (json_to_mp(x->arena, text, &bytes, &fault) != ERR_OK)
        return refuse(x, arena_printf(x->arena, "The body is not valid JSON: %s at byte %zu.",
                                      fault.reason, fault.at));
    x->body = (struct slice){bytes.data, bytes.len};
    return ERR_OK;
}

/* One field of a form: "a", "a[]" or "a[b]". */
struct form_field {
    struct slice name, inner;
    bool nested;
    const char *value;
};

static bool split_name(const char *text, struct form_field *field)
{
    const char *open = strchr(text, '[');
    size_t len = strlen(text);
    field->name = (struct slice){text, open == NULL ? len : (size_t)(open - text)};
    field->nested = open != NULL;
    if (open != NULL) {
        field->inner = (struct slice){open + 1, len - field->name.len - 2};
        if (text[len - 1] != ']' || memchr(open + 1, ']', len - field->name.len - 2) != NULL)
            return false;
    }
    return field->name.len > 0;
}

static int read_fields(struct exchange *x, struct slice text, struct form_field *fields)
{
    int n = 0;
    while (text.len > 0) {
        const char *end = memchr(text.data, '&', text.len);
        size_t len = end == NULL ? text.len : (size_t)(end - text.data);
        const char *equals = memchr(text.data, '=', len);
        size_t name = equals == NULL ? len : (size_t)(equals - text.data);
        size_t skip = equals == NULL ? name : name + 1;
        if (len > 0) {
            const char *key = decode_percent(x->arena, (struct slice){text.data, name}, true);
            const char *value =
                decode_percent(x->arena, (struct slice){text.data + skip, len - skip}, true);
            if (n == FORM_FIELDS_MAX || key == NULL || value == NULL ||
                !split_name(key, &fields[n]))
                return -1;
            fields[n].value = value;
            if (strcmp(key, "_token") == 0)
                x->form_token = value;
            else if (strcmp(key, "_method") != 0)
                n++;
        }
        text.data += end == NULL ? len : len + 1;
        text.len -= end == NULL ? len : len + 1;
    }
    return n;
}

static bool same(struct slice a, struct slice b)
{
    return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

static bool is_last(const struct form_field *fields, int n, int at)
{
    for (int i = at + 1; i < n; i++)
        if (same(fields[i].name, fields[at].name) && same(fields[i].inner, fields[at].inner) &&
            fields[i].nested == fields[at].nested)
            return false;
    return true;
}

/* All of one name: a list ("a[]"), a map ("a[b]", last of a key wins) or the last text. */
static void put_group(struct buf *out, const struct form_field *fields, int n, int first)
{
    struct slice name = fields[first].name;
    uint32_t items = 0, members = 0;
    const char *last = "";
    for (int i = first; i < n; i++) {
        if (!same(fields[i].name, name))
            continue;
        if (fields[i].nested && fields[i].inner.len == 0)
            items++;
        else if (fields[i].nested)
            members += is_last(fields, n, i) ? 1 : 0;
        else
            last = fields[i].value;
    }
    mp_put_str(out, name.data, name.len);
    if (items == 0 && members == 0) {
        mp_put_text(out, last);
        return;
    }
    if (items > 0)
        mp_put_array(out, items);
    else
        mp_put_map(out, members);
    for (int i = first; i < n; i++) {
        bool list = fields[i].inner.len == 0;
        if (!same(fields[i].name, name) || !fields[i].nested || list != (items > 0) ||
            (!list && !is_last(fields, n, i)))
            continue;
        if (!list)
            mp_put_str(out, fields[i].inner.data, fields[i].inner.len);
        mp_put_text(out, fields[i].value);
    }
}

static bool is_first(const struct form_field *fields, int at)
{
    for (int i = 0; i < at; i++)
        if (same(fields[i].name, fields[at].name))
            return false;
    return true;
}

static enum err read_form(struct exchange *x, struct slice text)
{
    struct form_field *fields =
        arena_alloc(x->arena, sizeof(struct form_field) * (FORM_FIELDS_MAX + 1));
    struct buf bytes;
    uint32_t groups = 0;
    int n = read_fields(x, text, fields);
    if (n < 0)
        return refuse(x, "The body is not a readable form.");
    buf_init(&bytes, x->arena);
    for (int i = 0; i < n; i++)
        groups += is_first(fields, i) ? 1 : 0;
    mp_put_map(&bytes, groups);
    for (int i = 0; i < n; i++)
        if (is_first(fields, i))
            put_group(&bytes, fields, n, i);
    x->body = (struct slice){bytes.data, bytes.len};
    return ERR_OK;
}

/* The account a sign-in is about, as a hash: the limiter keeps no addresses of people. */
static void name_account(struct exchange *x)
{
    static const char *const keys[] = {"identifier", "email", "login", "pseudo"};
    const msgpack_object *body = NULL;
    if (x->body.len == 0 || mp_read(x->arena, x->body, &body) != ERR_OK)
        return;
    for (size_t i = 0; i < COUNT_OF(keys) && x->account == NULL; i++) {
        const char *text = mp_text(x->arena, mp_find(body, keys[i]));
        if (text == NULL)
            continue;
        char *lower = arena_strdup(x->arena, text), *hash = arena_alloc(x->arena, 65);
        for (char *c = lower; *c != '\0'; c++)
            if (*c >= 'A' && *c <= 'Z')
                *c = (char)(*c + ('a' - 'A'));
        crypto_sha256_hex(lower, strlen(lower), hash);
        hash[32] = '\0';
        x->account = hash;
    }
}

/* Where the CSRF token may stand as well as in a header. Source: crm.md 5.1. */
static void read_token(struct exchange *x)
{
    const msgpack_object *body = NULL;
    if (!x->csrf_missing)
        return;
    if (x->form_token == NULL && x->body.len > 0 && mp_read(x->arena, x->body, &body) == ERR_OK)
        x->form_token = mp_text(x->arena, mp_find(body, "_token"));
    x->csrf_missing = x->form_token == NULL || !session_token_fits(x, x->form_token);
}

/* true: the body is packed in a way that is not unpacked here. */
static bool is_encoded(struct exchange *x)
{
    struct slice coding = http_header_find(x->http->head, "Content-Encoding");
    if (coding.len == 0 || is_type(coding, "identity"))
        return false;
    x->body_status = 415;
    (void)refuse(x, arena_printf(x->arena,
                                 "The body's Content-Encoding (%.*s) is not taken here: send it as"
                                 " it is, without that header.",
                                 (int)(coding.len < 64 ? coding.len : 64), coding.data));
    return true;
}

enum err body_stage(struct exchange *x)
{
    struct slice text = x->http->body;
    struct slice type = http_header_find(x->http->head, "Content-Type");
    size_t blank = 0;
    bool empty = text.len == 0 && x->http->spool == 0;
    if (x->match.route != NULL && !exchange_is_safe(x) && !empty && is_encoded(x))
        return ERR_OK;
    if (x->http->spool > 0 && x->match.route != NULL)
        upload_first(x);
    while (blank < text.len && strchr(" \t\r\n", text.data[blank]) != NULL && text.data[blank])
        blank++;
    if (x->match.route == NULL || exchange_is_safe(x) || blank == text.len)
        return ERR_OK;
    bool json = text.data[blank] == '{' || text.data[blank] == '[';
    if (is_type(type, "text/csv"))
        x->raw = text;
    else if (!json && is_type(type, "application/x-www-form-urlencoded"))
        (void)read_form(x, text);
    else
        (void)read_json(x, text);
    read_token(x);
    if (x->match.route->flags & ACTION_LOGIN)
        name_account(x);
    return ERR_OK;
}
