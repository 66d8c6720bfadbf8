/* The background job of imports. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/stop.h"
#include "services/core/custom_field.h"
#include "services/crm/import.h"

enum { PART_MAX = 1 << 20, TURN_US = 2000000, BATCH_TIME_MS = 60000, TRIES = 20 };

/* The part of the file that was read last: one thread, one place. */
static struct {
    int64_t import, start;
    size_t len;
    char data[PART_MAX];
} kept;

static int nibble(char c) { return c <= '9' ? c - '0' : c - 'a' + 10; }

/* bytea as PostgreSQL prints it: \x and two digits a byte */
static void keep_part(int64_t import, int64_t start, const char *hex, size_t len)
{
    size_t bytes = len < 2 ? 0 : (len - 2) / 2;
    kept.import = import;
    kept.start = start;
    kept.len = bytes < PART_MAX ? bytes : PART_MAX;
    for (size_t i = 0; i < kept.len; i++)
        kept.data[i] = (char)(nibble(hex[2 + 2 * i]) << 4 | nibble(hex[3 + 2 * i]));
}

/* The bytes from a place on, as many as its part has; {NULL, 0} when there are none. */
static enum err read_at(struct import *import, int64_t place, struct slice *out)
{
    struct sql sql;
    struct pg_result *part;
    *out = (struct slice){NULL, 0};
    if (kept.import != import->id || place < kept.start ||
        place >= kept.start + (int64_t)kept.len) {
        sql_init(&sql, import->base.arena);
        int id = sql_bind_int(&sql, import->id);
        sql_printf(&sql,
                   "SELECT start, data FROM crm.import_parts WHERE organization_id = core.org()"
                   " AND import_id = $%d::bigint AND start <= $%d::bigint"
                   " ORDER BY start DESC LIMIT 1",
                   id, sql_bind_int(&sql, place));
        enum err err = call_run(&import->base, &sql, &part);
        if (err != ERR_OK || pg_rows(part) == 0)
            return err;
        keep_part(import->id, pg_int(part, 0, 0), pg_text(part, 0, 1), pg_len(part, 0, 1));
    }
    size_t skip = (size_t)(place - kept.start);
    if (skip < kept.len)
        *out = (struct slice){kept.data + skip, kept.len - skip};
    return ERR_OK;
}

/* One row from import->position on, which is moved behind it. CSV_MORE: the file ends. */
static enum err read_row(struct import *import, struct csv_reader *reader, struct csv_row *row,
                         enum csv_got *got)
{
    int64_t place = import->position;
    *got = CSV_MORE;
    while (*got == CSV_MORE && place < import->bytes) {
        struct slice data;
        enum err err = read_at(import, place, &data);
        if (err != ERR_OK)
            return err;
        if (data.len == 0)
            return ERR_INTERNAL;
        size_t before = data.len;
        *got = csv_reader_take(reader, import->base.arena, &data, row);
        place += (int64_t)(before - data.len);
    }
    if (*got == CSV_MORE)
        *got = csv_reader_end(reader, import->base.arena, row);
    import->position = place;
    import->line = csv_reader_lines(reader);
    return ERR_OK;
}

/* The first row says what the columns are; also when the import goes on in the middle. */
static enum err read_header(struct import *import, struct csv_reader *reader, enum csv_got *got)
{
    static const char bom[] = "\xEF\xBB\xBF";
    struct csv_row *header = arena_alloc(import->base.arena, sizeof *header);
    struct slice data;
    int64_t position = import->position, line = import->line;
    enum err err = read_at(import, 0, &data);
    if (err != ERR_OK)
        return err;
    bool marked = data.len >= 3 && memcmp(data.data, bom, 3) == 0;
    char delimiter = import->delimiter[0] != '\0' ? import->delimiter[0] : csv_delimiter_of(data);
    import->position = marked ? 3 : 0;
    csv_reader_open(reader, delimiter, 0);
    err = read_row(import, reader, header, got);
    if (err != ERR_OK || *got != CSV_ROW || !header->is_text)
        return err;
    import_columns_read(import, header);
    if (position > 0) {
        import->position = position;
        import->line = line;
    }
    csv_reader_open(reader, delimiter, import->line);
    return ERR_OK;
}

static void judge_row(struct import *import, struct import_row *row)
{
    row->call = import->base;
    row->call.reply = &row->reply;
    if (row->cells.n != import->columns.n)
        row->err = call_fault_said(&row->call, "", "Column count mismatch: %zu instead of %zu.",
                                   row->cells.n, import->columns.n);
    else if (!row->cells.is_text)
        row->err = call_fault_said(&row->call, "", "The row is not valid UTF-8.");
}

