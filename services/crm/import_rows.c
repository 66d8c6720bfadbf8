/* Runs rows of a file through the engine: together in one round trip, or, when one of them fails in
   the database, each behind a savepoint. */
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "services/core/crud.h"
#include "services/core/sql.h"
#include "services/crm/import.h"

enum { ROW_TIME_US = 60000000 };

/* ---- what cells name ---- */

/* Lower case as PostgreSQL's lower() makes of the letters that stand in addresses. */
const char *import_key_text(struct import *import, const char *cell)
{
    bool email = strcmp(import->key, "email") == 0;
    char *text = arena_strdup(import->base.arena, cell);
    for (char *c = text; email && *c != '\0'; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c + ('a' - 'A'));
    return text;
}

static int64_t found_in(const struct pg_result *found, const char *text)
{
    for (int i = 0; i < pg_rows(found); i++)
        if (strcmp(pg_text(found, i, 0), text) == 0)
            return pg_text(found, i, 1) == NULL ? -1 : pg_int(found, i, 1);
    return -1;
}

/* The cells of one column, not blank, as an array literal; NULL: none. */
static const char *cells_of(struct import *import, size_t column, bool keys)
{
    struct arena *arena = import->base.arena;
    const char **items = arena_alloc(arena, import->rows_n * sizeof *items);
    size_t n = 0;
    for (size_t i = 0; i < import->rows_n; i++) {
        const struct import_row *row = &import->rows[i];
        const char *cell = row->err == ERR_OK ? import_cell(import, row, column) : NULL;
        if (cell != NULL)
            items[n++] = keys ? import_key_text(import, cell) : cell;
    }
    return n == 0 ? NULL : sql_array(arena, items, n);
}

static const char *question(enum column_kind kind)
{
    switch (kind) {
    case COLUMN_CLIENT:
        return "SELECT name, id FROM crm.import_clients($1::text[], $2::bigint)";
    case COLUMN_CONTACT:
        return "SELECT name, id FROM crm.import_contacts($1::text[], $2::bigint)";
    case COLUMN_CLIENT_EXTERNAL:
        return "SELECT key, id FROM crm.import_keys('clients', 'external_id', $1::text[])";
    case COLUMN_CONTACT_EXTERNAL:
        return "SELECT key, id FROM crm.import_keys('contacts', 'external_id', $1::text[])";
    case COLUMN_IGNORED:
    case COLUMN_FIELD:
    case COLUMN_CUSTOM:
        break;
    }
    return NULL;
}

static enum err find_named(struct import *import, size_t column)
{
    enum column_kind kind = import->columns.at[column].kind;
    const char *cells = question(kind) == NULL ? NULL : cells_of(import, column, false);
    struct sql sql;
    struct pg_result *found;
    if (cells == NULL)
        return ERR_OK;
    sql_init(&sql, import->base.arena);
    sql_puts(&sql, question(kind));
    (void)sql_bind(&sql, cells);
    const struct caller *who = &import->request.who;
    if (kind == COLUMN_CLIENT || kind == COLUMN_CONTACT) {
        if (who->role == ROLE_USER)
            (void)sql_bind_int(&sql, who->user_id);
        else
            (void)sql_bind(&sql, NULL);
    }
    enum err err = call_run(&import->base, &sql, &found);
    bool client = kind == COLUMN_CLIENT || kind == COLUMN_CLIENT_EXTERNAL;
    for (size_t i = 0; err == ERR_OK && i < import->rows_n; i++) {
        struct import_row *row = &import->rows[i];
        const char *cell = row->err == ERR_OK ? import_cell(import, row, column) : NULL;
        if (cell != NULL)
            *(client ? &row->client : &row->contact) = found_in(found, cell);
    }
    return err;
}

static enum err refuse(struct import_row *row, const char *field, const char *text)
{
    return row->err = call_fault_said(&row->call, field, "%s", text);
}

/* Which row of the database each row of the file is about. */
static enum err find_rows(struct import *import)
{
    int key = import->columns.key;
    const char *keys = key < 0 ? NULL : cells_of(import, (size_t)key, true);
    struct sql sql;
    struct pg_result *found = NULL;
    enum err err = ERR_OK;
    if (import->mode == IMPORT_CREATE)
        return ERR_OK;
    if (keys != NULL) {
        sql_init(&sql, import->base.arena);
        sql_puts(&sql, "SELECT key, CASE WHEN n > 1 THEN -2 ELSE id END"
                       " FROM crm.import_keys($1::text, $2::text, $3::text[])");
        (void)sql_bind(&sql, strchr(import->base.resource->table, '.') + 1);
        (void)sql_bind(&sql, import->key);
        (void)sql_bind(&sql, keys);
        err = call_run(&import->base, &sql, &found);
    }
    for (size_t i = 0; err == ERR_OK && i < import->rows_n; i++) {
        struct import_row *row = &import->rows[i];
        const char *cell = row->err != ERR_OK ? NULL : import_cell(import, row, (size_t)key);
        if (row->err != ERR_OK)
            continue;
        row->id = cell == NULL ? -1 : found_in(found, import_key_text(import, cell));
        if (row->id == -1 && import->mode == IMPORT_UPSERT)
            row->id = 0;
        if (row->id == -1)
            refuse(row, import->key,
                   cell == NULL ? "The row says not which record it is."
                                : "There is no record with this value.");
        else if (row->id == -2)
            refuse(row, import->key, "Several records have this value.");
    }
    return err;
}

