/*
 * sql.h - statements from the resource tables. Names come from constant tables only, values only as
 * $n. A row is shown over alias t; see proto/resource.h.
 *
 * Statements about one row answer (code, json, version) rows: enum row_code. No row: not found.
 */
#ifndef CORE_SQL_H
#define CORE_SQL_H

#include "services/core/call.h"

enum row_code { ROW_OK, ROW_FORBIDDEN, ROW_STALE, ROW_REFERENCE, ROW_DESTROYED, ROW_JUDGED };
enum trash { TRASH_NOT, TRASH_ONLY, TRASH_WITH };

/* sql_select.c */
bool resource_has_trash(const struct resource *resource);
bool resource_has_organization(const struct resource *resource);
/* The value of a field as filters and sorts see it: its column, or its .sql. */
void sql_value(struct sql *sql, const struct field *field);
/* The same as a row shows it. */
void sql_shown(struct sql *sql, const struct resource *resource, const struct field *field);
/* Text with every %s replaced by $n and the cast. */
void sql_hole(struct sql *sql, const char *text, int n, const char *cast);
/* " AND …": organization, trash and the resource's own condition. */
void sql_scope(struct call *call, struct sql *sql, enum trash trash);
/* Does the role see only what is hers? */
bool sql_is_narrowed(const struct call *call);
/* The condition of SCOPE_ASSIGNEE in parentheses. */
void sql_mine(struct call *call, struct sql *sql, bool item);
/* " AND …": rows t of another resource that the caller may point at: there, live and hers to see.
 */
void sql_target(struct call *call, const struct resource *target, struct sql *sql);
/* The SELECT list of a row: fields, then relations, by IN_* flags. */
void sql_columns(struct call *call, struct sql *sql, unsigned where);
/* A scalar sub-select giving the row as JSON, custom fields included. */
void sql_row(struct call *call, struct sql *sql, unsigned where);
/* Text that changes with every change of the row. */
const char *sql_version(const struct resource *resource) NEVER_NULL;
void sql_item(struct call *call, struct sql *sql, int64_t id, unsigned where);
/* Only whether the row is there and may be seen. */
void sql_seen(struct call *call, struct sql *sql, int64_t id);

/* sql_write.c */
/* Is it a create that its hooks judge in SQL (hooks.judge_sql)? */
bool sql_is_judged(const struct call *call);
void sql_create(struct call *call, struct sql *sql);
void sql_update(struct call *call, struct sql *sql);
void sql_delete(struct call *call, struct sql *sql);
void sql_restore(struct call *call, struct sql *sql);
/* A literal of an array parameter: {"a","b"}. */
const char *sql_array(struct arena *arena, const char *const *items, size_t n) NEVER_NULL;
/* The versions named by If-Match as such a literal; NULL when there is no such header or it is *.
 */
const char *sql_versions(struct arena *arena, const char *if_match);

#endif
