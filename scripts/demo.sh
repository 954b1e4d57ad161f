#!/usr/bin/env bash
# Releases and uses a template in the stand-in world, below .demo: no account, nothing leaves this machine but package downloads.
set -euo pipefail
cd "$(dirname "$0")/.."
version=${MESA_VERSION:-0.20.0}
say() { printf '\n\033[1m%s\033[0m\n' "$*" >&2; }
if [ -n "${NO_COLOR:-}" ] || [ ! -t 2 ]; then say() { printf '\n%s\n' "$*" >&2; }; fi
# Shown as it can be pasted: words that need it are quoted for the shell.
mesa_template() { echo "\$ mesa-template ${*@Q}" | sed -E "s/'([A-Za-z0-9@%+=:,.\/_-]+)'/\1/g" >&2; node dist/mesa-template.js "$@"; }

say "The stand-in world: a registry, Mesa's package repository, Mesa's API and Blaxel, all on this machine"
# A world that ended took with it what was deployed there: its records are of no use to the next one.
node --import tsx test/world/main.ts env >/dev/null 2>&1 || rm -rf .demo/dockerfiles .demo/.mesa-template
node --import tsx test/world/main.ts start
eval "$(node --import tsx test/world/main.ts env)"
mkdir -p .demo
cp -r templates .demo/

say "Release Mesa $version for both templates: lock, render, build, smoke, deploy, verify, record"
mesa_template release "$version" --root .demo

say "What there is now"
mesa_template list --root .demo

say "A command in a sandbox made from the template, in a mounted Mesa repository"
mesa_template sandbox run "$version" --template debian --root .demo --repo acme/demo --create-repo --write -- \
  sh -c 'echo "written in $(pwd) at $(date -u +%H:%M:%S)" > hello.txt && cat hello.txt && grep mesa /proc/mounts'

say "Done. Run make demo again (seconds), or stop the world: make world-down"
