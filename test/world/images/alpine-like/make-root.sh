#!/bin/sh
# Makes the Alpine-like root file system in /alpine and its packages, from what Debian packages hold.
set -eu
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends openssl tar bash curl dpkg >/dev/null
R=/alpine
S=$R/usr/lib/standin
mkdir -p $R/bin $R/sbin $R/usr/bin $R/usr/sbin $R/usr/local/bin $R/lib/apk/db $R/etc/apk $R/etc/ssl/certs $R/tmp $R/root $R/var/log $R/var/cache/apk \
  $R/run $R/proc $R/sys $R/dev $R/home $R/mnt $R/srv $R/opt $S/apk
chmod 1777 $R/tmp
cp /bin/busybox $R/bin/busybox
for applet in $(/bin/busybox --list); do
  case $applet in busybox|dpkg|dpkg-deb|rpm|rpm2cpio|bash|ar) continue ;; esac
  ln -s /bin/busybox $R/bin/$applet
done
ln -s /bin/busybox $R/usr/bin/env
install -m 755 /world/apk $R/sbin/apk

echo 3.21.4 > $R/etc/alpine-release
printf 'NAME="Alpine Linux"\nID=alpine\nVERSION_ID=3.21.4\nPRETTY_NAME="Alpine Linux v3.21"\n' > $R/etc/os-release
printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n' > $R/etc/passwd
printf 'root:x:0:root\nnobody:x:65534:\nnogroup:x:65533:\n' > $R/etc/group
printf 'root:*::0:::::\nnobody:!::0:::::\n' > $R/etc/shadow
chmod 640 $R/etc/shadow
printf 'https://dl-cdn.alpinelinux.org/alpine/v3.21/main\nhttps://dl-cdn.alpinelinux.org/alpine/v3.21/community\n' > $R/etc/apk/repositories
printf 'alpine-baselayout\nalpine-keys\napk-tools\nbusybox\nmusl\n' > $R/etc/apk/world
cp /etc/ssl/certs/ca-certificates.crt $R/etc/ssl/certs/ca-certificates.crt
ln -s certs/ca-certificates.crt $R/etc/ssl/cert.pem
for entry in alpine-baselayout:3.6.8-r1 alpine-keys:2.5-r0 apk-tools:2.14.6-r3 busybox:1.37.0-r12 ca-certificates-bundle:20250911-r0 musl:1.2.5-r9 musl-utils:1.2.5-r9 zlib:1.3.1-r2; do
  printf 'P:%s\nV:%s\nA:x86_64\nS:1\nI:1\nT:stand-in\n\n' "${entry%%:*}" "${entry#*:}" >> $R/lib/apk/db/installed
done

# package NAME VERSION "DEPENDS": packs /pkg/NAME
package() {
  mkdir -p /pkg/$1
  tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -czf $S/apk/$1.tar.gz -C /pkg/$1 .
  printf 'version=%s\ndepends=%s\n' "$2" "${3:-}" > $S/apk/$1.meta
}
# wrapped PACKAGE PROGRAM: a glibc program that brings its own loader, so that it says nothing about gcompat
wrapped() {
  dir=/pkg/$1/usr/lib/standin/$1
  mkdir -p $dir /pkg/$1/usr/bin
  real=$(command -v $2)
  cp -L $real $dir/$2.program
  ldd $real | awk '/=> \// {print $3} /^\t\/lib/ {print $1}' | while read -r library; do cp -L $library $dir/; done
  cp -L /lib64/ld-linux-x86-64.so.2 $dir/
  printf '#!/bin/sh\nexec /usr/lib/standin/%s/ld-linux-x86-64.so.2 --library-path /usr/lib/standin/%s /usr/lib/standin/%s/%s.program "$@"\n' $1 $1 $1 $2 > /pkg/$1/usr/bin/$2
  chmod 755 /pkg/$1/usr/bin/$2
}
glibc_into() {
  mkdir -p /pkg/$1/lib64 /pkg/$1/lib/x86_64-linux-gnu
  cp -L /lib64/ld-linux-x86-64.so.2 /pkg/$1/lib64/
  for library in libc.so.6 libm.so.6 libpthread.so.0 libdl.so.2 librt.so.1 libresolv.so.2 libgcc_s.so.1; do
    cp -L /lib/x86_64-linux-gnu/$library /pkg/$1/lib/x86_64-linux-gnu/
  done
}
glibc_into gcompat;      package gcompat 1.1.0-r4 "musl"
glibc_into libc6-compat; touch /pkg/libc6-compat/lib/libc6-compat.standin; package libc6-compat 1.1.0-r4 "musl"
mkdir -p /pkg/fuse3-libs/usr/lib; cp -L /lib/x86_64-linux-gnu/libfuse3.so.3 /pkg/fuse3-libs/usr/lib/libfuse3.so.3; package fuse3-libs 3.16.2-r1
mkdir -p /pkg/fuse3/usr/bin /pkg/fuse3/etc
install -m 4755 /usr/bin/fusermount3 /pkg/fuse3/usr/bin/fusermount3
printf '# mount_max = 1000\n#user_allow_other\n' > /pkg/fuse3/etc/fuse.conf
package fuse3 3.16.2-r1 "fuse3-libs"
mkdir -p /pkg/ca-certificates/usr/sbin
printf '#!/bin/sh\nexit 0\n' > /pkg/ca-certificates/usr/sbin/update-ca-certificates; chmod 755 /pkg/ca-certificates/usr/sbin/update-ca-certificates
package ca-certificates 20250911-r0 "ca-certificates-bundle"
printf 'version=20250911-r0\ndepends=\n' > $S/apk/ca-certificates-bundle.meta
printf 'version=1.2.5-r9\ndepends=\n' > $S/apk/musl.meta
wrapped curl curl; package curl 8.12.1-r1
wrapped tar tar; package tar 1.35-r2
wrapped dpkg dpkg-deb; package dpkg 1.22.11-r0 "tar"
wrapped bash bash; package bash 5.2.37-r0
wrapped openssl openssl; package openssl 3.3.3-r0
mkdir -p /pkg/libgcc/usr/lib; package libgcc 14.2.0-r4
mkdir -p /pkg/libstdc++/usr/lib; package libstdc++ 14.2.0-r4 "libgcc"
mkdir -p /pkg/mesa/usr/lib; echo "the 3D graphics library" > /pkg/mesa/usr/lib/libgallium-24.2.8.so; package mesa 24.2.8-r0
