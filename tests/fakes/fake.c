/* fake.c - the server of the fakes: parsing, faults, control. usage: bureau-fakes PORT */
#include "tests/fakes/fake.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/crypto.h"

json_t *faults, *violations, *requests;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* No request is allowed before then, by provider: set by every Retry-After. */
static int64_t wait_until[3];
static int64_t early[3];

int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

bool param(const char *query, const char *name, char *out, size_t size)
{
    return query != NULL && mg_get_var(query, strlen(query), name, out, size) >= 0;
}

bool is_word_of(const char *words, const char *word)
{
    size_t len = strlen(word);
    for (const char *at = words; (at = strstr(at, word)) != NULL; at++)
        if ((at == words || at[-1] == ' ') && (at[len] == ' ' || at[len] == '\0'))
            return len > 0;
    return false;
}

bool only_params(struct exchange *x, const char *known)
{
    char name[64];
    for (const char *at = x->query; *at != '\0';) {
        size_t len = strcspn(at, "=&");
        snprintf(name, sizeof name, "%.*s", (int)len, at);
        if (!is_word_of(known, name))
            return false;
        at += strcspn(at, "&");
        at += *at == '&';
    }
    return true;
}

bool only_keys(const json_t *object, const char *known)
{
    const char *key;
    json_t *value;
    if (!json_is_object(object))
        return false;
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        if (!is_word_of(known, key))
            return false;
    }
    return true;
}

const char *header(struct exchange *x, const char *name) { return mg_get_header(x->conn, name); }

void violation(struct exchange *x, const char *what)
{
    char text[512];
    snprintf(text, sizeof text, "%s %s: %s", x->method, x->path, what);
    json_array_append_new(violations, json_string(text));
}

void answer(struct exchange *x, int status, json_t *json)
{
    x->status = status;
    json_decref(x->answer);
    x->answer = json;
}

void answer_header(struct exchange *x, const char *name, const char *value)
{
    size_t at = strlen(x->headers);
    snprintf(x->headers + at, sizeof x->headers - at, "%s: %s\r\n", name, value);
}

int64_t instant(const char *text)
{
    struct tm tm = {0};
    if (text == NULL)
        return -1;
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    if (rest == NULL)
        return -1;
    if (*rest == '.')
        rest += 1 + strspn(rest + 1, "0123456789");
    int64_t at = timegm(&tm);
    int hours, minutes;
    char sign;
    if (strcmp(rest, "Z") == 0)
        return at;
    if (sscanf(rest, "%c%2d:%2d", &sign, &hours, &minutes) != 3 || (sign != '+' && sign != '-'))
        return -1;
    return at + (sign == '+' ? -1 : 1) * (hours * 3600 + minutes * 60);
}

void instant_text(int64_t seconds, char out[32])
{
    time_t t = (time_t)seconds;
    struct tm tm;
    gmtime_r(&t, &tm);
    strftime(out, 32, "%Y-%m-%dT%H:%M:%S.000Z", &tm);
}

/* ---- faults: {"match", "kind", "count", "status", "reason", "retry_after", "ms"} ---- */

static json_t *fault_for(const struct exchange *x)
{
    char line[1024];
    snprintf(line, sizeof line, "%s %s", x->method, x->path);
    for (size_t i = 0; i < json_array_size(faults); i++) {
        json_t *f = json_array_get(faults, i);
        json_int_t left = json_integer_value(json_object_get(f, "count"));
        if (left > 0 && strstr(line, json_string_value(json_object_get(f, "match"))) != NULL) {
            json_object_set_new(f, "count", json_integer(left - 1));
            return f;
        }
    }
    return NULL;
}

static int provider_of(const char *path)
{
    return strncmp(path, "/api/v2", 7) == 0       ? 1
           : strncmp(path, "/calendar/", 10) == 0 ? 0
           : strncmp(path, "/v1.0/", 6) == 0      ? 2
                                                  : -1;
}

static void note_wait(const struct exchange *x, int64_t until_ms)
{
    int provider = provider_of(x->path);
    if (provider >= 0 && until_ms > wait_until[provider])
        wait_until[provider] = until_ms;
}

