/* lists.h - pages of what hangs below a row, and searches by name. */
#ifndef CRM_LISTS_H
#define CRM_LISTS_H

#include "services/core/call.h"

/* Is the row of the route there and visible? Leaves nothing in the reply when it is. Errors:
   NOT_FOUND, FORBIDDEN. */
enum err list_parent(struct call *call) MUST_USE;

/* The row of the route must be there and visible; then the page that `function` (a constant name:
   crm.tag_persons …) gives for it becomes the reply. narrowed: the function's second argument is
   the user whose rows alone may show, or NULL. Errors: NOT_FOUND, FORBIDDEN. */
enum err list_below(struct call *call, const char *function, bool narrowed) MUST_USE;

/* crud_list with the value of the parameter `name` as its search. */
enum err list_search(struct call *call, const char *name) MUST_USE;

#endif
