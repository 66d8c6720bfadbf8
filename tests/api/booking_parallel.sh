#!/bin/bash
# booking_parallel.sh - 64 writers at once on one material, then on twenty in every order, of a house
# that refuses overbooking; an independent sweep over what was stored. Then events that grow at once, and
# are sent back when they are short; and many bulk requests on the same events in every order.
set -u
. "$(dirname -- "$(readlink -f -- "$0")")/../stack.sh"
find_data
find_run
PG_SOCKET=$RUN/pg

# JSON bodies, one a line, sent over 64 connections at once; prints codes by count. [VERB PATH]
at_once() {
    local body verb=${1:-POST} path=${2:-/api/events}
    while read -r body; do
        printf 'next\nsilent\nmax-time = 60\noutput = /dev/null\nwrite-out = "%%{http_code}\\n"\n'
        printf 'request = "%s"\nurl = "%s"\nheader = "Authorization: Bearer %s"\n' "$verb" "$URL$path" "$TOKEN"
        printf 'header = "Content-Type: application/json"\ndata = "%s"\n' "${body//\"/\\\"}"
    done | sed 1d | curl --parallel --parallel-immediate --parallel-max 64 --config - 2>/dev/null |
        sort | uniq -c | awk '{ printf "%s%s x %s", s, $1, $2; s = ", " }'
}

material() { # reference, stock: prints its id
    http POST /api/materials "$TOKEN" "{\"name\":\"Material $1\",\"reference\":\"$1\",\"park_id\":$park,\"category_id\":$category,\"rental_price\":1,\"stock_quantity\":$2}"
    jq -r .id <<<"$BODY"
}

event() { # day, materials: prints a body
    printf '{"user_id":%s,"title":"Load","start_date":"2027-03-%02d","end_date":"2027-03-%02d","materials":[%s]}\n' \
        "$USER_ID" "$1" $(($1 + 1 + RANDOM % 4)) "$2"
}

# Materials of which more was booked at some instant than there is.
overbooked() {
    pg_sql bureau -c "SELECT count(*) FROM rentals.materials m WHERE m.organization_id = $ORG AND m.stock_quantity <
        (SELECT max((SELECT sum(x.quantity) FROM rentals.event_materials x
            JOIN rentals.events o ON o.organization_id = x.organization_id AND o.id = x.event_id
           WHERE x.organization_id = $ORG AND x.material_id = m.id
             AND o.start_date <= e.start_date AND o.end_date > e.start_date))
           FROM rentals.event_materials b JOIN rentals.events e ON e.organization_id = b.organization_id
            AND e.id = b.event_id WHERE b.organization_id = $ORG AND b.material_id = m.id)"
}

deadlocks() { pg_sql bureau -c "SELECT pg_stat_get_db_deadlocks(oid) FROM pg_database WHERE datname = 'bureau'"; }

register Booking || exit 1
http PUT /api/settings "$TOKEN" '{"overbooking":"refuse"}'
is "a house refuses overbooking" 200 "$STATUS"
http GET /api/parks "$TOKEN"
park=$(jq -r '.data[0].id' <<<"$BODY")
http POST /api/categories "$TOKEN" '{"name":"Sound"}'
category=$(jq -r .id <<<"$BODY")
before=$(deadlocks)

one=$(material ONE 5)
got=$(for ((i = 0; i < 64; i++)); do event 10 "{\"id\":$one,\"quantity\":1}"; done | at_once)
is "of 64 writers on a stock of five, five win" "5 x 201, 59 x 409" "$got"

ids=()
for ((i = 0; i < 20; i++)); do ids+=("$(material "MANY-$i" 3)"); done
got=$(for ((i = 0; i < 320; i++)); do
    list=
    for id in $(shuf -n 3 -e "${ids[@]}"); do list+=",{\"id\":$id,\"quantity\":$((1 + RANDOM % 2))}"; done
    event $((1 + RANDOM % 20)) "${list#,}"
done | at_once)
like "writers on many materials get a decision each" '^[0-9]+ x 201, [0-9]+ x 409$' "$got"
is "nothing is overbooked" 0 "$(overbooked)"
is "no two writers waited for each other" "$before" "$(deadlocks)"

