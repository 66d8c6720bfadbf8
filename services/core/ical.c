#include "services/core/ical.h"

#include <string.h>

#include "common/crypto.h"

enum { LINE_OCTETS = 75 };

/* One content line, folded. */
static void put_line(struct buf *out, const char *line)
{
    size_t left = strlen(line), room = LINE_OCTETS;
    while (left > room) {
        size_t cut = room;
        while (cut > 1 && ((unsigned char)line[cut] & 0xC0) == 0x80)
            cut--;
        buf_put(out, line, cut);
        buf_puts(out, "\r\n ");
        line += cut;
        left -= cut;
        room = LINE_OCTETS - 1;
    }
    buf_put(out, line, left);
    buf_puts(out, "\r\n");
}

/* A TEXT value: separators are escaped, other control characters dropped. NULL: no line. */
static void put_text(struct buf *out, const char *name, const char *text)
{
    struct buf line;
    if (text == NULL)
        return;
    buf_init(&line, out->arena);
    buf_printf(&line, "%s:", name);
    for (; *text != '\0'; text++) {
        if (*text == '\n')
            buf_puts(&line, "\\n");
        else if (strchr("\\;,", *text) != NULL)
            buf_printf(&line, "\\%c", *text);
        else if ((unsigned char)*text >= ' ' && *text != 127)
            buf_putc(&line, *text);
    }
    put_line(out, line.data);
}

void ical_begin(struct buf *out, const char *product, const char *name)
{
    put_line(out, "BEGIN:VCALENDAR");
    put_line(out, "VERSION:2.0");
    put_line(out, arena_printf(out->arena, "PRODID:-//Bureau//%s//EN", product));
    put_text(out, "X-WR-CALNAME", name);
}

void ical_event(struct buf *out, const struct ical_event *event)
{
    const char *const times[][2] = {{"DTSTAMP", event->changed},
                                    {"LAST-MODIFIED", event->changed},
                                    {"DTSTART", event->starts},
                                    {"DTEND", event->ends}};
    put_line(out, "BEGIN:VEVENT");
    put_line(out, arena_printf(out->arena, "UID:%s", event->uid));
    for (size_t i = 0; i < COUNT_OF(times); i++)
        put_line(out, arena_printf(out->arena, "%s:%s", times[i][0], times[i][1]));
    put_text(out, "SUMMARY", event->summary);
    put_text(out, "DESCRIPTION", event->description);
    put_text(out, "LOCATION", event->location);
    put_line(out, arena_printf(out->arena, "STATUS:%s", event->status));
    put_line(out, "END:VEVENT");
}

void ical_end(struct buf *out) { put_line(out, "END:VCALENDAR"); }

void ical_secret(char secret[ICAL_SECRET_CHARS + 1], char hash[65])
{
    crypto_random_text(secret, ICAL_SECRET_CHARS);
    crypto_sha256_hex(secret, ICAL_SECRET_CHARS, hash);
}

bool ical_address(struct arena *arena, const char *address, const char **organization,
                  char hash[65])
{
    size_t digits = address == NULL ? 0 : strspn(address, "0123456789");
    if (digits == 0 || digits > 18 || address[digits] != '-')
        return false;
    const char *secret = address + digits + 1;
    if (strlen(secret) != ICAL_SECRET_CHARS + 4 || strcmp(secret + ICAL_SECRET_CHARS, ".ics") != 0)
        return false;
    crypto_sha256_hex(secret, ICAL_SECRET_CHARS, hash);
    *organization = arena_strndup(arena, address, digits);
    return true;
}
