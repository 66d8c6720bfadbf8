/* The crm service: the address book and what happened with whom. */
#include "common/stop.h"
#include "services/core/service.h"
#include "services/crm/hooks.h"
#include "services/crm/import.h"

static const struct hooks *const hooks_of[] = {&contact_hooks, &person_hooks, &company_hooks,
                                               &custom_field_hooks};

enum { IDLE_MS = 500, ARENA_BYTES = 1 << 20 };

static void background(struct pg *pg)
{
    struct arena *arena = arena_new(ARENA_BYTES);
    struct csv_reader *reader = csv_reader_new(arena_new(CSV_CELL_BYTES + 4096));
    while (!stop_wait_ms(IDLE_MS)) {
        do {
            reminders_work(pg, arena);
            custom_purge_work(pg, arena);
        } while (!stop_asked() && import_work(pg, reader, arena));
    }
    arena_destroy(arena);
}

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
        {"import", "client", import_start, true, true},
        {"import", "contact", import_start, true, true},
        {"import", "communication", import_start, true, true},
        {"import_part", "client", import_part, true},
        {"import_part", "contact", import_part, true},
        {"import_part", "communication", import_part, true},
        {"purge", "custom_field", custom_purge, true},
        {"search", "", search_all, false},
        {"custom_schemas", "", custom_schemas, false},
        {"import_list", "", import_list, false},
        {"import_get", "", import_get, false},
        {"import_cancel", "", import_cancel, true},
        {0},
    };
    const struct service crm = {
        .name = "crm", .hooks = hooks, .ops = ops, .background = background};
    return service_main(&crm, argc, argv);
}
