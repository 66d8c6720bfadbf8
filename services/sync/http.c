#include "services/sync/http.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"

enum { CONNECT_MS = 5000, WAIT_MIN_MS = 1000, WAIT_MAX_S = 86400 };

struct http {
    CURL *curl;
    struct buf body;
    bool too_large;
    bool loopback; /* the URL of this request names a loopback host */
    bool refused;  /* the guard turned an address down */
    bool opened;   /* and let one pass: a name may have several */
    bool unread;   /* the answer's body is counted, not kept */
    size_t passed; /* bytes of a body that is not kept */
};

static size_t take(char *data, size_t size, size_t n, void *what)
{
    struct http *http = what;
    if (http->unread) {
        http->passed += size * n;
        http->too_large = http->passed > HTTP_UNREAD_MAX;
        return http->too_large ? 0 : size * n;
    }
    if (http->body.len + size * n > HTTP_BODY_MAX) {
        http->too_large = true;
        return 0;
    }
    buf_put(&http->body, data, size * n);
    return size * n;
}

/* ---- where requests may go ---- */

static const char *host_start(const char *url)
{
    const char *host = strstr(url, "://");
    return host == NULL ? "" : host + 3;
}

static bool is_loopback(const char *url)
{
    const char *host = host_start(url);
    size_t len = strcspn(host, ":/?#@");
    if (host[len] == '@')
        return false;
    return strncmp(host, "[::1]", 5) == 0 || (len == 9 && strncmp(host, "localhost", 9) == 0) ||
           (strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") == len);
}

static bool has_part(CURLU *parsed, CURLUPart part)
{
    char *text = NULL;
    bool has = curl_url_get(parsed, part, &text, 0) == CURLUE_OK;
    curl_free(text);
    return has;
}

/* By the parser that will be asked to connect: two parsers may see two hosts. */
bool http_url_plain(const char *url)
{
    CURLU *parsed = curl_url();
    bool plain = parsed != NULL && curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK &&
                 !has_part(parsed, CURLUPART_USER) && !has_part(parsed, CURLUPART_PASSWORD) &&
                 !has_part(parsed, CURLUPART_FRAGMENT);
    curl_url_cleanup(parsed);
    return plain;
}

bool http_url_allowed(const char *url)
{
    if (strncmp(url, "https://", 8) == 0)
        return url[8] != '\0';
    return strncmp(url, "http://", 7) == 0 && is_loopback(url);
}

static bool is_private_4(uint32_t a)
{
    static const struct {
        uint32_t network, mask;
    } ranges[] = {
        {0x00000000, 0xff000000}, {0x0a000000, 0xff000000}, {0x64400000, 0xffc00000},
        {0x7f000000, 0xff000000}, {0xa9fe0000, 0xffff0000}, {0xac100000, 0xfff00000},
        {0xc0000000, 0xffffff00}, {0xc0000200, 0xffffff00}, {0xc0586300, 0xffffff00},
        {0xc0a80000, 0xffff0000}, {0xc6120000, 0xfffe0000}, {0xc6336400, 0xffffff00},
        {0xcb007100, 0xffffff00}, {0xe0000000, 0xe0000000},
    };
    for (size_t i = 0; i < COUNT_OF(ranges); i++)
        if ((a & ranges[i].mask) == ranges[i].network)
            return true;
    return false;
}

static bool is_private(const struct curl_sockaddr *address)
{
    if (address->family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, &address->addr, sizeof in);
        return is_private_4(ntohl(in.sin_addr.s_addr));
    }
    struct sockaddr_in6 in;
    memcpy(&in, &address->addr, sizeof in);
    const uint8_t *b = in.sin6_addr.s6_addr;
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff}, zeros[12] = {0};
    if (memcmp(b, mapped, sizeof mapped) == 0 || memcmp(b, zeros, sizeof zeros) == 0)
        return is_private_4((uint32_t)b[12] << 24 | (uint32_t)b[13] << 16 | (uint32_t)b[14] << 8 |
                            b[15]);
    if ((b[0] & 0xe0) != 0x20) /* only global unicast */
        return true;
    /* 6to4 and Teredo (in 2001::/23) lead to any IPv4 address; documentation's lead nowhere. */
    return (b[0] == 0x20 && b[1] == 0x02) || (b[0] == 0x3f && (b[1] & 0xf0) == 0xf0) ||
           (b[0] == 0x20 && b[1] == 0x01 && (b[2] < 2 || (b[2] == 0x0d && b[3] == 0xb8)));
}

/* The resolved address is what counts: a name may lead anywhere. */
static curl_socket_t open_socket(void *what, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct http *http = what;
    bool known = address->family == AF_INET || address->family == AF_INET6;
    if (purpose != CURLSOCKTYPE_IPCXN || !known || (!http->loopback && is_private(address))) {
        http->refused = true;
        return CURL_SOCKET_BAD;
    }
    http->opened = true;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* ---- one request ---- */

void http_open(void) { curl_global_init(CURL_GLOBAL_DEFAULT); }

struct http *http_new(void)
{
    struct http *http = calloc(1, sizeof *http); /* once a thread */
    if (http == NULL || (http->curl = curl_easy_init()) == NULL)
        abort();
    CURL *c = http->curl;
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(c, CURLOPT_PROXY, "");
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 16L);
    curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, 10L);
    curl_easy_setopt(c, CURLOPT_MAXFILESIZE, (long)HTTP_BODY_MAX);
    curl_easy_setopt(c, CURLOPT_ACCEPT_ENCODING, "");
    curl_easy_setopt(c, CURLOPT_USERAGENT, "Bureau/" BUREAU_VERSION);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, http);
    curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, http);
    return http;
}

