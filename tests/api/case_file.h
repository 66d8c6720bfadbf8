/*
 * case_file.h - reads tests/api/cases/NAME.case: HTTP exchanges as data. docs/testing.md says
 * how they are written.
 */
#ifndef TESTS_CASE_FILE_H
#define TESTS_CASE_FILE_H

#include "common/buf.h"

/* One "Name: what" of an expected header. */
struct header_check {
    const char *name, *what;
    struct header_check *next;
};

/* A request and what its answer must be; texts still hold ${variables}. */
struct exchange {
    int line; /* of the request */
    const char *verb, *target;
    const char *headers[16]; /* ends with NULL */
    const char *body;        /* or NULL */
    int status;              /* 0: not said, a fault of the file */
    struct header_check *checks;
    const char *json; /* pattern, or NULL */
    const char *text; /* exact body, or NULL */
    struct exchange *next;
};

/* "## a claim": exchanges in order. */
struct test_case {
    const char *name;
    struct exchange *first;
    struct test_case *next;
};

struct case_file {
    const char *limits[3]; /* "# limits: per caller, guest, login"; [0] NULL: none */
    struct test_case *first;
};

/* Everything lives in the arena. False with *fault ("line 7: …") when it cannot be read. */
bool case_file_read(struct arena *arena, const char *path, struct case_file *out,
                    const char **fault) MUST_USE;

#endif
