/* A request from its bytes on: what is read of it, whose it is, and whether a page of another site
   could have sent it. What lies behind (services, Redis, health) is replaced below. */
#include "common/crypto.h"
#include "common/mp.h"
#include "gateway/admit.h"
#include "gateway/config.h"
#include "proto/resources.h"
#include "tests/unit/test.h"

bool health_answers(struct exchange *x)
{
    (void)x;
    return false;
}

bool health_has(const char *path) { return strcmp(path, "/healthz") == 0; }

bool cors_is_preflight(const struct exchange *x) { return strcmp(x->verb, "OPTIONS") == 0; }

void redis_keep(const char *key, int64_t user, struct slice text, int64_t ttl_ms)
{
    (void)key, (void)user, (void)text, (void)ttl_ms;
}

enum err upstream_ask(struct arena *arena, const char *service, struct request *request,
                      int64_t timeout_ms, struct reply **out)
{
    (void)arena, (void)service, (void)request, (void)timeout_ms, (void)out;
    return ERR_UNAVAILABLE;
}

void upload_first(struct exchange *x) { (void)x; }

static struct arena *arena;
static const struct slice session = {"the-session", 11};

/* The request as the stages see it; the text is a head with \n for line ends, and a body. */
static struct exchange *take(const char *line_and_headers, const char *body)
{
    struct exchange *x = arena_alloc(arena, sizeof *x);
    struct http_request *http = arena_alloc(arena, sizeof *http);
    struct http_head *head = arena_alloc(arena, sizeof *head);
    struct buf bytes;
    const char *why = "";
    buf_init(&bytes, arena);
    for (const char *c = line_and_headers; *c != '\0'; c++)
        buf_puts(&bytes, *c == '\n' ? "\r\n" : (char[]){*c, '\0'});
    buf_puts(&bytes, "\r\nHost: api.test\r\n\r\n");
    if (http_head_read((struct slice){bytes.data, bytes.len}, head, &why) != 0)
        fail_msg("%s: %s", line_and_headers, why);
    *http =
        (struct http_request){.head = head, .body = {body, strlen(body)}, .address = "203.0.113.9"};
    *x = (struct exchange){.arena = arena, .http = http};
    if (route_stage(x) == ERR_OK) {
        session_read(x);
        (void)!body_stage(x);
    }
    return x;
}

static const char *token_for(const char *secret)
{
    char *token = arena_alloc(arena, 44);
    csrf_token(config.key_csrf, (struct slice){secret, strlen(secret)}, token);
    return token;
}

static bool refused(const char *line_and_headers)
{
    return take(line_and_headers, "")->csrf_missing;
}

#define COOKIE "\nCookie: bureau_session=the-session"

static void test_a_session_brings_its_token(void **state)
{
    (void)state;
    const char *good = token_for("the-session"), *other = token_for("another");
    const char *post = "POST /api/clients HTTP/1.1" COOKIE;
    assert_true(refused(post)); /* also without Origin and Referer */
    assert_false(refused(arena_printf(arena, "%s\nX-XSRF-TOKEN: %s", post, good)));
    assert_false(refused(arena_printf(arena, "%s\nX-CSRF-TOKEN: %s", post, good)));
    assert_true(refused(arena_printf(arena, "%s\nX-XSRF-TOKEN: %s", post, other)));
    assert_true(refused(arena_printf(arena, "%s\nX-XSRF-TOKEN: %.42s", post, good)));
    assert_true(refused(arena_printf(arena, "%s\nX-XSRF-TOKEN: %%zz", post)));
    assert_true(refused("DELETE /api/clients/1 HTTP/1.1" COOKIE));
    assert_false(refused("GET /api/clients HTTP/1.1" COOKIE "\nOrigin: http://localhost"));
    /* A token alone is no pair. */
    assert_true(refused(arena_printf(
        arena, "POST /api/clients HTTP/1.1\nOrigin: http://localhost\nX-XSRF-TOKEN: %s", good)));
}

