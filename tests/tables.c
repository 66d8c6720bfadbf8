/*
 * bureau-tables - prints what scripts need from the tables: `bureau-tables openapi` (the document,
 * indented), `routes`, `resources`, `settings` (one line each, parted by tabs).
 */
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "proto/openapi.h"
#include "proto/resources.h"
#include "proto/routes.h"

static void new_line(int depth)
{
    putchar('\n');
    for (int i = 0; i < depth; i++)
        fputs("  ", stdout);
}

/* Length of the JSON string that starts at text, quotes included. */
static size_t string_length(const char *text)
{
    size_t len = 1;
    while (text[len] != '"')
        len += text[len] == '\\' ? 2 : 1;
    return len + 1;
}

/* One member a line, so that a change shows as the lines it touches. */
static void print_indented(const char *json)
{
    int depth = 0;
    for (const char *c = json; *c != '\0'; c++) {
        bool opens = *c == '{' || *c == '[', closes = *c == '}' || *c == ']';
        if (*c == '"') {
            size_t len = string_length(c);
            fwrite(c, 1, len, stdout);
            c += len - 1;
        } else if (opens && (c[1] == '}' || c[1] == ']')) {
            fwrite(c++, 1, 2, stdout);
        } else if (closes) {
            new_line(--depth);
            putchar(*c);
        } else {
            putchar(*c);
            if (opens || *c == ',')
                new_line(depth += opens ? 1 : 0);
            else if (*c == ':')
                putchar(' ');
        }
    }
    putchar('\n');
}

static void print_openapi(void)
{
    struct arena *arena = arena_new(1 << 16);
    struct buf out;
    buf_init(&out, arena);
    openapi_write(&out, NULL);
    print_indented(out.data);
    arena_destroy(arena);
}

static void print_routes(void)
{
    for (size_t i = 0; i < routes_count(); i++) {
        const struct route *r = routes_at(i);
        printf("%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r->verb, r->pattern, r->service, r->op,
               r->resource == NULL ? "-" : r->resource->name,
               r->dialect == DIALECT_LARAVEL ? "laravel" : "robert", role_name(r->least));
    }
}

static void print_resources(void)
{
    for (size_t i = 0; resources[i] != NULL; i++) {
        const struct resource *r = resources[i];
        printf("%s\t%s\t%s\t%s\t%s\n", r->name, r->path, r->service, r->table,
               r->dialect == DIALECT_LARAVEL ? "laravel" : "robert");
    }
}

static void print_settings(void)
{
    for (const struct setting *s = log_settings; s->name != NULL; s++)
        printf("%s\t%s\t%s\n", s->name, s->def == NULL ? "" : s->def, s->help);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*print)(void);
    } commands[] = {{"openapi", print_openapi},
                    {"routes", print_routes},
                    {"resources", print_resources},
                    {"settings", print_settings}};
    routes_open();
    for (size_t i = 0; argc == 2 && i < COUNT_OF(commands); i++)
        if (strcmp(argv[1], commands[i].name) == 0) {
            commands[i].print();
            return 0;
        }
    fprintf(stderr, "usage: bureau-tables openapi | routes | resources | settings\n");
    return 2;
}
