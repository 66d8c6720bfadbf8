/* connection.h - one client connection, and what is shared by the three files that handle them. */
#ifndef GATEWAY_CONNECTION_H
#define GATEWAY_CONNECTION_H

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>

#include "common/arena.h"
#include "common/buf.h"
#include "gateway/connections.h"

enum { LISTENERS_MAX = 8, READ_BYTES = 16384 };

/* FREE: unused. WAITING: with the epoll thread. READY: queued. WORKING: on a civetweb thread.
   PARKING: goes back to the epoll thread when civetweb closes it. CLOSING: civetweb ends it.
   DRAINING: ended for writing; the epoll thread reads its rest away. */
enum state { FREE, WAITING, READY, WORKING, PARKING, CLOSING, DRAINING };

struct connection {
    int fd;
    _Atomic int state;
    struct arena *arena; /* NULL while nothing is buffered */
    struct buf in;
    struct http_head head;
    struct http_request request;
    struct chunks chunks;
    struct sockaddr_in peer;
    char address[INET_ADDRSTRLEN];
    int64_t since_us;   /* last change of hands */
    int64_t started_us; /* first byte of the request; 0: idle */
    size_t end;         /* of the request in `in` */
    size_t fed;         /* bytes of the stand-in given to civetweb */
    size_t counted;     /* bytes in `buffered` */
    bool have_head, whole, spools, answered;
    int spool;       /* file of the body; 0: none */
    int64_t spooled; /* bytes in it */
    struct connection *next_free;
};

/* All of them. Filled by connections_open; what is not atomic is constant afterwards, or guarded by
   `lock` where it says so. */
struct held {
    struct connections_settings settings;
    struct connection *pool, *free_list; /* free_list: lock */
    _Atomic size_t pool_n;               /* used so far: the rest of the pool was never touched */
    struct connection **ready;           /* ring of pool size: lock */
    size_t ready_at;                     /* lock */
    _Atomic size_t ready_n;              /* written under lock */
    pthread_mutex_t lock;
    /* Held while a thread gives a connection back, and while the epoll thread ends one: between the
       new state and the descriptor's return to epoll it must not be ended, or its number is
       another's. */
    pthread_mutex_t parking;
    _Atomic(struct connection *) *table; /* by descriptor */
    int table_n;
    int listeners[LISTENERS_MAX];
    _Atomic int listeners_n;
    _Atomic bool opening, stopping;
    int epoll_fd, ready_fd;
    _Atomic int64_t lingering, busy, open_n, buffered;
};
extern struct held held;

enum fill { MORE, WHOLE, GONE };

bool connection_listens(int fd);
struct connection *connection_of(int fd); /* NULL: no client connection */
struct connection *connection_take(void); /* an unused one, or NULL */
void connection_end(struct connection *c);
void connection_release(struct connection *c); /* its buffer */
void connection_watch(struct connection *c, int op);
/* Takes what the socket has, without waiting. */
enum fill connection_fill(struct connection *c) MUST_USE;
/* The request is whole, and refused with this status. */
enum fill connection_refuse(struct connection *c, int status, const char *why);
/* Ready for the next request; bytes behind this one are kept. */
void connection_next(struct connection *c);

#endif
