/* calendars.h - what the calendar providers have in common. */
#ifndef SYNC_CALENDARS_H
#define SYNC_CALENDARS_H

#include "services/sync/deliver.h"

struct calendar {
    const char *id, *name;    /* name: or NULL */
    const char *color, *zone; /* or NULL */
    const char *access;       /* owner, writer, or something that may not write */
    bool primary;
};

/* The database's time, for calendars_finish; NULL with the result set. */
const char *calendars_begin(struct task *task) MUST_USE;
/* A calendar that was listed; false with the result set. */
bool calendars_take(struct task *task, const struct calendar *calendar) MUST_USE;
/* After the whole list: what was not taken since then is gone. Sets the result. */
void calendars_finish(struct task *task, const char *since);

/* One block's event: what a provider does at each step. */
enum step { STEP_STOP, STEP_AGAIN, STEP_DONE };
struct calendar_way {
    enum step (*create)(struct task *task, struct block *block);
    enum step (*change)(struct task *task, struct block *block);
    /* From where it lies, or may lie. Gone already is as good. */
    bool (*take_away)(struct task *task, struct block *block);
};
/* Brings the block's event to what the block says. Sets the result. */
void calendars_push(struct task *task, const struct calendar_way *way);

/* Where the block shall lie is no more, or may not be written to: it is switched off. Always false.
 */
bool calendars_gone(struct task *task, const struct block *block);
/* Its description with client and project, as a JSON text. */
void calendars_put_description(struct task *task, struct buf *out, const struct block *block);

#endif
