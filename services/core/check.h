/*
 * check.h - one value of a body against one field: the type rules of both dialects.
 *
 * Pure: no I/O but reading the zone database. Texts live in the call's arena.
 * Source: specs crm.md 5.3, rentals.md 1.2, decisions.md 8.
 */
#ifndef CORE_CHECK_H
#define CORE_CHECK_H

#include "services/core/call.h"

/* Adds a fault with the field's label to the reply. */
void fault_add(struct call *call, const struct field *field, enum rule rule, const char *a,
               const char *b);

/* What the checker made of a value. */
struct checked {
    const char *text; /* for PostgreSQL; NULL: SQL NULL */
    const char *cast;
};

/* Each adds the faults of a non-null value; false when there was one. */
bool check_laravel(struct call *call, const struct field *field, const msgpack_object *value,
                   struct checked *out) MUST_USE;
bool check_robert(struct call *call, const struct field *field, const msgpack_object *value,
                  struct checked *out) MUST_USE;
const char *field_cast(const struct field *field) NEVER_NULL; /* "bigint", "text" … */
/* The zone of times without offset: the organization's in the Robert dialect, else the caller's. */
const char *caller_zone(const struct call *call) NEVER_NULL;

/* check_text.c */
/* Code points, or -1 when it is no UTF-8. */
int64_t text_length(const char *text);
/* Without white space at both ends, Unicode's too. */
const char *text_trim(struct arena *arena, const char *text);
bool text_is_email(const char *text);
bool text_is_url(const char *text);
bool text_is_color(const char *text);
bool text_is_phone(struct arena *arena, const char *text);
bool text_is_zone(const char *text);
/* Letters of any script; what else the class allows. */
bool text_is_of(const char *text, enum chars chars);
/* Reads one code point of valid UTF-8 and advances. */
uint32_t text_next(const char **text);

/* check_number.c */
/* A decimal number as plain digits ("-12.5"), rounded half away from zero to scale digits when
   scale >= 0; NULL when it is none or absurdly long. Exponents are taken. */
const char *decimal_read(struct arena *arena, const char *text, int scale);
/* Compares the whole part of a plain decimal with a bound: above max (counting 999.5 as within
   999 when it has a scale), below min. */
bool decimal_above(const char *decimal, int64_t max, bool fraction_allowed);
bool decimal_below(const char *decimal, int64_t min);
/* 1, "12", 1.0 as text; NULL when it is no integer. Sets *wide when it is one beyond int64. */
const char *integer_read(struct arena *arena, const char *text, bool *wide);

/* check_time.c */
/* "2026-01-02 10:00:00 Europe/Paris" or "… +02:00" for timestamptz; NULL when it is no date. */
const char *instant_read(struct arena *arena, const char *text, const char *zone);
/* "2020-11-26 06:00:00" in UTC, which is also what no offset means; NULL when it is no date. */
const char *utc_read(struct arena *arena, const char *text);
/* "2026-01-02", or NULL. */
const char *date_read(struct arena *arena, const char *text);

#endif