static void fault_status(struct exchange *x, const json_t *f)
{
    const char *reason = json_string_value(json_object_get(f, "reason"));
    json_int_t status = json_integer_value(json_object_get(f, "status"));
    json_int_t after = json_integer_value(json_object_get(f, "retry_after"));
    char text[32];
    if (provider_of(x->path) == 1)
        answer(x, (int)status, json_pack("{s:s}", "error", reason[0] ? reason : "fault"));
    else if (provider_of(x->path) == 2)
        office_error(x, (int)status, reason);
    else if (strcmp(x->path, "/token") == 0)
        answer(x, (int)status, json_pack("{s:s}", "error", reason));
    else
        google_error(x, (int)status, reason, "Fault on demand.");
    if (status >= 300 && status < 400)
        answer_header(x, "Location", "/hooks/elsewhere");
    if (after <= 0)
        return;
    note_wait(x, now_ms() + after * 1000);
    /* Moneybird says when, Google how long. */
    snprintf(text, sizeof text, "%lld",
             provider_of(x->path) == 1 ? (long long)(now_ms() / 1000 + after) : (long long)after);
    answer_header(x, "Retry-After", text);
    if (provider_of(x->path) == 1 && status == 429)
        answer(x, 429, json_string("Retry later"));
}

/* ---- one exchange ---- */

static void serve(struct exchange *x)
{
    if (hooks_serve(x) || office_serve(x) || oauth_serve(x) || google_serve(x) ||
        moneybird_serve(x))
        return;
    violation(x, "no such route");
    answer(x, 404, json_pack("{s:s}", "error", "no such route"));
}

static void send_answer(struct exchange *x, const char *kind)
{
    char *text = x->answer != NULL ? json_dumps(x->answer, JSON_ENCODE_ANY | JSON_COMPACT)
                                   : strdup(x->text != NULL ? x->text : "");
    const char *type = x->type != NULL ? x->type : "application/json; charset=utf-8";
    if (strcmp(kind, "html") == 0) {
        free(text);
        text = strdup("<html><head><title>429 Too Many Requests</title></head></html>");
        type = "text/html";
    }
    size_t len = strlen(text), sent = strcmp(kind, "half") == 0 ? len / 2 : len;
    mg_printf(x->conn,
              "HTTP/1.1 %d Fake\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%sConnection: "
              "close\r\n\r\n",
              x->status, type, x->status == 204 ? 0 : len, x->headers);
    if (strcmp(kind, "drip") == 0)
        for (size_t i = 0; i < len && mg_write(x->conn, text + i, 1) > 0; i++)
            usleep(1000000);
    else if (x->status != 204)
        mg_write(x->conn, text, sent);
    free(text);
}

static void note_request(const struct exchange *x)
{
    int provider = provider_of(x->path);
    if (provider >= 0 && now_ms() < wait_until[provider])
        early[provider]++;
    json_array_append_new(requests,
                          json_pack("{s:I,s:s,s:s,s:s}", "at", (json_int_t)now_ms(), "method",
                                    x->method, "path", x->path, "query", x->query));
}

static void read_body(struct exchange *x, const struct mg_request_info *info)
{
    size_t size = info->content_length > 0 ? (size_t)info->content_length : 0, got = 0;
    x->raw = calloc(1, size + 1);
    for (int n = 1; got < size && n > 0; got += (size_t)(n > 0 ? n : 0))
        n = mg_read(x->conn, x->raw + got, size - got);
    const char *type = header(x, "Content-Type");
    if (size > 0 && type != NULL && strncmp(type, "application/json", 16) == 0)
        x->body = json_loads(x->raw, JSON_REJECT_DUPLICATES, NULL);
}

static bool control(struct exchange *x);

static int handle(struct mg_connection *conn, void *data)
{
    const struct mg_request_info *info = mg_get_request_info(conn);
    (void)data;
    struct exchange x = {.conn = conn,
                         .method = info->request_method,
                         .path = info->local_uri,
                         .query = info->query_string == NULL ? "" : info->query_string,
                         .status = 200};
    char kind[32] = "";
    json_int_t ms = 0;
    read_body(&x, info);
    pthread_mutex_lock(&lock);
    if (!control(&x)) {
        note_request(&x);
        json_t *f = fault_for(&x);
        snprintf(kind, sizeof kind, "%s",
                 f == NULL ? "" : json_string_value(json_object_get(f, "kind")));
        ms = f == NULL ? 0 : json_integer_value(json_object_get(f, "ms"));
        if (strcmp(kind, "status") == 0)
            fault_status(&x, f);
        else if (strcmp(kind, "drop_before") != 0)
            serve(&x);
        if (strcmp(kind, "html") == 0)
            x.status = (int)json_integer_value(json_object_get(f, "status"));
    }
    pthread_mutex_unlock(&lock);
    if (ms > 0)
        usleep((useconds_t)ms * 1000);
    if (strncmp(kind, "drop", 4) != 0)
        send_answer(&x, kind);
    json_decref(x.body);
    json_decref(x.answer);
    free(x.raw);
    return 1;
}

