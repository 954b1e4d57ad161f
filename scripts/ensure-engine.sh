#!/usr/bin/env bash
# Sees to it that a Docker engine answers. As root on Debian or Ubuntu it installs and starts one; elsewhere it says what to do.
set -euo pipefail

answers() {
  case ${DOCKER_HOST:-} in
    "") local socket=/var/run/docker.sock ;;
    unix://*) local socket=${DOCKER_HOST#unix://} ;;
    *) command -v docker >/dev/null && docker version >/dev/null 2>&1; return ;;
  esac
  [ -S "$socket" ] || { command -v docker >/dev/null && [ -n "$(docker context show 2>/dev/null | grep -v '^default$')" ] && docker version >/dev/null 2>&1; return; }
  node -e '
    const request = require("node:http").get({ socketPath: process.argv[1], path: "/_ping", timeout: 3000 }, (answer) => process.exit(answer.statusCode === 200 ? 0 : 1));
    request.on("error", () => process.exit(1)); request.on("timeout", () => process.exit(1));' "$socket"
}

needs=()
command -v mmdebstrap >/dev/null || needs+=(mmdebstrap)
if answers; then
  [ ${#needs[@]} -eq 0 ] && exit 0
fi
distribution=$(. /etc/os-release 2>/dev/null && echo "${ID:-} ${ID_LIKE:-}" || true)
if [ "$(id -u)" != 0 ] || [[ ! " $distribution " =~ \ (debian|ubuntu)\  ]]; then
  answers && exit 0
  cat >&2 <<'TEXT'
No Docker engine answers. Install one (docs.docker.com/engine/install, or your system's docker package), start it, and see that you may use it:
  docker version        must show a Server
On Debian or Ubuntu, run this once as root and it is done for you.
TEXT
  exit 3
fi
answers || { command -v dockerd >/dev/null || needs+=(docker.io iptables); }
if [ ${#needs[@]} -gt 0 ]; then
  echo "installing ${needs[*]} (apt-get)" >&2
  export DEBIAN_FRONTEND=noninteractive
  apt-get install -y -qq --no-install-recommends "${needs[@]}" >/dev/null 2>&1 || {
    apt-get update -qq >&2
    apt-get install -y -qq --no-install-recommends "${needs[@]}" >/dev/null
  }
fi
answers && exit 0
log=/var/log/dockerd.by-hand.log
echo "starting dockerd (log: $log)" >&2
setsid nohup dockerd >"$log" 2>&1 </dev/null &
for _ in $(seq 1 300); do
  answers && exit 0
  sleep 0.1
done
echo "dockerd did not answer within 30 s; its last lines:" >&2
tail -n 15 "$log" >&2
exit 3
