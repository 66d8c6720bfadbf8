#include "gateway/turn.h"

#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { WATCH_MS = 1000 };

/* WAITING: asleep, also through its end when it watches a socket. URGENT: wants to be woken.
   DONE: ended, nobody woke the thread. LEAD, TOLD (ended): it was woken, or is about to be. */
enum { WAITING, URGENT, DONE, LEAD, TOLD };

/* One for each thread that ever waited on a socket; kept as long as the process. */
static _Thread_local int own_event = -1;

void turn_prepare(void)
{
    if (own_event < 0)
        own_event = eventfd(0, EFD_CLOEXEC);
}

void turn_open(struct turn *turn, int socket_or_none)
{
    turn->socket = socket_or_none;
    turn->event = -1;
    if (socket_or_none >= 0) {
        turn_prepare();
        turn->event = own_event;
    }
    if (turn->event < 0)
        turn->socket = -1;
    uint32_t word = (uint32_t)(turn->socket < 0 ? URGENT : WAITING);
    atomic_store_explicit(&turn->word, word, memory_order_relaxed);
}

static uint32_t word_of(struct turn *turn)
{
    return atomic_load_explicit(&turn->word, memory_order_acquire);
}

static bool wait_asleep(struct turn *turn)
{
    while (word_of(turn) == URGENT)
        syscall(SYS_futex, &turn->word, FUTEX_WAIT_PRIVATE, URGENT, NULL, NULL, 0);
    return word_of(turn) == LEAD;
}

/* Each waking writes the event once, so each must be read once. */
static void take_event(int event)
{
    uint64_t count;
    while (read(event, &count, sizeof count) < 0 && errno == EINTR)
        continue;
}

bool turn_wait(struct turn *turn)
{
    if (turn->socket < 0)
        return wait_asleep(turn);
    struct pollfd fds[2] = {{.fd = turn->socket, .events = POLLIN},
                            {.fd = turn->event, .events = POLLIN}};
    struct timespec wait = {WATCH_MS / 1000, (WATCH_MS % 1000) * 1000000L};
    if (word_of(turn) == WAITING)
        (void)ppoll(fds, 2, &wait, NULL);
    /* The next request is here before the answer, or the client is gone, or it takes long. */
    uint32_t seen = WAITING;
    if (atomic_compare_exchange_strong(&turn->word, &seen, URGENT) || seen != DONE)
        take_event(turn->event);
    return word_of(turn) == LEAD;
}

static void wake(struct turn *turn, uint32_t word)
{
    int event = turn->event; /* the turn may be gone as soon as the thread sees the word */
    _Atomic uint32_t *address = &turn->word;
    atomic_store_explicit(address, word, memory_order_release);
    if (event < 0) {
        syscall(SYS_futex, address, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
        return;
    }
    uint64_t one = 1;
    if (write(event, &one, sizeof one) != sizeof one)
        abort(); /* it holds one at most */
}

void turn_lead(struct turn *turn) { wake(turn, LEAD); }

void turn_done(struct turn *turn, bool owner_needed)
{
    uint32_t seen = WAITING;
    if (owner_needed || !atomic_compare_exchange_strong(&turn->word, &seen, DONE))
        wake(turn, TOLD);
}
