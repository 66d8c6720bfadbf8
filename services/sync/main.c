/* The sync service: integrations and what is delivered to them. */
#include <string.h>

#include "services/core/service.h"
#include "services/sync/ops.h"
#include "services/sync/secrets.h"

static const struct op ops[] = {
    {"connect", "", oauth_connect, true},
    {"callback", "", oauth_callback, false},
    {"connected", "", oauth_page, false},
    {"disconnect", "", oauth_disconnect, true, .afterwards = oauth_disconnected},
    {"integration_list", "", integration_list, false},
    {"integration_available", "", integration_available, false},
    {"integration_calendars", "", integration_calendars, false},
    {"integration_sync", "", integration_sync, true},
    {"administration_list", "", administration_list, false},
    {"administration_choose", "", administration_choose, true},
    {"calendar_update", "", calendar_update, true},
    {"calendar_sync", "", calendar_sync, true},
    {"job_list", "", job_list, false},
    {"job_retry", "", job_retry, true},
    {"change_list", "", change_list, false},
    {"google_notified", "", google_notified, true},
    {"webhook_list", "", webhook_list, false},
    {"webhook_get", "", webhook_get, false},
    {"webhook_create", "", webhook_create, true},
    {"webhook_update", "", webhook_update, true},
    {"webhook_delete", "", webhook_delete, true},
    {"webhook_rotate", "", webhook_rotate, true},
    {"webhook_test", "", webhook_test, true},
    {"webhook_rewind", "", webhook_rewind, true},
    {"webhook_deliveries", "", webhook_deliveries, false},
    {"webhook_replay", "", webhook_replay, true},
    {0},
};

static bool open_all(void)
{
    http_open();
    secrets_open();
    return provider_open();
}

static int rotate(const char *option, int argc, char **argv)
{
    (void)option;
    (void)argc;
    (void)argv;
    secrets_open();
    struct pg *pg = service_connect(NULL);
    int code = secrets_rotate_main(pg);
    pg_close(pg);
    return code;
}

int main(int argc, char **argv)
{
    static const char *const options[] = {"--rotate-keys", NULL};
    const struct service sync = {.name = "sync",
                                 .settings = sync_setting_table,
                                 .ops = ops,
                                 .open = open_all,
                                 .background = worker_background,
                                 .options = options,
                                 .option = rotate};
    return service_main(&sync, argc, argv);
}
