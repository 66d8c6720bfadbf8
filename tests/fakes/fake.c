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

enum { UNDER_WAY_MS = 300 };

json_t *faults, *violations, *requests;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* No request is allowed before then: set by every Retry-After. By account, but at Moneybird, whose
   limit is the address's. {"told", "until"} */
static json_t *waits;
static int64_t early[3];
static int64_t backward;
static int64_t skew_s; /* of this clock, against the machine's */

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

static long version_of(const json_t *text)
{
    const char *words = json_string_value(text);
    const char *mark = words == NULL ? NULL : strrchr(words, ' ');
    return mark != NULL && mark[1] == 'v' ? strtol(mark + 2, NULL, 10) : 0;
}

void note_version(const json_t *before, const json_t *after)
{
    if (after != NULL && version_of(after) < version_of(before))
        backward++;
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

/* ---- faults: {"match", "kind", "count", "status", "reason", "retry_after", "form", "ms"} ---- */

static void date_text(int64_t at_s, char *out, size_t size)
{
    time_t at = (time_t)at_s;
    struct tm tm;
    gmtime_r(&at, &tm);
    strftime(out, size, "%a, %d %b %Y %H:%M:%S GMT", &tm);
}

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

static void whose(struct exchange *x, int provider, char key[128])
{
    const char *who = provider == 1 ? "" : provider == 0 ? oauth_who(x) : office_who(x);
    snprintf(key, 128, "%d %s", provider, who == NULL ? "" : who);
}

static void note_wait(struct exchange *x, int64_t until_ms)
{
    char key[128];
    int provider = provider_of(x->path);
    whose(x, provider, key);
    if (provider >= 0)
        json_object_set_new(
            waits, key,
            json_pack("{s:I,s:I}", "told", (json_int_t)now_ms(), "until", (json_int_t)until_ms));
}

/* What was under way when it was said is not too early. */
static void note_early(struct exchange *x)
{
    char key[128];
    int provider = provider_of(x->path);
    whose(x, provider, key);
    const json_t *wait = json_object_get(waits, key);
    if (provider >= 0 && wait != NULL &&
        now_ms() < json_integer_value(json_object_get(wait, "until")) &&
        now_ms() > json_integer_value(json_object_get(wait, "told")) + UNDER_WAY_MS)
        early[provider]++;
}

/* What is addressed is gone from there, by somebody's hand. */
static void lose(const struct exchange *x)
{
    char id[1100];
    const char *last = strrchr(x->path, '/');
    snprintf(id, sizeof id, "%s", last == NULL ? "" : last + 1);
    id[strcspn(id, ".")] = '\0';
    google_set("remove", id);
    moneybird_set("lose", id);
    office_set("office_remove", id);
}

/* How long to wait, in the words of the provider, or as asked for. */
static void say_wait(struct exchange *x, const char *form, int64_t after_s)
{
    char text[64];
    int64_t at = now_ms() / 1000 + skew_s + after_s;
    note_wait(x, now_ms() + after_s * 1000);
    if (form[0] == '\0')
        form = provider_of(x->path) == 1 ? "epoch" : "seconds";
    if (strcmp(form, "date") == 0)
        date_text(at, text, sizeof text);
    else
        snprintf(text, sizeof text, "%lld", (long long)(strcmp(form, "epoch") == 0 ? at : after_s));
    answer_header(x, "Retry-After", text);
}

static void fault_status(struct exchange *x, const json_t *f)
{
    const char *reason = json_string_value(json_object_get(f, "reason"));
    json_int_t status = json_integer_value(json_object_get(f, "status"));
    json_int_t after = json_integer_value(json_object_get(f, "retry_after"));
    if (strcmp(json_string_value(json_object_get(f, "kind")), "lose") == 0)
        lose(x);
    if (provider_of(x->path) == 1 && status == 422)
        answer(x, 422, json_pack("{s:{s:[s]}}", "error", "description", reason));
    else if (provider_of(x->path) == 1)
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
    say_wait(x, json_string_value(json_object_get(f, "form")), after);
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
    char date[64];
    date_text(now_ms() / 1000 + skew_s, date, sizeof date);
    mg_printf(x->conn,
              "HTTP/1.1 %d Fake\r\nDate: %s\r\nContent-Type: %s\r\nContent-Length: "
              "%zu\r\n%sConnection: close\r\n\r\n",
              x->status, date, type, x->status == 204 ? 0 : len, x->headers);
    if (strcmp(kind, "drip") == 0)
        for (size_t i = 0; i < len && mg_write(x->conn, text + i, 1) > 0; i++)
            usleep(1000000);
    else if (x->status != 204)
        mg_write(x->conn, text, sent);
    free(text);
}

static void note_request(struct exchange *x)
{
    note_early(x);
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
        json_t *f = json_incref(fault_for(&x));
        snprintf(kind, sizeof kind, "%s",
                 f == NULL ? "" : json_string_value(json_object_get(f, "kind")));
        ms = f == NULL ? 0 : json_integer_value(json_object_get(f, "ms"));
        if (strcmp(kind, "stall") == 0) { /* late, and nothing is done yet */
            pthread_mutex_unlock(&lock);
            usleep((useconds_t)ms * 1000);
            pthread_mutex_lock(&lock);
            ms = 0;
        }
        if (strcmp(kind, "status") == 0 || strcmp(kind, "lose") == 0)
            fault_status(&x, f);
        else if (strcmp(kind, "drop_before") != 0)
            serve(&x);
        if (strcmp(kind, "html") == 0)
            x.status = (int)json_integer_value(json_object_get(f, "status"));
        json_decref(f);
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
    return json_pack("{s:o,s:o,s:o,s:o,s:O,s:I,s:[I,I,I],s:I,s:O}", "google", google_state(),
                     "moneybird", moneybird_state(), "office", office_state(), "hooks",
                     hooks_state(), "violations", violations, "requests",
                     (json_int_t)json_array_size(requests), "early", (json_int_t)early[0],
                     (json_int_t)early[1], (json_int_t)early[2], "backward", (json_int_t)backward,
                     "faults", faults);
}

static void reset(void)
{
    json_array_clear(faults);
    json_array_clear(violations);
    json_array_clear(requests);
    json_object_clear(waits);
    skew_s = 0;
    memset(early, 0, sizeof early);
    backward = 0;
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
                  {"form", "", false},     {"ms", "0", true}};
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
        else if (strcmp(name, "skew_s") == 0 && param(x->query, name, value, sizeof value))
            skew_s = strtoll(value, NULL, 10);
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
    waits = json_object();
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
