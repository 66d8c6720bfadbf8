/* Receiving and answering: the only nng of the services. One REP socket an address, one context,
   one arena and one connection to PostgreSQL a thread. */
#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/stop.h"
#include "services/core/worker.h"

enum {
    THREADS_MAX = 256,
    STACK_BYTES = 1 << 20,
    ARENA_BYTES = 256 << 10,
    IDLE_MS = 500,   /* how often an idle thread looks whether it is to stop */
    LAST_MS = 50,    /* quiet for so long after the stop: the thread ends */
    STILL_MS = 1000, /* … and under load after so long */
    SEND_MS = 5000,
};

struct thread {
    pthread_t id;
    nng_ctx ctx;
    nng_aio *aio;
    struct worker worker;
};

static struct thread threads[THREADS_MAX];
static size_t threads_n;
static _Atomic int running;
static _Atomic int64_t stop_seen_us;

/* A socket file that nobody answers on is what a killed process left. */
static void remove_stale(const char *address)
{
    if (strncmp(address, "ipc://", 6) != 0)
        return;
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    struct stat file;
    const char *path = address + 6;
    if (strlen(path) >= sizeof to.sun_path || lstat(path, &file) != 0 || !S_ISSOCK(file.st_mode))
        return;
    memcpy(to.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    if (connect(fd, (const struct sockaddr *)&to, sizeof to) != 0 && errno == ECONNREFUSED &&
        unlink(path) == 0)
        log_event(LOG_INFO, "stale_socket_removed", NULL, "path", path, NULL);
    close(fd);
}

static bool add_threads(nng_socket socket, bool slow, int64_t n, const struct service *service)
{
    for (int64_t i = 0; i < n && threads_n < THREADS_MAX; i++) {
        struct thread *t = &threads[threads_n++];
        t->worker = (struct worker){.service = service,
                                    .arena = arena_new(ARENA_BYTES),
                                    .pg = service_connect(NULL),
                                    .slow = slow};
        if (nng_ctx_open(&t->ctx, socket) != 0 || nng_aio_alloc(&t->aio, NULL, NULL) != 0)
            return false;
    }
    return true;
}

bool listen_open(const char *address, bool slow, int64_t n, const struct service *service)
{
    nng_socket socket;
    remove_stale(address);
    int fault = nng_rep0_open(&socket);
    if (fault == 0)
        fault = nng_socket_set_size(socket, NNG_OPT_RECVMAXSZ, MESSAGE_MAX_BYTES);
    if (fault == 0)
        fault = nng_socket_set_ms(socket, NNG_OPT_SENDTIMEO, SEND_MS);
    if (fault == 0)
        fault = nng_listen(socket, address, NULL, 0);
    if (fault != 0) {
        fprintf(stderr,
                "cannot listen on %s: %s. Is another copy running, and does its directory"
                " exist?\n",
                address, nng_strerror(fault));
        return false;
    }
    return add_threads(socket, slow, n, service);
}

static bool receive(struct thread *t, nng_msg **message)
{
    nng_aio_set_timeout(t->aio, stop_asked() ? LAST_MS : IDLE_MS);
    nng_ctx_recv(t->ctx, t->aio);
    nng_aio_wait(t->aio);
    int fault = nng_aio_result(t->aio);
    if (fault == 0)
        *message = nng_aio_get_msg(t->aio);
    else if (fault != NNG_ETIMEDOUT) {
        log_event(LOG_WARN, "receive_failed", NULL, "reason", nng_strerror(fault), NULL);
        (void)stop_wait_ms(20);
    }
    return fault == 0;
}

static void answer(struct thread *t, nng_msg *message)
{
    struct buf out;
    struct slice in = {nng_msg_body(message), nng_msg_len(message)};
    buf_init(&out, t->worker.arena);
    log_hold(); /* the batch's lines leave in few writes, after its answer */
    batch_answer(&t->worker, in, &out);
    nng_msg_clear(message);
    int fault = nng_msg_append(message, out.data, out.len);
    if (fault == 0) {
        nng_aio_set_msg(t->aio, message);
        nng_aio_set_timeout(t->aio, SEND_MS);
        nng_ctx_send(t->ctx, t->aio);
        nng_aio_wait(t->aio);
        fault = nng_aio_result(t->aio);
    }
    if (fault != 0) { /* the asker is gone, or will ask again */
        nng_msg_free(message);
        log_event(LOG_WARN, "send_failed", NULL, "reason", nng_strerror(fault), NULL);
    }
    log_release();
    arena_reset(t->worker.arena);
}

/* After the stop, what is already on its way is still answered. */
static bool goes_on(bool received)
{
    if (!stop_asked())
        return true;
    int64_t now = clock_mono_us(), none = 0;
    (void)atomic_compare_exchange_strong(&stop_seen_us, &none, now);
    return received && now - atomic_load(&stop_seen_us) < STILL_MS * 1000;
}

static void *serve(void *argument)
{
    struct thread *t = argument;
    nng_msg *message;
    (void)pg_connected(t->worker.pg); /* the first request need not wait for it */
    bool received = true;
    while (goes_on(received)) {
        bool stopping = stop_asked();
        received = receive(t, &message);
        if (received)
            answer(t, message);
        received = received || !stopping; /* a wait that began before the stop says nothing */
    }
    atomic_fetch_sub(&running, 1);
    return NULL;
}

bool listen_start(void)
{
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    for (size_t i = 0; i < threads_n; i++) {
        atomic_fetch_add(&running, 1);
        if (pthread_create(&threads[i].id, &attributes, serve, &threads[i]) != 0) {
            fprintf(stderr, "cannot start a thread: is the limit of processes too low?\n");
            return false;
        }
    }
    return true;
}

bool listen_drain(int64_t ms)
{
    int64_t until = clock_mono_us() + ms * 1000;
    while (atomic_load(&running) > 0 && clock_mono_us() < until)
        usleep(5000);
    usleep(20000); /* the last answers leave through nng's own threads */
    return atomic_load(&running) == 0;
}

/* The sockets are left to the end of the process: closing one may hang with nng 1.5.2. */
bool listen_ask(const char *address, int64_t ms, struct slice question, struct buf *answer)
{
    nng_socket socket;
    nng_msg *message = NULL;
    nng_duration wait = (nng_duration)ms;
    if (nng_req0_open(&socket) != 0 || nng_socket_set_ms(socket, NNG_OPT_RECVTIMEO, wait) != 0 ||
        nng_socket_set_ms(socket, NNG_OPT_SENDTIMEO, wait) != 0 ||
        nng_dial(socket, address, NULL, 0) != 0 || nng_msg_alloc(&message, 0) != 0)
        return false;
    if (nng_msg_append(message, question.data, question.len) != 0 ||
        nng_sendmsg(socket, message, 0) != 0 || nng_recvmsg(socket, &message, 0) != 0)
        return false;
    buf_put(answer, nng_msg_body(message), nng_msg_len(message));
    nng_msg_free(message);
    return true;
}
