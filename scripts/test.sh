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
pids=() projects=() last=
trap 'kill "${pids[@]}" 2>/dev/null || true' EXIT

# beside PROJECT: runs a project's tests in a world of their own, beside the others. One world starts after the other, so that the
# second finds images made and ports taken.
beside() {
  local world="$work/world-$1" before="$last"
  {
    for _ in $(seq 600); do
      [ -z "$before" ] || grep -qs '"ready":true' "$before/world.json" || { sleep 0.5; continue; }
      break
    done
    MESA_TEMPLATE_WORLD_DIR="$world" exec npx vitest run --project "$1"
  } >"$work/$1.log" 2>&1 &
  pids+=($!) projects+=("$1") last="$world"
}

failed=()
# inFront PROJECT: runs a project's tests where they are seen.
inFront() {
  npx vitest run --project "$1" 2>&1 | tee "$work/$1.log" || failed+=("$1")
}

# What mostly waits runs beside what computes.
echo "── tests (rendered files, unit; beside them: deploy)"
beside e2e-faults
beside e2e-deploy
inFront unit
echo "── tests (end to end)"
beside e2e-sandbox
beside e2e-engines
for _ in $(seq 600); do grep -qs '"ready":true' "$last/world.json" && break; sleep 0.5; done
inFront e2e
for index in "${!pids[@]}"; do
  project="${projects[$index]}"
  wait "${pids[$index]}" || failed+=("$project")
  cat "$work/$project.log"
done
# Where a report is cut, its end is what remains: the failures have to stand there.
for project in "${failed[@]}"; do tail -n 200 "$work/$project.log"; done
[ "${#failed[@]}" = 0 ]
