/*
 * deliver.h - what every provider's delivery is made of: requests within budget and lease, the
 * block with its link, and keeping what the provider confirmed.
 */
#ifndef SYNC_DELIVER_H
#define SYNC_DELIVER_H

#include "services/sync/provider.h"

/* Sets the result; always false, so that it can be returned. error: or NULL. */
bool deliver_stop(struct task *task, enum outcome outcome, const char *format, ...) PRINTF(3, 4);
/* SNOOZE until the provider's wait is over, for the whole integration. wait_ms 0: a growing one. */
bool deliver_wait(struct task *task, int64_t wait_ms, const char *error);

/*
 * One request as the account. true: an answer below 500 that is no 401, no 429 and nothing the
 * provider's judge took. Renews the tokens once on a 401.
 */
struct ask {
    const char *method, *url;
    const char *json;         /* body, or NULL */
    const char *const *extra; /* header lines, or NULL */
};
bool deliver_ask(struct task *task, const struct ask *ask, struct http_reply *reply) MUST_USE;

/* Runs the statement in a transaction of its own for the organization. */
bool deliver_sql(struct task *task, struct sql *sql, struct pg_result **rows) MUST_USE;

/* sync.load() in words; NULL where nothing is known. */
struct block {
    bool wanted, billable;
    const char *place_wanted, *uuid, *title, *description, *starts, *ends, *zone;
    const char *client, *project, *contact_id, *project_id, *email;
    const char *floor_start, *floor_end, *day_from, *day_to;
    /* the link */
    const char *external_id, *place, *etag, *sent;
    bool is_there, attempted, is_frozen;
    int64_t generation;
};
/* false with the result set; DONE when there is nothing to bring. */
bool deliver_load(struct task *task, struct block *block) MUST_USE;
/* Writes the link's half of the block, unless the lease was lost: then false. attempting: a
   creation begins whose outcome must be looked up if it is not heard of. */
bool deliver_keep(struct task *task, const struct block *block, const char *status,
                  bool attempting) MUST_USE;

/* Number of milliseconds for a growing wait: full jitter, doubled with n, an hour at most. */
int64_t deliver_backoff_ms(int64_t n);
/* A short piece of the provider's own words, fit to be shown; "" when there are none. */
const char *deliver_words(struct arena *arena, const msgpack_object *text);

#endif
