/* Whatever is taken must come back as the same msgpack after a way through JSON text. */
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/mp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct arena *arena;
    if (arena == NULL)
        arena = arena_new(1 << 16);
    struct buf mp, text, again;
    struct json_fault fault = {SIZE_MAX, NULL};
    const msgpack_object *object;
    buf_init(&mp, arena);
    buf_init(&text, arena);
    buf_init(&again, arena);
    enum err err = json_to_mp(arena, (struct slice){(const char *)data, size}, &mp, &fault);
    if (err == ERR_OK) {
        if (mp_read(arena, (struct slice){mp.data, mp.len}, &object) != ERR_OK)
            abort();
        mp_put_json(&text, object);
        if (json_to_mp(arena, (struct slice){text.data, text.len}, &again, &fault) != ERR_OK)
            abort();
        if (again.len != mp.len || memcmp(again.data, mp.data, mp.len) != 0)
            abort();
    } else if (fault.reason == NULL || fault.at > size) {
        abort();
    }
    arena_reset(arena);
    return 0;
}
