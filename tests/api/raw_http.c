/*
 * raw_http.c - what HTTP clients do not send: messages byte for byte over a socket, and 2,000 idle
 * connections with 200 half-sent requests. usage: bureau-raw-http PORT; speaks TAP. Loopback only.
 */
#include <arpa/inet.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base.h"
#include "common/clock.h"

enum { ANSWER_MAX = 65536, IDLE = 2000, HALF = 200, PROBES = 200, LIMIT_MS = 100 };

#define H       "Host: a\r\n"
#define LOGIN   "POST /login HTTP/1.1\r\n" H
#define CHUNKED LOGIN "Transfer-Encoding: chunked\r\n\r\n"

static const struct {
    const char *claim, *sent;
    int status;
    bool closes;
} cases[] = {
    {"a plain request is answered", "GET /healthz HTTP/1.1\r\n" H "\r\n", 200, false},
    {"1.0 ends its connection", "GET /healthz HTTP/1.0\r\n\r\n", 200, true},
    {"close is obeyed", "GET /healthz HTTP/1.1\r\n" H "Connection: close\r\n\r\n", 200, true},
    {"HEAD has no body", "HEAD /healthz HTTP/1.1\r\n" H "\r\n", 200, false},
    {"no Host", "GET /healthz HTTP/1.1\r\n\r\n", 400, true},
    {"two Hosts", "GET /healthz HTTP/1.1\r\n" H H "\r\n", 400, true},
    {"bare LF everywhere", "GET /healthz HTTP/1.1\nHost: a\n\n", 400, true},
    {"one bare LF", "GET /healthz HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", 400, true},
    {"a bare CR", "GET /healthz HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", 400, true},
    {"a folded header", "GET /healthz HTTP/1.1\r\n" H "X: b\r\n c\r\n\r\n", 400, true},
    {"a fold at once", "GET /healthz HTTP/1.1\r\n Host: a\r\n\r\n", 400, true},
    {"space before the colon", "GET /healthz HTTP/1.1\r\nHost : a\r\n\r\n", 400, true},
    {"a header without colon", "GET /healthz HTTP/1.1\r\n" H "X\r\n\r\n", 400, true},
    {"length and chunks", LOGIN "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     400, true},
    {"two lengths", LOGIN "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", 400, true},
    {"two codings", LOGIN "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400,
     true},
    {"a coding of its own", LOGIN "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400, true},
    {"a signed length", LOGIN "Content-Length: +2\r\n\r\n{}", 400, true},
    {"a length with letters", LOGIN "Content-Length: 2abc\r\n\r\n{}", 400, true},
    {"an endless length", LOGIN "Content-Length: 99999999999999999999\r\n\r\n", 400, true},
    {"a body over 1 MiB", LOGIN "Content-Length: 1048577\r\n\r\n", 413, true},
    {"two credentials",
     "GET /api/user HTTP/1.1\r\n" H "Authorization: a\r\nAuthorization: b\r\n\r\n", 400, true},
    {"an unknown expectation", LOGIN "Expect: x\r\nContent-Length: 2\r\n\r\n{}", 417, true},
    {"100-continue is met", LOGIN "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n", 100, false},
    {"an absolute target", "GET http://b/healthz HTTP/1.1\r\n" H "\r\n", 200, false},
    {"an absolute target's query", "GET http://b?a HTTP/1.1\r\n" H "\r\n", 404, false},
    {"an absolute target of another scheme", "GET ftp://a/healthz HTTP/1.1\r\n" H "\r\n", 400,
     true},
    {"an absolute target with a user", "GET http://u@a/healthz HTTP/1.1\r\n" H "\r\n", 400, true},
    {"OPTIONS of an absolute target", "OPTIONS http://a HTTP/1.1\r\n" H "\r\n", 204, false},
    {"OPTIONS of an unknown route", "OPTIONS /api/nope HTTP/1.1\r\n" H "\r\n", 404, false},
    {"a packed body", LOGIN "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\x1f\x8b", 415,
     false},
    {"CONNECT", "CONNECT a:80 HTTP/1.1\r\n" H "\r\n", 400, true},
    {"OPTIONS *", "OPTIONS * HTTP/1.1\r\n" H "\r\n", 204, false},
    {"HTTP/2.0", "GET / HTTP/2.0\r\n" H "\r\n", 505, true},
    {"HTTP/0.9", "GET /\r\n\r\n", 400, true},
    {"two spaces", "GET  / HTTP/1.1\r\n" H "\r\n", 400, true},
    {"a TLS hello", "\x16\x03\x01\x02\r\n\r\n", 400, true},
    {"%00", "GET /healthz%00 HTTP/1.1\r\n" H "\r\n", 400, false},
    {"%2f", "GET /api%2fuser HTTP/1.1\r\n" H "\r\n", 400, false},
    {"%5c", "GET /api%5cuser HTTP/1.1\r\n" H "\r\n", 400, false},
    {"dot segments", "GET /a/../healthz HTTP/1.1\r\n" H "\r\n", 400, false},
    {"a query that is no UTF-8", "GET /api/user?a=%ff HTTP/1.1\r\n" H "\r\n", 400, false},
    {"a broken escape", "GET /api/user?a=%zz HTTP/1.1\r\n" H "\r\n", 400, false},
    {"an unknown verb", "PURGE /api/user HTTP/1.1\r\n" H "\r\n", 405, false},
    {"an unknown route", "GET /api/nope HTTP/1.1\r\n" H "\r\n", 404, false},
    {"a negative chunk", CHUNKED "-4\r\n{}\r\n", 400, true},
    {"a chunk size too long", CHUNKED "fffffffff\r\n{}", 400, true},
    {"a chunk over 1 MiB", CHUNKED "ffffff\r\n{}", 413, true},
    {"a chunk that lies", CHUNKED "1\r\n{}\r\n0\r\n\r\n", 400, true},
    {"trailers", CHUNKED "2\r\n{}\r\n0\r\nHost: b\r\n\r\n", 400, true},
    {"chunks are put together", CHUNKED "1\r\n{\r\n1;x=1\r\n}\r\n0\r\n\r\n", 422, false},
};

static int port;

static void ok(bool good, const char *claim, const char *seen)
{
    printf("%sok - %s\n", good ? "" : "not ", claim);
    if (!good)
        printf("#   seen: %.60s\n", seen);
}

static int dial(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
        perror("connect");
        exit(1);
    }
    return fd;
}

static void put(int fd, const char *text) { (void)!send(fd, text, strlen(text), MSG_NOSIGNAL); }

/* Reads until the peer closes or is silent for ms; true when it closed. */
static bool hear(int fd, char *answer, size_t room, int ms)
{
    size_t len = 0;
    struct pollfd fds = {.fd = fd, .events = POLLIN};
    bool closed = false;
    while (!closed && len + 1 < room && poll(&fds, 1, ms) > 0) {
        ssize_t n = recv(fd, answer + len, room - len - 1, 0);
        closed = n <= 0;
        len += n > 0 ? (size_t)n : 0;
    }
    answer[len] = '\0';
    return closed;
}

static int status_of(const char *answer)
{
    return strncmp(answer, "HTTP/1.1 ", 9) == 0 ? (int)strtol(answer + 9, NULL, 10) : 0;
}

static size_t count(const char *text, const char *word)
{
    size_t n = 0;
    for (const char *at = strstr(text, word); at != NULL; at = strstr(at + 1, word))
        n++;
    return n;
}

static void try_case(size_t i, char *answer)
{
    int fd = dial();
    put(fd, cases[i].sent);
    bool closed = hear(fd, answer, ANSWER_MAX, 300);
    bool good = status_of(answer) == cases[i].status && closed == cases[i].closes;
    const char *body = strstr(answer, "\r\n\r\n");
    if (cases[i].status >= 400)
        good = good && body != NULL && body[4] == '{' && strstr(answer, "X-Request-Id: ") != NULL;
    if (strncmp(cases[i].sent, "HEAD", 4) == 0)
        good = good && body != NULL && body[4] == '\0';
    ok(good, cases[i].claim, answer);
    close(fd);
}

static void try_more(char *answer)
{
    static const char *const parts[] = {"GET /hea", "lthz HTTP/1.1\r\nHo", "st: a\r\n\r", "\n"};
    int fd = dial();
    put(fd, "GET /healthz HTTP/1.1\r\n" H "\r\nGET /api/nope HTTP/1.1\r\n" H
            "\r\nGET /healthz HTTP/1.1\r\n" H "Connection: close\r\n\r\n");
    bool closed = hear(fd, answer, ANSWER_MAX, 500);
    ok(closed && count(answer, "HTTP/1.1 200") == 2 && count(answer, "HTTP/1.1 404") == 1,
       "pipelined requests are answered in turn", answer);
    close(fd);
    fd = dial();
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        put(fd, parts[i]);
        usleep(40000);
    }
    hear(fd, answer, ANSWER_MAX, 300);
    ok(status_of(answer) == 200, "a request may come in pieces", answer);
    close(fd);
    fd = dial();
    put(fd, "GET /healthz HTTP/1.1\r\n" H);
    for (int i = 0; i < 70; i++)
        put(fd, "X: 1\r\n");
    put(fd, "\r\n");
    ok(hear(fd, answer, ANSWER_MAX, 300) && status_of(answer) == 400, "more than 64 headers",
       answer);
    close(fd);
    fd = dial();
    put(fd, "GET /healthz HTTP/1.1\r\n" H "X: ");
    for (int i = 0; i < 1700; i++)
        put(fd, "0123456789");
    ok(hear(fd, answer, ANSWER_MAX, 300) && status_of(answer) == 431, "headers over 16 KB", answer);
    close(fd);
}

