/* The crm service: the address book and what happened with whom. */
#include "services/core/service.h"
#include "services/crm/hooks.h"

static const struct hooks *const hooks_of[] = {&person_hooks, &company_hooks, &custom_field_hooks};

int main(int argc, char **argv)
{
    static struct hooks hooks[COUNT_OF(hooks_of) + 1];
    for (size_t i = 0; i < COUNT_OF(hooks_of); i++)
        hooks[i] = *hooks_of[i];
    static const struct op ops[] = {
        {"duplicates", "client", client_duplicates, false},
        {"search", "tag", tag_search, false},
        {"persons", "tag", tag_persons, false},
        {"materials", "tag", tag_materials, false},
        {"search", "company", company_search, false},
        {"persons", "company", company_persons, false},
        {"tags", "person", person_tags, false},
        {0},
    };
    const struct service crm = {.name = "crm", .hooks = hooks, .ops = ops};
    return service_main(&crm, argc, argv);
}
