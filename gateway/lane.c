#include "gateway/lane.h"

#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/metrics.h"

enum { SILENT_MAX = 2, RECONNECT_MIN_MS = 50, RECONNECT_MAX_MS = 500, MESSAGE_ROOM = 256 };
enum { LATE_US = 25000, LATE_LOAD = 1000 };

struct lane {
    const char *address;
    pthread_mutex_t lock; /* first, last, leading */
    struct lane_item *first, *last;
    bool leading;
    _Atomic size_t load;
    _Atomic int64_t led_us; /* when its present leader began, 0: idle */
    _Atomic int pipes;
    _Atomic int silent; /* messages in a row without an answer in time */
    _Atomic bool retired;
    nng_socket socket;
    struct redis *redis;
    struct arena *arena; /* the leader's scratch */
};

struct batch {
    struct lane_item *items[LANE_BATCH];
    size_t n;
    struct lane_item *sent[LANE_BATCH]; /* what goes to the service, by index */
    size_t sent_n;
};

static void on_pipe(nng_pipe pipe, nng_pipe_ev event, void *context)
{
    struct lane *lane = context;
    (void)pipe;
    atomic_fetch_add(&lane->pipes, event == NNG_PIPE_EV_ADD_POST ? 1 : -1);
}

static bool open_socket(struct lane *lane)
{
    nng_dialer dialer;
    if (nng_req0_open(&lane->socket) != 0)
        return false;
    nng_socket_set_ms(lane->socket, NNG_OPT_REQ_RESENDTIME, NNG_DURATION_INFINITE);
    nng_socket_set_size(lane->socket, NNG_OPT_RECVMAXSZ, MESSAGE_MAX_BYTES);
    nng_socket_set_ms(lane->socket, NNG_OPT_RECONNMINT, RECONNECT_MIN_MS);
    nng_socket_set_ms(lane->socket, NNG_OPT_RECONNMAXT, RECONNECT_MAX_MS);
    nng_pipe_notify(lane->socket, NNG_PIPE_EV_ADD_POST, on_pipe, lane);
    nng_pipe_notify(lane->socket, NNG_PIPE_EV_REM_POST, on_pipe, lane);
    int result = nng_dial(lane->socket, lane->address, &dialer, NNG_FLAG_NONBLOCK);
    if (result != 0)
        log_say(LOG_ERROR, "dial", "%s: %s", lane->address, nng_strerror(result));
    return result == 0;
}

struct lane *lane_new(const char *address)
{
    struct lane *lane = calloc(1, sizeof *lane);
    if (lane == NULL)
        abort();
    pthread_mutex_init(&lane->lock, NULL);
    lane->redis = redis_new();
    lane->arena = arena_new(8192);
    lane->address = address;
    if (address != NULL)
        open_socket(lane);
    return lane;
}

void lane_retire(struct lane *lane) { atomic_store(&lane->retired, true); }

bool lane_is_up(const struct lane *lane)
{
    return !atomic_load(&lane->retired) && (lane->address == NULL || atomic_load(&lane->pipes) > 0);
}

size_t lane_load(const struct lane *lane)
{
    int64_t led = atomic_load(&lane->led_us);
    bool late = led != 0 && clock_mono_us() - led > LATE_US;
    return atomic_load(&lane->load) + (late ? LATE_LOAD : 0);
}

/* Redis for the whole batch; what is refused ends here. */
static void admit_batch(struct lane *lane, struct batch *batch)
{
    struct redis_ask *asks[LANE_BATCH];
    size_t n = 0;
    int64_t start = clock_mono_us();
    for (size_t i = 0; i < batch->n; i++)
        if (batch->items[i]->ask != NULL)
            asks[n++] = batch->items[i]->ask;
    redis_ask_all(lane->redis, asks, n);
    int64_t spent = n == 0 ? 0 : clock_mono_us() - start;
    batch->sent_n = 0;
    for (size_t i = 0; i < batch->n; i++) {
        struct lane_item *item = batch->items[i];
        if (item->ask != NULL)
            item->redis_us += spent;
        item->err = item->settle == NULL ? ERR_OK : item->settle(item);
        if (item->err == ERR_OK && item->request != NULL && lane->address != NULL)
            batch->sent[batch->sent_n++] = item;
    }
}

