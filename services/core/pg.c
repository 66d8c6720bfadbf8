/* The connection: made, checked, lost, made again; results and what errors mean. */
#include "services/core/pg.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/stop.h"
#include "services/core/pg_internal.h"

enum { BACKOFF_FIRST_US = 50000, BACKOFF_LAST_US = 1000000, OPTIONS_MAX = 512, POLL_MS = 1000 };

static _Atomic int64_t open_connections;
static _Atomic int64_t away_us; /* since when none of this process could connect; 0: one could */

struct pg *pg_open_as(const char *conninfo, const char *application, const char *role)
{
    struct pg *pg = calloc(1, sizeof *pg); /* at start-up only */
    if (pg == NULL)
        abort();
    pg->conninfo = conninfo;
    pg->application = application;
    pg->role = role;
    return pg;
}

struct pg *pg_open(const char *conninfo, const char *application)
{
    return pg_open_as(conninfo, application, NULL);
}

struct pg *pg_open_pooled(const char *conninfo, const char *application, const char *role)
{
    struct pg *pg = pg_open_as(conninfo, application, role);
    pg->pooled = true;
    return pg;
}

static void note_open(int64_t change)
{
    int64_t now = atomic_fetch_add(&open_connections, change) + change;
    metrics_gauge("bureau_pg_connections", "Open connections to PostgreSQL.", "", now);
}

bool pg_check(const char *conninfo, char *reason, size_t reason_len)
{
    char *words = NULL;
    PQconninfoOption *parts = PQconninfoParse(conninfo, &words);
    bool good = parts != NULL;
    snprintf(reason, reason_len, "%s", words == NULL ? "" : words);
    reason[strcspn(reason, "\n")] = '\0';
    PQconninfoFree(parts);
    PQfreemem(words);
    return good;
}

void pg_disconnect(struct pg *pg)
{
    if (pg->conn == NULL)
        return;
    PQfinish(pg->conn);
    pg->conn = NULL;
    pg_forget_statements(pg);
    pg->begun = pg->known = false;
    pg->steps_n = 0;
    note_open(-1);
}

void pg_close(struct pg *pg)
{
    if (pg == NULL)
        return;
    pg_disconnect(pg);
    arena_destroy(pg->ending);
    free(pg);
}

void pg_lose(struct pg *pg, const char *why)
{
    if (pg->lost)
        return;
    pg->lost = true;
    log_event(LOG_WARN, "pg_lost", NULL, "reason", why, "application", pg->application, NULL);
    metrics_count("bureau_pg_lost_total", "Connections to PostgreSQL that broke.", "", 1);
}

/* Options of our own come behind those the setting has, so that both hold. */
static void make_options(const struct pg *pg, char options[OPTIONS_MAX])
{
    PQconninfoOption *given = PQconninfoParse(pg->conninfo, NULL);
    const char *theirs = "";
    for (PQconninfoOption *o = given; o != NULL && o->keyword != NULL; o++)
        if (strcmp(o->keyword, "options") == 0 && o->val != NULL)
            theirs = o->val;
    snprintf(options, OPTIONS_MAX,
             "%s -c TimeZone=UTC -c DateStyle=ISO -c jit=off"
             " -c idle_in_transaction_session_timeout=60000"
             /* A session whose host is gone shall end, and with it what it holds. */
             " -c tcp_keepalives_idle=20 -c tcp_keepalives_interval=10"
             " -c tcp_keepalives_count=3%s%s",
             theirs, pg->role == NULL ? "" : " -c role=", pg->role == NULL ? "" : pg->role);
    PQconninfoFree(given);
}

