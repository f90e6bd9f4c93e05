#!/bin/sh
# Makes what mmdebstrap unpacked into a root that many machines read and none writes: without anything
# of the machine that it was built on, of the hour, or that raises privileges. $1 is the root.
set -eu
root="$1"

chroot "$root" useradd --uid 1000 --user-group --home-dir /workspace --no-create-home --shell /bin/bash agent
mkdir -p "$root/workspace" "$root/usr/share/mainstay" "$root/usr/lib/node_modules"
ln -s ../lib/node_modules/npm/bin/npm-cli.js "$root/usr/bin/npm"
ln -s ../lib/node_modules/npm/bin/npx-cli.js "$root/usr/bin/npx"
ln -sf python3 "$root/usr/bin/python"
# Packages that an agent installs are its own, and part of its workspace.
printf 'prefix=/workspace/.local\naudit=false\nfund=false\nupdate-notifier=false\n' \
    > "$root/usr/lib/node_modules/npm/npmrc"
rm -f "$root"/usr/lib/python3*/EXTERNALLY-MANAGED

find "$root/usr/local/lib" -type d -name tests -prune -exec rm -rf {} +
find "$root" -xdev -type d -name __pycache__ -prune -exec rm -rf {} +
# Not bound to the times of the sources, which a file system may cut.
chroot "$root" python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash \
    /usr/lib/python3 /usr/lib/python3.11 /usr/local/lib/python3.11

chroot "$root" dpkg-query --show --showformat '${Package} ${Version}\n' > "$root/usr/share/mainstay/packages.txt"

rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/* "$root"/var/log/* "$root"/tmp/* "$root"/run/*
rm -f "$root"/var/lib/dpkg/*-old "$root"/etc/passwd- "$root"/etc/group- "$root"/etc/shadow- "$root"/etc/gshadow-
rm -f "$root"/etc/subuid- "$root"/etc/subgid- "$root"/etc/.pwd.lock "$root"/etc/ld.so.cache~
: > "$root/etc/machine-id"
: > "$root/etc/resolv.conf"
echo sandbox > "$root/etc/hostname"
echo '127.0.0.1 localhost sandbox' > "$root/etc/hosts"
# The day on which a password was changed is the day of the build.
sed -i 's/^\([^:]*:[^:]*\):[0-9]*:/\1::/' "$root/etc/shadow"
# Nobody in a machine becomes somebody else, and every machine may read everything in it.
for top in "$root"/*; do
    case "$top" in */dev | */proc | */sys) continue ;; esac
    find "$top" -xdev -type f -perm /6000 -exec chmod a-s {} +
    find "$top" -xdev ! -type l -exec chmod a+rX,go-w {} +
done
chmod 1777 "$root/tmp" "$root/var/tmp"
