#!/usr/bin/env bash
# Makes sure that a Docker engine responds. As root on Debian or Ubuntu it installs and starts one; elsewhere it says what to do.
set -euo pipefail

# Asks the engine where the docker CLI would: DOCKER_HOST, the chosen context, the default socket.
answers() {
  local socket=/var/run/docker.sock
  if [[ ${DOCKER_HOST:-} == unix://* ]]; then
    socket=${DOCKER_HOST#unix://}
  elif [ -n "${DOCKER_HOST:-}${DOCKER_CONTEXT:-}" ] || grep -qs '"currentContext"' "${DOCKER_CONFIG:-$HOME/.docker}/config.json"; then
    command -v docker >/dev/null && timeout 10 docker version >/dev/null 2>&1
    return
  fi
  [ -S "$socket" ] || return
  node -e '
    const request = require("node:http").get({ socketPath: process.argv[1], path: "/_ping", timeout: 3000 }, (answer) => process.exit(answer.statusCode === 200 ? 0 : 1));
    request.on("error", () => process.exit(1)); request.on("timeout", () => process.exit(1));' "$socket"
}

# Where it can be installed from: a root shell on a system with Debian's packages.
can_install() {
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return
  local ID="" ID_LIKE=""
  . /etc/os-release 2>/dev/null || return
  [[ " $ID $ID_LIKE " =~ \ (debian|ubuntu)\  ]]
}

install() {
  echo "installing $* (apt-get)" >&2
  export DEBIAN_FRONTEND=noninteractive
  apt-get install -y -qq --no-install-recommends "$@" >/dev/null 2>&1 || {
    apt-get update -qq >&2 || true
    apt-get install -y -qq --no-install-recommends "$@" >/dev/null
  }
}

if answers; then
  # mmdebstrap makes the stand-in world's Debian image from packages; without it the official one is pulled.
  if ! command -v mmdebstrap >/dev/null && can_install; then
    install mmdebstrap || echo "mmdebstrap could not be installed: the world will pull its Debian image" >&2
  fi
  exit 0
fi

if ! can_install; then
  cat >&2 <<'TEXT'
No Docker engine answers. Install one (docs.docker.com/engine/install, or your system's docker package), start it, and see that you may use it:
  docker version        must show a Server
On Debian or Ubuntu, run this once as root and it is done for you.
TEXT
  exit 3
fi
needs=()
command -v dockerd >/dev/null || needs+=(docker.io iptables)
command -v mmdebstrap >/dev/null || needs+=(mmdebstrap)
if [ ${#needs[@]} -gt 0 ] && ! install "${needs[@]}"; then
  echo "A Docker engine could not be installed (apt-get install ${needs[*]} failed, see above)." >&2
  exit 3
fi
# The package may have started it already, where there is a service manager.
answers && exit 0
log=/var/log/dockerd.by-hand.log
echo "starting dockerd (log: $log)" >&2
setsid nohup dockerd >"$log" 2>&1 </dev/null &
daemon=$!
for _ in $(seq 1 300); do
  answers && exit 0
  kill -0 "$daemon" 2>/dev/null || break
  sleep 0.1
done
echo "dockerd did not answer within 30 s; its last lines:" >&2
tail -n 15 "$log" >&2
exit 3
