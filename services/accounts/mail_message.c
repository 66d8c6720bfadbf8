/* mail_message.c - the text of a mail as RFC 5322 has it. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/crypto.h"
#include "services/accounts/mail.h"

enum {
    WORD_BYTES = 45, /* of an encoded word: 60 characters of base64, 72 in all */
    LINE_BYTES = 900,
};

static bool is_plain(const char *text)
{
    for (; *text != '\0'; text++)
        if (*text < ' ' || *text > '~')
            return false;
    return true;
}

static bool is_seven_bit(const char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text >= 0x80)
            return false;
    return true;
}

/* Bytes of text that fit one encoded word without cutting a character in two. */
static size_t word_length(const char *text, size_t left)
{
    size_t len = left < WORD_BYTES ? left : WORD_BYTES;
    while (len < left && len > 1 && ((unsigned char)text[len] & 0xC0) == 0x80)
        len--;
    return len;
}

/* Anything but plain ASCII is encoded, line breaks with it: no value can begin a header. */
static void put_header(struct buf *out, const char *name, const char *value)
{
    size_t left = strlen(value);
    buf_printf(out, "%s: ", name);
    if (is_plain(value) && left <= 200) {
        buf_puts(out, value);
    } else {
        for (const char *at = value; left > 0;) {
            size_t len = word_length(at, left);
            buf_puts(out, at == value ? "=?UTF-8?B?" : "\r\n =?UTF-8?B?");
            crypto_base64(out, at, len);
            buf_puts(out, "?=");
            at += len;
            left -= len;
        }
    }
    buf_puts(out, "\r\n");
}

/* An address is checked before it is queued; whatever else slipped in is dropped here. */
static void put_address(struct buf *out, const char *name, const char *address)
{
    buf_printf(out, "%s: <", name);
    for (; *address != '\0'; address++)
        if ((unsigned char)*address > ' ' && strchr("<>,;\x7f", *address) == NULL)
            buf_putc(out, *address);
    buf_puts(out, ">\r\n");
}

/* Lines ended by CRLF, none longer than a server takes; libcurl doubles dots at their start. */
static void put_body(struct buf *out, const char *body)
{
    size_t column = 0;
    for (; *body != '\0'; body++) {
        bool broken = *body == '\n';
        bool full = column >= LINE_BYTES && ((unsigned char)*body & 0xC0) != 0x80;
        if (broken || full)
            buf_puts(out, "\r\n");
        column = broken || full ? 0 : column;
        if (broken || *body == '\r')
            continue;
        buf_putc(out, *body);
        column++;
    }
}

void mail_write(struct buf *out, const struct mail *mail, const char *from)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t at = (time_t)(mail->created_ms / 1000);
    struct tm utc;
    const char *host = strchr(from, '@');
    gmtime_r(&at, &utc);
    buf_printf(out, "Date: %s, %02d %s %04d %02d:%02d:%02d +0000\r\n", days[utc.tm_wday],
               utc.tm_mday, months[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min,
               utc.tm_sec);
    put_address(out, "From", from);
    put_address(out, "To", mail->address);
    put_header(out, "Subject", mail->subject);
    buf_printf(out, "Message-ID: <mail-%s-%lld%s>\r\n", mail->id, (long long)mail->created_ms,
               host != NULL ? host : "@localhost");
    buf_printf(out,
               "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
               "Content-Transfer-Encoding: %s\r\nAuto-Submitted: auto-generated\r\n\r\n",
               is_seven_bit(mail->body) ? "7bit" : "8bit");
    put_body(out, mail->body);
}

const char *mail_host(struct arena *arena, const char *url)
{
    const char *start = url == NULL ? NULL : strstr(url, "://");
    if (start == NULL)
        return "localhost";
    start += 3;
    size_t len = strcspn(start, "/?#");
    const char *at = memrchr(start, '@', len);
    if (at != NULL) {
        len -= (size_t)(at + 1 - start);
        start = at + 1;
    }
    if (*start == '[') /* an IPv6 address keeps its brackets */
        len = strcspn(start, "]") + 1;
    else
        len = strcspn(start, ":") < len ? strcspn(start, ":") : len;
    return len == 0 ? "localhost" : arena_strndup(arena, start, len);
}
