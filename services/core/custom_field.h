/*
 * custom_field.h - fields that an organization defines itself (document 002): read from
 * crm.custom_field_definitions, checked like built-in ones, kept in the jsonb column `custom`.
 *
 * Definitions are kept per worker thread for a second, and not at all once the caller's identity
 * says that they were changed (struct caller, custom). Ids of custom fields never become SQL text:
 * they are bound parameters.
 */
#ifndef CORE_CUSTOM_FIELD_H
#define CORE_CUSTOM_FIELD_H

#include "services/core/call.h"

enum {
    CUSTOM_FIELDS_MAX = 100
}; /* of one resource of an organization: the crm service sees to it */

enum custom_type {
    CUSTOM_ONE,     /* a scalar, checked by field.type */
    CUSTOM_OPTION,  /* the id of one option */
    CUSTOM_OPTIONS, /* ids of options */
};

struct custom_field {
    struct field field; /* name is the field's id */
    enum custom_type type;
    const int64_t *options; /* ids */
    size_t options_n;
    bool unique;
};

/* The definitions for the call's resource and organization, fetched when the kept ones are older
   than a second or than the caller's version of them. *n is 0 when the resource takes none. */
enum err custom_load(struct call *call) MUST_USE;
/* The same, fetched in any case: for who has no identity that tells the version. */
enum err custom_reload(struct call *call) MUST_USE;
/* True when custom_load would not ask the database. */
bool custom_is_loaded(const struct call *call);
const struct custom_field *custom_fields(const struct call *call, size_t *n);
const struct custom_field *custom_find(const struct call *call, const char *id);

/* Are there fields whose values may not repeat? Then a write is more than one statement. */
bool custom_has_unique(const struct call *call);
/* Refuses values that another live row has. Inside the write's transaction. */
enum err custom_check_unique(struct call *call) MUST_USE;
/* Whose custom fields the rows of this resource hold: persons are contacts. */
const struct resource *custom_owner(const struct resource *resource);
/* The same for a row that has just come back from the trash, whatever resource it is restored as.
 */
enum err custom_check_restored(struct call *call) MUST_USE;

/* Checks the body's custom keys; accepted ones become the column "custom". */
void custom_validate(struct call *call);
/* An expression of type json over alias t: every defined key with its value. */
void custom_select(struct call *call, struct sql *sql);
/* SQL for the value of one custom field of alias t, of type `cast`; its id is bound. */
const char *custom_value_sql(struct call *call, struct sql *sql, const struct custom_field *custom);

#endif
