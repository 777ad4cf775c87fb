#!/usr/bin/env bash
# Makes gen/ from the .proto files of the suite's own Go module (Apache-2.0). Needs Go, and the npm packages.
set -euo pipefail
cd "$(dirname "$0")"
VERSION=v1.0.7
root=$(cd ../.. && pwd)
proto=$(cd "$(mktemp -d)" && go mod download -json connectrpc.com/conformance@$VERSION | sed -n 's/.*"Dir": "\(.*\)",/\1/p')/proto
PATH=$root/node_modules/.bin:$PATH buf generate "$proto" -o . --path "$proto/connectrpc/conformance/v1/service.proto" \
  --path "$proto/connectrpc/conformance/v1/config.proto" --path "$proto/connectrpc/conformance/v1/server_compat.proto" \
  --path "$proto/connectrpc/conformance/v1/client_compat.proto" --template \
  '{"version":"v2","clean":true,"plugins":[{"local":"protoc-gen-es","out":"gen","opt":["target=ts","import_extension=ts","erasable_syntax=true"]}]}'
