/*
 * pdf_draw.h - text, lines and rows of tables on the pages of a bill; private to pdf*.c. Lengths
 * are points (1/72 inch), y grows downwards. Texts are plain UTF-8, never markup.
 */
#ifndef BILLING_PDF_DRAW_H
#define BILLING_PDF_DRAW_H

#include <cairo-pdf.h>
#include <pango/pangocairo.h>

#include "services/billing/paper.h"
#include "services/billing/words.h"

#define PAGE_W 595.28
#define PAGE_H 841.89
#define LEFT   45.0
#define RIGHT  (PAGE_W - 45.0)
#define TOP    45.0
#define BOTTOM (PAGE_H - 64.0) /* of what is no footer */

enum align { ALIGN_LEFT, ALIGN_RIGHT };
enum ink { INK_TEXT, INK_SOFT, INK_ACCENT, INK_WHITE, INK_SHADE, INK_LINE };

struct style {
    double size;
    bool bold;
    enum ink ink;
    enum align align;
};

struct cell {
    double x, w;
    enum align align;
};

struct row {
    const struct cell *cells;
    const char *const *texts;
    size_t n;
};

struct pdf {
    struct arena *arena;
    const struct paper *paper;
    enum tongue tongue;
    const char *iso; /* currency */
    cairo_surface_t *surface;
    cairo_t *cr;
    PangoLayout *layout;
    double y;        /* where the next thing goes */
    bool begun;      /* the page still lacks its footer */
    int page, pages; /* pages 0: they are only counted */
    double *tall;    /* height of each line of the detail, measured while counting */
};

/* Draws; answers the height. */
double pdf_text(struct pdf *pdf, const struct style *style, double x, double w, const char *text);
double pdf_height(struct pdf *pdf, const struct style *style, double w, const char *text);
void pdf_fill(struct pdf *pdf, enum ink ink, double x, double w, double h);
void pdf_rule(struct pdf *pdf, double x, double w);
/* A row of n cells at pdf->y, which moves below it; the height is that of the tallest cell. The
   second form is for who knows the height already. */
void pdf_row(struct pdf *pdf, const struct style *style, const struct cell *cells,
             const char *const *texts, size_t n);
void pdf_row_at(struct pdf *pdf, const struct style *style, const struct row *row, double tall);
double pdf_row_height(struct pdf *pdf, const struct style *style, const struct cell *cells,
                      const char *const *texts, size_t n);
/* A bookmark of this place; answers its id, for those below it (parent 0: on top). */
int pdf_mark(struct pdf *pdf, int parent, const char *title);

const char *pdf_say(const struct pdf *pdf, enum word which) NEVER_NULL;
const char *pdf_money(const struct pdf *pdf, const char *amount) NEVER_NULL;
const char *pdf_number(const struct pdf *pdf, const char *number) NEVER_NULL;
const char *pdf_fact(const struct pdf *pdf, const char *name) NEVER_NULL;
bool pdf_is_credit(const struct pdf *pdf);

/* Ends the page with its footer and begins the next one with the short header. */
void pdf_next_page(struct pdf *pdf);
void pdf_footer(struct pdf *pdf);
/* "Bill", "Facture", "Credit note" … */
const char *pdf_kind(const struct pdf *pdf) NEVER_NULL;

void pdf_first_page(struct pdf *pdf); /* pdf_front.c: with what follows when categories are many */
void pdf_detail(struct pdf *pdf);     /* pdf_detail.c: the pages of the equipment */

#endif
