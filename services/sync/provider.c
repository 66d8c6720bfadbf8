/* The providers and their settings. */
#include "services/sync/provider.h"

#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "common/config.h"

struct sync_settings sync_settings;

#define TEXT(setting, place, value, words)                                                         \
    {                                                                                              \
        .name = setting, .type = SETTING_TEXT, .def = value, .unit = "", .help = words,            \
        .target = &sync_settings.place                                                             \
    }
#define SECRET(setting, place, words)                                                              \
    {                                                                                              \
        .name = setting, .type = SETTING_TEXT, .flags = SETTING_SECRET, .unit = "", .help = words, \
        .target = &sync_settings.place                                                             \
    }
#define NUMBER(setting, place, value, low, high, of, words)                                        \
    {                                                                                              \
        .name = setting, .type = SETTING_INT, .def = value, .min = low, .max = high, .unit = of,   \
        .help = words, .target = &sync_settings.place                                              \
    }

const struct setting sync_setting_table[] = {
    TEXT("BUREAU_GOOGLE_CLIENT_ID", google_id, NULL, "OAuth client at Google; none: not offered."),
    SECRET("BUREAU_GOOGLE_CLIENT_SECRET", google_secret, "Its secret."),
    TEXT("BUREAU_GOOGLE_AUTH_URL", google_auth, "https://accounts.google.com/o/oauth2/v2/auth",
         "Where people consent."),
    TEXT("BUREAU_GOOGLE_TOKEN_URL", google_token, "https://oauth2.googleapis.com/token",
         "Where tokens are given."),
    TEXT("BUREAU_GOOGLE_REVOKE_URL", google_revoke, "https://oauth2.googleapis.com/revoke",
         "Where they are given back."),
    TEXT("BUREAU_GOOGLE_USERINFO_URL", google_userinfo,
         "https://openidconnect.googleapis.com/v1/userinfo", "Whose account it is."),
    TEXT("BUREAU_GOOGLE_API_URL", google_api, "https://www.googleapis.com/calendar/v3",
         "The calendar API."),
    TEXT("BUREAU_OFFICE365_CLIENT_ID", office_id, NULL,
         "OAuth client at Microsoft; none: not offered."),
    SECRET("BUREAU_OFFICE365_CLIENT_SECRET", office_secret, "Its secret."),
    TEXT("BUREAU_OFFICE365_OAUTH_URL", office_oauth,
         "https://login.microsoftonline.com/common/oauth2/v2.0",
         "Where people consent and tokens are given."),
    TEXT("BUREAU_OFFICE365_API_URL", office_api, "https://graph.microsoft.com/v1.0",
         "Microsoft Graph."),
    TEXT("BUREAU_MONEYBIRD_CLIENT_ID", moneybird_id, NULL,
         "OAuth client at Moneybird; none: not offered."),
    SECRET("BUREAU_MONEYBIRD_CLIENT_SECRET", moneybird_secret, "Its secret."),
    TEXT("BUREAU_MONEYBIRD_OAUTH_URL", moneybird_oauth, "https://moneybird.com/oauth",
         "Where people consent and tokens are given."),
    TEXT("BUREAU_MONEYBIRD_API_URL", moneybird_api, "https://moneybird.com/api/v2", "Its API."),
    SECRET("BUREAU_SECRET_KEY_PREVIOUS", previous_key,
           "The master key before the last change, until bureau-sync --rotate-keys has run."),
    TEXT("BUREAU_EGRESS_ADDRESS", address, "default",
         "Name of the address requests to providers leave from; same name, same budget."),
    TEXT("BUREAU_APP_URL", app_url, NULL,
         "Where browsers go after connecting a provider; none: a small page of ours."),
    NUMBER("BUREAU_SYNC_WORKERS", workers, "4", 0, 64, "threads",
           "How many jobs this process delivers at once."),
    NUMBER("BUREAU_SYNC_LEASE_S", lease_s, "45", 5, 60, "s",
           "How long a job is a worker's own; when it dies, another takes over then."),
    NUMBER("BUREAU_SYNC_RETRY_MS", retry_ms, "5000", 50, 60000, "ms",
           "The first wait after a transient fault; it doubles up to an hour."),
    NUMBER("BUREAU_SYNC_POLL_S", poll_s, "300", 1, 86400, "s",
           "How often calendars are looked at for changes made there."),
    NUMBER("BUREAU_MONEYBIRD_BUDGET", moneybird_budget, "150", 10, 100000, "requests in 5 minutes",
           "What Moneybird lets one address ask."),
    NUMBER("BUREAU_WEBHOOK_WORKERS", webhook_workers, "4", 0, 64, "threads",
           "How many webhooks this process sends at once."),
    {.name = "BUREAU_WEBHOOK_ALLOW_LOOPBACK",
     .type = SETTING_BOOL,
     .def = "false",
     .unit = "",
     .help = "Whether webhooks may go to this machine itself, also without TLS. For trials.",
     .target = &sync_settings.webhook_loopback},
    {0},
};

