/*
 * The XML of a bill, looked at by ourselves (tests/ubl.sh has others look). Checked are
 * well-formedness, namespaces, the order and number of elements the schema wants, and the rules of
 * EN 16931 on sums (BR-CO-10 to BR-CO-16), VAT (BR-S-08) and mandatory terms (BR-01 to BR-16).
 */
#include <libxml/parser.h>
#include <libxml/xpath.h>
#include <libxml/xpathInternals.h>
#include <stdlib.h>

#include "services/billing/ubl.h"
#include "tests/unit/billing_sample.h"
#include "tests/unit/test.h"

#define UBL "urn:oasis:names:specification:ubl:schema:xsd:"

static struct arena *arena;
static xmlDocPtr document;
static xmlXPathContextPtr context;

static void name_space(const char *prefix, const char *address)
{
    assert_int_equal(xmlXPathRegisterNs(context, (const xmlChar *)prefix, (const xmlChar *)address),
                     0);
}

static void close_document(void)
{
    xmlXPathFreeContext(context);
    xmlFreeDoc(document);
    context = NULL;
    document = NULL;
}

static void open_document(const struct paper *paper, const char *root)
{
    struct slice xml;
    assert_int_equal(ubl_bill(arena, paper, &xml), ERR_OK);
    document = xmlReadMemory(xml.data, (int)xml.len, NULL, "UTF-8", XML_PARSE_NONET);
    assert_non_null(document);
    context = xmlXPathNewContext(document);
    name_space("u", arena_printf(arena, UBL "%s-2", root));
    name_space("cac", UBL "CommonAggregateComponents-2");
    name_space("cbc", UBL "CommonBasicComponents-2");
    assert_string_equal((const char *)xmlDocGetRootElement(document)->name, root);
}

/* A condition or text of XPath. */
static const char *ask(const char *expression)
{
    xmlXPathObjectPtr found = xmlXPathEvalExpression((const xmlChar *)expression, context);
    assert_non_null(found);
    xmlChar *text = xmlXPathCastToString(found);
    const char *kept = arena_strdup(arena, (const char *)text);
    xmlFree(text);
    xmlXPathFreeObject(found);
    return kept;
}

static void is(const char *expression, const char *wanted)
{
    const char *got = ask(expression);
    if (strcmp(got, wanted) != 0)
        fail_msg("%s is \"%s\", not \"%s\"", expression, got, wanted);
}

/* Cents of an amount; 0 for none. */
static long cents(const char *expression)
{
    const char *text = ask(expression), *point = strchr(text, '.');
    long whole = strtol(text, NULL, 10) * 100;
    if (point == NULL)
        return whole;
    assert_int_equal(strlen(point + 1), 2);
    long part = strtol(point + 1, NULL, 10);
    return text[0] == '-' ? whole - part : whole + part;
}

static long sum(const char *list)
{
    long total = 0;
    long n = strtol(ask(arena_printf(arena, "count(%s)", list)), NULL, 10);
    for (long i = 1; i <= n; i++)
        total += cents(arena_printf(arena, "string((%s)[%ld])", list, i));
    return total;
}

/* The children of an element in the order of the schema: each name given stands at or behind the
   one before. */
static void in_order(const char *parent, const char *const *names)
{
    long last = 0;
    for (size_t i = 0; names[i] != NULL; i++) {
        const char *first =
            arena_printf(arena, "count(%s/%s[1]/preceding-sibling::*)", parent, names[i]);
        if (strcmp(ask(arena_printf(arena, "count(%s/%s) > 0", parent, names[i])), "true") != 0)
            continue;
        long place = strtol(ask(first), NULL, 10);
        if (place < last)
            fail_msg("%s/%s comes too early", parent, names[i]);
        last = place;
    }
}

static const char *const root_order[] = {"cbc:CustomizationID",
                                         "cbc:ID",
                                         "cbc:IssueDate",
                                         "cbc:InvoiceTypeCode",
                                         "cbc:CreditNoteTypeCode",
                                         "cbc:Note",
                                         "cbc:DocumentCurrencyCode",
                                         "cac:InvoicePeriod",
                                         "cac:BillingReference",
                                         "cac:AccountingSupplierParty",
                                         "cac:AccountingCustomerParty",
                                         "cac:PaymentTerms",
                                         "cac:AllowanceCharge",
                                         "cac:TaxTotal",
                                         "cac:LegalMonetaryTotal",
                                         "cac:InvoiceLine",
                                         "cac:CreditNoteLine",
                                         NULL};
static const char *const party_order[] = {"cac:PostalAddress", "cac:PartyTaxScheme",
                                          "cac:PartyLegalEntity", "cac:Contact", NULL};
static const char *const address_order[] = {"cbc:StreetName", "cbc:CityName", "cbc:PostalZone",
                                            "cac:Country", NULL};
