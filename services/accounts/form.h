/*
 * form.h - the body of an endpoint checked against its table in proto/endpoints_schema.c with the
 * engine's rules; and the small steps that operations of this service share.
 */
#ifndef ACCOUNTS_FORM_H
#define ACCOUNTS_FORM_H

#include "services/core/call.h"

enum { FORM_FIELDS = 24 };

struct form {
    const struct field *fields;
    const char *values[FORM_FIELDS]; /* NULL: absent or null */
    bool present[FORM_FIELDS];       /* the key is in the body, maybe with null */
};

/* Reads the fields of the op's table by the rules of the Laravel dialect; adds all faults. Of a
   partial one REQUIRED and NOT_NULL fields may be absent, not null. Errors: INVALID. */
enum err form_read(struct call *call, const msgpack_object *body, struct form *form) MUST_USE;
/* The same by the rules of document 003, and by a table that is at hand. */
enum err form_robert(struct call *call, const msgpack_object *body, const struct field *fields,
                     bool partial, struct form *form) MUST_USE;
/* The op's table; partial says whether all of it may be absent. */
const struct field *form_fields(const struct call *call, bool *partial) NEVER_NULL;
const char *form_text(const struct form *form, const char *name); /* NULL when absent or null */
bool form_has(const struct form *form, const char *name);

/* A new password in `password`: long enough, and confirmed when asked. Errors: INVALID. */
enum err form_password(struct call *call, bool confirmed, const char **password) MUST_USE;

/* One row of the statement, or NOT_FOUND with the words given (NULL: the dialect's). */
enum err row_of(struct call *call, struct sql *sql, const char *missing,
                struct pg_result **out) MUST_USE;
/* The rest of the open transaction is this person's in this organization (0: none), its zone too.
   Only inside call_transaction or an op that writes. */
enum err act_as(struct call *call, int64_t user, int64_t organization) MUST_USE;
/* The JSON text becomes the whole answer. */
void answer(struct call *call, const char *json);
/* What this call's person may do is asked anew at every gateway. */
void forget_user(struct call *call, int64_t user);
/* SHA-256 hex of the credential of this call, or NULL. */
const char *credential_of(const struct call *call);

#endif
