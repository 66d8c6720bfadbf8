/* config.h - the gateway's settings. Filled once by gateway_config_open, constant afterwards. */
#ifndef GATEWAY_CONFIG_H
#define GATEWAY_CONFIG_H

#include "common/config.h"

enum { NETWORKS_MAX = 32, DOMAINS_MAX = 32 };

/* Addresses whose forwarding headers are believed; IPv4 is kept as ::ffff:a.b.c.d. */
struct network {
    uint8_t address[16];
    unsigned bits;
};

struct networks {
    struct network all[NETWORKS_MAX];
    size_t n;
};

struct gateway_config {
    const char *listen, *data, *redis_url, *services, *secret_key, *public_url, *stateful, *proxies,
        *cors, *metrics_allow;
    int64_t port, limit, limit_guest, limit_login, threads, connections, timeout_ms, header_ms,
        idle_ms, lanes;
    bool server_timing;
    /* Derived. */
    uint8_t key_jwt[32], key_csrf[32];
    struct networks trusted, metrics_readers;
    const char *domains[DOMAINS_MAX]; /* "host" or "host:port", lower case */
    size_t domains_n;
};

extern struct gateway_config config;
extern const struct setting gateway_settings[];

/* Completes the defaults and judges and derives lists: for config_judge(). */
bool gateway_config_judge(void) MUST_USE;
/* After it, the keys; false after saying on stderr what is wrong. */
bool gateway_config_open(void) MUST_USE;
/* IPv4 or IPv6 text to 16 bytes. */
bool address_read(const char *text, uint8_t out[16]) MUST_USE;
bool address_is_in(const struct networks *networks, const char *text) MUST_USE;
/* Whether "host" or "host:port" is one of the stateful domains. */
bool host_is_stateful(const char *host) MUST_USE;

#endif
