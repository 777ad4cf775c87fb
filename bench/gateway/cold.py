#!/usr/bin/env python3
"""Cold start: exec -> first right answer (header-routed), wall ms, median of RUNS; CPU ms used and RSS at that moment.
PEERS=... ; more targets: NAME=PORT:h1:CMD=command line"""

import os, shlex, socket, statistics, sys, time
import bench as b

RUNS = int(b.env("RUNS", "7"))


def first(port):
    body = b'{"name":"Bob"}'
    req = (
        "POST %s HTTP/1.1\r\nhost: 127.0.0.1:%d\r\nuser: admin\r\ncontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
        % (b.RPC, port, len(body))
    ).encode() + body
    try:
        s = socket.create_connection(("127.0.0.1", port), 0.5)
        s.settimeout(2)
        s.sendall(req)
        d = b""
        while b"Hello Bob" not in d:
            x = s.recv(4096)
            if not x:
                return False
            d += x
        s.close()
        return True
    except OSError:
        return False


def main():
    import fcntl

    names = b.env(
        "PEERS",
        "envoy,pointsman-bun,pointsman-node,pointsman-bun in process,pointsman-node in process",
    ).split(",")
    b.spawn([b.ECHO, str(b.V1), "v1.0.0"], b.LC)
    b.spawn([b.ECHO, str(b.V2), "v2.0.0"], b.LC)
    b.wait_port(b.V1)
    items = [(n, lambda n=n: b.PEERS[n]()) for n in names if n]
    for a in sys.argv[1:]:
        n, r = a.split("=", 1)
        port, pr, how = r.split(":", 2)
        items.append((n, lambda how=how, port=port: (shlex.split(how[4:]), {"h1": int(port)}, {})))
    print("| name | wall ms (median) | min | max | CPU ms | RSS MiB |\n|---|---|---|---|---|---|")
    try:
        for n, f in items:
            w, c, m = [], [], []
            for _ in range(RUNS):
                b.quiet()
                lock = open(b.env("LOCK"), "w") if b.env("LOCK") else None
                if lock:
                    fcntl.flock(lock, fcntl.LOCK_EX)
                cmd, ports, ex = f()
                if b.pid_of_port(ports["h1"]):
                    sys.exit("port %d is taken" % ports["h1"])
                t = time.time()
                p = b.spawn(cmd, b.PC, ex)
                while not first(ports["h1"]) and time.time() - t < 20:
                    time.sleep(0.001)
                w.append((time.time() - t) * 1000)
                ids = b.tree(p.pid)
                c.append(sum(b.cpu(ids)) * 1000)
                m.append(b.rss(ids))
                b.stop(p)
                b.procs.pop()
                if lock:
                    lock.close()
            print(
                "| %s | %.0f | %.0f | %.0f | %.0f | %.0f |"
                % (n, statistics.median(w), min(w), max(w), statistics.median(c), statistics.median(m)),
                flush=True,
            )
    finally:
        for p in b.procs:
            b.stop(p)


main()
