/* settings.h - the settings every service has: table, defaults that depend on others, checks. */
#ifndef CORE_SETTINGS_H
#define CORE_SETTINGS_H

#include "common/arena.h"
#include "services/core/service.h"

extern const struct setting core_settings[];

/* Fills what depends on BUREAU_DATA and BUREAU_PORT, then checks everything but the secret key.
   Prints each fault on stderr with what to do; false on any. */
bool settings_complete(const char *service) MUST_USE;
/* The secret key from its setting or $BUREAU_DATA/secret.key; false with words on stderr. */
bool settings_secret(void) MUST_USE;
/* --check-config: everything above; the program's exit code. */
int settings_check_main(const char *program, const char *service,
                        const struct setting *const *tables);
/* Where the service listens, in the arena; NULL: nowhere (settings_complete refused it). */
const char *settings_address(struct arena *arena, const char *service);

#endif
