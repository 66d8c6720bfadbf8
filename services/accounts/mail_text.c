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

struct mail_text mail_reset(struct arena *arena, bool french, const char *base, const char *email,
                            const char *token, int64_t minutes)
{
    const char *link = arena_printf(arena, "%s/reset-password?token=%s&email=%s", base, token,
                                    escape(arena, email));
    if (french)
        return (struct mail_text){
            "Choisir un nouveau mot de passe",
            arena_printf(arena,
                         "Bonjour,\n\nPour choisir un nouveau mot de passe, ouvrez ce lien dans les"
                         " %lld minutes :\n\n%s\n\nCode : %s\n\nSi vous n'avez rien demandé,"
                         " ignorez ce message : rien n'a changé.\n",
                         (long long)minutes, link, token)};
    return (struct mail_text){
        "Choose a new password",
        arena_printf(arena,
                     "Hello,\n\nTo choose a new password, open this link within %lld"
                     " minutes:\n\n%s\n\nCode: %s\n\nIf you did not ask for it, ignore this"
                     " message: nothing has changed.\n",
                     (long long)minutes, link, token)};
}

struct mail_text mail_invitation(struct arena *arena, bool french, const char *base,
                                 const char *organization, const char *by, const char *token)
{
    const char *link = arena_printf(arena, "%s/api/invitations/%s", base, token);
    organization = one_line(arena, organization);
    by = one_line(arena, by);
    if (french)
        return (struct mail_text){
            arena_printf(arena, "Invitation : %s", organization),
            arena_printf(arena,
                         "Bonjour,\n\n%s vous invite à rejoindre %s. L'invitation est valable sept"
                         " jours :\n\n%s\n\nCode : %s\n",
                         by, organization, link, token)};
    return (struct mail_text){
        arena_printf(arena, "Invitation to %s", organization),
        arena_printf(arena,
                     "Hello,\n\n%s invites you to join %s. The invitation is good for seven"
                     " days:\n\n%s\n\nCode: %s\n",
                     by, organization, link, token)};
}
