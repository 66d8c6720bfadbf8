#include "proto/resources.h"

static const struct field fields[] = {
    {"id", F_ID, SORT},
    {"number", F_TEXT, READONLY | SORT | SEARCH},
    {"date", F_TIME, READONLY | SORT | RANGE},
    {"event_id", F_INT, READONLY | FILTER},
    {"beneficiary_id", F_INT, READONLY | FILTER},
    {"materials", F_JSON, READONLY, .sql = "billing.bill_materials(t.materials)"},
    {"degressive_rate", F_DECIMAL, READONLY, .sql = "trim_scale(round(t.degressive_rate, 4))"},
    {"discount_rate", F_DECIMAL, READONLY},
    {"vat_rate", F_DECIMAL, READONLY},
    {"due_amount", F_DECIMAL, READONLY | SORT | RANGE},
    {"replacement_amount", F_DECIMAL, READONLY},
    {"currency", F_TEXT, READONLY},
    {"user_id", F_INT, READONLY},
    {"total_without_taxes", F_DECIMAL, READONLY},
    {"vat_amount", F_DECIMAL, READONLY},
    {"kind", F_TEXT, READONLY | FILTER},
    {"credits_bill_id", F_INT, READONLY | FILTER},
    {"final_number", F_TEXT, READONLY | SORT | FILTER | SEARCH_BY},
    {"finalized_at", F_TIME, READONLY | SORT | RANGE},
    {"created_at", F_TIME, READONLY | SORT},
    {"updated_at", F_TIME, READONLY | SORT},
    {"deleted_at", F_TIME, READONLY},
    /* Last: services/billing/link.c fills it in, in rows that end with null. */
    {"pdf_url", F_TEXT, READONLY, .sql = "NULL::text"},
    {0},
};

static const struct action actions[] = {
    {"GET", "/{id}/pdf", "pdf", ROLE_NONE, "The bill as a PDF",
     ACTION_PUBLIC | ACTION_RAW | ACTION_SLOW},
    {"GET", "/{id}/ubl", "ubl", ROLE_USER, "The bill as UBL 2.1 XML (EN 16931)",
     ACTION_RAW | ACTION_SLOW},
    {"POST", "/{id}/finalize", "finalize", ROLE_MANAGER,
     "Give the bill its final, gap-free invoice number", 0},
    {"POST", "/{id}/credit-note", "credit_note", ROLE_MANAGER, "Credit a finalized bill in full",
     ACTION_CREATED},
    {0},
};

/* Bills of rental events. Source: seed 003, "Bills"; rentals.md 4.12; decisions.md 6 and 8. */
const struct resource bill_resource = {
    .name = "bill",
    .path = "/api/bills",
    .service = "billing",
    .table = "billing.bills",
    .label = "Bill",
    .dialect = DIALECT_ROBERT,
    .lifecycle = DELETE_TWO_STEP,
    .scope = SCOPE_ORG,
    .without = NO_CREATE | NO_UPDATE,
    .order = "t.id DESC",
    .read = ROLE_USER,
    .write = ROLE_MEMBER,
    .remove = ROLE_MANAGER,
    .fields = fields,
    .actions = actions,
    .summary = "What an event costs its beneficiary",
    .audit = true,
};
