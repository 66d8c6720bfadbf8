/*
 * connections.h - what stands between the network and civetweb's threads.
 *
 * civetweb gives a thread to each connection, so that idle ones and half-sent requests would hold
 * all threads, and its parser lets through what RFC 9112 refuses. Here one thread (epoll) holds all
 * connections that have no whole request; a request goes to a civetweb thread only when its head
 * and body are complete, read by http_head.c. civetweb itself sees a fixed, empty request for each.
 *
 * How: the program defines accept, recv, poll, shutdown, close and listen; the shared library calls
 * these. Descriptors that are no client connection go straight to the kernel.
 */
#ifndef GATEWAY_CONNECTIONS_H
#define GATEWAY_CONNECTIONS_H

#include "gateway/http_head.h"

/* A complete request, or one refused for its framing. Lives until request_done(). */
struct http_request {
    const struct http_head *head; /* with fault: may be partly read; NULL when nothing was */
    struct slice body;            /* decoded */
    int spool;                    /* or the file it is in; 0: none */
    int64_t spooled;              /* bytes of it */
    int fault;                    /* 0, or the status it is refused with */
    const char *why;
    const char *address; /* of the peer */
};

struct connections_settings {
    size_t threads;             /* of civetweb */
    size_t most;                /* connections at once */
    int64_t header_ms, idle_ms; /* a request must be complete within; an idle one may stay */
    size_t (*body_max)(const struct http_head *head); /* bytes, by what the head asks for */
};

/* Once, before civetweb starts; listen() calls between open and start are taken over. */
bool connections_open(const struct connections_settings *settings) MUST_USE;
/* After civetweb started: from here on connections are taken. */
bool connections_start(void) MUST_USE;
/* No new connections; idle ones are closed; every further answer closes its connection. */
void connections_stop(void);
/* Requests that were read and not answered yet. */
int64_t connections_busy(void);
void connections_metrics(void);

/* For the handler, on civetweb's thread: the request it was called for. */
const struct http_request *request_current(void);
/* true when the answer must say Connection: close. */
bool request_closes(void);
/* The socket, when this thread may wait for the answer and the next request in one; else -1. Not
   -1: request_waited() must follow. */
int request_socket(void);
void request_waited(void);
/* On any thread while the request's own waits: sends what the socket takes at once, and counts the
   request as answered. Returns how much went. */
size_t request_send(const struct http_request *request, struct slice answer);
/* After the answer was written. close: this connection takes no more requests. */
void request_done(bool close);

#endif
