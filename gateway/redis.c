#include "gateway/redis.h"

#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/metrics.h"

enum {
    PENDING_MAX = 512,
    PENDING_BYTES = 512,
    DATABASE_MAX = 9999,
    HOSTS_MAX = 8,
    GONE_MS = 10000, /* longer than any identity question may be under way */
};

static const char limit_script[] =
    /* ARGV: identity key or '', limit of its user, then key and limit of each further window.
       A window is the list of the instants (ms) of the calls it let through; at most `limit`. */
    "local id, keys, most = '', {}, {}\n"
    "if ARGV[1] ~= '' then\n"
    "  id = redis.call('GET', ARGV[1])\n"
    "  local user = id and string.match(id, '^%S+ (%d+) ')\n"
    "  if not user then return {0} end\n"
    "  keys[1] = 'rl:u:' .. user\n"
    "  most[1] = tonumber(ARGV[2])\n"
    "end\n"
    "for i = 3, #ARGV, 2 do\n"
    "  keys[#keys + 1] = ARGV[i]\n"
    "  most[#most + 1] = tonumber(ARGV[i + 1])\n"
    "end\n"
    "local t = redis.call('TIME')\n"
    "local now = t[1] * 1000 + math.floor(t[2] / 1000)\n"
    "local refused, retry, limit, left, reset = 0, 0, 0, 0, 0\n"
    "for i = 1, #keys do\n"
    "  if most[i] > 0 then\n"
    "    local first = redis.call('LINDEX', keys[i], 0)\n"
    "    while first and now - first >= 60000 do\n"
    "      redis.call('LPOP', keys[i])\n"
    "      first = redis.call('LINDEX', keys[i], 0)\n"
    "    end\n"
    "    local n = first and redis.call('LLEN', keys[i]) or 0\n"
    "    if n >= most[i] then\n"
    "      local frees = redis.call('LINDEX', keys[i], n - most[i])\n"
    "      refused = 1\n"
    "      retry = math.max(retry, frees + 60000 - now)\n"
    "    end\n"
    "    if limit == 0 or most[i] - n < left then\n"
    "      limit = most[i]\n"
    "      left = most[i] - n\n"
    "      reset = (first or now) + 60000\n"
    "    end\n"
    "  end\n"
    "end\n"
    "if refused == 0 then\n"
    "  for i = 1, #keys do\n"
    "    if most[i] > 0 then\n"
    "      redis.call('RPUSH', keys[i], string.format('%.0f', now))\n"
    "      redis.call('PEXPIRE', keys[i], 60000)\n"
    "    end\n"
    "  end\n"
    "  left = left - 1\n"
    "end\n"
    "return {1, id, refused, limit, math.max(left, 0), math.ceil(reset / 1000),\n"
    "        math.max(math.ceil(retry / 1000), 1)}\n";

static const char keep_script[] =
    /* ARGV: key, user, text, life in ms */
    "if redis.call('EXISTS', 'gone:' .. ARGV[1], 'gone:user:' .. ARGV[2]) > 0 then return 0 end\n"
    "redis.call('SET', ARGV[1], ARGV[3], 'PX', ARGV[4])\n"
    "redis.call('SADD', 'idx:user:' .. ARGV[2], ARGV[1])\n"
    "redis.call('PEXPIRE', 'idx:user:' .. ARGV[2], 120000)\n"
    "return 1\n";

static const char forget_script[] =
    /* ARGV: life of the mark in ms, then names */
    "for i = 2, #ARGV do\n"
    "  local name = ARGV[i]\n"
    "  if string.sub(name, 1, 5) == 'user:' then\n"
    "    for _, key in ipairs(redis.call('SMEMBERS', 'idx:' .. name)) do\n"
    "      redis.call('DEL', key)\n"
    "    end\n"
    "    redis.call('DEL', 'idx:' .. name)\n"
    "  else\n"
    "    redis.call('DEL', name)\n"
    "  end\n"
    "  redis.call('SET', 'gone:' .. name, '1', 'PX', ARGV[1])\n"
    "end\n"
    "return 1\n";

struct redis {
    redisContext *context; /* NULL: not connected */
    int64_t era;           /* when it was connected */
    char script[41];       /* SHA-1 of limit_script, as Redis gave it */
};

static struct {
    struct {
        char name[256];
        int port;
    } host[HOSTS_MAX];
    size_t hosts;
    char user[256], password[256], path[256];
    int database;
} where;

static _Atomic size_t at_host; /* which of them is asked; the next one after each failure */
static pthread_mutex_t reason_lock = PTHREAD_MUTEX_INITIALIZER;
static char why[160]; /* the last failure */