/* A role that can step over row-level security must never serve requests. */
static bool role_is_right(struct pg *pg)
{
    if (pg->role == NULL)
        return true;
    char own[OPTIONS_MAX] = "current_user";
    if (pg->pooled)
        snprintf(own, sizeof own, "set_config('role', '%s', true)", pg->role);
    char text[2 * OPTIONS_MAX];
    snprintf(text, sizeof text,
             "SELECT own, rolbypassrls OR rolsuper FROM (SELECT %s AS own OFFSET 0) o"
             " JOIN pg_roles ON rolname = own",
             own);
    PGresult *rows = PQexec(pg->conn, text);
    bool right = PQresultStatus(rows) == PGRES_TUPLES_OK && PQntuples(rows) == 1 &&
                 strcmp(PQgetvalue(rows, 0, 0), pg->role) == 0 &&
                 strcmp(PQgetvalue(rows, 0, 1), "f") == 0;
    if (!right)
        log_event(LOG_ERROR, "pg_role", NULL, "role", pg->role, "reason",
                  "the connection does not work as this role, or the role bypasses row security",
                  NULL);
    PQclear(rows);
    return right;
}

/* A COMMIT that no standby confirmed succeeds all the same, with a warning. */
static void take_notice(void *context, const PGresult *notice)
{
    struct pg *pg = context;
    const char *severity = PQresultErrorField(notice, PG_DIAG_SEVERITY_NONLOCALIZED);
    const char *text = PQresultErrorField(notice, PG_DIAG_MESSAGE_PRIMARY);
    if (severity == NULL || strcmp(severity, "WARNING") != 0)
        return;
    pg->warned = true;
    log_event(LOG_WARN, "pg_warning", NULL, "reason", text == NULL ? "" : text, "application",
              pg->application, NULL);
}

/* A server that went away without a word is noticed within some seconds. What stands before dbname
   can be overruled by the setting, what stands behind cannot. */
static PGconn *dial(const struct pg *pg)
{
    char options[OPTIONS_MAX];
    make_options(pg, options);
    const char *const pairs[][2] = {{"connect_timeout", "2"},
                                    {"keepalives_idle", "10"},
                                    {"keepalives_interval", "3"},
                                    {"keepalives_count", "3"},
                                    {"tcp_user_timeout", "3000"},
                                    {"target_session_attrs", "read-write"},
                                    {"dbname", pg->conninfo},
                                    {"application_name", pg->application},
                                    {"client_encoding", "UTF8"},
                                    {pg->pooled ? NULL : "options", options},
                                    {NULL, NULL}};
    const char *keys[COUNT_OF(pairs)], *values[COUNT_OF(pairs)];
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        keys[i] = pairs[i][0];
        values[i] = pairs[i][1];
    }
    return PQconnectdbParams(keys, values, 1);
}

/* PostgreSQL tells with an answer when it stopped taking writes: a new connection finds who does.
 */
static bool is_read_only(const struct pg *pg)
{
    const char *said = PQparameterStatus(pg->conn, "default_transaction_read_only");
    return said != NULL && strcmp(said, "on") == 0;
}

static bool connect_now(struct pg *pg)
{
    pg->conn = dial(pg);
    note_open(1);
    PQsetNoticeReceiver(pg->conn, take_notice, pg);
    if (PQstatus(pg->conn) == CONNECTION_OK && role_is_right(pg) &&
        PQsetnonblocking(pg->conn, 1) == 0 && PQenterPipelineMode(pg->conn) == 1) {
        pg->read_only = is_read_only(pg); /* the setting wanted it so */
        return true;
    }
    snprintf(pg->reason, sizeof pg->reason, "%s", PQerrorMessage(pg->conn));
    pg->reason[strcspn(pg->reason, "\n")] = '\0';
    log_event(LOG_WARN, "pg_unreachable", NULL, "reason", pg->reason, "application",
              pg->application, NULL);
    pg_disconnect(pg);
    return false;
}

/* An idle connection whose server went away is readable: seen here before anything is sent. */
static void notice_loss(struct pg *pg)
{
    if (pg->conn == NULL || pg->begun)
        return;
    pg->lost = pg->lost || (is_read_only(pg) && !pg->read_only);
    struct pollfd fd = {.fd = PQsocket(pg->conn), .events = POLLIN};
    pg->lost = pg->lost || fd.fd < 0 || PQstatus(pg->conn) != CONNECTION_OK ||
               (poll(&fd, 1, 0) > 0 && (PQconsumeInput(pg->conn) == 0 || fd.revents & POLLHUP));
}

