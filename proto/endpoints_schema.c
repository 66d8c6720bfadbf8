#include "proto/endpoints_schema.h"

#include <string.h>

static const char *const roles[] = {"owner", "admin", "manager", "member", "user", "visitor", NULL};
static const char *const groups[] = {"admin", "member", "visitor", NULL};
static const char *const languages[] = {"EN", "FR", "NL", NULL};
static const char *const overlap[] = {"allow", "refuse", NULL};
static const char *const days[] = {"monday", "tuesday",  "wednesday", "thursday",
                                   "friday", "saturday", "sunday",    NULL};
static const char *const roundings[] = {"up", "nearest", "down", NULL};
static const char *const overbooking[] = {"report", "refuse", NULL};

static const struct field register_body[] = {
    {"name", F_TEXT, REQUIRED, .min = 1, .max = 255},
    {"email", F_EMAIL, REQUIRED, .max = 255},
    {"organization_name", F_TEXT, REQUIRED, .min = 1, .max = 255},
    {"timezone", F_ZONE, 0},
    {0},
};
/* The least length is a setting (BUREAU_PASSWORD_MIN); this is its default. */
static const struct field new_password[] = {
    {"password", F_TEXT, REQUIRED | EXACT, .min = 8, .max = 255},
    {"password_confirmation", F_TEXT, REQUIRED | EXACT, .max = 255},
    {0},
};
static const struct field login_body[] = {
    {"email", F_EMAIL, REQUIRED, .max = 255},
    {"password", F_TEXT, REQUIRED | EXACT, .max = 255},
    {"device_name", F_TEXT, 0, .max = 255},
    {0},
};
static const struct field forgot_body[] = {{"email", F_EMAIL, REQUIRED, .max = 255}, {0}};
static const struct field reset_body[] = {
    {"token", F_TEXT, REQUIRED, .max = 255},
    {"email", F_EMAIL, REQUIRED, .max = 255},
    {0},
};
static const struct field token_body[] = {
    {"name", F_TEXT, REQUIRED, .min = 1, .max = 255},
    {"expires_at", F_TIME, 0},
    {0},
};
static const struct field token_more[] = {{"abilities", F_LIST, 0}, {0}};
static const struct field organization_body[] = {
    {"name", F_TEXT, REQUIRED, .min = 1, .max = 255},
    {"timezone", F_ZONE, NOT_NULL},
    {"billing_email", F_EMAIL, 0, .max = 255},
    {0},
};
static const struct field role_body[] = {{"role", F_ENUM, REQUIRED, .values = roles}, {0}};
static const struct field invite_body[] = {
    {"email", F_EMAIL, REQUIRED, .max = 255},
    {"role", F_ENUM, REQUIRED, .values = roles},
    {0},
};
static const struct field settings_body[] = {
    {"name", F_TEXT, NOT_NULL, .min = 1, .max = 255},
    {"timezone", F_ZONE, NOT_NULL},
    {"language", F_ENUM, NOT_NULL, .values = languages},
    {"currency", F_TEXT, NOT_NULL, .max = 3},
    {"vat_rate", F_DECIMAL, NOT_NULL, .min = 0, .max = 100, .scale = 4},
    {"degressive_rate", F_TEXT, NOT_NULL, .max = 200},
    {"overbooking", F_ENUM, NOT_NULL, .values = overbooking},
    {"overlap", F_ENUM, NOT_NULL, .values = overlap},
    {"billing_email", F_EMAIL, 0, .max = 255},
    {"week_starts_on", F_ENUM, NOT_NULL, .values = days},
    {"street", F_TEXT, 0, .max = 191},
    {"postal_code", F_TEXT, 0, .max = 10},
    {"locality", F_TEXT, 0, .max = 191},
    {"country", F_TEXT, 0, .max = 2},
    {"phone", F_TEXT, 0, .max = 64},
    {"vat_number", F_TEXT, 0, .max = 32},
    {"legal_numbers", F_TEXT, 0, .max = 255},
    {0},
};
static const struct field preferences_body[] = {
    {"timezone", F_ZONE, NOT_NULL},
    {"work_hours_start", F_TEXT, NOT_NULL},
    {"work_hours_end", F_TEXT, NOT_NULL},
    {0},
};
static const struct field preferences_more[] = {
    {"work_days", F_LIST, NOT_NULL},
    {"preferences", F_JSON, 0},
    {"task_reminders_enabled", F_BOOL, 0},
    {"remind_day_before", F_BOOL, 0},
    {"remind_same_day", F_BOOL, 0},
    {"reminder_time", F_TEXT, 0},
    {0},
};
static const struct field signin_more[] = {
    {"identifier", F_TEXT, REQUIRED, .max = 255},
    {"password", F_TEXT, REQUIRED | EXACT, .min = 4, .max = 255},
    {0},
};
static const struct field signup_more[] = {
    {"pseudo", F_TEXT, REQUIRED, .min = 4, .max = 100, .chars = CHARS_ALNUM},
    {"email", F_EMAIL, REQUIRED, .min = 5, .max = 191},
    {"password", F_TEXT, REQUIRED | EXACT, .min = 8, .max = 255},
    {"group_id", F_ENUM, REQUIRED, .values = groups},
    {"invitation_token", F_TEXT, 0, .max = 255},
    {"person", F_JSON, 0},
    {0},
};
static const struct field user_settings_body[] = {
    {"language", F_ENUM, 0, .values = languages},
    {"auth_token_validity_duration", F_INT, 0, .min = 1, .max = 744},
    {0},
};
static const struct field locked_body[] = {
    {"start_date", F_DATE, REQUIRED},
    {"end_date", F_DATE, REQUIRED},
    {0},
};
static const struct field timer_body[] = {
    {"title", F_TEXT, 0, .min = 1, .max = 255},
    {"description", F_TEXT, 0, .max = 5000},
    {"start_time", F_TIME, 0},
    {"timezone", F_ZONE, NOT_NULL},
    {"color", F_COLOR, 0},
    {"is_billable", F_BOOL, NOT_NULL},
    {"client_id", F_INT, 0, .min = 1, .max = INT64_MAX},
    {"project_id", F_INT, 0, .min = 1, .max = INT64_MAX},
    {"calendar_id", F_INT, 0, .min = 1, .max = INT64_MAX},
    {0},
};
static const struct field timer_end[] = {{"end_time", F_TIME, 0}, {0}};
static const struct field planner_feed_body[] = {
    {"user_id", F_INT, 0, .min = 1, .max = INT64_MAX},
    {0},
};
static const struct field billed_body[] = {
    {"start", F_DATE, 0},
    {"end", F_DATE, REQUIRED},
    {"reference", F_TEXT, REQUIRED, .min = 1, .max = 255},
    {0},
};
static const struct field terms_body[] = {
    {"hourly_rate", F_DECIMAL, 0, .min = 0, .max = 9999999999, .scale = 2},
    {"rounding_minutes", F_INT, 0, .min = 0, .max = 240},
    {"rounding", F_ENUM, NOT_NULL, .values = roundings},
    {0},
};
static const char *const sync_directions[] = {"both", "push", "pull", NULL};
static const struct field administration_body[] = {
    {"administration_id", F_TEXT, REQUIRED, .max = 64},
    {0},
};
static const struct field calendar_body[] = {
    {"is_enabled", F_BOOL, NOT_NULL},
    {"sync_direction", F_ENUM, NOT_NULL, .values = sync_directions},
    {0},
};
static const struct field webhook_body[] = {
    {"url", F_URL, REQUIRED | NOT_NULL, .max = 2048},
    {"description", F_TEXT, .max = 255},
    {"resources", F_LIST, 0},
    {"events", F_LIST, 0},
    {"is_active", F_BOOL, NOT_NULL},
    {0},
};
static const struct field overlap_body[] = {{"overlap_hours", F_INT, NOT_NULL, .max = 168}, {0}};
static const struct field after_body[] = {
    {"after", F_INT, REQUIRED | NOT_NULL, .min = 0, .max = INT64_MAX}, {0}};
