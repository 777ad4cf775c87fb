VERSION=eed52ebb66ad
WHAT="Istio 1.31's pilot and validation over standard input"
fetch() { mod_bin "$1" istio-oracle .=istio-oracle; }
