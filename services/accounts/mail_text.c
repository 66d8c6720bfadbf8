#include "services/accounts/mail_text.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "common/buf.h"

/* Percent-encodes what may not stand in a query as it is. */
static const char *escape(struct arena *arena, const char *text)
{
    struct buf out;
    buf_init(&out, arena);
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
        if (isalnum(*c) || strchr("-._~", *c) != NULL)
            buf_putc(&out, (char)*c);
        else
            buf_printf(&out, "%%%02X", *c);
    }
    return out.data;
}

/* Names are what people typed: a line break in one must not look like a line of ours. */
static const char *one_line(struct arena *arena, const char *text)
{
    char *copy = arena_strdup(arena, text);
    for (char *c = copy; *c != '\0'; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = ' ';
    return copy;
}

/* The mails in one language; {names} are filled in. */
struct words {
    const char *language, *tag, *reset_subject, *reset, *invitation_subject, *invitation;
};

static const struct words *words_for(const char *language)
{
    static const struct words all[] = {
        {"EN", "en", "Choose a new password",
         "Hello,\n\nTo choose a new password, open this link within {minutes} minutes:\n\n{link}"
         "\n\nCode: {code}\n\nIf you did not ask for it, ignore this message: nothing has"
         " changed.\n",
         "Invitation to {to}",
         "Hello,\n\n{by} invites you to join {to}. The invitation is good for seven days:\n\n{link}"
         "\n\nCode: {code}\n"},
        {"FR", "fr", "Choisir un nouveau mot de passe",
         "Bonjour,\n\nPour choisir un nouveau mot de passe, ouvrez ce lien dans les {minutes}"
         " minutes :\n\n{link}\n\nCode : {code}\n\nSi vous n'avez rien demandé, ignorez ce"
         " message : rien n'a changé.\n",
         "Invitation : {to}",
         "Bonjour,\n\n{by} vous invite à rejoindre {to}. L'invitation est valable sept jours :"
         "\n\n{link}\n\nCode : {code}\n"},
        {"NL", "nl", "Kies een nieuw wachtwoord",
         "Hallo,\n\nOpen deze link binnen {minutes} minuten om een nieuw wachtwoord te kiezen:"
         "\n\n{link}\n\nCode: {code}\n\nHebt u er niet om gevraagd, dan kunt u dit bericht"
         " negeren: er is niets veranderd.\n",
         "Uitnodiging voor {to}",
         "Hallo,\n\n{by} nodigt u uit voor {to}. De uitnodiging is zeven dagen geldig:\n\n{link}"
         "\n\nCode: {code}\n"},
    };
    for (size_t i = 1; i < COUNT_OF(all); i++)
        if (language != NULL && strcmp(all[i].language, language) == 0)
            return &all[i];
    return &all[0];
}

struct value {
    const char *name, *text;
};

/* What is filled in is not looked at again: a name may hold braces. */
static const char *fill(struct arena *arena, const char *text, const struct value values[4])
{
    struct buf out;
    buf_init(&out, arena);
    while (*text != '\0') {
        size_t len = *text == '{' ? strcspn(text, "}") : 0, i = 0;
        while (
            len > 0 && i < 4 &&
            (strlen(values[i].name) != len - 1 || memcmp(values[i].name, text + 1, len - 1) != 0))
            i++;
        if (len > 0 && i < 4) {
            buf_puts(&out, values[i].text);
            text += len + 1;
        } else {
            buf_putc(&out, *text++);
        }
    }
    return out.data;
}

struct mail_text mail_reset(struct arena *arena, const char *language, const char *base,
                            const char *email, const char *token, int64_t minutes)
{
    const struct words *w = words_for(language);
    const char *link = arena_printf(arena, "%s/reset-password?lang=%s&token=%s&email=%s", base,
                                    w->tag, token, escape(arena, email));
    const struct value values[4] = {
        {"minutes", arena_printf(arena, "%lld", (long long)minutes)},
        {"link", link},
        {"code", token},
        {"to", ""},
    };
    return (struct mail_text){w->reset_subject, fill(arena, w->reset, values)};
}

struct mail_text mail_invitation(struct arena *arena, const char *language, const char *base,
                                 const char *organization, const char *by, const char *token)
{
    const struct words *w = words_for(language);
    const struct value values[4] = {
        {"to", one_line(arena, organization)},
        {"by", one_line(arena, by)},
        {"link", arena_printf(arena, "%s/invitation?lang=%s&token=%s", base, w->tag, token)},
        {"code", token},
    };
    return (struct mail_text){fill(arena, w->invitation_subject, values),
                              fill(arena, w->invitation, values)};
}
