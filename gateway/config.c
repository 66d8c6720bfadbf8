#include "gateway/config.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/crypto.h"
#include "proto/addresses.h"
#include "proto/identity.h"

struct gateway_config config;

const struct setting gateway_settings[] = {
    {"BUREAU_CONNECTIONS", SETTING_INT, 0, "8192", 64, 60000, "connections",
     "Client connections held at once; more close the one that was idle longest.",
     &config.connections},
    {"BUREAU_CORS_ORIGINS", SETTING_TEXT, 0, "*",
     .help = "Origins that may read answers, parted by commas.", .target = &config.cors},
    {"BUREAU_DATA", SETTING_TEXT, 0, "./var", .help = "Where sockets and the secret key are kept.",
     .target = &config.data},
    {"BUREAU_HEADER_TIMEOUT", SETTING_INT, 0, "10000", 100, 600000, "milliseconds",
     "Within this a request must have arrived whole.", &config.header_ms},
    {"BUREAU_IDLE_TIMEOUT", SETTING_INT, 0, "75000", 100, 3600000, "milliseconds",
     "A connection without a request is closed after this.", &config.idle_ms},
    {"BUREAU_LANES", SETTING_INT, 0, "2", 1, 8, "lanes",
     "Lanes to each address of a service for each of reads and writes.", &config.lanes},
    {"BUREAU_LISTEN", SETTING_TEXT, 0, "127.0.0.1", .help = "IPv4 address to listen on.",
     .target = &config.listen},
    {"BUREAU_METRICS_ALLOW", SETTING_TEXT, 0, "127.0.0.0/8,::1",
     .help = "Addresses or networks that may read /metrics.", .target = &config.metrics_allow},
    {"BUREAU_PORT", SETTING_INT, 0, "8080", 1, 65535, "", "Port of the gateway.", &config.port},
    {"BUREAU_PUBLIC_URL", SETTING_TEXT, 0, NULL,
     .help = "How the world reaches the gateway; by default http://127.0.0.1 and the port.",
     .target = &config.public_url},
    {"BUREAU_RATE_LIMIT", SETTING_INT, 0, "600", 0, 1000000, "requests a minute",
     "Of one caller; 0 switches it off.", &config.limit},
    {"BUREAU_RATE_LIMIT_GUEST", SETTING_INT, 0, "60", 0, 1000000, "requests a minute",
     "Of one address without a credential; 0 switches it off.", &config.limit_guest},
    {"BUREAU_RATE_LIMIT_LOGIN", SETTING_INT, 0, "10", 0, 1000000, "requests a minute",
     "On sign-in routes, of one address and account; 0 switches it off.", &config.limit_login},
    {"BUREAU_REDIS_URL", SETTING_TEXT, SETTING_SECRET, NULL,
     .help = "redis://user:password@host:port,host:port/db or unix:///path; by default the socket "
             "under "
             "BUREAU_DATA.",
     .target = &config.redis_url},
    {"BUREAU_SECRET_KEY", SETTING_TEXT, SETTING_SECRET, NULL,
     .help = "Master key; by default the text of secret.key under BUREAU_DATA.",
     .target = &config.secret_key},
    {"BUREAU_SERVER_TIMING", SETTING_BOOL, 0, "false",
     .help = "Every answer tells in Server-Timing where its time went.",
     .target = &config.server_timing},
    {"BUREAU_SERVICES", SETTING_TEXT, 0, NULL,
     .help = "Addresses of the services, name=url parted by commas; by default ipc sockets under "
             "BUREAU_DATA.",
     .target = &config.services},
    {"BUREAU_STATEFUL_DOMAINS", SETTING_TEXT, 0, "localhost,127.0.0.1",
     .help = "Hosts whose pages sign in with cookies; the host of BUREAU_PUBLIC_URL is always one.",
     .target = &config.stateful},
    {"BUREAU_THREADS", SETTING_INT, 0, "128", 4, 4096, "threads", "Requests worked on at once.",
     &config.threads},
    {"BUREAU_TRUSTED_PROXIES", SETTING_TEXT, 0, "",
     .help = "Addresses or networks whose X-Forwarded-For and -Proto are believed.",
     .target = &config.proxies},
    {"BUREAU_UPSTREAM_TIMEOUT", SETTING_INT, 0, "10000", 100, 600000, "milliseconds",
     "Within this a service must have answered.", &config.timeout_ms},
    {0},
};