# What is wrong with one is told to that one, as it would be alone, and costs those beside it nothing.
splits() { curl -s "$URL/metrics" | awk '/^bureau_groups_split_total/ { n += $2 } END { print n + 0 }'; }
trashed=$(material TRASHED 5)
http DELETE "/api/materials/$trashed" "$TOKEN"
crowded=$(material CROWD 4)
crowd() { # a body of each kind: fits or not, nothing there, in the trash, a stranger, backwards
    local day='"start_date":"2027-04-10","end_date":"2027-04-12"' wants="\"materials\":[{\"id\":$crowded,\"quantity\":1}]"
    echo "{\"user_id\":$USER_ID,\"title\":\"Crowd\",$day,$wants}"
    echo "{\"user_id\":$USER_ID,\"title\":\"Crowd\",$day,\"materials\":[{\"id\":999999999,\"quantity\":1}]}"
    echo "{\"user_id\":$USER_ID,\"title\":\"Crowd\",$day,\"materials\":[{\"id\":$trashed,\"quantity\":1}]}"
    echo "{\"user_id\":$USER_ID,\"title\":\"Crowd\",$day,\"beneficiaries\":[999999999],$wants}"
    echo "{\"user_id\":999999999,\"title\":\"Crowd\",$day,$wants}"
    echo "{\"user_id\":$USER_ID,\"title\":\"Crowd\",\"start_date\":\"2027-04-12\",\"end_date\":\"2027-04-10\",$wants}"
}
before_crowd=$(splits)
got=$(for ((i = 0; i < 20; i++)); do crowd; done | at_once)
is "in a crowd of good and bad bookings each gets its own answer" "4 x 201, 100 x 400, 16 x 409" "$got"
is "and no group of them had to be run again" "$before_crowd" "$(splits)"
is "what was made is there" 4 "$(pg_sql bureau -c "SELECT sum(quantity) FROM rentals.event_materials WHERE organization_id = $ORG AND material_id = $crowded")"
is "what was refused left nothing" 4 "$(pg_sql bureau -c "SELECT count(*) FROM rentals.events WHERE organization_id = $ORG AND title = 'Crowd'")"
is "but for the made ones the history says nothing" 4 "$(pg_sql bureau -c "SELECT count(*) FROM core.audit WHERE organization_id = $ORG AND resource = 'event' AND changes ->> 'title' = 'Crowd'")"

# Five events with one piece each of eight: three of them can have a second one. Whoever has it may say
# so again; so may all when the stock is lowered, for nobody asks for more.
growing=$(material GROW 8)
grown=()
for ((i = 0; i < 5; i++)); do
    http POST /api/events "$TOKEN" "$(event 5 "{\"id\":$growing,\"quantity\":1}")"
    grown+=("$(jq -r .id <<<"$BODY")")
done
each() { # quantity: that often an event of these five, all at once; prints what each heard, by count
    local id i jobs=()
    for id in "${grown[@]}"; do
        for ((i = 0; i < 6; i++)); do echo "{\"title\":\"Grown\",\"materials\":[{\"id\":$growing,\"quantity\":$1}]}"; done |
            at_once PUT "/api/events/$id" >"$RUN/grown.$id" &
        jobs+=($!)
    done
    wait "${jobs[@]}"
    for id in "${grown[@]}"; do cat "$RUN/grown.$id" && echo; done | sort | uniq -c |
        awk '{ printf "%s%s events %s", s, $1, $2 " x " $4; s = ", " }'
    rm -f -- "$RUN"/grown.*
}
is "of five events that grow at once into room for three, three do" "3 events 6 x 200, 2 events 6 x 409" "$(each 2)"
http PUT "/api/materials/$growing" "$TOKEN" '{"stock_quantity":1}'
is "the stock is lowered below what is booked" 200 "$STATUS"
is "events that are short may be given less, each as often as it likes" "5 events 6 x 200" "$(each 1)"
is "but none may grow again" "5 events 6 x 409" "$(each 2)"
is "they hold what they were given" 5 "$(pg_sql bureau -c "SELECT sum(quantity) FROM rentals.event_materials WHERE organization_id = $ORG AND material_id = $growing")"
is "growing, no two writers waited for each other" "$before" "$(deadlocks)"

