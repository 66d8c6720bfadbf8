#include "tests/unit/test.h"

#include "common/crypto.h"
#include "services/accounts/mail.h"
#include "services/accounts/mail_text.h"

static const char *written(struct arena *arena, const char *address, const char *subject,
                           const char *body)
{
    struct buf out;
    const struct mail mail = {"7", address, subject, body, 1764110525123};
    buf_init(&out, arena);
    mail_write(&out, &mail, "no-reply@bureau.test");
    return out.data;
}

static void a_plain_mail_is_plain(void **state)
{
    assert_string_equal(written(*state, "ann@example.com", "Hello", "One\nTwo\n"),
                        "Date: Tue, 25 Nov 2025 22:42:05 +0000\r\n"
                        "From: <no-reply@bureau.test>\r\n"
                        "To: <ann@example.com>\r\n"
                        "Subject: Hello\r\n"
                        "Message-ID: <mail-7-1764110525123@bureau.test>\r\n"
                        "MIME-Version: 1.0\r\n"
                        "Content-Type: text/plain; charset=utf-8\r\n"
                        "Content-Transfer-Encoding: 7bit\r\n"
                        "Auto-Submitted: auto-generated\r\n"
                        "\r\n"
                        "One\r\nTwo\r\n");
}

static void no_value_adds_a_header(void **state)
{
    const char *mail = written(*state, "ann@example.com>\r\nBcc: eve@example.com",
                               "Hi\r\nBcc: eve@example.com", "x");
    assert_null(strstr(mail, "\nBcc:"));
    assert_non_null(strstr(mail, "Subject: =?UTF-8?B?"));
}

static void a_subject_is_cut_between_characters(void **state)
{
    char subject[301] = "x";
    for (size_t i = 0; i < 149; i++)
        memcpy(subject + 1 + 2 * i, "é", 3);
    const char *mail = written(*state, "a@b.cd", subject, "x");
    const char *word = strstr(mail, "=?UTF-8?B?");
    int words = 0;
    for (; word != NULL; word = strstr(word + 1, "=?UTF-8?B?"), words++) {
        struct slice text;
        const char *start = word + 10, *end = strstr(start, "?=");
        struct buf plain;
        buf_init(&plain, *state);
        for (const char *c = start; c < end && *c != '='; c++)
            buf_putc(&plain, *c == '+' ? '-' : *c == '/' ? '_' : *c);
        assert_true(crypto_base64url_read(*state, (struct slice){plain.data, plain.len}, &text));
        assert_true(text.len > 0 && text.len <= 45);
        assert_int_not_equal((unsigned char)text.data[0] & 0xC0, 0x80); /* begins a character */
    }
    assert_int_equal(words, 7);
}

static void no_line_is_too_long(void **state)
{
    char body[5001];
    memset(body, 'a', sizeof body - 1);
    body[sizeof body - 1] = '\0';
    const char *line = strstr(written(*state, "a@b.cd", "x", body), "\r\n\r\n") + 4;
    while (*line != '\0') {
        size_t len = strcspn(line, "\r");
        assert_in_range(len, 0, 998);
        line += line[len] == '\0' ? len : len + 2;
    }
}

static void the_host_is_read_from_an_address(void **state)
{
    static const struct {
        const char *url, *host;
    } cases[] = {
        {"https://bureau.example/app", "bureau.example"},
        {"smtp://user:p:w@mail.example:587", "mail.example"},
        {"smtp://[::1]:25", "[::1]"},
        {"http://127.0.0.1:8080", "127.0.0.1"},
        {"nonsense", "localhost"},
        {"http://", "localhost"},
        {NULL, "localhost"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_string_equal(mail_host(*state, cases[i].url), cases[i].host);
}

static void an_invitation_holds_its_secret_and_no_false_lines(void **state)
{
    struct mail_text text =
        mail_invitation(*state, "EN", "https://b.test", "Evil\r\nCode: 1", "Ann", "SECRET");
    assert_string_equal(text.subject, "Invitation to Evil  Code: 1");
    assert_non_null(strstr(text.body, "\nCode: SECRET\n"));
    assert_null(strstr(text.body, "\nCode: 1"));
    assert_non_null(strstr(text.body, "https://b.test/invitation?lang=en&token=SECRET\n"));
}

static void a_reset_link_escapes_the_address(void **state)
{
    struct mail_text text = mail_reset(*state, "FR", "https://b.test", "a+b&c@d.e", "T", 60);
    assert_non_null(strstr(text.body, "/reset-password?lang=fr&token=T&email=a%2Bb%26c%40d.e\n"));
    assert_non_null(strstr(text.body, "60 minutes"));
    text = mail_reset(*state, "NL", "https://b.test", "a@d.e", "T", 60);
    assert_non_null(strstr(text.body, "60 minuten"));
    assert_non_null(strstr(text.body, "?lang=nl&token=T&"));
    assert_string_equal(mail_reset(*state, NULL, "", "", "", 1).subject, "Choose a new password");
    text = mail_invitation(*state, "NL", "", "{code}", "{by}", "T");
    assert_string_equal(text.subject, "Uitnodiging voor {code}");
    assert_non_null(strstr(text.body, "\n{by} nodigt u uit voor {code}. "));
}

static int open_arena(void **state)
{
    *state = arena_new(4096);
    return crypto_open() ? 0 : 1;
}

static int close_arena(void **state)
{
    arena_destroy(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_mail_is_plain),
        cmocka_unit_test(no_value_adds_a_header),
        cmocka_unit_test(a_subject_is_cut_between_characters),
        cmocka_unit_test(no_line_is_too_long),
        cmocka_unit_test(the_host_is_read_from_an_address),
        cmocka_unit_test(an_invitation_holds_its_secret_and_no_false_lines),
        cmocka_unit_test(a_reset_link_escapes_the_address),
    };
    return cmocka_run_group_tests(tests, open_arena, close_arena);
}
