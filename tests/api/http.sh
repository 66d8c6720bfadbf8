#!/bin/bash
# http.sh - HTTP as bytes: what RFC 9112 says to refuse is 400 and the connection is closed; limits
# of size have their own answers; 2,000 idle and 200 half-sent connections hold nobody up.
set -u
. "$(dirname -- "$(readlink -f -- "$0")")/../stack.sh"
find_data
find_run

# raw BYTES (printf format): what comes back until the server closes or 3 s are over.
raw() {
    exec 3<>"/dev/tcp/127.0.0.1/$BUREAU_PORT" || return 1
    # shellcheck disable=SC2059 # the format is the message
    printf "$1" >&3
    ANSWER=$(timeout 3 cat <&3)
    CLOSED=$?
    exec 3<&- 3>&-
    STATUS=$(sed -n '1s/^HTTP\/1\.[01] \([0-9]*\).*/\1/p' <<<"$ANSWER")
}

# How many answers came; the next one begins right behind the last byte of a body.
answers() { grep -aoE 'HTTP/1\.[01] [0-9]{3} ' <<<"$ANSWER" | wc -l; }

# refuses NAME BYTES: 400, one answer, closed.
refuses() {
    raw "$2"
    is "$1 is 400, once, and the connection is closed" "400 1 0" \
        "$STATUS $(answers) $CLOSED"
}

hidden='GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n'
refuses "Content-Length beside Transfer-Encoding" \
    "POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n$hidden"
refuses "two Content-Lengths" "POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 38\r\n\r\n$hidden"
refuses "two Hosts" "GET /healthz HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n"
refuses "no Host" "GET /healthz HTTP/1.1\r\n\r\n"
refuses "a folded line" "GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: a\r\n b\r\n\r\n"
refuses "space before the colon" "GET /healthz HTTP/1.1\r\nHost : x\r\n\r\n"
refuses "a bare line feed" "GET /healthz HTTP/1.1\nHost: x\n\n"
refuses "a length that is no number" "POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 1x\r\n\r\n"
refuses "a negative length" "POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"
refuses "an unknown transfer coding" "POST /login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n"
raw "GET /healthz%%00 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
is "NUL in the path is 400" 400 "$STATUS"
many=
for ((i = 0; i < 80; i++)); do many+="X-$i: a\r\n"; done
raw "POST /login HTTP/1.1\r\nHost: x\r\n${many}Content-Length: 38\r\n\r\n$hidden"
is "a length behind 80 headers hides no second request" 1 "$(answers)"
like "and is refused" '^4(00|31)$' "$STATUS"

raw "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
is "two requests in one packet have two answers" 2 "$(answers)"
raw "HEAD /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
is "HEAD has no body" "200 " "$STATUS $(sed '1,/^\r$/d' <<<"$ANSWER")"
long=$(printf 'a%.0s' {1..17000})
raw "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: $long\r\n\r\n"
is "headers over 16 KiB are 431" 431 "$STATUS"
register Bytes || exit 1
head -c 1200000 /dev/zero | tr '\0' a >"$BUREAU_DATA/big"
code=$(curl -s -m 20 -o /dev/null -w '%{http_code}' -X POST -H "Authorization: Bearer $TOKEN" \
    -H 'Content-Type: application/json' --data-binary @"$BUREAU_DATA/big" "$URL/api/clients")
rm -f -- "$BUREAU_DATA/big"
is "a body over 1 MiB is 413" 413 "$code"

# The crowd: it must not hold up others. Descriptors of this shell are bounded by the kernel's say.
want=2200
ulimit -n 8192 2>/dev/null || ulimit -n "$(ulimit -Hn)"
if (($(ulimit -n) < want + 50)); then
    skip "a crowd of idle connections" "only $(ulimit -n) descriptors"
    exit 0
fi
held=()
for ((i = 0; i < 2000; i++)); do
    exec {fd}<>"/dev/tcp/127.0.0.1/$BUREAU_PORT" || break
    printf 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n' >&"$fd" 2>/dev/null
    held+=("$fd")
done
for ((i = 0; i < 200; i++)); do
    exec {fd}<>"/dev/tcp/127.0.0.1/$BUREAU_PORT" || break
    printf 'GET /api/clients HTTP/1.1\r\nHost: x\r\nX-Half' >&"$fd" 2>/dev/null
    held+=("$fd")
done
is "2,200 connections are held" "$want" "${#held[@]}"
slow=0 wrong=0
for ((i = 0; i < 100; i++)); do
    answer=$(curl -s -m 10 -o /dev/null -w '%{http_code} %{time_total}' -H "Authorization: Bearer $TOKEN" "$URL/api/clients?per_page=1")
    [[ ${answer% *} == 200 ]] || wrong=$((wrong + 1))
    awk -v t="${answer#* }" 'BEGIN { exit !(t > 0.1) }' && slow=$((slow + 1))
done
is "meanwhile every request of others is answered" 0 "$wrong"
is "within 100 ms, but for 2 of 100" true "$( ((slow <= 2)) && echo true || echo "$slow were slower")"
for fd in "${held[@]}"; do exec {fd}<&-; done
