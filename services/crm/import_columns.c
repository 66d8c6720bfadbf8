/* What a column of the file is, and how a row becomes a body. Source: specs crm.md 3. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "services/core/check.h"
#include "services/core/custom_field.h"
#include "services/core/export.h"
#include "services/crm/import.h"

/* Other names, without case, spaces, - and _. */
static const struct {
    const char *resource, *header, *key;
} aliases[] = {
    {"", "state", "county"},
    {"", "postalcode", "postcode"},
    {"", "zip", "postcode"},
    {"", "zipcode", "postcode"},
    {"", "telephone", "phone"},
    {"contact", "isprimary", "is_primary_contact"},
    {"communication", "description", "content"},
    {"communication", "body", "content"},
};

static const struct {
    const char *header;
    enum column_kind kind;
    const char *key;
} named[] = {
    {"clientname", COLUMN_CLIENT, "client_id"},
    {"client", COLUMN_CLIENT, "client_id"},
    {"company", COLUMN_CLIENT, "client_id"},
    {"clientexternalid", COLUMN_CLIENT_EXTERNAL, "client_id"},
    {"contactname", COLUMN_CONTACT, "contact_id"},
    {"contact", COLUMN_CONTACT, "contact_id"},
    {"contactexternalid", COLUMN_CONTACT_EXTERNAL, "contact_id"},
};

static const char *plain_name(struct arena *arena, const char *text)
{
    struct buf out;
    buf_init(&out, arena);
    for (; *text != '\0'; text++)
        if (*text != ' ' && *text != '-' && *text != '_')
            buf_putc(&out, (char)tolower((unsigned char)*text));
    return out.data;
}

static bool is_named(struct arena *arena, const char *name, const char *plain)
{
    return name != NULL && strcmp(plain_name(arena, name), plain) == 0;
}

/* "Header:field" of the mapping; NULL: it says nothing of this header. */
static const char *mapped(struct import *import, const char *plain)
{
    struct arena *arena = import->base.arena;
    for (const char *at = import->mapping; *at != '\0';) {
        size_t len = strcspn(at, ","), name = strcspn(at, ":");
        if (name < len && is_named(arena, arena_strndup(arena, at, name), plain))
            return arena_strndup(arena, at + name + 1, len - name - 1);
        at += len + (at[len] == ',');
    }
    return NULL;
}

static bool put_field(const struct field *field, struct import_column *out)
{
    bool fixed = (field->flags & READONLY) != 0 || field->type == F_ID || field->type == F_LIST;
    out->kind = fixed ? COLUMN_IGNORED : COLUMN_FIELD;
    out->field = field;
    out->key = field->name;
    return true;
}

static bool put_custom(struct import *import, const struct custom_field *custom,
                       struct import_column *out)
{
    out->kind = COLUMN_CUSTOM;
    out->key = arena_strdup(import->base.arena, custom->field.name);
    out->type = custom->field.type;
    out->many = custom->type == CUSTOM_OPTIONS;
    return true;
}

/* What an export wrote: the key itself, before anything that only resembles it. */
static bool take_key(struct import *import, const char *name, struct import_column *out)
{
    const struct field *field = field_find(import->base.resource, name);
    const struct custom_field *custom = custom_find(&import->base, name);
    if (field != NULL)
        return put_field(field, out);
    return custom != NULL && put_custom(import, custom, out);
}

static bool take_field(struct import *import, const char *plain, struct import_column *out)
{
    struct arena *arena = import->base.arena;
    const struct resource *r = import->base.resource;
    for (size_t i = 0; i < COUNT_OF(aliases); i++)
        if (strcmp(aliases[i].header, plain) == 0 && field_find(r, aliases[i].key) != NULL &&
            (aliases[i].resource[0] == '\0' || strcmp(aliases[i].resource, r->name) == 0))
            plain = plain_name(arena, aliases[i].key);
    for (const struct field *f = r->fields; f->name != NULL; f++)
        if (is_named(arena, f->name, plain) || is_named(arena, f->label, plain))
            return put_field(f, out);
    return false;
}

