#!/bin/sh
# Compiles mesa for each version, packs the .debs and makes the signed repository, with a variant for each fault. $1: the API's address.
set -eu
export SOURCE_DATE_EPOCH=1775000000 GNUPGHOME=/tmp/gpg
VERSIONS="0.15.0 0.20.0 0.26.0 0.38.0 0.46.0 0.47.0-rc.1"
BASE=/out/good
mkdir -p -m 700 $GNUPGHOME

pack() { # VERSION-IN-CONTROL VERSION-OF-PROGRAM POOL FILE-NAME
  root=/tmp/deb; rm -rf $root; mkdir -p $root/DEBIAN $root/usr/bin $root/usr/share/mesa "$3"
  gcc -O1 -U_FORTIFY_SOURCE -D_FILE_OFFSET_BITS=64 -DMESA_VERSION="\"$2\"" -I/usr/include/fuse3 /src/*.c -lfuse3 -s -o $root/usr/bin/mesa
  echo "$API" > $root/usr/share/mesa/api-url
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
  dpkg-deb --root-owner-group -Zxz -b $root "$3/$4" >/dev/null
}

API=$1
for v in $VERSIONS; do pack "$v" "$v" $BASE/pool/any/main/m/mesa "mesa_${v}_amd64.deb"; done

index() { # ROOT DATE VALID-UNTIL
  (cd "$1" && mkdir -p dists/any/main/binary-amd64 && apt-ftparchive packages pool > dists/any/main/binary-amd64/Packages)
  gzip -9nk "$1/dists/any/main/binary-amd64/Packages"
  xz -k "$1/dists/any/main/binary-amd64/Packages"
  release "$@"
}
release() {
  rm -f "$1"/dists/any/Release*  "$1"/dists/any/InRelease
  (cd "$1/dists/any" && apt-ftparchive -o APT::FTPArchive::Release::Origin=mesa-dot-dev -o APT::FTPArchive::Release::Label=debian-public \
    -o APT::FTPArchive::Release::Suite=any -o APT::FTPArchive::Release::Codename=any -o APT::FTPArchive::Release::Components=main \
    -o APT::FTPArchive::Release::Architectures=amd64 release . > /tmp/Release)
  sed -i "s/^Date: .*/Date: $2\nValid-Until: $3/" /tmp/Release
  cp /tmp/Release "$1/dists/any/Release"
}
sign() { # ROOT KEY [FAKED TIME]
  faked=${3:+--faked-system-time $3!}
  # shellcheck disable=SC2086
  gpg -q --batch --yes $faked --local-user "$2!" --clearsign -o "$1/dists/any/InRelease" "$1/dists/any/Release"
  # shellcheck disable=SC2086
  gpg -q --batch --yes $faked --local-user "$2!" -a --detach-sign -o "$1/dists/any/Release.gpg" "$1/dists/any/Release"
}

key() { gpg -q --batch --pinentry-mode loopback --passphrase '' --faked-system-time 20240101T000000 --quick-gen-key "$1" ed25519 cert,sign never; }
key "Mesa packages (stand-in) <packages@example.invalid>"
GOOD=$(gpg --list-keys --with-colons packages@example.invalid | sed -n 's/^fpr:::::::::\([0-9A-F]*\):/\1/p' | head -1)
gpg -q --batch --pinentry-mode loopback --passphrase '' --faked-system-time 20240102T000000 --quick-add-key "$GOOD" ed25519 sign 1y
EXPIRED=$(gpg --list-keys --with-colons packages@example.invalid | sed -n 's/^fpr:::::::::\([0-9A-F]*\):/\1/p' | tail -1)
key "Somebody else <else@example.invalid>"
WRONG=$(gpg --list-keys --with-colons else@example.invalid | sed -n 's/^fpr:::::::::\([0-9A-F]*\):/\1/p' | head -1)
gpg --armor --export "$GOOD" > /out/key.asc
printf '%s' "$GOOD" > /out/fingerprint

NOW=$(date -u -R | sed 's/+0000/UTC/'); LATER=$(date -u -R -d '+3650 days' | sed 's/+0000/UTC/')
index $BASE "$NOW" "$LATER"; sign $BASE "$GOOD"
variant() { mkdir -p "/out/$1"; cp -r $BASE/dists "/out/$1/"; }
variant unsigned; rm /out/unsigned/dists/any/InRelease /out/unsigned/dists/any/Release.gpg
variant wrong-key; sign /out/wrong-key "$WRONG"
variant expired-key; sign /out/expired-key "$EXPIRED" 20240601T000000
variant expired-index; release /out/expired-index "$(date -u -R -d '-30 days' | sed 's/+0000/UTC/')" "$(date -u -R -d '-20 days' | sed 's/+0000/UTC/')"; sign /out/expired-index "$GOOD"
variant downgraded; release /out/downgraded "$(date -u -R -d '-400 days' | sed 's/+0000/UTC/')" "$LATER"; sign /out/downgraded "$GOOD"
variant index-hash; for f in Packages Packages.gz Packages.xz; do printf ' ' >> /out/index-hash/dists/any/main/binary-amd64/$f; done
mkdir -p /out/deb-version
for v in $VERSIONS; do pack 9.9.9 "$v" /out/deb-version/pool/any/main/m/mesa "mesa_${v}_amd64.deb"; done
(cd /out/deb-version && mkdir -p dists/any/main/binary-amd64 && apt-ftparchive packages pool > /tmp/Packages && awk '/^Version:/ {held=1; next} /^Filename:/ {v=$2; sub(/.*mesa_/,"",v); sub(/_amd64.deb/,"",v); print "Version: " v} {print}' /tmp/Packages > dists/any/main/binary-amd64/Packages && gzip -9nk dists/any/main/binary-amd64/Packages && xz -k dists/any/main/binary-amd64/Packages)
release /out/deb-version "$NOW" "$LATER"; sign /out/deb-version "$GOOD"
tar -cf /out.tar -C /out .
