#!/usr/bin/env bash
# Runs every check. One more test project than there are cores runs at a time, each in its own world: one computes while another
# waits. More would only take longer. Failures are printed last.
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/ensure-test-tools.sh
node scripts/build.mjs
export MESA_TEMPLATE_BUILT=1
work=.test-work
mkdir -p "$work"
failures="$work/failed-projects" left="$work/projects-left" standIns="$work/stand-ins-passed"
: >"$failures"

# What the stand-ins' own tests test. As long as none of it changes, they need to pass once.
now=$(find package-lock.json test/world test/transcripts test/e2e/{bl-,sandbox-api-,world}*.ts test/e2e/mesa-container.ts -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum)
# The longest first, so that all end at about the same time.
projects=(e2e e2e-sandbox e2e-engines e2e-deploy e2e-faults e2e-images e2e-world program)
if [ "$now" = "$(cat "$standIns" 2>/dev/null)" ]; then
  projects=("${projects[@]/e2e-world/}")
  echo "── e2e-world is left out: it passed, and no stand-in changed since"
fi
printf '%s\n' "${projects[@]}" | grep . >"$left"

# takesNext: prints the next project that has not started.
takesNext() {
  flock "$left.lock" sh -c 'head -n 1 "$0" && sed -i 1d "$0"' "$left"
}

# one PROJECT: runs it, with its own log.
one() {
  local begun=$SECONDS child
  npx vitest run --project "$1" >"$work/$1.log" 2>&1 &
  child=$!
  trap 'kill "$child" 2>/dev/null; exit 143' TERM
  if wait "$child"; then
    [ "$1" != e2e-world ] || echo "$now" >"$standIns"
    echo "── $1 passed ($((SECONDS - begun)) s)"
  else
    echo "$1" >>"$failures"
    echo "── $1 FAILED ($((SECONDS - begun)) s), see $work/$1.log"
  fi
}

# Whether a world is up; SECONDS bounds the wait for one that does not start.
isReady() {
  [ -z "$1" ] || [ "$SECONDS" -gt 600 ] || grep -qs '"ready":true' "$1/world.json"
}

pids=() last=
trap 'kill "${pids[@]}" 2>/dev/null || true' EXIT
for number in $(seq $(($(nproc) + 1))); do
  (
    # One world starts after the other, so that the second finds images made and ports taken.
    until isReady "$last"; do sleep 0.5; done
    export MESA_TEMPLATE_WORLD_DIR="$work/world-$number"
    while project=$(takesNext) && [ -n "$project" ]; do one "$project"; done
  ) &
  pids+=($!) last="$work/world-$number"
done
echo "── format, types, lint, rendered files, unit tests (beside them the others)"
bash scripts/check.sh 2>&1 | tee "$work/check.log" || echo check >>"$failures"
wait "${pids[@]}"
if grep -ah "(retry x" "$work"/{e2e*,program}.log; then echo "── the tests above failed their first try: look at what it waited for"; fi
for project in "${projects[@]}"; do [ -z "$project" ] || cat "$work/$project.log"; done
# A truncated report keeps its end, so the failures come last.
while read -r project; do tail -n 200 "$work/$project.log" 2>/dev/null || true; done <"$failures"
[ ! -s "$failures" ] || { echo "failed: $(tr '\n' ' ' <"$failures")" && exit 1; }
