#include "common/err.h"

#include <string.h>

static const struct {
    int status;
    bool transient;
    const char *name, *meaning;
} errors[] = {
#define ERR(name, status, transient, meaning) {status, transient, #name, meaning},
#include "common/err.def"
#undef ERR
};

int err_status(enum err err) { return errors[err].status; }
bool err_is_transient(enum err err) { return errors[err].transient; }
const char *err_name(enum err err) { return errors[err].name; }
const char *err_meaning(enum err err) { return errors[err].meaning; }

enum err err_of(int64_t number)
{
    return number >= 0 && number < (int64_t)COUNT_OF(errors) ? (enum err)number : ERR_INTERNAL;
}

enum err err_named(const char *name)
{
    for (size_t i = 1; i < COUNT_OF(errors); i++)
        if (strcmp(errors[i].name, name) == 0)
            return (enum err)i;
    return ERR_INTERNAL;
}