/* Rows up to a batch; ends: these are the last ones. */
static enum err read_rows(struct import *import, struct csv_reader *reader, enum csv_got *got)
{
    import->rows = arena_alloc(import->base.arena, IMPORT_ROWS * sizeof *import->rows);
    *got = CSV_ROW;
    while (*got == CSV_ROW && import->rows_n < IMPORT_ROWS) {
        struct import_row *row = &import->rows[import->rows_n];
        enum err err = read_row(import, reader, &row->cells, got);
        if (err != ERR_OK)
            return err;
        if (*got != CSV_ROW)
            break;
        judge_row(import, row);
        import->rows_n++;
    }
    return ERR_OK;
}

/* ---- the row of crm.imports ---- */

/* Locks it and reads it; false: somebody else has it, or there is nothing to do. */
static enum err claim(struct import *import, bool *claimed)
{
    static const char *const modes[] = {"create", "update", "upsert"};
    struct sql sql;
    struct pg_result *found;
    sql_init(&sql, import->base.arena);
    sql_printf(&sql,
               "SELECT i.bytes, i.position, i.line, i.errors_kept, i.mode, i.key, i.delimiter,"
               " i.mapping, i.dry_run, i.resource, i.zone, i.user_zone, i.language, i.token_id,"
               " (SELECT u.role FROM accounts.user_card u WHERE u.id = i.user_id"
               " AND u.deleted_at IS NULL) FROM crm.imports i WHERE i.organization_id = core.org()"
               " AND i.id = $%d::bigint AND i.state IN ('queued', 'running')"
               " FOR UPDATE OF i SKIP LOCKED",
               sql_bind_int(&sql, import->id));
    enum err err = call_run(&import->base, &sql, &found);
    *claimed = err == ERR_OK && pg_rows(found) == 1;
    if (!*claimed)
        return err;
    import->bytes = pg_int(found, 0, 0);
    import->position = pg_int(found, 0, 1);
    import->line = pg_int(found, 0, 2);
    import->errors_kept = pg_int(found, 0, 3);
    for (size_t i = 0; i < COUNT_OF(modes); i++)
        if (strcmp(pg_text(found, 0, 4), modes[i]) == 0)
            import->mode = (enum import_mode)i;
    import->key = pg_text(found, 0, 5);
    import->delimiter = pg_text(found, 0, 6);
    import->mapping = pg_text(found, 0, 7);
    import->dry_run = pg_true(found, 0, 8);
    import->base.resource = resource_find(pg_text(found, 0, 9));
    import->request.resource = import->base.resource->name;
    import->request.who.org_zone = pg_text(found, 0, 10);
    import->request.who.zone = pg_text(found, 0, 11);
    import->request.who.language = pg_text(found, 0, 12);
    import->request.who.token_id = pg_int(found, 0, 13);
    const char *role = pg_text(found, 0, 14);
    import->request.who.role = role == NULL ? ROLE_NONE : role_of(role);
    return ERR_OK;
}

static const char *words_of(struct import *import, const struct import_row *row,
                            const struct fault *fault)
{
    struct buf words;
    buf_init(&words, import->base.arena);
    if (fault != NULL)
        rule_say(&words, fault, DIALECT_LARAVEL, language_of(import->request.who.language));
    else
        buf_puts(&words, row->reply.message != NULL ? row->reply.message : err_meaning(row->err));
    return words.data;
}

/* [[line, field, message], …] of what is still kept. */
static const char *errors_json(struct import *import)
{
    struct buf out;
    const char *comma = "";
    buf_init(&out, import->base.arena);
    buf_putc(&out, '[');
    for (size_t i = 0; i < import->rows_n; i++) {
        const struct import_row *row = &import->rows[i];
        const struct fault *fault = row->reply.faults;
        bool first = true;
        for (; row->err != ERR_OK && (first || fault != NULL) &&
               import->errors_kept < IMPORT_ERRORS_MAX;
             first = false, fault = fault == NULL ? NULL : fault->next) {
            buf_printf(&out, "%s[%" PRId64 ",", comma, row->cells.line);
            buf_puts_json(&out, fault == NULL ? "" : fault->field);
            buf_putc(&out, ',');
            buf_puts_json(&out, words_of(import, row, fault));
            buf_putc(&out, ']');
            comma = ",";
            import->errors_kept++;
        }
    }
    buf_putc(&out, ']');
    return out.data;
}

