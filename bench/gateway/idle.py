#!/usr/bin/env python3
"""Memory of a gateway that waits: RSS after start, and for each of COUNT idle connections that have had one answer.
PEERS=...; COUNT=3000 (as many files may be open)"""

import socket, time
import bench as b

COUNT = int(b.env("COUNT", "3000"))
# The preface with empty SETTINGS; a request that finds no route.
HELLO = {
    "h2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
    "h1": b"GET /x HTTP/1.1\r\nhost: nobody\r\n\r\n",
}


def idle(kind, port, pids):
    before = b.rss(pids)
    held = []
    for i in range(COUNT):
        s = socket.create_connection(("127.0.0.1", port), 5)
        s.sendall(HELLO[kind])
        held.append(s)
        if i % 200 == 199:
            time.sleep(0.05)
    for s in held:
        s.settimeout(5)
        s.recv(4096)
    # A little longer than the gateway's own clock ticks.
    time.sleep(3)
    grown = (b.rss(pids) - before) * 1024 / COUNT
    for s in held:
        s.close()
    time.sleep(1)
    return grown


def main():
    import resource

    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    names = b.env("PEERS", "envoy,haproxy,nginx,pointsman-bun,pointsman-node,pointsman-deno").split(",")
    b.spawn([b.ECHO, str(b.V1), "v1.0.0"], b.LC)
    b.spawn([b.ECHO, str(b.V2), "v2.0.0"], b.LC)
    b.wait_port(b.V1)
    print("| name | RSS MiB | KiB a connection, h2 | KiB a connection, h1 |\n|---|---|---|---|")
    try:
        for n in filter(None, names):
            cmd, ports, ex = b.PEERS[n]()
            p = b.spawn(cmd, b.PC, ex)
            b.wait_port(ports["h1"], 20)
            time.sleep(2)
            pids = b.tree(p.pid)
            start = b.rss(pids)
            grown = [idle(kind, ports[kind], pids) for kind in ("h2", "h1")]
            print("| %s | %.0f | %.1f | %.1f |" % (n, start, *grown), flush=True)
            b.stop(p)
            b.procs.pop()
    finally:
        for p in b.procs:
            b.stop(p)


main()
