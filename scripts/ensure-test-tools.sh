#!/usr/bin/env bash
# Installs what some tests hold our own code against: Debian's apt-ftparchive and gpgv, zstd, and the shells that completion is
# written for. As root on Debian or Ubuntu, in one go, and only what is missing; elsewhere these tests skip, and this says which.
set -euo pipefail

# program:package
tools=(apt-ftparchive:apt-utils gpgv:gpgv zstd:zstd xz:xz-utils script:bsdutils zsh:zsh fish:fish)
missing=()
packages=()
for tool in "${tools[@]}"; do
  command -v "${tool%%:*}" >/dev/null && continue
  missing+=("${tool%%:*}")
  packages+=("${tool##*:}")
done
[ ${#missing[@]} -gt 0 ] || exit 0

can_install() {
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return
  local ID="" ID_LIKE=""
  . /etc/os-release 2>/dev/null || return
  [[ " $ID $ID_LIKE " =~ \ (debian|ubuntu)\  ]]
}
skips() { echo "tests that need ${missing[*]} are skipped ($1)" >&2; }

if ! can_install; then
  skips "install them to run these: on Debian or Ubuntu, apt-get install ${packages[*]}"
  exit 0
fi
echo "installing ${packages[*]} for the tests (apt-get)" >&2
export DEBIAN_FRONTEND=noninteractive
install() { apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null 2>&1; }
install || { apt-get update -qq >&2 && install; } || skips "apt-get could not install them"
