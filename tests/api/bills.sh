#!/bin/bash
# bills.sh - what the cases cannot see of bills: 64 finalizations at once, the signed link, and what
# the papers say when they are read back.
set -u
. "$(dirname -- "$(readlink -f -- "$0")")/../stack.sh"
find_data
find_run
work=$(mktemp -d) || exit 1
trap 'rm -rf -- "$work"' EXIT

register Bills && owner=$TOKEN owner_id=$USER_ID || exit 1
http GET /api/parks "$owner"
park=$(jq '.data[0].id' <<<"$BODY")
http POST /api/categories "$owner" '{"name":"Lights"}'
category=$(jq .id <<<"$BODY")
http POST /api/materials "$owner" "{\"name\":\"Projecteur à découpe\",\"reference\":\"PAR-64\",\"park_id\":$park,\"category_id\":$category,\"rental_price\":33.33,\"replacement_price\":700,\"stock_quantity\":500}"
material=$(jq .id <<<"$BODY")
http POST /api/persons "$owner" '{"first_name":"Amélie","last_name":"Œuvray"}'
person=$(jq .id <<<"$BODY")

# make_bill: a new event and its bill; prints the bill's id.
make_bill() {
    local event
    http POST /api/events "$owner" "{\"user_id\":$owner_id,\"title\":\"Fête n°$1\",\"start_date\":\"2030-01-01\",\"end_date\":\"2030-01-02\",\"beneficiaries\":[$person],\"materials\":[{\"id\":$material,\"quantity\":3}]}"
    event=$(jq .id <<<"$BODY")
    http POST "/api/events/$event/bill" "$owner" '{"discountRate":10}'
    jq .id <<<"$BODY"
}
for n in $(seq 64); do make_bill "$n"; done >"$work/ids"
is "64 bills are made" 64 "$(grep -cE '^[0-9]+$' "$work/ids")"

export URL owner
finalize() { curl -s -m 60 -X POST -H "Authorization: Bearer $owner" "$URL/api/bills/$1/finalize" | jq -r .final_number; }
export -f finalize
xargs -P 64 -I{} bash -c 'finalize {}' <"$work/ids" | sort >"$work/numbers"
year=$(head -c 4 "$work/numbers")
is "64 finalizations at once number them without a gap" \
    "$(seq -f "$year-%05g" 64)" "$(cat "$work/numbers")"
http GET "/api/bills/$(head -1 "$work/ids")" "$owner"
first=$BODY

# Ten at once on one bill give one number.
bill=$(make_bill 65)
yes "$bill" | head -10 | xargs -P 10 -I{} bash -c 'finalize {}' | sort -u >"$work/numbers"
is "a bill gets one number however often it is finalized" "$year-00065" "$(cat "$work/numbers")"
http GET "/api/bills/$bill" "$owner"
link=$URL/bills/${BODY#*\"pdf_url\":\"*/bills/}
link=${link%%\"*}

# Replacing in parallel leaves one bill.
http POST /api/events "$owner" "{\"user_id\":$owner_id,\"title\":\"Race\",\"start_date\":\"2030-01-01\",\"end_date\":\"2030-01-02\",\"beneficiaries\":[$person],\"materials\":[]}"
export event=$(jq .id <<<"$BODY")
seq 16 | xargs -P 16 -I{} curl -s -o /dev/null -w '%{http_code}\n' -X POST -H "Authorization: Bearer $owner" \
    "$URL/api/events/$event/bill" | sort | uniq -c | tr -s ' ' >"$work/codes"
http GET "/api/events/$event" "$owner"
is "16 bills of one event at once leave one" " 16 201, 1" \
    "$(paste -sd, "$work/codes"), $(jq '.bills | length' <<<"$BODY")"

is "the link needs nobody to sign in" 200 "$(curl -s -o "$work/link.pdf" -w '%{http_code}' "$link")"
curl -s -o "$work/token.pdf" -H "Authorization: Bearer $owner" "$URL/api/bills/$bill/pdf"
is "the same bill is the same bytes" "" "$(cmp "$work/link.pdf" "$work/token.pdf" 2>&1)"
is "a link is for its bill only" 401 \
    "$(curl -s -o /dev/null -w '%{http_code}' "${link/\/$bill\//\/$(head -1 "$work/ids")\/}")"
is "nor may its end be moved" 401 \
    "$(curl -s -o /dev/null -w '%{http_code}' "$(sed -E 's/expires=([0-9]+)/expires=\11/' <<<"$link")")"
is "the link is good for an hour" yes \
    "$(left=$(($(sed -E 's/.*expires=([0-9]+).*/\1/' <<<"$link") - $(date +%s))); ((left > 3500 && left <= 3600)) && echo yes || echo "$left s")"

if command -v pdftotext >/dev/null; then
    text=$(pdftotext -layout "$work/link.pdf" -)
    like "the PDF says what is due" '€188\.98' "$text"
    like "and to whom it is billed" 'Amélie Œuvray' "$text"
    like "and under which final number" "$year-00065" "$text"
else
    skip "the PDF reads back" "no pdftotext"
fi
curl -s -o "$work/bill.xml" -H "Authorization: Bearer $owner" "$URL/api/bills/$bill/ubl"
like "the XML is of the final invoice and says the same amount" \
    "<cbc:ID>$year-00065</cbc:ID>.*PayableAmount currencyID=\"EUR\">188.98<" "$(tr '\n' ' ' <"$work/bill.xml")"
http GET "/api/bills/$(head -1 "$work/ids")" "$owner"
is "what is final stays as it was" "$(jq 'del(.pdf_url)' <<<"$first")" "$(jq 'del(.pdf_url)' <<<"$BODY")"
