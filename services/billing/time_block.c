/* Time blocks: their order, locks and overlaps, the window and totals of a list, forced sync. */
#include <ctype.h>
#include <string.h>

#include "services/billing/hooks.h"
#include "services/core/crud.h"
#include "services/core/listing.h"

/* The zone that times without offset of this write are in: the body's, the stored block's, hers. */
static enum err zone_of_write(struct call *call, const char **zone)
{
    *zone = call_value(call, "timezone");
    if (*zone != NULL ||
        (!call->created && !call_has(call, "start_time") && !call_has(call, "end_time")))
        return ERR_OK;
    if (call->created) {
        *zone = caller_zone(call);
        call_set(call, "timezone", *zone, "text");
        return ERR_OK;
    }
    struct sql sql;
    struct pg_result *result;
    sql_init(&sql, call->arena);
    sql_printf(&sql,
               "SELECT timezone FROM billing.time_blocks"
               " WHERE organization_id = core.org() AND id = $%d::bigint",
               sql_bind_int(&sql, call->request->row));
    enum err err = call_run(call, &sql, &result);
    if (err == ERR_OK)
        *zone = pg_rows(result) > 0 ? pg_text(result, 0, 0) : caller_zone(call);
    return err;
}

/* The checker has put the caller's zone behind a local time ("2024-01-08 09:00:00 Europe/Paris");
   a block's local times are in the block's own zone. Blocks are of whole seconds. */
void settle_time(struct call *call, const char *column, const char *zone)
{
    const char *value = call_value(call, column);
    if (value == NULL)
        return;
    const char *dot = strchr(value, '.'), *rest = dot == NULL ? value : dot + 1;
    if (dot != NULL) {
        rest += strspn(rest, "0123456789");
        value = arena_printf(call->arena, "%.*s%s", (int)(dot - value), value, rest);
    }
    const char *space = strrchr(value, ' ');
    if (space != NULL && isalpha((unsigned char)space[1]))
        value = arena_printf(call->arena, "%.*s %s", (int)(space - value), value, zone);
    call_set(call, column, value, "timestamptz");
}

static const struct {
    const char *word, *text;
} verdicts[] = {
    {"locked", "The period of this time block is locked."},
    {"order", "The start time must be before end time."},
    {"long", "The time block must not be longer than 366 days."},
    {"range", "The start time field must be a valid date."},
    {"overlap", "The time block overlaps another one."},
};

static enum err say_verdict(struct call *call, const char *said)
{
    if (said == NULL || strcmp(said, "ok") == 0)
        return ERR_OK;
    if (strcmp(said, "external") == 0)
        return call_fail(call, ERR_FORBIDDEN, "External events are read-only.");
    if (strcmp(said, "billed") == 0)
        return call_fail(call, ERR_CONFLICT, "This time block is billed.");
    for (size_t i = 0; i < COUNT_OF(verdicts); i++)
        if (strcmp(verdicts[i].word, said) == 0)
            return call_fault_said(call, "start_time", "%s", verdicts[i].text);
    return call_fail(call, ERR_INTERNAL, NULL);
}

static int bind_row(const struct call *call, struct sql *sql)
{
    return call->created ? sql_bind(sql, NULL) : sql_bind_int(sql, call->request->row);
}

static enum err judge(struct call *call)
{
    struct sql sql;
    struct pg_result *result;
    sql_init(&sql, call->arena);
    int id = bind_row(call, &sql), user = sql_bind(&sql, call_value(call, "user_id"));
    int start = sql_bind(&sql, call_value(call, "start_time"));
    sql_printf(&sql,
               "SELECT billing.judge_block($%d::bigint, $%d::bigint, $%d::timestamptz,"
               " $%d::timestamptz)",
               id, user, start, sql_bind(&sql, call_value(call, "end_time")));
    enum err err = call_run(call, &sql, &result);
    return err == ERR_OK ? say_verdict(call, pg_text(result, 0, 0)) : err;
}

enum err references_say(struct call *call, const struct pg_result *result)
{
    static const char *const names[] = {"user_id", "calendar_id", "client_id", "project_id"};
    enum err err = ERR_OK;
    for (int i = 0; i < (int)COUNT_OF(names); i++)
        if (!pg_true(result, 0, i))
            err = call_fault(call, names[i], RULE_EXISTS, NULL, NULL);
    if (err == ERR_OK && !pg_true(result, 0, COUNT_OF(names)))
        err = call_fault(call, call_has(call, "project_id") ? "project_id" : "client_id", RULE_IN,
                         NULL, NULL);
    return err;
}

