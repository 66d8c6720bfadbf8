/*
 * turn.h - how a thread waits until others did its work, with as few wakes as possible.
 *
 * A thread that waits for an answer would be woken to write it, and again by the next request of
 * its connection. With a socket to watch it sleeps through the first: whoever has the answer writes
 * it, says turn_done(), and only the client's next request wakes the thread.
 */
#ifndef GATEWAY_TURN_H
#define GATEWAY_TURN_H

#include <stdatomic.h>

#include "common/base.h"

struct turn {
    _Atomic uint32_t word;
    int event;  /* descriptor that wakes the thread while it watches a socket */
    int socket; /* or -1: it sleeps until it is woken */
};

/* On a thread that will wait on sockets: takes its descriptor now, so that their number is known
   from the start; else the first turn_open does. */
void turn_prepare(void);
/* On the waiting thread, before others see the turn. socket_or_none: -1, or a client's. */
void turn_open(struct turn *turn, int socket_or_none);
/* Until the work is done (false) or this thread is to lead (true). With a socket it may return up
   to a second after the work was done. */
bool turn_wait(struct turn *turn) MUST_USE;
/* By others, once. The turn may be gone when turn_done returns. */
void turn_lead(struct turn *turn);
/* owner_needed: the thread has something left to do and is woken. */
void turn_done(struct turn *turn, bool owner_needed);

#endif
