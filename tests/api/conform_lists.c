#include <curl/curl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tests/api/conform.h"

enum { ROWS = 5, ROBERT_PAGE = 100 };

static size_t rows(const struct subject *s)
{
    return json_array_size(json_object_get(s->root, "data"));
}

static json_int_t row_id(const struct subject *s, size_t at)
{
    return json_integer_value(
        json_object_get(json_array_get(json_object_get(s->root, "data"), at), "id"));
}

static json_int_t counted(const struct subject *s, const char *what)
{
    return json_integer_value(
        json_object_get(json_object_get(s->root, robert(s) ? "pagination" : "meta"), what));
}

static bool shows(const struct subject *s, int64_t id)
{
    for (size_t i = 0; i < rows(s); i++)
        if (row_id(s, i) == id)
            return true;
    return false;
}

/* A value as text for a query, percent-encoded. */
static const char *in_query(struct subject *s, const json_t *value)
{
    char *json = json_dumps(value, JSON_ENCODE_ANY);
    const char *text = json_is_string(value) ? json_string_value(value) : json;
    char *escaped = curl_easy_escape(NULL, text, 0);
    const char *copy = arena_strdup(s->arena, escaped);
    curl_free(escaped);
    free(json);
    return copy;
}

/* A record whose field has that value, found by filter[field]=value. */
static void check_filter(struct subject *s, const struct field *f)
{
    bool plain = is_writable(f) && !is_checked_id(s->resource, f);
    json_t *value = plain ? sample_value(&s->sampler, s->resource, f) : NULL;
    if (value == NULL || json_is_null(value))
        return;
    ask(s, s->owner, "POST", s->resource->path, body_with(s, f->name, json_incref(value)));
    int64_t id = s->answer.status == 201 ? record_id(s) : 0;
    if (f->type == F_TIME && !json_equal(value, json_object_get(record(s), f->name))) {
        json_decref(value); /* a hook decides it, not the caller */
        return;
    }
    const char *query =
        arena_printf(s->arena, "filter[%s]=%s&per_page=100&sort=-id", f->name, in_query(s, value));
    long status = ask(s, s->owner, "GET", list_path(s, query), NULL);
    check(s, status == 200 && id > 0 && shows(s, id), "filter[%s] finds it", f->name);
    query = arena_printf(s->arena, "filter[%s]=987654321", f->name);
    status = ask(s, s->owner, "GET", list_path(s, query), NULL);
    check(s, (status == 200 && (rows(s) == 0 || f->type == F_BOOL)) || status == 422,
          "filter[%s] of what none has finds none", f->name);
    ask(s, s->owner, "GET",
        list_path(s, arena_printf(s->arena, "filter[%s][]=1&filter[%s][x]=2", f->name, f->name)),
        NULL);
    json_decref(value);
}

static void check_sort(struct subject *s, const char *name)
{
    const char *up = robert(s) ? "orderBy=%s&ascending=1" : "sort=%s&per_page=100";
    const char *down = robert(s) ? "orderBy=%s&ascending=0" : "sort=-%s&per_page=100";
    bool id = strcmp(name, "id") == 0;
    for (int i = 0; i < 2; i++) {
        const char *form = i == 0 ? up : down, *at = strstr(form, "%s");
        const char *query =
            arena_printf(s->arena, "%.*s%s%s", (int)(at - form), form, name, at + 2);
        long status = ask(s, s->owner, "GET", list_path(s, query), NULL);
        bool ordered = !id || rows(s) < 2 || (row_id(s, 0) < row_id(s, 1)) == (i == 0);
        check(s, status == 200 && rows(s) > 0 && ordered, "sorts by %s %s", name,
              i == 0 ? "up" : "down");
    }
}

static void check_search(struct subject *s, const struct field *f)
{
    if (!is_writable(f) || f->type != F_TEXT)
        return;
    json_t *value = sample_value(&s->sampler, s->resource, f);
    ask(s, s->owner, "POST", s->resource->path, body_with(s, f->name, json_incref(value)));
    int64_t id = s->answer.status == 201 ? record_id(s) : 0;
    const char *query = arena_printf(s->arena, "searchBy=%s&%s=%s", f->name,
                                     robert(s) ? "search" : "filter[search]", in_query(s, value));
    long status = ask(s, s->owner, "GET", list_path(s, query), NULL);
    check(s, status == 200 && id > 0 && rows(s) == 1 && shows(s, id), "a search by %s finds it",
          f->name);
    query = robert(s) ? "search=%25%25no_such%25" : "filter[search]=%25%25no_such%25";
    ask(s, s->owner, "GET", list_path(s, query), NULL);
    check(s, s->answer.status == 200 && rows(s) == 0, "%% and _ are searched as they stand");
    json_decref(value);
}

