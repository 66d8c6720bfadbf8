/* Page one: who bills whom for what, by category, and how the amount comes about. */
#include <string.h>

#include "services/billing/pdf_draw.h"

static const double half = 330.0; /* where the right-hand column begins */

static const struct style name_style = {13, true, INK_ACCENT, ALIGN_LEFT};
static const struct style strong = {10, true, INK_TEXT, ALIGN_LEFT};
static const struct style plain = {8.5, false, INK_TEXT, ALIGN_LEFT};
static const struct style soft = {8.5, false, INK_SOFT, ALIGN_LEFT};
static const struct style label = {7.5, true, INK_SOFT, ALIGN_LEFT};

static void line(struct pdf *pdf, const struct style *style, double x, double w, const char *text)
{
    double tall = pdf_text(pdf, style, x, w, text);
    pdf->y += tall > 0 ? tall + 1.5 : 0;
}

/* "12345 Town", or what there is of it. */
static const char *town(const struct pdf *pdf, const char *code, const char *locality)
{
    const char *space = code[0] != '\0' && locality[0] != '\0' ? " " : "";
    return arena_printf(pdf->arena, "%s%s%s", code, space, locality);
}

static const char *labelled(const struct pdf *pdf, enum word which, const char *text)
{
    return text[0] == '\0' ? "" : arena_printf(pdf->arena, "%s %s", pdf_say(pdf, which), text);
}

static void seller(struct pdf *pdf)
{
    double w = half - LEFT - 20;
    line(pdf, &name_style, LEFT, w, pdf_fact(pdf, "seller_name"));
    pdf->y += 4;
    line(pdf, &soft, LEFT, w, pdf_fact(pdf, "seller_street"));
    line(pdf, &soft, LEFT, w,
         town(pdf, pdf_fact(pdf, "seller_postal_code"), pdf_fact(pdf, "seller_locality")));
    const char *country = pdf_fact(pdf, "seller_country_name");
    line(pdf, &soft, LEFT, w, country[0] != '\0' ? country : pdf_fact(pdf, "seller_country"));
    line(pdf, &soft, LEFT, w, labelled(pdf, WORD_PHONE, pdf_fact(pdf, "seller_phone")));
    line(pdf, &soft, LEFT, w, pdf_fact(pdf, "seller_billing_email"));
    line(pdf, &soft, LEFT, w, labelled(pdf, WORD_VAT_NUMBER, pdf_fact(pdf, "seller_vat_number")));
    line(pdf, &soft, LEFT, w, pdf_fact(pdf, "seller_legal_numbers"));
}

/* Label and value on one line of the title box. */
static void pair(struct pdf *pdf, enum word which, const char *value)
{
    const struct cell cells[] = {{half + 10, 80, ALIGN_LEFT},
                                 {half + 90, RIGHT - half - 100, ALIGN_RIGHT}};
    (void)pdf_text(pdf, &soft, cells[0].x, cells[0].w, pdf_say(pdf, which));
    struct style right = which == WORD_NUMBER ? strong : plain;
    right.align = ALIGN_RIGHT;
    double shown = pdf_text(pdf, &right, cells[1].x, cells[1].w, value);
    pdf->y += (shown > 11 ? shown : 11) + 3;
}

static const char *page_of_pages(const struct pdf *pdf)
{
    return arena_printf(pdf->arena, "%d / %d", pdf->page, pdf->pages);
}

static void title_box(struct pdf *pdf)
{
    static const struct style title = {12, true, INK_WHITE, ALIGN_LEFT};
    double w = RIGHT - half;
    bool credit = pdf_is_credit(pdf);
    const char *text =
        arena_printf(pdf->arena, "%s %s", pdf_say(pdf, credit ? WORD_CREDIT_IN : WORD_BILL_IN),
                     words_currency(pdf->tongue, pdf->iso));
    double tall = pdf_height(pdf, &title, w - 20, text) + 12;
    pdf_fill(pdf, INK_ACCENT, half, w, tall);
    pdf->y += 6;
    (void)pdf_text(pdf, &title, half + 10, w - 20, text);
    pdf->y += tall - 6;
    pdf_fill(pdf, INK_SHADE, half, w, credit ? 66 : 52);
    pdf->y += 7;
    pair(pdf, WORD_NUMBER, pdf_fact(pdf, "number"));
    pair(pdf, WORD_DATE, words_date(pdf->arena, pdf->tongue, pdf_fact(pdf, "date")));
    if (credit)
        pair(pdf, WORD_CREDITS, pdf_fact(pdf, "credits_number"));
    pair(pdf, WORD_PAGE, page_of_pages(pdf));
}

