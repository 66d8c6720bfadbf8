/*
 * provider.h - what may be connected: one constant row a provider, and what each can do.
 *
 * A task is one claimed job on its way. Whatever happens to it ends in task->result; functions that
 * talk to a provider return false when the result is set and there is nothing more to do.
 */
#ifndef SYNC_PROVIDER_H
#define SYNC_PROVIDER_H

#include "common/config.h"
#include "services/core/pg.h"
#include "services/sync/http.h"

enum outcome {
    OUTCOME_DONE,
    OUTCOME_LATER,     /* again by the clock, as new */
    OUTCOME_RETRY,     /* a transient fault: again after a growing wait */
    OUTCOME_SNOOZE,    /* told to wait: costs no attempt */
    OUTCOME_FAILED,    /* will not get better by itself: shown on the record */
    OUTCOME_RECONNECT, /* the account refuses our tokens */
};

struct result {
    enum outcome outcome;
    int64_t wait_ms;   /* of the job; 0 with RETRY: the growing wait */
    int64_t pause_ms;  /* of everything of this integration; 0: none */
    const char *error; /* plain words for people, never a secret */
    bool said;         /* the record shows it as failed though it goes on by itself later */
};

struct tokens {
    const char *access, *refresh; /* refresh: or NULL */
    int64_t expires_ms;           /* Unix time; 0: never */
};

struct task {
    struct arena *arena;
    struct pg *pg;
    struct http *http;
    const struct provider *provider;
    int64_t job, organization_id, integration_id, record_id, rev, attempt, claim, priority;
    int64_t failures; /* transient ones in a row, of the integration */
    const char *kind;
    int64_t deadline_us; /* end of the lease, with some room */
    struct tokens tokens;
    const char *sealed;          /* as the tokens stand in the database */
    const char *account, *facts; /* facts: JSON text */
    int64_t facts_age_ms;        /* -1: none */
    bool refreshed;              /* once a task */
    struct result result;
};

/* What a provider says about a fresh connection. */
struct account {
    const char *account, *name, *email; /* email: or NULL */
    const char *facts;                  /* JSON text or NULL */
    const char *choices;                /* more than one: JSON array of {"id", "name"}; else NULL */
};

struct provider {
    const char *key, *type, *name, *description, *icon;
    const char *scopes;          /* asked for, separated by spaces */
    const char *const *required; /* granted, or the connection is refused; each "a|b" */
    const char *asked_more;      /* of a consent: more parameters of its query, or NULL */
    bool pkce, offline;          /* offline: a connection without a refresh token is refused */
    bool push_only;              /* its calendars are written to, never read */
    bool planned;                /* listed as coming soon while it has no client id */
    /* Who the account is; NULL, or the words of the refusal. */
    const char *(*identify)(struct http *http, struct arena *arena, const char *access,
                            struct account *out);
    /* A final answer that is not the caller's business: sets the result and returns false. */
    bool (*judge)(struct task *task, const struct http_reply *reply);
    void (*run)(struct task *task); /* by task->kind; sets the result */
    /* Requests each of our addresses may make, all accounts together; 0: no such limit. */
    int64_t budget, budget_s;
};

/* Where a provider is reached: from the settings, by place in the table. */
struct endpoint {
    const char *client_id, *client_secret;
    const char *auth_url, *token_url, *api_url;
    const char *revoke_url, *userinfo_url; /* or NULL */
};

extern const struct provider providers[];              /* ends with {0} */
const struct provider *provider_find(const char *key); /* or NULL */
const struct endpoint *provider_endpoint(const struct provider *provider) NEVER_NULL;
bool provider_is_configured(const struct provider *provider);

struct sync_settings {
    const char *google_id, *google_secret, *google_auth, *google_token, *google_revoke,
        *google_userinfo, *google_api;
    const char *office_id, *office_secret, *office_oauth, *office_api;
    const char *moneybird_id, *moneybird_secret, *moneybird_oauth, *moneybird_api;
    const char *previous_key; /* BUREAU_SECRET_KEY before the last change, or NULL */
    const char *address;      /* name of the address requests leave from */
    const char *app_url;      /* where browsers go after connecting, or NULL */
    int64_t workers, lease_s, retry_ms, poll_s, moneybird_budget;
    int64_t webhook_workers;
    bool webhook_loopback; /* webhooks may go to this machine: trials only */
};
extern struct sync_settings sync_settings;
extern const struct setting sync_setting_table[];
/* Fills the endpoints; false with words on stderr when an address is not allowed. */
bool provider_open(void);

/* google.c, office.c, moneybird.c */
const char *google_identify(struct http *http, struct arena *arena, const char *access,
                            struct account *out);
bool google_judge(struct task *task, const struct http_reply *reply);
void google_run(struct task *task);
const char *office_identify(struct http *http, struct arena *arena, const char *access,
                            struct account *out);
bool office_judge(struct task *task, const struct http_reply *reply);
void office_run(struct task *task);
const char *moneybird_identify(struct http *http, struct arena *arena, const char *access,
                               struct account *out);
bool moneybird_judge(struct task *task, const struct http_reply *reply);
void moneybird_run(struct task *task);

#endif
