/*
 * degressive.h - the degressive rate: a bounded arithmetic expression in daysCount, evaluated as an
 * exact fraction. Pure; never seen by SQL or a shell. Source: rentals.md 4.12, decisions.md 8.
 *
 * Grammar: numbers with up to 6 decimals, daysCount, + - * /, unary minus, parentheses (nested 64
 * deep at most), min(a, b), max(a, b); at most 200 characters. A result of 0 counts as 1.
 */
#ifndef CORE_DEGRESSIVE_H
#define CORE_DEGRESSIVE_H

#include "common/base.h"

struct fraction {
    int64_t num, den; /* den > 0, lowest terms */
};

enum degressive_fault { DEGRESSIVE_OK, DEGRESSIVE_SYNTAX, DEGRESSIVE_RANGE };

enum { DEGRESSIVE_DAYS = 366 /* a setting is tried with every number of days up to this */ };

enum { DEGRESSIVE_MAX = 1000000 /* amounts of bills must fit their columns */ };

/* RANGE: division by zero, overflow, a negative result, or one of DEGRESSIVE_MAX or more. */
enum degressive_fault degressive_rate(const char *expression, int64_t days,
                                      struct fraction *out) MUST_USE NONNULL;
/* What stands against the expression as a setting: its first fault for 1 to DEGRESSIVE_DAYS days;
 *days is then the number of days. */
enum degressive_fault degressive_judge(const char *expression, int64_t *days) MUST_USE NONNULL;

#endif