static enum err keep_errors(struct import *import)
{
    struct sql sql;
    struct pg_result *none;
    int64_t before = import->errors_kept;
    const char *json = errors_json(import);
    if (import->errors_kept == before)
        return ERR_OK;
    sql_init(&sql, import->base.arena);
    int id = sql_bind_int(&sql, import->id), from = sql_bind_int(&sql, before);
    sql_printf(&sql,
               "INSERT INTO crm.import_errors (import_id, n, line, field, message)"
               " SELECT $%d::bigint, $%d::bigint + e.n, (e.v ->> 0)::bigint, e.v ->> 1, e.v ->> 2"
               " FROM jsonb_array_elements($%d::text::jsonb) WITH ORDINALITY AS e (v, n)",
               id, from, sql_bind(&sql, json));
    return call_run(&import->base, &sql, &none);
}

/* How far it is. state: "running", or how it ended; then the file is not needed any more. */
static enum err keep_progress(struct import *import, const char *state, const char *message)
{
    struct sql sql;
    struct pg_result *none;
    bool ended = strcmp(state, "running") != 0;
    sql_init(&sql, import->base.arena);
    int id = sql_bind_int(&sql, import->id), text = sql_bind(&sql, state);
    sql_puts(&sql, ended ? "WITH gone AS (DELETE FROM crm.import_parts WHERE organization_id ="
                           " core.org() AND import_id = $1::bigint) "
                         : "");
    sql_printf(&sql, "UPDATE crm.imports SET state = $%d::text, position = $%d::bigint", text,
               sql_bind_int(&sql, import->position));
    sql_printf(&sql, ", line = $%d::bigint", sql_bind_int(&sql, import->line));
    sql_printf(&sql, ", done = done + $%d::bigint", sql_bind_int(&sql, (int64_t)import->rows_n));
    sql_printf(&sql, ", created = created + $%d::bigint", sql_bind_int(&sql, import->created));
    sql_printf(&sql, ", updated = updated + $%d::bigint", sql_bind_int(&sql, import->updated));
    sql_printf(&sql, ", failed = failed + $%d::bigint", sql_bind_int(&sql, import->refused));
    sql_printf(&sql, ", errors_kept = $%d::integer", sql_bind_int(&sql, import->errors_kept));
    sql_printf(&sql,
               ", message = coalesce($%d::text, message), touched_at = clock_timestamp(),"
               " started_at = coalesce(started_at, now())%s"
               " WHERE organization_id = core.org() AND id = $%d::bigint",
               sql_bind(&sql, message), ended ? ", finished_at = clock_timestamp()" : "", id);
    return call_run(&import->base, &sql, &none);
}

/* ---- a batch ---- */

static const char *unknown_words(struct import *import)
{
    const char *unknown = import->columns.unknown;
    return unknown == NULL ? NULL
                           : arena_printf(import->base.arena, "Not imported: %.400s.", unknown);
}

/* Why the file cannot be read at all, or NULL. */
static const char *fault_of(const struct import *import, enum csv_got got)
{
    if (got == CSV_TOO_LONG)
        return "A cell is longer than 1 MiB: is a quotation mark missing?";
    if (import->request.who.role < ROLE_USER)
        return "Who started it may not write any more.";
    if (import->columns.known == 0)
        return "No column of the first row is known.";
    if (import->mode != IMPORT_CREATE && import->columns.key < 0)
        return "The column that says which record a row is about is missing.";
    return NULL;
}

/* Inside the transaction. ended: nothing is left to do. */
static enum err run_batch(struct import *import, struct csv_reader *reader, bool *ended)
{
    bool claimed;
    enum csv_got got = CSV_ROW;
    enum err err = claim(import, &claimed);
    *ended = !claimed;
    if (err != ERR_OK || !claimed)
        return err;
    bool began = import->position > 0;
    err = custom_reload(&import->base);
    if (err == ERR_OK)
        err = read_header(import, reader, &got);
    const char *fault = fault_of(import, got);
    if (err == ERR_OK && fault == NULL)
        err = read_rows(import, reader, &got);
    if (err == ERR_OK && fault == NULL)
        err = import_rows_run(import);
    if (err == ERR_OK)
        err = keep_errors(import);
    if (err != ERR_OK)
        return err;
    if (fault == NULL && got == CSV_TOO_LONG)
        fault = fault_of(import, got);
    *ended = fault != NULL || got != CSV_ROW;
    return keep_progress(import,
                         fault != NULL ? "failed"
                         : *ended      ? "finished"
                                       : "running",
                         fault != NULL ? fault
                         : began       ? NULL
                                       : unknown_words(import));
}

