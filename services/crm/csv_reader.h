/*
 * csv_reader.h - rows out of CSV that comes in pieces. The only home of libcsv.
 *
 * A row ends at a line break outside of quotes; empty lines are passed over. One reader belongs to
 * one thread. A cell may have CSV_CELL_BYTES, a row CSV_ROW_BYTES: memory is bounded even when a
 * quotation mark is never closed.
 */
#ifndef CRM_CSV_READER_H
#define CRM_CSV_READER_H

#include "common/arena.h"

enum { CSV_CELLS_MAX = 256, CSV_CELL_BYTES = 1 << 20, CSV_ROW_BYTES = 4 << 20 };

struct csv_row {
    const char *cells[CSV_CELLS_MAX]; /* terminated, in the arena */
    size_t n;                         /* as many as there were, also above CSV_CELLS_MAX */
    int64_t line;                     /* it begins on; the first is 1 */
    bool is_text;                     /* valid UTF-8 without NUL */
};

/* CSV_TOO_LONG: nothing behind it can be read. */
enum csv_got { CSV_ROW, CSV_MORE, CSV_TOO_LONG };

struct csv_reader;
/* The arena must outlive it. */
struct csv_reader *csv_reader_new(struct arena *arena) NEVER_NULL;
/* At the beginning of a row, behind `lines` lines. */
void csv_reader_open(struct csv_reader *reader, char delimiter, int64_t lines);
/* Takes bytes from *data until a row is whole: it lives in the arena given with its first byte. */
enum csv_got csv_reader_take(struct csv_reader *reader, struct arena *arena, struct slice *data,
                             struct csv_row *row) MUST_USE;
/* Behind the last byte: a last row without a line break, or CSV_MORE. */
enum csv_got csv_reader_end(struct csv_reader *reader, struct arena *arena,
                            struct csv_row *row) MUST_USE;
int64_t csv_reader_lines(const struct csv_reader *reader); /* so far */

/* ';' when the first line has more of them than of ',' outside of quotes, TAB likewise. */
char csv_delimiter_of(struct slice text);

#endif
