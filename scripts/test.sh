#!/usr/bin/env bash
# Runs every check. The unit tests run beside the first end-to-end tests, which mostly wait.
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/ensure-test-tools.sh
node scripts/build.mjs
export MESA_TEMPLATE_BUILT=1
work=.test-work
mkdir -p "$work"
standIns="$work/stand-ins-passed"

# What the stand-ins' own tests test. As long as none of it changes, they need to pass once.
now=$(find package-lock.json test/world test/transcripts test/e2e/stand-ins -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum)
leaveOut=()
if [ "$now" = "$(cat "$standIns" 2>/dev/null)" ]; then
  leaveOut=(--exclude 'test/e2e/stand-ins/**')
  echo "── tests of the stand-ins are left out: they passed, and no stand-in changed since"
fi

echo "── format, types, lint, rendered files, unit tests (beside the end-to-end tests, which follow)"
bash scripts/check.sh >"$work/check.log" 2>&1 &
check=$!
trap 'kill "$check" 2>/dev/null || true' EXIT
failed=()
# More workers than cores: half of them wait, for containers and polls, while the others compute.
npx vitest run --project e2e --project program --maxWorkers $(($(nproc) + 2)) "${leaveOut[@]}" 2>&1 | tee "$work/e2e.log" || failed+=("end-to-end tests")
[ ${#failed[@]} -gt 0 ] || echo "$now" >"$standIns"
wait "$check" || failed+=("format, types, lint or unit tests")
if grep -a "(retry x" "$work/e2e.log"; then echo "── the tests above failed their first try: look at what it waited for"; fi
cat "$work/check.log"
[ ${#failed[@]} -gt 0 ] || exit 0
# A truncated report keeps its end, so the failures come last.
[[ "${failed[*]}" != *end-to-end* ]] || tail -n 300 "$work/e2e.log"
printf 'failed: %s\n' "${failed[@]}"
exit 1