static void open_import(struct import *import, struct pg *pg, struct arena *arena,
                        const int64_t ids[3])
{
    *import = (struct import){.id = ids[0]};
    import->request = (struct request){.id = arena_printf(arena, "import-%" PRId64, ids[0]),
                                       .trace = "",
                                       .op = "create",
                                       .resource = "",
                                       .left_ms = BATCH_TIME_MS,
                                       .address = ""};
    import->request.who = (struct caller){.organization_id = ids[1],
                                          .user_id = ids[2],
                                          .abilities = "*",
                                          .zone = "",
                                          .org_zone = "",
                                          .language = "EN"};
    import->base = (struct call){.arena = arena,
                                 .pg = pg,
                                 .request = &import->request,
                                 .reply = &import->reply,
                                 .joined = true,
                                 .silent = true,
                                 .deadline_us = clock_mono_us() + BATCH_TIME_MS * 1000};
}

enum outcome { BATCH_MORE, BATCH_ENDED, BATCH_FAILED };

/* One transaction. */
static enum outcome batch(struct pg *pg, struct csv_reader *reader, struct arena *arena,
                          const int64_t ids[3])
{
    struct import *import = arena_alloc(arena, sizeof *import);
    struct pg_fault fault;
    bool ended = true;
    open_import(import, pg, arena, ids);
    enum err err = pg_begin(pg, ids[1], ids[2], BATCH_TIME_MS);
    if (err == ERR_OK)
        err = run_batch(import, reader, &ended);
    if (err == ERR_OK)
        err = pg_commit(pg, &fault);
    else
        pg_rollback(pg);
    if (err != ERR_OK) {
        log_event(LOG_WARN, "import_batch_failed", import->request.id, "err", err_name(err), NULL);
        return BATCH_FAILED;
    }
    if (import->rows_n > 0)
        metrics_count("bureau_import_rows_total", "Rows of imported files.", "",
                      (int64_t)import->rows_n);
    return ended ? BATCH_ENDED : BATCH_MORE;
}

/* Rows that fail whenever they are tried must not hold the job for ever. */
static void give_up(struct pg *pg, struct arena *arena, const int64_t ids[3])
{
    struct import *import = arena_alloc(arena, sizeof *import);
    struct pg_fault fault;
    bool claimed;
    open_import(import, pg, arena, ids);
    if (pg_begin(pg, ids[1], ids[2], BATCH_TIME_MS) != ERR_OK)
        return;
    enum err err = claim(import, &claimed);
    if (err == ERR_OK && claimed)
        err = keep_progress(import, "failed", "An error occurred. Please try again.");
    if (err != ERR_OK || pg_commit(pg, &fault) != ERR_OK)
        pg_rollback(pg);
}

static bool find_work(struct pg *pg, struct arena *arena, int64_t ids[3])
{
    struct sql sql;
    struct pg_result *found;
    struct pg_fault fault;
    sql_init(&sql, arena);
    sql_puts(&sql, "SELECT id, organization_id, user_id FROM crm.import_next()");
    pg_become(pg, &(struct pg_who){.timeout_ms = BATCH_TIME_MS});
    if (pg_run(pg, arena, &sql, &found, &fault) != ERR_OK || pg_rows(found) == 0)
        return false;
    for (int i = 0; i < 3; i++)
        ids[i] = pg_int(found, 0, i);
    return true;
}

bool import_work(struct pg *pg, struct csv_reader *reader, struct arena *arena)
{
    static int failures; /* in a row; there is one job */
    int64_t ids[3], until = clock_mono_us() + TURN_US;
    enum outcome outcome = BATCH_MORE;
    bool found = find_work(pg, arena, ids);
    while (found && outcome == BATCH_MORE && !stop_asked() && clock_mono_us() < until) {
        arena_reset(arena);
        outcome = batch(pg, reader, arena, ids);
    }
    failures = outcome == BATCH_FAILED ? failures + 1 : 0;
    if (failures == TRIES && pg_connected(pg)) {
        failures = 0;
        give_up(pg, arena, ids);
    }
    arena_reset(arena);
    return found && outcome != BATCH_FAILED;
}
