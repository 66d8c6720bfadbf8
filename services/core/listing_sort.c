#include <string.h>
#include <strings.h>

#include "services/core/custom_field.h"
#include "services/core/listing.h"

static bool is_set_always(const struct field *field)
{
    return field->type == F_ID || (field->flags & (REQUIRED | NOT_NULL)) != 0 ||
           strcmp(field->name, "created_at") == 0 || strcmp(field->name, "updated_at") == 0;
}

static void add_key(struct listing *listing, struct sort_key key)
{
    if (listing->keys_n < SORT_KEYS - 1)
        listing->keys[listing->keys_n++] = key;
}

/* Document 003 sorts texts without regard to case and accents. */
static const char *text_of(struct call *call, const struct field *field)
{
    struct sql sql;
    bool folded = call->resource->dialect == DIALECT_ROBERT && field->type == F_TEXT;
    sql_init(&sql, call->arena);
    sql_puts(&sql, folded ? "core.fold(" : "");
    sql_value(&sql, field);
    sql_puts(&sql, folded ? ")" : "");
    return sql.text.data;
}

/* How values of a key compare when they come back as text. */
static const char *cast_of(const struct field *field)
{
    if (field->sort_sql != NULL)
        return field->type == F_ENUM ? "numeric" : "text";
    return field_cast(field);
}

bool sort_add(struct call *call, struct listing *listing, const char *name, bool descending)
{
    const struct field *field = field_find(call->resource, name);
    if (field != NULL && (field->flags & SORT) != 0) {
        const char *sql = field->sort_sql != NULL ? field->sort_sql : text_of(call, field);
        bool few = field->type == F_ENUM || field->type == F_BOOL;
        add_key(listing,
                (struct sort_key){sql, cast_of(field), descending, !is_set_always(field), few});
        return true;
    }
    const struct custom_field *custom = field == NULL ? custom_find(call, name) : NULL;
    if (custom == NULL || custom->type == CUSTOM_OPTIONS || listing->keys_n >= SORT_KEYS - 1)
        return false; /* a parameter that no text uses would be an error */
    const char *sql = custom_value_sql(call, &listing->where, custom);
    add_key(listing, (struct sort_key){sql, field_cast(&custom->field), descending, true, false});
    return true;
}

void sort_named(struct call *call, struct listing *listing, const char *list)
{
    while (list != NULL && *list != '\0') {
        size_t len = strcspn(list, ",");
        bool descending = *list == '-';
        const char *name = arena_strndup(call->arena, list + descending, len - descending);
        sort_add(call, listing, text_trim(call->arena, name), descending);
        list += len + (list[len] == ',');
    }
}

/* A part of .order: "t.created_at DESC". */
static void add_part(struct call *call, struct listing *listing, const char *part, size_t len)
{
    while (len > 0 && *part == ' ') {
        part++;
        len--;
    }
    while (len > 0 && part[len - 1] == ' ')
        len--;
    bool descending = len > 5 && strncasecmp(part + len - 5, " DESC", 5) == 0;
    if (descending)
        len -= 5;
    else if (len > 4 && strncasecmp(part + len - 4, " ASC", 4) == 0)
        len -= 4;
    const char *sql = arena_strndup(call->arena, part, len);
    struct sort_key key = {sql, "text", descending, true, false};
    for (const struct field *f = call->resource->fields; f->name != NULL; f++)
        if (strncmp(sql, "t.", 2) == 0 && strcmp(sql + 2, field_column(f)) == 0) {
            key.cast = field_cast(f);
            key.nullable = !is_set_always(f);
        }
    if (len > 0)
        add_key(listing, key);
}

void sort_default(struct call *call, struct listing *listing)
{
    const char *order = call->resource->order != NULL ? call->resource->order : "t.id";
    int depth = 0;
    const char *start = order;
    for (const char *c = order;; c++) {
        depth += (*c == '(') - (*c == ')');
        if (*c != '\0' && (*c != ',' || depth > 0))
            continue;
        add_part(call, listing, start, (size_t)(c - start));
        if (*c == '\0')
            return;
        start = c + 1;
    }
}

/* Among a million of one status the usual order says which come first: the index that serves
   filter[status] serves the sort then. One direction for all keys, for an index is read either way.
 */
static void sort_within(struct call *call, struct listing *listing)
{
    sort_default(call, listing);
    for (size_t i = 1; i < listing->keys_n; i++)
        listing->keys[i].descending = listing->keys[0].descending;
}

void sort_finish(struct call *call, struct listing *listing)
{
    if (listing->keys_n == 1 && listing->keys[0].few)
        sort_within(call, listing);
    for (size_t i = 0; i < listing->keys_n; i++)
        if (strcmp(listing->keys[i].sql, "t.id") == 0)
            return;
    bool descending = listing->keys_n > 0 && listing->keys[listing->keys_n - 1].descending;
    listing->keys[listing->keys_n++] =
        (struct sort_key){"t.id", "bigint", descending, false, false};
}

void sort_reverse(struct listing *listing)
{
    for (size_t i = 0; i < listing->keys_n; i++)
        listing->keys[i].descending = !listing->keys[i].descending;
}

void sort_sql(const struct listing *listing, struct sql *sql)
{
    for (size_t i = 0; i < listing->keys_n; i++)
        sql_printf(sql, "%s%s%s", i == 0 ? " ORDER BY " : ", ", listing->keys[i].sql,
                   listing->keys[i].descending ? " DESC" : "");
}
