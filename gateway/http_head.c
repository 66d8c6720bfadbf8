#include "gateway/http_head.h"

#include <string.h>
#include <strings.h>

enum { CHUNK_LINE_MAX = 256, CHUNK_DIGITS_MAX = 8 };

static int refuse(const char **why, int status, const char *reason)
{
    *why = reason;
    return status;
}

static bool is_token(struct slice text)
{
    static const char others[] = "!#$%&'*+-.^_`|~";
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!alnum && (c == '\0' || strchr(others, c) == NULL))
            return false;
    }
    return text.len > 0;
}

static bool same(struct slice text, const char *word)
{
    return strlen(word) == text.len && strncasecmp(text.data, word, text.len) == 0;
}

static struct slice trim(struct slice text)
{
    while (text.len > 0 && (*text.data == ' ' || *text.data == '\t')) {
        text.data++;
        text.len--;
    }
    while (text.len > 0 && strchr(" \t", text.data[text.len - 1]) != NULL)
        text.len--;
    return text;
}

/* The next line without its CRLF. 0, -1 when incomplete, or a status. */
static int next_line(struct slice *rest, struct slice *line, const char **why)
{
    for (size_t i = 0; i < rest->len; i++) {
        unsigned char c = (unsigned char)rest->data[i];
        if (c == '\r' && i + 1 == rest->len)
            return -1;
        if (c == '\r' && rest->data[i + 1] == '\n') {
            *line = (struct slice){rest->data, i};
            rest->data += i + 2;
            rest->len -= i + 2;
            return 0;
        }
        if (c == '\r' || c == '\n')
            return refuse(why, 400, "A line does not end in CR LF.");
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return refuse(why, 400, "The head has a control character.");
    }
    return -1;
}

static int read_version(struct slice version, struct http_head *head, const char **why)
{
    if (version.len != 8 || memcmp(version.data, "HTTP/", 5) != 0 || version.data[6] != '.')
        return refuse(why, 400, "The request line is not method, target, version.");
    if (version.data[5] != '1' || (version.data[7] != '0' && version.data[7] != '1'))
        return refuse(why, 505, "Only HTTP/1.0 and HTTP/1.1 are spoken here.");
    head->http11 = version.data[7] == '1';
    head->keep_alive = head->http11;
    return 0;
}

static bool is_host(struct slice value)
{
    for (size_t i = 0; i < value.len; i++)
        if (strchr(" \t/\\@?#,\"<>", value.data[i]) != NULL)
            return false;
    return true;
}

/* "http://host/path?query", as proxies ask: host and target come apart. Source: RFC 9112 3.2.2. */
static int split_absolute(struct http_head *head, const char **why)
{
    struct slice t = head->target;
    size_t scheme = t.len > 7 && strncasecmp(t.data, "http://", 7) == 0    ? 7
                    : t.len > 8 && strncasecmp(t.data, "https://", 8) == 0 ? 8
                                                                           : 0;
    if (scheme == 0)
        return refuse(why, 400,
                      "The target must be a path that begins with a slash, or an http URL.");
    size_t end = scheme;
    while (end < t.len && t.data[end] != '/' && t.data[end] != '?')
        end++;
    head->authority = (struct slice){t.data + scheme, end - scheme};
    if (head->authority.len == 0 || !is_host(head->authority))
        return refuse(why, 400, "The target names no host.");
    head->target = (struct slice){t.data + end, t.len - end};
    if (head->target.len == 0) /* OPTIONS of a server as a whole: RFC 9112 3.2.4 */
        head->target = (struct slice){same(head->verb, "OPTIONS") ? "*" : "/", 1};
    return 0;
}

static int read_request_line(struct slice line, struct http_head *head, const char **why)
{
    const char *end = line.data + line.len;
    const char *first = memchr(line.data, ' ', line.len);
    const char *second = first == NULL ? NULL : memchr(first + 1, ' ', (size_t)(end - first - 1));
    if (second == NULL || memchr(second + 1, ' ', (size_t)(end - second - 1)) != NULL)
        return refuse(why, 400, "The request line is not method, target, version.");
    head->verb = (struct slice){line.data, (size_t)(first - line.data)};
    head->target = (struct slice){first + 1, (size_t)(second - first - 1)};
    if (!is_token(head->verb) || head->target.len == 0)
        return refuse(why, 400, "The request line is not method, target, version.");
    for (size_t i = 0; i < head->target.len; i++) {
        unsigned char c = (unsigned char)head->target.data[i];
        if (c <= 0x20 || c >= 0x7f || c == '#')
            return refuse(why, 400, "The target has a character that must be percent-encoded.");
    }
    int status = read_version((struct slice){second + 1, (size_t)(end - second - 1)}, head, why);
    if (status != 0)
        return status;
    bool asterisk = same(head->target, "*") && same(head->verb, "OPTIONS");
    return head->target.data[0] == '/' || asterisk ? 0 : split_absolute(head, why);
}

