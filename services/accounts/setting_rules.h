/* setting_rules.h - what settings may look like. Pure. */
#ifndef ACCOUNTS_SETTING_RULES_H
#define ACCOUNTS_SETTING_RULES_H

#include "common/base.h"

bool setting_is_currency(const char *text); /* three capital letters */
bool setting_is_country(const char *text);  /* two capitals, ISO 3166-1 */
bool setting_is_clock(const char *text);    /* "08:00" to "23:59", or "24:00" */

#endif