/* ---- control ---- */

static json_t *state(void)
{
    return json_pack("{s:o,s:o,s:o,s:o,s:O,s:I,s:[I,I,I],s:O}", "google", google_state(),
                     "moneybird", moneybird_state(), "office", office_state(), "hooks",
                     hooks_state(), "violations", violations, "requests",
                     (json_int_t)json_array_size(requests), "early", (json_int_t)early[0],
                     (json_int_t)early[1], (json_int_t)early[2], "faults", faults);
}

static void reset(void)
{
    json_array_clear(faults);
    json_array_clear(violations);
    json_array_clear(requests);
    memset(wait_until, 0, sizeof wait_until);
    memset(early, 0, sizeof early);
    oauth_reset();
    google_reset();
    moneybird_reset();
    office_reset();
    hooks_reset();
}

static void add_fault(const struct exchange *x)
{
    static const struct {
        const char *name, *def;
        bool number;
    } fields[] = {{"match", "", false},    {"kind", "status", false}, {"count", "1", true},
                  {"status", "500", true}, {"reason", "", false},     {"retry_after", "0", true},
                  {"ms", "0", true}};
    json_t *f = json_object();
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        char value[256];
        if (!param(x->query, fields[i].name, value, sizeof value))
            snprintf(value, sizeof value, "%s", fields[i].def);
        json_object_set_new(f, fields[i].name,
                            fields[i].number ? json_integer(strtoll(value, NULL, 10))
                                             : json_string(value));
    }
    json_array_append_new(faults, f);
}

static void set_all(struct exchange *x)
{
    for (const char *at = x->query; *at != '\0';) {
        char name[64], value[512];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(at, "=&"), at);
        if (strcmp(name, "no_faults") == 0)
            json_array_clear(faults);
        else if (!param(x->query, name, value, sizeof value) ||
                 (!oauth_set(name, value) && !google_set(name, value) &&
                  !moneybird_set(name, value) && !office_set(name, value) &&
                  !hooks_set(name, value)))
            answer(x, 400, json_pack("{s:s}", "unknown", name));
        at += strcspn(at, "&");
        at += *at == '&';
    }
}

static bool control(struct exchange *x)
{
    if (strncmp(x->path, "/_fake/", 7) != 0)
        return false;
    const char *what = x->path + 7;
    answer(x, 200, json_object());
    if (strcmp(what, "state") == 0)
        answer(x, 200, state());
    else if (strcmp(what, "log") == 0)
        answer(x, 200, json_incref(requests));
    else if (strcmp(what, "reset") == 0)
        reset();
    else if (strcmp(what, "fault") == 0)
        add_fault(x);
    else if (strcmp(what, "set") == 0)
        set_all(x);
    else
        answer(x, 404, NULL);
    return true;
}

static volatile sig_atomic_t ended;
static void end(int signal)
{
    (void)signal;
    ended = 1;
}

int main(int argc, char **argv)
{
    char address[64];
    if (argc != 2) {
        fprintf(stderr, "usage: bureau-fakes PORT\n");
        return 2;
    }
    snprintf(address, sizeof address, "127.0.0.1:%s", argv[1]);
    const char *options[] = {"listening_ports", address, "num_threads", "32", NULL};
    signal(SIGTERM, end);
    signal(SIGINT, end);
    signal(SIGPIPE, SIG_IGN);
    faults = json_array();
    violations = json_array();
    requests = json_array();
    reset();
    if (!crypto_open())
        return 1;
    mg_init_library(0);
    struct mg_context *server = mg_start(NULL, NULL, options);
    if (server == NULL) {
        fprintf(stderr, "bureau-fakes: port %s cannot be used\n", argv[1]);
        return 1;
    }
    mg_set_request_handler(server, "**", handle, NULL);
    printf("ready\n");
    fflush(stdout);
    while (!ended)
        usleep(50000);
    mg_stop(server);
    return 0;
}
