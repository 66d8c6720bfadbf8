#include "services/core/settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/addresses.h"
#include "services/core/pg.h"

enum { SECRET_MIN = 16, SECRET_MAX = 1024, PATH_BYTES = 4096 };

struct service_settings service_settings;
static int64_t port;

const struct setting core_settings[] = {
    {"BUREAU_DATA", SETTING_TEXT, 0, "./var", .help = "Directory of sockets, mail, the secret key.",
     .target = &service_settings.data},
    {"BUREAU_DATABASE_URL", SETTING_TEXT, SETTING_SECRET, NULL,
     .help =
         "PostgreSQL, as a libpq URL or conninfo; without it the private one under BUREAU_DATA.",
     .target = &service_settings.database_url},
    {"BUREAU_DATABASE_POOLER", SETTING_BOOL, 0, "false",
     .help = "BUREAU_DATABASE_URL is a pooler in transaction mode, such as PgBouncer.",
     .target = &service_settings.pooler},
    {"BUREAU_LISTEN_DATABASE_URL", SETTING_TEXT, SETTING_SECRET, NULL,
     .help = "With a pooler: the same without it, for LISTEN; without it queues are polled.",
     .target = &service_settings.listen_url},
    {"BUREAU_MIGRATE_DATABASE_URL", SETTING_TEXT, SETTING_SECRET, NULL,
     .help = "The same as the owner of the schema, for --migrate; without it BUREAU_DATABASE_URL.",
     .target = &service_settings.migrate_url},
    {"BUREAU_SERVICES", SETTING_TEXT, 0, NULL,
     .help = "Addresses of the services, name=url,name=url; without it ipc:// under BUREAU_DATA.",
     .target = &service_settings.services},
    {"BUREAU_BIND", SETTING_TEXT, 0, NULL,
     .help = "Where this service listens; without it its first address in BUREAU_SERVICES.",
     .target = &service_settings.bind},
    {"BUREAU_SECRET_KEY", SETTING_TEXT, SETTING_SECRET, NULL,
     .help = "Master key, at least 16 characters; without it BUREAU_DATA/secret.key is read.",
     .target = &service_settings.secret_key},
    {"BUREAU_PORT", SETTING_INT, 0, "8080", 1, 65535, "",
     .help = "Port of the gateway; only the default of BUREAU_PUBLIC_URL needs it here.",
     .target = &port},
    {"BUREAU_PUBLIC_URL", SETTING_TEXT, 0, NULL,
     .help = "How the world reaches the gateway; without it http://127.0.0.1:BUREAU_PORT.",
     .target = &service_settings.public_url},
    {"BUREAU_SMTP_URL", SETTING_TEXT, SETTING_SECRET, NULL,
     .help = "smtp://user:pass@host:587; without it mail is written as files under BUREAU_DATA.",
     .target = &service_settings.smtp_url},
    {"BUREAU_PASSWORD_MIN", SETTING_INT, 0, "8", 4, 128, "characters",
     .help = "Shortest password accepted anywhere.", .target = &service_settings.password_min},
    {"BUREAU_SERVICE_THREADS", SETTING_INT, 0, "3", 1, 64, "threads",
     .help = "Threads, each with a connection to PostgreSQL, for ordinary requests.",
     .target = &service_settings.threads},
    {"BUREAU_SERVICE_SLOW_THREADS", SETTING_INT, 0, "2", 1, 64, "threads",
     .help = "The same for slow requests (reports, bulk, sign-in).",
     .target = &service_settings.slow_threads},
    {0},
};

/* Text that lives as long as the process. */
static const char *keep(const char *format, const char *text)
{
    static struct arena *arena;
    if (arena == NULL)
        arena = arena_new(1024);
    struct buf buf;
    buf_init(&buf, arena);
    for (; *format != '\0'; format++)
        if (*format == '*')
            buf_puts(&buf, text);
        else
            buf_putc(&buf, *format);
    return buf.data;
}

static void set_defaults(void)
{
    struct service_settings *s = &service_settings;
    char absolute[PATH_BYTES], number[24];
    if (s->data[0] != '/' && realpath(s->data, absolute) != NULL)
        s->data =
            keep("*", absolute); /* libpq takes a host for a directory when it starts with / */
    bool given = s->database_url != NULL;
    if (!given)
        s->database_url = keep("host=*/run user=bureau_app dbname=bureau", s->data);
    if (s->migrate_url == NULL)
        s->migrate_url =
            given ? s->database_url : keep("host=*/run user=bureau dbname=bureau", s->data);
    snprintf(number, sizeof number, "%lld", (long long)port);
    if (s->public_url == NULL)
        s->public_url = keep("http://127.0.0.1:*", number);
}

