/* The sync service: integrations and what is delivered to them. */
#include "services/core/service.h"

int main(int argc, char **argv)
{
    const struct service sync = {.name = "sync"};
    return service_main(&sync, argc, argv);
}
