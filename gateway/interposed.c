#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/clock.h"
#include "gateway/connection.h"

enum {
    LINGER_MS = 1000,   /* how long a thread waits for the next request of its connection */
    BUSY_LINGER_MS = 5, /* the same when most threads wait already */
    REST_MS = 20,       /* how long a thread waits for the rest of a request */
    SILENCE_MS = 2500,  /* a service's machine acknowledges bytes within this */
};

/* What civetweb is given for each request. */
static const char stand_in[] = "GET / HTTP/1.1\r\nHost: -\r\n\r\n";

static _Thread_local struct connection *current;

/* On civetweb's threads. */

/* Connections wait for a thread, or soon might. */
static bool is_crowded(void)
{
    return atomic_load(&held.ready_n) > 0 ||
           atomic_load(&held.lingering) * 4 > (int64_t)held.settings.threads * 3;
}

static int64_t patience_ms(const struct connection *c)
{
    if (c->started_us != 0)
        return REST_MS;
    if (atomic_load(&held.stopping))
        return 0;
    if (atomic_load(&held.ready_n) > 0)
        return 0; /* their turn: this connection queues up behind them */
    return is_crowded() ? BUSY_LINGER_MS : LINGER_MS;
}

static enum fill await(struct connection *c)
{
    enum fill got = connection_fill(c);
    if (got != MORE)
        return got;
    struct pollfd fd = {.fd = c->fd, .events = POLLIN};
    int64_t until = clock_mono_us() + patience_ms(c) * 1000;
    atomic_fetch_add(&held.lingering, 1);
    while (got == MORE) {
        int64_t left = until - clock_mono_us();
        struct timespec wait = {left / 1000000, (left % 1000000) * 1000};
        if (left <= 0 || ppoll(&fd, 1, &wait, NULL) == 0)
            break;
        got = connection_fill(c);
    }
    atomic_fetch_sub(&held.lingering, 1);
    return got;
}

static ssize_t feed(struct connection *c, void *buffer, size_t len)
{
    size_t left = sizeof stand_in - 1 - c->fed;
    size_t n = len < left ? len : left;
    memcpy(buffer, stand_in + c->fed, n);
    c->fed += n;
    current = c;
    return (ssize_t)n;
}

static ssize_t receive(struct connection *c, void *buffer, size_t len)
{
    int state = atomic_load(&c->state);
    if (state != WORKING || len == 0)
        return 0;
    if (c->fed > 0)
        return c->fed < sizeof stand_in - 1 ? feed(c, buffer, len) : 0;
    bool counted = c->whole; /* hand_over counted it */
    switch (await(c)) {
    case WHOLE:
        if (!counted)
            atomic_fetch_add(&held.busy, 1);
        return feed(c, buffer, len);
    case GONE:
        atomic_store(&c->state, CLOSING);
        return 0;
    case MORE:
        atomic_store(&c->state, PARKING);
        return 0;
    }
    return 0;
}

const struct http_request *request_current(void) { return &current->request; }

bool request_closes(void)
{
    const struct http_request *r = &current->request;
    return r->fault != 0 || !r->head->keep_alive || atomic_load(&held.stopping);
}

int request_socket(void)
{
    if (request_closes() || is_crowded())
        return -1;
    atomic_fetch_add(&held.lingering, 1);
    return current->fd;
}

void request_waited(void) { atomic_fetch_sub(&held.lingering, 1); }

static void count_answered(struct connection *c)
{
    if (!c->answered)
        atomic_fetch_sub(&held.busy, 1);
    c->answered = true;
}

size_t request_send(const struct http_request *request, struct slice answer)
{
    const char *whole = (const char *)request - offsetof(struct connection, request);
    struct connection *c = (struct connection *)(uintptr_t)whole;
    ssize_t n = send(c->fd, answer.data, answer.len, MSG_DONTWAIT | MSG_NOSIGNAL);
    bool broken = n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR;
    size_t sent = broken ? answer.len : n < 0 ? 0 : (size_t)n; /* reading it tells that it broke */
    if (sent == answer.len)
        count_answered(c);
    return sent;
}

void request_done(bool close)
{
    struct connection *c = current;
    count_answered(c);
    c->since_us = clock_mono_us();
    if (close)
        atomic_store(&c->state, CLOSING);
    connection_next(c);
}

/* The functions civetweb and libnng call instead of the C library's. */

int listen(int fd, int backlog)
{
    bool ours = atomic_load(&held.opening) && held.listeners_n < LISTENERS_MAX;
    int result = (int)syscall(SYS_listen, fd, ours ? SOMAXCONN : backlog);
    if (result == 0 && ours)
        held.listeners[held.listeners_n++] = fd;
    return result;
}

