/* The query of document 003's lists. Source: specs rentals.md 1.3. */
#include <stdlib.h>
#include <string.h>

#include "services/core/crud.h"
#include "services/core/listing.h"

/* As the original reads a flag: everything but "" and "0" is true, "false" too. */
static bool is_truthy(const char *text) { return text[0] != '\0' && strcmp(text, "0") != 0; }

static bool is_searchable(const struct call *call, const char *name)
{
    const struct field *field = field_find(call->resource, name);
    return field != NULL && (field->flags & (SEARCH | SEARCH_BY)) != 0;
}

/* "id, name and reference" */
static const char *names_of(const struct call *call, unsigned flags)
{
    struct buf names;
    buf_init(&names, call->arena);
    for (const struct field *f = call->resource->fields; f->name != NULL; f++)
        if ((f->flags & flags) != 0)
            buf_printf(&names, "%s%s", names.len == 0 ? "" : ", ", f->name);
    return names.data;
}

static enum err read_search(struct call *call, struct listing *listing)
{
    const char *text = query_find(call->request, "search");
    const char *by = query_find(call->request, "searchBy");
    if (by != NULL && by[0] == '\0')
        by = NULL;
    bool both = by != NULL && strchr(by, '|') != NULL;
    if (by != NULL && !both && !is_searchable(call, by))
        return call_fail(call, ERR_MALFORMED, "Search field « %s » not allowed. Allowed: %s.", by,
                         names_of(call, SEARCH | SEARCH_BY));
    if (text != NULL)
        search_text(call, listing, text, both ? NULL : by);
    return ERR_OK;
}

/* orderBy of document 003; beside it the sort of the other documents, for custom fields too. */
static enum err read_order(struct call *call, struct listing *listing)
{
    const char *by = query_find(call->request, "orderBy");
    const char *ascending = query_find(call->request, "ascending");
    bool named = by != NULL && by[0] != '\0';
    if (named && !sort_add(call, listing, by, false))
        return call_fail(call, ERR_MALFORMED, "Order field « %s » not allowed. Allowed: %s.", by,
                         names_of(call, SORT));
    if (!named)
        sort_named(call, listing, query_find(call->request, "sort"));
    if (listing->keys_n == 0)
        sort_default(call, listing);
    if (ascending != NULL && !is_truthy(ascending))
        sort_reverse(listing);
    return ERR_OK;
}

enum err listing_robert(struct call *call, struct listing *listing)
{
    const char *deleted = query_find(call->request, "deleted");
    if (deleted != NULL && is_truthy(deleted) && resource_has_trash(call->resource))
        listing->trash = TRASH_ONLY;
    bool wide;
    const char *rows = query_find(call->request, ROWS_ASKED);
    const char *number = rows == NULL ? NULL : integer_read(call->arena, rows, &wide);
    listing->size = number == NULL ? PAGE_ROWS_ROBERT : strtoll(number, NULL, 10);
    filters_add(call, listing);
    enum err err = read_search(call, listing);
    return err == ERR_OK ? read_order(call, listing) : err;
}
