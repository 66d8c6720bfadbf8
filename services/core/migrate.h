/*
 * migrate.h - numbered SQL files, once each, in order, under an advisory lock; each file in a
 * transaction, its SHA-256 kept: an applied file that was edited stops the start.
 */
#ifndef CORE_MIGRATE_H
#define CORE_MIGRATE_H

#include "common/arena.h"
#include "common/err.h"

/* Applies <dir>/<service>/NNN_*.sql for each folder in the fixed order core, accounts, crm,
   rentals, billing, sync. conninfo is the owner's. Prints what it applied on stdout, faults on
   stderr. Errors: UNAVAILABLE (no connection), CONFLICT (an applied file was edited), INVALID (a
   file failed; nothing of it stays), INTERNAL (files cannot be read). */
enum err migrate_run(const char *conninfo, const char *dir) MUST_USE;

struct migration {
    const char *name; /* "crm/001_crm.sql" */
    char sha256[65];
    const char *sql;
};
/* The files of dir in the order they are applied, in the arena; false when one cannot be read. */
bool migrate_list(struct arena *arena, const char *dir, struct migration **out, size_t *n) MUST_USE;

#endif