/* User, calendar, client and project of the write; a project brings its client along. */
static enum err check_references(struct call *call)
{
    bool client = call_has(call, "client_id"), project = call_has(call, "project_id");
    if (!client && !project && !call_has(call, "user_id") && !call_has(call, "calendar_id"))
        return ERR_OK;
    struct sql sql;
    struct pg_result *result;
    sql_init(&sql, call->arena);
    int id = bind_row(call, &sql), user = sql_bind(&sql, call_value(call, "user_id"));
    int of = sql_bind(&sql, call_value(call, "client_id"));
    int in = sql_bind(&sql, call_value(call, "project_id"));
    int calendar = sql_bind(&sql, call_value(call, "calendar_id"));
    sql_printf(&sql,
               "SELECT * FROM billing.block_refs($%d::bigint, $%d::bigint, $%d::bigint,"
               " $%d::bigint, $%d::bigint, '%s%s')",
               id, user, of, in, calendar, client ? "c" : "", project ? "p" : "");
    enum err err = call_run(call, &sql, &result);
    if (err != ERR_OK)
        return err;
    err = references_say(call, result);
    if (err == ERR_OK && (client || project))
        call_set(call, "client_id", pg_text(result, 0, REFERENCES_CLIENT), "bigint");
    return err;
}

static enum err check(struct call *call)
{
    const struct caller *who = &call->request->who;
    const char *own = arena_printf(call->arena, "%lld", (long long)who->user_id);
    const char *user = call_value(call, "user_id"), *zone;
    if (call->created && user == NULL)
        call_set(call, "user_id", user = own, "bigint");
    if (who->role <= ROLE_USER && user != NULL && strcmp(user, own) != 0)
        return call_fault(call, "user_id", RULE_IN, NULL, NULL);
    enum err err = zone_of_write(call, &zone);
    if (err != ERR_OK)
        return err;
    settle_time(call, "start_time", zone);
    settle_time(call, "end_time", zone);
    err = check_references(call);
    return err == ERR_OK ? judge(call) : err;
}

/* Document 001's example of a refusal names the title and the times together. */
static enum err check_values(struct call *call)
{
    const char *zone;
    struct sql sql;
    struct pg_result *result;
    if (call_value(call, "start_time") == NULL || call_value(call, "end_time") == NULL)
        return ERR_OK;
    enum err err = zone_of_write(call, &zone);
    if (err != ERR_OK)
        return err;
    settle_time(call, "start_time", zone);
    settle_time(call, "end_time", zone);
    sql_init(&sql, call->arena);
    int start = sql_bind(&sql, call_value(call, "start_time"));
    sql_printf(&sql, "SELECT $%d::timestamptz < $%d::timestamptz", start,
               sql_bind(&sql, call_value(call, "end_time")));
    err = call_run(call, &sql, &result);
    return err == ERR_OK && !pg_true(result, 0, 0) ? say_verdict(call, "order") : err;
}

static enum err enqueue(struct call *call, int64_t id, const char *what)
{
    struct sql sql;
    struct pg_result *result;
    sql_init(&sql, call->arena);
    int row = sql_bind_int(&sql, id);
    sql_printf(&sql, "SELECT billing.enqueue($%d::bigint, $%d::text)", row, sql_bind(&sql, what));
    return call_run(call, &sql, &result);
}

static enum err after_write(struct call *call, int64_t id) { return enqueue(call, id, "upsert"); }

static enum err after_delete(struct call *call, int64_t id) { return enqueue(call, id, "delete"); }

/* "2024-01-08": a whole day of hers. */
static bool is_day(struct call *call, const char *text)
{
    return strlen(text) == 10 && date_read(call->arena, text) != NULL;
}

/* An instant of the query; the + of an offset may have arrived as a space. */
static const char *read_instant(struct call *call, const char *text)
{
    size_t len = strlen(text);
    char *copy = arena_strdup(call->arena, text);
    if (len > 6 && copy[len - 6] == ' ' && copy[len - 3] == ':' && strchr(copy, 'T') != NULL)
        copy[len - 6] = '+';
    return instant_read(call->arena, copy, caller_zone(call));
}

struct end {
    const char *value; /* for PostgreSQL */
    bool day;
};

/* Both ends of the asked window, or faults. */
static enum err read_window(struct call *call, struct end ends[2])
{
    static const char *const names[] = {"start", "end"};
    enum err err = ERR_OK;
    for (int i = 0; i < 2; i++) {
        const char *text = query_find(call->request, names[i]);
        bool absent = text == NULL || text[0] == '\0';
        ends[i].day = !absent && is_day(call, text);
        ends[i].value = absent || ends[i].day ? text : read_instant(call, text);
        if (absent || ends[i].value == NULL)
            err = call_fault(call, names[i], absent ? RULE_MISSING : RULE_DATE, NULL, NULL);
    }
    if (err == ERR_OK && ends[0].day && ends[1].day && strcmp(ends[0].value, ends[1].value) > 0)
        err = call_fault_said(call, "end", "The end field must be a date after or equal to start.");
    return err;
}

