#include "gateway/connection.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/clock.h"
#include "gateway/spool.h"

enum { BUFFERED_MAX = 64 << 20 }; /* bytes of unfinished requests, all connections together */

struct held held = {.lock = PTHREAD_MUTEX_INITIALIZER,
                    .parking = PTHREAD_MUTEX_INITIALIZER,
                    .epoll_fd = -1,
                    .ready_fd = -1};

bool connection_listens(int fd)
{
    for (int i = 0; i < atomic_load(&held.listeners_n); i++)
        if (held.listeners[i] == fd)
            return true;
    return false;
}

struct connection *connection_of(int fd)
{
    return fd >= 0 && fd < held.table_n
               ? atomic_load_explicit(&held.table[fd], memory_order_acquire)
               : NULL;
}

void connection_release(struct connection *c)
{
    atomic_fetch_sub(&held.buffered, (int64_t)c->counted);
    c->counted = 0;
    arena_destroy(c->arena);
    c->arena = NULL;
    c->in = (struct buf){0};
}

void connection_end(struct connection *c)
{
    int fd = c->fd;
    spool_drop(c);
    connection_release(c);
    atomic_store(&c->state, FREE);
    atomic_store(&held.table[fd], NULL);
    atomic_fetch_sub(&held.open_n, 1);
    pthread_mutex_lock(&held.lock);
    c->next_free = held.free_list;
    held.free_list = c;
    pthread_mutex_unlock(&held.lock);
    syscall(SYS_close, fd);
}

void connection_watch(struct connection *c, int op)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT, .data.ptr = c};
    epoll_ctl(held.epoll_fd, op, c->fd, &event);
}

struct connection *connection_take(void)
{
    pthread_mutex_lock(&held.lock);
    struct connection *c = held.free_list;
    if (c != NULL)
        held.free_list = c->next_free;
    else if (atomic_load(&held.pool_n) < held.settings.most)
        c = &held.pool[atomic_fetch_add(&held.pool_n, 1)];
    pthread_mutex_unlock(&held.lock);
    return c;
}

/* Reading a request. */

enum fill connection_refuse(struct connection *c, int status, const char *why)
{
    c->request.fault = status;
    c->request.why = why;
    c->whole = true;
    c->end = c->in.len; /* nothing behind a refused request is read */
    return WHOLE;
}

static enum fill head_came(struct connection *c)
{
    c->spools = spool_wanted(&c->head) && (c->head.chunked || c->head.content_length > 0);
    int64_t most = c->spools ? SPOOL_MAX : (int64_t)held.settings.body_max(&c->head);
    c->have_head = true;
    c->request.head = &c->head;
    c->chunks = (struct chunks){
        .at = c->head.bytes, .out = c->head.bytes, .start = c->head.bytes, .max = (size_t)most};
    if (c->head.content_length > most)
        return connection_refuse(c, 413, "The body is too large.");
    bool wants_body = c->head.chunked || c->head.content_length > 0;
    if (c->head.expects_continue && wants_body && c->in.len == c->head.bytes) {
        static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
        (void)!send(c->fd, go_on, sizeof go_on - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    return MORE;
}

static enum fill judge_body(struct connection *c)
{
    if (c->spools)
        return spool_take(c);
    if (c->head.chunked) {
        const char *why = NULL;
        int status = http_chunks_read(&c->chunks, c->in.data, c->in.len, &why);
        if (status == -1)
            return MORE;
        if (status > 0)
            return connection_refuse(c, status, why);
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
            return connection_refuse(c, status, why);
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
    atomic_fetch_add(&held.buffered, (int64_t)n);
}

enum fill connection_fill(struct connection *c)
{
    char data[READ_BYTES];
    for (;;) {
        enum fill got = judge(c);
        if (got != MORE)
            return got;
        ssize_t n = recvfrom(c->fd, data, sizeof data, MSG_DONTWAIT, NULL, NULL);
        if (n > 0 && atomic_load(&held.buffered) + n > BUFFERED_MAX)
            return connection_refuse(c, 503, "Too many unfinished requests.");
        if (n > 0)
            keep(c, data, (size_t)n);
        else if (n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
            return GONE;
        else
            return MORE;
    }
}

void connection_next(struct connection *c)
{
    size_t rest = c->in.len - c->end;
    spool_drop(c);
    if (rest > 0) {
        memmove(c->in.data, c->in.data + c->end, rest);
        c->in.len = rest;
    } else if (c->arena != NULL) {
        arena_reset(c->arena);
        buf_init(&c->in, c->arena);
    }
    atomic_fetch_sub(&held.buffered, (int64_t)(c->counted - rest));
    c->counted = rest;
    c->have_head = c->whole = c->spools = c->answered = false;
    c->end = c->fed = 0;
    c->started_us = rest > 0 ? clock_mono_us() : 0;
    c->request = (struct http_request){.address = c->address};
}