static void buyer(struct pdf *pdf)
{
    double w = RIGHT - half - 10, x = half + 10;
    line(pdf, &label, x, w, pdf_say(pdf, WORD_BILLED_TO));
    pdf->y += 2;
    const char *company = pdf_fact(pdf, "buyer_company"), *name = pdf_fact(pdf, "buyer_name");
    line(pdf, &strong, x, w, company[0] != '\0' ? company : name);
    if (company[0] != '\0')
        line(pdf, &plain, x, w, name);
    line(pdf, &plain, x, w, pdf_fact(pdf, "buyer_street"));
    line(pdf, &plain, x, w,
         town(pdf, pdf_fact(pdf, "buyer_postal_code"), pdf_fact(pdf, "buyer_locality")));
    line(pdf, &plain, x, w, pdf_fact(pdf, "buyer_country"));
    line(pdf, &plain, x, w, labelled(pdf, WORD_VAT_NUMBER, pdf_fact(pdf, "buyer_vat")));
}

static void event(struct pdf *pdf)
{
    double w = half - LEFT - 4;
    line(pdf, &label, LEFT, w, pdf_say(pdf, WORD_EVENT));
    pdf->y += 2;
    line(pdf, &strong, LEFT, w, pdf_fact(pdf, "event_title"));
    line(pdf, &plain, LEFT, w,
         arena_printf(pdf->arena, "%s %s %s\xc2\xa0%s", pdf_say(pdf, WORD_FROM),
                      words_long_date(pdf->arena, pdf->tongue, pdf_fact(pdf, "start")),
                      pdf_say(pdf, WORD_TO),
                      words_long_date(pdf->arena, pdf->tongue, pdf_fact(pdf, "end"))));
    line(pdf, &plain, LEFT, w, pdf_fact(pdf, "event_location"));
}

/* Two columns, each as long as it needs; y is below the longer one. */
static void beside(struct pdf *pdf, void (*left)(struct pdf *), void (*right)(struct pdf *))
{
    double top = pdf->y, below;
    left(pdf);
    below = pdf->y;
    pdf->y = top;
    right(pdf);
    pdf->y = pdf->y > below ? pdf->y : below;
}

static const struct cell category_cells[] = {{LEFT + 6, 280, ALIGN_LEFT},
                                             {LEFT + 290, 60, ALIGN_RIGHT},
                                             {LEFT + 360, RIGHT - LEFT - 366, ALIGN_RIGHT}};

static void category_head(struct pdf *pdf)
{
    static const struct style head = {8, true, INK_ACCENT, ALIGN_LEFT};
    const char *const texts[] = {pdf_say(pdf, WORD_CATEGORY), pdf_say(pdf, WORD_ITEMS),
                                 pdf_say(pdf, WORD_DAILY_TOTAL)};
    pdf_fill(pdf, INK_SHADE, LEFT, RIGHT - LEFT,
             pdf_row_height(pdf, &head, category_cells, texts, COUNT_OF(texts)));
    pdf_row(pdf, &head, category_cells, texts, COUNT_OF(texts));
}

static void categories(struct pdf *pdf)
{
    category_head(pdf);
    for (size_t i = 0; i < pdf->paper->categories_n; i++) {
        const struct paper_category *c = &pdf->paper->categories[i];
        const char *const texts[] = {c->name, pdf_number(pdf, c->items), pdf_money(pdf, c->total)};
        double tall = pdf_row_height(pdf, &plain, category_cells, texts, COUNT_OF(texts));
        if (pdf->y + tall > BOTTOM) {
            pdf_next_page(pdf);
            category_head(pdf);
        }
        pdf_row(pdf, &plain, category_cells, texts, COUNT_OF(texts));
        pdf_rule(pdf, LEFT, RIGHT - LEFT);
    }
}

/* One line of the calculation, on the right-hand side. */
static void step(struct pdf *pdf, const struct style *style, const char *what, const char *amount)
{
    static const struct cell cells[] = {{half - 24, 148, ALIGN_LEFT},
                                        {half + 126, RIGHT - half - 132, ALIGN_RIGHT}};
    const char *const texts[] = {what, amount};
    pdf_row(pdf, style, cells, texts, COUNT_OF(texts));
}

static void heading(struct pdf *pdf, enum word which)
{
    pdf->y += 5;
    pdf_rule(pdf, half - 30, RIGHT - half + 30);
    pdf->y += 3;
    step(pdf, &label, pdf_say(pdf, which), NULL);
}

static const char *percent(const struct pdf *pdf, enum word which, const char *rate)
{
    return arena_printf(pdf->arena, "%s %s\xc2\xa0%%", pdf_say(pdf, which),
                        pdf_number(pdf, pdf_fact(pdf, rate)));
}