static const char *const total_order[] = {"cbc:LineExtensionAmount",
                                          "cbc:TaxExclusiveAmount",
                                          "cbc:TaxInclusiveAmount",
                                          "cbc:AllowanceTotalAmount",
                                          "cbc:ChargeTotalAmount",
                                          "cbc:PayableAmount",
                                          NULL};
static const char *const line_order[] = {"cbc:ID",
                                         "cbc:InvoicedQuantity",
                                         "cbc:CreditedQuantity",
                                         "cbc:LineExtensionAmount",
                                         "cac:Item",
                                         "cac:Price",
                                         NULL};

static void check_sums(void)
{
#define TOTAL(name) cents("string(//cac:LegalMonetaryTotal/cbc:" name ")")
    long lines = TOTAL("LineExtensionAmount"), net = TOTAL("TaxExclusiveAmount");
    long gross = TOTAL("TaxInclusiveAmount");
    long allowances = TOTAL("AllowanceTotalAmount"), charges = TOTAL("ChargeTotalAmount");
    long vat = cents("string(/*/cac:TaxTotal/cbc:TaxAmount)");
    assert_int_equal(sum("/*/*/cbc:LineExtensionAmount[parent::cac:InvoiceLine or"
                         " parent::cac:CreditNoteLine]"),
                     lines);
    assert_int_equal(sum("/*/cac:AllowanceCharge[cbc:ChargeIndicator='false']/cbc:Amount"),
                     allowances);
    assert_int_equal(sum("/*/cac:AllowanceCharge[cbc:ChargeIndicator='true']/cbc:Amount"), charges);
    assert_int_equal(lines - allowances + charges, net);
    assert_int_equal(net + vat, gross);
    assert_int_equal(gross, TOTAL("PayableAmount"));
    assert_int_equal(net, sum("//cac:TaxSubtotal/cbc:TaxableAmount"));
    assert_int_equal(vat, sum("//cac:TaxSubtotal/cbc:TaxAmount"));
#undef TOTAL
}

static void check_shape(const char *line)
{
    in_order("/*", root_order);
    in_order("//cac:AccountingSupplierParty/cac:Party", party_order);
    in_order("//cac:AccountingCustomerParty/cac:Party", party_order);
    in_order("//cac:AccountingSupplierParty/cac:Party/cac:PostalAddress", address_order);
    in_order("//cac:LegalMonetaryTotal", total_order);
    in_order(arena_printf(arena, "/*/%s[1]", line), line_order);
    static const char *const once[] = {
        "cbc:CustomizationID",
        "cbc:ID",
        "cbc:IssueDate",
        "cbc:DocumentCurrencyCode",
        "cac:AccountingSupplierParty/cac:Party/cac:PartyLegalEntity/cbc:RegistrationName",
        "cac:AccountingCustomerParty/cac:Party/cac:PartyLegalEntity/cbc:RegistrationName",
        "cac:AccountingSupplierParty/cac:Party/cac:PostalAddress",
        "cac:AccountingCustomerParty/cac:Party/cac:PostalAddress",
        "cac:LegalMonetaryTotal",
        "cac:TaxTotal"};
    for (size_t i = 0; i < COUNT_OF(once); i++)
        is(arena_printf(arena, "count(/*/%s)", once[i]), "1");
    is(arena_printf(arena, "count(/*/%s) >= 1", line), "true");
    /* Every amount names its currency; nothing is empty. */
    is("count(//cbc:*[contains(local-name(), 'Amount')][not(@currencyID)])", "0");
    is("count(//*[not(*) and not(normalize-space())])", "0");
    is(arena_printf(arena,
                    "count(/*/%s[not(cbc:ID and cac:Item/cbc:Name and cac:Price/cbc:PriceAmount"
                    " and cac:Item/cac:ClassifiedTaxCategory/cac:TaxScheme/cbc:ID)])",
                    line),
       "0");
}

static void test_the_document_adds_up(void **state)
{
    (void)state;
    struct paper paper = sample_paper();
    open_document(&paper, "Invoice");
    check_shape("cac:InvoiceLine");
    check_sums();
    is("string(/*/cbc:InvoiceTypeCode)", "380");
    is("string(//cac:LegalMonetaryTotal/cbc:PayableAmount)", "171.99");
    is("string(//cac:AccountingSupplierParty//cbc:IdentificationCode)", "FR");
    is("string(//cac:AccountingSupplierParty//cbc:CompanyID)", "FR32123456789");
    is("string(//cac:TaxSubtotal/cac:TaxCategory/cbc:ID)", "S");
    is("string(/*/cbc:Note)", "Concert & <bal> – שלום");
    is("count(/*/cac:InvoiceLine)", "3");
    close_document();
}

