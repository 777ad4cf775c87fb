#!/bin/sh
# What the hooks for pre-commit start: `run.sh COMMAND ARGS...` in pre-commit's own clone of this repository. The
# first time it installs what the commands need.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
if ! node -e 'const [major, minor] = process.versions.node.split(".").map(Number); process.exit(major > 22 || (major === 22 && minor >= 18) ? 0 : 1)' 2>/dev/null; then
  echo "error: Cannot run the hook: it needs Node 22.18 or newer on the PATH" >&2
  exit 2
fi
# Hooks run side by side: who makes the folder installs, the others wait for it.
done="$root/node_modules/.pointsman-installed"
if [ ! -e "$done" ]; then
  if mkdir "$root/.pointsman-installing" 2>/dev/null; then
    trap 'rmdir "$root/.pointsman-installing"' EXIT
    npm ci --prefix "$root" --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund --silent >&2
    : > "$done"
    rmdir "$root/.pointsman-installing"
    trap - EXIT
  else
    waited=0
    while [ ! -e "$done" ] && [ -d "$root/.pointsman-installing" ] && [ "$waited" -lt 300 ]; do sleep 1; waited=$((waited + 1)); done
  fi
fi
exec node "$root/cli/main.ts" "$@"
