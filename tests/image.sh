#!/bin/bash
# image.sh - builds deploy/Dockerfile without a registry or a container engine, and tries the image.
# TAP; a command of its own (it needs root, mmdebstrap, buildah and the package mirror, and takes
# minutes). tests/image.sh [--keep DIRECTORY]   BUREAU_IMAGE_BASE=base.tar uses a base made before.
set -u
. "$(dirname -- "$(readlink -f -- "$0")")/stack.sh"

for tool in mmdebstrap buildah skopeo; do
    command -v "$tool" >/dev/null || {
        skip "the image" "$tool is not installed"
        exit 0
    }
done
((EUID == 0)) || {
    skip "the image" "it needs root"
    exit 0
}
most_mb=120
work=$(mktemp -d /tmp/bureau-image.XXXXXX) && chmod 755 "$work"
[[ ${1:-} != --keep ]] || keep=$2
storage=(--root "$work/storage" --runroot "$work/runroot" --storage-driver vfs)
# shellcheck disable=SC2317 # called by the trap
finish() {
    [[ -z ${gateway:-} ]] || kill "$gateway" 2>/dev/null
    buildah "${storage[@]}" umount --all >/dev/null 2>&1
    rm -rf -- "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

base=${BUREAU_IMAGE_BASE:-$work/base.tar}
[[ -f $base ]] || mmdebstrap --quiet --variant=apt --include=ca-certificates \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    bookworm "$base" || exit 1
mkdir "$work/base"
cp -- "$base" "$work/base/base.tar"
printf 'FROM scratch\nADD base.tar /\n' >"$work/base/Dockerfile"
buildah "${storage[@]}" bud -q --isolation chroot -t localhost/bureau-base "$work/base" >/dev/null || exit 1

"$ROOT/deploy/docs-ui/build" "$ROOT/build/share/docs"
began=$SECONDS
if buildah "${storage[@]}" bud --isolation chroot --build-arg BASE=localhost/bureau-base \
    --ignorefile "$ROOT/.dockerignore" -f "$ROOT/deploy/Dockerfile" -t localhost/bureau "$ROOT" >"$work/build.log" 2>&1; then
    ok "the image is built"
else
    not_ok "the image is built" "$(tail -n 20 "$work/build.log")"
    exit 1
fi
built_s=$((SECONDS - began))
container=$(buildah "${storage[@]}" from localhost/bureau)
mount=$(buildah "${storage[@]}" mount "$container")
bytes=$(du -sb --apparent-size "$mount" | cut -f1)
mb=$(((bytes + 999999) / 1000000))
packed=$work/bureau.tar
buildah "${storage[@]}" push -q localhost/bureau "oci-archive:$packed" >/dev/null 2>&1
packed_mb=$((($(stat -c %s "$packed") + 999999) / 1000000))
echo "# built in $built_s s; unpacked $mb MB, packed $packed_mb MB"
[[ -s $mount/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf ]] &&
    ok "bills are printed in Chinese, Japanese and Korean, too" || not_ok "bills are printed in Chinese, Japanese and Korean, too"
((mb < most_mb)) && ok "it holds less than $most_mb MB unpacked" || not_ok "it holds less than $most_mb MB unpacked" "$mb MB"

config=$(buildah "${storage[@]}" inspect --type image localhost/bureau | jq -c .OCIv1.config)
is "it runs as a user of its own" 10001:10001 "$(jq -r .User <<<"$config")"
in_image() { (exec_in_image "$@"); }
# As it is to be run: its user, nothing writable.
exec_in_image() {
    # shellcheck disable=SC2016 # the inner shell's
    exec unshare -m --propagation private sh -c 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" &&
        exec chroot --userspec=10001:10001 "$0" /usr/bin/env -i PATH=/opt/bureau/bin:/usr/bin:/bin "$@"' "$mount" "$@"
}
like "its root file system is read-only below" 'Read-only' "$(in_image touch /tmp/x 2>&1)"
for program in gateway accounts crm rentals billing sync; do
    like "bureau-$program starts there" "^bureau-$program [0-9]" "$(in_image "bureau-$program" --version 2>&1)"
    is "bureau-$program finds its libraries" "" "$(in_image ldd "/opt/bureau/bin/bureau-$program" 2>&1 | grep 'not found')"
done
for tool in gcc cc make cmake apt-get perl curl wget python3; do
    [[ -e $mount/usr/bin/$tool || -e $mount/bin/$tool ]] && there=yes || there=no
    is "there is no $tool" no "$there"
done
is "no file has setuid but those of the base" "" "$(find "$mount/opt" -perm /6000)"
is "no file of the programs is writable for their user" "" "$(find "$mount/opt" -user 10001 -o -perm -002 ! -type l | head -3)"

# Each takes its settings as files, and the gateway answers: chrooted, as its user.
mkdir -p "$mount/run/secrets"
head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n' >"$mount/run/secrets/key"
chmod 444 "$mount/run/secrets/key"
services=
net=$(free_port) port=$(free_port)
for name in "${SERVICES[@]}"; do services+=${services:+,}$name=tcp://127.0.0.1:$((net += 2)); done
for program in gateway accounts crm rentals billing sync; do
    like "bureau-$program takes settings as files" "configuration is good" \
        "$(in_image BUREAU_SECRET_KEY_FILE=/run/secrets/key BUREAU_SERVICES="$services" \
            BUREAU_DATABASE_URL='host=db user=bureau_app dbname=bureau' "bureau-$program" --check-config 2>&1)"
done
exec_in_image BUREAU_SECRET_KEY_FILE=/run/secrets/key BUREAU_SERVICES="$services" BUREAU_PORT="$port" \
    BUREAU_REDIS_URL=redis://127.0.0.1:1/0 /opt/bureau/bin/bureau-gateway >"$work/gateway.log" 2>&1 &
gateway=$!
URL=http://127.0.0.1:$port
until_true 10 curl -s -o "$work/alive" "$URL/healthz"
like "the gateway of the image answers" '"status":"ok"' "$(cat "$work/alive" 2>/dev/null)"
is "and serves the reference" 200 "$(curl -s -o /dev/null -w '%{http_code}' "$URL/docs")"
is "and is not ready without its services" 503 "$(curl -s -o /dev/null -w '%{http_code}' "$URL/readyz")"
kill -TERM "$gateway" 2>/dev/null
wait "$gateway"
is "it stops when told to" 0 $?
[[ -z ${keep:-} ]] || cp -- "$packed" "$keep/"