static bool starts(const char *text, const char *a, const char *b)
{
    return strncmp(text, a, strlen(a)) == 0 || strncmp(text, b, strlen(b)) == 0;
}

static bool check_database(const char *name, const char *conninfo)
{
    char reason[256];
    if (pg_check(conninfo, reason, sizeof reason))
        return true;
    fprintf(stderr,
            "%s is no PostgreSQL address: %s. Write postgresql://user@host/db or"
            " \"host=… dbname=…\".\n",
            name, reason);
    return false;
}

static bool check_addresses(const char *service)
{
    const struct service_settings *s = &service_settings;
    const char *reason = NULL;
    if (s->services != NULL && !addresses_check(s->services, &reason)) {
        fprintf(stderr, "BUREAU_SERVICES=%s: %s. Write crm=tcp://host:7002,rentals=….\n",
                s->services, reason);
        return false;
    }
    if (s->bind != NULL && !starts(s->bind, "ipc://", "tcp://") &&
        !starts(s->bind, "ws://", "inproc://")) {
        fprintf(stderr, "BUREAU_BIND=%s starts with none of ipc:// tcp:// ws://.\n", s->bind);
        return false;
    }
    struct arena *arena = arena_new(1024);
    bool has = settings_address(arena, service) != NULL;
    arena_destroy(arena);
    if (!has)
        fprintf(stderr,
                "BUREAU_SERVICES names no address of %s: add %s=… to it or set"
                " BUREAU_BIND.\n",
                service, service);
    return has;
}

static bool check_urls(void)
{
    const struct service_settings *s = &service_settings;
    bool good = true;
    if (!starts(s->public_url, "http://", "https://")) {
        fprintf(stderr, "BUREAU_PUBLIC_URL=%s starts with neither http:// nor https://.\n",
                s->public_url);
        good = false;
    }
    if (s->smtp_url != NULL && !starts(s->smtp_url, "smtp://", "smtps://")) {
        fprintf(stderr, "BUREAU_SMTP_URL starts with neither smtp:// nor smtps://.\n");
        good = false;
    }
    return good;
}

bool settings_complete(const char *service)
{
    set_defaults();
    bool good = check_database("BUREAU_DATABASE_URL", service_settings.database_url);
    good = check_database("BUREAU_MIGRATE_DATABASE_URL", service_settings.migrate_url) && good;
    if (service_settings.listen_url != NULL)
        good = check_database("BUREAU_LISTEN_DATABASE_URL", service_settings.listen_url) && good;
    good = check_addresses(service) && good;
    return check_urls() && good;
}

bool settings_secret(void)
{
    static char text[SECRET_MAX + 1];
    const char *key = service_settings.secret_key;
    if (key == NULL) {
        const char *path = keep("*/secret.key", service_settings.data);
        FILE *file = fopen(path, "re");
        if (file == NULL) {
            fprintf(stderr,
                    "BUREAU_SECRET_KEY is not set and %s cannot be read: %s. deploy/up makes"
                    " one, or write 32 random characters there.\n",
                    path, strerror(errno));
            return false;
        }
        size_t n = fread(text, 1, SECRET_MAX, file);
        fclose(file);
        while (n > 0 && strchr(" \t\r\n", text[n - 1]) != NULL)
            text[--n] = '\0';
        key = text;
    }
    if (strlen(key) < SECRET_MIN) {
        fprintf(stderr, "BUREAU_SECRET_KEY is shorter than %d characters: make a longer one.\n",
                SECRET_MIN);
        return false;
    }
    service_settings.secret_key = key;
    return true;
}

int settings_check_main(const char *program, const char *service,
                        const struct setting *const *tables)
{
    bool good = config_load(tables);
    if (good) {
        good = settings_complete(service);
        good = settings_secret() && good;
    }
    printf("%s: configuration %s\n", program, good ? "is good" : "has faults");
    return good ? 0 : 2;
}

const char *settings_address(struct arena *arena, const char *service)
{
    const char *list[ADDRESSES_MAX];
    if (service_settings.bind != NULL)
        return service_settings.bind;
    size_t n = addresses_of(arena, service_settings.services, service_settings.data, service, list);
    return n == 0 ? NULL : list[0];
}
