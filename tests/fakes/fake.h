/*
 * fake.h - strict stand-ins for the providers and a receiver of webhooks on one loopback port, with
 * faults on demand. Strict: what the providers refuse is refused here, and noted as a violation
 * when only a faulty client would send it. Everything is in memory, behind one lock.
 *
 * Control (never part of a provider): POST /_fake/set?name=value, POST /_fake/fault?…,
 * POST /_fake/reset, GET /_fake/state, GET /_fake/log.
 */
#ifndef TESTS_FAKE_H
#define TESTS_FAKE_H

#include <civetweb.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct exchange {
    struct mg_connection *conn;
    const char *method, *path, *query; /* query: "" when there is none */
    json_t *body;                      /* or NULL */
    char *raw;
    /* the answer */
    int status;
    json_t *answer; /* or NULL: no body */
    const char *text, *type;
    char headers[3072];
};

extern json_t *faults, *violations, *requests;

int64_t now_ms(void);
/* Of the query or a form, decoded; false when absent. */
bool param(const char *query, const char *name, char *out, size_t size);
/* Only these query parameters are known; space-separated. */
bool only_params(struct exchange *x, const char *known);
bool only_keys(const json_t *object, const char *known);
const char *header(struct exchange *x, const char *name);
void violation(struct exchange *x, const char *what);
/* Titles that end in " v<number>": counted when a later request brings an earlier number. */
void note_version(const json_t *before, const json_t *after);
void answer(struct exchange *x, int status, json_t *json);
void answer_header(struct exchange *x, const char *name, const char *value);
bool is_word_of(const char *words, const char *word);
/* RFC 3339 with offset or Z to seconds; -1 when it is none. */
int64_t instant(const char *text);
void instant_text(int64_t seconds, char out[32]);

/* fake_oauth.c: consent without people. Tokens of both providers. */
void oauth_reset(void);
bool oauth_serve(struct exchange *x);
bool oauth_set(const char *name, const char *value);
/* The scopes asked for, but the one she unticked. */
void oauth_granted(const char *asked, char *out, size_t size);
/* The account of the bearer token, or NULL with a 401 answered in the provider's words. */
const char *oauth_account(struct exchange *x, const char *provider);
const char *oauth_who(struct exchange *x); /* the same, or NULL; answers nothing */

/* fake_google.c, fake_moneybird.c */
void google_reset(void);
bool google_serve(struct exchange *x);
json_t *google_state(void);
bool google_set(const char *name, const char *value);
void google_error(struct exchange *x, int status, const char *reason, const char *message);
void moneybird_reset(void);
bool moneybird_serve(struct exchange *x);
json_t *moneybird_state(void);
bool moneybird_set(const char *name, const char *value);

/* fake_office.c */
void office_reset(void);
bool office_serve(struct exchange *x);
json_t *office_state(void);
bool office_set(const char *name, const char *value);
const char *office_who(struct exchange *x);
void office_error(struct exchange *x, int status, const char *code);

/* fake_hooks.c: a receiver of webhooks, POST /hooks/{name}: keeps what was rightly signed. */
void hooks_reset(void);
bool hooks_serve(struct exchange *x);
json_t *hooks_state(void);
bool hooks_set(const char *name, const char *value); /* hook_secret=name|whsec_… adds one */

#endif
