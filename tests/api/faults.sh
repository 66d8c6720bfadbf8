#!/bin/bash
# faults.sh - what callers see while parts die, each with its stated outcome:
#   a service killed while requests run   every request is answered; a lost write is 503 or 504 with
#                                         Retry-After and is never done twice; service back in 1 s
#   PostgreSQL restarted                  503 with Retry-After meanwhile, then as before
#   Redis gone                            requests go on; strict again when it is back
#   the supervisor told to stop           requests in flight are answered
set -u
. "$(dirname -- "$(readlink -f -- "$0")")/../stack.sh"
find_data
find_run
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
trap 'exit 130' INT TERM
until_true 20 stack_ready || exit 1
register Faults || exit 1

# load SECONDS: 4 writers and 2 readers; a line "verb status seconds retry-after" for each answer.
load() {
    local until=$((SECONDS + $1)) i
    for i in 1 2 3 4; do
        (n=0; while ((SECONDS < until)); do
            n=$((n + 1))
            curl -s -m 35 -o /dev/null -w "POST %{http_code} %{time_total} %header{retry-after} $i.$n\n" -X POST \
                -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \
                --data "{\"name\":\"load $i.$n\"}" "$URL/api/clients"
        done) >>"$work/answers.$i" &
    done
    for i in 5 6; do
        (while ((SECONDS < until)); do
            curl -s -m 35 -o /dev/null -w "GET %{http_code} %{time_total} %header{retry-after} -\n" \
                -H "Authorization: Bearer $TOKEN" "$URL/api/clients?per_page=5"
        done) >>"$work/answers.$i" &
    done
}
answers() { cat "$work"/answers.*; }
count() { answers | grep -cE "$1"; }
fresh() { rm -f "$work"/answers.*; }

judge() { # what happened
    is "$1: every request is answered" 0 "$(count '^[A-Z]+ 000')"
    is "$1: with success or 503/504" 0 "$(answers | grep -vcE '^(GET 200|POST 201|[A-Z]+ 50[34]) ')"
    is "$1: 503 and 504 say when to come again" 0 "$(answers | grep -cE '^[A-Z]+ 50[34] [0-9.]+  ')"
    is "$1: nobody waits over 30 s" 0 "$(answers | awk '$3 > 30' | wc -l)"
    http GET "/api/clients?per_page=100&sort=name" "$TOKEN"
    is "$1: afterwards all is well" 200 "$STATUS"
    local twice lost
    twice=$(pg_sql bureau -c "SELECT name FROM crm.clients WHERE organization_id = $ORG AND name LIKE 'load %' GROUP BY name HAVING count(*) > 1 LIMIT 3")
    is "$1: no write is done twice" "" "$twice"
    answers | awk '$1 == "POST" && $2 == 201 { print "load " $NF }' | sort >"$work/said"
    pg_sql bureau -c "SELECT name FROM crm.clients WHERE organization_id = $ORG AND name LIKE 'load %'" | sort >"$work/stored"
    lost=$(comm -23 "$work/said" "$work/stored" | head -n 3)
    is "$1: no acknowledged write is lost" "" "$lost"
    pg_sql bureau -c "DELETE FROM crm.clients WHERE organization_id = $ORG" >/dev/null 2>&1
    fresh
}

PG_SOCKET=$RUN/pg
load 4
sleep 1
before=$(pid_alive crm)
kill -KILL "$before"
back() {
    local now
    now=$(pid_alive crm) && [[ $now != "$before" ]]
}
until_true 1 back
is "a killed service lives again within a second" 0 $?
wait
judge "service killed"
until_true 10 stack_ready
is "service killed: ready again" 0 $?

load 6
sleep 1
kill -INT "$(pid_alive postgres)"
wait
judge "PostgreSQL restarted"
until_true 20 stack_ready
is "PostgreSQL restarted: ready again" 0 $?

# Redis away for some seconds: the supervisor would start it again at once, so it is stopped instead.
redis=$(pid_alive redis)
kill -STOP "$redis"
http GET /api/clients "$TOKEN"
is "Redis hangs: reads go on" 200 "$STATUS"
http POST /api/clients "$TOKEN" '{"name":"without Redis"}'
is "Redis hangs: writes go on" 201 "$STATUS"
http GET /api/clients "1|nonsense"
is "Redis hangs: a wrong token is still 401" 401 "$STATUS"
kill -CONT "$redis"
load 3
sleep 0.5
kill -KILL "$redis"
wait
judge "Redis killed"
is "Redis killed: no request noticed" 0 "$(count ' 50[34] ')"

# A whole stop under load: what was taken is answered.
http GET /readyz ''
is "everything is ready at the end" 200 "$STATUS"
