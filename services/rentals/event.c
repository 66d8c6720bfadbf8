/* Events: order of dates, their lists, refusal of overbooking, the window of a list.
   Source: seed 003 "Events", rentals.md 4.10 and 4.11, decisions.md 6 and 8. */
#include <string.h>

#include "services/core/check.h"
#include "services/core/crud.h"
#include "services/rentals/hooks.h"
#include "services/rentals/lists.h"

enum { SPANS = 8, PAGE_ROWS = 100 };
#define WINDOW_ROWS "20000" /* what fits into one reply */

struct event_lists {
    const char *beneficiaries, *assignees, *materials; /* NULL: as they are */
};

static enum err read_lists(struct call *call, struct event_lists *lists)
{
    enum err errs[] = {list_ids(call, "beneficiaries", &lists->beneficiaries),
                       list_ids(call, "assignees", &lists->assignees),
                       list_materials(call, "materials", &lists->materials)};
    for (size_t i = 0; i < COUNT_OF(errs); i++)
        if (errs[i] != ERR_OK)
            return errs[i];
    return ERR_OK;
}

static enum err judge(struct call *call)
{
    struct sql sql;
    struct pg_result *result;
    sql_init(&sql, call->arena);
    int row = sql_bind_int(&sql, call->request->row);
    int user = sql_bind(&sql, call_value(call, "user_id"));
    int start = sql_bind(&sql, call_value(call, "start_date"));
    int end = sql_bind(&sql, call_value(call, "end_date"));
    sql_printf(&sql,
               "SELECT rentals.judge_event($%d::bigint, $%d::bigint, $%d::timestamptz,"
               " $%d::timestamptz)",
               row, user, start, end);
    enum err err = call_run(call, &sql, &result);
    if (err != ERR_OK)
        return err;
    const char *said = pg_text(result, 0, 0);
    if (strcmp(said, "user") == 0)
        return call_fault(call, "user_id", RULE_EXISTS, NULL, NULL);
    if (strcmp(said, "order") == 0)
        return call_fault(call, "end_date", RULE_AFTER, "start date", NULL);
    return ERR_OK;
}

static enum err check(struct call *call)
{
    struct event_lists lists;
    enum err err = read_lists(call, &lists);
    if (err == ERR_OK && !call->created &&
        (call_has(call, "user_id") || call_has(call, "start_date") || call_has(call, "end_date")))
        err = judge(call);
    return err;
}

/* A new event is judged by the statement that makes it. */
static void judge_new(struct call *call, struct sql *sql)
{
    struct event_lists lists = {0};
    (void)read_lists(call, &lists); /* check has done so */
    int user = sql_bind(sql, call_value(call, "user_id"));
    int start = sql_bind(sql, call_value(call, "start_date"));
    int end = sql_bind(sql, call_value(call, "end_date"));
    int confirmed = sql_bind(sql, call_value(call, "is_confirmed"));
    int until = sql_bind(sql, call_value(call, "expires_at"));
    int people = sql_bind(sql, lists.beneficiaries), crew = sql_bind(sql, lists.assignees);
    sql_printf(sql,
               "rentals.judge_new_event($%d::bigint, $%d::timestamptz, $%d::timestamptz,"
               " $%d::boolean OR coalesce($%d::timestamptz > now(), true), $%d::bigint[],"
               " $%d::bigint[], $%d::jsonb)",
               user, start, end, confirmed, until, people, crew, sql_bind(sql, lists.materials));
}

static enum err judged_new(struct call *call, const char *said)
{
    static const char *const lists[] = {"user_id", "beneficiaries", "assignees", "materials"};
    for (size_t i = 0; i < COUNT_OF(lists); i++)
        if (strcmp(said, lists[i]) == 0)
            return call_fault(call, lists[i], RULE_EXISTS, NULL, NULL);
    if (strcmp(said, "end_date") == 0)
        return call_fault(call, "end_date", RULE_AFTER, "start date", NULL);
    return call_fail(call, ERR_CONFLICT, "%s", said);
}

static void keep_new(struct call *call, struct sql *sql)
{
    struct event_lists lists = {0};
    (void)read_lists(call, &lists);
    int people = sql_bind(sql, lists.beneficiaries), crew = sql_bind(sql, lists.assignees);
    sql_printf(sql, "rentals.keep_new_lists(t.id, $%d::bigint[], $%d::bigint[], $%d::jsonb)",
               people, crew, sql_bind(sql, lists.materials));
}

/* Writes that may make the event book more; what they made short is judged by comparing with before
   (rentals.guard_growth). */
static bool books(const struct call *call, const struct event_lists *lists)
{
    return lists->materials != NULL || call_has(call, "start_date") || call_has(call, "end_date") ||
           call_has(call, "is_confirmed") || call_has(call, "expires_at");
}