/* ---- writing ---- */

static void prepare(struct import *import, struct import_row *row)
{
    row->request = import->request;
    row->request.op = row->id > 0 ? "update" : "create";
    row->request.row = row->id > 0 ? row->id : 0;
    row->call = import->base;
    row->call.request = &row->request;
    row->call.reply = &row->reply;
    row->call.columns_n = 0;
    row->call.created = row->id <= 0;
    row->call.deadline_us = clock_mono_us() + ROW_TIME_US;
}

static void count(struct import *import, const struct import_row *row)
{
    import->created += row->err == ERR_OK && row->id <= 0;
    import->updated += row->err == ERR_OK && row->id > 0;
    import->refused += row->err != ERR_OK;
}

/* false: it must be tried one by one. */
static bool run_together(struct import *import)
{
    struct pg_item *items = arena_alloc(import->base.arena, import->rows_n * sizeof *items);
    struct import_row **planned = arena_alloc(import->base.arena, import->rows_n * sizeof(void *));
    const struct caller *who = &import->request.who;
    size_t n = 0;
    for (size_t i = 0; i < import->rows_n; i++) {
        struct import_row *row = &import->rows[i];
        if (row->err != ERR_OK)
            continue;
        if (!crud_is_single(&row->call))
            return false;
        row->err = crud_plan(&row->call, &row->sql);
        if (row->err != ERR_OK)
            continue;
        items[n] = (struct pg_item){.sql = &row->sql,
                                    .organization_id = who->organization_id,
                                    .user_id = who->user_id,
                                    .zone = who->org_zone,
                                    .user_zone = who->zone};
        planned[n++] = row;
    }
    if (n > 0 && !pg_run_writes(import->base.pg, import->base.arena, items, n))
        return false;
    for (size_t i = 0; i < n; i++) {
        planned[i]->err = crud_finish(&planned[i]->call, items[i].result);
        if (planned[i]->err != ERR_OK && planned[i]->call.planned == ERR_OK)
            return false;
    }
    return true;
}

static enum err run_alone(struct import *import, struct import_row *row)
{
    prepare(import, row);
    row->reply = (struct reply){0};
    row->call.joined = true;
    pg_savepoint(import->base.pg);
    import_body(import, row);
    row->err = row->reply.faults != NULL ? ERR_INVALID
               : row->id > 0             ? crud_update(&row->call)
                                         : crud_create(&row->call);
    if (row->err == ERR_OK && !import->dry_run)
        return ERR_OK;
    if (row->call.again || err_status(row->err) >= 500 || !pg_rollback_to(import->base.pg))
        return ERR_UNAVAILABLE;
    return ERR_OK;
}

/* Two rows about one new record: the second changes what the first made. */
static bool has_doubles(struct import *import)
{
    int key = import->columns.key;
    if (import->mode != IMPORT_UPSERT || key < 0)
        return false;
    for (size_t i = 0; i < import->rows_n; i++)
        for (size_t k = 0; k < i; k++) {
            const struct import_row *a = &import->rows[i], *b = &import->rows[k];
            if (a->err != ERR_OK || b->err != ERR_OK || a->id != 0 || b->id != 0)
                continue;
            const char *x = import_cell(import, a, (size_t)key);
            const char *y = import_cell(import, b, (size_t)key);
            if (x != NULL && y != NULL &&
                strcmp(import_key_text(import, x), import_key_text(import, y)) == 0)
                return true;
        }
    return false;
}

static enum err all_alone(struct import *import, const enum err *first)
{
    bool doubles = has_doubles(import);
    size_t all = import->rows_n;
    struct import_row *rows = import->rows;
    enum err err = ERR_OK;
    for (size_t i = 0; i < all && err == ERR_OK; i++) {
        if (first[i] != ERR_OK)
            continue;
        rows[i].err = ERR_OK;
        if (doubles) {
            import->rows = &rows[i];
            import->rows_n = 1;
            err = find_rows(import);
            import->rows = rows;
            import->rows_n = all;
        }
        if (err == ERR_OK && rows[i].err == ERR_OK)
            err = run_alone(import, &rows[i]);
    }
    return err;
}

enum err import_rows_run(struct import *import)
{
    enum err err = ERR_OK;
    for (size_t i = 0; err == ERR_OK && i < import->columns.n; i++)
        err = find_named(import, i);
    if (err == ERR_OK)
        err = find_rows(import);
    if (err != ERR_OK)
        return err;
    enum err *first = arena_alloc(import->base.arena, import->rows_n * sizeof *first);
    bool doubles = has_doubles(import);
    for (size_t i = 0; i < import->rows_n; i++) {
        struct import_row *row = &import->rows[i];
        first[i] = row->err;
        if (row->err != ERR_OK)
            continue;
        prepare(import, row);
        import_body(import, row);
        if (row->reply.faults != NULL)
            row->err = ERR_INVALID;
    }
    pg_savepoint(import->base.pg);
    if (doubles || !run_together(import)) {
        if (!pg_rollback_to(import->base.pg))
            return ERR_UNAVAILABLE;
        err = all_alone(import, first);
    } else if (import->dry_run && !pg_rollback_to(import->base.pg)) {
        err = ERR_UNAVAILABLE;
    }
    if (err == ERR_OK && import->dry_run)
        err = import_repeats(import);
    for (size_t i = 0; err == ERR_OK && i < import->rows_n; i++)
        count(import, &import->rows[i]);
    return err;
}
