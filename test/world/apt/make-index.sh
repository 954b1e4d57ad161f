#!/bin/sh
# Makes the signed index over /debs for versions ($@), and beside it a variant for each fault. Keys come from /keys.
set -eu
export GNUPGHOME=/tmp/gpg
mkdir -p -m 700 $GNUPGHOME
gpg -q --batch --import /keys/secret.asc
good=$(cat /keys/fingerprint) expired=$(cat /keys/expired) wrong=$(cat /keys/wrong) now=$(date +%s)
days_off() { date -u -R -d "@$((now + $1 * 86400))" | sed 's/+0000/UTC/'; }
date=$(days_off 0)
later=$(days_off 3650)
root=/out/good
rm -rf /out; mkdir -p $root

pool() { # HONEST-OR-LYING ROOT VERSIONS…
  from=$1 to=$2/pool/any/main/m/mesa; shift 2
  mkdir -p "$to"
  for version in "$@"; do cp -p "/debs/$from/mesa_${version}_amd64.deb" "$to/"; done
}
packages() { # ROOT [VERSIONS-FROM-NAMES]
  to=$1/dists/any/main/binary-amd64
  mkdir -p "$to"
  (cd "$1" && apt-ftparchive packages pool) > "$to/Packages"
  if [ $# -gt 1 ]; then sed -i '/^Version:/d; s/^Filename: .*mesa_\(.*\)_amd64.deb$/Version: \1\n&/' "$to/Packages"; fi
  gzip -9nk "$to/Packages"
  xz -k -T1 "$to/Packages"
}
release() { # ROOT DATE VALID-UNTIL
  rm -f "$1"/dists/any/Release* "$1"/dists/any/InRelease
  (cd "$1/dists/any" && apt-ftparchive -o APT::FTPArchive::Release::Origin=mesa-dot-dev -o APT::FTPArchive::Release::Label=debian-public \
    -o APT::FTPArchive::Release::Suite=any -o APT::FTPArchive::Release::Codename=any -o APT::FTPArchive::Release::Components=main \
    -o APT::FTPArchive::Release::Architectures=amd64 release . > /tmp/Release)
  sed "s/^Date: .*/Date: $2\nValid-Until: $3/" /tmp/Release > "$1/dists/any/Release"
}
sign() { # ROOT KEY [FAKED TIME]
  rm -f "$1/dists/any/InRelease" "$1/dists/any/Release.gpg"
  for form in "--clearsign -o $1/dists/any/InRelease" "-a --detach-sign -o $1/dists/any/Release.gpg"; do
    # shellcheck disable=SC2086
    gpg -q --batch --yes --pinentry-mode loopback --passphrase '' ${3:+--faked-system-time "$3!"} --local-user "$2!" $form "$1/dists/any/Release"
  done
}
variant() { mkdir -p "/out/$1"; cp -r $root/dists "/out/$1/"; }

pool honest $root "$@"; packages $root; release $root "$date" "$later"; sign $root "$good"
variant unsigned; rm /out/unsigned/dists/any/InRelease /out/unsigned/dists/any/Release.gpg
variant wrong-key; sign /out/wrong-key "$wrong"
variant expired-key; sign /out/expired-key "$expired" 20240601T000000
variant expired-index; release /out/expired-index "$(days_off -30)" "$(days_off -20)"; sign /out/expired-index "$good"
variant downgraded; release /out/downgraded "$(days_off -400)" "$later"; sign /out/downgraded "$good"
variant index-hash; for file in /out/index-hash/dists/any/main/binary-amd64/*; do printf ' ' >> "$file"; done
mkdir /out/deb-version; pool lying /out/deb-version "$@"; packages /out/deb-version from-names; release /out/deb-version "$date" "$later"; sign /out/deb-version "$good"
# Each variant has a Last-Modified of its own, so that what is held of one is never taken for another.
for name in good unsigned wrong-key expired-key expired-index downgraded index-hash deb-version; do
  find "/out/$name/dists" -exec touch -d "@$now" {} +
  now=$((now - 60))
done
tar -cf /out.tar -C /out .
