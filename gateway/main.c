#include <civetweb.h>
#include <inttypes.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/crypto.h"
#include "common/log.h"
#include "common/stop.h"
#include "gateway/config.h"
#include "gateway/exchange.h"
#include "gateway/turn.h"
#include "gateway/upstream.h"

enum { ARENA_BYTES = 16384, DRAIN_MS = 15000, MAINTAIN_MS = 200 };

/* civetweb only carries; every request is answered here. Returns the status it then forgets. */
static int on_request(struct mg_connection *connection, void *unused)
{
    struct arena *arena = mg_get_thread_pointer(connection);
    struct exchange *x = arena_alloc(arena, sizeof *x);
    (void)unused;
    x->arena = arena;
    x->started_us = clock_mono_us();
    x->http = request_current();
    x->closes = request_closes();
    pipeline_run(x, connection);
    request_done(x->closes);
    arena_reset(arena);
    return 200;
}

static void *on_thread(const struct mg_context *context, int kind)
{
    (void)context;
    if (kind != 1) /* 1: a thread that serves connections */
        return NULL;
    turn_prepare();
    return arena_new(ARENA_BYTES);
}

static void on_thread_end(const struct mg_context *context, int kind, void *pointer)
{
    (void)context;
    if (kind == 1)
        arena_destroy(pointer);
}

static int say_nothing(const struct mg_connection *connection, const char *message)
{
    (void)connection;
    log_say(LOG_DEBUG, "civetweb", "%s", message);
    return 1;
}

static struct mg_context *start(void)
{
    char port[64], threads[16], why[256] = "";
    static const struct mg_callbacks callbacks = {
        .init_thread = on_thread, .exit_thread = on_thread_end, .log_message = say_nothing};
    snprintf(port, sizeof port, "%s:%" PRId64, config.listen, config.port);
    snprintf(threads, sizeof threads, "%" PRId64, config.threads);
    const char *options[] = {"listening_ports",
                             port,
                             "num_threads",
                             threads,
                             "enable_keep_alive",
                             "yes",
                             "keep_alive_timeout_ms",
                             "60000",
                             "request_timeout_ms",
                             "10000",
                             "tcp_nodelay",
                             "1",
                             "decode_url",
                             "no",
                             "enable_directory_listing",
                             "no",
                             "access_control_allow_origin",
                             "",
                             "access_control_allow_methods",
                             "",
                             "access_control_allow_headers",
                             "",
                             NULL};
    struct mg_error_data error = {.text = why, .text_buffer_size = sizeof why};
    struct mg_init_data init = {.callbacks = &callbacks, .configuration_options = options};
    struct mg_context *context = mg_start2(&init, &error);
    if (context == NULL)
        fprintf(stderr,
                "bureau-gateway cannot listen on %s: %s. Is the port taken? Choose another with "
                "BUREAU_PORT.\n",
                port, *why == '\0' ? "it could not start" : why);
    else
        mg_set_request_handler(context, "/", on_request, NULL);
    return context;
}

static void *maintain(void *unused)
{
    (void)unused;
    for (;;) {
        redis_maintain();
        upstream_maintain();
        usleep(MAINTAIN_MS * 1000);
    }
    return NULL;
}

/* Readiness first, then no new connections, then what is under way; closing sockets is left to the
   kernel, because libnng may hang in it. */
NORETURN static void drain(void)
{
    health_draining();
    connections_stop();
    log_say(LOG_INFO, "stopping", "%" PRId64 " requests under way", connections_busy());
    for (int64_t until = clock_mono_us() + DRAIN_MS * 1000;
         connections_busy() > 0 && clock_mono_us() < until;)
        usleep(5000);
    log_say(LOG_INFO, "stopped", "%" PRId64 " requests left", connections_busy());
    _exit(0);
}

static bool judge(void)
{
    bool good = gateway_config_judge();
    if (redis_open(config.redis_url))
        return good;
    fprintf(stderr, "BUREAU_REDIS_URL is neither redis://host:port/db nor unix:///path.\n");
    return false;
}

static int try_redis(void)
{
    struct arena *arena = arena_new(1024);
    bool good = redis_check();
    if (!good)
        fprintf(stderr, "Redis of BUREAU_REDIS_URL: %s\n", redis_reason(arena));
    arena_destroy(arena);
    return good ? 0 : 1;
}

static bool open_all(void)
{
    struct connections_settings connections = {.threads = (size_t)config.threads,
                                               .most = (size_t)config.connections,
                                               .header_ms = config.header_ms,
                                               .idle_ms = config.idle_ms,
                                               .body_max = body_max};
    if (!crypto_open() || !gateway_config_open())
        return false;
    if (!connections_open(&connections)) {
        fprintf(stderr, "bureau-gateway: too few descriptors or too little memory.\n");
        return false;
    }
    routes_open();
    return true;
}

int main(int argc, char **argv)
{
    static const struct setting *const tables[] = {gateway_settings, log_settings, NULL};
    static const char *const options[] = {"--check-redis", NULL};
    pthread_t thread;
    mallopt(M_ARENA_MAX, 2); /* 128 threads, not 128 heaps */
    config_judge(judge);
    if (config_main("bureau-gateway", tables, options, argc, argv) > 0)
        return try_redis();
    log_open("gateway");
    if (!open_all())
        return 2;
    stop_open();
    mg_init_library(0);
    if (start() == NULL)
        return 1;
    upstream_open();
    redis_maintain();
    if (!connections_start() || pthread_create(&thread, NULL, maintain, NULL) != 0)
        return 1;
    log_say(LOG_INFO, "listening", "%s:%" PRId64, config.listen, config.port);
    while (!stop_wait_ms(60000))
        continue;
    drain();
}