static const char *const google_required[] = {
    "https://www.googleapis.com/auth/calendar.events|https://www.googleapis.com/auth/calendar",
    "https://www.googleapis.com/auth/calendar.calendarlist.readonly"
    "|https://www.googleapis.com/auth/calendar",
    NULL};
static const char *const office_required[] = {
    "Calendars.ReadWrite|https://graph.microsoft.com/Calendars.ReadWrite",
    "User.Read|https://graph.microsoft.com/User.Read", NULL};
/* Invoices are seen by contacts, and by entries when they are made; settings by employees and
   projects. */
static const char *const moneybird_required[] = {"sales_invoices", "time_entries", "settings",
                                                 NULL};

const struct provider providers[] = {
    {.key = "google_calendar",
     .type = "calendar",
     .name = "Google Calendar",
     .description = "Connect your Google Calendar",
     .icon = "google",
     .scopes = "openid email https://www.googleapis.com/auth/calendar.events"
               " https://www.googleapis.com/auth/calendar.calendarlist.readonly",
     .required = google_required,
     .asked_more = "access_type=offline&prompt=consent",
     .pkce = true,
     .offline = true,
     .identify = google_identify,
     .judge = google_judge,
     .run = google_run},
    {.key = "office365_calendar",
     .type = "calendar",
     .name = "Office 365",
     .description = "Connect your Outlook calendar",
     .icon = "microsoft",
     .scopes = "openid email offline_access User.Read Calendars.ReadWrite",
     .required = office_required,
     .asked_more = "prompt=select_account",
     .pkce = true,
     .offline = true,
     .push_only = true,
     .planned = true,
     .identify = office_identify,
     .judge = office_judge,
     .run = office_run},
    {.key = "moneybird",
     .type = "invoicing",
     .name = "Moneybird",
     .description = "Track time and create invoices",
     .icon = "moneybird",
     .scopes = "sales_invoices time_entries settings",
     .required = moneybird_required,
     .identify = moneybird_identify,
     .judge = moneybird_judge,
     .run = moneybird_run,
     .budget = 150,
     .budget_s = 300},
    {0},
};

static struct endpoint endpoints[COUNT_OF(providers)];
static char moneybird_urls[3][512], office_urls[2][512];

const struct provider *provider_find(const char *key)
{
    for (const struct provider *p = providers; key != NULL && p->key != NULL; p++)
        if (strcmp(p->key, key) == 0)
            return p;
    return NULL;
}

const struct endpoint *provider_endpoint(const struct provider *provider)
{
    return &endpoints[provider - providers];
}

bool provider_is_configured(const struct provider *provider)
{
    const struct endpoint *e = provider_endpoint(provider);
    return provider->run != NULL && e->client_id != NULL && e->client_id[0] != '\0' &&
           e->client_secret != NULL && e->client_secret[0] != '\0';
}

static bool check_urls(const struct endpoint *e)
{
    const char *const urls[] = {e->auth_url, e->token_url, e->revoke_url, e->api_url,
                                e->userinfo_url};
    for (size_t i = 0; i < COUNT_OF(urls); i++)
        if (urls[i] != NULL && !http_url_allowed(urls[i])) {
            fprintf(stderr, "%s: provider addresses are https, or http to a loopback host\n",
                    urls[i]);
            return false;
        }
    return true;
}

bool provider_open(void)
{
    static const char *const below[] = {"authorize", "token", "revoke"};
    const struct sync_settings *s = &sync_settings;
    for (size_t i = 0; i < COUNT_OF(below); i++)
        snprintf(moneybird_urls[i], sizeof moneybird_urls[i], "%s/%s", s->moneybird_oauth,
                 below[i]);
    for (size_t i = 0; i < COUNT_OF(office_urls); i++)
        snprintf(office_urls[i], sizeof office_urls[i], "%s/%s", s->office_oauth, below[i]);
    endpoints[provider_find("google_calendar") - providers] =
        (struct endpoint){.client_id = s->google_id,
                          .client_secret = s->google_secret,
                          .auth_url = s->google_auth,
                          .token_url = s->google_token,
                          .api_url = s->google_api,
                          .revoke_url = s->google_revoke,
                          .userinfo_url = s->google_userinfo};
    endpoints[provider_find("office365_calendar") - providers] =
        (struct endpoint){.client_id = s->office_id,
                          .client_secret = s->office_secret,
                          .auth_url = office_urls[0],
                          .token_url = office_urls[1],
                          .api_url = s->office_api};
    endpoints[provider_find("moneybird") - providers] =
        (struct endpoint){.client_id = s->moneybird_id,
                          .client_secret = s->moneybird_secret,
                          .auth_url = moneybird_urls[0],
                          .token_url = moneybird_urls[1],
                          .api_url = s->moneybird_api,
                          .revoke_url = moneybird_urls[2]};
    /* A core dump would hold tokens. */
    (void)setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    (void)prctl(PR_SET_DUMPABLE, 0);
    for (size_t i = 0; i < COUNT_OF(endpoints); i++)
        if (!check_urls(&endpoints[i]))
            return false;
    return true;
}
