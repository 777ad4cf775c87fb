#!/usr/bin/env bash
# base-image.sh DIR   makes what deploy/Dockerfile builds on, for a machine that reaches Debian's packages and no
# registry of images, and keeps it in the podman store DIR under the names of the real ones: debian:trixie-slim, and
# node:24-trixie-slim with the Node of this project's packages and this system's npm. Needs root, mmdebstrap and podman.
set -euo pipefail
[ $# = 1 ] || { sed -n '2,4s/^# //p' "${BASH_SOURCE[0]}"; exit 2; }
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd); root=$here/../..
store=$1; work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
mmdebstrap --quiet --mode=root --variant=minbase --aptopt='Acquire::Languages "none"' \
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
  trixie "$work/debian" ${DEBIAN_MIRROR:+"$DEBIAN_MIRROR"} >&2
tar -C "$work/debian" -cf "$work/debian.tar" .
"$here/podman" "$store" import --quiet "$work/debian.tar" docker.io/library/debian:trixie-slim

npm=$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")
local=$work/debian/usr/local
mkdir -p "$local/lib/node_modules" "$work/debian/etc/ssl/certs"
cp -L "$root"/node_modules/node-linux-*/bin/node "$local/bin/node"
cp -a "$npm" "$local/lib/node_modules/npm"
for each in npm npx; do ln -s "../lib/node_modules/npm/bin/$each-cli.js" "$local/bin/$each"; done
# Whom this machine trusts to be the registry of packages.
cp -L /etc/ssl/certs/ca-certificates.crt "$work/debian/etc/ssl/certs/"
tar -C "$work/debian" -cf "$work/node.tar" .
"$here/podman" "$store" import --quiet \
  -c 'ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt' \
  -c 'ENV npm_config_cafile=/etc/ssl/certs/ca-certificates.crt' \
  "$work/node.tar" docker.io/library/node:24-trixie-slim
