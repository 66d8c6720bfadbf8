/*
 * crud.h - list, get, create, update, delete, restore: the only CRUD there is.
 *
 * Every function answers into call->reply. Writes expect to be inside the call's transaction
 * (service.c opens it). crud_item reads the row back as the dialect shows it.
 */
#ifndef CORE_CRUD_H
#define CORE_CRUD_H

#include "services/core/call.h"

enum err crud_list(struct call *call) MUST_USE;
enum err crud_get(struct call *call) MUST_USE;
enum err crud_create(struct call *call) MUST_USE;
enum err crud_update(struct call *call) MUST_USE;
enum err crud_delete(struct call *call) MUST_USE;
enum err crud_restore(struct call *call) MUST_USE;
/* The row as get shows it becomes the reply's data. Errors: NOT_FOUND, FORBIDDEN. */
enum err crud_item(struct call *call, int64_t id) MUST_USE;

#endif