static bool take_reference(struct import *import, const char *plain, struct import_column *out)
{
    for (size_t i = 0; i < COUNT_OF(named); i++)
        if (strcmp(named[i].header, plain) == 0 &&
            field_find(import->base.resource, named[i].key) != NULL) {
            out->kind = named[i].kind;
            out->key = named[i].key;
            return true;
        }
    return false;
}

static bool take_custom(struct import *import, const char *plain, struct import_column *out)
{
    size_t n;
    struct arena *arena = import->base.arena;
    const struct custom_field *fields = custom_fields(&import->base, &n);
    for (size_t i = 0; i < n; i++)
        if (is_named(arena, fields[i].field.name, plain) ||
            is_named(arena, fields[i].field.label, plain))
            return put_custom(import, &fields[i], out);
    return false;
}

/* The first column of a key counts; an id counts more than a name. */
static void drop_doubled(struct import_columns *columns)
{
    for (size_t i = 0; i < columns->n; i++)
        for (size_t k = 0; k < columns->n; k++) {
            struct import_column *a = &columns->at[i], *b = &columns->at[k];
            if (i != k && a->kind != COLUMN_IGNORED && b->kind != COLUMN_IGNORED &&
                strcmp(a->key, b->key) == 0 && (a->kind < b->kind || i < k))
                b->kind = COLUMN_IGNORED;
        }
}

void import_columns_read(struct import *import, const struct csv_row *header)
{
    struct arena *arena = import->base.arena;
    struct import_columns *columns = &import->columns;
    struct buf unknown;
    buf_init(&unknown, arena);
    *columns = (struct import_columns){.key = -1};
    columns->n = header->n < CSV_CELLS_MAX ? header->n : CSV_CELLS_MAX;
    for (size_t i = 0; i < columns->n; i++) {
        struct import_column *column = &columns->at[i];
        const char *name = text_trim(arena, header->cells[i]);
        const char *key = mapped(import, plain_name(arena, name));
        if (key != NULL)
            name = text_trim(arena, key);
        const char *plain = plain_name(arena, name);
        *column = (struct import_column){.key = "", .header = header->cells[i]};
        bool known = take_key(import, name, column) || take_field(import, plain, column) ||
                     take_reference(import, plain, column) || take_custom(import, plain, column);
        bool passed = column->field != NULL && column->field->type == F_LIST &&
                      (column->field->flags & READONLY) == 0;
        if ((!known && plain[0] != '\0') || passed)
            buf_printf(&unknown, "%s%s", unknown.len == 0 ? "" : ", ", header->cells[i]);
    }
    drop_doubled(columns);
    for (size_t i = 0; i < columns->n; i++) {
        columns->known += columns->at[i].kind != COLUMN_IGNORED;
        if (columns->at[i].kind == COLUMN_FIELD && strcmp(columns->at[i].key, import->key) == 0)
            columns->key = (int)i;
    }
    columns->unknown = unknown.len == 0 ? NULL : unknown.data;
}

const char *import_cell(struct import *import, const struct import_row *row, size_t column)
{
    const char *cell = text_trim(import->base.arena, csv_plain(row->cells.cells[column]));
    return cell[0] == '\0' ? NULL : cell;
}

static void put_bool(struct buf *out, const char *cell)
{
    static const char *const yes[] = {"true", "yes", "1", "oui", "ja", "on", "y"};
    static const char *const no[] = {"false", "no", "0", "non", "nee", "off", "n"};
    for (size_t i = 0; i < COUNT_OF(yes); i++)
        if (strcasecmp(cell, yes[i]) == 0 || strcasecmp(cell, no[i]) == 0) {
            mp_put_bool(out, strcasecmp(cell, yes[i]) == 0);
            return;
        }
    mp_put_text(out, cell);
}

