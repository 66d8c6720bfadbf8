/* billing_sample.h - bills as papers, for the tests of what prints them. */
#ifndef TESTS_UNIT_BILLING_SAMPLE_H
#define TESTS_UNIT_BILLING_SAMPLE_H

#include "services/billing/paper.h"

static const struct pair sample_facts[] = {
    {"number", "20200212-00001"},
    {"internal_number", "20200212-00001"},
    {"kind", "bill"},
    {"is_final", "false"},
    {"language", "FR"},
    {"currency", "EUR"},
    {"date", "2020-02-12"},
    {"made_at", "2020-02-12T09:45:46Z"},
    {"event_title", "Concert & <bal> \xe2\x80\x93 \xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d"},
    {"event_location", "Vizille"},
    {"start", "2020-02-12 00:00:00"},
    {"end", "2020-02-13 23:59:59"},
    {"days", "2"},
    {"rate", "1.75"},
    {"discount_rate", "10"},
    {"vat_rate", "20"},
    {"daily", "91.00"},
    {"discountable", "91.00"},
    {"discount", "9.10"},
    {"daily_net", "81.90"},
    {"daily_vat", "16.38"},
    {"daily_with_taxes", "98.28"},
    {"total_without_taxes", "143.33"},
    {"vat_amount", "28.66"},
    {"due_amount", "171.99"},
    {"replacement_amount", "7010.00"},
    {"period_discount", "15.93"},
    {"lines_total", "159.25"},
    {"rounding", "0.01"},
    {"rounding_is_charge", "true"},
    {"allowances", "15.93"},
    {"charges", "0.01"},
    {"seller_name", "Lumi\xc3\xa8re & Son SARL"},
    {"seller_street", "12 rue des \xc3\x89"
                      "coles"},
    {"seller_postal_code", "38000"},
    {"seller_locality", "Grenoble"},
    {"seller_country", "FR"},
    {"seller_country_name", "France"},
    {"seller_phone", "+33 4 76 00 00 00"},
    {"seller_billing_email", "compta@example.org"},
    {"seller_vat_number", "FR32123456789"},
    {"seller_legal_numbers", "SIRET 123 456 789 00012"},
    {"buyer_name", "B\xc3\xa9n\xc3\xa9"
                   "dicte Dupr\xc3\xa9"},
    {"buyer_company", "Th\xc3\xa9\xc3\xa2tre de l\xe2\x80\x99\xc3\x89toile"},
    {"buyer_street", "1 place du March\xc3\xa9"},
    {"buyer_postal_code", "69001"},
    {"buyer_locality", "Lyon"},
    {"buyer_country", "France"},
    {"buyer_country_code", "FR"},
    {"buyer_vat", "FR40303265045"},
};

static const struct paper_line sample_lines[] = {
    {"Amplis", "MTD108P", "Amplifi\xc3\xa9 L-Acoustics MTD 108P", "2", "37.00", "6000.00", "74.00",
     "74.00", "64.75", "129.50", 209},
    {"---", "Panel IP", "Panel LED IP", "1", "15.00", "950.00", "15.00", "89.00", "26.25", "26.25",
     20},
    {"---", "adaptri camping 16mono-PC16", "\xe5\xbd\xa9\xe8\x89\xb2 16A femelle", "2", "1.00",
     "60.00", "2.00", "91.00", "1.75", "3.50", 242},
};

static const struct paper_category sample_categories[] = {
    {"Lumi\xc3\xa8re", "3", "17.00"},
    {"Son", "2", "74.00"},
};

static inline struct paper sample_paper(void)
{
    return (struct paper){sample_facts,      COUNT_OF(sample_facts),
                          sample_lines,      COUNT_OF(sample_lines),
                          sample_categories, COUNT_OF(sample_categories)};
}

/* The same with some facts said otherwise; changes end with {0}. */
static inline struct paper sample_changed(struct arena *arena, const struct pair *changes)
{
    struct paper paper = sample_paper();
    size_t n = 0;
    while (changes[n].name != NULL)
        n++;
    struct pair *facts = arena_alloc(arena, (paper.facts_n + n) * sizeof *facts);
    for (size_t i = 0; i < n; i++)
        facts[i] = changes[i];
    for (size_t i = 0; i < paper.facts_n; i++)
        facts[n + i] = paper.facts[i];
    paper.facts = facts;
    paper.facts_n += n;
    return paper;
}

/* n lines of 1.00 in groups of ten. */
static inline struct paper sample_long(struct arena *arena, size_t n)
{
    struct paper paper = sample_paper();
    struct paper_line *lines = arena_alloc(arena, n * sizeof *lines);
    for (size_t i = 0; i < n; i++)
        lines[i] = (struct paper_line){
            .part = arena_printf(arena, "Group %03zu", i / 10),
            .reference = arena_printf(arena, "REF-%04zu", i + 1),
            .name = arena_printf(arena, "Material number %zu%s", i + 1,
                                 i % 7 == 0 ? " with a name so long that it takes a second line of"
                                              " its own in the column"
                                            : ""),
            .quantity = "1",
            .price = "1.00",
            .replacement = i % 3 == 0 ? NULL : "10.00",
            .total = "1.00",
            .running = arena_printf(arena, "%zu.00", i + 1),
            .period_price = "1.75",
            .period_total = "1.75",
            .item = (int64_t)i + 1};
    paper.lines = lines;
    paper.lines_n = n;
    return paper;
}

#endif