static pthread_mutex_t side_lock = PTHREAD_MUTEX_INITIALIZER;    /* side */
static pthread_mutex_t pending_lock = PTHREAD_MUTEX_INITIALIZER; /* pending */
static struct redis side;
static char pending[PENDING_MAX][PENDING_BYTES];
static _Atomic size_t pending_n;
static _Atomic int64_t distrust_until_us;
static _Atomic bool alive;
/* Grows when Redis comes back: connections of an earlier era are dead and are replaced unused. */
static _Atomic int64_t era;

/* Digits up to the end or one of `stops`; false when there are none or too many of them. */
static bool read_number(const char **text, const char *stops, int most, int *out)
{
    size_t len = strspn(*text, "0123456789");
    if (len == 0 || len > 5 || strchr(stops, (*text)[len]) == NULL)
        return false;
    *out = (int)strtol(*text, NULL, 10);
    *text += len;
    return *out <= most;
}

/* "host:port,host" up to the end or '/'. */
static bool read_hosts(const char **text)
{
    bool good = true;
    for (bool more = true; good && more;) {
        size_t len = strcspn(*text, ":/,"), i = where.hosts++;
        good = len > 0 && i < HOSTS_MAX && len < sizeof where.host[i].name;
        if (!good)
            break;
        snprintf(where.host[i].name, sizeof where.host[i].name, "%.*s", (int)len, *text);
        where.host[i].port = 6379;
        *text += len;
        if (**text == ':' && *++*text != '/')
            good = read_number(text, "/,", 65535, &where.host[i].port) && where.host[i].port > 0;
        more = **text == ',';
        *text += more ? 1 : 0;
    }
    return good;
}

bool redis_open(const char *url)
{
    memset(&where, 0, sizeof where);
    if (strncmp(url, "unix://", 7) == 0) {
        const char *query = strstr(url, "?db=");
        size_t len = query == NULL ? strlen(url + 7) : (size_t)(query - url - 7);
        snprintf(where.path, sizeof where.path, "%.*s", (int)len, url + 7);
        const char *number = query == NULL ? "" : query + 4;
        bool good = query == NULL || read_number(&number, "", DATABASE_MAX, &where.database);
        return good && len > 0 && len < sizeof where.path;
    }
    if (strncmp(url, "redis://", 8) != 0)
        return false;
    const char *rest = url + 8, *at = strrchr(rest, '@');
    if (at != NULL) {
        const char *colon = memchr(rest, ':', (size_t)(at - rest));
        const char *secret = colon == NULL ? rest : colon + 1;
        snprintf(where.password, sizeof where.password, "%.*s", (int)(at - secret), secret);
        if (colon != NULL)
            snprintf(where.user, sizeof where.user, "%.*s", (int)(colon - rest), rest);
        rest = at + 1;
    }
    bool good = read_hosts(&rest);
    if (good && *rest == '/' && *++rest != '\0')
        good = read_number(&rest, "", DATABASE_MAX, &where.database);
    return good && *rest == '\0';
}

static void note_reason(const char *text)
{
    pthread_mutex_lock(&reason_lock);
    snprintf(why, sizeof why, "%s", text);
    pthread_mutex_unlock(&reason_lock);
}

const char *redis_reason(struct arena *arena)
{
    pthread_mutex_lock(&reason_lock);
    const char *text = arena_strdup(arena, *why == '\0' ? "no answer" : why);
    pthread_mutex_unlock(&reason_lock);
    return text;
}

/* Keeps what a failed question was answered: an error of Redis, or none and the connection's. */
static void note_failure(const struct redis *redis, const redisReply *reply)
{
    if (reply != NULL && reply->type == REDIS_REPLY_ERROR)
        note_reason(reply->str);
    else if (redis->context == NULL)
        note_reason("out of memory");
    else if (redis->context->err != 0)
        note_reason(redis->context->errstr);
}

static bool said_ok(const struct redis *redis, redisReply *reply)
{
    bool ok = reply != NULL && reply->type != REDIS_REPLY_ERROR;
    if (!ok)
        note_failure(redis, reply);
    if (reply != NULL)
        freeReplyObject(reply);
    return ok;
}

static bool load_script(struct redis *redis)
{
    redisReply *reply = redisCommand(redis->context, "SCRIPT LOAD %s", limit_script);
    bool ok = reply != NULL && reply->type == REDIS_REPLY_STRING && reply->len == 40;
    if (ok)
        memcpy(redis->script, reply->str, 41);
    else
        note_failure(redis, reply);
    if (reply != NULL)
        freeReplyObject(reply);
    return ok;
}

