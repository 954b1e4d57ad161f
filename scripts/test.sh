#!/usr/bin/env bash
# Everything that is checked, cheapest first; the runner's own summary comes last.
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/ensure-test-tools.sh
echo "── format"; npx prettier --check --log-level warn .
echo "── lint";   npx eslint .
echo "── types";  npx tsc --noEmit -p tsconfig.json
echo "── tests (rendered files, unit, end to end that wants the engine for itself)"
npx vitest run --project unit --project e2e-alone

# What is left runs side by side, each in a world of its own: one kind mostly waits, one is on engines of its own. The program is
# built by now.
echo "── tests (end to end)"
export MESA_TEMPLATE_BUILT=1
work=.test-work
mkdir -p "$work"
pids=() projects=()
trap 'kill "${pids[@]}" 2>/dev/null || true' EXIT

# beside PROJECT WORLD AFTER: one world starts after the other, so that the second finds images made and ports taken.
beside() {
  {
    for _ in $(seq 600); do grep -qs '"ready":true' "$work/$3/world.json" && break; sleep 0.5; done
    MESA_TEMPLATE_WORLD_DIR="$work/$2" exec npx vitest run --project "$1"
  } >"$work/$1.log" 2>&1 &
  pids+=($!)
  projects+=("$1")
}
beside e2e-waiting world-waiting world
beside e2e-engines world-engines world-waiting

code=0
npx vitest run --project e2e 2>&1 | tee "$work/e2e.log" || code=$?
failed=()
[ "$code" = 0 ] || failed+=(e2e)
for index in "${!pids[@]}"; do
  other=0
  wait "${pids[$index]}" || other=$?
  cat "$work/${projects[$index]}.log"
  [ "$other" = 0 ] || failed+=("${projects[$index]}")
  code=$(( code | other ))
done
# Where a report is cut, its end is what remains: the failures have to stand there.
for project in "${failed[@]}"; do tail -n 200 "$work/$project.log"; done
exit "$code"
