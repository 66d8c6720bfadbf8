#include "common/config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { VALUE_MAX = 65536, SETTINGS_MAX = 256 };

/* The value of a _FILE setting: the file without its trailing newlines; NULL when unreadable. Kept
   until the process ends. */
static char *read_value(const char *path, const char **reason)
{
    FILE *file = fopen(path, "re");
    *reason = strerror(errno);
    if (file == NULL)
        return NULL;
    char *text = calloc(1, VALUE_MAX);
    size_t n = text == NULL ? 0 : fread(text, 1, VALUE_MAX - 1, file);
    bool bad = text == NULL || ferror(file) != 0;
    *reason = strerror(errno);
    if (!bad && (fgetc(file) != EOF || memchr(text, 0, n) != NULL)) {
        *reason = "longer than 65535 bytes, or not text";
        bad = true;
    }
    fclose(file);
    if (bad) {
        free(text);
        return NULL;
    }
    while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
        text[--n] = '\0';
    return text;
}

/* What the environment says, or the default; false when a _FILE cannot be read. */
static bool raw_value(const struct setting *setting, const char **value)
{
    char name[128];
    snprintf(name, sizeof name, "%s_FILE", setting->name);
    const char *path = getenv(name);
    const char *text = getenv(setting->name);
    if (path != NULL && *path != '\0') {
        const char *reason;
        text = read_value(path, &reason);
        if (text == NULL) {
            fprintf(stderr, "%s=%s cannot be read: %s. Name a readable file.\n", name, path,
                    reason);
            return false;
        }
    }
    *value = text != NULL && *text != '\0' ? text : setting->def;
    return true;
}

static bool set_int(const struct setting *setting, const char *text)
{
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    bool bounded = setting->min != 0 || setting->max != 0;
    if (errno != 0 || *end != '\0' || end == text ||
        (bounded && (number < setting->min || number > setting->max))) {
        fprintf(stderr, "%s=%s is not a whole number", setting->name, text);
        if (bounded)
            fprintf(stderr, " from %" PRId64 " to %" PRId64, setting->min, setting->max);
        fprintf(stderr, ". Change it or leave it out (default %s).\n",
                setting->def == NULL ? "none" : setting->def);
        return false;
    }
    *(int64_t *)setting->target = number;
    return true;
}

static bool set_bool(const struct setting *setting, const char *text)
{
    static const char *const yes[] = {"1", "true", "yes", "on"};
    static const char *const no[] = {"0", "false", "no", "off"};
    for (size_t i = 0; i < COUNT_OF(yes); i++) {
        if (strcasecmp(text, yes[i]) == 0 || strcasecmp(text, no[i]) == 0) {
            *(bool *)setting->target = strcasecmp(text, yes[i]) == 0;
            return true;
        }
    }
    fprintf(stderr, "%s=%s is neither true nor false.\n", setting->name, text);
    return false;
}

static bool load_one(const struct setting *setting)
{
    const char *value;
    if (!raw_value(setting, &value))
        return false;
    if (value == NULL) {
        if (setting->flags & SETTING_REQUIRED)
            fprintf(stderr, "%s is not set: %s\n", setting->name, setting->help);
        return (setting->flags & SETTING_REQUIRED) == 0;
    }
    if (setting->type == SETTING_INT)
        return set_int(setting, value);
    if (setting->type == SETTING_BOOL)
        return set_bool(setting, value);
    *(const char **)setting->target = value;
    return true;
}

bool config_load(const struct setting *const *tables)
{
    bool good = true;
    for (; *tables != NULL; tables++)
        for (const struct setting *s = *tables; s->name != NULL; s++)
            good = load_one(s) && good;
    return good;
}

static bool (*judge_all)(void);

void config_judge(bool (*judge)(void)) { judge_all = judge; }

static bool load_and_judge(const struct setting *const *tables)
{
    return config_load(tables) && (judge_all == NULL || judge_all());
}

