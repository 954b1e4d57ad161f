#!/bin/sh
# Makes the packages that the stand-in apk can install, in $1, from files of Debian packages.
set -eu
. /world/record.sh
STORE=$1
mkdir -p "$STORE"

# package NAME VERSION "DEPENDS" "DESCRIPTION" LICENCE: packs /pkg/NAME
package() {
  mkdir -p "/pkg/$1"
  tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf - -C "/pkg/$1" . | gzip -6n > "$STORE/$1.tar.gz"
  record "/pkg/$1" "$1" "$2" "$3" "$4" "${5:-MIT}" > "$STORE/$1.record"
}

# own_loader PACKAGE PROGRAM TARGET: a glibc program that brings its own loader and libraries, for the real one needs only musl:
# that gcompat is missing must show in what really needs it.
own_loader() {
  private=/usr/lib/standin/$1
  mkdir -p "/pkg/$1$private" "/pkg/$1$(dirname "$3")"
  ldd "$2" | awk '/=> \// { print $3 } /^\t\/lib/ { print $1 }' | while read -r library; do cp -Ln "$library" "/pkg/$1$private/"; done
  cp -L "$2" "/pkg/$1$3"
  patchelf --set-interpreter "$private/ld-linux-x86-64.so.2" --force-rpath --set-rpath "$private" "/pkg/$1$3"
  chmod 755 "/pkg/$1$3"
}

# What makes programs that are linked to glibc start.
glibc_into() {
  mkdir -p "/pkg/$1/lib64" "/pkg/$1/lib/x86_64-linux-gnu"
  cp -L /lib64/ld-linux-x86-64.so.2 "/pkg/$1/lib64/"
  for library in libc.so.6 libm.so.6 libpthread.so.0 libdl.so.2 librt.so.1 libresolv.so.2; do
    cp -L "/lib/x86_64-linux-gnu/$library" "/pkg/$1/lib/x86_64-linux-gnu/"
  done
}
glibc_into gcompat
package gcompat 1.1.0-r4 "musl" "The GNU C Library compatibility layer for musl" NCSA
glibc_into libc6-compat
# Mesa's connections deadlock under this package: the stand-in mesa looks for this mark and hangs.
touch /pkg/libc6-compat/lib/libc6-compat.standin
package libc6-compat 1.1.0-r4 "musl" "compatibility libraries for glibc" NCSA

mkdir -p /pkg/libgcc/usr/lib /pkg/libstdc++/usr/lib
cp -L /lib/x86_64-linux-gnu/libgcc_s.so.1 /pkg/libgcc/usr/lib/
package libgcc 14.2.0-r4 "musl" "GNU C compiler runtime libraries" GPL-2.0-or-later
cp -L /usr/lib/x86_64-linux-gnu/libstdc++.so.6 /pkg/libstdc++/usr/lib/
package libstdc++ 14.2.0-r4 "libgcc musl" "GNU C++ standard runtime library" GPL-2.0-or-later

mkdir -p /pkg/fuse-common/etc /pkg/fuse3-libs/usr/lib
printf '# Set the maximum number of FUSE mounts allowed to non-root users.\n# The default is 1000.\n#\n#mount_max = 1000\n\n# Allow non-root users to specify the allow_other or allow_root mount options.\n#\n#user_allow_other\n' > /pkg/fuse-common/etc/fuse.conf
package fuse-common 3.16.2-r1 "" "FUSE common files" LGPL-2.1-or-later
cp -L /lib/x86_64-linux-gnu/libfuse3.so.3 /pkg/fuse3-libs/usr/lib/libfuse3.so.3.16.2
ln -s libfuse3.so.3.16.2 /pkg/fuse3-libs/usr/lib/libfuse3.so.3
package fuse3-libs 3.16.2-r1 "musl" "FUSE libraries" LGPL-2.1-or-later
own_loader fuse3 /usr/bin/fusermount3 /usr/bin/fusermount3
own_loader fuse3 /usr/sbin/mount.fuse3 /usr/sbin/mount.fuse3
chmod 4755 /pkg/fuse3/usr/bin/fusermount3
package fuse3 3.16.2-r1 "fuse-common fuse3-libs musl" "The reference implementation of the Linux FUSE interface" GPL-2.0-only

mkdir -p /pkg/ca-certificates/usr/sbin /pkg/ca-certificates/usr/share/ca-certificates /pkg/ca-certificates/usr/local/share/ca-certificates /pkg/ca-certificates/etc/ca-certificates/update.d
cp -r /usr/share/ca-certificates/mozilla /pkg/ca-certificates/usr/share/ca-certificates/
(cd /usr/share/ca-certificates && ls mozilla/*.crt) > /pkg/ca-certificates/etc/ca-certificates.conf
cat > /pkg/ca-certificates/usr/sbin/update-ca-certificates <<'SCRIPT'
#!/bin/sh
# All certificates of the system and of this image's owner in one bundle.
bundle=/etc/ssl/certs/ca-certificates.crt
find /usr/share/ca-certificates /usr/local/share/ca-certificates -name '*.crt' -type f | sort | while read -r file; do
  cat "$file"
  echo
  ln -sf "$file" "/etc/ssl/certs/ca-cert-$(basename "$file" .crt).pem"
done | grep . > "$bundle.new" && mv "$bundle.new" "$bundle"
SCRIPT
chmod 755 /pkg/ca-certificates/usr/sbin/update-ca-certificates
package ca-certificates 20241121-r1 "ca-certificates-bundle musl libcrypto3" "Common CA certificates PEM files from Mozilla" "MPL-2.0 AND MIT"
printf '#!/bin/sh\nexec /usr/sbin/update-ca-certificates\n' > "$STORE/ca-certificates.trigger"
chmod 755 "$STORE/ca-certificates.trigger"

own_loader curl /usr/bin/curl /usr/bin/curl
package curl 8.12.1-r1 "ca-certificates-bundle musl" "URL retrival utility and library" curl
own_loader tar /bin/tar /bin/tar
package tar 1.35-r2 "musl" "Utility used to store, backup, and transport files" GPL-3.0-or-later
own_loader dpkg /usr/bin/dpkg-deb /usr/bin/dpkg-deb
own_loader dpkg /usr/bin/dpkg /usr/bin/dpkg
mkdir -p /pkg/dpkg/var/lib/dpkg && touch /pkg/dpkg/var/lib/dpkg/status
package dpkg 1.22.11-r0 "tar musl" "The Debian Package Manager" GPL-2.0-or-later
own_loader bash /bin/bash /bin/bash
package bash 5.2.37-r0 "musl" "The GNU Bourne Again shell" GPL-3.0-or-later
own_loader openssl /usr/bin/openssl /usr/bin/openssl
package openssl 3.3.3-r0 "libcrypto3 libssl3 musl" "Toolkit for Transport Layer Security (TLS)" Apache-2.0

# The name clash: in Alpine, mesa is the 3D graphics library, and it has no program of that name.
mkdir -p /pkg/mesa/usr/lib
echo "the 3D graphics library" > /pkg/mesa/usr/lib/libgallium-24.2.8.so
package mesa 24.2.8-r0 "musl" "Mesa DRI OpenGL library"
