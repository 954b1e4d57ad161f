#!/bin/sh
# Compiles mesa for versions and packs the .debs: /debs/honest, and /debs/lying whose control says another version than the file name.
# $1: the API's address, baked in. $2 …: versions. What is there already stays.
set -eu
export SOURCE_DATE_EPOCH=1775000000
api=$1; shift

pack() { # VERSION-IN-CONTROL TARGET
  root=/tmp/deb
  rm -rf $root/DEBIAN; mkdir -p $root/DEBIAN "${2%/*}"
  cat > $root/DEBIAN/control <<CONTROL
Package: mesa
Version: $1
Architecture: amd64
Maintainer: Mesa <support@example.invalid>
Depends: libc6 (>= 2.34), libfuse3-3 | libfuse3-3t64, fuse3, ca-certificates, libssl3 | libssl3t64
Section: utils
Priority: optional
Description: versioned filesystem for agents (stand-in)
CONTROL
  find $root -exec touch -h -d @$SOURCE_DATE_EPOCH {} +
  dpkg-deb --root-owner-group --threads-max=1 -Zxz -b $root "$2" >/dev/null
}

for version in "$@"; do
  name=mesa_${version}_amd64.deb
  [ ! -f "/debs/honest/$name" ] || continue
  rm -rf /tmp/deb; mkdir -p /tmp/deb/usr/bin /tmp/deb/usr/share/mesa
  gcc -O1 -Wall -Wextra -Wno-format-truncation -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=0 -D_FILE_OFFSET_BITS=64 \
    -DMESA_VERSION="\"$version\"" -I/usr/include/fuse3 /src/*.c -lfuse3 -s -o /tmp/deb/usr/bin/mesa
  echo "$api" > /tmp/deb/usr/share/mesa/api-url
  pack 9.9.9 "/debs/lying/$name"
  pack "$version" "/debs/honest/$name"
done