static void check_pages_laravel(struct subject *s)
{
    ask(s, s->owner, "GET", list_path(s, "per_page=2&page=1"), NULL);
    json_int_t total = counted(s, "total"), last = counted(s, "last_page");
    check(s, rows(s) == 2 && total >= ROWS && last == (total + 1) / 2,
          "the first page and its counts");
    json_int_t first = row_id(s, 0);
    ask(s, s->owner, "GET", list_path(s, "per_page=2&page=2"), NULL);
    check(s, rows(s) == 2 && row_id(s, 0) != first, "the second page shows others");
    const char *query = arena_printf(s->arena, "per_page=2&page=%" JSON_INTEGER_FORMAT, last);
    ask(s, s->owner, "GET", list_path(s, query), NULL);
    check(s, rows(s) == (size_t)(total - (last - 1) * 2), "the last page has the rest");
    query = arena_printf(s->arena, "per_page=2&page=%" JSON_INTEGER_FORMAT, last + 1);
    ask(s, s->owner, "GET", list_path(s, query), NULL);
    check(s, s->answer.status == 200 && rows(s) == 0 && counted(s, "total") == total,
          "a page past the end is empty");
    static const char *const odd[] = {"page=abc",
                                      "page=-1",
                                      "page=0",
                                      "page=99999999999999999999",
                                      "per_page=0",
                                      "per_page=-3",
                                      "per_page=abc",
                                      "per_page[]=3",
                                      "page[]=1&page=2",
                                      "sort=no_such,-",
                                      "filter[no_such]=1",
                                      "filter=1",
                                      "sort[]=id"};
    for (size_t i = 0; i < COUNT_OF(odd); i++) {
        long status = ask(s, s->owner, "GET", list_path(s, odd[i]), NULL);
        check(s, status == 200 || status == 422, "?%s is answered", odd[i]);
    }
}

static void check_pages_robert(struct subject *s)
{
    ask(s, s->owner, "GET", list_path(s, "page=1"), NULL);
    if (json_object_get(s->root, "pagination") == NULL)
        return; /* a plain list */
    json_int_t total = counted(s, "total");
    for (; total <= ROBERT_PAGE; total++)
        if (make(s) == 0)
            break;
    ask(s, s->owner, "GET", list_path(s, "page=1"), NULL);
    check(s, rows(s) == ROBERT_PAGE && counted(s, "total") == total && counted(s, "last_page") == 2,
          "the first page has %d rows and its counts", ROBERT_PAGE);
    json_int_t first = row_id(s, 0);
    ask(s, s->owner, "GET", list_path(s, "page=2"), NULL);
    check(s, rows(s) == (size_t)(total - ROBERT_PAGE) && row_id(s, 0) != first,
          "the second page has the rest");
    ask(s, s->owner, "GET", list_path(s, "page=3"), NULL);
    check(s, s->answer.status == 200 && rows(s) == 0, "a page past the end is empty");
    static const char *const odd[] = {
        "page=abc",     "page=-1",     "page=99999999999999999999", "orderBy=no_such",
        "orderBy[]=id", "deleted[]=1", "searchBy=no_such&search=a", "tags=x"};
    for (size_t i = 0; i < COUNT_OF(odd); i++) {
        long status = ask(s, s->owner, "GET", list_path(s, odd[i]), NULL);
        check(s, status == 200 || status == 400, "?%s is answered", odd[i]);
    }
}

void conform_lists(struct subject *s)
{
    if ((s->resource->without & NO_LIST) != 0)
        return;
    for (int i = 0; i < ROWS; i++)
        if (make(s) == 0)
            return; /* conform_writes says so */
    for (const struct field *f = s->resource->fields; f->name != NULL; f++) {
        if ((f->flags & FILTER) != 0 && !robert(s))
            check_filter(s, f);
        if ((f->flags & SORT) != 0)
            check_sort(s, f->name);
        if ((f->flags & SEARCH) != 0)
            check_search(s, f);
    }
    if (robert(s))
        check_pages_robert(s);
    else
        check_pages_laravel(s);
}
