#include "common/config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { VALUE_MAX = 65536 };

/* The value of a _FILE setting: the file without its trailing newline; NULL when unreadable. */
static char *read_value(const char *path)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return NULL;
    char *text = calloc(1, VALUE_MAX);
    size_t n = text == NULL ? 0 : fread(text, 1, VALUE_MAX - 1, file);
    bool bad = text == NULL || ferror(file) != 0;
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
        text = read_value(path); /* kept until the process ends */
        if (text == NULL) {
            fprintf(stderr, "%s=%s cannot be read: %s. Name a readable file.\n", name, path,
                    strerror(errno));
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

static void print_help(const char *program, const struct setting *const *tables,
                       const char *const *extra)
{
    printf("Usage: %s [--help | --version | --show-config | --check-config", program);
    for (; extra != NULL && *extra != NULL; extra++)
        printf(" | %s", *extra);
    printf("]\n\nSettings come from the environment; NAME_FILE=path reads one from a file.\n\n");
    for (; *tables != NULL; tables++)
        for (const struct setting *s = *tables; s->name != NULL; s++) {
            printf("  %s\n      %s", s->name, s->help);
            if (s->unit != NULL && *s->unit != '\0')
                printf(" Unit: %s.", s->unit);
            printf(" Default: %s.\n", s->def == NULL || *s->def == '\0' ? "none" : s->def);
        }
}

/* A URL keeps everything but its password. */
static void print_masked(const char *value)
{
    const char *scheme = strstr(value, "://"), *at = strchr(value, '@');
    const char *colon = scheme == NULL || at == NULL ? NULL : strchr(scheme + 3, ':');
    if (colon == NULL || colon > at)
        printf("%s\n", scheme != NULL && at == NULL && strchr(value, '=') == NULL ? value : "***");
    else
        printf("%.*s:***%s\n", (int)(colon - value), value, at);
}

static void show_config(const struct setting *const *tables)
{
    for (; *tables != NULL; tables++)
        for (const struct setting *s = *tables; s->name != NULL; s++) {
            const char *value = NULL;
            printf("%s=", s->name);
            if (!raw_value(s, &value) || value == NULL)
                printf("\n");
            else if (s->flags & SETTING_SECRET)
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
        bool good = config_load(tables);
        printf("%s: configuration %s\n", program, good ? "is good" : "has faults");
        exit(good ? 0 : 2);
    } else if (option != NULL) {
        fprintf(stderr, "%s: unknown option %s; --help lists them\n", program, option);
        exit(2);
    }
    if (!config_load(tables))
        exit(2);
    return rest;
}
