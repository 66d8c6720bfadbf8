/*
 * run_cases.c - runs case files against a running stack; one TAP line a case.
 * usage: bureau-run-cases [--base URL] FILE…   (without --base: BUREAU_PORT on loopback)
 */
#include <fcntl.h>
#include <libgen.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/api/api.h"
#include "tests/api/case_file.h"
#include "tests/api/match.h"

/* One case file at work. */
struct run {
    struct arena *arena;
    const char *base;  /* who the people are made with */
    const char *asked; /* who the cases ask: base, or a gateway with limits of its own */
    struct people *people;
    struct variables variables;
    struct buf why;
};

static const char *program_path;
static int passed, failed;

static void report(const char *file, const char *name, const char *why_or_null)
{
    printf("%s - %s: %s\n", why_or_null == NULL ? "ok" : "not ok", file, name);
    if (why_or_null == NULL) {
        passed++;
        return;
    }
    failed++;
    for (const char *at = why_or_null; *at != '\0';) {
        size_t len = strcspn(at, "\n");
        printf("#   %.*s\n", (int)len, at);
        at += len + (at[len] == '\n');
    }
}

/* Replaces ${names}. NULL when one is unknown or cannot be made; run->why says which. */
static const char *expand(struct run *run, const char *text)
{
    struct buf out;
    buf_init(&out, run->arena);
    for (const char *at = text;;) {
        const char *start = strstr(at, "${");
        const char *end = start == NULL ? NULL : strchr(start, '}');
        if (end == NULL) {
            buf_puts(&out, at);
            return out.data;
        }
        const char *fault = NULL;
        const char *name = arena_strndup(run->arena, start + 2, (size_t)(end - start - 2));
        const char *value = variable_find(&run->variables, name);
        if (value == NULL)
            value = people_find(run->people, name, &fault);
        if (value == NULL || fault != NULL) {
            buf_printf(&run->why, "${%s}: %s", name,
                       value == NULL ? "no such variable (did an earlier case fail?)" : fault);
            return NULL;
        }
        buf_put(&out, at, (size_t)(start - at));
        buf_puts(&out, value);
        at = end + 1;
    }
}

/* Splits "~regex -> name" in place; the name, or NULL. */
static const char *capture_name(char *what)
{
    char *arrow = strstr(what, " -> ");
    if (arrow == NULL)
        return NULL;
    *arrow = '\0';
    return arrow + 4;
}

static bool header_fits(struct run *run, const char *value, const char *what, const char *name)
{
    const char *group = value;
    bool fits = what[0] == '~' ? match_regex(run->arena, what + 1, value, &group)
                               : strcmp(what, "*") == 0 || strcmp(what, value) == 0;
    if (fits && name != NULL)
        variable_set(&run->variables, name, group);
    return fits;
}

/* Any header of the name may fit; "-" wants none of them. */
static bool check_header(struct run *run, const struct header_check *check,
                         const struct answer *answer)
{
    const char *expanded = expand(run, check->what), *value, *last = NULL;
    if (expanded == NULL)
        return false;
    char *what = arena_strdup(run->arena, expanded);
    const char *name = capture_name(what);
    for (size_t i = 0; (value = answer_header(run->arena, answer, check->name, i)) != NULL; i++) {
        if (strcmp(what, "-") != 0 && header_fits(run, value, what, name))
            return true;
        last = value;
    }
    if (strcmp(what, "-") == 0 && last == NULL)
        return true;
    buf_printf(&run->why, "header %s: expected %s, got %s", check->name,
               strcmp(what, "-") == 0 ? "none" : what, last == NULL ? "none" : last);
    return false;
}

static bool check_json(struct run *run, const struct exchange *x, const struct answer *answer)
{
    json_error_t error;
    const char *pattern = expand(run, x->json);
    if (pattern == NULL)
        return false;
    json_t *want = json_loads(pattern, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &error);
    if (want == NULL) {
        buf_printf(&run->why, "the pattern is no JSON: %s\n%s", error.text, pattern);
        return false;
    }
    json_t *got = json_loads(answer->body, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &error);
    bool fits = false;
    if (got == NULL)
        buf_printf(&run->why, "the answer is no JSON: %s", error.text);
    else
        fits = match_json(&run->variables, want, got, &run->why);
    json_decref(want);
    json_decref(got);
    return fits;
}

static bool check_text(struct run *run, const struct exchange *x, const struct answer *answer)
{
    const char *text = expand(run, x->text);
    if (text == NULL)
        return false;
    bool fits = text[0] == '~' ? match_regex(run->arena, text + 1, answer->body, NULL)
                               : strcmp(text, answer->body) == 0;
    if (fits)
        return true;
    buf_printf(&run->why, "the body differs; expected:\n%s", text);
    return false;
}

static bool check_answer(struct run *run, const struct exchange *x, const struct answer *answer)
{
    if (answer->status != x->status) {
        buf_printf(&run->why, "expected %d, got %ld", x->status, answer->status);
        return false;
    }
    for (const struct header_check *c = x->checks; c != NULL; c = c->next)
        if (!check_header(run, c, answer))
            return false;
    if (x->json != NULL && !check_json(run, x, answer))
        return false;
    return x->text == NULL || check_text(run, x, answer);
}

enum { TRIES = 150, TRY_AGAIN_US = 100000 };

