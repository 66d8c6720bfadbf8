/* stop.h - SIGTERM and SIGINT ask for an orderly end; SIGPIPE is ignored. */
#ifndef COMMON_STOP_H
#define COMMON_STOP_H

#include "common/base.h"

void stop_open(void); /* installs the handlers; before threads */
bool stop_asked(void);
/* Sleeps until asked or for at most ms; true when asked. */
bool stop_wait_ms(int64_t ms);

#endif