static void listen_again(struct pg *pg)
{
    if (pg->listen[0] == '\0')
        return;
    struct arena *arena = arena_new(1024);
    struct sql sql;
    struct pg_result *rows;
    struct pg_fault fault;
    sql_init(&sql, arena);
    sql_puts(&sql, pg->listen);
    if (pg_run(pg, arena, &sql, &rows, &fault) != ERR_OK)
        pg_lose(pg, "LISTEN failed");
    arena_destroy(arena);
}

bool pg_connected(struct pg *pg)
{
    notice_loss(pg);
    if (pg->conn != NULL && !pg->lost)
        return true;
    if (clock_mono_us() < pg->next_try_us)
        return false;
    pg_disconnect(pg);
    pg->lost = pg->timed_out = false;
    if (!connect_now(pg)) {
        int64_t none = 0;
        (void)atomic_compare_exchange_strong(&away_us, &none, clock_mono_us());
        int64_t longer = pg->backoff_us * 2;
        pg->backoff_us = longer == 0                ? BACKOFF_FIRST_US
                         : longer < BACKOFF_LAST_US ? longer
                                                    : BACKOFF_LAST_US;
        pg->next_try_us = clock_mono_us() + pg->backoff_us;
        return false;
    }
    pg->backoff_us = pg->next_try_us = 0;
    atomic_store(&away_us, 0);
    metrics_count("bureau_pg_connects_total", "Connections made to PostgreSQL.", "", 1);
    listen_again(pg);
    return !pg->lost;
}

const char *pg_reason(const struct pg *pg) { return pg->reason; }

bool pg_await(struct pg *pg, int64_t timeout_ms)
{
    int64_t until = clock_mono_us() + timeout_ms * 500; /* the other half is for the work */
    while (!pg_connected(pg)) {
        int64_t since = atomic_load(&away_us), now = clock_mono_us();
        int64_t last =
            since == 0 || since + PG_SWITCH_MS * 1000 > until ? until : since + PG_SWITCH_MS * 1000;
        if (now >= last || stop_asked())
            return false;
        int64_t next = pg->next_try_us < last ? pg->next_try_us : last;
        if (next > now)
            usleep((useconds_t)(next - now));
    }
    return true;
}

/* Sends what is queued and reads what came; false when the connection is lost. */
static bool pump_once(struct pg *pg, int64_t deadline_us)
{
    int unsent = PQflush(pg->conn);
    if (unsent < 0) {
        pg_lose(pg, "cannot send");
        return false;
    }
    int64_t left = (deadline_us - clock_mono_us()) / 1000;
    struct pollfd fd = {.fd = PQsocket(pg->conn),
                        .events = (short)(POLLIN | (unsent > 0 ? POLLOUT : 0))};
    int ready = left <= 0 ? 0 : poll(&fd, 1, left > 60000 ? 60000 : (int)left);
    if (ready < 0 && errno == EINTR)
        return true;
    if (ready <= 0) {
        pg->timed_out = true;
        pg_lose(pg, "no answer in time");
        return false;
    }
    if (fd.revents & (POLLIN | POLLHUP | POLLERR) && PQconsumeInput(pg->conn) == 0) {
        pg_lose(pg, "cannot read");
        return false;
    }
    return true;
}

bool pg_pump(struct pg *pg, int64_t deadline_us)
{
    if (PQflush(pg->conn) != 0 && !pump_once(pg, deadline_us))
        return false;
    while (PQisBusy(pg->conn))
        if (!pump_once(pg, deadline_us))
            return false;
    return true;
}

bool pg_wait_notify(struct pg *pg, int64_t ms)
{
    int64_t until = clock_mono_us() + (pg->pooled && ms > POLL_MS ? POLL_MS : ms) * 1000;
    for (;;) {
        bool usable = pg_connected(pg);
        PGnotify *notice = usable ? PQnotifies(pg->conn) : NULL;
        if (notice != NULL) {
            for (; notice != NULL; notice = PQnotifies(pg->conn))
                PQfreemem(notice);
            return true;
        }
        int64_t left = (until - clock_mono_us()) / 1000;
        if (left <= 0 || stop_asked())
            return false;
        left = left < 500 ? left : 500; /* looks at stop_asked() twice a second */
        struct pollfd fd = {.fd = usable ? PQsocket(pg->conn) : -1, .events = POLLIN};
        if (poll(&fd, 1, (int)left) > 0 && PQconsumeInput(pg->conn) == 0)
            pg_lose(pg, "cannot read");
    }
}

