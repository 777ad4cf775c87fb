#!/usr/bin/env python3
"""Streaming: BYTES (1 GiB) of body through the gateway to curl, over HTTP/1.1 and h2c; CPU seconds of the gateway a GiB.
PEERS=...; ROUNDS=3 (the median is told)"""

import os, statistics, subprocess, time
import bench as b

BYTES = int(b.env("BYTES", str(1 << 30)))
ROUNDS = int(b.env("ROUNDS", "3"))
GIB = 1 << 30


def download(kind, port):
    how = "--http1.1" if kind == "h1" else "--http2-prior-knowledge"
    url = "http://127.0.0.1:%d/stream/%d" % (port, BYTES)
    out = subprocess.run(
        ["taskset", "-c", b.LC, "curl", "-s", how, "-o", "/dev/null", "-w", "%{http_code} %{size_download}", url],
        capture_output=True,
        text=True,
        timeout=120,
    ).stdout
    if out != "200 %d" % BYTES:
        raise SystemExit("answered %r" % out)


def main():
    names = b.env("PEERS", "envoy,haproxy,pointsman-bun,pointsman-node,pointsman-deno").split(",")
    source = os.path.join(b.HERE, "backend", "stream.mjs")
    for port in (b.V1, b.V2):
        b.spawn([b.NODE, source, str(port)], b.LC)
        b.wait_port(port, 20)
    print("| name | protocol | CPU s/GiB | MiB/s |\n|---|---|---|---|")
    try:
        for n in filter(None, names):
            cmd, ports, ex = b.PEERS[n]()
            p = b.spawn(cmd, b.PC, ex)
            b.wait_port(ports["h1"], 20)
            time.sleep(1)
            pids = b.tree(p.pid)
            for kind in ("h1", "h2"):
                used, rate = [], []
                download(kind, ports[kind])
                for _ in range(ROUNDS):
                    b.quiet()
                    c0, t0 = sum(b.cpu(pids)), time.time()
                    download(kind, ports[kind])
                    used.append((sum(b.cpu(pids)) - c0) * GIB / BYTES)
                    rate.append(BYTES / (1 << 20) / (time.time() - t0))
                print(
                    "| %s | %s | %.2f | %.0f |" % (n, kind, statistics.median(used), statistics.median(rate)),
                    flush=True,
                )
            b.stop(p)
            b.procs.pop()
    finally:
        for p in b.procs:
            b.stop(p)


main()
