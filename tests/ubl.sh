#!/bin/bash
# ubl.sh - bills of many kinds, made over HTTP, whose UBL 2.1 is judged by others' schema and code lists
# and by the rules of EN 16931 (tests/ubl/). TAP; skipped without npm.
# tests/ubl.sh [RANDOM BILLS: 5]
set -u
. "$(dirname -- "$(readlink -f -- "$0")")/stack.sh"
random_n=${1:-5}

work=$(mktemp -d /tmp/bureau-ubl.XXXXXX) && chmod 711 "$work"
own=
finish() {
    [[ -z $own ]] || stack_down "$work/stack"
    rm -rf -- "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM
mkdir "$work/npm" "$work/bills"
cp -- "$ROOT"/tests/ubl/* "$work/npm/"
(cd "$work/npm" && command -v npm >/dev/null &&
    timeout 300 npm ci --ignore-scripts --no-audit --no-fund --fetch-retries=0 >npm.log 2>&1) || {
    skip "bills as UBL" "npm is missing or out of reach"
    exit 0
}
if [[ -z ${URL:-} ]]; then
    own=1
    stack_up "$work/stack" || exit 1
fi

owner_setup() {
    register Invoices || exit 1
    http GET /api/parks "$TOKEN"
    park=$(jq '.data[0].id' <<<"$BODY")
    http POST /api/categories "$TOKEN" '{"name":"Lights"}'
    category=$(jq .id <<<"$BODY")
    http GET /api/countries "$TOKEN"
    france=$(jq '.data[] | select(.code == "FR").id' <<<"$BODY")
    http POST /api/companies "$TOKEN" "{\"legal_name\":\"Théâtre & Cie <Nord>\",\"street\":\"1, rue Haute\",\"postal_code\":\"59000\",\"locality\":\"Lille\",\"country_id\":$france}"
    company=$(jq .id <<<"$BODY")
    cart=0
}

settings() { # JSON: on top of those of a French house with a VAT number
    http PUT /api/settings "$TOKEN" "$(jq -c '{name: "Éclairs SARL", street: "2, quai Bas",
        locality: "Lyon", postal_code: "69001", country: "FR", vat_number: "FR32123456789",
        legal_numbers: "SIRET 123 456 789 00012", vat_rate: 20, currency: "EUR",
        degressive_rate: "((daysCount - 1) * 0.75) + 1"} + .' <<<"$1")"
    [[ $STATUS == 200 ]] || warn "settings: $BODY"
}

person() { # JSON: prints the id
    http POST /api/persons "$TOKEN" "$(jq -c --argjson country "$france" --arg n "$((++cart))$RANDOM" \
        '{first_name: "Zoé", last_name: "Client", email: "p\($n)@example.test", country_id: $country} + .' <<<"$1")"
    jq .id <<<"$BODY"
}

material() { # name, JSON: prints an entry of an event's materials, quantity included
    http POST /api/materials "$TOKEN" "$(jq -c --arg name "$1" --arg reference "R$RANDOM$RANDOM" \
        --argjson park "$park" --argjson category "$category" '{name: $name, reference: $reference,
        park_id: $park, category_id: $category, rental_price: 10, stock_quantity: 500} + del(.quantity)' <<<"$2")"
    jq -c --argjson quantity "$(jq '.quantity // 1' <<<"$2")" '{id, quantity: $quantity}' <<<"$BODY"
}

# bill NAME SETTINGS EVENT DISCOUNT MATERIAL…: keeps the UBL of the bill, of the final bill and of its
# credit note.
bill() {
    local name=$1 event=$3 discount=$4 id note kind payable
    settings "$2"
    shift 4
    http POST /api/events "$TOKEN" "$(jq -c --argjson user "$USER_ID" --argjson things "[$(paste -sd, <<<"$*" | sed 's/} {/},{/g')]" \
        '{user_id: $user, title: "Gala", start_date: "2030-01-01", end_date: "2030-01-03", materials: $things} + .' <<<"$event")"
    http POST "/api/events/$(jq .id <<<"$BODY")/bill" "$TOKEN" "{\"discountRate\":$discount}"
    id=$(jq .id <<<"$BODY")
    [[ $STATUS == 201 ]] || { not_ok "$name is billed" "$BODY"; return; }
    curl -s -m 30 -o "$work/bills/$name.xml" -H "Authorization: Bearer $TOKEN" "$URL/api/bills/$id/ubl"
    http POST "/api/bills/$id/finalize" "$TOKEN"
    http POST "/api/bills/$id/credit-note" "$TOKEN"
    note=$(jq .id <<<"$BODY")
    for kind in "$id final" "$note credit"; do
        curl -s -m 30 -o "$work/bills/$name-${kind#* }.xml" -H "Authorization: Bearer $TOKEN" "$URL/api/bills/${kind% *}/ubl"
        http GET "/api/bills/${kind% *}" "$TOKEN"
        payable=$(sed -n 's/.*<cbc:PayableAmount[^>]*>\([^<]*\)<.*/\1/p' "$work/bills/$name-${kind#* }.xml")
        jq -e --arg payable "$payable" '.due_amount * (if .kind == "bill" then 1 else -1 end) == ($payable | tonumber)' \
            <<<"$BODY" >/dev/null || differ+=" $name-${kind#* }: $payable"
    done
}