static const char *negated(const struct pdf *pdf, const char *amount)
{
    return amount[0] == '-' ? amount + 1 : arena_printf(pdf->arena, "-%s", amount);
}

static void a_day(struct pdf *pdf)
{
    heading(pdf, WORD_PER_DAY);
    step(pdf, &plain, pdf_say(pdf, WORD_DAILY), pdf_money(pdf, pdf_fact(pdf, "daily")));
    step(pdf, &soft, pdf_say(pdf, WORD_DISCOUNTABLE),
         pdf_money(pdf, pdf_fact(pdf, "discountable")));
    const char *off = pdf_fact(pdf, "discount");
    if (paper_is(pdf->paper, "discount_rate", "0"))
        step(pdf, &plain, pdf_say(pdf, WORD_NO_DISCOUNT), NULL);
    else
        step(pdf, &plain, percent(pdf, WORD_DISCOUNT, "discount_rate"),
             pdf_money(pdf, negated(pdf, off)));
    step(pdf, &plain, pdf_say(pdf, WORD_PER_DAY_NET), pdf_money(pdf, pdf_fact(pdf, "daily_net")));
    step(pdf, &plain, percent(pdf, WORD_VAT, "vat_rate"),
         pdf_money(pdf, pdf_fact(pdf, "daily_vat")));
    step(pdf, &plain, pdf_say(pdf, WORD_PER_DAY_WITH),
         pdf_money(pdf, pdf_fact(pdf, "daily_with_taxes")));
}

static const char *rate_text(const struct pdf *pdf)
{
    const char *days = pdf_fact(pdf, "days");
    bool one = paper_is(pdf->paper, "days", "1");
    return arena_printf(pdf->arena, "%s (%s\xc2\xa0%s)", pdf_say(pdf, WORD_RATE), days,
                        pdf_say(pdf, one ? WORD_DAY : WORD_DAYS));
}

static void due(struct pdf *pdf)
{
    static const struct style big = {11.5, true, INK_WHITE, ALIGN_LEFT};
    pdf->y += 6;
    pdf_fill(pdf, INK_ACCENT, half - 30, RIGHT - half + 30, 26);
    pdf->y += 3;
    const char *amount = pdf_fact(pdf, "due_amount");
    bool turned = pdf_is_credit(pdf) && strpbrk(amount, "123456789") != NULL;
    step(pdf, &big, pdf_say(pdf, pdf_is_credit(pdf) ? WORD_CREDITED : WORD_DUE),
         pdf_money(pdf, turned ? negated(pdf, amount) : amount));
}

static void totals(struct pdf *pdf)
{
    static const struct style total = {9, true, INK_TEXT, ALIGN_LEFT};
    heading(pdf, WORD_TOTALS);
    step(pdf, &plain, rate_text(pdf),
         arena_printf(pdf->arena, "×\xc2\xa0%s", pdf_number(pdf, pdf_fact(pdf, "rate"))));
    step(pdf, &plain, pdf_say(pdf, WORD_TOTAL_NET),
         pdf_money(pdf, pdf_fact(pdf, "total_without_taxes")));
    step(pdf, &plain, percent(pdf, WORD_VAT, "vat_rate"),
         pdf_money(pdf, pdf_fact(pdf, "vat_amount")));
    step(pdf, &total, pdf_say(pdf, WORD_TOTAL_WITH), pdf_money(pdf, pdf_fact(pdf, "due_amount")));
    due(pdf);
}

static void replacement(struct pdf *pdf)
{
    double top = pdf->y;
    pdf->y += 12;
    line(pdf, &label, LEFT, half - LEFT - 60, pdf_say(pdf, WORD_REPLACEMENT_ALL));
    pdf->y += 2;
    line(pdf, &plain, LEFT, half - LEFT - 60, pdf_money(pdf, pdf_fact(pdf, "replacement_amount")));
    pdf->y = top;
}

void pdf_first_page(struct pdf *pdf)
{
    const double recap = 285; /* what the calculation needs at most */
    pdf->page = 1;
    pdf->begun = true;
    pdf->y = TOP;
    (void)pdf_mark(pdf, 0,
                   arena_printf(pdf->arena, "%s %s", pdf_kind(pdf), pdf_fact(pdf, "number")));
    beside(pdf, seller, title_box);
    pdf->y += 24;
    beside(pdf, event, buyer);
    pdf->y += 22;
    categories(pdf);
    pdf->y += 14;
    if (pdf->y + recap > BOTTOM)
        pdf_next_page(pdf);
    replacement(pdf);
    a_day(pdf);
    totals(pdf);
    pdf_footer(pdf);
}
