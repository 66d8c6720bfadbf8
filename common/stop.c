#include "common/stop.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "common/clock.h"

static volatile sig_atomic_t asked; /* written by the handlers */
static int wake[2] = {-1, -1};      /* a byte wakes every stop_wait_ms: it is never read */

static void on_signal(int number)
{
    (void)number;
    if (asked)
        return;
    asked = 1;
    if (wake[1] >= 0 && write(wake[1], "x", 1) < 0)
        return; /* a waiter still sees `asked` when its time is over */
}

void stop_open(void)
{
    if (pipe2(wake, O_CLOEXEC | O_NONBLOCK) != 0)
        _exit(70);
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGPIPE, &ignore, NULL);
}

bool stop_asked(void) { return asked != 0; }

bool stop_wait_ms(int64_t ms)
{
    int64_t until = clock_mono_us() + ms * 1000;
    while (!stop_asked()) {
        int64_t left = (until - clock_mono_us()) / 1000;
        if (left <= 0)
            break;
        struct pollfd fd = {.fd = wake[0], .events = POLLIN};
        (void)poll(&fd, 1, (int)(left > 60000 ? 60000 : left));
    }
    return stop_asked();
}
