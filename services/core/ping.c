/* What every service can be asked: whether it is ready, and its numbers. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/metrics.h"
#include "common/stop.h"
#include "services/core/migrate.h"
#include "services/core/worker.h"

static const char *shipped; /* text[] literal of "name sha256", for PostgreSQL */
static struct arena *kept;  /* holds it as long as the process lives */

bool ping_open(const char *sql_dir)
{
    struct arena *files_arena = arena_new(1 << 16);
    struct migration *files;
    size_t n;
    struct buf text;
    kept = arena_new(4096);
    bool good = migrate_list(files_arena, sql_dir, &files, &n);
    buf_init(&text, kept);
    for (size_t i = 0; good && i < n; i++)
        buf_printf(&text, "%s\"%s %s\"", i == 0 ? "{" : ",", files[i].name, files[i].sha256);
    buf_putc(&text, '}');
    shipped = text.data;
    arena_destroy(files_arena);
    return good;
}

static enum err refuse(struct reply *reply, const char *why)
{
    reply->message = why;
    reply->retry_after_s = 1;
    return ERR_UNAVAILABLE;
}

/* Ready: PostgreSQL answers and every migration this program ships is applied as shipped. */
static enum err ping(struct worker *worker, struct reply *reply)
{
    struct sql sql;
    sql_init(&sql, worker->arena);
    sql_puts(&sql, "SELECT (SELECT count(*) FROM core.migrations), (SELECT string_agg(f, ', ') FROM"
                   " unnest($1::text[]) f WHERE NOT EXISTS (SELECT FROM core.migrations m"
                   " WHERE m.name || ' ' || m.sha256 = f))");
    (void)sql_bind(&sql, shipped);
    struct pg_item item = {.sql = &sql};
    if (stop_asked())
        return refuse(reply, "stopping");
    pg_run_reads(worker->pg, worker->arena, &item, 1, 2000);
    if (item.err != ERR_OK)
        return refuse(reply, item.fault.sqlstate[0] == '\0'
                                 ? "PostgreSQL is out of reach"
                                 : "the schema is missing: run --migrate");
    if (pg_text(item.result, 0, 1) != NULL)
        return refuse(reply, "the schema is not the one this program ships: run --migrate");
    reply->json.data =
        arena_printf(worker->arena,
                     "{\"ready\":true,\"schema\":%s,\"service\":\"%s\","
                     "\"version\":\"%s\"}",
                     pg_text(item.result, 0, 0), worker->service->name, BUREAU_VERSION);
    reply->json.len = strlen(reply->json.data);
    return ERR_OK;
}

static void print_metrics(struct worker *worker, struct reply *reply)
{
    struct buf text;
    buf_init(&text, worker->arena);
    metrics_print(&text);
    reply->json = (struct slice){text.data, text.len};
    reply->type = "text/plain; version=0.0.4";
}

bool ping_answer(struct worker *worker, const struct request *request, struct reply *reply)
{
    if (request->resource[0] != '\0')
        return false;
    if (strcmp(request->op, "ping") == 0)
        reply->err = ping(worker, reply);
    else if (strcmp(request->op, "metrics") == 0)
        print_metrics(worker, reply);
    else
        return false;
    reply->bare = true;
    return true;
}

/* Where "listen on every address" is to be asked: here. */
static const char *own_address(struct arena *arena, const char *address)
{
    static const char *const any[] = {"tcp://0.0.0.0:", "tcp://*:", "tcp://[::]:", "tcp://:"};
    for (size_t i = 0; i < COUNT_OF(any); i++)
        if (strncmp(address, any[i], strlen(any[i])) == 0)
            return arena_printf(arena, "tcp://127.0.0.1:%s", address + strlen(any[i]));
    return address;
}

int ping_main(const char *address, bool only_alive)
{
    enum { WAIT_MS = 2500 };
    struct arena *arena = arena_new(4096);
    struct request request = {.id = "probe",
                              .trace = "",
                              .op = "ping",
                              .resource = "",
                              .who = {.abilities = "", .zone = "", .org_zone = "", .language = ""},
                              .left_ms = WAIT_MS,
                              .address = "",
                              .path = ""};
    struct buf question, answer;
    struct reply *reply;
    size_t n = 0;
    buf_init(&question, arena);
    buf_init(&answer, arena);
    mp_put_array(&question, 1);
    request_write(&question, &request);
    const char *at = own_address(arena, address);
    if (!listen_ask(at, WAIT_MS, (struct slice){question.data, question.len}, &answer) ||
        replies_read(arena, (struct slice){answer.data, answer.len}, &reply, &n) != ERR_OK ||
        n != 1) {
        fprintf(stderr, "no answer from %s\n", at);
        _exit(1);
    }
    bool good = only_alive || reply->err == ERR_OK;
    if (!good)
        fprintf(stderr, "%s\n", reply->message != NULL ? reply->message : err_meaning(reply->err));
    _exit(good ? 0 : 1);
}
