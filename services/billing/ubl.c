#include "services/billing/ubl.h"

#include <libxml/xmlwriter.h>
#include <string.h>

#define UBL "urn:oasis:names:specification:ubl:schema:xsd:"

struct ubl {
    struct arena *arena;
    const struct paper *paper;
    xmlTextWriterPtr writer;
    bool credit;
    const char *category; /* of VAT: S taxed, Z zero rate, O outside VAT */
    bool failed;
};

static const xmlChar *x(const char *text) { return (const xmlChar *)text; }

static void check(struct ubl *ubl, int written) { ubl->failed = ubl->failed || written < 0; }

static void open_tag(struct ubl *ubl, const char *name)
{
    check(ubl, xmlTextWriterStartElement(ubl->writer, x(name)));
}

static void close_tag(struct ubl *ubl) { check(ubl, xmlTextWriterEndElement(ubl->writer)); }

static void attribute(struct ubl *ubl, const char *name, const char *value)
{
    check(ubl, xmlTextWriterWriteAttribute(ubl->writer, x(name), x(value)));
}

/* How many bytes at at XML cannot hold: a control character, U+FFFE or U+FFFF. */
static size_t unfit(const char *at)
{
    if (strncmp(at, "\xef\xbf\xbe", 3) == 0 || strncmp(at, "\xef\xbf\xbf", 3) == 0)
        return 3;
    return (unsigned char)*at >= 0x20 || strchr("\t\n\r", *at) != NULL ? 0 : 1;
}

/* Characters that XML cannot hold are left out; nothing is written for an empty text. */
static void text(struct ubl *ubl, const char *name, const char *value)
{
    char *clean = arena_strdup(ubl->arena, value), *to = clean;
    for (const char *at = value; *at != '\0';) {
        size_t skipped = unfit(at);
        if (skipped == 0)
            *to++ = *at++;
        at += skipped;
    }
    *to = '\0';
    if (clean[0] != '\0')
        check(ubl, xmlTextWriterWriteElement(ubl->writer, x(name), x(clean)));
}

static const char *fact(const struct ubl *ubl, const char *name)
{
    return paper_fact(ubl->paper, name);
}

static bool is_zero(const char *amount) { return strpbrk(amount, "123456789") == NULL; }

static const char *negated(const struct ubl *ubl, const char *amount)
{
    if (amount[0] == '-')
        return amount + 1;
    return is_zero(amount) ? amount : arena_printf(ubl->arena, "-%s", amount);
}

/* A credit note says by its type that money goes back: what its row takes back is positive. Of an
   invoice the amounts stay as they are, those of a line with a negative price as well. */
static const char *turned(const struct ubl *ubl, const char *amount)
{
    return ubl->credit ? negated(ubl, amount) : amount;
}

static void amount(struct ubl *ubl, const char *name, const char *value)
{
    open_tag(ubl, name);
    attribute(ubl, "currencyID", fact(ubl, "currency"));
    check(ubl, xmlTextWriterWriteString(ubl->writer, x(value)));
    close_tag(ubl);
}

static void total(struct ubl *ubl, const char *name, const char *of)
{
    amount(ubl, name, turned(ubl, fact(ubl, of)));
}

static const char *day(const struct ubl *ubl, const char *name)
{
    const char *value = fact(ubl, name);
    return arena_strndup(ubl->arena, value, strlen(value) < 10 ? strlen(value) : 10);
}

static void vat_scheme(struct ubl *ubl)
{
    open_tag(ubl, "cac:TaxScheme");
    text(ubl, "cbc:ID", "VAT");
    close_tag(ubl);
}

static void category(struct ubl *ubl, const char *tag, bool says_why)
{
    bool outside = strcmp(ubl->category, "O") == 0;
    open_tag(ubl, tag);
    text(ubl, "cbc:ID", ubl->category);
    if (!outside)
        text(ubl, "cbc:Percent", fact(ubl, "vat_rate"));
    else if (says_why)
        text(ubl, "cbc:TaxExemptionReasonCode", "VATEX-EU-O");
    vat_scheme(ubl);
    close_tag(ubl);
}

struct party {
    const char *name, *street, *city, *zone, *country, *vat, *legal, *phone, *email, *contact;
};

static void address(struct ubl *ubl, const struct party *p)
{
    open_tag(ubl, "cac:PostalAddress");
    text(ubl, "cbc:StreetName", p->street);
    text(ubl, "cbc:CityName", p->city);
    text(ubl, "cbc:PostalZone", p->zone);
    if (p->country[0] != '\0') {
        open_tag(ubl, "cac:Country");
        text(ubl, "cbc:IdentificationCode", p->country);
        close_tag(ubl);
    }
    close_tag(ubl);
}

static void contact(struct ubl *ubl, const struct party *p)
{
    if (p->contact[0] == '\0' && p->phone[0] == '\0' && p->email[0] == '\0')
        return;
    open_tag(ubl, "cac:Contact");
    text(ubl, "cbc:Name", p->contact);
    text(ubl, "cbc:Telephone", p->phone);
    text(ubl, "cbc:ElectronicMail", p->email);
    close_tag(ubl);
}

