#include "proto/resources.h"
#include "proto/rules.h"

static const char *const states[] = {"available", "out_of_order", "lost", NULL};

static const struct field fields[] = {
    {"id", F_ID, SORT},
    {"material_id", F_REF, REQUIRED | SORT, .ref = "material"},
    {"serial_number", F_TEXT, REQUIRED | SORT | SEARCH | UNIQUE, .min = 2, .max = 64,
     .chars = CHARS_SERIAL, .sort_sql = "core.fold(t.serial_number)"},
    {"state", F_ENUM, SORT | NOT_NULL, .values = states, .def = "available"},
    {"note", F_TEXT, 0, .max = 65535},
    {"created_at", F_TIME, READONLY | SORT},
    {"updated_at", F_TIME, READONLY | SORT},
    {"deleted_at", F_TIME, READONLY | SORT},
    {0},
};

static const struct param params[] = {
    {"material", "t.material_id = rentals.id_of(%s)", false, "only units of this material", F_TEXT},
    {"state", "t.state = %s", false, "available, out_of_order or lost", F_TEXT},
    {0},
};

/* Single pieces of a material, told apart by their serial number. They are kept beside the
   material's quantities and do not change them. */
const struct resource unit_resource = {
    .name = "unit",
    .path = "/api/units",
    .service = "rentals",
    .table = "rentals.units",
    .label = "Unit",
    .dialect = DIALECT_ROBERT,
    .lifecycle = DELETE_TWO_STEP,
    .scope = SCOPE_ORG,
    .order = "core.fold(t.serial_number), t.id",
    .read = ROLE_VISITOR,
    .write = ROLE_MEMBER,
    .remove = ROLE_MEMBER,
    .fields = fields,
    .params = params,
    .duplicate = "A unit with this serial_number exists already." IN_FRENCH(
        "Une unité porte déjà ce serial_number."),
    .summary = "A single piece of a material",
    .audit = true,
};
