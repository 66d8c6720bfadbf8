#include "tests/api/exchanges.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void put(struct buf *line, const char *name, const char *text)
{
    buf_printf(line, ",\"%s\":", name);
    buf_puts_json(line, text);
}

void exchange_keep(struct arena *arena, const char *verb, const char *target,
                   const char *body_or_null, const struct answer *answer)
{
    const char *path = getenv("BUREAU_EXCHANGES");
    if (path == NULL || answer->status == 0)
        return;
    struct buf line;
    buf_init(&line, arena);
    buf_printf(&line, "{\"status\":%ld", answer->status);
    put(&line, "verb", verb);
    put(&line, "target", target);
    put(&line, "sent", body_or_null);
    put(&line, "type", answer_header(arena, answer, "Content-Type", 0));
    buf_puts(&line, ",\"body\":");
    buf_put_json(&line, answer->body, answer->len);
    buf_puts(&line, "}\n");
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0 || write(fd, line.data, line.len) != (ssize_t)line.len)
        fprintf(stderr, "the exchange could not be written to %s\n", path);
    if (fd >= 0)
        close(fd);
}
