#!/bin/bash
# docs_ui.sh - the interactive reference under /docs. TAP; with a running stack (URL), or one of its own.
# tests/docs_ui.sh [DIRECTORY for screenshots]. Needs the viewer (npm at build time); the look at it
# needs chromium and npm, and is skipped without them.
set -u
. "$(dirname -- "$(readlink -f -- "$0")")/stack.sh"

pictures=${1:-}
work=$(mktemp -d /tmp/bureau-docs.XXXXXX) && chmod 711 "$work"
own=
finish() {
    [[ -z $own ]] || stack_down "$work/stack"
    rm -rf -- "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM
if [[ -z ${URL:-} ]]; then
    own=1
    stack_up "$work/stack" || exit 1
fi

# A build without registry: it says so and goes on; the gateway then has its small page.
out=$(npm_config_registry=http://127.0.0.1:1 timeout 120 "$ROOT/deploy/docs-ui/build" "$work/without" 2>&1)
is "without the registry the build goes on" 0 $?
like "and says what is missing" 'docs-ui: npm' "$out"
small() {
    local port pid
    port=$(free_port)
    mkdir -p "$work/small/bin"
    cp -- "${BUREAU_BIN:-$ROOT/build/bin}/bureau-gateway" "$work/small/bin/"
    BUREAU_PORT=$port "$work/small/bin/bureau-gateway" >"$work/small/log" 2>&1 &
    pid=$!
    until_true 10 curl -s -o /dev/null "http://127.0.0.1:$port/healthz"
    like "a gateway without the viewer has a small page" 'api/openapi.json' "$(curl -s "http://127.0.0.1:$port/docs")"
    is "and no file of the viewer" 404 "$(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$port/docs/start.js")"
    kill "$pid"
    wait "$pid"
}
small

header() { # name path [curl's arguments]
    local name=$1 path=$2
    shift 2
    curl -s -m 10 -o /dev/null -D - "$@" "$URL$path" | tr -d '\r' | sed -n "s/^$name: //Ip"
}
status() { curl -s -m 10 -o /dev/null -w '%{http_code}' "$@"; }

page=$(curl -s -m 10 "$URL/docs")
policy=$(header Content-Security-Policy /docs)
like "the page has a strict policy" "default-src 'none'" "$policy"
[[ $policy == *unsafe* || $policy == *http* || $policy == *'*'* ]] && strict=no || strict=yes
is "nothing inline, evaluated or foreign is allowed" yes "$strict"
like "the page is HTML" '^text/html' "$(header Content-Type /docs)"
is "POST is 405" 405 "$(status -X POST "$URL/docs")"
is "what is not there is 404" 404 "$(status "$URL/docs/other.js")"

if [[ $page != *swagger-ui-bundle.js* ]]; then
    like "the small page names the document" 'api/openapi.json' "$page"
    skip "the viewer" "npm was out of reach when this was built"
    exit 0
fi
for path in /docs /docs/start.js /docs/page.css /docs/swagger-ui.css /docs/swagger-ui-bundle.js; do
    tag=$(header ETag "$path")
    is "$path with its ETag is 304" 304 "$(status -H "If-None-Match: $tag" "$URL$path")"
    is "$path packed is the same text" "$(curl -s "$URL$path" | sha256sum)" \
        "$(curl -s --compressed "$URL$path" | sha256sum)"
done
is "the packed form has an ETag of its own" different \
    "$([[ $(header ETag /docs) == "$(header ETag /docs -H 'Accept-Encoding: gzip')" ]] && echo equal || echo different)"

browser=$(command -v chromium || command -v chromium-browser) || {
    skip "looked at in Chromium" "chromium is not installed"
    exit 0
}
cp -- "$ROOT"/tests/docs_ui/* "$work/"
(cd "$work" && timeout 120 npm ci --ignore-scripts --no-audit --no-fund --fetch-retries=0 >npm.log 2>&1) || {
    skip "looked at in Chromium" "npm could not fetch puppeteer-core"
    exit 0
}
register docs || exit 1
[[ -z $pictures ]] || mkdir -p -- "$pictures"
timeout 240 node "$work/look.mjs" "$URL" "$TOKEN" "$browser" $pictures