static void test_pages_of_ours_bring_a_token(void **state)
{
    (void)state;
    const char *post = "POST /api/clients HTTP/1.1";
    assert_true(refused(arena_printf(arena, "%s\nOrigin: http://localhost:5173", post)));
    assert_true(refused(arena_printf(arena, "%s\nReferer: http://localhost:5173/page", post)));
    assert_true(refused(arena_printf(arena, "%s\nOrigin: https://spa.test:3000", post)));
    assert_false(refused(arena_printf(arena, "%s\nOrigin: https://spa.test:3001", post)));
    assert_false(refused(arena_printf(arena, "%s\nOrigin: https://elsewhere.test", post)));
    /* Signing in from a page of ours too; from anywhere else the cookie does not count. */
    assert_true(refused("POST /login HTTP/1.1\nOrigin: http://localhost"));
    const struct exchange *x = take("POST /login HTTP/1.1" COOKIE, "{}");
    assert_false(x->csrf_missing);
    assert_int_equal(x->credential.kind, CREDENTIAL_NONE);
    assert_memory_equal(x->credential.session.data, session.data, session.len);
}

static void test_a_good_bearer_needs_no_token(void **state)
{
    (void)state;
    struct exchange *x = take("POST /api/clients HTTP/1.1\nOrigin: http://localhost"
                              "\nAuthorization: Bearer 1|secret",
                              "{}");
    assert_true(x->csrf_missing);
    assert_int_equal(admit_caller(x), ERR_CSRF); /* 419 comes before 401 */
    x->err = ERR_OK;
    x->known = true;
    x->identity = (struct identity){.user_id = 1, .abilities = "*", .zone = "", .language = ""};
    assert_int_not_equal(admit_caller(x), ERR_CSRF);
}

/* Document 003's clients keep the JWT in a cookie and are no browsers. */
static void test_a_jwt_cookie_of_a_browser_is_refused(void **state)
{
    (void)state;
    const char *post = "POST /api/parks HTTP/1.1\nCookie: Authorization=Bearer%20a.b.c";
    assert_false(refused(post));
    assert_true(refused(arena_printf(arena, "%s\nOrigin: https://elsewhere.test", post)));
    assert_true(refused(arena_printf(arena, "%s\nReferer: https://elsewhere.test/", post)));
    assert_true(refused(arena_printf(arena, "%s\nOrigin: null", post))); /* a sandboxed frame */
    assert_true(refused(arena_printf(arena, "%s\nSec-Fetch-Site: cross-site", post)));
}

/* Where a plain form, or a client of its own, puts the token. Source: crm.md 5.1. */
static void test_a_token_may_stand_in_the_body(void **state)
{
    (void)state;
    static const char post[] = "POST /api/clients HTTP/1.1" COOKIE "\nOrigin: http://localhost";
    static const char type[] = "\nContent-Type: application/x-www-form-urlencoded";
    const char *good = token_for("the-session"), *other = token_for("another");
    const char *as_form = arena_printf(arena, "%s%s", post, type);
    assert_false(take(as_form, arena_printf(arena, "name=x&_token=%s", good))->csrf_missing);
    assert_true(take(as_form, arena_printf(arena, "name=x&_token=%s", other))->csrf_missing);
    assert_true(take(as_form, arena_printf(arena, "name=x&a_token=%s", good))->csrf_missing);
    assert_true(take(as_form, "name=x&_token=")->csrf_missing);
    assert_false(take(post, arena_printf(arena, "{\"_token\":\"%s\"}", good))->csrf_missing);
    assert_true(take(post, arena_printf(arena, "{\"_token\":\"%s\"}", other))->csrf_missing);
    assert_true(take(post, arena_printf(arena, "{\"a\":{\"_token\":\"%s\"}}", good))->csrf_missing);
    assert_true(take(post, "{\"_token\":[1]}")->csrf_missing);
    assert_true(take(post, "{\"_token\":")->csrf_missing);
}

static void test_a_packed_body_is_refused(void **state)
{
    (void)state;
    static const char post[] = "POST /api/clients HTTP/1.1\nContent-Encoding: ";
    struct exchange *x = take(arena_printf(arena, "%sgzip", post), "\x1f\x8b");
    assert_int_equal(x->body_status, 415);
    assert_int_equal(x->body_err, ERR_MALFORMED);
    assert_non_null(strstr(x->body_message, "gzip"));
    assert_int_equal(take(arena_printf(arena, "%sidentity, br", post), "{}")->body_status, 415);
    assert_int_equal(take(arena_printf(arena, "%sIdentity", post), "{}")->body_status, 0);
    assert_int_equal(take(arena_printf(arena, "%sgzip", post), "")->body_status, 0);
    assert_int_equal(take("POST /api/clients HTTP/1.1", "{}")->body_err, ERR_OK);
}