kinds() {
    local amelie amelie_co rtl
    amelie=$(person '{}')
    amelie_co=$(person "{\"company_id\":$company,\"first_name\":\"Amélie\",\"phone\":\"+33123456789\"}")
    rtl=$(person '{"first_name":"Élodie","last_name":"Œuvray","street":"שדרות רוטשילד 1","locality":"東京"}')
    local to="{\"beneficiaries\":[$amelie]}" lamp desk gift third
    lamp=$(material "Projecteur à découpe" '{"rental_price":33.33,"quantity":3}')
    desk=$(material "Desk" '{"rental_price":25.5,"is_discountable":true,"quantity":2}')
    gift=$(material "Gift" '{"rental_price":0,"is_hidden_on_bill":true}')
    third=$(material "Third" '{"rental_price":0.07,"is_discountable":false,"quantity":7}')
    bill plain '{}' "$to" 0 "$lamp" "$desk"
    bill company '{}' "{\"beneficiaries\":[$amelie_co]}" 12.3456 "$lamp" "$desk" "$third"
    bill discount '{}' "$to" 33.3333 "$lamp" "$desk" "$third"
    bill free '{}' "$to" 100 "$desk"
    bill degressive '{"degressive_rate":"daysCount / 7"}' "$to" 10 "$lamp" "$third"
    bill reduced '{"vat_rate":5.5}' "$to" 5 "$lamp" "$desk" "$third"
    bill odd '{"vat_rate":2.1}' "$to" 0 "$third"
    bill high '{"vat_rate":21}' "$to" 1 "$lamp"
    bill zero '{"vat_rate":0}' "$to" 10 "$lamp" "$desk"
    bill outside '{"vat_rate":0,"vat_number":""}' "$to" 10 "$lamp" "$desk"
    local rebate
    rebate=$(material "Rebate" '{"rental_price":-20.01,"quantity":2}')
    bill rebate '{}' "$to" 12.5 "$lamp" "$rebate"
    bill back '{}' "$to" 12.5 "$rebate" "$third"
    bill empty '{}' "$to" 0
    bill hidden '{}' "$to" 0 "$gift"
    bill pounds '{"currency":"GBP","country":"GB","vat_number":"GB999999973"}' "$to" 0 "$lamp"
    bill scripts '{"name":"照明 «Éclairs» שלום"}' \
        "{\"beneficiaries\":[$rtl],\"title\":\"حفلة ‏– 演唱会 & <bal> \\uFFFE\\uFFFF\"}" 3 \
        "$(material 'مصباح 灯 “½” & <x>' '{"rental_price":12.34}')" "$lamp"
    local many=() i
    for ((i = 0; i < 25; i++)); do many+=("$(material "Cable $i" "{\"rental_price\":$((i % 9)).$((RANDOM % 90 + 10)),\"quantity\":$((1 + i % 5))}")"); done
    bill many '{}' "$to" 7.77 "${many[@]}"
    for ((i = 0; i < random_n; i++)); do
        bill "random$i" "{\"vat_rate\":$((RANDOM % 25)).$((RANDOM % 10)),\"degressive_rate\":\"$((1 + RANDOM % 9)) / $((1 + RANDOM % 9))\"}" "$to" \
            $((RANDOM % 100)).$((RANDOM % 10000)) "${many[RANDOM % 25]}" "$lamp" "$third"
    done
}

# planted NAME RULE SED: what must be found.
planted() {
    sed -E "$3" "$work/bills/discount-final.xml" >"$work/planted.xml"
    like "planted: $1 is found" ": $2: " "$(node "$work/npm/check.mjs" "$work/planted.xml" | tr '\n' ' ')"
}

differ=
owner_setup
kinds
is "what they ask for is the bill's due amount, and what a credit note gives back" "" "$differ"
files=("$work"/bills/*.xml)
is "every bill gave three documents" $(((17 + random_n) * 3)) "${#files[@]}"
if command -v xmllint >/dev/null; then
    is "they are well-formed" "" "$(xmllint --nonet --noout "${files[@]}" 2>&1 | head -20)"
fi
found=$(cd "$work/bills" && node "$work/npm/check.mjs" ./*.xml 2>&1)
is "schema, code lists and rules find nothing" "" "$(head -30 <<<"$found")"
# They must be able to find something.
planted "an element out of order" schema '/<cbc:IssueDate>/{h;d};/<cbc:DocumentCurrencyCode>/{G}'
planted "an unknown element" schema 's/cbc:Note>/cbc:Nota>/g'
planted "a missing total" schema '/<cbc:PayableAmount/d'
planted "a currency that is none" schema 's/(<cbc:DocumentCurrencyCode>)EUR/\1EUQ/'
planted "another currency" BR-CL-03 's/(<cbc:PayableAmount currencyID=")EUR/\1USD/'
planted "a cent too much" BR-CO-16 's/(<cbc:PayableAmount[^>]*>)/\11/'
planted "an allowance without a reason" BR-33 '/<cbc:AllowanceChargeReason/d'
planted "a rate of nothing" BR-S-05 's/(<cbc:Percent>)20/\10/'
planted "a line of another rate" BR-S-08 '0,/<cac:InvoiceLine>/!s/(<cbc:Percent>)20/\110/'
planted "a seller without a VAT number" BR-S-02 '0,/<cac:PartyTaxScheme>/{/<cac:PartyTaxScheme>/s/.*/<!--/};0,/<\/cac:PartyTaxScheme>/{/<\/cac:PartyTaxScheme>/s/.*/-->/}'
planted "no terms" BR-CO-25 '/<cac:PaymentTerms>/,/<\/cac:PaymentTerms>/d'
