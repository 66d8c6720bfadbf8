#include "gateway/connections.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/arena.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/metrics.h"

enum {
    LISTENERS_MAX = 8,
    READ_BYTES = 16384,
    BUFFERED_MAX = 64 << 20, /* bytes of unfinished requests, all connections together */
    DRAIN_MS = 2000,         /* how long a closed connection's rest is read away */
    LINGER_MS = 1000,        /* how long a thread waits for the next request of its connection */
    BUSY_LINGER_MS = 5,      /* the same when most threads wait already */
    REST_MS = 20,            /* how long a thread waits for the rest of a request */
};

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
    bool have_head, whole;
    struct connection *next_free;
};

/* What civetweb is given for each request. */
static const char stand_in[] = "GET / HTTP/1.1\r\nHost: -\r\n\r\n";

static struct connections_settings settings;
static struct connection *pool, *free_list;
static struct connection **ready; /* ring of pool size */
static _Atomic size_t pool_n;     /* used so far: the rest of the pool was never touched */
static size_t ready_at, ready_n;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* free_list, ready */
static _Atomic(struct connection *) *table;              /* by descriptor */
static int table_n;
static int listeners[LISTENERS_MAX];
static _Atomic int listeners_n;
static _Atomic bool opening, stopping;
static int epoll_fd = -1, ready_fd = -1;
static _Atomic int64_t lingering, busy, open_n, buffered;
static _Thread_local struct connection *current;

static bool is_listener(int fd)
{
    for (int i = 0; i < atomic_load(&listeners_n); i++)
        if (listeners[i] == fd)
            return true;
    return false;
}

static struct connection *find(int fd)
{
    return fd >= 0 && fd < table_n ? atomic_load_explicit(&table[fd], memory_order_acquire) : NULL;
}

static void give_up_buffer(struct connection *c)
{
    atomic_fetch_sub(&buffered, (int64_t)c->counted);
    c->counted = 0;
    arena_destroy(c->arena);
    c->arena = NULL;
    c->in = (struct buf){0};
}

static void end_connection(struct connection *c)
{
    int fd = c->fd;
    give_up_buffer(c);
    atomic_store(&c->state, FREE);
    atomic_store(&table[fd], NULL);
    atomic_fetch_sub(&open_n, 1);
    pthread_mutex_lock(&lock);
    c->next_free = free_list;
    free_list = c;
    pthread_mutex_unlock(&lock);
    syscall(SYS_close, fd);
}

static void watch(struct connection *c, int op)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT, .data.ptr = c};
    epoll_ctl(epoll_fd, op, c->fd, &event);
}

/* Reading a request. */

enum fill { MORE, WHOLE, GONE };

static enum fill refuse(struct connection *c, int status, const char *why)
{
    c->request.fault = status;
    c->request.why = why;
    c->whole = true;
    c->end = c->in.len; /* nothing behind a refused request is read */
    return WHOLE;
}

