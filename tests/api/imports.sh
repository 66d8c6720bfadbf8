#!/bin/bash
# imports.sh - files of many rows: what is exported comes back equal, a killed service goes on where
# it was, memory stays bounded. Needs a stack of deploy/up on this machine.
set -u
. "$(dirname -- "$(readlink -f -- "$0")")/../stack.sh"
find_data
find_run
work=$(mktemp -d) && trap 'rm -rf -- "$work"' EXIT

send() { # path, file: the answer's data.id
    curl -s -X POST -H "Authorization: Bearer $TOKEN" -H 'Content-Type: text/csv' "${@:3}" -T "$2" "$URL$1" |
        jq -r '.data.id'
}
show() { curl -s -H "Authorization: Bearer $TOKEN" "$URL/api/imports/$1"; }
wait_for() { # import, seconds: its last state
    local n
    for ((n = 0; n < $2 * 10; n++)); do
        IMPORT=$(show "$1")
        [[ $(jq -r .data.finished_at <<<"$IMPORT") != null ]] && return
        sleep 0.1
    done
}
export_to() { curl -s -H "Authorization: Bearer $TOKEN" -H 'Accept: text/csv' "$URL$1" -o "$2"; }
# Without what belongs to the record itself and not to what was said of it.
said() { sed -E 's/^[0-9]+,[0-9a-f-]{36},//; s/,[0-9]+,[0-9]+,0,0,0,[0-9T:+-]+,[0-9T:+-]+\r$//' "$1"; }

# A list without what belongs to the record itself.
stay() {
    http GET "/api/$1?sort=id&per_page=100" "$TOKEN"
    jq -c '.data[] | del(.id, .uuid, .created_at, .updated_at)' <<<"$BODY"
}

register Exporter || exit 1
http POST /api/clients/bulk "$TOKEN" '{"records":[
    {"name":"=cmd","trading_name":"'"'"'=x","notes":"one\r\ntwo\n\"three\"","phone":"+33 1","annual_revenue":"12.50","status":"archived"},
    {"name":"a;b,c","email":"a@b.co","website":"https://a.example/?q=1,2","type":"non_profit","employee_count":3},
    {"name":"- dash","city":"Zürich 日本","external_id":"@e","industry":"\u00a0kept\u2003inside it"}]}'
is "rows with odd cells are made" 3 "$(jq '[.data[] | select(.status == 201)] | length' <<<"$BODY")"
export_to '/api/clients?sort=id' "$work/first.csv"
register Importer || exit 1
wait_for "$(send '/api/clients/import?mapping=assigned_to:-' "$work/first.csv")" 30 # her users are others
is "what was exported is imported" "finished 3 0" \
    "$(jq -r '.data | "\(.state) \(.rows_created) \(.rows_failed)"' <<<"$IMPORT")"
export_to '/api/clients?sort=id' "$work/second.csv"
is "and is exported again as it was" "$(said "$work/first.csv")" "$(said "$work/second.csv")"

# The other two, with custom fields whose ids resemble built-in names, within one organization.
register Returner || exit 1
http POST /api/custom-fields/bulk "$TOKEN" '{"records":[
    {"resource":"contacts","field_id":"state","label":"State","type":"Text"},
    {"resource":"contacts","field_id":"firstname","label":"First","type":"Textarea"},
    {"resource":"communications","field_id":"body","label":"Body","type":"Text"},
    {"resource":"communications","field_id":"marks","label":"Marks","type":"MultiSelect","options":["a","b"]}]}'
http POST /api/contacts/bulk "$TOKEN" '{"records":[
    {"first_name":"=a","last_name":"+b","state":"@s","firstname":"x\r\ny;\"z\"","county":"Kent","external_id":"1"},
    {"first_name":"Ünï","last_name":"日本","is_primary_contact":true,"status":"archived","external_id":"2"}]}'
http POST /api/communications/bulk "$TOKEN" '{"records":[
    {"type":"task","subject":"-1","content":"\t'"'"'=x","body":"b,c","marks":[2,1],"priority":"urgent","due_at":"2030-03-31T01:30:00+01:00"},
    {"type":"phone","subject":"done","status":"completed","completed_at":"2020-02-29T23:59:59Z","direction":"inbound"},
    {"type":"note","subject":"off","status":"cancelled","priority":"low"}]}'