static const struct field bill_more[] = {
    {"discountRate", F_DECIMAL, 0, .min = 0, .max = 100},
    {0},
};
static const struct param link_query[] = {
    {"organization", .help = "Of a signed link (pdf_url): whose bill it is"},
    {"expires", .help = "Of a signed link: good until then, Unix seconds"},
    {"signature", .help = "Of a signed link: proof of the other two and the bill"},
    {0},
};
static const struct param report_query[] = {
    {"start", .help = "First day, YYYY-MM-DD; needed"},
    {"end", .help = "Last day, inclusive; needed"},
    {"group_by", .help = "client, project (default), user, day, or several of them: client,day"},
    {"user_id", .help = "Only work of this user", .type = F_INT},
    {"client_id", .help = "Only work for this client", .type = F_INT},
    {"project_id", .help = "Only work on this project", .type = F_INT},
    {"billable", .help = "Only billable work, or only what is not", .type = F_BOOL},
    {"format", .help = "json (default) or csv"},
    {0},
};
static const struct param days_query[] = {
    {"start", .help = "First day, YYYY-MM-DD"},
    {"end", .help = "Last day, inclusive"},
    {0},
};
static const struct param reference_query[] = {
    {"reference", .help = "What the hours were billed with; needed"},
    {0},
};
static const struct param jobs_query[] = {
    {"status", .help = "failed, pending or running"},
    {"page", .help = "Page, from 1", .type = F_INT},
    {"per_page", .help = "Rows a page, at most 100 (15)", .type = F_INT},
    {0},
};
static const struct param deliveries_query[] = {
    {"status", .help = "pending, delivered or failed"},
    {"page", .help = "Page, from 1", .type = F_INT},
    {"per_page", .help = "Rows a page, at most 100 (15)", .type = F_INT},
    {0},
};
static const struct param changes_query[] = {
    {"after", .help = "Number of the last change that is known (0)", .type = F_INT},
    {"limit", .help = "Changes at once, at most 500 (100)", .type = F_INT},
    {0},
};
static const struct param search_query[] = {
    {"q", .help = "Words, each of which must occur; needed"},
    {"types", .help = "Only these, parted by commas: clients, contacts, events …"},
    {"per_page", .help = "Rows, at most 50", .type = F_INT},
    {0},
};
static const struct param import_query[] = {
    {"mode", .help = "create (default), update or upsert"},
    {"key", .help = "How a record is found: external_id (default) or email"},
    {"dry_run", .help = "1: everything is checked, nothing is kept"},
    {"mapping", .help = "Header:field,Header:field"},
    {"delimiter", .help = "One of , ; | or tab"},
    {0},
};
static const struct param users_query[] = {
    {"page", .help = "Page, from 1", .type = F_INT},
    {"search", .help = "Part of a searched field"},
    {"searchBy", .help = "Field to search in"},
    {"orderBy", .help = "Field to sort by"},
    {"ascending", .help = "0 sorts downwards"},
    {"deleted", .help = "1 lists the trash"},
    {0},
};
/* clang-format off */
#define CHANGES_QUERY                                                                              \
    {"from", .help = "Only changes since then: a day of the caller, or an instant"},               \
    {"to", .help = "Only changes until then; a day belongs to it"},                                \
    {"per_page", .help = "Rows of a page, at most 200", .type = F_INT},                            \
    {"cursor", .help = "Empty for the first page by cursor, then meta.next_cursor"}
