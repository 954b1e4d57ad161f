#!/usr/bin/env bash
# Installs the Node packages when they are missing or package-lock.json changed since. Costs milliseconds otherwise.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! command -v node >/dev/null; then
  echo "Node.js is missing: install Node 20.19 or newer (nodejs.org, or your system's packages)." >&2
  exit 3
fi
if ! node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)'; then
  echo "Node.js $(node --version) is too old: 20.19 or newer is needed." >&2
  exit 3
fi
stamp=node_modules/.installed-from
sum=$(sha256sum package.json package-lock.json | sha256sum)
[ -f "$stamp" ] && [ "$(cat "$stamp")" = "$sum" ] && exit 0
echo "installing Node packages" >&2
npm ci --prefer-offline --ignore-scripts --no-audit --no-fund --loglevel=error >&2
echo "$sum" > "$stamp"
