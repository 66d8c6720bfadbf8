#!/bin/bash
# edge.sh - the configurations of deploy/edge in front of two gateways, on loopback: TLS, HTTP/2, what
# is passed on, what stays inside, a gateway lost, and HTTP smuggling. TAP; needs node, openssl and
# whichever of nginx, haproxy and caddy is to be tried.
set -u
. "$(dirname -- "$(readlink -f -- "$0")")/stack.sh"

for tool in node openssl; do
    command -v "$tool" >/dev/null || {
        skip "the edge" "$tool is not installed"
        exit 0
    }
done
work=$(mktemp -d /tmp/bureau-edge.XXXXXX) && chmod 711 "$work"
edge= second=
finish() {
    [[ -z $edge ]] || kill "$edge" 2>/dev/null
    [[ -z $second ]] || kill "$second" 2>/dev/null
    stack_down "$work/stack"
    rm -rf -- "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM
stack_up "$work/stack" BUREAU_TRUSTED_PROXIES=127.0.0.1 BUREAU_RATE_LIMIT=600 || exit 1
bin=${BUREAU_BIN:-$ROOT/build/bin}
port_b=$(free_port)
start_second() {
    BUREAU_PORT=$port_b "$bin/bureau-gateway" >>"$work/second.log" 2>&1 &
    second=$!
    until_true 20 curl -s -o /dev/null "http://127.0.0.1:$port_b/healthz"
}
start_second
mkdir "$work/tls"
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 \
    -keyout "$work/tls/tls.key" -out "$work/tls/tls.crt" 2>/dev/null
cat "$work/tls/tls.crt" "$work/tls/tls.key" >"$work/tls/tls.pem"

adapted() { # file of deploy/edge
    sed -e "s|127\.0\.0\.1:8080|127.0.0.1:$BUREAU_PORT|g; s|127\.0\.0\.1:8081|127.0.0.1:$port_b|g" \
        -e "s|/etc/bureau/|$work/tls/|g; s|/run/bureau-nginx.pid|$work/nginx.pid|" \
        -e "s|listen 443 |listen 127.0.0.1:$port |; s|bind :443|bind 127.0.0.1:$port|; s|^https://:443 {|https://:$port {\\n\\tbind 127.0.0.1|" \
        "$ROOT/deploy/edge/$1" >"$work/$1"
}
ask() { curl -s -m 10 --cacert "$work/tls/tls.crt" "$@"; }
code() { ask -o /dev/null -w '%{http_code}' "$@"; }

try_edge() { # name
    local base=https://127.0.0.1:$port log token
    until_true 10 curl -s -k -o /dev/null "$base/healthz" || {
        not_ok "$1: it starts" "$(tail -n 5 "$work/$1.log")"
        return
    }
    is "$1: HTTP/2 is spoken" "2 200" "$(ask --http2 -o /dev/null -w '%{http_version} %{http_code}' "$base/healthz")"
    is "$1: HTTP/1.1 too" "1.1 200" "$(ask --http1.1 -o /dev/null -w '%{http_version} %{http_code}' "$base/healthz")"
    is "$1: TLS 1.1 is refused" 000 "$(code --tls-max 1.1 --ciphers DEFAULT:@SECLEVEL=0 "$base/healthz")"
    is "$1: /metrics stays inside" 404 "$(code "$base/metrics")"
    is "$1: /readyz stays inside" 404 "$(code "$base/readyz")"
    is "$1: the reference is served" 200 "$(code "$base/docs")"
    ask -X POST "$base/register" -H 'Content-Type: application/json' -H "X-Request-Id: through-$1" \
        -H 'X-Forwarded-For: 203.0.113.9' -H 'Forwarded: for=203.0.113.9' \
        -d "{\"name\":\"Edge\",\"email\":\"$1.$RANDOM$RANDOM@example.test\",\"password\":\"Correct-horse9\",\"password_confirmation\":\"Correct-horse9\",\"organization_name\":\"Edge $1 $RANDOM\"}" >"$work/answer"
    token=$(jq -r .token "$work/answer")
    like "$1: a write goes through" '^[0-9]+\|' "$token"
    log=$(cat "$BUREAU_DATA/log/gateway.log" "$work/second.log" | grep "through-$1" | head -1)
    is "$1: a forged X-Forwarded-For is not believed" 127.0.0.1 "$(jq -r .address <<<"$log")"
    like "$1: links are https" '"first":"https://' "$(ask "$base/api/clients" -H "Authorization: Bearer $token" -H 'Accept: application/json' | jq -c .links)"
    node "$ROOT/tests/edge/smuggle.mjs" "$1" "127.0.0.1:$port" "$URL/metrics" "http://127.0.0.1:$port_b/metrics"
    # One gateway goes while requests come.
    local i bad=0
    for ((i = 0; i < 150; i++)); do
        ((i != 50)) || kill "$second"
        [[ $(code "$base/api/clients" -H "Authorization: Bearer $token") == 200 ]] || bad=$((bad + 1))
    done
    is "$1: a gateway that goes is not noticed (150 requests)" 0 "$bad"
    wait "$second" 2>/dev/null
    start_second
}

run_edge() { # name command…
    local name=$1
    shift
    "$@" >"$work/$name.log" 2>&1 &
    edge=$!
    try_edge "$name"
    kill "$edge" 2>/dev/null
    wait "$edge" 2>/dev/null
    edge=
}
for name in nginx haproxy caddy; do
    program=$(PATH=$PATH:/usr/sbin command -v "$name") || {
        skip "$name" "it is not installed"
        continue
    }
    port=$(free_port)
    case $name in
    nginx)
        adapted nginx.conf
        run_edge nginx "$program" -e stderr -c "$work/nginx.conf" -g 'daemon off;'
        ;;
    haproxy)
        adapted haproxy.cfg
        run_edge haproxy "$program" -q -db -f "$work/haproxy.cfg"
        ;;
    caddy)
        adapted Caddyfile
        XDG_DATA_HOME=$work XDG_CONFIG_HOME=$work run_edge caddy "$program" run --adapter caddyfile --config "$work/Caddyfile"
        ;;
    esac
done