static int by_name(const void *a, const void *b)
{
    const struct setting *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

/* All settings in alphabetical order; returns how many. */
static size_t sorted(const struct setting *const *tables, const struct setting *out[SETTINGS_MAX])
{
    size_t n = 0;
    for (; *tables != NULL; tables++)
        for (const struct setting *s = *tables; s->name != NULL && n < SETTINGS_MAX; s++)
            out[n++] = s;
    qsort(out, n, sizeof out[0], by_name);
    return n;
}

static void print_help(const char *program, const struct setting *const *tables,
                       const char *const *extra)
{
    const struct setting *all[SETTINGS_MAX];
    size_t n = sorted(tables, all);
    printf("Usage: %s [--help | --version | --show-config | --check-config", program);
    for (; extra != NULL && *extra != NULL; extra++)
        printf(" | %s", *extra);
    printf("]\n\nSettings come from the environment; NAME_FILE=path reads one from a file.\n\n");
    for (size_t i = 0; i < n; i++) {
        const struct setting *s = all[i];
        printf("  %s\n      %s", s->name, s->help);
        if (s->unit != NULL && *s->unit != '\0')
            printf(" Unit: %s.", s->unit);
        printf(" Default: %s.\n", s->def == NULL || *s->def == '\0' ? "none" : s->def);
    }
}

/* The last @ of the part that names user, password and host. */
static const char *find_at(const char *authority)
{
    const char *at = NULL;
    for (const char *c = authority; *c != '\0' && *c != '?'; c++)
        if (*c == '@')
            at = c;
    return at;
}

/* A URL keeps everything but its password and its query; any other secret is hidden whole. */
static void print_masked(const char *value)
{
    const char *scheme = strstr(value, "://");
    if (scheme == NULL || strcspn(value, " =") < (size_t)(scheme - value)) {
        printf("***\n");
        return;
    }
    const char *authority = scheme + 3, *at = find_at(authority);
    const char *colon = at == NULL ? NULL : memchr(authority, ':', (size_t)(at - authority));
    const char *query = strchr(authority, '?');
    const char *rest = colon == NULL ? authority : at;
    int rest_len = query == NULL || query < rest ? (int)strlen(rest) : (int)(query - rest);
    printf("%.*s%s%.*s%s\n", (int)((colon == NULL ? authority : colon) - value), value,
           colon == NULL ? "" : ":***", rest_len, rest, query == NULL ? "" : "?***");
}

static void show_config(const struct setting *const *tables)
{
    const struct setting *all[SETTINGS_MAX];
    size_t n = sorted(tables, all);
    for (size_t i = 0; i < n; i++) {
        const char *value = NULL;
        printf("%s=", all[i]->name);
        if (!raw_value(all[i], &value) || value == NULL)
            printf("\n");
        else if (all[i]->flags & SETTING_SECRET)
            print_masked(value);
        else
            printf("%s\n", value);
    }
}

static bool is_in(const char *const *list, const char *text)
{
    for (; list != NULL && *list != NULL; list++)
        if (strcmp(*list, text) == 0)
            return true;
    return false;
}

int config_main(const char *program, const struct setting *const *tables, const char *const *extra,
                int argc, char **argv)
{
    const char *option = argc > 1 ? argv[1] : NULL;
    int rest = 0;
    if (option != NULL && is_in(extra, option)) {
        rest = 1;
    } else if (option != NULL && strcmp(option, "--help") == 0) {
        print_help(program, tables, extra);
        exit(0);
    } else if (option != NULL && strcmp(option, "--version") == 0) {
        printf("%s %s\n", program, BUREAU_VERSION);
        exit(0);
    } else if (option != NULL && strcmp(option, "--show-config") == 0) {
        show_config(tables);
        exit(0);
    } else if (option != NULL && strcmp(option, "--check-config") == 0) {
        bool good = load_and_judge(tables);
        printf("%s: configuration %s\n", program, good ? "is good" : "has faults");
        exit(good ? 0 : 2);
    } else if (option != NULL) {
        fprintf(stderr, "%s: unknown option %s; --help lists them\n", program, option);
        exit(2);
    }
    if (!load_and_judge(tables))
        exit(2);
    return rest;
}
