#include "tests/api/case_file.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reading {
    struct arena *arena;
    struct case_file *file;
    struct test_case *test;
    struct exchange *exchange;
    struct buf body, text; /* of the exchange at hand */
    bool in_body, in_text, answered, raw;
    int line;
    const char *fault;
};

static void say(struct reading *r, const char *what)
{
    if (r->fault == NULL)
        r->fault = arena_printf(r->arena, "line %d: %s", r->line, what);
}

/* Hands the collected bodies to the exchange that just ended. */
static void finish(struct reading *r)
{
    struct exchange *x = r->exchange;
    if (x == NULL)
        return;
    if (r->in_body)
        x->body = arena_strndup(r->arena, r->body.data, r->body.len);
    if (r->in_text)
        *(r->raw ? &x->text : &x->json) = arena_strndup(r->arena, r->text.data, r->text.len);
    if (x->status == 0)
        say(r, "the exchange before this line expects no status (\"< 200\")");
    r->exchange = NULL;
}

static void begin_exchange(struct reading *r, const char *line)
{
    struct exchange *x = arena_alloc(r->arena, sizeof *x);
    const char *space = strchr(line, ' ');
    finish(r);
    if (r->test == NULL || space == NULL) {
        say(r, r->test == NULL ? "a request before the first \"## claim\""
                               : "expected \"> VERB /target\"");
        return;
    }
    x->line = r->line;
    x->verb = arena_strndup(r->arena, line, (size_t)(space - line));
    x->target = arena_strdup(r->arena, space + 1);
    struct exchange **link = &r->test->first;
    while (*link != NULL)
        link = &(*link)->next;
    *link = r->exchange = x;
    buf_init(&r->body, r->arena);
    buf_init(&r->text, r->arena);
    r->in_body = r->in_text = r->answered = r->raw = false;
}

static void add_body(struct reading *r, const char *text, bool raw)
{
    if (r->in_body && !raw)
        buf_putc(&r->body, '\n');
    else if (r->in_body)
        buf_puts(&r->body, "\r\n");
    r->in_body = true;
    buf_puts(&r->body, text);
}

static void read_request_line(struct reading *r, const char *line)
{
    if (line[0] == '|') {
        if (r->exchange == NULL)
            say(r, "a body without a request");
        else
            add_body(r, line[1] == ' ' ? line + 2 : line + 1, true);
        return;
    }
    line += line[0] == ' ';
    if (r->exchange == NULL || r->answered) {
        begin_exchange(r, line);
    } else if (r->in_body || line[0] == '{' || line[0] == '[') {
        add_body(r, line, false);
    } else {
        size_t n = 0;
        while (r->exchange->headers[n] != NULL)
            n++;
        if (n + 1 == COUNT_OF(r->exchange->headers) || strchr(line, ':') == NULL)
            say(r, "expected \"> Name: value\", or too many headers");
        else
            r->exchange->headers[n] = arena_strdup(r->arena, line);
    }
}

static void add_check(struct reading *r, const char *line)
{
    const char *colon = strchr(line, ':');
    if (colon == NULL) {
        say(r, "expected \"< Name: check\", JSON, \"<| text\" or \"< (empty)\"");
        return;
    }
    struct header_check *check = arena_alloc(r->arena, sizeof *check);
    check->name = arena_strndup(r->arena, line, (size_t)(colon - line));
    check->what = arena_strdup(r->arena, colon + 1 + strspn(colon + 1, " "));
    check->next = r->exchange->checks;
    r->exchange->checks = check;
}

static void add_text(struct reading *r, const char *text, bool raw)
{
    if (r->in_text)
        buf_putc(&r->text, '\n');
    r->in_text = true;
    r->raw = raw;
    buf_puts(&r->text, text);
}

static void read_answer_line(struct reading *r, const char *line)
{
    if (r->exchange == NULL) {
        say(r, "an answer without a request");
        return;
    }
    r->answered = true;
    if (line[0] == '|') {
        add_text(r, line[1] == ' ' ? line + 2 : line + 1, true);
        return;
    }
    line += line[0] == ' ';
    if (r->exchange->status == 0) {
        r->exchange->status = atoi(line);
        if (r->exchange->status < 100 || r->exchange->status > 599)
            say(r, "expected a status (\"< 200\")");
    } else if (strcmp(line, "(empty)") == 0) {
        add_text(r, "", true);
    } else if (r->in_text || strchr("{[\"", line[0]) != NULL) {
        add_text(r, line, false);
    } else {
        add_check(r, line);
    }
}

static void begin_test(struct reading *r, const char *name)
{
    finish(r);
    struct test_case *test = arena_alloc(r->arena, sizeof *test);
    test->name = arena_strdup(r->arena, name);
    if (r->test == NULL)
        r->file->first = test;
    else
        r->test->next = test;
    r->test = test;
}

static void read_limits(struct reading *r, const char *text)
{
    char *rest = arena_strdup(r->arena, text), *word;
    size_t n = 0;
    while ((word = strsep(&rest, " ")) != NULL)
        if (*word != '\0' && n < COUNT_OF(r->file->limits))
            r->file->limits[n++] = word;
    if (n != COUNT_OF(r->file->limits))
        say(r, "expected \"# limits: per-caller guest login\"");
}

static void read_line(struct reading *r, const char *line)
{
    if (strncmp(line, "## ", 3) == 0)
        begin_test(r, line + 3);
    else if (strncmp(line, "# limits:", 9) == 0)
        read_limits(r, line + 9);
    else if (line[0] == '>')
        read_request_line(r, line + 1);
    else if (line[0] == '<')
        read_answer_line(r, line + 1);
    else if (line[0] != '#' && line[strspn(line, " ")] != '\0')
        say(r, "expected a line that begins with ##, #, > or <");
}

bool case_file_read(struct arena *arena, const char *path, struct case_file *out,
                    const char **fault)
{
    struct reading r = {.arena = arena, .file = out};
    char *line = NULL;
    size_t room = 0;
    FILE *file = fopen(path, "r");
    *out = (struct case_file){0};
    if (file == NULL) {
        *fault = arena_printf(arena, "cannot be opened: %s", strerror(errno));
        return false;
    }
    for (ssize_t len; (len = getline(&line, &room, file)) >= 0;) {
        r.line++;
        while (len > 0 && isspace((unsigned char)line[len - 1]) && line[len - 1] != ' ')
            line[--len] = '\0';
        read_line(&r, line);
    }
    finish(&r);
    free(line);
    fclose(file);
    if (r.fault == NULL && out->first == NULL)
        say(&r, "no case in it");
    *fault = r.fault;
    return r.fault == NULL;
}
