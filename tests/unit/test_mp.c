#include "common/mp.h"

#include "tests/unit/test.h"

static struct arena *arena;

static enum err read_bytes(const char *data, size_t len, const msgpack_object **out)
{
    return mp_read(arena, (struct slice){data, len}, out);
}

static void test_numbers_of_every_size_come_back(void **state)
{
    (void)state;
    static const int64_t numbers[] = {
        0,     1,     127,       128,       255,       256,       32767,     32768,
        65535, 65536, INT32_MAX, 1LL << 31, 1LL << 32, INT64_MAX, -1,        -32,
        -33,   -128,  -129,      -32768,    -32769,    INT32_MIN, INT64_MIN, -(1LL << 31) - 1};
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        struct buf buf;
        const msgpack_object *object;
        int64_t got;
        buf_init(&buf, arena);
        mp_put_int(&buf, numbers[i]);
        assert_int_equal(read_bytes(buf.data, buf.len, &object), ERR_OK);
        assert_true(mp_int(object, &got) && got == numbers[i]);
    }
}

static void test_texts_of_every_size_come_back(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 31, 32, 255, 256, 65535, 65536, 100000};
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        char *text = arena_alloc(arena, sizes[i] + 1);
        memset(text, 'x', sizes[i]);
        struct buf buf;
        const msgpack_object *object;
        buf_init(&buf, arena);
        mp_put_array(&buf, 2);
        mp_put_str(&buf, text, sizes[i]);
        mp_put_bin(&buf, text, sizes[i]);
        assert_int_equal(read_bytes(buf.data, buf.len, &object), ERR_OK);
        assert_true(mp_same(&object->via.array.ptr[0], text));
        assert_int_equal(object->via.array.ptr[1].type, MSGPACK_OBJECT_BIN);
        assert_int_equal(object->via.array.ptr[1].via.bin.size, sizes[i]);
    }
}

static void test_maps_and_arrays_of_every_size_come_back(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {0, 1, 15, 16, 65535, 65536};
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        struct buf buf;
        const msgpack_object *object;
        buf_init(&buf, arena);
        mp_put_map(&buf, sizes[i]);
        for (uint32_t k = 0; k < sizes[i]; k++) {
            mp_put_bool(&buf, true);
            mp_put_nil(&buf);
        }
        assert_int_equal(read_bytes(buf.data, buf.len, &object), ERR_OK);
        assert_int_equal(object->via.map.size, sizes[i]);
        buf.len = 0;
        mp_put_array(&buf, sizes[i]);
        for (uint32_t k = 0; k < sizes[i]; k++)
            mp_put_nil(&buf);
        assert_int_equal(read_bytes(buf.data, buf.len, &object), ERR_OK);
        assert_int_equal(object->via.array.size, sizes[i]);
    }
}

static void test_lying_headers_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
    } bad[] = {
        {"", 0},
        {"\xdd\xff\xff\xff\xff", 5},
        {"\xdf\xff\xff\xff\xff\x01\x01", 7},
        {"\xdb\xff\xff\xff\xff"
         "a",
         6},
        {"\xc6\x00\x00\x00\x02"
         "a",
         6},
        {"\xc9\xff\xff\xff\xff\x01", 6},
        {"\xdc\x00", 2},
        {"\xcf\x00\x00", 3},
        {"\x92\x01", 2},
        {"\x81\x01", 2},
        {"\xa3"
         "ab",
         3},
        {"\xc1", 1},
        {"\x01\x01", 2},
        {"\xd8", 1},
        {"\xcb\x00\x00\x00\x00\x00\x00\x00", 8},
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        const msgpack_object *object;
        if (read_bytes(bad[i].bytes, bad[i].len, &object) != ERR_MALFORMED)
            fail_msg("case %zu was taken", i);
    }
}

