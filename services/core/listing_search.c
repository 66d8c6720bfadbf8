/*
 * The page of a list that is searched by text. Planners cannot know how many rows a text matches,
 * nor where in the order they stand: "globex" by name stands behind all that begins with a to f. So
 * the statement looks, and takes the cheapest of three ways that gives the right rows: few   at
 * most COUNTED_MAX matches: they are sorted; near  many matches: the first WALKED rows of the order
 * hold enough of them; all   neither: every match is sorted.
 */
#include "services/core/listing.h"

enum { WALKED = 5000 };

#define FEW  "(SELECT count(*) FROM few)"
#define NEAR "(SELECT count(*) FROM near)"

/* A filter over an ordered subquery keeps its order and stops at the limit: near reads no further
   than it must. */
void search_ways_sql(struct call *call, const struct listing *listing, struct sql *sql)
{
    const char *table = call->resource->table;
    sql->planned_anew = true;
    sql_printf(sql, "WITH few AS MATERIALIZED (SELECT t.* FROM %s t WHERE true%s LIMIT %d)", table,
               listing->where.text.data, COUNTED_MAX + 1);
    sql_printf(sql, ", near AS MATERIALIZED (SELECT t.* FROM (SELECT t.* FROM %s t WHERE true%s%s",
               table, listing->scope, listing->place);
    sort_sql(listing, sql);
    sql_printf(sql, " LIMIT %d) t WHERE true%s LIMIT $%d::bigint) ", WALKED,
               listing->where.text.data, sql_bind_int(sql, listing->page * listing->size));
}

void search_page_sql(struct call *call, const struct listing *listing, struct sql *sql)
{
    int wanted = sql_bind_int(sql, listing->page * listing->size);
    sql_printf(sql,
               "(SELECT t.* FROM few t WHERE " FEW " <= %d"
               " UNION ALL SELECT t.* FROM near t WHERE " FEW " > %d AND " NEAR " = $%d::bigint"
               " UNION ALL SELECT t.* FROM (SELECT t.* FROM %s t WHERE true%s OFFSET 0) t"
               " WHERE " FEW " > %d AND " NEAR " < $%d::bigint)",
               COUNTED_MAX, COUNTED_MAX, wanted, call->resource->table, listing->where.text.data,
               COUNTED_MAX, wanted);
}