bool address_read(const char *text, uint8_t out[16])
{
    struct in_addr four;
    if (inet_pton(AF_INET, text, &four) == 1) {
        memset(out, 0, 10);
        out[10] = out[11] = 0xff;
        memcpy(out + 12, &four, 4);
        return true;
    }
    return inet_pton(AF_INET6, text, out) == 1;
}

static bool read_network(char *text, struct network *out)
{
    char *slash = strchr(text, '/'), *end = NULL;
    bool four = strchr(text, ':') == NULL;
    unsigned long most = four ? 32 : 128, bits = most;
    if (slash != NULL) {
        *slash = '\0';
        bits = strtoul(slash + 1, &end, 10);
        if (*end != '\0' || end == slash + 1 || bits > most)
            return false;
    }
    out->bits = (unsigned)(four ? bits + 96 : bits);
    return address_read(text, out->address);
}

static bool is_in(const struct network *network, const uint8_t address[16])
{
    unsigned whole = network->bits / 8, rest = network->bits % 8;
    if (memcmp(network->address, address, whole) != 0)
        return false;
    uint8_t mask = (uint8_t)(0xff << (8 - rest));
    return rest == 0 || ((network->address[whole] ^ address[whole]) & mask) == 0;
}

bool address_is_in(const struct networks *networks, const char *text)
{
    uint8_t address[16];
    if (!address_read(text, address))
        return false;
    for (size_t i = 0; i < networks->n; i++)
        if (is_in(&networks->all[i], address))
            return true;
    return false;
}

/* The next word of a list parted by commas or blanks; false at its end. */
static bool next_word(const char **list, struct slice *word)
{
    *list += strspn(*list, ", ");
    *word = (struct slice){*list, strcspn(*list, ", ")};
    *list += word->len;
    return word->len > 0;
}

static bool read_networks(const char *name, const char *list, struct networks *out)
{
    struct slice word;
    out->n = 0;
    while (next_word(&list, &word)) {
        char text[64];
        snprintf(text, sizeof text, "%.*s", (int)(word.len < 63 ? word.len : 63), word.data);
        bool room = out->n < NETWORKS_MAX;
        if (!room || word.len > 63 || !read_network(text, &out->all[out->n])) {
            fprintf(stderr, "%s: %.*s is %s.\n", name, (int)word.len, word.data,
                    room ? "no address or network" : "the 33rd network; 32 is the most");
            return false;
        }
        out->n++;
    }
    return true;
}

/* "http://host:port" or https; *rest is what follows the host and port. */
static bool read_origin(const char *url, const char **rest)
{
    const char *host = strncmp(url, "http://", 7) == 0    ? url + 7
                       : strncmp(url, "https://", 8) == 0 ? url + 8
                                                          : NULL;
    if (host == NULL)
        return false;
    *rest = host;
    while (isalnum((unsigned char)**rest) || (**rest != '\0' && strchr(".-_:[]", **rest) != NULL))
        (*rest)++;
    return *rest > host;
}

static bool judge_public_url(void)
{
    const char *rest = NULL, *url = config.public_url;
    if (url == NULL)
        return true;
    if (!read_origin(url, &rest)) {
        fprintf(stderr, "BUREAU_PUBLIC_URL=%s starts with neither http:// nor https://.\n", url);
        return false;
    }
    bool good = *rest == '\0' || (*rest == '/' && strpbrk(rest, "?# \"<>") == NULL);
    if (!good)
        fprintf(stderr, "BUREAU_PUBLIC_URL=%s is more than a host and a path.\n", url);
    return good;
}