static void put_party(struct ubl *ubl, const char *tag, const struct party *p)
{
    open_tag(ubl, tag);
    open_tag(ubl, "cac:Party");
    address(ubl, p);
    if (p->vat[0] != '\0' && strcmp(ubl->category, "O") != 0) {
        open_tag(ubl, "cac:PartyTaxScheme");
        text(ubl, "cbc:CompanyID", p->vat);
        vat_scheme(ubl);
        close_tag(ubl);
    }
    open_tag(ubl, "cac:PartyLegalEntity");
    text(ubl, "cbc:RegistrationName", p->name);
    text(ubl, "cbc:CompanyID", p->legal);
    close_tag(ubl);
    contact(ubl, p);
    close_tag(ubl);
    close_tag(ubl);
}

static void parties(struct ubl *ubl)
{
    const char *company = fact(ubl, "buyer_company"), *person = fact(ubl, "buyer_name");
    const struct party seller = {.name = fact(ubl, "seller_name"),
                                 .street = fact(ubl, "seller_street"),
                                 .city = fact(ubl, "seller_locality"),
                                 .zone = fact(ubl, "seller_postal_code"),
                                 .country = fact(ubl, "seller_country"),
                                 .vat = fact(ubl, "seller_vat_number"),
                                 .legal = fact(ubl, "seller_legal_numbers"),
                                 .phone = fact(ubl, "seller_phone"),
                                 .email = fact(ubl, "seller_billing_email"),
                                 .contact = ""};
    const struct party buyer = {.name = company[0] != '\0' ? company : person,
                                .street = fact(ubl, "buyer_street"),
                                .city = fact(ubl, "buyer_locality"),
                                .zone = fact(ubl, "buyer_postal_code"),
                                .country = fact(ubl, "buyer_country_code"),
                                .vat = fact(ubl, "buyer_vat"),
                                .legal = "",
                                .phone = fact(ubl, "buyer_phone"),
                                .email = fact(ubl, "buyer_email"),
                                .contact = company[0] != '\0' ? person : ""};
    put_party(ubl, "cac:AccountingSupplierParty", &seller);
    put_party(ubl, "cac:AccountingCustomerParty", &buyer);
}

static void adjust(struct ubl *ubl, bool charge, const char *reason, const char *value)
{
    if (is_zero(value))
        return;
    bool discount = !charge && strcmp(reason, "Discount") == 0;
    open_tag(ubl, "cac:AllowanceCharge");
    text(ubl, "cbc:ChargeIndicator", charge ? "true" : "false");
    if (discount)
        text(ubl, "cbc:AllowanceChargeReasonCode", "95");
    text(ubl, "cbc:AllowanceChargeReason", reason);
    amount(ubl, "cbc:Amount", value);
    category(ubl, "cac:TaxCategory", false);
    close_tag(ubl);
}

static void taxes(struct ubl *ubl)
{
    open_tag(ubl, "cac:TaxTotal");
    total(ubl, "cbc:TaxAmount", "vat_amount");
    open_tag(ubl, "cac:TaxSubtotal");
    total(ubl, "cbc:TaxableAmount", "total_without_taxes");
    total(ubl, "cbc:TaxAmount", "vat_amount");
    category(ubl, "cac:TaxCategory", true);
    close_tag(ubl);
    close_tag(ubl);
}

static void totals(struct ubl *ubl)
{
    open_tag(ubl, "cac:LegalMonetaryTotal");
    total(ubl, "cbc:LineExtensionAmount", "lines_total");
    total(ubl, "cbc:TaxExclusiveAmount", "total_without_taxes");
    total(ubl, "cbc:TaxInclusiveAmount", "due_amount");
    amount(ubl, "cbc:AllowanceTotalAmount", fact(ubl, "allowances"));
    amount(ubl, "cbc:ChargeTotalAmount", fact(ubl, "charges"));
    total(ubl, "cbc:PayableAmount", "due_amount");
    close_tag(ubl);
}

/* No price of the standard is negative (BR-27): then the quantity is. */
static void put_line(struct ubl *ubl, size_t number, const struct paper_line *line)
{
    const char *quantity = turned(ubl, line->quantity);
    bool gives = line->period_price[0] == '-';
    open_tag(ubl, ubl->credit ? "cac:CreditNoteLine" : "cac:InvoiceLine");
    text(ubl, "cbc:ID", arena_printf(ubl->arena, "%zu", number));
    open_tag(ubl, ubl->credit ? "cbc:CreditedQuantity" : "cbc:InvoicedQuantity");
    attribute(ubl, "unitCode", "C62"); /* "one", UN/ECE recommendation 20 */
    check(ubl, xmlTextWriterWriteString(ubl->writer, x(gives ? negated(ubl, quantity) : quantity)));
    close_tag(ubl);
    amount(ubl, "cbc:LineExtensionAmount", turned(ubl, line->period_total));
    open_tag(ubl, "cac:Item");
    text(ubl, "cbc:Name", line->name);
    if (line->reference[0] != '\0') {
        open_tag(ubl, "cac:SellersItemIdentification");
        text(ubl, "cbc:ID", line->reference);
        close_tag(ubl);
    }
    category(ubl, "cac:ClassifiedTaxCategory", false);
    close_tag(ubl);
    open_tag(ubl, "cac:Price");
    amount(ubl, "cbc:PriceAmount", gives ? negated(ubl, line->period_price) : line->period_price);
    close_tag(ubl);
    close_tag(ubl);
}

