/* settings.h - settings of this program beside those of every service. */
#ifndef ACCOUNTS_SETTINGS_H
#define ACCOUNTS_SETTINGS_H

#include "common/config.h"

struct owner_settings {
    const char *email, *pseudo, *organization;
    const char *password; /* NULL: one is made and printed */
};
extern struct owner_settings owner_settings;
extern const struct setting accounts_settings[];

#endif
