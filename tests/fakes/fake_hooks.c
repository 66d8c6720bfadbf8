/* fake_hooks.c - a receiver of webhooks that believes nothing: only what carries a fresh time and a
   signature by one of its secrets is kept. */
#include "tests/fakes/fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "common/crypto.h"

enum { FRESH_S = 300 };

static json_t *received, *secrets; /* secrets: name to list of keys, base64url */

void hooks_reset(void)
{
    json_decref(received);
    json_decref(secrets);
    received = json_array();
    secrets = json_object();
}

bool hooks_set(const char *name, const char *value)
{
    char hook[64], key[128];
    if (strcmp(name, "hook_secret") != 0 || sscanf(value, "%63[^|]|whsec_%127[^=]", hook, key) != 2)
        return false;
    for (char *c = key; *c != '\0'; c++)
        *c = (char)(*c == '+' || *c == ' ' ? '-' : *c == '/' ? '_' : *c);
    if (json_object_get(secrets, hook) == NULL)
        json_object_set_new(secrets, hook, json_array());
    json_array_append_new(json_object_get(secrets, hook), json_string(key));
    return true;
}

/* How many of the signatures are made with a key of the hook. */
static int matches(const char *hook, const char *text, const char *signatures)
{
    struct arena *arena = arena_new(1 << 16);
    size_t i, len = strlen(text);
    int n = 0;
    json_t *key;
    json_array_foreach(json_object_get(secrets, hook), i, key)
    {
        struct slice bytes, wanted = {json_string_value(key), json_string_length(key)};
        uint8_t mac[CRYPTO_SHA256];
        struct buf out;
        buf_init(&out, arena);
        if (!crypto_base64url_read(arena, wanted, &bytes))
            continue;
        crypto_hmac_sha256(bytes, (struct slice){text, len}, mac);
        buf_puts(&out, "v1,");
        crypto_base64(&out, mac, sizeof mac);
        n += is_word_of(signatures, out.data);
    }
    arena_destroy(arena);
    return n;
}

bool hooks_serve(struct exchange *x)
{
    if (strncmp(x->path, "/hooks/", 7) != 0)
        return false;
    const char *hook = x->path + 7, *id = header(x, "webhook-id");
    const char *at = header(x, "webhook-timestamp"), *by = header(x, "webhook-signature");
    answer(x, 400, json_pack("{s:s}", "error", "not signed"));
    if (strcmp(x->method, "POST") != 0 || id == NULL || at == NULL || by == NULL ||
        x->body == NULL || llabs(now_ms() / 1000 - strtoll(at, NULL, 10)) > FRESH_S) {
        violation(x, "not a Standard Webhooks request");
        return true;
    }
    size_t size = strlen(id) + strlen(at) + strlen(x->raw) + 3;
    char *text = malloc(size);
    snprintf(text, size, "%s.%s.%s", id, at, x->raw);
    int good = matches(hook, text, by);
    free(text);
    if (good == 0) {
        violation(x, "no signature of ours");
        return true;
    }
    json_array_append_new(received,
                          json_pack("{s:s,s:s,s:I,s:i,s:O}", "hook", hook, "id", id, "at",
                                    (json_int_t)now_ms(), "signatures", good, "body", x->body));
    answer(x, 204, NULL);
    return true;
}

json_t *hooks_state(void) { return json_incref(received); }
