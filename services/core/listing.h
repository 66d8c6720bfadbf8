/*
 * listing.h - the query of a list becomes conditions, an order and a page.
 *
 * Unknown parameters, filters and sort keys are ignored in the Laravel dialect; the Robert dialect
 * refuses unknown orderBy and searchBy. Source: specs crm.md 6.2, rentals.md 1.3, decisions.md 8.
 */
#ifndef CORE_LISTING_H
#define CORE_LISTING_H

#include "services/core/check.h"
#include "services/core/sql.h"

enum {
    SORT_KEYS = 8,
    PAGE_ROWS = 15,
    PAGE_ROWS_MAX = 100,
    PAGE_ROWS_ROBERT = 100,
    ALL_ROWS = 1000,
    FILTERS_MAX = 40,
    SEARCH_WORDS = 8
};

struct sort_key {
    const char *sql;  /* over alias t */
    const char *cast; /* type of its value */
    bool descending, nullable;
    bool few; /* has few values: what comes within one of them matters */
};

struct listing {
    struct sql where;  /* " AND … AND …" and the parameters of the whole statement */
    const char *scope; /* the part of where that nobody asked: organization, trash */
    const char *place; /* the part of where that the cursor adds */
    enum trash trash;
    struct sort_key keys[SORT_KEYS];
    size_t keys_n;
    int64_t page, size;
    bool all;      /* everything up to ALL_ROWS: the size is the number of rows */
    bool filtered; /* narrower than the whole resource */
    bool searched; /* by text: what matches may be costly to count */
    bool by_cursor;
    const char *conditions;              /* their digest; NULL: cursors go with any */
    int64_t cursor_total;                /* of the first page; -1: not known yet */
    const char *cursor_value[SORT_KEYS]; /* NULL: SQL NULL */
    bool cursor_set;                     /* the values are there: not the first page */
};

/* Errors: INVALID (Laravel) with faults, MALFORMED (Robert) with its text. */
enum err listing_read(struct call *call, struct listing *listing) MUST_USE;
/* The one statement. Its columns: keys (of the last row, a JSON array of texts) and count only when
   by cursor. bounded: the total was counted up to COUNTED_MAX + 1 only. */
enum { LIST_TOTAL, LIST_META, LIST_BOUNDED, LIST_ROWS, LIST_KEYS, LIST_COUNT };
enum { COUNTED_MAX = 1000 };
void listing_sql(struct call *call, struct listing *listing, struct sql *sql);
/* The sort keys of a row as a JSON array of texts: what cursor_write takes. */
void listing_keys_sql(const struct listing *listing, struct sql *sql);

/* listing_search.c: the WITH that goes before, and the FROM item that holds at least the page. */
void search_ways_sql(struct call *call, const struct listing *listing, struct sql *sql);
void search_page_sql(struct call *call, const struct listing *listing, struct sql *sql);

/* listing_laravel.c, listing_robert.c */
enum err listing_laravel(struct call *call, struct listing *listing) MUST_USE;
enum err listing_robert(struct call *call, struct listing *listing) MUST_USE;
/* A number of at least 1 of the query, or `otherwise`; what is beyond max becomes max. */
int64_t query_count(struct call *call, const char *name, int64_t otherwise, int64_t max);

/* listing_filter.c */
/* Adds the conditions of every filter[name]=value and filter[name][op]=value of the query. */
void filters_add(struct call *call, struct listing *listing);
/* Adds one; key is what stands behind "filter[". */
void filter_add(struct call *call, struct listing *listing, const char *key, const char *value);
/* Adds what the resource's own parameters ask. */
void params_add(struct call *call, struct listing *listing);
/* Adds value_sql {op} value; asked: gte, lte, gt or lt, and the value. A day that ends a range
   belongs to it. What is no such value is a fault of the field. */
void range_add(struct call *call, struct listing *listing, const struct field *field,
               const char *value_sql, const struct pair *asked);
/* Every word must be found in one of the fields with any of the flags, or in search_sql. */
void search_words(struct call *call, struct listing *listing, const char *text);
/* The text as it is must be found in one of the fields; only names one of them or is NULL. */
void search_text(struct call *call, struct listing *listing, const char *text, const char *only);

/* listing_sort.c */
void sort_default(struct call *call, struct listing *listing);
/* false when name is no sortable field. */
bool sort_add(struct call *call, struct listing *listing, const char *name, bool descending);
/* name,-created_at; keys that are none are passed over. list may be NULL. */
void sort_named(struct call *call, struct listing *listing, const char *list);
/* The id, in the direction of the last key, so that the order is total. */
void sort_finish(struct call *call, struct listing *listing);
void sort_reverse(struct listing *listing);
void sort_sql(const struct listing *listing, struct sql *sql);

/* cursor.c: an opaque, signed place in a list. */
/* From now on cursors go with what stands in where. */
void cursor_bind(struct call *call, struct listing *listing);
/* Errors: INVALID with the fault of "cursor". */
enum err cursor_read(struct call *call, struct listing *listing, const char *text) MUST_USE;
const char *cursor_write(struct call *call, const struct listing *listing, int64_t total,
                         const char *keys_json);
/* " AND (…)": the rows behind the place. */
void cursor_where(struct listing *listing);

#endif