static void test_a_credit_note_is_positive_and_names_its_bill(void **state)
{
    (void)state;
    const struct pair changes[] = {
        {"kind", "credit_note"},        {"credits_number", "2020-00001"},
        {"credits_date", "2020-02-12"}, {"due_amount", "-171.99"},
        {"vat_amount", "-28.66"},       {"total_without_taxes", "-143.33"},
        {"lines_total", "-159.25"},     {0}};
    struct paper paper = sample_changed(arena, changes);
    struct paper_line lines[] = {sample_lines[0], sample_lines[1], sample_lines[2]};
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        lines[i].quantity = arena_printf(arena, "-%s", lines[i].quantity);
        lines[i].period_total = arena_printf(arena, "-%s", lines[i].period_total);
    }
    paper.lines = lines;
    open_document(&paper, "CreditNote");
    check_shape("cac:CreditNoteLine");
    check_sums();
    is("string(/*/cbc:CreditNoteTypeCode)", "381");
    is("string(//cac:InvoiceDocumentReference/cbc:ID)", "2020-00001");
    is("count(//*[starts-with(text(), '-')])", "0");
    close_document();
}

/* A line that takes something off: no price is negative (BR-27), the quantity is. */
static void test_a_negative_price_keeps_its_sign(void **state)
{
    (void)state;
    struct pair changes[] = {{"kind", "bill"},
                             {"lines_total", "106.75"},
                             {"due_amount", "109.00"},
                             {"total_without_taxes", "90.83"},
                             {"vat_amount", "18.17"},
                             {"credits_number", "2020-00001"},
                             {"credits_date", "2020-02-12"},
                             {0}};
    struct paper_line lines[] = {sample_lines[0], sample_lines[1], sample_lines[2]};
    lines[1].period_price = "-26.25";
    lines[1].period_total = "-26.25";
    for (int credit = 0; credit <= 1; credit++) {
        if (credit) {
            for (size_t i = 0; i < COUNT_OF(lines); i++)
                lines[i].quantity = arena_printf(arena, "-%s", lines[i].quantity);
            lines[0].period_total = "-129.50";
            lines[1].period_total = "26.25";
            lines[2].period_total = "-3.50";
            changes[0].value = "credit_note";
            for (size_t i = 1; i <= 4; i++)
                changes[i].value = arena_printf(arena, "-%s", changes[i].value);
        }
        struct paper paper = sample_changed(arena, changes);
        paper.lines = lines;
        open_document(&paper, credit ? "CreditNote" : "Invoice");
        check_shape(credit ? "cac:CreditNoteLine" : "cac:InvoiceLine");
        check_sums();
        is("string((//cac:Price)[2]/cbc:PriceAmount)", "26.25");
        is("string((/*/*[cac:Price])[2]/*[2])", "-1");
        is("string((/*/*[cac:Price])[2]/cbc:LineExtensionAmount)", "-26.25");
        close_document();
    }
}

static void test_no_vat_means_outside_of_it(void **state)
{
    (void)state;
    const struct pair changes[] = {{"vat_rate", "0"},
                                   {"vat_amount", "0.00"},
                                   {"due_amount", "143.33"},
                                   {"seller_vat_number", ""},
                                   {0}};
    struct paper paper = sample_changed(arena, changes);
    paper.lines_n = 0;
    open_document(&paper, "Invoice");
    is("string(//cac:TaxSubtotal/cac:TaxCategory/cbc:ID)", "O");
    is("string(//cac:TaxSubtotal//cbc:TaxExemptionReasonCode)", "VATEX-EU-O");
    is("count(//cbc:Percent)", "0");
    is("count(//cac:PartyTaxScheme)", "0");
    is("count(/*/cac:InvoiceLine)", "1"); /* the standard wants one */
    close_document();
}

static void test_what_xml_cannot_hold_is_left_out(void **state)
{
    (void)state;
    const struct pair changes[] = {{"event_title", "a\x01z\xef\xbf\xbe\xef\xbf\xbf\xef\xbf\xbd"},
                                   {"seller_phone", "\x02\xef\xbf\xbe"},
                                   {"seller_legal_numbers", "SIRET 1"},
                                   {0}};
    struct paper paper = sample_changed(arena, changes);
    open_document(&paper, "Invoice");
    is("string(/*/cbc:Note)", "az\xef\xbf\xbd");
    is("count(//cac:AccountingSupplierParty//cbc:Telephone)", "0");
    is("string(//cac:AccountingSupplierParty//cac:PartyLegalEntity/cbc:CompanyID)", "SIRET 1");
    close_document();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_xml_cannot_hold_is_left_out),
        cmocka_unit_test(test_the_document_adds_up),
        cmocka_unit_test(test_a_credit_note_is_positive_and_names_its_bill),
        cmocka_unit_test(test_a_negative_price_keeps_its_sign),
        cmocka_unit_test(test_no_vat_means_outside_of_it),
    };
    arena = arena_new(1 << 18);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_destroy(arena);
    xmlCleanupParser();
    return failed;
}
