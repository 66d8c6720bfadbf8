/*
 * secrets.h - OAuth tokens at rest and how they are renewed.
 *
 * Sealed with a key derived from BUREAU_SECRET_KEY, bound to organization, provider and account;
 * the key's id stands beside them. Neither tokens nor answers that hold them are ever logged.
 */
#ifndef SYNC_SECRETS_H
#define SYNC_SECRETS_H

#include "services/sync/provider.h"

/* Webhooks seal their secret and the one before it as the tokens of a provider of this name. */
#define SECRETS_WEBHOOK "webhook"

void secrets_open(void); /* once, before threads */
const char *secrets_key_id(void) NEVER_NULL;
const char *secrets_seal(struct arena *arena, int64_t organization, const char *provider,
                         const char *account, const struct tokens *tokens) NEVER_NULL;
/* false: no known key opens it. Leaves expires_ms alone. */
bool secrets_open_tokens(struct arena *arena, int64_t organization, const char *provider,
                         const char *account, const char *sealed, struct tokens *tokens) MUST_USE;

/* The answer of a token address; false when it is none. refresh stays as it was when none came. */
bool secrets_read_answer(struct arena *arena, const msgpack_object *answer, struct tokens *tokens,
                         const char **scope) MUST_USE;

/* Asks for new tokens; nothing is stored. */
void secrets_ask_renewal(struct http *http, struct arena *arena, const struct provider *provider,
                         const char *refresh, struct http_reply *reply, int64_t timeout_ms);

/*
 * Makes task->tokens good: reads them, and renews them when they end within a minute or when
 * `rejected` (the access token the provider just refused) is still the stored one. One worker at a
 * time renews the tokens of an integration; the others take what it got.
 * false: task->result says why not.
 */
bool secrets_ready(struct task *task, const char *rejected) MUST_USE;

/* --rotate-keys: seals everything with the current key; the exit code. */
int secrets_rotate_main(struct pg *pg);

#endif
