/* The accounts service: people, organizations and what proves who somebody is. */
#include "services/accounts/hooks.h"
#include "services/accounts/settings.h"
#include "services/core/service.h"

struct owner_settings owner_settings;

const struct setting accounts_settings[] = {
    {.name = "BUREAU_ADMIN_EMAIL",
     .type = SETTING_TEXT,
     .def = "admin@bureau.local",
     .unit = "",
     .help = "E-mail of the first owner, made by --ensure-owner in an empty database.",
     .target = &owner_settings.email},
    {.name = "BUREAU_ADMIN_PASSWORD",
     .type = SETTING_TEXT,
     .flags = SETTING_SECRET,
     .unit = "",
     .help = "Her password; without it one is generated and printed once.",
     .target = &owner_settings.password},
    {.name = "BUREAU_ADMIN_PSEUDO",
     .type = SETTING_TEXT,
     .def = "admin",
     .unit = "",
     .help = "Her pseudo.",
     .target = &owner_settings.pseudo},
    {.name = "BUREAU_ADMIN_ORGANIZATION",
     .type = SETTING_TEXT,
     .def = "Default",
     .unit = "",
     .help = "Name of her organization.",
     .target = &owner_settings.organization},
    {0},
};

static const struct op ops[] = {
    {"identity", "", identity_op, false},
    {"register", "", register_op, true},
    /* their dry run is real: a trial without a trace would be a guess without a count */
    {"login", "", login_op, true, .own_dry_run = true, .admit = login_admit},
    {"token_login", "", token_login, true, .own_dry_run = true, .admit = token_admit},
    {"signin", "", signin_op, true, .own_dry_run = true, .admit = signin_admit},
    {"logout", "", logout_op, true},
    {"csrf_cookie", "", csrf_cookie, false},
    {"me", "", me_op, false},
    {"token_list", "", token_list, false},
    {"token_create", "", token_create, true},
    {"token_delete", "", token_delete, true},
    {"token_revoke", "", token_revoke, true},
    {"forgot_password", "", forgot_password, true},
    {"reset_password", "", reset_password, true},
    {"org_list", "", org_list, false},
    {"org_create", "", org_create, true},
    {"org_get", "", org_get, false},
    {"org_update", "", org_update, true},
    {"org_delete", "", org_delete, true},
    {"org_switch", "", org_switch, true},
    {"team_list", "", team_list, false},
    {"team_invite", "", team_invite, true},
    {"team_update", "", team_update, true},
    {"team_remove", "", team_remove, true},
    {"invitation_get", "", invitation_get, false},
    {"invitation_accept", "", invitation_accept, true},
    {"settings_get", "", settings_get, false},
    {"settings_update", "", settings_update, true},
    {"preferences_get", "", preferences_get, false},
    {"preferences_update", "", preferences_update, true},
    {"signup", "", signup_op, true},
    {"user_list", "", user_list, false},
    {"user_get", "", user_get, false},
    {"user_update", "", user_update, true},
    {"user_delete", "", user_delete, true},
    {"user_restore", "", user_restore, true},
    {"user_settings", "", user_settings, false},
    {"user_settings_update", "", user_settings_update, true},
    {0},
};

int main(int argc, char **argv)
{
    const struct service accounts = {.name = "accounts",
                                     .settings = accounts_settings,
                                     .ops = ops,
                                     .background = mail_background,
                                     .options = owner_options,
                                     .option = owner_option};
    return service_main(&accounts, argc, argv);
}