static bool run_exchange(struct run *run, const struct exchange *x)
{
    const char *headers[COUNT_OF(x->headers)] = {0};
    const char *target = expand(run, x->target);
    const char *body = x->body == NULL ? NULL : expand(run, x->body);
    bool known = target != NULL && (x->body == NULL || body != NULL);
    for (size_t i = 0; known && x->headers[i] != NULL; i++) {
        headers[i] = expand(run, x->headers[i]);
        known = headers[i] != NULL;
    }
    if (!known)
        return false;
    bool waits = x->verb[0] == '~'; /* ~GET: until it fits, for a while */
    const char *verb = waits ? x->verb + 1 : x->verb;
    struct answer answer = api_send(run->arena, run->asked, verb, target, headers, body);
    bool fits = check_answer(run, x, &answer);
    for (int i = 0; !fits && waits && i < TRIES; i++) {
        usleep(TRY_AGAIN_US);
        buf_init(&run->why, run->arena);
        answer = api_send(run->arena, run->asked, verb, target, headers, body);
        fits = check_answer(run, x, &answer);
    }
    if (fits)
        return true;
    buf_printf(&run->why, "\nline %d: %s %s%s%.600s\nanswered %ld: %.1500s", x->line, verb, target,
               body == NULL ? "" : "\n", body == NULL ? "" : body, answer.status, answer.body);
    return false;
}

/* --- a gateway with limits of its own
 * -------------------------------------------------------------- */

static int free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int port = bind(fd, (struct sockaddr *)&address, len) == 0 &&
                       getsockname(fd, (struct sockaddr *)&address, &len) == 0
                   ? ntohs(address.sin_port)
                   : 0;
    close(fd);
    return port;
}

static pid_t start_gateway(struct arena *arena, const struct case_file *file, int port)
{
    const char *path = getenv("BUREAU_GATEWAY");
    if (path == NULL)
        path = arena_printf(arena, "%s/bureau-gateway", dirname(arena_strdup(arena, program_path)));
    fflush(stdout); /* the child must not print it again */
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    int null = open("/dev/null", O_WRONLY);
    dup2(null, 1);
    dup2(null, 2);
    setenv("BUREAU_PORT", arena_printf(arena, "%d", port), 1);
    setenv("BUREAU_RATE_LIMIT", file->limits[0], 1);
    setenv("BUREAU_RATE_LIMIT_GUEST", file->limits[1], 1);
    setenv("BUREAU_RATE_LIMIT_LOGIN", file->limits[2], 1);
    execl(path, path, (char *)NULL);
    _exit(127);
}

static bool wait_ready(struct arena *arena, const char *base)
{
    for (int i = 0; i < 100; i++) {
        struct answer answer = api_json(arena, base, NULL, "GET", "/readyz", NULL);
        if (answer.status == 200)
            return true;
        nanosleep(&(struct timespec){.tv_nsec = 100 * 1000 * 1000}, NULL);
    }
    return false;
}

/* --- the files
 * ------------------------------------------------------------------------------------ */

static void run_all(struct run *run, const struct case_file *cases, const char *file)
{
    for (const struct test_case *test = cases->first; test != NULL; test = test->next) {
        bool fits = test->first != NULL;
        buf_init(&run->why, run->arena);
        if (!fits)
            buf_puts(&run->why, "the case has no request");
        for (const struct exchange *x = test->first; fits && x != NULL; x = x->next)
            fits = run_exchange(run, x);
        report(file, test->name, fits ? NULL : run->why.data);
    }
}

static void run_file(struct arena *arena, const char *base, char *path)
{
    struct case_file cases;
    const char *fault, *file = basename(arena_strdup(arena, path));
    struct run run = {.arena = arena, .base = base, .asked = base, .variables = {.arena = arena}};
    pid_t gateway = 0;
    if (!case_file_read(arena, path, &cases, &fault)) {
        report(file, "can be read", fault);
        return;
    }
    run.people = people_new(arena, base);
    if (cases.limits[0] != NULL) {
        int port = free_port();
        run.asked = arena_printf(arena, "http://127.0.0.1:%d", port);
        gateway = start_gateway(arena, &cases, port);
    }
    if (gateway != 0 && !wait_ready(arena, run.asked))
        report(file, "a gateway with its limits starts", "it did not get ready within 10 s");
    else
        run_all(&run, &cases, file);
    if (gateway > 0) {
        kill(gateway, SIGTERM);
        waitpid(gateway, NULL, 0);
    }
}

int main(int argc, char **argv)
{
    const char *port = getenv("BUREAU_PORT");
    struct arena *arena = arena_new(1 << 20), *own = arena_new(4096);
    const char *base = arena_printf(own, "http://127.0.0.1:%s", port == NULL ? "8080" : port);
    int first = 1;
    program_path = argv[0];
    if (argc > 2 && strcmp(argv[1], "--base") == 0) {
        base = argv[2];
        first = 3;
    }
    if (first >= argc) {
        fprintf(stderr, "usage: bureau-run-cases [--base URL] FILE…\n");
        return 2;
    }
    for (int i = first; i < argc; i++) {
        run_file(arena, base, argv[i]);
        fflush(stdout);
        arena_reset(arena);
    }
    printf("# %d passed, %d failed\n", passed, failed);
    arena_destroy(arena);
    arena_destroy(own);
    return failed == 0 ? 0 : 1;
}
