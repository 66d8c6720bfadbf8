/* A dry run keeps nothing, so that its rows do not see each other: values that may not come twice
   are noted while it lasts. */
#include <stdlib.h>
#include <string.h>

#include "services/core/check.h"
#include "services/core/custom_field.h"
#include "services/core/sql.h"
#include "services/crm/import.h"

/* A column whose values may not repeat; fold: without regard to case. */
static bool is_unique(const struct import *import, size_t column, bool *fold)
{
    const struct import_column *c = &import->columns.at[column];
    *fold = c->kind == COLUMN_CUSTOM || (c->field != NULL && c->field->type == F_EMAIL);
    if (c->kind == COLUMN_FIELD)
        return c->field != NULL && (c->field->flags & UNIQUE) != 0;
    const struct custom_field *custom =
        c->kind == COLUMN_CUSTOM ? custom_find(&import->base, c->key) : NULL;
    return custom != NULL && custom->unique && custom->type != CUSTOM_OPTIONS;
}

static void repeats(struct import *import, struct import_row *row, size_t column, bool key)
{
    const struct import_column *c = &import->columns.at[column];
    const struct custom_field *custom = custom_find(&import->base, c->key);
    if (key) {
        row->id = 1; /* it changes what an earlier row makes */
        return;
    }
    fault_add(&row->call, custom != NULL ? &custom->field : c->field, RULE_UNIQUE, NULL, NULL);
    row->err = ERR_INVALID;
}

/* What is the same for rows of the file about one record; "": no other row can be about it. */
static const char *owner_of(struct import *import, const struct import_row *row)
{
    int key = import->columns.key;
    const char *cell =
        import->mode == IMPORT_CREATE || key < 0 ? NULL : import_cell(import, row, (size_t)key);
    return cell == NULL ? "" : import_key_text(import, cell);
}

/* key: the column says which record a row is about; what comes again makes no second one. */
static enum err note(struct import *import, size_t column, bool fold, bool key)
{
    struct arena *arena = import->base.arena;
    const char **cells = arena_alloc(arena, import->rows_n * sizeof *cells);
    const char **owners = arena_alloc(arena, import->rows_n * sizeof *owners);
    struct import_row **rows = arena_alloc(arena, import->rows_n * sizeof(void *));
    struct sql sql;
    struct pg_result *again;
    size_t n = 0;
    for (size_t i = 0; i < import->rows_n; i++) {
        struct import_row *row = &import->rows[i];
        bool noted = row->err == ERR_OK && (!key || row->id <= 0);
        const char *cell = noted ? import_cell(import, row, column) : NULL;
        if (cell == NULL)
            continue;
        rows[n] = row;
        owners[n] = key ? "" : owner_of(import, row);
        cells[n++] = cell;
    }
    if (n == 0)
        return ERR_OK;
    sql_init(&sql, arena);
    sql_printf(&sql,
               "SELECT crm.import_repeats($%d::bigint, $%d::text, $%d::text[], $%d::text[], %s)",
               sql_bind_int(&sql, import->id), sql_bind(&sql, import->columns.at[column].key),
               sql_bind(&sql, sql_array(arena, cells, n)),
               sql_bind(&sql, sql_array(arena, owners, n)), fold ? "true" : "false");
    enum err err = call_run(&import->base, &sql, &again);
    for (int i = 0; err == ERR_OK && i < pg_rows(again); i++)
        repeats(import, rows[pg_int(again, i, 0) - 1], column, key);
    return err;
}

enum err import_repeats(struct import *import)
{
    enum err err = ERR_OK;
    for (size_t i = 0; err == ERR_OK && i < import->columns.n; i++) {
        bool fold, unique = is_unique(import, i, &fold);
        bool key = import->mode != IMPORT_CREATE && (int)i == import->columns.key;
        if (unique || key)
            err = note(import, i, fold, key);
    }
    return err;
}