/* The standard wants a line at least. */
static void lines(struct ubl *ubl)
{
    const struct paper_line none = {.name = fact(ubl, "event_title"),
                                    .reference = "",
                                    .quantity = ubl->credit ? "-1" : "1",
                                    .period_price = "0",
                                    .period_total = "0.00"};
    for (size_t i = 0; i < ubl->paper->lines_n; i++)
        put_line(ubl, i + 1, &ubl->paper->lines[i]);
    if (ubl->paper->lines_n == 0)
        put_line(ubl, 1, &none);
}

static void credited(struct ubl *ubl)
{
    if (!ubl->credit)
        return;
    open_tag(ubl, "cac:BillingReference");
    open_tag(ubl, "cac:InvoiceDocumentReference");
    text(ubl, "cbc:ID", fact(ubl, "credits_number"));
    text(ubl, "cbc:IssueDate", fact(ubl, "credits_date"));
    close_tag(ubl);
    close_tag(ubl);
}

static void head(struct ubl *ubl)
{
    text(ubl, "cbc:CustomizationID", "urn:cen.eu:en16931:2017");
    text(ubl, "cbc:ID", fact(ubl, "number"));
    text(ubl, "cbc:IssueDate", day(ubl, "date"));
    text(ubl, ubl->credit ? "cbc:CreditNoteTypeCode" : "cbc:InvoiceTypeCode",
         ubl->credit ? "381" : "380");
    text(ubl, "cbc:Note", fact(ubl, "event_title"));
    text(ubl, "cbc:DocumentCurrencyCode", fact(ubl, "currency"));
    open_tag(ubl, "cac:InvoicePeriod");
    text(ubl, "cbc:StartDate", day(ubl, "start"));
    text(ubl, "cbc:EndDate", day(ubl, "end"));
    close_tag(ubl);
    credited(ubl);
}

static void document(struct ubl *ubl)
{
    const char *root = ubl->credit ? "CreditNote" : "Invoice";
    open_tag(ubl, root);
    attribute(ubl, "xmlns", arena_printf(ubl->arena, UBL "%s-2", root));
    attribute(ubl, "xmlns:cac", UBL "CommonAggregateComponents-2");
    attribute(ubl, "xmlns:cbc", UBL "CommonBasicComponents-2");
    head(ubl);
    parties(ubl);
    open_tag(ubl, "cac:PaymentTerms");
    text(ubl, "cbc:Note", "Due on receipt");
    close_tag(ubl);
    adjust(ubl, paper_is(ubl->paper, "discount_is_charge", "true"), "Discount",
           fact(ubl, "period_discount"));
    adjust(ubl, paper_is(ubl->paper, "rounding_is_charge", "true"), "Rounding",
           fact(ubl, "rounding"));
    taxes(ubl);
    totals(ubl);
    lines(ubl);
    close_tag(ubl);
}

enum err ubl_bill(struct arena *arena, const struct paper *paper, struct slice *out)
{
    struct ubl ubl = {.arena = arena, .paper = paper};
    bool taxed = !is_zero(paper_fact(paper, "vat_rate"));
    ubl.credit = paper_is(paper, "kind", "credit_note");
    ubl.category = taxed ? "S" : paper_is(paper, "seller_vat_number", "") ? "O" : "Z";
    xmlBufferPtr bytes = xmlBufferCreate();
    ubl.writer = bytes == NULL ? NULL : xmlNewTextWriterMemory(bytes, 0);
    if (ubl.writer == NULL) {
        xmlBufferFree(bytes);
        return ERR_INTERNAL;
    }
    xmlTextWriterSetIndent(ubl.writer, 1);
    check(&ubl, xmlTextWriterStartDocument(ubl.writer, "1.0", "UTF-8", NULL));
    document(&ubl);
    check(&ubl, xmlTextWriterEndDocument(ubl.writer));
    xmlFreeTextWriter(ubl.writer); /* writes what it still holds */
    size_t len = (size_t)xmlBufferLength(bytes);
    *out = (struct slice){arena_strndup(arena, (const char *)xmlBufferContent(bytes), len), len};
    xmlBufferFree(bytes);
    return ubl.failed ? ERR_INTERNAL : ERR_OK;
}
