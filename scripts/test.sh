#!/usr/bin/env bash
# Everything that is checked, cheapest first; the runner's own summary comes last.
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/ensure-test-tools.sh
echo "── format"; npx prettier --check --log-level warn .
echo "── lint";   npx eslint .
echo "── types";  npx tsc --noEmit -p tsconfig.json
node scripts/build.mjs
export MESA_TEMPLATE_BUILT=1
work=.test-work
mkdir -p "$work"
failures="$work/failed-projects"
: >"$failures"
pids=() behind=() last=
trap 'kill "${pids[@]}" 2>/dev/null || true' EXIT

# inTurn PROJECT…: runs projects one after the other; each log stands by itself.
inTurn() {
  local project child
  for project in "$@"; do
    npx vitest run --project "$project" >"$work/$project.log" 2>&1 &
    child=$!
    trap 'kill "$child" 2>/dev/null; exit 143' TERM
    wait "$child" || echo "$project" >>"$failures"
  done
}

# beside PROJECT…: runs projects in turn in a world of their own, beside the others. One world starts after the other, so that the
# second finds images made and ports taken.
beside() {
  local world="$work/world-$1" before="$last"
  (
    until isReady "$before"; do sleep 0.5; done
    export MESA_TEMPLATE_WORLD_DIR="$world"
    inTurn "$@"
  ) &
  pids+=($!) behind+=("$@") last="$world"
}

# Whether a world is up; SECONDS bounds the wait for one that does not start.
isReady() {
  [ -z "$1" ] || [ "$SECONDS" -gt 600 ] || grep -qs '"ready":true' "$1/world.json"
}

# inFront PROJECT: runs a project where it is seen; with a * at its end, all that begin so.
inFront() {
  local log="${1%\*}"
  npx vitest run --project "$1" 2>&1 | tee "$work/$log.log" || echo "$log" >>"$failures"
}

# What mostly waits runs beside what computes. More side by side would only take longer: two cores have enough to do.
echo "── tests (rendered files, unit; beside them: end to end)"
beside e2e-faults e2e-engines
beside e2e-deploy e2e-sandbox
inFront 'unit*'
echo "── tests (end to end)"
until isReady "$last"; do sleep 0.5; done
inFront e2e
inFront e2e-images
wait "${pids[@]}"
for project in "${behind[@]}"; do cat "$work/$project.log"; done
# Where a report is cut, its end is what remains: the failures have to stand there.
while read -r project; do tail -n 200 "$work/$project.log"; done <"$failures"
[ ! -s "$failures" ]
