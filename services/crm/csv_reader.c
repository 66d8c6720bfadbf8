#include "services/crm/csv_reader.h"

#include <csv.h>
#include <string.h>

#include "common/utf8.h"

enum { BLOCK_BYTES = 4096 };

struct csv_reader {
    struct csv_parser parser;
    struct arena *arena;
    struct csv_row *row;
    size_t bytes;  /* of the row's cells */
    int64_t lines; /* ended */
    bool begun, whole, after_cr;
};

/* The one cell that is being read: a place of fixed size. A second reader on the same thread would
   need its own; there is one job. */
static _Thread_local char *cell_place;

static void *grow(void *place, size_t bytes)
{
    if (bytes > CSV_CELL_BYTES)
        return NULL;
    return place == NULL ? cell_place : place;
}

static void keep(void *place) { (void)place; }

struct csv_reader *csv_reader_new(struct arena *arena)
{
    cell_place = arena_alloc(arena, CSV_CELL_BYTES);
    return arena_alloc(arena, sizeof(struct csv_reader));
}

void csv_reader_open(struct csv_reader *reader, char delimiter, int64_t lines)
{
    *reader = (struct csv_reader){.lines = lines};
    csv_init(&reader->parser, 0);
    csv_set_realloc_func(&reader->parser, grow);
    csv_set_free_func(&reader->parser, keep);
    csv_set_blk_size(&reader->parser, BLOCK_BYTES);
    csv_set_delim(&reader->parser, (unsigned char)delimiter);
}

int64_t csv_reader_lines(const struct csv_reader *reader) { return reader->lines; }

static bool is_text(const char *data, size_t len)
{
    const unsigned char *at = (const unsigned char *)data;
    for (size_t i = 0, n; i < len; i += n) {
        n = utf8_len(at + i, len - i);
        if (n == 0 || at[i] == '\0')
            return false;
    }
    return true;
}

static void on_cell(void *data, size_t len, void *context)
{
    struct csv_reader *r = context;
    struct csv_row *row = r->row;
    r->bytes += len;
    if (row->n < CSV_CELLS_MAX && r->bytes <= CSV_ROW_BYTES) {
        row->is_text = row->is_text && is_text(data, len);
        row->cells[row->n] = arena_strndup(r->arena, data, len);
    }
    row->n++;
}

static void on_row(int end, void *context)
{
    struct csv_reader *r = context;
    (void)end;
    r->whole = true;
    r->begun = false;
}

static void begin(struct csv_reader *r, struct csv_row *row, struct arena *arena)
{
    r->row = row;
    r->arena = arena;
    if (r->begun)
        return;
    *row = (struct csv_row){.line = r->lines + 1, .is_text = true};
    r->bytes = 0;
    r->whole = false;
}

/* A CR LF is one line break. */
static void count_line(struct csv_reader *r, char end)
{
    r->lines += end == '\r' || (end == '\n' && !r->after_cr);
    r->after_cr = end == '\r';
}

enum csv_got csv_reader_take(struct csv_reader *r, struct arena *arena, struct slice *data,
                             struct csv_row *row)
{
    begin(r, row, arena);
    while (data->len > 0) {
        size_t len = 0;
        while (len < data->len && data->data[len] != '\n' && data->data[len] != '\r')
            len++;
        bool ends = len < data->len;
        size_t take = len + ends;
        if (len > 0 && !r->begun)
            row->line = r->lines + 1;
        r->begun = r->begun || len > 0;
        size_t taken = csv_parse(&r->parser, data->data, take, on_cell, on_row, r);
        if (r->whole && data->data[len] == '\r' && take < data->len && data->data[take] == '\n')
            take++; /* one line break, and none of it is left for who goes on behind this row */
        if (ends)
            count_line(r, data->data[len]);
        else
            r->after_cr = false;
        data->data += take;
        data->len -= take;
        if (taken != len + ends || r->bytes > CSV_ROW_BYTES)
            return CSV_TOO_LONG;
        if (r->whole)
            return CSV_ROW;
    }
    return CSV_MORE;
}

enum csv_got csv_reader_end(struct csv_reader *r, struct arena *arena, struct csv_row *row)
{
    begin(r, row, arena);
    if (csv_fini(&r->parser, on_cell, on_row, r) != 0)
        return CSV_TOO_LONG;
    return r->whole ? CSV_ROW : CSV_MORE;
}

char csv_delimiter_of(struct slice text)
{
    size_t commas = 0, semicolons = 0, tabs = 0;
    bool quoted = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        quoted ^= c == '"';
        if (!quoted && (c == '\n' || c == '\r'))
            break;
        commas += !quoted && c == ',';
        semicolons += !quoted && c == ';';
        tabs += !quoted && c == '\t';
    }
    if (tabs > commas && tabs > semicolons)
        return '\t';
    return semicolons > commas ? ';' : ',';
}
