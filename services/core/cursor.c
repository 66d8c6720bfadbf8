/*
 * A place in a list: the sort keys of its last row, signed, so that the next page starts there by
 * index instead of counting over everything before it. It goes with the list's conditions alone:
 * under others the rows before it would be passed over unseen.
 */
#include <string.h>

#include "common/crypto.h"
#include "common/json.h"
#include "proto/rules.h"
#include "services/core/listing.h"
#include "services/core/service.h"

enum { SEAL_BYTES = 16, DIGEST_CHARS = 16 };

static void seal(struct slice text, uint8_t out[CRYPTO_SHA256])
{
    uint8_t key[32];
    const char *secret = service_settings.secret_key;
    crypto_derive(secret != NULL ? secret : "", "cursor", key);
    crypto_hmac_sha256((struct slice){(const char *)key, sizeof key}, text, out);
}

void cursor_bind(struct call *call, struct listing *listing)
{
    char digest[65];
    struct buf text;
    buf_init(&text, call->arena);
    buf_puts(&text, listing->where.text.data);
    for (int i = 0; i < listing->where.n; i++) {
        buf_puts(&text, listing->where.params[i] == NULL ? "\n-" : "\n=");
        buf_puts(&text, listing->where.params[i] == NULL ? "" : listing->where.params[i]);
    }
    crypto_sha256_hex(text.data, text.len, digest);
    listing->conditions = arena_strndup(call->arena, digest, DIGEST_CHARS);
}

/* What a cursor is good for: this list, in this order, of this organization. */
static const char *purpose_of(struct call *call, const struct listing *listing)
{
    struct buf text;
    buf_init(&text, call->arena);
    buf_printf(&text, "%s %lld", call->resource != NULL ? call->resource->name : call->request->op,
               (long long)call->request->who.organization_id);
    const char *sort = query_find(call->request, "sort");
    buf_printf(&text, " %s", sort == NULL ? "" : sort);
    for (size_t i = 0; i < listing->keys_n; i++)
        buf_printf(&text, " %s%s", listing->keys[i].descending ? "-" : "", listing->keys[i].sql);
    if (listing->conditions != NULL)
        buf_printf(&text, " %s", listing->conditions);
    return text.data;
}

const char *cursor_write(struct call *call, const struct listing *listing, int64_t total,
                         const char *keys_json)
{
    struct buf payload, sealed, out;
    uint8_t mac[CRYPTO_SHA256];
    buf_init(&payload, call->arena);
    mp_put_array(&payload, 3);
    mp_put_text(&payload, purpose_of(call, listing));
    mp_put_int(&payload, total);
    mp_put_text(&payload, keys_json);
    seal((struct slice){payload.data, payload.len}, mac);
    buf_init(&sealed, call->arena);
    buf_put(&sealed, mac, SEAL_BYTES);
    buf_put(&sealed, payload.data, payload.len);
    buf_init(&out, call->arena);
    crypto_base64url(&out, sealed.data, sealed.len);
    return out.data;
}

/* The keys travel as the JSON array that PostgreSQL wrote: texts and nulls. */
static bool read_keys(struct call *call, struct listing *listing, const char *json)
{
    struct buf bytes;
    struct json_fault fault;
    const msgpack_object *keys;
    buf_init(&bytes, call->arena);
    if (json_to_mp(call->arena, (struct slice){json, strlen(json)}, &bytes, &fault) != ERR_OK ||
        mp_read(call->arena, (struct slice){bytes.data, bytes.len}, &keys) != ERR_OK ||
        keys->type != MSGPACK_OBJECT_ARRAY || keys->via.array.size != listing->keys_n)
        return false;
    for (size_t i = 0; i < listing->keys_n; i++)
        listing->cursor_value[i] = mp_text(call->arena, &keys->via.array.ptr[i]);
    return true;
}

/* What is inside, or NULL when it was not written here. */
static const msgpack_object *unseal(struct call *call, const char *text)
{
    struct slice sealed;
    uint8_t mac[CRYPTO_SHA256];
    const msgpack_object *payload;
    if (!crypto_base64url_read(call->arena, (struct slice){text, strlen(text)}, &sealed) ||
        sealed.len <= SEAL_BYTES)
        return NULL;
    struct slice plain = {sealed.data + SEAL_BYTES, sealed.len - SEAL_BYTES};
    seal(plain, mac);
    if (!crypto_same(mac, sealed.data, SEAL_BYTES) ||
        mp_read(call->arena, plain, &payload) != ERR_OK || payload->type != MSGPACK_OBJECT_ARRAY ||
        payload->via.array.size != 3)
        return NULL;
    return payload->via.array.ptr;
}

enum err cursor_read(struct call *call, struct listing *listing, const char *text)
{
    const msgpack_object *part = unseal(call, text);
    const char *keys = part == NULL ? NULL : mp_text(call->arena, &part[2]);
    if (keys == NULL || !mp_int(&part[1], &listing->cursor_total))
        return call_fault(call, "cursor", RULE_IN, NULL, NULL);
    listing->cursor_set =
        mp_same(&part[0], purpose_of(call, listing)) && read_keys(call, listing, keys);
    if (listing->cursor_set)
        return ERR_OK;
    return call_fault_said(
        call, "cursor",
        "The cursor belongs to another list: keep the filters and the sort it came with, or begin "
        "again without it." IN_FRENCH("Le curseur vient d'une autre liste : gardez ses filtres et "
                                      "son tri, ou recommencez sans lui."));
}

/* Rows that come behind value in one key's order: NULLs are last upwards, first downwards. */
static void put_behind(struct sql *where, const struct sort_key *key, int bound, bool null)
{
    if (null && key->descending)
        sql_printf(where, "%s IS NOT NULL", key->sql);
    else if (null)
        sql_puts(where, "false");
    else if (key->descending)
        sql_printf(where, "%s < $%d::%s", key->sql, bound, key->cast);
    else if (key->nullable)
        sql_printf(where, "(%s > $%d::%s OR %s IS NULL)", key->sql, bound, key->cast, key->sql);
    else
        sql_printf(where, "%s > $%d::%s", key->sql, bound, key->cast);
}

static void put_same(struct sql *where, const struct sort_key *key, int bound, bool null)
{
    if (null)
        sql_printf(where, "%s IS NULL", key->sql);
    else
        sql_printf(where, "%s = $%d::%s", key->sql, bound, key->cast);
}

void cursor_where(struct listing *listing)
{
    struct sql *where = &listing->where;
    int bound[SORT_KEYS] = {0};
    for (size_t i = 0; i < listing->keys_n; i++)
        bound[i] = listing->cursor_value[i] == NULL ? 0 : sql_bind(where, listing->cursor_value[i]);
    const struct sort_key *first = &listing->keys[0];
    /* Implied by what follows, but this form can start an index scan. */
    if (bound[0] != 0 && (first->descending || !first->nullable))
        sql_printf(where, " AND %s %s $%d::%s", first->sql,
                   first->descending ? "<=" : ">=", bound[0], first->cast);
    sql_puts(where, " AND (");
    for (size_t i = 0; i < listing->keys_n; i++) {
        sql_puts(where, i == 0 ? "(" : " OR (");
        for (size_t k = 0; k < i; k++) {
            put_same(where, &listing->keys[k], bound[k], bound[k] == 0);
            sql_puts(where, " AND ");
        }
        put_behind(where, &listing->keys[i], bound[i], bound[i] == 0);
        sql_puts(where, ")");
    }
    sql_puts(where, ")");
}