static void test_options_names_the_verbs_of_the_path(void **state)
{
    (void)state;
    assert_string_equal(take("OPTIONS /login HTTP/1.1", "")->allow, "POST, OPTIONS");
    assert_string_equal(take("OPTIONS /healthz HTTP/1.1", "")->allow, "GET, HEAD, OPTIONS");
    assert_non_null(strstr(take("OPTIONS * HTTP/1.1", "")->allow, "DELETE"));
    const struct exchange *x = take("OPTIONS /api/nothing HTTP/1.1", "");
    assert_int_equal(x->err, ERR_NO_ROUTE);
    assert_null(x->allow);
}

static void test_an_absolute_target_without_a_path_is_the_root(void **state)
{
    (void)state;
    const struct exchange *x = take("GET http://b.test?a=1 HTTP/1.1", "");
    assert_string_equal(x->path, "/");
    assert_int_equal(x->query_n, 1);
}

static void test_abilities(void **state)
{
    (void)state;
    static const struct {
        const char *abilities, *verb, *path;
        bool able;
    } all[] = {
        {"*", "DELETE", "/api/clients/1", true},
        {"read", "GET", "/api/clients", true},
        {"read", "HEAD", "/api/clients", true},
        {"read", "POST", "/api/clients", false},
        {"write", "POST", "/api/clients", true},
        {"write", "GET", "/api/clients", false},
        {"read,write", "GET", "/api/clients", true},
        {"read, write", "PUT", "/api/clients/1", true},
        {"clients:read", "GET", "/api/clients/1", true},
        {"clients:read", "GET", "/api/contacts", false},
        {"clients:read", "GET", "/api/clientsx", false},
        {"client:read", "GET", "/api/clients", false},
        {"clients:write", "PUT", "/api/clients/1", true},
        {"clients:write", "DELETE", "/api/clients/1", false},
        {"clients:delete", "DELETE", "/api/clients/1", true},
        {"clients:delete", "PUT", "/api/clients/1", false},
        {"clients:*", "DELETE", "/api/clients/1", true},
        {"clients:*", "GET", "/api/clients", true},
        {"clients:*", "GET", "/api/contacts", false},
        {"none", "GET", "/api/clients", false},
        {"none", "GET", "/api/user", true},
        {"none", "POST", "/api/tokens/revoke", true},
        {"", "GET", "/api/clients", false},
        {"write", "POST", "/api/tokens", false},
        {"tokens:write", "POST", "/api/tokens", false},
        {"*", "POST", "/api/tokens", true},
        {"read", "GET", "/api/tokens", true},
        {"reads", "GET", "/api/clients", false},
        {":read", "GET", "/api/clients", false},
    };
    for (size_t i = 0; i < COUNT_OF(all); i++)
        if (admit_able(all[i].abilities, all[i].verb, all[i].path) != all[i].able)
            fail_msg("%s %s %s", all[i].abilities, all[i].verb, all[i].path);
}

/* The body a form becomes, as JSON; "!" when it is refused. */
static const char *form(const char *text)
{
    struct exchange *x = take("POST /api/clients HTTP/1.1"
                              "\nContent-Type: application/x-www-form-urlencoded",
                              text);
    struct buf json;
    buf_init(&json, arena);
    if (x->body_err != ERR_OK)
        return "!";
    const msgpack_object *body = NULL;
    assert_int_equal(mp_read(arena, x->body, &body), ERR_OK);
    mp_put_json(&json, body);
    return arena_printf(arena, "%s", json.data);
}

static void test_forms(void **state)
{
    (void)state;
    assert_string_equal(form("a=1&b=x+y%21"), "{\"a\":\"1\",\"b\":\"x y!\"}");
    assert_string_equal(form("a=1&a=2"), "{\"a\":\"2\"}");
    assert_string_equal(form("a[]=1&b=3&a[]=2"), "{\"a\":[\"1\",\"2\"],\"b\":\"3\"}");
    assert_string_equal(form("a%5Bx%5D=1&a[y]=2&a[x]=3"), "{\"a\":{\"y\":\"2\",\"x\":\"3\"}}");
    assert_string_equal(form("a&b="), "{\"a\":\"\",\"b\":\"\"}");
    assert_string_equal(form("&&a=1&"), "{\"a\":\"1\"}");
    assert_string_equal(form("a[]=1&a=2"), "{\"a\":[\"1\"]}");
    assert_string_equal(form("a=%zz"), "!");
    assert_string_equal(form("a=%ff"), "!");
    assert_string_equal(form("a=%00"), "!");
    assert_string_equal(form("a[=1"), "!");
    assert_string_equal(form("a]=1"), "{\"a]\":\"1\"}");
    assert_string_equal(form("a[b][c]=1"), "!");
    assert_string_equal(form("[x]=1"), "!");
    assert_string_equal(form("=1"), "!");
    struct buf many;
    buf_init(&many, arena);
    for (int i = 0; i < 256; i++)
        buf_printf(&many, "f%d=1&", i);
    assert_string_not_equal(form(many.data), "!");
    buf_puts(&many, "one_more=1");
    assert_string_equal(form(many.data), "!");
}

