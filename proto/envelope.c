/* The members of requests and replies. */
#include "proto/envelope.h"

#include <string.h>

#include "proto/envelope_members.h"

#define AT(type, name) offsetof(struct type, name)

const struct member envelope_caller[] = {
    {"u", INT64, AT(caller, user_id)},
    {"o", INT64, AT(caller, organization_id)},
    {"t", INT64, AT(caller, token_id)},
    {"r", ROLE, AT(caller, role)},
    {"a", SURE_TEXT, AT(caller, abilities)},
    {"z", SURE_TEXT, AT(caller, zone)},
    {"y", SURE_TEXT, AT(caller, org_zone)},
    {"l", SURE_TEXT, AT(caller, language)},
    {"s", BOOL, AT(caller, session)},
    {"v", INT64, AT(caller, custom)},
    {{0}},
};

const struct member envelope_request[] = {
    {"i", UINT32, AT(request, index)},
    {"d", SURE_TEXT, AT(request, id)},
    {"t", SURE_TEXT, AT(request, trace)},
    {"o", SURE_TEXT, AT(request, op)},
    {"r", SURE_TEXT, AT(request, resource)},
    {"n", INT64, AT(request, row)},
    {"a", TEXTS, AT(request, arg), COUNT_OF(((struct request *)0)->arg)},
    {"q", QUERY, 0},
    {"b", BYTES, AT(request, body)},
    {"w", BYTES, AT(request, raw)},
    {"c", CALLER, AT(request, who)},
    {"l", INT64, AT(request, left_ms)},
    {"f", SURE_TEXT, AT(request, address)},
    {"h", TEXTS, AT(request, headers), COUNT_OF(((struct request *)0)->headers)},
    {"p", SURE_TEXT, AT(request, path)},
    {{0}},
};

const struct member envelope_fault[] = {
    {"f", SURE_TEXT, AT(fault, field)}, {"r", RULE_NO, AT(fault, rule)}, {"a", TEXT, AT(fault, a)},
    {"b", TEXT, AT(fault, b)},          {"l", TEXT, AT(fault, label)},   {{0}},
};

const struct member envelope_page[] = {
    {"n", INT64, AT(page, number)},     {"s", INT64, AT(page, size)},
    {"t", INT64, AT(page, total)},      {"r", INT64, AT(page, rows)},
    {"c", TEXT, AT(page, next_cursor)}, {"p", BOOL, AT(page, plain)},
    {"k", BOOL, AT(page, by_cursor)},   {{0}},
};

const struct member envelope_reply[] = {
    {"i", UINT32, AT(reply, index)},
    {"e", ERROR, AT(reply, err)},
    {"f", FAULTS, AT(reply, faults)},
    {"m", TEXT, AT(reply, message)},
    {"j", BYTES, AT(reply, json)},
    {"k", TEXT, AT(reply, meta)},
    {"p", PAGE, AT(reply, page)},
    {"s", INT, AT(reply, status)},
    {"b", BOOL, AT(reply, bare)},
    {"t", TEXT, AT(reply, type)},
    {"h", HEADERS, AT(reply, headers)},
    {"g", TEXT, AT(reply, forget)},
    {"a", INT64, AT(reply, retry_after_s)},
    {"q", INT64, AT(reply, sql_us)},
    {{0}},
};

const char *query_find(const struct request *request, const char *name)
{
    for (size_t i = request->query_n; i > 0; i--)
        if (strcmp(request->query[i - 1].name, name) == 0)
            return request->query[i - 1].value;
    return NULL;
}
