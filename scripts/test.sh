#!/usr/bin/env bash
# Everything that is checked, cheapest first; the runner's own summary comes last.
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/ensure-test-tools.sh
echo "── format"; npx prettier --check --log-level warn .
echo "── lint";   npx eslint .
echo "── types";  npx tsc --noEmit -p tsconfig.json
echo "── tests (rendered files, unit, end to end)"
exec npx vitest run
