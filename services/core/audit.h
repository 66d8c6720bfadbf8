/*
 * audit.h - who changed what: one row of core.audit for each write of a resource with .audit, in
 * the same statement as the write.
 *
 * Rows are appended unchained, so that writers of an organization do not wait for each other;
 * core.audit_seal() gives them their place and hash in the organization's chain within a second.
 */
#ifndef CORE_AUDIT_H
#define CORE_AUDIT_H

#include "services/core/call.h"

enum audit_op { AUDIT_CREATE, AUDIT_UPDATE, AUDIT_DELETE, AUDIT_RESTORE, AUDIT_DESTROY };

/* Are changes of the call's resource kept? */
bool audit_is_on(const struct call *call);
/* Before an update's CTE "new": "old AS (… FOR UPDATE), " with the row as it was. */
void audit_old_sql(struct call *call, struct sql *sql, int row);
/* Behind a CTE ("new", "gone"): ", log AS (INSERT …)". */
void audit_sql(struct call *call, struct sql *sql, enum audit_op op, const char *cte);

/* The lists beside a row (hooks.lists_sql) as they are, for audit_lists. The row is locked already.
 */
enum err audit_lists_read(struct call *call, int64_t id, const char **out) MUST_USE;
/* What is another than `before` is logged as an update, and makes a new version of the row. */
enum err audit_lists(struct call *call, int64_t id, const char *before) MUST_USE;

/* Op "history": the changes of one record that the caller may see, newest first, by cursor. */
enum err audit_history(struct call *call) MUST_USE;
/* Op of GET /api/audit: the organization's changes, newest first, by page or cursor; admins. */
enum err audit_list(struct call *call) MUST_USE;
/* Chains what was appended since the last time; true when there is more. As bureau_accounts. */
bool audit_seal(struct pg *pg) MUST_USE;
/* Thread of the accounts service: seals twice a second until the process stops. */
void *audit_main(void *connection);
/* Walks every chain. Prints what does not fit to stderr; the number of broken rows, -1: unknown. */
int64_t audit_verify(struct pg *pg) MUST_USE;
/* The option --verify-audit: exit code 0 when every chain is whole. */
int audit_verify_main(struct pg *pg) MUST_USE;

#endif