static void test_objects_are_cut_off_one_by_one(void **state)
{
    (void)state;
    static const char bytes[] = "\x94\x01\x92\xa1"
                                "a\xc0\xd9\x02zz\xd6\x01"
                                "1.50";
    static const size_t lengths[] = {1, 4, 4, 6};
    struct slice rest = mp_inside((struct slice){bytes, sizeof bytes - 1});
    for (size_t i = 0; i < COUNT_OF(lengths); i++)
        assert_int_equal(mp_cut(&rest).len, lengths[i]);
    assert_int_equal(rest.len, 0);
    assert_null(mp_cut(&rest).data);
    struct slice half = {"\x92\x01", 2};
    assert_null(mp_cut(&half).data);
    assert_int_equal(half.len, 2);
    assert_int_equal(mp_inside((struct slice){"\xdc\x00", 2}).len, 0);
}

static void test_deep_nesting_is_refused_not_followed(void **state)
{
    (void)state;
    char deep[100000];
    const msgpack_object *object;
    memset(deep, (char)0x91, sizeof deep);
    deep[sizeof deep - 1] = 1;
    assert_int_equal(read_bytes(deep, sizeof deep, &object), ERR_MALFORMED);
    assert_int_equal(read_bytes(deep + sizeof deep - 33, 33, &object), ERR_OK);
}

static void test_members_are_found(void **state)
{
    (void)state;
    struct buf buf;
    const msgpack_object *map;
    int64_t number;
    buf_init(&buf, arena);
    mp_put_map(&buf, 3);
    mp_put_text(&buf, "a");
    mp_put_int(&buf, -5);
    mp_put_text(&buf, "ab");
    mp_put_text(&buf, NULL);
    mp_put_text(&buf, "n");
    buf_put(&buf,
            "\xc7\x04\x01"
            "1.50",
            7);
    assert_int_equal(read_bytes(buf.data, buf.len, &map), ERR_OK);
    assert_true(mp_int(mp_find(map, "a"), &number) && number == -5);
    assert_string_equal(mp_number(arena, mp_find(map, "a")), "-5");
    assert_string_equal(mp_number(arena, mp_find(map, "n")), "1.50");
    assert_false(mp_int(mp_find(map, "n"), &number));
    assert_true(mp_is_null(mp_find(map, "ab")) && mp_find(map, "ab") != NULL);
    assert_null(mp_find(map, "abc"));
    assert_null(mp_find(mp_find(map, "a"), "a"));
    assert_null(mp_find(NULL, "a"));
    assert_null(mp_text(arena, mp_find(map, "a")));
}

static void test_json_comes_out_verbatim(void **state)
{
    (void)state;
    struct buf buf, out;
    const msgpack_object *object;
    buf_init(&buf, arena);
    buf_init(&out, arena);
    mp_put_array(&buf, 3);
    mp_put_bin(&buf, "{\"raw\":1}", 9);
    buf_put(&buf, "\xcf\xff\xff\xff\xff\xff\xff\xff\xff", 9);
    buf_put(&buf,
            "\xc7\x03\x01"
            "1e3",
            6);
    assert_int_equal(read_bytes(buf.data, buf.len, &object), ERR_OK);
    mp_put_json(&out, object);
    assert_string_equal(out.data, "[{\"raw\":1},18446744073709551615,1e3]");
    int64_t number;
    assert_false(mp_int(&object->via.array.ptr[1], &number));
    struct buf again;
    buf_init(&again, arena);
    mp_put_object(&again, object);
    assert_int_equal(again.len, buf.len);
    assert_memory_equal(again.data, buf.data, buf.len);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_of_every_size_come_back),
        cmocka_unit_test(test_texts_of_every_size_come_back),
        cmocka_unit_test(test_maps_and_arrays_of_every_size_come_back),
        cmocka_unit_test(test_lying_headers_are_refused),
        cmocka_unit_test(test_objects_are_cut_off_one_by_one),
        cmocka_unit_test(test_deep_nesting_is_refused_not_followed),
        cmocka_unit_test(test_members_are_found),
        cmocka_unit_test(test_json_comes_out_verbatim),
    };
    arena = arena_new(4096);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_destroy(arena);
    return failed;
}