/* clang-format on */
static const struct param audit_query[] = {
    {"page", .help = "Page, from 1", .type = F_INT},
    {"resource", .help = "Only changes of this resource"},
    {"row_id", .help = "Only changes of this record", .type = F_INT},
    {"user_id", .help = "Only changes by this user", .type = F_INT},
    {"op", .help = "Only this operation"},
    CHANGES_QUERY,
    {0},
};
static const struct param history_query[] = {CHANGES_QUERY, {0}};
static const struct param consent_query[] = {
    {"state", .help = "As the address of the consent had it"},
    {"code", .help = "The provider's code"},
    {"error", .help = "Why nobody consented"},
    {0},
};
static const struct param connected_query[] = {
    {"provider", .help = "Whose connection it was"},
    {"status", .help = "connected or failed"},
    {"reason", .help = "Why it failed"},
    {0},
};
static const struct param utilization_query[] = {
    {"start", .help = "First day, YYYY-MM-DD; needed"},
    {"end", .help = "Last day, at most 366 days in all; needed"},
    {"park", .help = "Materials of this park only"},
    {"category", .help = "Materials of this category only"},
    {0},
};

static const struct field feed_more[] = {{"park_id", F_INT, 0, .min = 1, .max = INT64_MAX}, {0}};
static const struct field moved_more[] = {{"materials", F_LIST, REQUIRED}, {0}};

