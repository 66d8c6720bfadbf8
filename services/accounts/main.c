/* The accounts service: people, organizations and what proves who somebody is. */
#include "common/crypto.h"
#include "proto/routes.h"
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

static bool open_accounts(void)
{
    routes_open();
    return crypto_open();
}

static const struct op ops[] = {
    {"identity", "", identity_op, false},
    {"register", "", register_op, true},
    {"login", "", login_op, false},
    {"token_login", "", token_login, false},
    {"signin", "", signin_op, false},
    {"logout", "", logout_op, true},
    {"csrf_cookie", "", csrf_cookie, false},
    {"me", "", me_op, false},
    {"token_list", "", token_list, false},
    {"token_create", "", token_create, true},
    {"token_delete", "", token_delete, true},
    {"token_revoke", "", token_revoke, true},
    {0},
};

int main(int argc, char **argv)
{
    const struct service accounts = {.name = "accounts",
                                     .settings = accounts_settings,
                                     .ops = ops,
                                     .open = open_accounts,
                                     .options = owner_options,
                                     .option = owner_option};
    return service_main(&accounts, argc, argv);
}
