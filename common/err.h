/* err.h - the one error enumeration of the whole system, read from err.def. 0 is success. */
#ifndef COMMON_ERR_H
#define COMMON_ERR_H

#include "common/base.h"

enum err {
#define ERR(name, status, transient, meaning) ERR_##name,
#include "common/err.def"
#undef ERR
};

/* HTTP status that stands for it; in the Robert dialect INVALID is 400 (dialect.c knows). */
int err_status(enum err err) MUST_USE;
bool err_is_transient(enum err err) MUST_USE;
const char *err_name(enum err err) MUST_USE NEVER_NULL;    /* "NOT_FOUND" */
const char *err_meaning(enum err err) MUST_USE NEVER_NULL; /* for logs and documents */
/* From a number off the wire; INTERNAL when it is none of ours. */
enum err err_of(int64_t number) MUST_USE;
/* The failure of that name ("NOT_FOUND"); INTERNAL when it is none of ours. */
enum err err_named(const char *name) MUST_USE;

#endif
