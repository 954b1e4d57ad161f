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

# What is left runs side by side, each in a world of its own: one kind mostly waits. The program is built by now.
echo "── tests (end to end)"
export MESA_TEMPLATE_BUILT=1
log=.test-work/e2e.log
waiting=.test-work/e2e-waiting.log
mkdir -p .test-work
{
  # One world after the other: the second finds images made and ports taken.
  for _ in $(seq 600); do grep -qs '"ready":true' .test-work/world/world.json && break; sleep 0.5; done
  MESA_TEMPLATE_WORLD_DIR=.test-work/world-waiting exec npx vitest run --project e2e-waiting
} >"$waiting" 2>&1 &
pid=$!
trap 'kill "$pid" 2>/dev/null || true' EXIT
code=0 other=0
npx vitest run --project e2e 2>&1 | tee "$log" || code=$?
wait "$pid" || other=$?
cat "$waiting"
# Where a report is cut, its end is what remains: the failures have to stand there.
if [ "$code" != 0 ]; then tail -n 200 "$log"; fi
exit $(( code | other ))
