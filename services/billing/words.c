#include "services/billing/words.h"

#include <string.h>
#include <strings.h>

#include "common/buf.h"

#define NBSP "\xc2\xa0"

static const char *const words[WORDS][2] = {
    [WORD_BILL] = {"Bill", "Facture"},
    [WORD_CREDIT_NOTE] = {"Credit note", "Avoir"},
    [WORD_BILL_IN] = {"Bill in", "Facture en"},
    [WORD_CREDIT_IN] = {"Credit note in", "Avoir en"},
    [WORD_NUMBER] = {"No.", "N°"},
    [WORD_DATE] = {"Date", "Date"},
    [WORD_PAGE] = {"Page", "Page"},
    [WORD_CREDITS] = {"Credits bill", "Annule la facture"},
    [WORD_BILLED_TO] = {"Billed to", "Facturé à"},
    [WORD_EVENT] = {"Event", "Événement"},
    [WORD_FROM] = {"From", "Du"},
    [WORD_TO] = {"to", "au"},
    [WORD_VAT_NUMBER] = {"VAT no.", "N° TVA"},
    [WORD_PHONE] = {"Phone", "Tél."},
    [WORD_CATEGORY] = {"Category", "Catégorie"},
    [WORD_ITEMS] = {"Items", "Articles"},
    [WORD_DAILY_TOTAL] = {"Total per day, excl. VAT", "Total par jour HT"},
    [WORD_DAILY] = {"Daily amount", "Montant par jour"},
    [WORD_DISCOUNTABLE] = {"of which discountable", "dont remisable"},
    [WORD_DISCOUNT] = {"Discount", "Remise"},
    [WORD_NO_DISCOUNT] = {"No discount", "Aucune remise"},
    [WORD_PER_DAY] = {"Per day", "Par jour"},
    [WORD_PER_DAY_NET] = {"Per day, excl. VAT", "Par jour HT"},
    [WORD_VAT] = {"VAT", "TVA"},
    [WORD_PER_DAY_WITH] = {"Per day, incl. VAT", "Par jour TTC"},
    [WORD_RATE] = {"Degressive rate", "Coefficient dégressif"},
    [WORD_DAY] = {"day", "jour"},
    [WORD_DAYS] = {"days", "jours"},
    [WORD_TOTALS] = {"For the whole period", "Pour toute la période"},
    [WORD_TOTAL_NET] = {"Total excl. VAT", "Total HT"},
    [WORD_TOTAL_WITH] = {"Total incl. VAT", "Total TTC"},
    [WORD_DUE] = {"Amount due", "Net à payer"},
    [WORD_CREDITED] = {"Amount credited", "Montant crédité"},
    [WORD_REPLACEMENT_ALL] = {"Replacement value of the equipment",
                              "Valeur de remplacement du matériel"},
    [WORD_DETAIL] = {"Equipment in detail", "Détail du matériel"},
    [WORD_REFERENCE] = {"Ref.", "Réf."},
    [WORD_NAME] = {"Designation", "Désignation"},
    [WORD_QUANTITY] = {"Qty", "Qté"},
    [WORD_PRICE] = {"Unit price", "Prix unit."},
    [WORD_REPLACEMENT] = {"Replacement", "Val. rempl."},
    [WORD_TOTAL] = {"Total", "Total"},
    [WORD_CARRY_OUT] = {"Carried forward", "À reporter"},
    [WORD_CARRY_IN] = {"Brought forward", "Report"},
    [WORD_CONTINUED] = {"continued", "suite"},
};

static const struct {
    const char *iso, *symbol, *name[2];
} currencies[] = {
    {"EUR", "€", {"euros", "euros"}},
    {"USD", "$", {"US dollars", "dollars américains"}},
    {"GBP", "£", {"pounds sterling", "livres sterling"}},
    {"CHF", NULL, {"Swiss francs", "francs suisses"}},
    {"CAD", NULL, {"Canadian dollars", "dollars canadiens"}},
    {"JPY", "¥", {"Japanese yen", "yens"}},
    {"XAF", NULL, {"CFA francs", "francs CFA"}},
    {"XOF", NULL, {"CFA francs", "francs CFA"}},
    {"MAD", NULL, {"Moroccan dirhams", "dirhams marocains"}},
};

