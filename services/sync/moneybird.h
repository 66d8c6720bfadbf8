/* moneybird.h - the parts of Moneybird: one time entry (moneybird.c), contacts and projects
   (moneybird_import.c). */
#ifndef SYNC_MONEYBIRD_H
#define SYNC_MONEYBIRD_H

#include <strings.h>

#include "services/sync/deliver.h"

/* An id as text, whether it came as text or number; NULL when it is none. */
const char *moneybird_id(struct arena *arena, const msgpack_object *id);
/* FAILED with Moneybird's words; always false. */
bool moneybird_fail(struct task *task, const struct http_reply *reply);
/* Below the administration of the account. */
const char *moneybird_url(struct task *task, const char *rest);

/* What an entry says of its invoice: billed, or no longer. false with the result set. */
bool moneybird_take_invoiced(struct task *task, const msgpack_object *entry) MUST_USE;

void moneybird_import(struct task *task);

#endif
