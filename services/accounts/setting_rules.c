#include "services/accounts/setting_rules.h"

#include <ctype.h>
#include <string.h>

bool setting_is_currency(const char *text)
{
    return strlen(text) == 3 && strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 3;
}

bool setting_is_country(const char *text)
{
    return strlen(text) == 2 && strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 2;
}

/* Length of the word at text when it is one of ours, else 0. */
static size_t word_of(const char *text)
{
    static const char *const words[] = {"daysCount", "min", "max"};
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        size_t len = strlen(words[i]);
        if (strncmp(text, words[i], len) == 0 && !isalnum((unsigned char)text[len]))
            return len;
    }
    return 0;
}

bool setting_is_rate(const char *text)
{
    int open = 0;
    bool said = false; /* some number or daysCount */
    while (*text != '\0') {
        size_t len = isalpha((unsigned char)*text) ? word_of(text) : 1;
        if (len == 0 || (len == 1 && strchr("0123456789.+-*/(), ", *text) == NULL))
            return false;
        said = said || *text == 'd' || isdigit((unsigned char)*text);
        open += *text == '(' ? 1 : *text == ')' ? -1 : 0;
        if (open < 0)
            return false;
        text += len;
    }
    return said && open == 0;
}

bool setting_is_clock(const char *text)
{
    if (strlen(text) != 5 || text[2] != ':' || !isdigit((unsigned char)text[0]) ||
        !isdigit((unsigned char)text[1]) || !isdigit((unsigned char)text[3]) ||
        !isdigit((unsigned char)text[4]))
        return false;
    int hour = (text[0] - '0') * 10 + text[1] - '0', minute = (text[3] - '0') * 10 + text[4] - '0';
    return (hour < 24 && minute < 60) || (hour == 24 && minute == 0);
}