static void test_a_form_may_name_its_verb(void **state)
{
    (void)state;
    const char *head = "POST /api/clients/7 HTTP/1.1"
                       "\nContent-Type: application/x-www-form-urlencoded";
    assert_string_equal(take(head, "_method=PUT&name=x")->verb, "PUT");
    assert_string_equal(take(head, "name=x&_method=delete")->verb, "DELETE");
    assert_string_equal(take(head, "x_method=DELETE")->verb, "POST");
    assert_string_equal(take(head, "_method=GET")->verb, "POST");
    assert_string_equal(take(head, "_method=DELETED")->verb, "POST");
    assert_string_equal(take("POST /api/clients HTTP/1.1\nContent-Type: application/json",
                             "{\"a\":\"&_method=DELETE\"}")
                            ->verb,
                        "POST");
    /* A cookie's session is asked for its token by the verb that runs. */
    assert_true(take(arena_printf(arena, "%s%s", head, COOKIE), "_method=DELETE")->csrf_missing);
}

static const char *address_through(const char *peer, const char *forwarded)
{
    config.proxies = "10.0.0.0/8 fd00::/8";
    assert_true(gateway_config_judge());
    struct exchange *x =
        take(arena_printf(arena, "GET /api/clients HTTP/1.1\nX-Forwarded-For: %s", forwarded), "");
    struct http_request http = *x->http;
    http.address = peer;
    struct exchange again = {.arena = arena, .http = &http};
    (void)!route_stage(&again);
    return again.address;
}

static void test_trusted_proxies(void **state)
{
    (void)state;
    assert_string_equal(address_through("10.0.0.1", "198.51.100.7"), "198.51.100.7");
    assert_string_equal(address_through("192.0.2.1", "198.51.100.7"), "192.0.2.1");
    assert_string_equal(address_through("10.0.0.1", "6.6.6.6, 198.51.100.7"), "198.51.100.7");
    assert_string_equal(address_through("10.0.0.1", "198.51.100.7 ,10.2.2.2"), "198.51.100.7");
    assert_string_equal(address_through("fd00::1", "2001:db8::5"), "2001:db8::5");
    assert_string_equal(address_through("10.0.0.1", "2001:db8::5, fd12::1"), "2001:db8::5");
    assert_string_equal(address_through("10.0.0.1", "unknown"), "10.0.0.1");
    assert_string_equal(address_through("10.0.0.1", "6.6.6.6, junk, 10.1.1.1"), "10.1.1.1");
    assert_string_equal(address_through("10.0.0.1", ","), "10.0.0.1");
}

static int set_up(void **state)
{
    (void)state;
    arena = arena_new(1 << 16);
    config = (struct gateway_config){.listen = "127.0.0.1",
                                     .data = "/nowhere",
                                     .port = 8080,
                                     .timeout_ms = 1000,
                                     .public_url = "https://api.test",
                                     .stateful = "localhost,spa.test:3000",
                                     .secret_key = "0123456789abcdef0123456789abcdef",
                                     .proxies = "",
                                     .metrics_allow = "",
                                     .cors = "*"};
    routes_open();
    return crypto_open() && gateway_config_judge() && gateway_config_open() ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_session_brings_its_token),
        cmocka_unit_test(test_pages_of_ours_bring_a_token),
        cmocka_unit_test(test_a_good_bearer_needs_no_token),
        cmocka_unit_test(test_a_jwt_cookie_of_a_browser_is_refused),
        cmocka_unit_test(test_a_token_may_stand_in_the_body),
        cmocka_unit_test(test_a_packed_body_is_refused),
        cmocka_unit_test(test_options_names_the_verbs_of_the_path),
        cmocka_unit_test(test_an_absolute_target_without_a_path_is_the_root),
        cmocka_unit_test(test_abilities),
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_a_form_may_name_its_verb),
        cmocka_unit_test(test_trusted_proxies),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
