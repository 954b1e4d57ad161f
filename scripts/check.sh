#!/usr/bin/env bash
# What needs neither engine nor world: format, types, lint, unused code, rendered files and unit tests. The compiler runs beside the tests.
# ESLint looks again at what was edited; what another file's types do to a file that was not, a clean checkout shows, as in CI.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p .test-work
[ -n "${MESA_TEMPLATE_BUILT:-}" ] || node scripts/build.mjs
export MESA_TEMPLATE_BUILT=1
said=.test-work/lint.log
(npx tsc --incremental --tsBuildInfoFile .test-work/tsc.json -p tsconfig.json && npx eslint --cache --cache-strategy content --cache-location .test-work/eslint.json . && npx knip) >"$said" 2>&1 &
lint=$!
trap 'kill "$lint" 2>/dev/null || true' EXIT
failed=()
npx prettier --check --log-level warn --cache --cache-location .test-work/prettier.json . || failed+=(format)
npx vitest run --project 'unit*' || failed+=("unit tests")
wait "$lint" || { cat "$said" && failed+=("types, lint or unused code"); }
[ ${#failed[@]} -eq 0 ] || { printf 'failed: %s\n' "${failed[@]}" >&2 && exit 1; }
