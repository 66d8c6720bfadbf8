/*
 * migrate.h - numbered SQL files, once each, in order, under an advisory lock; each file in a
 * transaction, its SHA-256 kept: an applied file that was edited stops the start.
 */
#ifndef CORE_MIGRATE_H
#define CORE_MIGRATE_H

#include "common/err.h"

/* Applies <dir>/<service>/NNN_*.sql for each service in the fixed order accounts, crm, rentals,
   billing, sync. conninfo is the owner's. Prints what it applied. */
enum err migrate_run(const char *conninfo, const char *dir) MUST_USE;

#endif
