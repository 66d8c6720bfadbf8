#include "services/billing/pdf.h"

#include "common/log.h"
#include "services/billing/pdf_draw.h"

const char *pdf_kind(const struct pdf *pdf)
{
    return pdf_say(pdf, pdf_is_credit(pdf) ? WORD_CREDIT_NOTE : WORD_BILL);
}

/* What identifies the page when it is alone. */
static const char *running_title(const struct pdf *pdf)
{
    return arena_printf(pdf->arena, "%s %s %s  ·  %s  ·  %s %d / %d", pdf_kind(pdf),
                        pdf_say(pdf, WORD_NUMBER), pdf_fact(pdf, "number"),
                        words_date(pdf->arena, pdf->tongue, pdf_fact(pdf, "date")),
                        pdf_say(pdf, WORD_PAGE), pdf->page, pdf->pages);
}

void pdf_footer(struct pdf *pdf)
{
    static const struct style small = {7, false, INK_SOFT, ALIGN_LEFT};
    static const struct style right = {7, false, INK_SOFT, ALIGN_RIGHT};
    const char *vat = pdf_fact(pdf, "seller_vat_number"), *legal;
    legal = pdf_fact(pdf, "seller_legal_numbers");
    const char *text = arena_printf(
        pdf->arena, "%s%s%s%s%s%s", pdf_fact(pdf, "seller_name"), legal[0] == '\0' ? "" : "  ·  ",
        legal, vat[0] == '\0' ? "" : "  ·  ",
        vat[0] == '\0' ? "" : arena_printf(pdf->arena, "%s ", pdf_say(pdf, WORD_VAT_NUMBER)), vat);
    pdf->y = PAGE_H - 50;
    pdf_rule(pdf, LEFT, RIGHT - LEFT);
    pdf->y += 6;
    (void)pdf_text(pdf, &small, LEFT, 400, text);
    (void)pdf_text(pdf, &right, RIGHT - 100, 100,
                   arena_printf(pdf->arena, "%d / %d", pdf->page, pdf->pages));
    cairo_show_page(pdf->cr);
    pdf->begun = false;
}

void pdf_next_page(struct pdf *pdf)
{
    static const struct style left = {9, true, INK_ACCENT, ALIGN_LEFT};
    static const struct style right = {8, false, INK_SOFT, ALIGN_RIGHT};
    if (pdf->begun)
        pdf_footer(pdf);
    pdf->begun = true;
    pdf->page++;
    pdf->y = TOP;
    double tall = pdf_text(pdf, &left, LEFT, 210, pdf_fact(pdf, "seller_name"));
    double other = pdf_text(pdf, &right, LEFT + 215, RIGHT - LEFT - 215, running_title(pdf));
    pdf->y += (tall > other ? tall : other) + 6;
    pdf_rule(pdf, LEFT, RIGHT - LEFT);
    pdf->y += 14;
}

static cairo_status_t keep(void *closure, const unsigned char *data, unsigned int len)
{
    buf_put(closure, data, len);
    return CAIRO_STATUS_SUCCESS;
}

static cairo_status_t drop(void *closure, const unsigned char *data, unsigned int len)
{
    (void)closure;
    (void)data;
    (void)len;
    return CAIRO_STATUS_SUCCESS;
}

/* Source: rentals.md 4.13, "PDF title". */
static void describe(struct pdf *pdf)
{
    const char *title = arena_printf(pdf->arena, "%s n°%s", pdf_kind(pdf), pdf_fact(pdf, "number"));
    const struct {
        cairo_pdf_metadata_t what;
        const char *text;
    } facts[] = {
        {CAIRO_PDF_METADATA_TITLE, title},
        {CAIRO_PDF_METADATA_AUTHOR, pdf_fact(pdf, "seller_name")},
        {CAIRO_PDF_METADATA_SUBJECT, pdf_fact(pdf, "event_title")},
        {CAIRO_PDF_METADATA_CREATOR, "Bureau"},
        {CAIRO_PDF_METADATA_CREATE_DATE, pdf_fact(pdf, "made_at")},
        {CAIRO_PDF_METADATA_MOD_DATE, pdf_fact(pdf, "made_at")},
    };
    for (size_t i = 0; i < COUNT_OF(facts); i++)
        cairo_pdf_surface_set_metadata(pdf->surface, facts[i].what, facts[i].text);
}

/* Glyphs stand where the font says, whatever the system's settings for screens are. */
static void open_text(struct pdf *pdf)
{
    pdf->layout = pango_cairo_create_layout(pdf->cr);
    PangoContext *context = pango_layout_get_context(pdf->layout);
    cairo_font_options_t *options = cairo_font_options_create();
    cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
    cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
    pango_cairo_context_set_font_options(context, options);
    pango_cairo_context_set_resolution(context, 72);
    pango_context_set_round_glyph_positions(context, FALSE);
    pango_context_set_language(context,
                               pango_language_from_string(pdf->tongue == FRENCH ? "fr" : "en"));
    cairo_font_options_destroy(options);
    pango_layout_set_wrap(pdf->layout, PANGO_WRAP_WORD_CHAR);
}

/* One pass over the document; answers how many pages it has, 0 on a failure. */
static int pass(struct pdf *pdf, cairo_write_func_t write, void *closure)
{
    pdf->surface = cairo_pdf_surface_create_for_stream(write, closure, PAGE_W, PAGE_H);
    pdf->cr = cairo_create(pdf->surface);
    open_text(pdf);
    describe(pdf);
    pdf_first_page(pdf);
    pdf_detail(pdf);
    g_object_unref(pdf->layout);
    cairo_status_t status = cairo_status(pdf->cr);
    cairo_destroy(pdf->cr);
    cairo_surface_finish(pdf->surface);
    if (status == CAIRO_STATUS_SUCCESS)
        status = cairo_surface_status(pdf->surface);
    cairo_surface_destroy(pdf->surface);
    if (status != CAIRO_STATUS_SUCCESS)
        log_say(LOG_ERROR, "pdf_failed", "%s", cairo_status_to_string(status));
    return status == CAIRO_STATUS_SUCCESS ? pdf->page : 0;
}

enum err pdf_bill(struct arena *arena, const struct paper *paper, struct slice *out)
{
    struct buf bytes;
    struct pdf pdf = {.arena = arena,
                      .paper = paper,
                      .tongue = tongue_of(paper_fact(paper, "language")),
                      .iso = paper_fact(paper, "currency")};
    buf_init(&bytes, arena);
    pdf.tall = arena_alloc(arena, (paper->lines_n + 1) * sizeof *pdf.tall);
    int pages = pass(&pdf, drop, NULL); /* only to know how many there are */
    if (pages == 0)
        return ERR_INTERNAL;
    pdf.pages = pages;
    pdf.page = 0;
    if (pass(&pdf, keep, &bytes) == 0)
        return ERR_INTERNAL;
    *out = (struct slice){bytes.data, bytes.len};
    return ERR_OK;
}