int accept(int fd, __SOCKADDR_ARG address, socklen_t *restrict len)
{
    if (!connection_listens(fd))
        return accept4(fd, address, len, 0);
    uint64_t one;
    (void)!read(held.ready_fd, &one, sizeof one);
    pthread_mutex_lock(&held.lock);
    struct connection *c = NULL;
    if (held.ready_n > 0) {
        c = held.ready[held.ready_at];
        held.ready_at = (held.ready_at + 1) % held.settings.most;
        held.ready_n--;
    }
    pthread_mutex_unlock(&held.lock);
    if (c == NULL) {
        errno = EAGAIN;
        return -1;
    }
    struct sockaddr *peer = address.__sockaddr__;
    if (peer != NULL && len != NULL && *len >= sizeof c->peer) {
        memcpy(peer, &c->peer, sizeof c->peer);
        *len = sizeof c->peer;
    }
    atomic_store(&c->state, WORKING);
    return c->fd;
}

ssize_t recv(int fd, void *buffer, size_t len, int flags)
{
    struct connection *c = connection_of(fd);
    return c == NULL ? recvfrom(fd, buffer, len, flags, NULL, NULL) : receive(c, buffer, len);
}

/* Swaps the listening sockets for the descriptor that counts ready requests, or back again. */
static void swap_listeners(struct pollfd *fds, nfds_t n, int first)
{
    fds[0].fd = first;
    for (nfds_t i = 1; i < n; i++)
        fds[i].fd = fds[i].fd < 0 || connection_listens(fds[i].fd) ? ~fds[i].fd : fds[i].fd;
}

/* Apart from poll(), whose prototype claims that the array is only written. */
__attribute__((noinline)) static int wait_for(struct pollfd *fds, nfds_t n, int timeout)
{
    struct timespec wait = {timeout / 1000, (timeout % 1000) * 1000000L};
    if (n == 1 && (fds[0].events & POLLIN) != 0 && connection_of(fds[0].fd) != NULL) {
        fds[0].revents = POLLIN; /* recv() does the waiting */
        return 1;
    }
    if (n == 0 || !connection_listens(fds[0].fd))
        return ppoll(fds, n, timeout < 0 ? NULL : &wait, NULL);
    int listener = fds[0].fd;
    swap_listeners(fds, n, held.ready_fd);
    int result = ppoll(fds, n, timeout < 0 ? NULL : &wait, NULL);
    swap_listeners(fds, n, listener);
    return result;
}

int poll(struct pollfd *fds, nfds_t n, int timeout) { return wait_for(fds, n, timeout); }

/* Also what libnng calls. A peer whose machine or network went away without a word is given up
   within some seconds, busy or idle, so that its requests go to another copy. */
int connect(int fd, __CONST_SOCKADDR_ARG address, socklen_t len)
{
    if (address.__sockaddr__->sa_family != AF_UNIX) {
        const int names[] = {TCP_USER_TIMEOUT, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT};
        const int values[] = {SILENCE_MS, 5, 1, 3}, on = 1;
        setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
        for (size_t i = 0; i < COUNT_OF(names); i++) /* not TCP: refused, and no matter */
            setsockopt(fd, IPPROTO_TCP, names[i], &values[i], sizeof values[i]);
    }
    return (int)syscall(SYS_connect, fd, address.__sockaddr__, len);
}

int shutdown(int fd, int how)
{
    struct connection *c = connection_of(fd);
    if (c != NULL && atomic_load(&c->state) == PARKING)
        return 0;
    return (int)syscall(SYS_shutdown, fd, how);
}

int close(int fd)
{
    struct connection *c = connection_of(fd);
    if (c == NULL)
        return (int)syscall(SYS_close, fd);
    int state = atomic_load(&c->state);
    if (state == PARKING || state == CLOSING) {
        if (state == CLOSING)
            syscall(SYS_shutdown, fd, SHUT_WR);
        if (c->in.len == 0 && c->arena != NULL)
            connection_release(c);
        c->since_us = clock_mono_us();
        pthread_mutex_lock(&held.parking);
        atomic_store(&c->state, state == PARKING ? WAITING : DRAINING);
        connection_watch(c, EPOLL_CTL_MOD);
        pthread_mutex_unlock(&held.parking);
    } else {
        connection_end(c);
    }
    return 0;
}

/* Handlers may nest further than civetweb's 100 KiB of stack; pages are used only when touched. */
int pthread_attr_setstacksize(pthread_attr_t *attr, size_t bytes)
{
    enum { STACK_BYTES = 1 << 20 };
    int (*real)(pthread_attr_t *, size_t);
    *(void **)&real = dlsym(RTLD_NEXT, "pthread_attr_setstacksize");
    return real(attr, bytes > STACK_BYTES ? bytes : STACK_BYTES);
}
