#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/metrics.h"
#include "gateway/connection.h"

enum { DRAIN_MS = 2000 }; /* how long a closed connection's rest is read away */

static void hand_over(struct connection *c)
{
    atomic_store(&c->state, READY);
    atomic_fetch_add(&held.busy, 1);
    pthread_mutex_lock(&held.lock);
    held.ready[(held.ready_at + held.ready_n++) % held.settings.most] = c;
    pthread_mutex_unlock(&held.lock);
    uint64_t one = 1;
    (void)!write(held.ready_fd, &one, sizeof one);
}

/* After the epoll thread got hold of a connection that may have bytes. */
static void look_at(struct connection *c, int op)
{
    switch (connection_fill(c)) {
    case WHOLE:
        if (op == EPOLL_CTL_ADD) { /* reports nothing until it is parked, a hang-up at most once */
            struct epoll_event quiet = {.events = EPOLLONESHOT, .data.ptr = c};
            epoll_ctl(held.epoll_fd, EPOLL_CTL_ADD, c->fd, &quiet);
        }
        hand_over(c);
        break;
    case GONE:
        connection_end(c);
        break;
    case MORE:
        if (c->in.len == 0 && c->arena != NULL)
            connection_release(c);
        connection_watch(c, op);
        break;
    }
}

static void drain(struct connection *c)
{
    char data[READ_BYTES];
    ssize_t n = recvfrom(c->fd, data, sizeof data, MSG_DONTWAIT, NULL, NULL);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        connection_end(c);
    else
        connection_watch(c, EPOLL_CTL_MOD);
}

/* Makes room by closing the connection that has been idle longest. */
static bool close_oldest(void)
{
    struct connection *oldest = NULL;
    pthread_mutex_lock(&held.parking);
    for (size_t i = 0; i < atomic_load(&held.pool_n); i++) {
        struct connection *c = &held.pool[i];
        int state = atomic_load(&c->state);
        bool spare = state == DRAINING || (state == WAITING && c->started_us == 0);
        if (spare && (oldest == NULL || c->since_us < oldest->since_us))
            oldest = c;
    }
    if (oldest != NULL)
        connection_end(oldest);
    pthread_mutex_unlock(&held.parking);
    return oldest != NULL;
}

static void welcome(int fd, const struct sockaddr_in *peer)
{
    struct connection *c = connection_take();
    if (c == NULL && close_oldest())
        c = connection_take();
    if (c == NULL || fd >= held.table_n) {
        syscall(SYS_close, fd);
        return;
    }
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    memset(&c->in, 0, sizeof c->in);
    c->fd = fd;
    c->peer = *peer;
    c->since_us = clock_mono_us();
    c->counted = 0;
    inet_ntop(AF_INET, &peer->sin_addr, c->address, sizeof c->address);
    connection_next(c);
    atomic_store(&c->state, WAITING);
    atomic_store(&held.table[fd], c);
    atomic_fetch_add(&held.open_n, 1);
    look_at(c, EPOLL_CTL_ADD);
}

/* Out of descriptors or memory: the connection stays in the kernel's queue until there is room. */
static void wait_for_room(void)
{
    if (!close_oldest())
        usleep(10000);
}

static void accept_all(int listener)
{
    for (int i = 0; i < 256; i++) {
        struct sockaddr_in peer = {0};
        socklen_t len = sizeof peer;
        int fd = accept4(listener, (struct sockaddr *)&peer, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0)
            welcome(fd, &peer);
        else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) {
            wait_for_room();
            return;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK)
            return;
    }
}

