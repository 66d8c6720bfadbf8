/*
 * config.h - settings from the environment through a table; --help, --version, --show-config and
 * --check-config are derived from it. NAME_FILE=path reads the value from a file (trailing newline
 * cut). An unreadable or unfit value stops the start with a message that says what to do.
 */
#ifndef COMMON_CONFIG_H
#define COMMON_CONFIG_H

#include "common/base.h"

enum setting_type { SETTING_TEXT, SETTING_INT, SETTING_BOOL };
enum { SETTING_SECRET = 1, SETTING_REQUIRED = 2 };

struct setting {
    const char *name; /* BUREAU_PORT */
    enum setting_type type;
    unsigned flags;
    const char *def;  /* NULL: none */
    int64_t min, max; /* SETTING_INT only; both 0: any */
    const char *unit; /* "requests a minute", "" */
    const char *help; /* one sentence */
    void *target;     /* const char ** | int64_t * | bool *: filled by config_load */
};

/* Tables end with {0}. Values live until the process ends. Prints faults on stderr; false on any.
 */
bool config_load(const struct setting *const *tables) MUST_USE;
/* Registers what judges the values as wholes once all are set, before config_main: false after
   saying on stderr what is wrong. Counts as a fault at the start and with --check-config. */
void config_judge(bool (*judge)(void));
/*
 * Reads argv: answers --help, --version, --show-config, --check-config and unknown options itself
 * (prints, then exits 0 or 2); otherwise loads the tables (exit 2 on a fault) and returns the index
 * of the first argument it does not know when it is in `extra` (NULL-terminated list of options the
 * program handles itself, e.g. "--migrate"), or 0.
 */
int config_main(const char *program, const struct setting *const *tables, const char *const *extra,
                int argc, char **argv);

#endif
