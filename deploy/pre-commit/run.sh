#!/bin/sh
# What the hooks for pre-commit start: `run.sh COMMAND ARGS...` in pre-commit's own clone of this repository. The
# first time it installs what the commands need.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
if ! node -e 'const [major, minor] = process.versions.node.split(".").map(Number); process.exit(major > 22 || (major === 22 && minor >= 18) ? 0 : 1)' 2>/dev/null; then
  echo "error: Cannot run the hook: it needs Node 22.18 or newer on the PATH" >&2
  exit 2
fi
done="$root/node_modules/.pointsman-installed"
if [ ! -e "$done" ]; then
  # Installed beside and moved into place, so that one that is killed, or runs side by side, leaves nothing half done.
  own=$(mktemp -d "$root/.pointsman-install.XXXXXX")
  trap 'rm -rf "$own"' EXIT
  trap 'exit 130' INT TERM
  mkdir -p "$own/test/runtime"
  cp "$root/package.json" "$root/package-lock.json" "$own"
  cp "$root/test/runtime/package.json" "$own/test/runtime"
  npm ci --prefix "$own" --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund --silent >&2
  : > "$own/node_modules/.pointsman-installed"
  if [ ! -e "$done" ]; then
    rm -rf "$root/node_modules"
    mv "$own/node_modules" "$root/node_modules"
  fi
  rm -rf "$own"
  trap - EXIT INT TERM
fi
exec node "$root/cli/main.ts" "$@"
