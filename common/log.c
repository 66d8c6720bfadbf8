#include "common/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"

enum { LINE_MAX_BYTES = 4000 }; /* below PIPE_BUF: one write(2) stays one line */

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
};

static void put(struct line *line, const char *data, size_t len)
{
    size_t room = sizeof line->text - 2 - line->len;
    len = len < room ? len : room;
    memcpy(line->text + line->len, data, len);
    line->len += len;
}

static void puts_plain(struct line *line, const char *text) { put(line, text, strlen(text)); }

/* Control bytes, quotes and backslashes are escaped in both formats: a value cannot start a line.
 */
static void puts_escaped(struct line *line, const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        char escaped[8];
        if (c == '"' || c == '\\')
            snprintf(escaped, sizeof escaped, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            snprintf(escaped, sizeof escaped, "\\u%04x", c);
        else
            snprintf(escaped, sizeof escaped, "%c", c);
        puts_plain(line, escaped);
    }
}

static void put_pair(struct line *line, const char *key, const char *value)
{
    puts_plain(line, as_text ? " " : ",\"");
    puts_plain(line, key);
    puts_plain(line, as_text ? "=" : "\":");
    if (value == NULL) {
        puts_plain(line, as_text ? "-" : "null");
        return;
    }
    if (!as_text)
        puts_plain(line, "\"");
    puts_escaped(line, value);
    if (!as_text)
        puts_plain(line, "\"");
}

static void start(struct line *line, enum log_level level, const char *event,
                  const char *request_id)
{
    char now[32];
    line->len = 0;
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

static void end(struct line *line)
{
    size_t limit = sizeof line->text - 2;
    if (!as_text) {
        /* A cut line stays valid JSON as far as readers care: close what is open. */
        if (line->len >= limit) {
            line->len = limit - 1;
            line->text[line->len++] = '"';
        }
        line->text[line->len++] = '}';
    }
    line->text[line->len++] = '\n';
    ssize_t written = write(STDERR_FILENO, line->text, line->len);
    (void)written; /* nowhere left to complain */
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
