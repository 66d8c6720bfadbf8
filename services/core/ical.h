/*
 * ical.h - iCalendar text (RFC 5545), and the secret addresses at which calendars are read:
 * <organization>-<secret>.ics, of which only the SHA-256 of the secret is stored.
 */
#ifndef CORE_ICAL_H
#define CORE_ICAL_H

#include "common/buf.h"

enum { ICAL_SECRET_CHARS = 40 };

/* Lines are folded: none is longer than 75 octets, none is cut inside a character. Texts are
   escaped, control characters dropped. Times are UTC as 20260102T030405Z. NULL: left out. */
struct ical_event {
    const char *uid, *changed, *starts, *ends;
    const char *summary, *description, *location;
    const char *status; /* CONFIRMED, TENTATIVE */
};
void ical_begin(struct buf *out, const char *product, const char *name);
void ical_event(struct buf *out, const struct ical_event *event);
void ical_end(struct buf *out);

/* A new secret and its hash, both terminated. */
void ical_secret(char secret[ICAL_SECRET_CHARS + 1], char hash[65]);
/* "7-SECRET.ics" → organization (in the arena) and hash; false when it is nothing of the kind. */
bool ical_address(struct arena *arena, const char *address, const char **organization,
                  char hash[65]) MUST_USE;

#endif
