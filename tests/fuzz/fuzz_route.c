/* Any path is matched or refused; what is matched has what its pattern promises. */
#include <stdlib.h>
#include <string.h>

#include "proto/routes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(enum err err, const struct route_match *match)
{
    if (err == ERR_OK) {
        bool id = strstr(match->route->pattern, "{id}") != NULL;
        if (match->route == NULL || match->id < 0 || (!id && match->id != 0))
            abort();
    } else if (err == ERR_METHOD) {
        if (match->allow == NULL || *match->allow == '\0' || strlen(match->allow) > 60)
            abort();
    } else if (err != ERR_NO_ROUTE) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const verbs[] = {"GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "TRACE"};
    routes_open();
    struct slice path = {(const char *)data, size};
    struct route_match match;
    for (size_t i = 0; i < COUNT_OF(verbs); i++)
        check(route_match(verbs[i], path, &match), &match);
    (void)route_dialect(path);
    return 0;
}