/* A request that does not become whole in time is answered 408; an idle connection just ends. */
static void sweep(int64_t now)
{
    for (size_t i = 0; i < atomic_load(&held.pool_n); i++) {
        struct connection *c = &held.pool[i];
        int state = atomic_load(&c->state);
        if (state == DRAINING && now - c->since_us > DRAIN_MS * 1000)
            connection_end(c);
        if (state != WAITING)
            continue;
        if (c->started_us != 0 && now - c->started_us > held.settings.header_ms * 1000) {
            connection_refuse(c, 408, "The request did not arrive in time.");
            hand_over(c);
        } else if (c->started_us == 0 && (now - c->since_us > held.settings.idle_ms * 1000 ||
                                          atomic_load(&held.stopping))) {
            connection_end(c);
        }
    }
}

static void on_event(const struct epoll_event *event)
{
    struct connection *c = event->data.ptr;
    if ((uintptr_t)c < LISTENERS_MAX) {
        if (!atomic_load(&held.stopping))
            accept_all(held.listeners[(uintptr_t)c]);
        return;
    }
    pthread_mutex_lock(&held.parking);
    int state = atomic_load(&c->state);
    if (state == WAITING)
        look_at(c, EPOLL_CTL_MOD);
    else if (state == DRAINING)
        drain(c);
    pthread_mutex_unlock(&held.parking);
}

static void *run(void *unused)
{
    int64_t swept = 0;
    (void)unused;
    for (;;) {
        struct epoll_event events[128];
        int n = epoll_wait(held.epoll_fd, events, COUNT_OF(events), 250);
        for (int i = 0; i < n; i++)
            on_event(&events[i]);
        int64_t now = clock_mono_us();
        if (now - swept > 250000) {
            pthread_mutex_lock(&held.parking);
            sweep(now);
            pthread_mutex_unlock(&held.parking);
            swept = now;
        }
    }
    return NULL;
}

/* Starting and stopping. */

static bool grow_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return false;
    limit.rlim_cur = limit.rlim_max > 65536 ? 65536 : limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        return false;
    held.table_n = (int)limit.rlim_cur;
    return true;
}

bool connections_open(const struct connections_settings *given)
{
    held.settings = *given;
    if (!grow_descriptors())
        return false;
    held.table = calloc((size_t)held.table_n, sizeof *held.table);
    held.pool = calloc(held.settings.most, sizeof *held.pool);
    held.ready = calloc(held.settings.most, sizeof *held.ready);
    held.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    held.ready_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
    if (held.table == NULL || held.pool == NULL || held.ready == NULL || held.epoll_fd < 0 ||
        held.ready_fd < 0)
        return false;
    atomic_store(&held.opening, true);
    return true;
}

bool connections_start(void)
{
    pthread_t thread;
    atomic_store(&held.opening, false);
    for (int i = 0; i < held.listeners_n; i++) {
        int flags = fcntl(held.listeners[i], F_GETFL);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = (void *)(uintptr_t)i};
        if (flags < 0 || fcntl(held.listeners[i], F_SETFL, flags | O_NONBLOCK) != 0 ||
            epoll_ctl(held.epoll_fd, EPOLL_CTL_ADD, held.listeners[i], &event) != 0)
            return false;
    }
    return pthread_create(&thread, NULL, run, NULL) == 0 && pthread_detach(thread) == 0;
}

void connections_stop(void)
{
    atomic_store(&held.stopping, true);
    for (int i = 0; i < held.listeners_n; i++) {
        epoll_ctl(held.epoll_fd, EPOLL_CTL_DEL, held.listeners[i], NULL);
        syscall(SYS_shutdown, held.listeners[i],
                SHUT_RDWR); /* new connections are refused at once */
    }
}

int64_t connections_busy(void) { return atomic_load(&held.busy); }

void connections_metrics(void)
{
    metrics_gauge("bureau_connections_open", "Client connections.", "", atomic_load(&held.open_n));
    metrics_gauge("bureau_connections_busy", "Requests read and not answered yet.", "",
                  atomic_load(&held.busy));
    metrics_gauge("bureau_connections_buffered_bytes", "Bytes of unfinished requests.", "",
                  atomic_load(&held.buffered));
}
