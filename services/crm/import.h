/*
 * import.h - CSV files become clients, contacts and communications.
 *
 * import.c takes the file in parts and shows how far it is; import_job.c, on the service's
 * background thread, reads it and writes rows in transactions of a few hundred, each together with
 * the place in the file it reached: whatever dies, no row is missed and none is written twice.
 * import_columns.c tells what a column is and makes a body of a row; import_rows.c runs the bodies
 * through the engine as its caller would. Source: specs crm.md 3.
 */
#ifndef CRM_IMPORT_H
#define CRM_IMPORT_H

#include "services/core/call.h"
#include "services/crm/csv_reader.h"

enum { IMPORT_ERRORS_MAX = 1000, IMPORT_ROWS = 256 };

enum import_mode { IMPORT_CREATE, IMPORT_UPDATE, IMPORT_UPSERT };

enum column_kind {
    COLUMN_IGNORED,
    COLUMN_FIELD,
    COLUMN_CUSTOM,
    COLUMN_CLIENT,          /* by name */
    COLUMN_CLIENT_EXTERNAL, /* by external id */
    COLUMN_CONTACT,
    COLUMN_CONTACT_EXTERNAL,
};

struct import_column {
    enum column_kind kind;
    const char *key; /* of the body */
    const char *header;
    const struct field *field; /* FIELD */
    enum field_type type;      /* CUSTOM */
    bool many;                 /* CUSTOM: a list of options */
};

struct import_columns {
    struct import_column at[CSV_CELLS_MAX];
    size_t n, known;
    int key;             /* the column that finds a row, or -1 */
    const char *unknown; /* names of headers that are nothing, or NULL */
};

/* One row of the file on its way. */
struct import_row {
    struct csv_row cells;
    int64_t client, contact; /* what its columns name; 0: nothing, -1: nobody */
    int64_t id;              /* of the row to change; 0: a new one; -1: none, -2: several */
    struct request request;
    struct reply reply;
    struct call call;
    struct sql sql;
    enum err err;
};

struct import {
    int64_t id, bytes, position, line, errors_kept;
    enum import_mode mode;
    const char *key, *delimiter, *mapping;
    bool dry_run;
    struct call base; /* as whom, on what: copied for each row */
    struct request request;
    struct reply reply;
    struct import_columns columns;
    struct import_row *rows;
    size_t rows_n;
    int64_t created, updated, refused;
};

/* What each cell of the first row is. */
void import_columns_read(struct import *import, const struct csv_row *header);
/* The row as a body, in its call; faults of what it names are added. */
void import_body(struct import *import, struct import_row *row);
/* A cell of the row, unguarded and trimmed; NULL when it is blank. */
const char *import_cell(struct import *import, const struct import_row *row, size_t column);
/* A cell of the column that says which record a row is about, as the database keeps it. */
const char *import_key_text(struct import *import, const char *cell);

/* Writes the rows in the open transaction; each has its err and reply then. Errors: what makes the
   whole batch run again. */
enum err import_rows_run(struct import *import) MUST_USE;

/* In a dry run, behind import_rows_run's checks: refuses what an earlier row of the file has. */
enum err import_repeats(struct import *import) MUST_USE;

/* Ops. */
enum err import_start(struct call *call);
enum err import_part(struct call *call);
enum err import_list(struct call *call);
enum err import_get(struct call *call);
enum err import_cancel(struct call *call);
/* On the service's background thread, for a few seconds; false when there was nothing to do. */
bool import_work(struct pg *pg, struct csv_reader *reader, struct arena *arena);

#endif
