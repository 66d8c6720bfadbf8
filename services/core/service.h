/*
 * service.h - the whole main() of a service: settings, migrations, threads, receive, reply, drain.
 *
 * A service listens on the addresses of BUREAU_SERVICES that carry its name, answers batches with
 * one pipeline, answers op "ping" (readiness: PostgreSQL and schema version), serves /metrics text
 * through op "metrics", and leaves on SIGTERM after its requests in flight.
 */
#ifndef CORE_SERVICE_H
#define CORE_SERVICE_H

#include "common/config.h"
#include "services/core/call.h"

struct service {
    const char *name;               /* "crm": schema, login role bureau_crm, sql folder */
    const struct setting *settings; /* its own, or NULL */
    const struct hooks *hooks;      /* ends with {0}, or NULL */
    const struct op *ops;           /* ends with {0}, or NULL */
    /* Background work (mail, outbox, reminders): called once on a thread of its own with its own
       connection; returns when stop_asked(). NULL: none. */
    void (*background)(struct pg *pg);
    bool (*open)(void); /* once at start, before threads; NULL: none */
    /* Options the program handles itself before serving; returns the exit code. NULL: none. */
    const char *const *options;
    int (*option)(const char *option, int argc, char **argv);
};

int service_main(const struct service *service, int argc, char **argv);

/* Settings every service has, filled by service_main. */
struct service_settings {
    const char *database_url, *services, *secret_key, *public_url, *data;
    const char *smtp_url; /* NULL: mail becomes files */
    int64_t threads, password_min;
    const char *migrate_url, *bind; /* bind NULL: the first address of its name in services */
    int64_t slow_threads;
    bool pooler;            /* database_url is one */
    const char *listen_url; /* or NULL */
};
extern struct service_settings service_settings;
/* A new connection, as the service's role, for one thread; it connects at first use. application:
   shown in pg_stat_activity, or NULL for the program's name; must live as long as it. */
struct pg *service_connect(const char *application);
/* The same for a thread that says LISTEN: past the pooler, where the settings know a way. */
struct pg *service_connect_listener(void);

#endif
