#include "common/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/utf8.h"

enum {
    LINE_MAX_BYTES = 4000, /* below PIPE_BUF: one write(2) stays one line */
    TAIL_BYTES = 8,        /* kept free for what closes a line: quote, brace, newline */
};

static const char *level_text = "info", *format_text;
static const char *program_name = "bureau";
static enum log_level lowest = LOG_INFO;
static bool as_text;

const struct setting log_settings[] = {
    {"BUREAU_LOG_LEVEL", SETTING_TEXT, 0, "info", .help = "debug, info, warn or error.",
     .target = &level_text},
    {"BUREAU_LOG_FORMAT", SETTING_TEXT, 0, NULL,
     .help = "json or text; without it text on a terminal, json elsewhere.",
     .target = &format_text},
    {0},
};

static const char *const level_names[] = {"debug", "info", "warn", "error"};

struct line {
    char text[LINE_MAX_BYTES];
    size_t len;
    bool cut; /* full: everything after is left out */
};

/* All of it or nothing: an escape or a character is never cut in two. */
static bool put(struct line *line, const char *data, size_t len)
{
    if (line->cut || line->len + len > sizeof line->text - TAIL_BYTES) {
        line->cut = true;
        return false;
    }
    memcpy(line->text + line->len, data, len);
    line->len += len;
    return true;
}

static void puts_plain(struct line *line, const char *text) { put(line, text, strlen(text)); }

/* What cannot stand as it is. */
static void put_escaped(struct line *line, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    char text[6] = {'\\', (char)c, '0', '0', hex[c >> 4], hex[c & 15]};
    if (c >= 0x80) {
        put(line, "\xEF\xBF\xBD", 3);
    } else if (c == '"' || c == '\\') {
        put(line, text, 2);
    } else {
        text[1] = 'u';
        put(line, text, 6);
    }
}

/* Bytes from text on that need no escape, at most as many as still fit. */
static size_t plain_span(const unsigned char *text, size_t left, size_t room)
{
    size_t i = 0;
    while (i < left) {
        unsigned char c = text[i];
        if (c < 0x20 || c == '"' || c == '\\' || c == 0x7f)
            break;
        size_t n = c < 0x80 ? 1 : utf8_len(text + i, left - i);
        if (n == 0 || i + n > room)
            break;
        i += n;
    }
    return i;
}

/* Control bytes, quotes and backslashes are escaped in both formats: no value can start a line. */
static void puts_escaped(struct line *line, const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    size_t left = strlen(text);
    while (left > 0 && !line->cut) {
        size_t n = plain_span(at, left, sizeof line->text - TAIL_BYTES - line->len);
        put(line, (const char *)at, n);
        at += n;
        left -= n;
        if (left == 0)
            break;
        size_t whole = utf8_len(at, left);
        if (*at < 0x80 || whole == 0)
            put_escaped(line, *at);
        else
            put(line, (const char *)at, whole); /* did not fit: marks the line as cut */
        at++;
        left--;
    }
}

/* An integer JSON can hold as it stands: anything else stays a string. */
static bool is_number(const char *text)
{
    const char *digits = text + (*text == '-' ? 1 : 0);
    size_t len = strspn(digits, "0123456789");
    return len > 0 && len < 20 && digits[len] == '\0' && (*digits != '0' || len == 1);
}

static void put_pair(struct line *line, const char *key, const char *value)
{
    size_t before = line->len;
    bool number = *key == '#' && value != NULL && is_number(value);
    bool quoted = !number && (!as_text || (value != NULL && strpbrk(value, " =\"") != NULL));
    key += *key == '#' ? 1 : 0;
    puts_plain(line, as_text ? " " : ",\"");
    puts_plain(line, key);
    puts_plain(line, as_text ? "=" : "\":");
    if (value == NULL)
        puts_plain(line, as_text ? "-" : "null");
    else if (quoted)
        puts_plain(line, "\"");
    if (line->cut) {
        line->len = before; /* no room for the pair's beginning: leave it out whole */
        return;
    }
    if (value == NULL)
        return;
    puts_escaped(line, value);
    if (quoted)
        line->text[line->len++] = '"'; /* TAIL_BYTES has room for it, also in a cut line */
}

static void start(struct line *line, enum log_level level, const char *event,
                  const char *request_id)
{
    char now[32];
    line->len = 0;
    line->cut = false;
    clock_iso(clock_unix_ms(), now);
    puts_plain(line, as_text ? "" : "{\"time\":\"");
    puts_plain(line, now);
    puts_plain(line, as_text ? "" : "\"");
    put_pair(line, "level", level_names[level]);
    put_pair(line, "program", program_name);
    put_pair(line, "event", event);
    if (request_id != NULL)
        put_pair(line, "request_id", request_id);
}

/* Lines held back; at most what one write(2) to a pipe keeps together. */
static _Thread_local struct {
    char text[4096];
    size_t len;
    bool on;
} held;

static void write_out(const char *text, size_t len)
{
    ssize_t written = len == 0 ? 0 : write(STDERR_FILENO, text, len);
    (void)written; /* nowhere left to complain */
}

static void flush(void)
{
    write_out(held.text, held.len);
    held.len = 0;
}

static void end(struct line *line)
{
    if (!as_text)
        line->text[line->len++] = '}';
    line->text[line->len++] = '\n';
    if (held.len + line->len > sizeof held.text)
        flush();
    if (!held.on) {
        write_out(line->text, line->len);
        return;
    }
    memcpy(held.text + held.len, line->text, line->len);
    held.len += line->len;
}

void log_hold(void) { held.on = true; }

void log_release(void)
{
    held.on = false;
    flush();
}

void log_open(const char *program)
{
    program_name = program;
    for (size_t i = 0; i < COUNT_OF(level_names); i++)
        if (strcmp(level_text, level_names[i]) == 0)
            lowest = (enum log_level)i;
    as_text = format_text == NULL ? isatty(STDERR_FILENO) == 1 : strcmp(format_text, "text") == 0;
}

bool log_enabled(enum log_level level) { return level >= lowest; }

void log_event(enum log_level level, const char *event, const char *request_id, ...)
{
    if (!log_enabled(level))
        return;
    struct line line;
    start(&line, level, event, request_id);
    va_list args;
    va_start(args, request_id);
    for (const char *key = va_arg(args, const char *); key != NULL;
         key = va_arg(args, const char *))
        put_pair(&line, key, va_arg(args, const char *));
    va_end(args);
    end(&line);
}

void log_say(enum log_level level, const char *event, const char *format, ...)
{
    if (!log_enabled(level))
        return;
    char text[2000];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    struct line line;
    start(&line, level, event, NULL);
    put_pair(&line, "message", text);
    end(&line);
}
