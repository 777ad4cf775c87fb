VERSION=v1.0.7
WHAT="the Connect conformance suite's own client"
fetch() { go_bin "$1" connectrpc.com/conformance/cmd/referenceclient@$VERSION; }
