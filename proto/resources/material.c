#include "proto/resources.h"
#include "proto/rules.h"

enum { PRICE_MAX = 999999, STOCK_MAX = 100000 };

static const struct field fields[] = {
    {"id", F_ID, SORT},
    {"name", F_TEXT, REQUIRED | SORT | SEARCH, .min = 2, .max = 255,
     .sort_sql = "core.fold(t.name)"},
    {"description", F_TEXT, SORT, .max = 65535},
    {"reference", F_TEXT, REQUIRED | SORT | SEARCH | UNIQUE, .min = 2, .max = 64,
     .chars = CHARS_REFERENCE, .sort_sql = "core.fold(t.reference)"},
    {"park_id", F_REF, REQUIRED | SORT, .ref = "park"},
    {"category_id", F_REF, REQUIRED | SORT, .ref = "category"},
    {"sub_category_id", F_REF, SORT, .ref = "subcategory"},
    {"rental_price", F_DECIMAL, REQUIRED | SORT, .min = -PRICE_MAX, .max = PRICE_MAX, .scale = 2},
    {"stock_quantity", F_INT, REQUIRED | SORT, .min = INT64_MIN, .max = STOCK_MAX},
    {"out_of_order_quantity", F_INT, SORT, .min = INT64_MIN, .max = STOCK_MAX},
    {"replacement_price", F_DECIMAL, SORT, .min = -PRICE_MAX, .max = PRICE_MAX, .scale = 2},
    {"serial_number", F_TEXT, SORT, .min = 2, .max = 64, .chars = CHARS_SERIAL},
    {"is_hidden_on_bill", F_BOOL, SORT | NOT_NULL, .def = "false"},
    {"is_discountable", F_BOOL, SORT | NOT_NULL, .def = "true"},
    {"note", F_TEXT, 0, .max = 65535},
    {"created_at", F_TIME, READONLY | SORT},
    {"updated_at", F_TIME, READONLY | SORT},
    {"deleted_at", F_TIME, READONLY | SORT},
    {0},
};

enum { EVERYWHERE = IN_LIST | IN_ITEM | IN_WRITE };

/* What it belongs to: document 003 prints the three in its answers to create and update. */
#define NAMED(what, more, table, column)                                                           \
    {                                                                                              \
        what, IN_CHANGE,                                                                           \
            "SELECT json_build_object('id', x.id, 'name', x.name" more ") FROM " table             \
            " x WHERE x.organization_id = t.organization_id AND x.id = t." column                  \
            " AND x.deleted_at IS NULL",                                                           \
            ROLE_NONE                                                                              \
    }

static const struct relation relations[] = {
    NAMED("park", "", "rentals.parks", "park_id"),
    NAMED("category", "", "rentals.categories", "category_id"),
    NAMED("sub_category", ", 'category_id', x.category_id", "rentals.sub_categories",
          "sub_category_id"),
    {"tags", EVERYWHERE,
     "SELECT coalesce(json_agg(json_build_object('id', g.id, 'name', g.name)"
     " ORDER BY mt.position, g.id), '[]') FROM rentals.material_tags mt"
     " JOIN crm.tag_card g ON g.id = mt.tag_id WHERE mt.organization_id = t.organization_id"
     " AND mt.material_id = t.id AND g.deleted_at IS NULL",
     ROLE_NONE},
    {"attributes", EVERYWHERE,
     "SELECT coalesce(json_agg(json_build_object('id', a.id, 'name', a.name, 'type', a.type,"
     " 'unit', a.unit, 'value', rentals.attribute_value(a.type, ma.value))"
     " ORDER BY ma.position, a.id), '[]') FROM rentals.material_attributes ma"
     " JOIN rentals.attributes a ON a.organization_id = ma.organization_id"
     " AND a.id = ma.attribute_id WHERE ma.organization_id = t.organization_id"
     " AND ma.material_id = t.id AND a.deleted_at IS NULL",
     ROLE_NONE},
    {0},
};

/* "0" switches a filter off; what is no number matches nothing. */
#define WITH_ID(column) column " = coalesce(nullif(rentals.id_of(%s), 0), " column ")"
#define TAGGED          "rentals.material_tagged(t.id, %s::text[])"

static const struct param params[] = {
    {"park", WITH_ID("t.park_id"), false, "only materials of this park", F_TEXT},
    {"category", WITH_ID("t.category_id"), false, "only materials of this category", F_TEXT},
    {"subCategory",
     "coalesce(t.sub_category_id, 0) = coalesce(nullif(rentals.id_of(%s), 0),"
     " t.sub_category_id, 0)",
     false, "only materials of this sub-category", F_TEXT},
    {"tags", TAGGED, true, "only materials with any of these tags", F_TEXT},
    {"tag", TAGGED, true, "the same as tags", F_TEXT},
    {"onlySelectedInEvent",
     "EXISTS (SELECT FROM rentals.event_materials em WHERE em.organization_id = core.org()"
     " AND em.event_id = rentals.id_of(%s) AND em.material_id = t.id)",
     false, "only materials that this event books", F_TEXT},
    {"whileEvent", NULL, false, "adds remaining_quantity during this event", F_TEXT},
    {0},
};

static const struct action actions[] = {
    {"GET", "/attributes", "attribute_list", ROLE_VISITOR, "Every attribute of materials",
     ACTION_RAW},
    {"GET", "/{id}/tags", "material_tags", ROLE_VISITOR, "Tags of a material", ACTION_RAW},
    {0},
};

/* What is rented. Source: seed 003, "Materials"; rentals.md 4.9. */
const struct resource material_resource = {
    .name = "material",
    .path = "/api/materials",
    .service = "rentals",
    .table = "rentals.materials",
    .label = "Material",
    .dialect = DIALECT_ROBERT,
    .lifecycle = DELETE_TWO_STEP,
    .scope = SCOPE_ORG,
    .order = "core.fold(t.name), t.id",
    .read = ROLE_VISITOR,
    .write = ROLE_MEMBER,
    .remove = ROLE_MEMBER,
    .fields = fields,
    .relations = relations,
    .params = params,
    .actions = actions,
    .custom = "materials",
    .search_sql = "t.search_text",
    .duplicate = "A material with this reference exists already." IN_FRENCH(
        "Un matériel porte déjà cette référence."),
    .summary = "What is rented out",
    .audit = true,
};
