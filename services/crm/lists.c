#include "services/crm/lists.h"

#include <stdlib.h>
#include <string.h>

#include "services/core/crud.h"

enum { PAGE_SIZE = 100 };

/* Document 003: what is no page is page 1. */
static int64_t page_of(const struct request *request)
{
    const char *text = query_find(request, "page");
    if (text == NULL || text[0] == '\0' || strlen(text) > 9 ||
        strspn(text, "0123456789") != strlen(text))
        return 1;
    int64_t page = strtoll(text, NULL, 10);
    return page > 0 ? page : 1;
}

static enum err put_page(struct call *call, const struct pg_result *result, int64_t page)
{
    const char *rows = pg_text(result, 0, 1);
    int64_t before = (page - 1) * PAGE_SIZE, total = pg_int(result, 0, 0);
    int64_t left = total > before ? total - before : 0;
    call->reply->json = rows == NULL ? (struct slice){"[]", 2} : (struct slice){rows, strlen(rows)};
    call->reply->page = (struct page){.number = page,
                                      .size = PAGE_SIZE,
                                      .total = total,
                                      .rows = left < PAGE_SIZE ? left : PAGE_SIZE};
    return ERR_OK;
}

enum err list_parent(struct call *call)
{
    const struct request *asked = call->request;
    struct request *plain = arena_alloc(call->arena, sizeof(*plain));
    *plain = *asked;
    plain->headers[HEADER_IF_NONE_MATCH] = NULL; /* the version of the parent is not the list's */
    call->request = plain;
    enum err err = crud_item(call, asked->row);
    call->request = asked;
    if (err != ERR_OK)
        return err;
    memset(call->reply->headers, 0, sizeof(call->reply->headers));
    call->reply->json = (struct slice){NULL, 0};
    return ERR_OK;
}

enum err list_below(struct call *call, const char *function, bool narrowed)
{
    const struct caller *who = &call->request->who;
    int64_t page = page_of(call->request);
    enum err err = list_parent(call);
    if (err != ERR_OK)
        return err;
    struct sql sql;
    struct pg_result *result;
    sql_init(&sql, call->arena);
    sql_printf(&sql, "SELECT total, rows FROM %s($%d::bigint", function,
               sql_bind_int(&sql, call->request->row));
    if (narrowed && who->role == ROLE_USER)
        sql_printf(&sql, ", $%d::bigint", sql_bind_int(&sql, who->user_id));
    else if (narrowed)
        sql_puts(&sql, ", NULL");
    sql_printf(&sql, ", %d, $%d::bigint)", PAGE_SIZE, sql_bind_int(&sql, (page - 1) * PAGE_SIZE));
    err = call_run(call, &sql, &result);
    return err == ERR_OK ? put_page(call, result, page) : err;
}

enum err list_search(struct call *call, const char *name)
{
    const struct request *asked = call->request;
    struct request *other = arena_alloc(call->arena, sizeof(*other));
    struct pair *query = arena_alloc(call->arena, (asked->query_n + 1) * sizeof(*query));
    *other = *asked;
    size_t n = 0;
    for (size_t i = 0; i < asked->query_n; i++)
        if (strcmp(asked->query[i].name, "search") != 0 &&
            strcmp(asked->query[i].name, "searchBy") != 0)
            query[n++] = asked->query[i];
    query[n++] = (struct pair){"search", query_find(asked, name)};
    if (query[n - 1].value == NULL)
        query[n - 1].value = "";
    other->query = query;
    other->query_n = n;
    call->request = other;
    enum err err = crud_list(call);
    call->request = asked;
    return err;
}