static int read_length(struct slice value, struct http_head *head, const char **why)
{
    int64_t length = 0;
    if (value.len == 0 || value.len > 10)
        return refuse(why, 400, "Content-Length is not a length.");
    for (size_t i = 0; i < value.len; i++) {
        if (value.data[i] < '0' || value.data[i] > '9')
            return refuse(why, 400, "Content-Length is not a length.");
        length = length * 10 + (value.data[i] - '0');
    }
    head->content_length = length;
    return 0;
}

static void read_connection(struct slice value, struct http_head *head)
{
    while (value.len > 0) {
        const char *comma = memchr(value.data, ',', value.len);
        size_t len = comma == NULL ? value.len : (size_t)(comma - value.data);
        struct slice word = trim((struct slice){value.data, len});
        if (same(word, "close"))
            head->keep_alive = false;
        if (same(word, "keep-alive") && !head->http11)
            head->keep_alive = true;
        size_t skip = comma == NULL ? value.len : len + 1;
        value.data += skip;
        value.len -= skip;
    }
}

/* Headers that may stand once only: two of them could mean two things to two readers. */
static bool doubled(const struct http_head *head, struct slice name)
{
    static const char *const single[] = {"Host",
                                         "Content-Length",
                                         "Transfer-Encoding",
                                         "Authorization",
                                         "X-Organization-Id",
                                         "Idempotency-Key",
                                         "Content-Type",
                                         "Expect"};
    for (size_t i = 0; i < COUNT_OF(single); i++)
        if (same(name, single[i]))
            return http_header_find(head, single[i]).data != NULL;
    return false;
}

static int judge(struct http_head *head, struct slice name, struct slice value, const char **why)
{
    if (doubled(head, name))
        return refuse(why, 400, "A header that may stand once stands twice.");
    if (same(name, "Content-Length"))
        return read_length(value, head, why);
    if (same(name, "Host") && !is_host(value))
        return refuse(why, 400, "Host is not a host.");
    if (same(name, "Connection"))
        read_connection(value, head);
    if (same(name, "Transfer-Encoding")) {
        if (!same(value, "chunked") || !head->http11)
            return refuse(why, 400, "The only transfer coding here is chunked.");
        head->chunked = true;
    }
    if (same(name, "Expect")) {
        if (!same(value, "100-continue"))
            return refuse(why, 417, "The only expectation met here is 100-continue.");
        head->expects_continue = head->http11;
    }
    return 0;
}

static int read_header(struct slice line, struct http_head *head, const char **why)
{
    const char *colon = memchr(line.data, ':', line.len);
    if (line.data[0] == ' ' || line.data[0] == '\t')
        return refuse(why, 400, "A header is folded over two lines.");
    if (colon == NULL)
        return refuse(why, 400, "A header has no colon.");
    struct slice name = {line.data, (size_t)(colon - line.data)};
    struct slice value = trim((struct slice){colon + 1, line.len - name.len - 1});
    if (!is_token(name))
        return refuse(why, 400, "The name of a header has a character it may not have.");
    if (head->headers_n + 1 >= HTTP_HEADERS_MAX)
        return refuse(why, 400, "There are too many headers.");
    int status = judge(head, name, value, why);
    head->headers[head->headers_n++] = (struct http_header){name, value};
    return status;
}

/* The host of the target wins over the header's. */
static void take_authority(struct http_head *head)
{
    size_t i = 0;
    while (i < head->headers_n && !same(head->headers[i].name, "Host"))
        i++;
    if (i == head->headers_n)
        head->headers[head->headers_n++].name = (struct slice){"Host", 4};
    head->headers[i].value = head->authority;
}

static int judge_whole(struct http_head *head, const char **why)
{
    if (head->chunked && head->content_length >= 0)
        return refuse(why, 400, "Content-Length and Transfer-Encoding exclude each other.");
    if (head->http11 && http_header_find(head, "Host").data == NULL)
        return refuse(why, 400, "The Host header is missing.");
    if (head->authority.len > 0)
        take_authority(head);
    return 0;
}

