#include "proto/addresses.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { IPC_PATH_MAX = 107 - 5 }; /* sockaddr_un's path, less ".slow" */

static const char *const services[] = {"accounts", "crm", "rentals", "billing", "sync"};
static const char *const schemes[] = {"ipc://", "tcp://",     "ws://",
                                      "wss://", "tls+tcp://", "inproc://"};

static struct slice trim(struct slice text)
{
    while (text.len > 0 && (*text.data == ' ' || *text.data == '\t' || *text.data == '\n')) {
        text.data++;
        text.len--;
    }
    while (text.len > 0 && strchr(" \t\r\n", text.data[text.len - 1]) != NULL)
        text.len--;
    return text;
}

/* The next item of the list, cut at its first '='; false at the end. Empty items are skipped. */
static bool next_item(const char **list, struct slice *name, struct slice *url)
{
    while (**list != '\0') {
        size_t len = strcspn(*list, ",");
        struct slice item = trim((struct slice){*list, len});
        *list += len + ((*list)[len] == ',' ? 1 : 0);
        if (item.len == 0)
            continue;
        const char *equals = memchr(item.data, '=', item.len);
        size_t cut = equals == NULL ? item.len : (size_t)(equals - item.data);
        *name = trim((struct slice){item.data, cut});
        size_t from = equals == NULL ? item.len : cut + 1;
        *url = trim((struct slice){item.data + from, item.len - from});
        return true;
    }
    return false;
}

static bool is_text(struct slice text, const char *other)
{
    return text.len == strlen(other) && memcmp(text.data, other, text.len) == 0;
}

size_t addresses_of(struct arena *arena, const char *services_or_null, const char *data,
                    const char *service, const char *out[ADDRESSES_MAX])
{
    if (services_or_null == NULL || *services_or_null == '\0') {
        out[0] = arena_printf(arena, "ipc://%s/run/%s.ipc", data, service);
        return 1;
    }
    size_t n = 0;
    struct slice name, url;
    while (n < ADDRESSES_MAX && next_item(&services_or_null, &name, &url))
        if (is_text(name, service) && url.len > 0)
            out[n++] = arena_strndup(arena, url.data, url.len);
    return n;
}

static bool starts(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* Where the port's digits start in "tcp://host:7001" or "ws://[::1]:7001/path", or NULL. */
static const char *port_of(const char *address)
{
    const char *host = strstr(address, "://");
    if (host == NULL)
        return NULL;
    host += 3;
    const char *end = host + strcspn(host, "/"), *colon = NULL;
    for (const char *c = *host == '[' ? host + strcspn(host, "]") : host; c < end; c++)
        if (*c == ':')
            colon = c;
    return colon == NULL ? NULL : colon + 1;
}

const char *address_slow(struct arena *arena, const char *address)
{
    const char *port = port_of(address);
    if (starts(address, "ipc://") || starts(address, "inproc://") || port == NULL)
        return arena_printf(arena, "%s.slow", address);
    char *rest;
    long number = strtol(port, &rest, 10);
    return arena_printf(arena, "%.*s%ld%s", (int)(port - address), address, number + 1, rest);
}

static const char *judge_port(const char *address)
{
    const char *port = port_of(address);
    if (port == NULL)
        return "has no port";
    char *rest;
    long number = strtol(port, &rest, 10);
    /* 65535 has no next port for the slow lane */
    return rest == port || (*rest != '\0' && *rest != '/') || number < 1 || number > 65534
               ? "needs a port from 1 to 65534"
               : NULL;
}

/* NULL when the address is fine. */
static const char *judge_url(const char *url)
{
    for (size_t i = 0; i < COUNT_OF(schemes); i++) {
        if (!starts(url, schemes[i]))
            continue;
        const char *rest = url + strlen(schemes[i]);
        if (*rest == '\0')
            return "names nothing behind its scheme";
        if (starts(url, "ipc://"))
            return strlen(rest) > IPC_PATH_MAX ? "has a path too long for a socket" : NULL;
        return starts(url, "inproc://") ? NULL : judge_port(url);
    }
    return "is no ipc://, tcp://, ws:// or tls+tcp:// address";
}

static bool is_service(struct slice name)
{
    for (size_t i = 0; i < COUNT_OF(services); i++)
        if (is_text(name, services[i]))
            return true;
    return false;
}

bool addresses_check(const char *list, const char **reason)
{
    static _Thread_local char said[400]; /* borrowed until this thread's next check */
    struct slice name, url;
    size_t copies[COUNT_OF(services)] = {0};
    while (next_item(&list, &name, &url)) {
        char address[256];
        snprintf(address, sizeof address, "%.*s", (int)url.len, url.data);
        const char *fault = url.len >= sizeof address ? "is too long" : judge_url(address);
        for (size_t i = 0; i < COUNT_OF(services); i++)
            if (is_text(name, services[i]) && ++copies[i] > ADDRESSES_MAX)
                fault = "is the 17th of its service; 16 is the most";
        *reason = said;
        if (!is_service(name)) {
            snprintf(said, sizeof said,
                     "\"%.*s\" is no service; they are accounts, crm, rentals, billing, sync",
                     (int)(name.len > 60 ? 60 : name.len), name.data);
            return false;
        }
        if (fault != NULL) {
            snprintf(said, sizeof said, "%.*s: \"%.200s\" %s", (int)name.len, name.data, address,
                     fault);
            return false;
        }
    }
    return true;
}