static const struct endpoint_schema schemas[] = {
    {"accounts", "register", register_body, new_password},
    {"accounts", "login", login_body},
    {"accounts", "logout", .no_body = true},
    {"accounts", "forgot_password", forgot_body},
    {"accounts", "reset_password", reset_body, new_password},
    {"accounts", "token_login", login_body},
    {"accounts", "token_revoke", .no_body = true},
    {"accounts", "token_create", token_body, token_more},
    {"accounts", "token_delete", .no_body = true},
    {"accounts", "org_create", organization_body},
    {"accounts", "org_update", organization_body, .partial = true},
    {"accounts", "org_delete", .no_body = true},
    {"accounts", "org_switch", .no_body = true},
    {"accounts", "team_invite", invite_body},
    {"accounts", "team_update", role_body},
    {"accounts", "team_remove", .no_body = true},
    {"accounts", "invitation_accept", .no_body = true},
    {"accounts", "settings_update", settings_body, .partial = true},
    {"accounts", "preferences_update", preferences_body, preferences_more, .partial = true},
    {"accounts", "signin", NULL, signin_more},
    {"accounts", "signup", NULL, signup_more},
    {"accounts", "user_update", NULL, signup_more, .partial = true},
    {"accounts", "user_delete", .no_body = true},
    {"accounts", "user_restore", .no_body = true},
    {"accounts", "user_settings_update", user_settings_body, .partial = true},
    {"accounts", "user_list", .query = users_query},
    {"accounts", "audit_list", .query = audit_query},
    {"", "history", .query = history_query},
    {"crm", "search", .query = search_query},
    {"crm", "import", .query = import_query},
    {"crm", "import_cancel", .no_body = true},
    {"billing", "locked_create", locked_body},
    {"billing", "locked_delete", .no_body = true},
    {"billing", "bill_create", NULL, bill_more, .partial = true},
    {"billing", "finalize", .no_body = true},
    {"billing", "credit_note", .no_body = true},
    {"billing", "sync", .no_body = true},
    {"billing", "timer_start", timer_body, .partial = true},
    {"billing", "timer_update", timer_body, .partial = true},
    {"billing", "timer_stop", timer_body, timer_end, .partial = true},
    {"billing", "timer_discard", .no_body = true},
    {"billing", "planner_feed_create", planner_feed_body, .partial = true},
    {"billing", "planner_feed_delete", .no_body = true},
    {"billing", "bill_pdf", .query = link_query, .type = "application/download"},
    {"billing", "pdf", .query = link_query, .type = "application/download"},
    {"billing", "ubl", .type = "application/xml"},
    {"billing", "planner_feed_read", .type = "text/calendar"},
    {"billing", "hours_bill", billed_body},
    {"billing", "hours_unbill", .query = reference_query, .no_body = true},
    {"billing", "unbilled_hours", .query = days_query},
    {"billing", "time_report", .query = report_query},
    {"billing", "terms_update", terms_body, .partial = true},
    {"sync", "connect", .no_body = true},
    {"sync", "disconnect", .no_body = true},
    {"sync", "integration_sync", .no_body = true},
    {"sync", "calendar_sync", .no_body = true},
    {"sync", "administration_choose", administration_body},
    {"sync", "calendar_update", calendar_body, .partial = true},
    {"sync", "job_list", .query = jobs_query},
    {"sync", "job_retry", .no_body = true},
    {"sync", "change_list", .query = changes_query},
    {"sync", "webhook_deliveries", .query = deliveries_query},
    {"sync", "google_notified", .no_body = true},
    {"sync", "webhook_create", webhook_body},
    {"sync", "webhook_update", webhook_body, .partial = true},
    {"sync", "webhook_delete", .no_body = true},
    {"sync", "webhook_rotate", overlap_body, .partial = true},
    {"sync", "webhook_test", .no_body = true},
    {"sync", "webhook_rewind", after_body},
    {"sync", "webhook_replay", .no_body = true},
    {"sync", "connected", .query = connected_query, .type = "text/html"},
    {"sync", "callback", .query = consent_query, .type = "text/html"},
    {"rentals", "utilization", .query = utilization_query},
    {"rentals", "feed_create", NULL, feed_more, .partial = true},
    {"rentals", "feed_delete", .no_body = true},
    {"rentals", "departure", NULL, moved_more},
    {"rentals", "return", NULL, moved_more},
    {"rentals", "feed_read", .type = "text/calendar"},
};

const struct endpoint_schema *endpoint_schema_find(const char *service, const char *op)
{
    for (size_t i = 0; i < COUNT_OF(schemas); i++)
        if (strcmp(schemas[i].op, op) == 0 &&
            (schemas[i].service[0] == '\0' || strcmp(schemas[i].service, service) == 0))
            return &schemas[i];
    return NULL;
}