static bool judge_cors(void)
{
    const char *list = config.cors, *rest = NULL;
    struct slice word;
    while (next_word(&list, &word)) {
        if (word.len == 1 && *word.data == '*')
            continue;
        if (read_origin(word.data, &rest) && rest == word.data + word.len)
            continue;
        fprintf(stderr,
                "BUREAU_CORS_ORIGINS: %.*s is neither * nor an origin such as "
                "https://app.example.com.\n",
                (int)word.len, word.data);
        return false;
    }
    return true;
}

static void add_domain(const char *text, size_t len)
{
    char *copy = len == 0 || config.domains_n == DOMAINS_MAX ? NULL : strndup(text, len);
    if (copy == NULL)
        return;
    for (char *c = copy; *c != '\0'; c++)
        *c = (char)tolower((unsigned char)*c);
    config.domains[config.domains_n++] = copy;
}

static void read_domains(void)
{
    const char *host = strstr(config.public_url, "://");
    host = host == NULL ? config.public_url : host + 3;
    add_domain(host, strcspn(host, "/"));
    struct slice word;
    for (const char *list = config.stateful; next_word(&list, &word);)
        add_domain(word.data, word.len);
}

bool host_is_stateful(const char *host)
{
    size_t bare = strcspn(host, ":");
    for (size_t i = 0; i < config.domains_n; i++) {
        const char *domain = config.domains[i];
        bool any_port = strchr(domain, ':') == NULL;
        if (strcasecmp(domain, host) == 0)
            return true;
        if (any_port && strlen(domain) == bare && strncasecmp(domain, host, bare) == 0)
            return true;
    }
    return false;
}

/* The text of a file without its newline; NULL when it cannot be read. */
static const char *read_file(const char *path)
{
    static char text[4096];
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return NULL;
    size_t n = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
        n--;
    text[n] = '\0';
    return n == 0 ? NULL : text;
}

static bool complete(void)
{
    static char redis[512], url[64];
    if (config.redis_url == NULL) {
        snprintf(redis, sizeof redis, "unix://%s/redis/redis.sock", config.data);
        config.redis_url = redis;
    }
    if (config.public_url == NULL) {
        snprintf(url, sizeof url, "http://127.0.0.1:%" PRId64, config.port);
        config.public_url = url;
    }
    return judge_public_url() && judge_cors();
}

bool gateway_config_judge(void)
{
    const char *reason = NULL;
    struct in_addr address;
    bool good = complete();
    good = read_networks("BUREAU_TRUSTED_PROXIES", config.proxies, &config.trusted) && good;
    good = read_networks("BUREAU_METRICS_ALLOW", config.metrics_allow, &config.metrics_readers) &&
           good;
    if (inet_pton(AF_INET, config.listen, &address) != 1) {
        fprintf(stderr, "BUREAU_LISTEN=%s is no IPv4 address.\n", config.listen);
        good = false;
    }
    if (config.services != NULL && !addresses_check(config.services, &reason)) {
        fprintf(stderr, "BUREAU_SERVICES: %s.\n", reason);
        good = false;
    }
    return good;
}

bool gateway_config_open(void)
{
    char path[512];
    snprintf(path, sizeof path, "%s/secret.key", config.data);
    if (config.secret_key == NULL)
        config.secret_key = read_file(path);
    if (config.secret_key == NULL) {
        fprintf(stderr, "There is no master key: set BUREAU_SECRET_KEY or write %s.\n", path);
        return false;
    }
    read_domains();
    crypto_derive(config.secret_key, KEY_JWT, config.key_jwt);
    crypto_derive(config.secret_key, KEY_CSRF, config.key_csrf);
    return true;
}
