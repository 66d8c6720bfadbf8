/* Failing with a reason, running statements as the caller, and the columns of a write. */
#include "services/core/call.h"

#include <stdarg.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"

enum err call_fail(struct call *call, enum err err, const char *format, ...)
{
    call->reply->err = err;
    call->reply->message = NULL;
    if (format != NULL) {
        va_list args;
        va_start(args, format);
        call->reply->message = arena_vprintf(call->arena, format, args);
        va_end(args);
    }
    return err;
}

/* Faults keep the order in which they were found. */
static enum err add_fault(struct call *call, const struct fault *fault)
{
    struct fault **last = &call->reply->faults;
    while (*last != NULL)
        last = &(*last)->next;
    *last = arena_alloc(call->arena, sizeof **last);
    **last = *fault;
    return call->reply->err = ERR_INVALID;
}

enum err call_fault(struct call *call, const char *field, enum rule rule, const char *a,
                    const char *b)
{
    const struct field *known = call->resource == NULL ? NULL : field_find(call->resource, field);
    return add_fault(call, &(struct fault){.field = field,
                                           .rule = rule,
                                           .a = a,
                                           .b = b,
                                           .label = known == NULL ? NULL : known->label});
}

enum err call_fault_said(struct call *call, const char *field, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *text = arena_vprintf(call->arena, format, args);
    va_end(args);
    return call_fault(call, field, RULE_SAID, text, NULL);
}

void call_header(struct call *call, const char *name, const char *value)
{
    struct pair *headers = call->reply->headers;
    for (size_t i = 0; i + 1 < COUNT_OF(call->reply->headers); i++)
        if (headers[i].name == NULL) {
            headers[i] = (struct pair){name, value};
            return;
        }
    log_say(LOG_ERROR, "header_dropped", "%s: a reply has room for %zu headers", name,
            COUNT_OF(call->reply->headers) - 1);
}

/* ---- what a database error means ---- */

/* "clients_email_fkey" of table "clients" → "email"; NULL when the name says no field. */
static const char *part_of(struct call *call, const char *constraint, const char *table)
{
    static const char *const ends[] = {"_fkey", "_key", "_check"};
    size_t start = strlen(table), len = strlen(constraint);
    if (strncmp(constraint, table, start) != 0 || constraint[start] != '_')
        return NULL;
    for (size_t i = 0; i < COUNT_OF(ends); i++) {
        size_t end = strlen(ends[i]);
        if (len > start + 1 + end && strcmp(constraint + len - end, ends[i]) == 0)
            return arena_strndup(call->arena, constraint + start + 1, len - end - start - 1);
    }
    return NULL;
}

static const char *table_of(const struct resource *resource)
{
    const char *dot =
        resource == NULL || resource->table == NULL ? NULL : strchr(resource->table, '.');
    return dot == NULL ? "" : dot + 1;
}

/* The JSON key a column is written by. */
static const char *key_of(const struct call *call, const char *column)
{
    const struct field *f = call->resource == NULL ? NULL : call->resource->fields;
    for (; f != NULL && f->name != NULL; f++)
        if (strcmp(field_column(f), column) == 0)
            return f->name;
    return column;
}

static const char *field_of(struct call *call, const struct pg_fault *fault)
{
    if (fault->column[0] != '\0')
        return key_of(call, arena_strdup(call->arena, fault->column));
    const char *part = part_of(call, fault->constraint, table_of(call->resource));
    if (part == NULL)
        part = part_of(call, fault->constraint, fault->table);
    return part == NULL ? "" : key_of(call, part);
}

static enum err conflict(struct call *call, const char *field)
{
    bool robert = call->resource != NULL && call->resource->dialect == DIALECT_ROBERT;
    if (!robert && field[0] != '\0')
        return call_fault(call, field, RULE_UNIQUE, NULL, NULL);
    (void)call_fault(call, field, RULE_UNIQUE, NULL, NULL); /* names the field of the 409 */
    call->reply->message = call->resource == NULL ? NULL : call->resource->duplicate;
    return call->reply->err = ERR_CONFLICT;
}

static enum err invalid(struct call *call, const struct pg_fault *fault, const char *field)
{
    bool refers = strcmp(fault->sqlstate, "23503") == 0;
    bool deleting = strncmp(call->request->op, "delete", 6) == 0 ||
                    strcmp(call->request->op, "bulk_delete") == 0;
    if (refers && deleting)
        return call_fail(call, ERR_CONFLICT,
                         "It is still in use." IN_FRENCH("Il est encore utilisé."));
    enum rule rule = refers                                  ? RULE_EXISTS
                     : strcmp(fault->sqlstate, "23502") == 0 ? RULE_MISSING
                                                             : RULE_FORMAT;
    return call_fault(call, field, rule, NULL, NULL);
}

static void log_fault(const struct call *call, const struct pg_fault *fault)
{
    enum log_level level = fault->err == ERR_INTERNAL     ? LOG_ERROR
                           : err_is_transient(fault->err) ? LOG_WARN
                                                          : LOG_DEBUG;
    log_event(level, "sql_failed", call->request->id, "op", call->request->op, "resource",
              call->request->resource, "sqlstate", fault->sqlstate, "constraint", fault->constraint,
              "message", fault->message, NULL);
}