int http_head_read(struct slice bytes, struct http_head *head, const char **why)
{
    struct slice rest = bytes, line;
    head->headers_n = 0;
    head->authority = (struct slice){NULL, 0};
    head->chunked = head->expects_continue = false;
    head->content_length = -1;
    int status = next_line(&rest, &line, why);
    if (status == 0 &&
        line.len == 0) /* one empty line before a request is harmless: RFC 9112 2.2 */
        status = next_line(&rest, &line, why);
    if (status == 0)
        status = read_request_line(line, head, why);
    while (status == 0) {
        status = next_line(&rest, &line, why);
        if (status == 0 && line.len == 0)
            break;
        if (status == 0)
            status = read_header(line, head, why);
    }
    head->bytes = bytes.len - rest.len;
    bool large = status == -1 ? bytes.len >= HTTP_HEAD_MAX : head->bytes > HTTP_HEAD_MAX;
    if (large && status <= 0)
        return refuse(why, 431, "The headers are larger than 16 KB.");
    return status == 0 ? judge_whole(head, why) : status;
}

struct slice http_header_find(const struct http_head *head, const char *name)
{
    for (size_t i = 0; i < head->headers_n; i++)
        if (same(head->headers[i].name, name))
            return head->headers[i].value;
    return (struct slice){NULL, 0};
}

static int nibble_of(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* "1a;ext=1\r\n" at data: its length, 0 when incomplete, -1 when it is none. */
static int read_size(const char *data, size_t len, size_t *size)
{
    size_t value = 0, i = 0;
    for (; i < len && i <= CHUNK_DIGITS_MAX && nibble_of(data[i]) >= 0; i++)
        value = value * 16 + (size_t)nibble_of(data[i]);
    if (i < len && (i == 0 || i > CHUNK_DIGITS_MAX || (data[i] != ';' && data[i] != '\r')))
        return -1;
    for (; i < len && data[i] != '\r'; i++)
        if ((unsigned char)data[i] < 0x20 || i > CHUNK_LINE_MAX)
            return -1;
    if (i + 1 >= len)
        return len > CHUNK_LINE_MAX ? -1 : 0;
    *size = value;
    return data[i + 1] == '\n' ? (int)(i + 2) : -1;
}

static int read_chunk_end(struct chunks *c, const char *data, size_t len, const char **why)
{
    if (len - c->at < 2)
        return -1;
    if (memcmp(data + c->at, "\r\n", 2) != 0)
        return refuse(why, 400, "A chunk does not end where it says.");
    c->at += 2;
    return 0;
}

static void move_data(struct chunks *c, char *data, size_t len)
{
    size_t have = len - c->at;
    size_t n = have < c->left ? have : c->left;
    memmove(data + c->out, data + c->at, n);
    c->at += n;
    c->out += n;
    c->left -= n;
}

/* A chunk's size; the last one's is 0, and an empty line must follow: trailers are not taken. */
static int open_chunk(struct chunks *c, const char *data, size_t len, const char **why)
{
    int n = read_size(data + c->at, len - c->at, &c->left);
    if (n == 0)
        return -1;
    if (n < 0)
        return refuse(why, 400, "The size of a chunk cannot be read.");
    if (c->out - c->start + c->left > c->max)
        return refuse(why, 413, "The body is too large.");
    c->at += (size_t)n;
    if (c->left > 0) {
        c->state = CHUNK_DATA;
        return 0;
    }
    int status = read_chunk_end(c, data, len, why);
    if (status == -1)
        c->at -= (size_t)n; /* both are read again, when both are there */
    if (status == 0)
        c->state = CHUNKS_DONE;
    return status;
}

static int step(struct chunks *c, char *data, size_t len, const char **why)
{
    int status = 0;
    switch (c->state) {
    case CHUNK_SIZE:
        return open_chunk(c, data, len, why);
    case CHUNK_DATA:
        move_data(c, data, len);
        if (c->left > 0)
            return -1;
        c->state = CHUNK_END;
        break;
    case CHUNK_END:
        status = read_chunk_end(c, data, len, why);
        if (status == 0)
            c->state = CHUNK_SIZE;
        break;
    case CHUNKS_DONE:
        break;
    }
    return status;
}

int http_chunks_read(struct chunks *c, char *data, size_t len, const char **why)
{
    while (c->state != CHUNKS_DONE) {
        int status = step(c, data, len, why);
        if (status != 0)
            return status;
    }
    return 0;
}