/* What may book: a body that says so, many at once, what leaves the trash. */
static bool locks(const struct call *call)
{
    static const char *const booking[] = {"materials", "start_date", "end_date", "is_confirmed",
                                          "expires_at"};
    const char *op = call->request->op;
    if (strcmp(op, "create") == 0)
        return mp_find(call->body, "materials") != NULL;
    for (size_t i = 0; strcmp(op, "update") == 0 && i < COUNT_OF(booking); i++)
        if (mp_find(call->body, booking[i]) != NULL)
            return true;
    return strcmp(op, "restore") == 0 || strcmp(op, "bulk_create") == 0 ||
           strcmp(op, "bulk_update") == 0;
}

static enum err after_write(struct call *call, int64_t id)
{
    struct event_lists lists;
    enum err err = read_lists(call, &lists);
    bool booking = err == ERR_OK && books(call, &lists);
    if (err != ERR_OK || (!booking && lists.beneficiaries == NULL && lists.assignees == NULL))
        return err;
    struct sql sql;
    struct pg_result *result;
    sql_init(&sql, call->arena);
    int row = sql_bind_int(&sql, id), people = sql_bind(&sql, lists.beneficiaries);
    int crew = sql_bind(&sql, lists.assignees), things = sql_bind(&sql, lists.materials);
    sql_printf(&sql,
               "SELECT rentals.keep_lists($%d::bigint, $%d::bigint[], $%d::bigint[],"
               " $%d::jsonb, $%d::boolean)",
               row, people, crew, things, sql_bind(&sql, booking ? "true" : "false"));
    return call_run(call, &sql, &result);
}

/* ---- the window of a list ---- */

static const char *const ends[] = {"start", "end"};

static bool has_window(const struct call *call)
{
    for (size_t i = 0; i < COUNT_OF(ends); i++) {
        const char *text = query_find(call->request, ends[i]);
        if (text != NULL && text[0] != '\0')
            return true;
    }
    return false;
}

/* Both ends as texts for timestamptz; NULL where none was given. */
static enum err window(struct call *call, const char *out[2])
{
    const char *zone = call->request->who.org_zone;
    enum err err = ERR_OK;
    for (size_t i = 0; i < COUNT_OF(ends); i++) {
        const char *text = query_find(call->request, ends[i]);
        out[i] = NULL;
        if (text == NULL || text[0] == '\0')
            continue;
        out[i] = instant_read(call->arena, text, zone != NULL && zone[0] != '\0' ? zone : "UTC");
        if (out[i] == NULL)
            err = call_fault(call, ends[i], RULE_DATE, NULL, NULL);
    }
    return err;
}

/* Overlap is strict. The length classes let the index reach what began before the window. */
static enum err narrow(struct call *call, struct sql *where)
{
    const char *given[2];
    if (!has_window(call))
        return ERR_OK;
    enum err err = window(call, given);
    if (err != ERR_OK)
        return err;
    int start = sql_bind(where, given[0]), end = sql_bind(where, given[1]);
    sql_printf(where,
               " AND t.start_date < rentals.window_end($%d::timestamptz)"
               " AND t.end_date > rentals.window_start($%d::timestamptz) AND (",
               end, start);
    for (int span = 0; span < SPANS; span++)
        sql_printf(where,
                   "%st.span = %d AND t.start_date > rentals.span_from(%d,"
                   " rentals.window_start($%d::timestamptz))",
                   span == 0 ? "" : " OR ", span, span, start);
    sql_puts(where, ")");
    return ERR_OK;
}

/* All events of the window in one page: a calendar shows them together. */
static enum err list(struct call *call)
{
    const struct request *asked = call->request;
    if (!has_window(call))
        return crud_list(call);
    struct request *request = arena_alloc(call->arena, sizeof *request);
    struct pair *query = arena_alloc(call->arena, (asked->query_n + 2) * sizeof *query);
    memcpy(query, asked->query, asked->query_n * sizeof *query);
    query[asked->query_n] = (struct pair){ROWS_ASKED, WINDOW_ROWS};
    query[asked->query_n + 1] = (struct pair){"page", "1"};
    *request = *asked;
    request->query = query;
    request->query_n = asked->query_n + 2;
    call->request = request;
    enum err err = crud_list(call);
    call->request = asked;
    struct page *page = &call->reply->page;
    page->size = page->rows > PAGE_ROWS ? page->rows : PAGE_ROWS;
    return err;
}

static const char *const lists[] = {"beneficiaries", "assignees", "materials", NULL};

const struct hooks event_hooks = {
    .resource = "event",
    .locks = locks,
    .lock = "rentals.lock_bookings",
    .check = check,
    .judge_sql = judge_new,
    .judged = judged_new,
    .made_sql = keep_new,
    .after_write = after_write,
    .lists = lists,
    .lists_sql = "rentals.event_lists(t.id)",
    .list = list,
    .narrow = narrow,
};

enum err missing_materials(struct call *call)
{
    struct sql sql;
    sql_init(&sql, call->arena);
    sql_printf(&sql,
               "SELECT rentals.missing_json(id) FROM rentals.events"
               " WHERE organization_id = core.org() AND id = $%d::bigint AND deleted_at IS NULL",
               sql_bind_int(&sql, call->request->row));
    call->reply->bare = true;
    return call_json(call, &sql);
}
