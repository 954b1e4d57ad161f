#!/usr/bin/env bash
# Makes a folder that holds Debian 13's Docker Engine (26.1), for tests on an engine with the containerd image store. As root on a
# host with mmdebstrap, from the Debian mirror this host's apt uses, or mmdebstrap's own; where that fails it says why, and exits 3.
# Prints the folder.
set -euo pipefail
cd "$(dirname "$0")/.."
place=$PWD/.test-work/docker-26

cannot() {
  echo "Docker 26.1 cannot be installed for the tests: $1" >&2
  exit 3
}

if [ ! -e "$place/complete" ]; then
  [ "$(id -u)" = 0 ] || cannot "this is not root"
  command -v mmdebstrap >/dev/null || cannot "mmdebstrap is not installed"
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Identifier: Packages' 'Label: Debian' | grep '/debian/$' | head -n 1) || mirror=
  rm -rf --one-file-system "$place"
  mkdir -p "$place"
  echo "installing Docker 26.1 of Debian 13 for the tests (mmdebstrap)" >&2
  mmdebstrap --quiet --variant=apt --include=docker.io,containerd,runc,iptables,mount,ca-certificates trixie "$place/root" ${mirror:+"$mirror"} >"$place/log" 2>&1 ||
    cannot "mmdebstrap failed: $(tail -n 3 "$place/log")"
  touch "$place/complete"
fi
echo "$place/root"
