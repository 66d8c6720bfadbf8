/* The query of documents 000, 001 and 002. Source: specs crm.md 6.2, decisions.md 8. */
#include <string.h>
#include <strings.h>

#include "services/core/listing.h"

static bool is_given(const struct call *call, const char *name)
{
    return query_find(call->request, name) != NULL;
}

/* A planner client knows no pages: it is known by what only it sends, and gets everything. */
static bool is_planner(const struct call *call)
{
    return (is_given(call, "@organization") || is_given(call, "active") ||
            is_given(call, "search") || is_given(call, "start")) &&
           !is_given(call, "page") && !is_given(call, "per_page") && !is_given(call, "cursor");
}

int64_t query_count(struct call *call, const char *name, int64_t otherwise, int64_t max)
{
    bool wide = false;
    int64_t value = 0;
    const char *text = query_find(call->request, name);
    const char *number = text == NULL ? NULL : integer_read(call->arena, text, &wide);
    if (number == NULL || number[0] == '-' || strcmp(number, "0") == 0)
        return otherwise;
    for (; *number != '\0' && value <= max; number++)
        value = value * 10 + (*number - '0');
    return value > max ? max : value;
}

static void read_page(struct call *call, struct listing *listing)
{
    listing->size = query_count(call, "per_page", PAGE_ROWS, PAGE_ROWS_MAX);
    listing->all = is_planner(call);
    if (listing->all)
        listing->size = ALL_ROWS;
}

static void read_sort(struct call *call, struct listing *listing)
{
    sort_named(call, listing, query_find(call->request, "sort"));
    const char *order = query_find(call->request, "order");
    if (listing->keys_n == 0 && order != NULL) {
        size_t len = strcspn(order, "|");
        sort_add(call, listing, arena_strndup(call->arena, order, len),
                 strcasecmp(order + len, "|desc") == 0);
    }
    if (listing->keys_n == 0)
        sort_default(call, listing);
}

/* search_fields=email:like;name:= with q: which fields, whole or part, any or all of them. */
static void read_search_fields(struct call *call, struct listing *listing, const char *q,
                               const char *fields)
{
    const char *match = query_find(call->request, "search_match");
    const char *join = match != NULL && strcasecmp(match, "and") == 0 ? " AND " : " OR ";
    struct sql *where = &listing->where;
    int bound = sql_bind(where, q);
    bool any = false;
    while (*fields != '\0') {
        size_t len = strcspn(fields, ";"), name_len = strcspn(fields, ":;");
        const struct field *field =
            field_find(call->resource, arena_strndup(call->arena, fields, name_len));
        bool equal = len > name_len && strncmp(fields + name_len, ":=", 2) == 0;
        fields += len + (fields[len] == ';');
        if (field == NULL || (field->flags & (SEARCH | FILTER | SORT)) == 0)
            continue;
        sql_puts(where, any ? join : " AND (");
        sql_puts(where, "core.fold((");
        sql_value(where, field);
        sql_printf(where,
                   equal ? ")::text) = core.fold($%d::text)"
                         : ")::text) LIKE '%%' || core.like_escape(core.fold($%d::text)) || '%%'",
                   bound);
        any = true;
    }
    if (any)
        sql_puts(where, ")");
    else
        sql_printf(where, " AND $%d::text IS NULL", bound); /* no such field: nothing is found */
    listing->filtered = listing->searched = true;
}

static bool has_param(const struct call *call, const char *name)
{
    for (const struct param *p = call->resource->params; p != NULL && p->name != NULL; p++)
        if (strcmp(p->name, name) == 0)
            return true;
    return false;
}

static void read_search(struct call *call, struct listing *listing)
{
    const char *text = query_find(call->request, "filter[search]");
    const char *bare = query_find(call->request, "search");
    const char *q = query_find(call->request, "q");
    const char *fields = query_find(call->request, "search_fields");
    if (text != NULL)
        search_words(call, listing, text);
    if (bare != NULL && !has_param(call, "search"))
        search_words(call, listing, bare);
    if (q != NULL && q[0] != '\0' && fields != NULL && fields[0] != '\0' && text_length(q) >= 0)
        read_search_fields(call, listing, q, fields);
    else if (q != NULL)
        search_words(call, listing, q);
}

static void read_trash(struct call *call, struct listing *listing)
{
    const char *text = query_find(call->request, "filter[trashed]");
    if (text == NULL || !resource_has_trash(call->resource))
        return;
    if (strcmp(text, "only") == 0)
        listing->trash = TRASH_ONLY;
    else if (strcmp(text, "with") == 0)
        listing->trash = TRASH_WITH;
}

/* active=true is filter[is_active]=true where the resource does not say otherwise. */
static void read_active(struct call *call, struct listing *listing)
{
    const char *text = query_find(call->request, "active");
    const struct field *field = field_find(call->resource, "is_active");
    if (text == NULL || text[0] == '\0' || field == NULL || has_param(call, "active"))
        return;
    bool yes = strcmp(text, "1") == 0 || strcasecmp(text, "true") == 0;
    bool no = strcmp(text, "0") == 0 || strcasecmp(text, "false") == 0;
    struct field named = {"active", F_BOOL};
    if (!yes && !no)
        fault_add(call, &named, RULE_BOOLEAN, NULL, NULL);
    else
        filter_add(call, listing, "is_active]", yes ? "true" : "false");
}

enum err listing_laravel(struct call *call, struct listing *listing)
{
    read_page(call, listing);
    read_trash(call, listing);
    filters_add(call, listing);
    read_active(call, listing);
    read_search(call, listing);
    read_sort(call, listing);
    return call->reply->faults == NULL ? ERR_OK : ERR_INVALID;
}