/* A late answer would belong to another question: a connection with any fault is never used again.
 */
static void lose(struct redis *redis)
{
    if (redis->context != NULL)
        redisFree(redis->context);
    redis->context = NULL;
    if (atomic_exchange(&alive, false))
        log_say(LOG_WARN, "redis_lost", "Redis is away: each gateway keeps its own bound");
}

static redisContext *connect_host(struct timeval wait)
{
    size_t i = atomic_load(&at_host) % where.hosts;
    return redisConnectWithTimeout(where.host[i].name, where.host[i].port, wait);
}

static bool connect_now(struct redis *redis)
{
    struct timeval wait = {0, REDIS_TIMEOUT_MS * 1000};
    int64_t now = atomic_load(&era);
    if (redis->context != NULL && redis->era == now)
        return true;
    if (redis->context != NULL)
        redisFree(redis->context);
    redis->era = now;
    redis->context =
        *where.path != '\0' ? redisConnectUnixWithTimeout(where.path, wait) : connect_host(wait);
    bool ok = redis->context != NULL && redis->context->err == 0 &&
              redisSetTimeout(redis->context, wait) == REDIS_OK;
    if (!ok)
        note_failure(redis, NULL);
    if (ok && *where.user != '\0')
        ok = said_ok(redis, redisCommand(redis->context, "AUTH %s %s", where.user, where.password));
    else if (ok && *where.password != '\0')
        ok = said_ok(redis, redisCommand(redis->context, "AUTH %s", where.password));
    if (ok && where.database != 0)
        ok = said_ok(redis, redisCommand(redis->context, "SELECT %d", where.database));
    if (!ok || !load_script(redis)) {
        lose(redis);
        return false;
    }
    return true;
}

struct redis *redis_new(void)
{
    struct redis *redis = calloc(1, sizeof *redis);
    if (redis == NULL)
        abort();
    return redis;
}

bool redis_alive(void) { return atomic_load(&alive); }

static void append_ask(struct redis *redis, const struct redis_ask *ask)
{
    const char *argv[5 + 2 * LIMIT_KEYS];
    char most[1 + LIMIT_KEYS][24];
    int n = 0;
    snprintf(most[0], sizeof most[0], "%" PRId64, ask->caller_most);
    argv[n++] = "EVALSHA";
    argv[n++] = redis->script;
    argv[n++] = "0";
    argv[n++] = ask->identity == NULL ? "" : ask->identity;
    argv[n++] = most[0];
    for (size_t i = 0; i < LIMIT_KEYS; i++) {
        if (ask->key[i] == NULL)
            continue;
        snprintf(most[i + 1], sizeof most[0], "%" PRId64, ask->most[i]);
        argv[n++] = ask->key[i];
        argv[n++] = most[i + 1];
    }
    redisAppendCommandArgv(redis->context, n, argv, NULL);
}

static bool take_answer(struct redis_ask *ask, const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements == 0)
        return false;
    ask->answered = true;
    if (reply->elements < 7) {
        ask->missed = true;
        return true;
    }
    const redisReply *text = reply->element[1];
    ask->text = (struct slice){arena_strndup(ask->arena, text->str, text->len), text->len};
    ask->limit = (struct limit){.refused = reply->element[2]->integer != 0,
                                .most = reply->element[3]->integer,
                                .left = reply->element[4]->integer,
                                .reset_s = reply->element[5]->integer,
                                .retry_s = reply->element[6]->integer};
    return true;
}

/* Requests ask only a Redis that answered lately, so that a slow one holds up one of them at most;
   and the cache may not be trusted while something is still to be forgotten. */
static bool is_trusted(void)
{
    return atomic_load(&alive) && atomic_load(&pending_n) == 0 &&
           clock_mono_us() >= atomic_load(&distrust_until_us);
}

void redis_ask_all(struct redis *redis, struct redis_ask **asks, size_t n)
{
    if (n == 0 || !is_trusted() || !connect_now(redis))
        return;
    for (size_t i = 0; i < n; i++)
        append_ask(redis, asks[i]);
    bool good = true;
    for (size_t i = 0; i < n && good; i++) {
        redisReply *reply = NULL;
        good = redisGetReply(redis->context, (void **)&reply) == REDIS_OK && reply != NULL;
        if (good)
            good = take_answer(asks[i], reply);
        if (!good)
            note_failure(redis, reply);
        if (reply != NULL)
            freeReplyObject(reply);
    }
    if (!good) {
        metrics_count("bureau_redis_failures_total", "Round trips to Redis that failed.", "", 1);
        lose(redis);
    }
}