for resource in contacts communications; do
    export_to "/api/$resource?sort=id" "$work/away.csv"
    before=$(stay $resource)
    http GET "/api/$resource?select=id" "$TOKEN"
    http DELETE "/api/$resource/bulk" "$TOKEN" "$(jq -c '{ids: [.data[].id]}' <<<"$BODY")"
    wait_for "$(send "/api/$resource/import" "$work/away.csv")" 30
    is "$resource come back from their own file as they were" "$before" "$(stay $resource)"
done

rows=20000
awk -v n=$rows 'BEGIN { print "external_id,name"; for (i = 1; i <= n; i++) printf "k%d,Row %d\n", i, i }' >"$work/many.csv"
import=$(send /api/clients/import "$work/many.csv" -H 'Transfer-Encoding: chunked')
for ((kills = 0; kills < 3; kills++)); do
    sleep 1
    kill -9 "$(cat "$RUN/crm.pid")" 2>/dev/null
    sleep 1
done
wait_for "$import" 120
is "an import whose service is killed three times comes to its end" "finished $rows $rows 0" \
    "$(jq -r '.data | "\(.state) \(.rows_done) \(.rows_created) \(.rows_failed)"' <<<"$IMPORT")"
export_to '/api/clients?sort=id' "$work/third.csv"
is "with every row once" "$rows $rows" \
    "$(grep -c ',Row ' "$work/third.csv") $(grep -o ',Row [0-9]*,' "$work/third.csv" | sort -u | wc -l)"

# Over several batches; the last row gives the first one's record what it has by then.
http POST /api/custom-fields "$TOKEN" '{"resource":"clients","field_id":"tin","label":"Tin","type":"Text","unique":true}'
awk 'BEGIN { print "external_id,tin"; for (i = 1; i <= 600; i++) printf "k%d,T%d\n", i, i % 400; print "k1,t1" }' >"$work/twice.csv"
for dry in 1 ''; do
    wait_for "$(send "/api/clients/import?mode=update&dry_run=$dry" "$work/twice.csv")" 60
    is "a value that comes twice is refused on other records${dry:+ in a dry run, too}" "finished 401 200 402 tin" \
        "$(jq -r '.data | "\(.state) \(.rows_updated) \(.rows_failed) \(.errors[0] | "\(.line) \(.field)")"' <<<"$IMPORT")"
done

head -c 12000000 /dev/zero | tr '\0' 'x' | fold -w 100 | sed 's/^/c,"/; s/$/"/' | sed '1i external_id,notes' >"$work/large.csv"
import=$(send '/api/clients/import?dry_run=1' "$work/large.csv")
most=0
for ((n = 0; n < 30; n++)); do
    for name in gateway crm; do
        kib=$(awk '/^RssAnon|^RssFile/ {n += $2} END {print n + 0}' "/proc/$(cat "$RUN/$name.pid")/status" 2>/dev/null)
        ((${kib:-0} > most)) && most=$kib
    done
    sleep 0.1
done
is "a large file is in no process's memory" yes "$( ((most < 65536)) && echo yes || echo "$most KiB")"
http DELETE "/api/imports/$import" "$TOKEN"
is "an import under way is cancelled" "200" "$STATUS"
wait_for "$import" 10
like "and stays so" '^(cancelled|finished)$' "$(jq -r .data.state <<<"$IMPORT")"

printf 'name,notes\na,"never closed\n' >"$work/open.csv"
head -c 3000000 /dev/zero | tr '\0' 'y' >>"$work/open.csv"
wait_for "$(send /api/clients/import "$work/open.csv")" 30
is "a quotation mark that is never closed fails the file" "failed" "$(jq -r .data.state <<<"$IMPORT")"
printf 'name\n\xe9t\xe9\nfine\n' >"$work/latin.csv"
wait_for "$(send /api/clients/import "$work/latin.csv")" 30
is "a row that is no UTF-8 is told by its line" '1 2 The row is not valid UTF-8.' \
    "$(jq -r '.data | "\(.rows_created) \(.errors[0].line) \(.errors[0].message)"' <<<"$IMPORT")"