void http_free(struct http *http)
{
    if (http == NULL)
        return;
    curl_easy_cleanup(http->curl);
    free(http);
}

static struct curl_slist *add(struct curl_slist *list, const char *line)
{
    struct curl_slist *longer = curl_slist_append(list, line);
    if (longer == NULL)
        abort();
    return longer;
}

static struct curl_slist *prepare(struct http *http, struct arena *arena,
                                  const struct http_request *q)
{
    CURL *c = http->curl;
    struct curl_slist *headers = add(NULL, "Accept: application/json");
    if (q->bearer != NULL)
        headers = add(headers, arena_printf(arena, "Authorization: Bearer %s", q->bearer));
    if (q->body != NULL)
        headers = add(headers, arena_printf(arena, "Content-Type: %s", q->type));
    headers = add(headers, "Expect:");
    for (const char *const *line = q->extra; line != NULL && *line != NULL; line++)
        headers = add(headers, *line);
    curl_easy_setopt(c, CURLOPT_URL, q->url);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, http->loopback ? "http,https" : "https");
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)(q->timeout_ms > 0 ? q->timeout_ms : HTTP_MS));
    curl_easy_setopt(c, CURLOPT_POSTFIELDS, NULL);
    curl_easy_setopt(c, CURLOPT_HTTPGET, 1L);
    if (q->body != NULL) {
        curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE, (long)strlen(q->body));
        curl_easy_setopt(c, CURLOPT_POSTFIELDS, q->body);
    }
    curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, q->method);
    return headers;
}

static const char *header_of(struct http *http, struct arena *arena, const char *name)
{
    struct curl_header *found;
    if (curl_easy_header(http->curl, name, 0, CURLH_HEADER, -1, &found) != CURLHE_OK)
        return "";
    return arena_strdup(arena, found->value);
}

/* Did it reach the provider? Only what failed before the first byte is surely not carried out. */
static enum http_fate fate_of(CURLcode code)
{
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
        return HTTP_NOT_SENT;
    default:
        return HTTP_DOUBTFUL;
    }
}

static void read_answer(struct http *http, struct arena *arena, struct http_reply *reply)
{
    long status = 0;
    struct buf bytes;
    struct json_fault fault;
    curl_easy_getinfo(http->curl, CURLINFO_RESPONSE_CODE, &status);
    reply->fate = HTTP_ANSWERED;
    reply->status = (int)status;
    reply->body = (struct slice){http->body.data, http->body.len};
    /* A time is by the clock of who names it: ours may be wrong. */
    time_t theirs = curl_getdate(header_of(http, arena, "Date"), NULL);
    reply->wait_ms = http_wait_ms(header_of(http, arena, "Retry-After"),
                                  theirs > 0 ? (int64_t)theirs * 1000 : clock_unix_ms());
    reply->link = header_of(http, arena, "Link");
    buf_init(&bytes, arena);
    if (http->body.len == 0 || json_to_mp(arena, reply->body, &bytes, &fault) != ERR_OK ||
        mp_read(arena, (struct slice){bytes.data, bytes.len}, &reply->object) != ERR_OK)
        reply->object = NULL;
}

void http_send(struct http *http, struct arena *arena, const struct http_request *request,
               struct http_reply *reply)
{
    *reply = (struct http_reply){.fate = HTTP_NOT_SENT, .link = "", .reason = ""};
    if (!http_url_allowed(request->url)) {
        reply->reason = "the address is not allowed";
        return;
    }
    buf_init(&http->body, arena);
    http->too_large = http->refused = http->opened = false;
    http->unread = request->unread;
    http->passed = 0;
    http->loopback = is_loopback(request->url) && !request->outside;
    struct curl_slist *headers = prepare(http, arena, request);
    CURLcode code = curl_easy_perform(http->curl);
    if (code == CURLE_OK) {
        read_answer(http, arena, reply);
    } else {
        bool refused = http->refused && !http->opened;
        reply->fate = refused ? HTTP_NOT_SENT : fate_of(code);
        reply->reason = refused           ? "the address is not allowed"
                        : http->too_large ? "the answer is too large"
                                          : curl_easy_strerror(code);
    }
    curl_easy_setopt(http->curl, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(headers);
}

/* ---- texts ---- */

int64_t http_wait_ms(const char *text, int64_t now_ms)
{
    char *end;
    int64_t now_s = now_ms / 1000, wait_s;
    if (text[0] == '\0')
        return 0;
    long long number = strtoll(text, &end, 10);
    if (end != text && *end == '\0')
        wait_s = number > WAIT_MAX_S ? number - now_s : number;
    else {
        time_t at = curl_getdate(text, NULL);
        if (at < 0)
            return 0;
        wait_s = (int64_t)at - now_s;
    }
    int64_t wait_ms = (wait_s > WAIT_MAX_S ? WAIT_MAX_S : wait_s) * 1000;
    return wait_ms < WAIT_MIN_MS ? WAIT_MIN_MS : wait_ms;
}

void http_encode(struct buf *out, const char *text)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    for (; *text != '\0'; text++)
        if (strchr(plain, *text) != NULL)
            buf_putc(out, *text);
        else
            buf_printf(out, "%%%02X", (unsigned char)*text);
}

void http_form(struct buf *out, const char *name, const char *value)
{
    if (out->len > 0 && out->data[out->len - 1] != '?' && out->data[out->len - 1] != '&')
        buf_putc(out, '&');
    buf_puts(out, name);
    buf_putc(out, '=');
    http_encode(out, value);
}