static const char *const days[2][7] = {
    {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"},
    {"dimanche", "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi"},
};
static const char *const months[2][12] = {
    {"January", "February", "March", "April", "May", "June", "July", "August", "September",
     "October", "November", "December"},
    {"janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre",
     "octobre", "novembre", "décembre"},
};

enum tongue tongue_of(const char *language)
{
    return strcasecmp(language, "FR") == 0 ? FRENCH : ENGLISH;
}

const char *word(enum tongue tongue, enum word which) { return words[which][tongue]; }

const char *words_currency(enum tongue tongue, const char *iso)
{
    for (size_t i = 0; i < COUNT_OF(currencies); i++)
        if (strcmp(currencies[i].iso, iso) == 0)
            return currencies[i].name[tongue];
    return iso;
}

const char *words_number(struct arena *arena, enum tongue tongue, const char *number)
{
    bool negative = number[0] == '-';
    const char *digits = number + (negative ? 1 : 0);
    size_t whole = strspn(digits, "0123456789");
    struct buf text;
    buf_init(&text, arena);
    buf_puts(&text, negative ? "−" : "");
    for (size_t i = 0; i < whole; i++) {
        if (i > 0 && (whole - i) % 3 == 0)
            buf_puts(&text, tongue == FRENCH ? NARROW_SPACE : ",");
        buf_putc(&text, digits[i]);
    }
    bool point = digits[whole] == '.' && tongue == FRENCH;
    buf_puts(&text, point ? "," : "");
    buf_puts(&text, digits + whole + (point ? 1 : 0));
    return text.data;
}

const char *words_money(struct arena *arena, enum tongue tongue, const char *iso,
                        const char *amount)
{
    const char *symbol = NULL, *text = words_number(arena, tongue, amount);
    for (size_t i = 0; i < COUNT_OF(currencies); i++)
        if (strcmp(currencies[i].iso, iso) == 0)
            symbol = currencies[i].symbol;
    if (tongue == FRENCH)
        return arena_printf(arena, "%s" NBSP "%s", text, symbol != NULL ? symbol : iso);
    size_t sign = amount[0] == '-' ? strlen("−") : 0;
    return symbol != NULL
               ? arena_printf(arena, "%.*s%s%s", (int)sign, text, symbol, text + sign)
               : arena_printf(arena, "%.*s%s" NBSP "%s", (int)sign, text, iso, text + sign);
}

struct day {
    int year, month, day;
};

static int two(const char *text) { return (text[0] - '0') * 10 + text[1] - '0'; }

static bool read_day(const char *date, struct day *out)
{
    static const char shape[] = "0000-00-00";
    for (size_t i = 0; i < sizeof shape - 1; i++) {
        bool digit = date[i] >= '0' && date[i] <= '9';
        if (shape[i] == '0' ? !digit : date[i] != '-')
            return false;
    }
    *out = (struct day){two(date) * 100 + two(date + 2), two(date + 5), two(date + 8)};
    return out->month >= 1 && out->month <= 12 && out->day >= 1 && out->day <= 31;
}

/* 0 is Sunday. Counts from March, so that the leap day comes last. */
static int weekday(const struct day *d)
{
    int shifted = (d->month + 9) % 12, year = d->year - (d->month < 3 ? 1 : 0);
    int days_since =
        365 * year + year / 4 - year / 100 + year / 400 + (shifted * 306 + 5) / 10 + d->day - 1;
    return (days_since + 3) % 7;
}

const char *words_date(struct arena *arena, enum tongue tongue, const char *date)
{
    struct day d;
    if (!read_day(date, &d))
        return date;
    if (tongue == FRENCH)
        return arena_printf(arena, "%02d/%02d/%04d", d.day, d.month, d.year);
    return arena_printf(arena, "%d" NBSP "%.3s" NBSP "%04d", d.day, months[ENGLISH][d.month - 1],
                        d.year);
}

const char *words_long_date(struct arena *arena, enum tongue tongue, const char *date)
{
    struct day d;
    if (!read_day(date, &d))
        return date;
    return arena_printf(arena, "%s" NBSP "%d%s" NBSP "%s" NBSP "%04d", days[tongue][weekday(&d)],
                        d.day, tongue == FRENCH && d.day == 1 ? "er" : "",
                        months[tongue][d.month - 1], d.year);
}
