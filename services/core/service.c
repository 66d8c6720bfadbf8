/* The whole main() of a service. */
#include "services/core/service.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/crypto.h"
#include "common/log.h"
#include "common/stop.h"
#include "proto/addresses.h"
#include "proto/routes.h"
#include "services/core/audit.h"
#include "services/core/idempotency.h"
#include "services/core/migrate.h"
#include "services/core/settings.h"
#include "services/core/worker.h"

enum { DRAIN_MS = 10000, BACKGROUND_STACK_BYTES = 1 << 20 };

static const struct service *self;
static char role[64];    /* bureau_crm */
static char program[64]; /* bureau-crm */

struct pg *service_connect(const char *application)
{
    const char *url = service_settings.database_url;
    const char *name = application == NULL ? program : application;
    return service_settings.pooler ? pg_open_pooled(url, name, role) : pg_open_as(url, name, role);
}

struct pg *service_connect_listener(void)
{
    const char *url = service_settings.listen_url;
    return url == NULL ? service_connect(NULL) : pg_open_as(url, program, role);
}

/* share/sql beside the program's bin/, or where the build left it. */
static const char *sql_dir(struct arena *arena)
{
    char path[PATH_MAX];
    struct stat found;
    ssize_t len = readlink("/proc/self/exe", path, sizeof path - 1);
    path[len > 0 ? len : 0] = '\0';
    for (int up = 0; up < 2 && strrchr(path, '/') != NULL; up++)
        *strrchr(path, '/') = '\0';
    const char *dir = arena_printf(arena, "%s/share/sql", path);
    return stat(dir, &found) == 0 ? dir : BUREAU_SQL_DIR;
}

/* Every route of this service must find its op, and every unsafe one a write, for only these take
   an Idempotency-Key: else it is a defect seen at the start. */
static bool ops_are_bound(void)
{
    bool good = true;
    routes_open();
    for (size_t i = 0; i < routes_count(); i++) {
        const struct route *r = routes_at(i);
        if (strcmp(r->service, self->name) != 0 || op_is_fit(self, r))
            continue;
        good = false;
        log_event(LOG_ERROR, "op_unfit", NULL, "op", r->op, "route", r->pattern, NULL);
    }
    return good;
}

static bool start_thread(void *(*run)(void *), void *argument)
{
    pthread_t id;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, BACKGROUND_STACK_BYTES);
    return pthread_create(&id, &attributes, run, argument) == 0 && pthread_detach(id) == 0;
}

static void *background_main(void *connection)
{
    self->background(connection);
    return NULL;
}

static bool listen_all(struct arena *arena)
{
    const char *address = settings_address(arena, self->name);
    return address != NULL && listen_open(address, false, service_settings.threads, self) &&
           listen_open(address_slow(arena, address), true, service_settings.slow_threads, self);
}

/* One service is enough to seal everybody's changes. */
static bool seals_audit(void) { return strcmp(self->name, "accounts") == 0; }

static bool start_all(void)
{
    if (!listen_start() || !start_thread(purge_main, service_connect(NULL)))
        return false;
    if (seals_audit() && !start_thread(audit_main, service_connect(NULL)))
        return false;
    return self->background == NULL || start_thread(background_main, service_connect_listener());
}

static int serve(void)
{
    struct arena *arena = arena_new(4096); /* addresses: as long as the process */
    idempotency_open(service_settings.secret_key);
    if (!ops_are_bound() || !ping_open(sql_dir(arena)) || (self->open != NULL && !self->open()))
        return 1;
    if (!listen_all(arena) || !start_all())
        return 1;
    log_event(LOG_INFO, "started", NULL, "address", settings_address(arena, self->name), "version",
              BUREAU_VERSION, NULL);
    while (!stop_wait_ms(60000))
        ;
    bool drained = listen_drain(DRAIN_MS);
    log_event(LOG_INFO, "stopped", NULL, "drained", drained ? "yes" : "no", NULL);
    _exit(0); /* closing a loaded REP socket hangs with nng 1.5.2 */
}

static int migrate(void)
{
    struct arena *arena = arena_new(4096);
    enum err err = migrate_run(service_settings.migrate_url, sql_dir(arena));
    arena_destroy(arena);
    return err == ERR_OK ? 0 : 1;
}

/* For probes of an orchestrator: --ping asks whether the running copy is ready, --alive whether it
   answers at all. */
static int probe(bool only_alive)
{
    struct arena *arena = arena_new(4096);
    return ping_main(settings_address(arena, self->name), only_alive);
}

/* The options a program handles itself: ours, then the service's. */
static const char *const *all_options(const struct service *service)
{
    static const char *options[16] = {"--migrate", "--verify-audit", "--ping", "--alive"};
    size_t n = 4;
    for (const char *const *o = service->options; o != NULL && *o != NULL; o++)
        if (n + 1 < COUNT_OF(options))
            options[n++] = *o;
    return options;
}

int service_main(const struct service *service, int argc, char **argv)
{
    const struct setting *tables[4] = {core_settings, log_settings, service->settings, NULL};
    self = service;
    snprintf(role, sizeof role, "bureau_%s", service->name);
    snprintf(program, sizeof program, "bureau-%s", service->name);
    if (!crypto_open()) {
        fprintf(stderr, "%s: libsodium cannot be started\n", program);
        return 1;
    }
    if (argc > 1 && strcmp(argv[1], "--check-config") == 0)
        return settings_check_main(program, service->name, tables);
    int option = config_main(program, tables, all_options(service), argc, argv);
    if (!settings_complete(service->name))
        return 2;
    log_open(program);
    stop_open();
    if (option > 0 && (strcmp(argv[option], "--ping") == 0 || strcmp(argv[option], "--alive") == 0))
        return probe(strcmp(argv[option], "--alive") == 0);
    if (option > 0 && strcmp(argv[option], "--migrate") == 0)
        return migrate();
    if (!settings_secret())
        return 2;
    if (option > 0 && strcmp(argv[option], "--verify-audit") == 0)
        return audit_verify_main(service_connect(NULL));
    if (option > 0)
        return service->option(argv[option], argc, argv);
    return serve();
}
