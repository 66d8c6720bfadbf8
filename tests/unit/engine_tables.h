/* engine_tables.h - a resource of every field type in each dialect, for tests of the engine. */
#ifndef TESTS_UNIT_ENGINE_TABLES_H
#define TESTS_UNIT_ENGINE_TABLES_H

#include "proto/resources.h"

static const char *const engine_states[] = {"open", "closed", NULL};

static const struct field engine_fields[] = {
    {"id", F_ID, SORT},
    {"name", F_TEXT, REQUIRED | SORT | SEARCH | FILTER, .min = 1, .max = 10},
    {"code", F_TEXT, FILTER | UNIQUE, .max = 5},
    {"email", F_EMAIL, SEARCH, .max = 50},
    {"site", F_URL, 0, .max = 60},
    {"color", F_COLOR, 0},
    {"zone", F_ZONE, 0},
    {"state", F_ENUM, NOT_NULL | FILTER | SORT, .values = engine_states, .def = "open"},
    {"amount", F_DECIMAL, SORT | RANGE, .min = 0, .max = 999, .scale = 2},
    {"price", F_DECIMAL, 0, .min = 0, .max = 999, .scale = 2, .as_text = true},
    {"count", F_INT, FILTER | RANGE, .min = 0, .max = 100},
    {"is_open", F_BOOL, NOT_NULL | FILTER, .def = "true"},
    {"day", F_DATE, RANGE | SORT},
    {"at", F_TIME, RANGE | SORT},
    {"parent_id", F_REF, FILTER, .ref = "tag"},
    {"notes", F_JSON, 0, .max = 100},
    {"secret", F_TEXT, WRITEONLY | EXACT, .max = 20},
    {"assigned_to", F_INT, FILTER, .min = 1, .max = INT64_MAX},
    {"upper", F_COMPUTED, READONLY, .sql = "upper(t.name)"},
    {"created_at", F_TIME, READONLY | SORT},
    {"updated_at", F_TIME, READONLY | SORT},
    {0},
};

static const struct relation engine_relations[] = {
    {"children", IN_ITEM, "(SELECT count(*) FROM public.things c WHERE c.parent_id = t.id)",
     ROLE_NONE},
    {"shadow", ON_REQUEST, "to_json(t.id)", ROLE_MANAGER},
    {0},
};

static const struct param engine_params[] = {
    {"parent", "t.parent_id = %s::bigint", false, "children of", F_INT},
    {"names", "t.name = ANY (%s)", true, "any of these names", F_TEXT},
    {"open", "t.is_open = %s::boolean", false, "true or false", F_BOOL},
    {0},
};

static const struct resource engine_thing = {
    .name = "unit_thing",
    .path = "/api/unit-things",
    .service = "crm",
    .table = "public.things",
    .label = "Unit thing",
    .dialect = DIALECT_LARAVEL,
    .lifecycle = DELETE_SOFT,
    .scope = SCOPE_ORG | SCOPE_ASSIGNEE,
    .order = "t.created_at DESC, t.id DESC",
    .read = ROLE_USER,
    .write = ROLE_USER,
    .remove = ROLE_USER,
    .fields = engine_fields,
    .relations = engine_relations,
    .params = engine_params,
    .audit = true,
};

/* The Robert dialect's rules. */
static const struct field engine_part_fields[] = {
    {"id", F_ID, SORT},
    {"name", F_TEXT, REQUIRED | SORT | SEARCH, .min = 2, .max = 10, .chars = CHARS_ALPHA},
    {"reference", F_TEXT, REQUIRED | SORT | SEARCH | UNIQUE, .min = 2, .max = 8,
     .chars = CHARS_REFERENCE},
    {"serial", F_TEXT, SEARCH_BY, .min = 2, .max = 8, .chars = CHARS_SERIAL},
    {"category_id", F_REF, REQUIRED, .ref = "category"},
    {"price", F_DECIMAL, REQUIRED, .min = 0, .max = 999999, .scale = 2},
    {"stock", F_INT, REQUIRED, .min = 0, .max = 100000},
    {"kind", F_ENUM, 0, .values = engine_states},
    {"phone", F_PHONE, 0},
    {"is_hidden", F_BOOL, NOT_NULL, .def = "false"},
    {"confirmed", F_BOOL, REQUIRED},
    {"start", F_TIME, REQUIRED},
    {"created_at", F_TIME, READONLY | SORT},
    {"updated_at", F_TIME, READONLY | SORT},
    {"deleted_at", F_TIME, READONLY},
    {0},
};

static const struct resource engine_part = {
    .name = "unit_part",
    .path = "/api/unit-parts",
    .service = "crm",
    .table = "public.parts",
    .label = "Unit part",
    .dialect = DIALECT_ROBERT,
    .lifecycle = DELETE_TWO_STEP,
    .scope = SCOPE_ORG,
    .order = "core.fold(t.name), t.id",
    .read = ROLE_VISITOR,
    .write = ROLE_MEMBER,
    .remove = ROLE_MEMBER,
    .fields = engine_part_fields,
};

#endif
