#!/bin/bash
# limits.sh - the limits of the whole product, over two gateways that share one Redis.
set -u
. "$(dirname -- "$(readlink -f -- "$0")")/../stack.sh"
find_data
find_run
work=$(mktemp -d)
gateways=()
cleanup() {
    ((${#gateways[@]} == 0)) || kill "${gateways[@]}" 2>/dev/null
    wait
    rm -rf -- "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# gateway NAME=VALUE…: one more; sets URL.
gateway() {
    local port
    port=$(free_port)
    env "$@" BUREAU_PORT="$port" setpriv --pdeathsig TERM "${BUREAU_BIN:-$ROOT/build/bin}/bureau-gateway" >>"$work/log" 2>&1 &
    gateways+=($!)
    URL=http://127.0.0.1:$port
    until_true 20 stack_ready || warn "a gateway did not start: $(tail -n 3 "$work/log")"
}

header() { # name
    tr -d '\r' <"$work/head" | sed -n "s/^$1: *//Ip"
}
ask() { # path token
    STATUS=$(curl -s -m 20 -o "$work/body" -D "$work/head" -w '%{http_code}' -H "Authorization: Bearer $2" "$URL$1")
}

register Limits || exit 1
gateway BUREAU_RATE_LIMIT=20 BUREAU_RATE_LIMIT_GUEST=0 BUREAU_RATE_LIMIT_LOGIN=0
one=$URL
gateway BUREAU_RATE_LIMIT=20 BUREAU_RATE_LIMIT_GUEST=0 BUREAU_RATE_LIMIT_LOGIN=0
two=$URL

# 30 requests by turns: exactly 20 pass, whichever gateway they meet.
good=0 refused=0
for ((i = 0; i < 30; i++)); do
    ((i % 2)) && URL=$one || URL=$two
    ask /api/user "$TOKEN"
    case $STATUS in
    200) good=$((good + 1)) ;;
    429) refused=$((refused + 1)) ;;
    esac
    ((i == 0)) && first="$(header X-RateLimit-Limit) $(header X-RateLimit-Remaining)"
done
is "the first answer says what is left" "20 19" "$first"
is "two gateways let exactly the limit pass" "20 passed, 10 refused" "$good passed, $refused refused"
like "a refusal says when to come again" '^[1-9][0-9]?$' "$(header Retry-After)"
is "and what remains" 0 "$(header X-RateLimit-Remaining)"
like "and when the window opens" '^[0-9]{10}$' "$(header X-RateLimit-Reset)"
is "in the words of the documents" "Too Many Attempts." "$(jq -r .message "$work/body")"
URL=$one
curl -s -m 20 -o /dev/null -D "$work/head" "$URL/api/no-such-route" -H "Authorization: Bearer $TOKEN"
like "a 404 carries the headers too" '^20$' "$(header X-RateLimit-Limit)"

# 40 requests at once on another organization: still exactly 20.
URL=http://127.0.0.1:$BUREAU_PORT
register Crowd
seq 40 | xargs -P 16 -I{} sh -c 'test $(($1 % 2)) = 0 && u=$2 || u=$3
    curl -s -m 20 -o /dev/null -w "%{http_code}\n" -H "Authorization: Bearer $4" "$u/api/user"' _ {} "$one" "$two" "$TOKEN" >"$work/codes"
is "nor do parallel requests slip through" 20 "$(grep -c '^200$' "$work/codes")"

# Five wrong passwords: the account waits, everywhere, and the right password too.
gateway BUREAU_RATE_LIMIT=0 BUREAU_RATE_LIMIT_GUEST=0 BUREAU_RATE_LIMIT_LOGIN=10
URL=http://127.0.0.1:$BUREAU_PORT
register Guarded
codes=
for path in /login /api/tokens/create /login /api/tokens/create /login /api/tokens/create; do
    http POST "$path" '' "{\"email\":\"$EMAIL\",\"password\":\"wrong password\"}"
    codes+="$STATUS "
done
is "five wrong passwords are heard, the sixth waits" "422 422 422 422 422 429 " "$codes"
http POST /login '' "{\"email\":\"$EMAIL\",\"password\":\"Correct-horse9\"}"
is "so does the right one meanwhile" 429 "$STATUS"
http POST /login '' '{"email":"nobody@example.test","password":"wrong password"}'
unknown=$BODY
http POST /login '' "{\"email\":\"other.$EMAIL\",\"password\":\"wrong password\"}"
is "an unknown account reads like a wrong password" "$unknown" "$BODY"

# A proxy that ends https in front of the gateway: its word makes the cookies Secure, nobody else's.
# cookies URL: how many cookies a sign-in sets, and how many of them are Secure.
cookies() {
    curl -s -m 20 -o /dev/null -D "$work/head" -H 'X-Forwarded-Proto: https' \
        -H 'Content-Type: application/json' -d "{\"email\":\"$EMAIL\",\"password\":\"Correct-horse9\"}" "$1/login"
    printf '%s %s' "$(grep -ci '^set-cookie:' "$work/head")" "$(grep -ci '^set-cookie:.*; secure' "$work/head")"
}
register Https || exit 1
gateway BUREAU_TRUSTED_PROXIES=127.0.0.1 BUREAU_RATE_LIMIT_GUEST=0 BUREAU_RATE_LIMIT_LOGIN=0
is "cookies behind a trusted proxy with https are Secure" "2 2" "$(cookies "$URL")"
gateway BUREAU_RATE_LIMIT_GUEST=0 BUREAU_RATE_LIMIT_LOGIN=0
is "anybody else's word for https is nothing" "2 0" "$(cookies "$URL")"