static enum fill head_came(struct connection *c)
{
    size_t most = settings.body_max(&c->head);
    c->have_head = true;
    c->request.head = &c->head;
    c->chunks = (struct chunks){.at = c->head.bytes, .out = c->head.bytes};
    if (c->head.content_length > 0 && (uint64_t)c->head.content_length > most)
        return refuse(c, 413, "The body is too large.");
    bool wants_body = c->head.chunked || c->head.content_length > 0;
    if (c->head.expects_continue && wants_body && c->in.len == c->head.bytes) {
        static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
        (void)!send(c->fd, go_on, sizeof go_on - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    return MORE;
}

static enum fill judge_body(struct connection *c)
{
    if (c->head.chunked) {
        size_t bounds[2] = {c->head.bytes, settings.body_max(&c->head)};
        const char *why = NULL;
        int status = http_chunks_read(&c->chunks, c->in.data, c->in.len, bounds, &why);
        if (status == -1)
            return MORE;
        if (status > 0)
            return refuse(c, status, why);
        c->request.body = (struct slice){c->in.data + c->head.bytes, c->chunks.out - c->head.bytes};
        c->end = c->chunks.at;
    } else {
        size_t length = c->head.content_length > 0 ? (size_t)c->head.content_length : 0;
        if (c->in.len - c->head.bytes < length)
            return MORE;
        c->request.body = (struct slice){c->in.data + c->head.bytes, length};
        c->end = c->head.bytes + length;
    }
    c->whole = true;
    return WHOLE;
}

static enum fill judge(struct connection *c)
{
    if (c->whole)
        return WHOLE;
    if (c->in.len == 0)
        return MORE;
    if (!c->have_head) {
        const char *why = NULL;
        int status = http_head_read((struct slice){c->in.data, c->in.len}, &c->head, &why);
        if (status == -1)
            return MORE;
        if (status > 0)
            return refuse(c, status, why);
        if (head_came(c) == WHOLE)
            return WHOLE;
    }
    return judge_body(c);
}

static void keep(struct connection *c, const char *data, size_t n)
{
    if (c->arena == NULL) {
        c->arena = arena_new(2048);
        buf_init(&c->in, c->arena);
    }
    if (c->started_us == 0)
        c->started_us = clock_mono_us();
    buf_put(&c->in, data, n);
    c->counted += n;
    atomic_fetch_add(&buffered, (int64_t)n);
}

/* Takes what the socket has, without waiting. */
static enum fill fill(struct connection *c)
{
    char data[READ_BYTES];
    for (;;) {
        enum fill got = judge(c);
        if (got != MORE)
            return got;
        ssize_t n = recvfrom(c->fd, data, sizeof data, MSG_DONTWAIT, NULL, NULL);
        if (n > 0 && atomic_load(&buffered) + n > BUFFERED_MAX)
            return refuse(c, 503, "Too many unfinished requests.");
        if (n > 0)
            keep(c, data, (size_t)n);
        else if (n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
            return GONE;
        else
            return MORE;
    }
}

/* Ready for the next request; bytes behind this one are kept. */
static void next_request(struct connection *c)
{
    size_t rest = c->in.len - c->end;
    if (rest > 0) {
        memmove(c->in.data, c->in.data + c->end, rest);
        c->in.len = rest;
    } else if (c->arena != NULL) {
        arena_reset(c->arena);
        buf_init(&c->in, c->arena);
    }
    atomic_fetch_sub(&buffered, (int64_t)(c->counted - rest));
    c->counted = rest;
    c->have_head = c->whole = false;
    c->end = c->fed = 0;
    c->started_us = rest > 0 ? clock_mono_us() : 0;
    c->request = (struct http_request){.address = c->address};
}

/* The epoll thread. */

static void hand_over(struct connection *c)
{
    atomic_store(&c->state, READY);
    atomic_fetch_add(&busy, 1);
    pthread_mutex_lock(&lock);
    ready[(ready_at + ready_n++) % settings.most] = c;
    pthread_mutex_unlock(&lock);
    uint64_t one = 1;
    (void)!write(ready_fd, &one, sizeof one);
}

/* After the epoll thread got hold of a connection that may have bytes. */
static void look_at(struct connection *c, int op)
{
    switch (fill(c)) {
    case WHOLE:
        if (op == EPOLL_CTL_ADD) /* disarmed until it is parked */
            epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &(struct epoll_event){.data.ptr = c});
        hand_over(c);
        break;
    case GONE:
        end_connection(c);
        break;
    case MORE:
        if (c->in.len == 0 && c->arena != NULL)
            give_up_buffer(c);
        watch(c, op);
        break;
    }
}

static void drain(struct connection *c)
{
    char data[READ_BYTES];
    ssize_t n = recvfrom(c->fd, data, sizeof data, MSG_DONTWAIT, NULL, NULL);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        end_connection(c);
    else
        watch(c, EPOLL_CTL_MOD);
}

/* Makes room by closing the connection that has been idle longest. */
static bool close_oldest(void)
{
    struct connection *oldest = NULL;
    for (size_t i = 0; i < atomic_load(&pool_n); i++) {
        struct connection *c = &pool[i];
        int state = atomic_load(&c->state);
        bool spare = state == DRAINING || (state == WAITING && c->started_us == 0);
        if (spare && (oldest == NULL || c->since_us < oldest->since_us))
            oldest = c;
    }
    if (oldest != NULL)
        end_connection(oldest);
    return oldest != NULL;
}

static struct connection *take_free(void)
{
    pthread_mutex_lock(&lock);
    struct connection *c = free_list;
    if (c != NULL)
        free_list = c->next_free;
    else if (atomic_load(&pool_n) < settings.most)
        c = &pool[atomic_fetch_add(&pool_n, 1)];
    pthread_mutex_unlock(&lock);
    return c;
}

static void welcome(int fd, const struct sockaddr_in *peer)
{
    struct connection *c = take_free();
    if (c == NULL && close_oldest())
        c = take_free();
    if (c == NULL || fd >= table_n) {
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
    next_request(c);
    atomic_store(&c->state, WAITING);
    atomic_store(&table[fd], c);
    atomic_fetch_add(&open_n, 1);
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
    for (size_t i = 0; i < atomic_load(&pool_n); i++) {
        struct connection *c = &pool[i];
        int state = atomic_load(&c->state);
        if (state == DRAINING && now - c->since_us > DRAIN_MS * 1000)
            end_connection(c);
        if (state != WAITING)
            continue;
        if (c->started_us != 0 && now - c->started_us > settings.header_ms * 1000) {
            refuse(c, 408, "The request did not arrive in time.");
            hand_over(c);
        } else if (c->started_us == 0 &&
                   (now - c->since_us > settings.idle_ms * 1000 || atomic_load(&stopping))) {
            end_connection(c);
        }
    }
}

static void on_event(const struct epoll_event *event)
{
    struct connection *c = event->data.ptr;
    if ((uintptr_t)c < LISTENERS_MAX) {
        if (!atomic_load(&stopping))
            accept_all(listeners[(uintptr_t)c]);
        return;
    }
    int state = atomic_load(&c->state);
    if (state == WAITING)
        look_at(c, EPOLL_CTL_MOD);
    else if (state == DRAINING)
        drain(c);
}

static void *run(void *unused)
{
    int64_t swept = 0;
    (void)unused;
    for (;;) {
        struct epoll_event events[128];
        int n = epoll_wait(epoll_fd, events, COUNT_OF(events), 250);
        for (int i = 0; i < n; i++)
            on_event(&events[i]);
        int64_t now = clock_mono_us();
        if (now - swept > 250000) {
            sweep(now);
            swept = now;
        }
    }
    return NULL;
}

/* On civetweb's threads. */

static int64_t patience_ms(const struct connection *c)
{
    if (c->started_us != 0)
        return REST_MS;
    if (atomic_load(&stopping))
        return 0;
    bool crowded = atomic_load(&lingering) * 4 > (int64_t)settings.threads * 3;
    return crowded ? BUSY_LINGER_MS : LINGER_MS;
}

static enum fill await(struct connection *c)
{
    enum fill got = fill(c);
    if (got != MORE)
        return got;
    struct pollfd fd = {.fd = c->fd, .events = POLLIN};
    int64_t until = clock_mono_us() + patience_ms(c) * 1000;
    atomic_fetch_add(&lingering, 1);
    while (got == MORE) {
        int64_t left = until - clock_mono_us();
        struct timespec wait = {left / 1000000, (left % 1000000) * 1000};
        if (left <= 0 || ppoll(&fd, 1, &wait, NULL) == 0)
            break;
        got = fill(c);
    }
    atomic_fetch_sub(&lingering, 1);
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
            atomic_fetch_add(&busy, 1);
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
    return r->fault != 0 || !r->head->keep_alive || atomic_load(&stopping);
}

void request_done(bool close)
{
    struct connection *c = current;
    atomic_fetch_sub(&busy, 1);
    c->since_us = clock_mono_us();
    if (close)
        atomic_store(&c->state, CLOSING);
    next_request(c);
}

/* The functions civetweb calls instead of the C library's. */

int listen(int fd, int backlog)
{
    bool ours = atomic_load(&opening) && listeners_n < LISTENERS_MAX;
    int result = (int)syscall(SYS_listen, fd, ours ? SOMAXCONN : backlog);
    if (result == 0 && ours)
        listeners[listeners_n++] = fd;
    return result;
}

int accept(int fd, __SOCKADDR_ARG address, socklen_t *restrict len)
{
    if (!is_listener(fd))
        return accept4(fd, address, len, 0);
    uint64_t one;
    (void)!read(ready_fd, &one, sizeof one);
    pthread_mutex_lock(&lock);
    struct connection *c = NULL;
    if (ready_n > 0) {
        c = ready[ready_at];
        ready_at = (ready_at + 1) % settings.most;
        ready_n--;
    }
    pthread_mutex_unlock(&lock);
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
    struct connection *c = find(fd);
    return c == NULL ? recvfrom(fd, buffer, len, flags, NULL, NULL) : receive(c, buffer, len);
}

/* Swaps the listening sockets for the descriptor that counts ready requests, or back again. */
static void swap_listeners(struct pollfd *fds, nfds_t n, int first)
{
    fds[0].fd = first;
    for (nfds_t i = 1; i < n; i++)
        fds[i].fd = fds[i].fd < 0 || is_listener(fds[i].fd) ? ~fds[i].fd : fds[i].fd;
}

/* Apart from poll(), whose prototype claims that the array is only written. */
__attribute__((noinline)) static int wait_for(struct pollfd *fds, nfds_t n, int timeout)
{
    struct timespec wait = {timeout / 1000, (timeout % 1000) * 1000000L};
    if (n == 1 && (fds[0].events & POLLIN) != 0 && find(fds[0].fd) != NULL) {
        fds[0].revents = POLLIN; /* recv() does the waiting */
        return 1;
    }
    if (n == 0 || !is_listener(fds[0].fd))
        return ppoll(fds, n, timeout < 0 ? NULL : &wait, NULL);
    int listener = fds[0].fd;
    swap_listeners(fds, n, ready_fd);
    int result = ppoll(fds, n, timeout < 0 ? NULL : &wait, NULL);
    swap_listeners(fds, n, listener);
    return result;
}

int poll(struct pollfd *fds, nfds_t n, int timeout) { return wait_for(fds, n, timeout); }

int shutdown(int fd, int how)
{
    struct connection *c = find(fd);
    if (c != NULL && atomic_load(&c->state) == PARKING)
        return 0;
    return (int)syscall(SYS_shutdown, fd, how);
}

int close(int fd)
{
    struct connection *c = find(fd);
    if (c == NULL)
        return (int)syscall(SYS_close, fd);
    int state = atomic_load(&c->state);
    if (state == PARKING || state == CLOSING) {
        if (state == CLOSING)
            syscall(SYS_shutdown, fd, SHUT_WR);
        if (c->in.len == 0 && c->arena != NULL)
            give_up_buffer(c);
        c->since_us = clock_mono_us();
        atomic_store(&c->state, state == PARKING ? WAITING : DRAINING);
        watch(c, EPOLL_CTL_MOD);
    } else {
        end_connection(c);
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

/* Starting and stopping. */

static bool grow_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return false;
    limit.rlim_cur = limit.rlim_max > 65536 ? 65536 : limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        return false;
    table_n = (int)limit.rlim_cur;
    return true;
}

bool connections_open(const struct connections_settings *given)
{
    settings = *given;
    if (!grow_descriptors())
        return false;
    table = calloc((size_t)table_n, sizeof *table);
    pool = calloc(settings.most, sizeof *pool);
    ready = calloc(settings.most, sizeof *ready);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    ready_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
    if (table == NULL || pool == NULL || ready == NULL || epoll_fd < 0 || ready_fd < 0)
        return false;
    atomic_store(&opening, true);
    return true;
}

bool connections_start(void)
{
    pthread_t thread;
    atomic_store(&opening, false);
    for (int i = 0; i < listeners_n; i++) {
        int flags = fcntl(listeners[i], F_GETFL);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = (void *)(uintptr_t)i};
        if (flags < 0 || fcntl(listeners[i], F_SETFL, flags | O_NONBLOCK) != 0 ||
            epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listeners[i], &event) != 0)
            return false;
    }
    return pthread_create(&thread, NULL, run, NULL) == 0 && pthread_detach(thread) == 0;
}

void connections_stop(void)
{
    atomic_store(&stopping, true);
    for (int i = 0; i < listeners_n; i++) {
        epoll_ctl(epoll_fd, EPOLL_CTL_DEL, listeners[i], NULL);
        syscall(SYS_shutdown, listeners[i], SHUT_RDWR); /* new connections are refused at once */
    }
}

int64_t connections_busy(void) { return atomic_load(&busy); }

void connections_metrics(void)
{
    metrics_gauge("bureau_connections_open", "Client connections.", "", atomic_load(&open_n));
    metrics_gauge("bureau_connections_busy", "Requests read and not answered yet.", "",
                  atomic_load(&busy));
    metrics_gauge("bureau_connections_buffered_bytes", "Bytes of unfinished requests.", "",
                  atomic_load(&buffered));
}