int64_t pg_spent_us(struct pg *pg)
{
    int64_t spent = pg->spent_us;
    pg->spent_us = 0;
    return spent;
}

/* The server ends this connection: 57P01 shutdown, 57P02 crash, 57P03 starting, 25006 a primary
   that became a standby. */
bool pg_is_loss(const char *state)
{
    return state == NULL || strncmp(state, "57P", 3) == 0 || strncmp(state, "08", 2) == 0 ||
           strcmp(state, "25006") == 0;
}

static enum err err_of_state(const char *state)
{
    static const struct {
        const char *start;
        enum err err;
    } table[] = {
        {"23505", ERR_CONFLICT},    {"23P01", ERR_CONFLICT},    {"23503", ERR_INVALID},
        {"23514", ERR_INVALID},     {"23502", ERR_INVALID},     {"22", ERR_INVALID},
        {"57014", ERR_TIMEOUT},     {"40001", ERR_UNAVAILABLE}, {"40P01", ERR_UNAVAILABLE},
        {"55P03", ERR_UNAVAILABLE}, {"53", ERR_UNAVAILABLE},
    };
    if (pg_is_loss(state))
        return ERR_UNAVAILABLE;
    for (size_t i = 0; i < COUNT_OF(table); i++)
        if (strncmp(state, table[i].start, strlen(table[i].start)) == 0)
            return table[i].err;
    return ERR_INTERNAL;
}

static const char *kept(struct arena *arena, const PGresult *result, int part)
{
    const char *text = PQresultErrorField(result, part);
    return text == NULL ? "" : arena_strdup(arena, text);
}

void pg_read_fault(struct arena *arena, const PGresult *result, struct pg_fault *fault)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    *fault = (struct pg_fault){.err = err_of_state(state)};
    snprintf(fault->sqlstate, sizeof fault->sqlstate, "%s", state == NULL ? "" : state);
    fault->constraint = kept(arena, result, PG_DIAG_CONSTRAINT_NAME);
    fault->table = kept(arena, result, PG_DIAG_TABLE_NAME);
    fault->column = kept(arena, result, PG_DIAG_COLUMN_NAME);
    fault->message = kept(arena, result, PG_DIAG_MESSAGE_PRIMARY);
    const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
    if (strcmp(fault->sqlstate, "P0001") == 0 && detail != NULL)
        fault->err = err_named(detail);
}

static void clear_rows(void *rows) { PQclear(rows); }

struct pg_result *pg_keep(struct arena *arena, PGresult *rows)
{
    struct pg_result *result = arena_alloc(arena, sizeof *result);
    result->rows = rows;
    arena_defer(arena, clear_rows, rows);
    return result;
}

int pg_rows(const struct pg_result *result) { return PQntuples(result->rows); }

const char *pg_text(const struct pg_result *result, int row, int column)
{
    bool outside = row >= PQntuples(result->rows) || column >= PQnfields(result->rows);
    if (outside || PQgetisnull(result->rows, row, column))
        return NULL;
    return PQgetvalue(result->rows, row, column);
}

size_t pg_len(const struct pg_result *result, int row, int column)
{
    if (pg_text(result, row, column) == NULL)
        return 0;
    return (size_t)PQgetlength(result->rows, row, column);
}

int64_t pg_int(const struct pg_result *result, int row, int column)
{
    const char *text = pg_text(result, row, column);
    return text == NULL ? 0 : strtoll(text, NULL, 10);
}

bool pg_true(const struct pg_result *result, int row, int column)
{
    const char *text = pg_text(result, row, column);
    return text != NULL && text[0] == 't';
}
