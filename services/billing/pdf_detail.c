/* From page two: every material, grouped, with totals carried from page to page. */
#include <string.h>

#include "services/billing/pdf_draw.h"

enum { COLUMNS = 6 };

static const struct cell cells[COLUMNS] = {
    {LEFT + 6, 82, ALIGN_LEFT},    {LEFT + 94, 178, ALIGN_LEFT},
    {LEFT + 276, 34, ALIGN_RIGHT}, {LEFT + 314, 58, ALIGN_RIGHT},
    {LEFT + 376, 62, ALIGN_RIGHT}, {LEFT + 442, RIGHT - LEFT - 448, ALIGN_RIGHT}};

static const struct style plain = {8, false, INK_TEXT, ALIGN_LEFT};
static const struct style strong = {8, true, INK_TEXT, ALIGN_LEFT};
static const struct style head = {7.5, true, INK_ACCENT, ALIGN_LEFT};
static const struct style sum = {8, true, INK_ACCENT, ALIGN_LEFT};

static void column_heads(struct pdf *pdf)
{
    static const enum word names[COLUMNS] = {WORD_REFERENCE, WORD_NAME,        WORD_QUANTITY,
                                             WORD_PRICE,     WORD_REPLACEMENT, WORD_TOTAL};
    const char *texts[COLUMNS];
    for (size_t i = 0; i < COLUMNS; i++)
        texts[i] = pdf_say(pdf, names[i]);
    pdf_fill(pdf, INK_SHADE, LEFT, RIGHT - LEFT, pdf_row_height(pdf, &head, cells, texts, COLUMNS));
    pdf_row(pdf, &head, cells, texts, COLUMNS);
}

/* A sum under or over the column of totals. */
static void sum_row(struct pdf *pdf, enum word which, const char *replacement, const char *amount)
{
    const char *const texts[COLUMNS] = {NULL, pdf_say(pdf, which), NULL, NULL, replacement, amount};
    pdf_row(pdf, &sum, cells, texts, COLUMNS);
    pdf_rule(pdf, LEFT, RIGHT - LEFT);
}

static double sum_height(struct pdf *pdf)
{
    const char *const texts[COLUMNS] = {NULL, "0", NULL, NULL, NULL, NULL};
    return pdf_row_height(pdf, &sum, cells, texts, COLUMNS);
}

static void texts_of(const struct pdf *pdf, const struct paper_line *line, const char **texts)
{
    texts[0] = line->reference;
    texts[1] = line->name;
    texts[2] = pdf_number(pdf, line->quantity);
    texts[3] = pdf_number(pdf, line->price);
    texts[4] = line->replacement == NULL ? "" : pdf_number(pdf, line->replacement);
    texts[5] = pdf_number(pdf, line->total);
}

static void turn(struct pdf *pdf, const struct paper_line *last)
{
    if (last != NULL)
        sum_row(pdf, WORD_CARRY_OUT, NULL, pdf_number(pdf, last->running));
    pdf_next_page(pdf);
    column_heads(pdf);
    if (last != NULL)
        sum_row(pdf, WORD_CARRY_IN, NULL, pdf_number(pdf, last->running));
}

static void group_head(struct pdf *pdf, const char *part)
{
    const struct cell wide = {LEFT + 6, RIGHT - LEFT - 12, ALIGN_LEFT};
    pdf->y += 4;
    pdf_row(pdf, &strong, &wide, &part, 1);
    pdf_rule(pdf, LEFT, RIGHT - LEFT);
}

static void put_line(struct pdf *pdf, size_t i, int parent)
{
    const struct paper_line *line = &pdf->paper->lines[i], *last = i > 0 ? line - 1 : NULL;
    bool begins = last == NULL || strcmp(last->part, line->part) != 0;
    const struct cell wide = {LEFT + 6, RIGHT - LEFT - 12, ALIGN_LEFT};
    const char *texts[COLUMNS];
    texts_of(pdf, line, texts);
    if (pdf->pages == 0)
        pdf->tall[i] = pdf_row_height(pdf, &plain, cells, texts, COLUMNS);
    double tall = pdf->tall[i];
    if (begins)
        tall += 4 + pdf_row_height(pdf, &strong, &wide, &line->part, 1);
    if (pdf->y + tall + sum_height(pdf) > BOTTOM) {
        turn(pdf, last);
        if (!begins)
            group_head(
                pdf, arena_printf(pdf->arena, "%s (%s)", line->part, pdf_say(pdf, WORD_CONTINUED)));
    }
    if (begins) {
        (void)pdf_mark(pdf, parent, line->part);
        group_head(pdf, line->part);
    }
    pdf_row_at(pdf, &plain, &(struct row){cells, texts, COLUMNS}, pdf->tall[i]);
    pdf_rule(pdf, LEFT, RIGHT - LEFT);
}

void pdf_detail(struct pdf *pdf)
{
    const struct paper *paper = pdf->paper;
    static const struct style title = {11, true, INK_TEXT, ALIGN_LEFT};
    pdf_next_page(pdf);
    int mark = pdf_mark(pdf, 0, pdf_say(pdf, WORD_DETAIL));
    pdf->y += pdf_text(pdf, &title, LEFT, RIGHT - LEFT, pdf_say(pdf, WORD_DETAIL)) + 8;
    column_heads(pdf);
    for (size_t i = 0; i < paper->lines_n; i++)
        put_line(pdf, i, mark);
    const char *all = paper->lines_n > 0 ? paper->lines[paper->lines_n - 1].running : "0.00";
    pdf->y += 1;
    sum_row(pdf, WORD_DAILY_TOTAL, pdf_number(pdf, pdf_fact(pdf, "replacement_amount")),
            pdf_number(pdf, all));
    pdf_footer(pdf);
}
