#include "services/billing/pdf_draw.h"

#include <string.h>

static const double pad = 3.0; /* above and below the text of a row */

static void ink(struct pdf *pdf, enum ink which)
{
    static const double colors[][3] = {
        [INK_TEXT] = {0.10, 0.11, 0.13},   [INK_SOFT] = {0.39, 0.42, 0.46},
        [INK_ACCENT] = {0.10, 0.25, 0.42}, [INK_WHITE] = {1, 1, 1},
        [INK_SHADE] = {0.94, 0.95, 0.97},  [INK_LINE] = {0.78, 0.81, 0.85},
    };
    cairo_set_source_rgb(pdf->cr, colors[which][0], colors[which][1], colors[which][2]);
}

static void set_font(struct pdf *pdf, const struct style *style, double size)
{
    PangoFontDescription *font = pango_font_description_new();
    pango_font_description_set_family_static(font, "DejaVu Sans");
    pango_font_description_set_weight(font, style->bold ? PANGO_WEIGHT_BOLD : PANGO_WEIGHT_NORMAL);
    pango_font_description_set_absolute_size(font, size * PANGO_SCALE);
    pango_layout_set_font_description(pdf->layout, font);
    pango_font_description_free(font);
}

/* A figure is never broken into lines, which would make another of it: where its column is too
   narrow it is written smaller. */
static void fit(struct pdf *pdf, const struct style *style, double w, const char *text)
{
    int wide;
    if (style->align != ALIGN_RIGHT || strchr(text, ' ') != NULL ||
        strpbrk(text, "0123456789") == NULL)
        return;
    pango_layout_set_width(pdf->layout, -1);
    pango_layout_get_size(pdf->layout, &wide, NULL);
    double shown = (double)wide / PANGO_SCALE;
    if (shown > w)
        set_font(pdf, style, style->size * 0.98 * w / shown);
}

static void set(struct pdf *pdf, const struct style *style, double w, const char *text)
{
    text = text == NULL ? "" : text;
    set_font(pdf, style, style->size);
    pango_layout_set_text(pdf->layout, text, -1);
    fit(pdf, style, w, text);
    pango_layout_set_width(pdf->layout, (int)(w * PANGO_SCALE));
    /* Sides are those of the page: pango turns them round for scripts from right to left. */
    bool turned = pango_layout_get_direction(pdf->layout, 0) == PANGO_DIRECTION_RTL;
    bool right = (style->align == ALIGN_RIGHT) != turned;
    pango_layout_set_alignment(pdf->layout, right ? PANGO_ALIGN_RIGHT : PANGO_ALIGN_LEFT);
}

static double height(struct pdf *pdf)
{
    int tall;
    pango_layout_get_size(pdf->layout, NULL, &tall);
    return (double)tall / PANGO_SCALE;
}

double pdf_height(struct pdf *pdf, const struct style *style, double w, const char *text)
{
    set(pdf, style, w, text);
    return height(pdf);
}

double pdf_text(struct pdf *pdf, const struct style *style, double x, double w, const char *text)
{
    if (text == NULL || text[0] == '\0')
        return 0;
    set(pdf, style, w, text);
    ink(pdf, style->ink);
    cairo_move_to(pdf->cr, x, pdf->y);
    pango_cairo_show_layout(pdf->cr, pdf->layout);
    return height(pdf);
}

void pdf_fill(struct pdf *pdf, enum ink which, double x, double w, double h)
{
    ink(pdf, which);
    cairo_rectangle(pdf->cr, x, pdf->y, w, h);
    cairo_fill(pdf->cr);
}

void pdf_rule(struct pdf *pdf, double x, double w)
{
    ink(pdf, INK_LINE);
    cairo_set_line_width(pdf->cr, 0.6);
    cairo_move_to(pdf->cr, x, pdf->y);
    cairo_line_to(pdf->cr, x + w, pdf->y);
    cairo_stroke(pdf->cr);
}

static struct style of_cell(const struct style *style, const struct cell *cell)
{
    struct style own = *style;
    own.align = cell->align;
    return own;
}

/* A figure is one line whatever its column (see fit), which needs no measuring. */
static bool is_figure(const struct cell *cell, const char *text)
{
    return cell->align == ALIGN_RIGHT && strspn(text, "0123456789.," NARROW_SPACE) == strlen(text);
}

double pdf_row_height(struct pdf *pdf, const struct style *style, const struct cell *cells,
                      const char *const *texts, size_t n)
{
    double most = style->size * 1.2;
    for (size_t i = 0; i < n; i++) {
        struct style own = of_cell(style, &cells[i]);
        if (texts[i] == NULL || is_figure(&cells[i], texts[i]))
            continue;
        double tall = pdf_height(pdf, &own, cells[i].w, texts[i]);
        most = tall > most ? tall : most;
    }
    return most + 2 * pad;
}

void pdf_row_at(struct pdf *pdf, const struct style *style, const struct row *row, double tall)
{
    for (size_t i = 0; i < row->n && pdf->pages > 0; i++) {
        struct style own = of_cell(style, &row->cells[i]);
        pdf->y += pad;
        (void)pdf_text(pdf, &own, row->cells[i].x, row->cells[i].w, row->texts[i]);
        pdf->y -= pad;
    }
    pdf->y += tall;
}

void pdf_row(struct pdf *pdf, const struct style *style, const struct cell *cells,
             const char *const *texts, size_t n)
{
    const struct row row = {cells, texts, n};
    pdf_row_at(pdf, style, &row, pdf_row_height(pdf, style, cells, texts, n));
}

int pdf_mark(struct pdf *pdf, int parent, const char *title)
{
    if (pdf->pages == 0)
        return 0;
    const char *where =
        arena_printf(pdf->arena, "page=%d pos=[%d %d]", pdf->page, (int)LEFT, (int)pdf->y);
    return cairo_pdf_surface_add_outline(pdf->surface, parent, title, where,
                                         parent == 0 ? CAIRO_PDF_OUTLINE_FLAG_OPEN : 0);
}

const char *pdf_say(const struct pdf *pdf, enum word which) { return word(pdf->tongue, which); }

const char *pdf_money(const struct pdf *pdf, const char *amount)
{
    return words_money(pdf->arena, pdf->tongue, pdf->iso, amount);
}

const char *pdf_number(const struct pdf *pdf, const char *number)
{
    return words_number(pdf->arena, pdf->tongue, number);
}

const char *pdf_fact(const struct pdf *pdf, const char *name)
{
    return paper_fact(pdf->paper, name);
}

bool pdf_is_credit(const struct pdf *pdf) { return paper_is(pdf->paper, "kind", "credit_note"); }