/* "$1::timestamptz", or the local midnight before or behind a day. */
static const char *put_end(struct call *call, struct sql *sql, const struct end *end, bool behind)
{
    int value = sql_bind(sql, end->value);
    if (!end->day)
        return arena_printf(call->arena, "$%d::timestamptz", value);
    return arena_printf(call->arena, "billing.day_start($%d::date%s, $%d::text)", value,
                        behind ? " + 1" : "", sql_bind(sql, caller_zone(call)));
}

static enum err narrow(struct call *call, struct sql *where)
{
    struct end ends[2];
    enum err err = read_window(call, ends);
    if (err != ERR_OK)
        return err;
    sql_printf(where, " AND t.start_time < %s", put_end(call, where, &ends[1], true));
    sql_printf(where, " AND t.end_time > %s", put_end(call, where, &ends[0], false));
    return ERR_OK;
}

/* total_hours, billable_hours and by_day of every own block the list finds, whatever the page. */
static enum err totals(struct call *call)
{
    struct end ends[2];
    struct listing listing;
    struct pg_result *result;
    enum err err = read_window(call, ends);
    if (err == ERR_OK)
        err = listing_read(call, &listing);
    if (err != ERR_OK)
        return err;
    struct sql sql = listing.where; /* its parameters come first; its text is a part */
    buf_init(&sql.text, call->arena);
    const char *from = put_end(call, &sql, &ends[0], false);
    const char *to = put_end(call, &sql, &ends[1], true);
    sql_printf(&sql,
               "WITH days AS MATERIALIZED (SELECT d.day, d.seconds, t.is_billable"
               " FROM billing.time_blocks t, LATERAL billing.day_seconds(t.start_time, t.end_time,"
               " %s, %s, $%d::text) d WHERE t.deleted_at IS NULL AND t.origin = 'bureau'%s),"
               " sums AS (SELECT day, sum(seconds) AS s FROM days GROUP BY day)"
               " SELECT json_build_object("
               "'total_hours', billing.hours((SELECT sum(s) FROM sums)),"
               " 'billable_hours', billing.hours((SELECT sum(seconds) FROM days"
               " WHERE is_billable)), 'by_day', coalesce((SELECT json_object_agg(day,"
               " billing.hours(s) ORDER BY day) FROM sums), '{}'))",
               from, to, sql_bind(&sql, caller_zone(call)), listing.where.text.data);
    err = call_run(call, &sql, &result);
    if (err != ERR_OK)
        return err;
    const char *meta = pg_text(result, 0, 0);
    bool bounded = call->reply->meta != NULL; /* the engine said that the total is a bound */
    call->reply->meta =
        bounded ? arena_printf(call->arena, "{\"total_is_at_least\":true,%s", meta + 1) : meta;
    return ERR_OK;
}

static enum err list(struct call *call)
{
    enum err err = crud_list(call);
    return err == ERR_OK ? totals(call) : err;
}

const struct hooks time_block_hooks = {
    .resource = "time_block",
    .check = check,
    .check_values = check_values,
    .after_write = after_write,
    .after_delete = after_delete,
    .after_restore = after_write,
    .list = list,
    .narrow = narrow,
};

/* The block is there, the caller may see it and it is one of ours; nothing of it is answered. */
static enum err find_block(struct call *call)
{
    struct sql sql;
    struct pg_result *result;
    enum err err = crud_item(call, call->request->row);
    memset(call->reply->headers, 0, sizeof(call->reply->headers));
    call->reply->json = (struct slice){NULL, 0};
    if (err != ERR_OK)
        return err;
    sql_init(&sql, call->arena);
    sql_printf(&sql,
               "SELECT origin = 'bureau' FROM billing.time_blocks"
               " WHERE organization_id = core.org() AND id = $%d::bigint",
               sql_bind_int(&sql, call->request->row));
    err = call_run(call, &sql, &result);
    if (err == ERR_OK && !pg_true(result, 0, 0))
        return call_fail(call, ERR_FORBIDDEN, "External events are read-only.");
    return err;
}

enum err time_block_sync(struct call *call)
{
    int64_t id = call->request->row;
    enum err err = find_block(call);
    if (err == ERR_OK)
        err = enqueue(call, id, "again");
    if (err != ERR_OK)
        return err;
    struct sql sql;
    sql_init(&sql, call->arena);
    int row = sql_bind_int(&sql, id);
    sql_printf(&sql,
               "SELECT json_build_object('message', 'Sync initiated', 'sync_status',"
               " json_build_object("
               "'calendar', replace(billing.sync_text($%d::bigint, 'calendar_status'), 'pending',"
               " 'syncing'), 'invoicing', replace(billing.sync_text($%d::bigint,"
               " 'invoicing_status'), 'pending', 'syncing')))",
               row, row);
    call->reply->bare = true;
    return call_json(call, &sql);
}
