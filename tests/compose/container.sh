#!/bin/bash
# container.sh - what a container engine does before a program starts, for tests/compose.sh, which runs it
# as the first process of namespaces: container.sh BOX. BOX holds what check.mjs wrote of the service
# (mounts, environment, privileges, command); BOX/root becomes its root. /usr and /etc are this machine's.
set -eu
box=$1 root=$1/root
read -r pid _ </proc/self/stat # as those outside see it
mkdir -p "$root"/{usr,etc,proc,dev/shm,opt,tmp,run,var/lib}
for dir in bin sbin lib lib64; do ln -sfn "usr/$dir" "$root/$dir"; done
ln -sfn ../run "$root/var/run"
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t tmpfs -o size=64m,mode=1777,nosuid,nodev shm "$root/dev/shm"
ln -sfn /proc/self/fd "$root/dev/fd"
while IFS=$'\t' read -r kind source target options; do
    if [[ $kind == tmpfs ]]; then
        mkdir -p "$root$target"
        mount -t tmpfs -o "nosuid,nodev,noexec$options" tmpfs "$root$target"
        continue
    fi
    mkdir -p "$(dirname -- "$root$target")"
    if [[ -d $source ]]; then mkdir -p "$root$target"; elif [[ ! -e $root$target ]]; then : >"$root$target"; fi
    mount --bind "$source" "$root$target"
    [[ $options != ro ]] || mount -o remount,bind,ro "$root$target"
done <"$box/mounts"
[[ ! -e $box/read_only ]] || mount -o remount,bind,ro "$root"
mapfile -d '' environment <"$box/environment"
mapfile -d '' privileges <"$box/privileges"
mapfile -d '' command <"$box/command"
echo "$pid" >"$box/pid"
exec chroot "$root" /usr/bin/env -i "${environment[@]}" setpriv "${privileges[@]}" "${command[@]}"