static int64_t probe(char *answer)
{
    int64_t start = clock_mono_us();
    int fd = dial();
    put(fd, "GET /api/user HTTP/1.1\r\n" H "Connection: close\r\n\r\n");
    hear(fd, answer, ANSWER_MAX, 2000);
    close(fd);
    return status_of(answer) == 401 ? clock_mono_us() - start : INT64_MAX;
}

static void try_idle(char *answer)
{
    static int fds[IDLE + HALF];
    char seen[64];
    int64_t slowest = 0;
    int alive = 0;
    for (int i = 0; i < IDLE + HALF; i++) {
        fds[i] = dial();
        if (i >= IDLE)
            put(fds[i], i % 2 == 0 ? "GET /api/user HTTP/1.1\r\nHos"
                                   : LOGIN "Content-Length: 90\r\n\r\n{\"a\"");
        else if (i % 2 == 0)
            put(fds[i], "GET /healthz HTTP/1.1\r\n" H "\r\n");
    }
    for (int i = 0; i < IDLE; i += 2) /* idle is who has its answer */
        (void)!recv(fds[i], answer, ANSWER_MAX, 0);
    for (int i = 0; i < PROBES; i++) {
        int64_t took = probe(answer);
        slowest = took > slowest ? took : slowest;
    }
    snprintf(seen, sizeof seen, "slowest of %d: %lld us", PROBES, (long long)slowest);
    ok(slowest < LIMIT_MS * 1000, "2000 idle and 200 half-sent leave others answered within 100 ms",
       seen);
    for (int i = 1; i < IDLE; i += 2) {
        put(fds[i], "GET /healthz HTTP/1.1\r\n" H "Connection: close\r\n\r\n");
        alive += hear(fds[i], answer, ANSWER_MAX, 1000) && status_of(answer) == 200 ? 1 : 0;
    }
    snprintf(seen, sizeof seen, "%d of %d", alive, IDLE / 2);
    ok(alive == IDLE / 2, "the idle ones are still served", seen);
    for (int i = 0; i < IDLE + HALF; i++)
        close(fds[i]);
}

int main(int argc, char **argv)
{
    static char answer[ANSWER_MAX];
    struct rlimit limit = {8192, 8192};
    port = argc == 2 ? (int)strtol(argv[1], NULL, 10) : 0;
    if (port <= 0 || port > 65535) {
        fprintf(stderr, "usage: %s PORT\n", argv[0]);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    (void)!setrlimit(RLIMIT_NOFILE, &limit);
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        try_case(i, answer);
    try_more(answer);
    try_idle(answer);
    return 0;
}
