/*
 * export.h - a filtered list as CSV, page by page: the gateway asks for the next until there is
 * none, so that neither it nor the service ever holds more than a page.
 *
 * Op "export" of every resource with .audit, in place of "list": the same filters, sort and
 * visibility. The reply's json is a piece of the file; page.next_cursor, when there is more, goes
 * into the query pair EXPORT_AFTER of the next request. Cells are the writable and the plain read
 * fields, then the custom ones, under their keys.
 */
#ifndef CORE_EXPORT_H
#define CORE_EXPORT_H

#include "services/core/call.h"

#define EXPORT_AFTER "@after"

enum err export_list(struct call *call) MUST_USE;

/* One cell. What a spreadsheet would take for a formula (= + - @ TAB CR first, behind any number of
   apostrophes) gets one apostrophe more; csv_plain takes exactly that one off again. */
void csv_put(struct buf *out, const char *data, size_t len);
const char *csv_plain(const char *cell) NEVER_NULL;

#endif