# Bulk updates of the same ten events, each in an order of its own, beside plain ones.
http GET "/api/events?start=2027-03-01&end=2027-04-30" "$TOKEN"
mapfile -t events < <(jq '.data[].id' <<<"$BODY" | head -10)
bulks() { # requests: prints codes by count
    local i id records
    for ((i = 0; i < $1; i++)); do
        records=
        for id in $(shuf -e "${events[@]}"); do records+=",{\"id\":$id,\"title\":\"Round $i\",\"is_confirmed\":$((i % 2 ? 1 : 0))}"; done
        printf '{"records":[%s]}\n' "${records#,}" | sed 's/"is_confirmed":1/"is_confirmed":true/g; s/"is_confirmed":0/"is_confirmed":false/g'
    done | at_once PUT /api/events/bulk
}
for mode in refuse report; do
    http PUT /api/settings "$TOKEN" "{\"overbooking\":\"$mode\"}"
    { for ((i = 0; i < 40; i++)); do printf '{"is_confirmed":%s}\n' "$([[ $((i % 2)) == 0 ]] && echo true || echo false)"; done |
        at_once PUT "/api/events/${events[0]}" >"$RUN/single.codes"; } &
    is "$mode: 8 bulk requests on ${#events[@]} events at once are all done" "8 x 200" "$(bulks 8)"
    wait $!
    is "$mode: and so are the plain ones beside them" "40 x 200" "$(cat "$RUN/single.codes")"
done
is "they waited in one order" "$before" "$(deadlocks)"
rm -f -- "$RUN/single.codes"

# Lists beside a row are replaced by one after the other, and the history tells each step.
changed() { # resource, row, list: entries, and those that do not begin where the one before ended
    pg_sql bureau -c "SELECT count(*) || ' entries, ' || count(*) FILTER (WHERE was <> became) || ' gaps' FROM (
        SELECT changes -> '$3' -> 0 AS was, lag(changes -> '$3' -> 1) OVER (ORDER BY id) AS became
          FROM core.audit WHERE organization_id = $ORG AND resource = '$1' AND row_id = $2
           AND op = 'update' AND changes ? '$3') x"
}
http POST /api/persons "$TOKEN" '{"first_name":"Jean","last_name":"Client","tags":["Start"]}'
person=$(jq -r .id <<<"$BODY")
got=$(for ((i = 0; i < 64; i++)); do
    printf '{"materials":[{"id":%s,"quantity":%d},{"id":%s,"quantity":%d}],"assignees":[%s]}\n' "${ids[0]}" \
        $((1 + i % 2)) "${ids[1]}" $((1 + i % 3 % 2)) "$( ((i % 2)) && echo "$person")"
done | at_once PUT "/api/events/${events[0]}")
is "64 writers of one event's lists are all done" "64 x 200" "$got"
like "each change of its materials begins where the one before ended" '^[0-9]+ entries, 0 gaps$' "$(changed event "${events[0]}" materials)"
got=$(for ((i = 0; i < 64; i++)); do printf '{"tags":["Tag %d","Start"]}\n' $((i % 5)); done | at_once PUT "/api/persons/$person")
is "and of one person's tags" "64 x 200" "$got"
like "as do those of her tags" '^[0-9]+ entries, 0 gaps$' "$(changed person "$person" tags)"
got=$(for ((i = 0; i < 64; i++)); do printf '{"tags":["Tag %d"]}\n' $((i % 5)); done | at_once PUT "/api/materials/${ids[0]}")
is "and of one material's" "64 x 200" "$got"
got=$(for ((i = 0; i < 8; i++)); do
    records=
    for id in $(shuf -e "${events[@]}"); do records+=",{\"id\":$id,\"assignees\":[$( ((i % 2)) && echo "$person")]}"; done
    printf '{"records":[%s]}\n' "${records#,}"
done | at_once PUT /api/events/bulk)
is "and 8 bulk requests on the lists of ${#events[@]} events" "8 x 200" "$got"
is "lists: they waited in one order" "$before" "$(deadlocks)"