/* A deadlock, a serialization failure, or the connection was lost before COMMIT was sent:
   PostgreSQL undoes all of the transaction. (A COMMIT without an answer is a TIMEOUT.) */
static bool is_undone(const struct pg_fault *fault)
{
    static const char *const states[] = {"40P01", "40001", "57P01", "57P02", "57P03", "25006"};
    for (size_t i = 0; i < COUNT_OF(states); i++)
        if (strcmp(fault->sqlstate, states[i]) == 0)
            return true;
    return fault->err == ERR_UNAVAILABLE && fault->sqlstate[0] == '\0';
}

enum err call_database_fault(struct call *call, const struct pg_fault *fault)
{
    log_fault(call, fault);
    if (strcmp(fault->sqlstate, "P0001") == 0 && fault->err != ERR_INTERNAL)
        return call_fail(call, fault->err, "%s", fault->message);
    if (is_undone(fault))
        call->again = true;
    if (err_is_transient(fault->err))
        call->reply->retry_after_s = 1;
    if (strcmp(fault->sqlstate, "23505") == 0)
        return conflict(call, field_of(call, fault));
    if (fault->err == ERR_INVALID)
        return invalid(call, fault, field_of(call, fault));
    return call_fail(call, fault->err, NULL);
}

/* ---- statements and transactions ---- */

int64_t call_left_ms(const struct call *call)
{
    int64_t left = (call->deadline_us - clock_mono_us()) / 1000;
    return left > 0 ? left : 1;
}

enum err call_begin(struct call *call)
{
    const struct caller *who = &call->request->who;
    enum err err = pg_begin(call->pg, who->organization_id, who->user_id, call_left_ms(call));
    pg_become(call->pg, &(struct pg_who){who->organization_id, who->user_id, who->org_zone,
                                         who->zone, call_left_ms(call)});
    if (err != ERR_OK) {
        call->reply->retry_after_s = 1;
        return call_fail(call, err, NULL);
    }
    return ERR_OK;
}

enum err call_run(struct call *call, struct sql *sql, struct pg_result **out)
{
    *out = NULL;
    if (!pg_in_transaction(call->pg)) {
        enum err err = call_begin(call);
        if (err != ERR_OK)
            return err;
    }
    struct pg_fault fault;
    enum err err = pg_run(call->pg, call->arena, sql, out, &fault);
    return err == ERR_OK ? ERR_OK : call_database_fault(call, &fault);
}

enum err call_json(struct call *call, struct sql *sql)
{
    struct pg_result *rows;
    enum err err = call_run(call, sql, &rows);
    if (err != ERR_OK)
        return err;
    if (pg_rows(rows) == 0)
        return call_fail(call, ERR_NOT_FOUND, NULL);
    const char *json = pg_text(rows, 0, 0);
    call->reply->json =
        json == NULL ? (struct slice){"null", 4} : (struct slice){json, pg_len(rows, 0, 0)};
    return ERR_OK;
}

static enum err commit(struct call *call)
{
    struct pg_fault fault;
    enum err err = pg_commit(call->pg, &fault);
    return err == ERR_OK ? ERR_OK : call_database_fault(call, &fault);
}

enum err call_transaction(struct call *call, enum err (*work)(struct call *call))
{
    if (call->joined)
        return work(call);
    if (pg_in_transaction(call->pg)) { /* what it read so far */
        enum err ended = commit(call);
        if (ended != ERR_OK)
            return ended;
    }
    enum err err = call_begin(call);
    if (err != ERR_OK)
        return err;
    call->joined = true;
    err = work(call);
    call->joined = false;
    if (err == ERR_OK && !call->dry_run) {
        err = commit(call);
        call->settled = call->settled || err == ERR_OK;
        return err;
    }
    pg_rollback(call->pg);
    return err;
}

/* ---- columns of a write ---- */

static const struct column *column_find(const struct call *call, const char *name)
{
    for (size_t i = 0; i < call->columns_n; i++)
        if (strcmp(call->columns[i].name, name) == 0)
            return &call->columns[i];
    return NULL;
}

bool call_has(const struct call *call, const char *column)
{
    return column_find(call, column) != NULL;
}

const char *call_value(const struct call *call, const char *column)
{
    const struct column *found = column_find(call, column);
    return found == NULL ? NULL : found->value;
}

void call_set(struct call *call, const char *column, const char *value, const char *cast)
{
    for (size_t i = 0; i < call->columns_n; i++)
        if (strcmp(call->columns[i].name, column) == 0) {
            call->columns[i].value = value;
            call->columns[i].cast = cast;
            return;
        }
    if (call->columns_n < COUNT_OF(call->columns))
        call->columns[call->columns_n++] = (struct column){NULL, column, value, cast};
    else
        log_say(LOG_ERROR, "column_dropped", "%s: a write has room for %zu columns", column,
                COUNT_OF(call->columns));
}