static void fail_sent(struct batch *batch, enum err err, bool sent)
{
    for (size_t i = 0; i < batch->sent_n; i++) {
        batch->sent[i]->err = err;
        batch->sent[i]->sent = sent;
    }
}

/* Gives each waiter its reply, as a message of one. */
static bool deal_out(struct lane *lane, struct batch *batch, struct slice message)
{
    struct reply *replies = NULL;
    size_t n = 0;
    if (replies_read(lane->arena, message, &replies, &n) != ERR_OK)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (replies[i].index >= batch->sent_n)
            continue;
        struct lane_item *item = batch->sent[replies[i].index];
        item->answer = reply_alone(item->arena, replies[i].bytes);
        item->err = ERR_OK;
    }
    return true;
}

static void write_message(struct lane *lane, struct batch *batch, struct buf *out)
{
    buf_init(out, lane->arena);
    mp_put_array(out, (uint32_t)batch->sent_n);
    int64_t now = clock_mono_us();
    for (size_t i = 0; i < batch->sent_n; i++) {
        struct lane_item *item = batch->sent[i];
        item->request->index = (uint32_t)i;
        item->request->left_ms = (item->deadline_us - now) / 1000;
        request_write(out, item->request);
    }
}

static int64_t longest_left_ms(const struct batch *batch)
{
    int64_t now = clock_mono_us(), most = 1;
    for (size_t i = 0; i < batch->sent_n; i++) {
        int64_t left = (batch->sent[i]->deadline_us - now) / 1000;
        most = left > most ? left : most;
    }
    return most;
}

/* nng_sendmsg takes the message on success. */
static int send_message(struct lane *lane, const struct buf *text)
{
    nng_msg *message = NULL;
    int result = nng_msg_alloc(&message, 0);
    if (result == 0)
        result = nng_msg_append(message, text->data, text->len);
    if (result == 0)
        result = nng_sendmsg(lane->socket, message, 0);
    if (result != 0 && message != NULL)
        nng_msg_free(message);
    return result;
}

static void ask_service(struct lane *lane, struct batch *batch)
{
    struct buf text;
    nng_msg *answer = NULL;
    fail_sent(batch, ERR_UNAVAILABLE, false);
    if (!lane_is_up(lane))
        return;
    write_message(lane, batch, &text);
    if (text.len > MESSAGE_MAX_BYTES - MESSAGE_ROOM) {
        fail_sent(batch, ERR_TOO_LARGE, false);
        return;
    }
    int64_t left = longest_left_ms(batch);
    nng_socket_set_ms(lane->socket, NNG_OPT_SENDTIMEO, (nng_duration)(left < 1000 ? left : 1000));
    nng_socket_set_ms(lane->socket, NNG_OPT_RECVTIMEO, (nng_duration)left);
    if (send_message(lane, &text) != 0)
        return;
    int result = nng_recvmsg(lane->socket, &answer, 0);
    if (result != 0) {
        bool late = result == NNG_ETIMEDOUT;
        if (late)
            atomic_fetch_add(&lane->silent, 1);
        fail_sent(batch, late ? ERR_TIMEOUT : ERR_UNAVAILABLE, true);
        return;
    }
    atomic_store(&lane->silent, 0);
    struct slice bytes = {nng_msg_body(answer), nng_msg_len(answer)};
    fail_sent(batch, ERR_INTERNAL, true);
    if (bytes.len == 0 || !deal_out(lane, batch, bytes))
        log_say(LOG_ERROR, "reply_unreadable", "from %s", lane->address);
    nng_msg_free(answer);
}

static void run_batch(struct lane *lane, struct batch *batch)
{
    admit_batch(lane, batch);
    if (batch->sent_n == 0)
        return;
    int64_t start = clock_mono_us();
    ask_service(lane, batch);
    int64_t spent = clock_mono_us() - start;
    for (size_t i = 0; i < batch->sent_n; i++)
        batch->sent[i]->upstream_us += spent;
    metrics_count("bureau_lane_messages_total", "Messages sent to services.", "", 1);
    metrics_count("bureau_lane_requests_total", "Requests they carried.", "",
                  (int64_t)batch->sent_n);
}

