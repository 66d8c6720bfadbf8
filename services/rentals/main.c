/* The rentals service: parks, materials, events, and what is free when. */
#include "services/core/service.h"
#include "services/rentals/hooks.h"

static const struct hooks *const hooks_of[] = {&park_hooks, &material_hooks, &event_hooks};

int main(int argc, char **argv)
{
    static struct hooks hooks[COUNT_OF(hooks_of) + 1];
    for (size_t i = 0; i < COUNT_OF(hooks_of); i++)
        hooks[i] = *hooks_of[i];
    static const struct op ops[] = {
        {"park_materials", "park", park_materials, false},
        {"material_tags", "material", material_tags, false},
        {"attribute_list", "material", attribute_list, false},
        {"missing_materials", "event", missing_materials, false},
        {"inventories", "event", event_inventories, false},
        {"departure", "event", event_departure, true},
        {"return", "event", event_return, true},
        {"utilization", "", utilization, false},
        {"feed_list", "", feed_list, false},
        {"feed_create", "", feed_create, true},
        {"feed_delete", "", feed_delete, true},
        {"feed_read", "", feed_read, false},
        {0},
    };
    const struct service rentals = {.name = "rentals", .hooks = hooks, .ops = ops};
    return service_main(&rentals, argc, argv);
}