static void put_enum(struct buf *out, const struct field *field, const char *cell)
{
    if (strcmp(field->name, "type") == 0 && strcasecmp(cell, "call") == 0)
        cell = "phone";
    for (const char *const *value = field->values; *value != NULL; value++)
        if (strcasecmp(*value, cell) == 0)
            cell = *value;
    mp_put_text(out, cell);
}

/* "[1,2]", "1;2": the numbers in it; what is no list of numbers stays a text, which is refused. */
static void put_options(struct buf *out, const char *cell)
{
    static const char digits[] = "0123456789";
    uint32_t n = 0;
    if (cell[strspn(cell, "0123456789 ,;|[]")] != '\0') {
        mp_put_text(out, cell);
        return;
    }
    for (const char *at = cell + strcspn(cell, digits); *at != '\0'; at += strcspn(at, digits)) {
        at += strspn(at, digits);
        n++;
    }
    mp_put_array(out, n);
    for (const char *at = cell + strcspn(cell, digits); *at != '\0'; at += strcspn(at, digits)) {
        size_t len = strspn(at, digits);
        mp_put_str(out, at, len);
        at += len;
    }
}

static void put_cell(struct buf *out, const struct import_column *column, const char *cell)
{
    enum field_type type = column->kind == COLUMN_FIELD ? column->field->type : column->type;
    if (cell == NULL)
        mp_put_nil(out);
    else if (column->kind == COLUMN_CUSTOM && column->many)
        put_options(out, cell);
    else if (type == F_BOOL)
        put_bool(out, cell);
    else if (column->kind == COLUMN_FIELD && type == F_ENUM)
        put_enum(out, column->field, cell);
    else
        mp_put_text(out, cell);
}

/* A blank cell is null; one whose field has a default says nothing on a change. */
static bool is_said(const struct import_column *column, const struct import_row *row,
                    const char *cell)
{
    if (column->kind != COLUMN_FIELD && column->kind != COLUMN_CUSTOM)
        return false;
    bool has_default = column->kind == COLUMN_FIELD && (column->field->flags & NOT_NULL) != 0;
    return cell != NULL || row->id == 0 || !has_default;
}

static void put_reference(struct import_row *row, const struct import_column *column,
                          const char *cell, struct buf *pairs, uint32_t *n)
{
    bool client = column->kind == COLUMN_CLIENT || column->kind == COLUMN_CLIENT_EXTERNAL;
    int64_t id = client ? row->client : row->contact;
    if (cell != NULL && id <= 0) {
        (void)call_fault_said(&row->call, client ? "client_name" : "contact_name",
                              "There is no %s “%.80s”.", client ? "client" : "contact", cell);
        return;
    }
    mp_put_text(pairs, column->key);
    if (cell == NULL)
        mp_put_nil(pairs);
    else
        mp_put_int(pairs, id);
    ++*n;
}

void import_body(struct import *import, struct import_row *row)
{
    struct buf pairs, body;
    uint32_t n = 0;
    buf_init(&pairs, import->base.arena);
    buf_init(&body, import->base.arena);
    for (size_t i = 0; i < import->columns.n; i++) {
        const struct import_column *column = &import->columns.at[i];
        if (column->kind == COLUMN_IGNORED)
            continue;
        const char *cell = import_cell(import, row, i);
        if (column->kind >= COLUMN_CLIENT) {
            put_reference(row, column, cell, &pairs, &n);
        } else if (is_said(column, row, cell)) {
            mp_put_text(&pairs, column->key);
            put_cell(&pairs, column, cell);
            n++;
        }
    }
    mp_put_map(&body, n);
    buf_put(&body, pairs.data, pairs.len);
    if (mp_read(import->base.arena, (struct slice){body.data, body.len}, &row->call.body) != ERR_OK)
        row->call.body = NULL;
}