static void take_batch(struct lane *lane, struct batch *batch)
{
    size_t bytes = 0;
    batch->n = 0;
    pthread_mutex_lock(&lane->lock);
    while (lane->first != NULL && batch->n < LANE_BATCH) {
        struct lane_item *item = lane->first;
        bytes += item->request == NULL ? 0 : item->request->body.len + item->request->raw.len;
        if (batch->n > 0 && bytes > LANE_BATCH_BYTES)
            break;
        lane->first = item->next;
        batch->items[batch->n++] = item;
    }
    if (lane->first == NULL)
        lane->last = NULL;
    pthread_mutex_unlock(&lane->lock);
}

/* The next waiting thread leads. */
static void hand_on(struct lane *lane)
{
    pthread_mutex_lock(&lane->lock);
    struct lane_item *next = lane->first;
    if (next == NULL)
        lane->leading = false;
    pthread_mutex_unlock(&lane->lock);
    if (next != NULL)
        turn_lead(&next->turn);
}

static void give_back(struct lane_item *item)
{
    bool finished = item->turn.socket >= 0 && item->finish(item);
    turn_done(&item->turn, !finished);
}

static void lead(struct lane *lane, struct lane_item *own)
{
    struct batch batch;
    take_batch(lane, &batch);
    atomic_store(&lane->led_us, clock_mono_us());
    run_batch(lane, &batch);
    atomic_store(&lane->led_us, 0);
    arena_reset(lane->arena);
    atomic_fetch_sub(&lane->load, batch.n);
    hand_on(lane);
    log_hold();
    for (size_t i = 0; i < batch.n; i++)
        if (batch.items[i] != own)
            give_back(batch.items[i]);
    log_release();
}

void lane_run(struct lane *lane, struct lane_item *item)
{
    item->next = NULL;
    turn_open(&item->turn, item->finish == NULL ? -1 : item->socket);
    atomic_fetch_add(&lane->load, 1);
    pthread_mutex_lock(&lane->lock);
    bool leads = !lane->leading;
    lane->leading = true;
    if (lane->last == NULL)
        lane->first = item;
    else
        lane->last->next = item;
    lane->last = item;
    pthread_mutex_unlock(&lane->lock);
    if (leads || turn_wait(&item->turn))
        lead(lane, item);
}

static void *close_socket(void *context)
{
    nng_socket *socket = context;
    nng_close(*socket); /* may hang: that is why it has a thread of its own */
    free(socket);
    return NULL;
}

static void close_aside(nng_socket socket)
{
    static _Atomic int closed;
    nng_socket *copy = malloc(sizeof *copy);
    pthread_t thread;
    if (copy == NULL || atomic_fetch_add(&closed, 1) > 1000)
        abort(); /* a thousand silent peers: a fresh process is the better cure */
    *copy = socket;
    if (pthread_create(&thread, NULL, close_socket, copy) == 0)
        pthread_detach(thread);
}

/* Takes the lead of an idle lane, so that its socket may be changed. */
static bool take_lead(struct lane *lane)
{
    pthread_mutex_lock(&lane->lock);
    bool idle = !lane->leading;
    lane->leading = true;
    pthread_mutex_unlock(&lane->lock);
    return idle;
}

static void change_socket(struct lane *lane)
{
    nng_pipe_notify(lane->socket, NNG_PIPE_EV_ADD_POST, NULL, NULL);
    nng_pipe_notify(lane->socket, NNG_PIPE_EV_REM_POST, NULL, NULL);
    close_aside(lane->socket);
    atomic_store(&lane->pipes, 0);
    atomic_store(&lane->silent, 0);
    open_socket(lane);
}

bool lane_redial(struct lane *lane, const char *address)
{
    if (!take_lead(lane))
        return false;
    lane->address = address;
    change_socket(lane);
    atomic_store(&lane->retired, false);
    hand_on(lane);
    return true;
}

void lane_maintain(struct lane *lane)
{
    if (lane->address == NULL || atomic_load(&lane->silent) < SILENT_MAX || !take_lead(lane))
        return; /* a leader is on it: the next round looks again */
    log_say(LOG_WARN, "lane_rebuilt", "%s was silent", lane->address);
    metrics_count("bureau_lanes_rebuilt_total", "Sockets replaced because of silence.", "", 1);
    change_socket(lane);
    hand_on(lane);
}
