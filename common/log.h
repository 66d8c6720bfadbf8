/*
 * log.h - one line an event on stderr: JSON (default) or text (BUREAU_LOG_FORMAT; text on a
 * terminal). One write(2) a line; control bytes escaped. Never pass secrets.
 */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include "common/base.h"
#include "common/config.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

extern const struct setting log_settings[]; /* BUREAU_LOG_LEVEL, BUREAU_LOG_FORMAT */

void log_open(const char *program);
bool log_enabled(enum log_level level);
/* event: short fixed name, "request", "child_died". pairs: alternating key, value, ..., NULL;
   values are strings (NULL prints null). A key that begins with # ("#status") names a number: its
   value, an integer as text, stands without quotes. */
void log_event(enum log_level level, const char *event, const char *request_id, ...)
    __attribute__((sentinel));
/* Between the two, this thread's lines are gathered and leave in few writes, whole each. */
void log_hold(void);
void log_release(void);
/* For one free text. */
void log_say(enum log_level level, const char *event, const char *format, ...) PRINTF(3, 4);

#endif