void redis_keep(const char *key, int64_t user, struct slice text, int64_t ttl_ms)
{
    if (!is_trusted())
        return;
    pthread_mutex_lock(&side_lock);
    if (connect_now(&side) &&
        !said_ok(&side, redisCommand(side.context, "EVAL %s 0 %s %lld %b %lld", keep_script, key,
                                     (long long)user, text.data, text.len, (long long)ttl_ms)))
        lose(&side);
    pthread_mutex_unlock(&side_lock);
}

static bool forget_now(const char *names)
{
    enum { NAMES = 64 };
    const char *argv[4 + NAMES];
    size_t lengths[4 + NAMES];
    char life[16];
    int n = 4;
    snprintf(life, sizeof life, "%d", GONE_MS);
    argv[0] = "EVAL", argv[1] = forget_script, argv[2] = "0", argv[3] = life;
    for (int i = 0; i < 4; i++)
        lengths[i] = strlen(argv[i]);
    for (const char *at = names; *at != '\0' && n < 4 + NAMES; n++) {
        at += strspn(at, " ");
        argv[n] = at;
        lengths[n] = strcspn(at, " ");
        at += lengths[n];
        if (lengths[n] == 0)
            break;
    }
    pthread_mutex_lock(&side_lock);
    bool ok =
        connect_now(&side) && said_ok(&side, redisCommandArgv(side.context, n, argv, lengths));
    if (!ok)
        lose(&side);
    pthread_mutex_unlock(&side_lock);
    return ok;
}

static void remember(const char *names)
{
    pthread_mutex_lock(&pending_lock);
    size_t n = atomic_load(&pending_n);
    if (n == PENDING_MAX || strlen(names) >= PENDING_BYTES) {
        /* Too much to remember: whatever is cached now is gone after its time to live. */
        atomic_store(&distrust_until_us, clock_mono_us() + (IDENTITY_TTL_S + 1) * 1000000LL);
    } else {
        snprintf(pending[n], PENDING_BYTES, "%s", names);
        atomic_store(&pending_n, n + 1);
    }
    pthread_mutex_unlock(&pending_lock);
}

void redis_forget(const char *names)
{
    if (!atomic_load(&alive) || !forget_now(names))
        remember(names);
}

/* Takes the last name off when it is still the one that was forgotten. */
static void forget_pending(void)
{
    char names[PENDING_BYTES];
    while (atomic_load(&pending_n) > 0) {
        pthread_mutex_lock(&pending_lock);
        size_t n = atomic_load(&pending_n);
        memcpy(names, pending[n - 1], sizeof names);
        pthread_mutex_unlock(&pending_lock);
        if (!forget_now(names))
            return;
        pthread_mutex_lock(&pending_lock);
        size_t last = atomic_load(&pending_n) - 1; /* more may have come: they take this place */
        memmove(pending[n - 1], pending[last], PENDING_BYTES);
        atomic_store(&pending_n, last);
        pthread_mutex_unlock(&pending_lock);
    }
}

/* By a write, which a replica refuses: of several hosts the primary is found so. */
static bool probe(void)
{
    pthread_mutex_lock(&side_lock);
    bool ok = connect_now(&side) &&
              said_ok(&side, redisCommand(side.context, "SET gone:probe 1 PX %d", GONE_MS));
    if (!ok) {
        lose(&side);
        atomic_fetch_add(&at_host, 1);
    }
    pthread_mutex_unlock(&side_lock);
    return ok;
}

bool redis_check(void)
{
    struct arena *arena = arena_new(1024);
    struct redis_ask ask = {.arena = arena, .key = {"rl:check"}, .most = {1}}, *one = &ask;
    bool ok = false;
    for (size_t i = 0; !ok && i < (where.hosts == 0 ? 1 : where.hosts); i++)
        ok = probe();
    atomic_store(&alive, ok);
    if (ok)
        redis_ask_all(&side, &one, 1);
    arena_destroy(arena);
    return ok && ask.answered;
}

void redis_maintain(void)
{
    bool ok = probe();
    if (ok)
        forget_pending();
    if (ok && !atomic_load(&alive)) {
        side.era = atomic_fetch_add(&era, 1) + 1; /* this connection is of the new era */
        atomic_store(&alive, true);
        log_say(LOG_INFO, "redis_connected", "rate limits are exact over all gateways");
    }
    metrics_gauge("bureau_redis_up", "Whether Redis answers.", "", atomic_load(&alive));
    metrics_gauge("bureau_redis_pending_forgets", "Identities still to be dropped from Redis.", "",
                  (int64_t)atomic_load(&pending_n));
}
