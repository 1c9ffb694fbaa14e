#!/usr/bin/env python3
"""selftest.py -- what bench.py does, without a GPU: our kernels by the simulator, a clock that is
told its times.

One line a test: "ok NAME", "FAIL NAME why" or "skip NAME". With torch (a CPU build will do) and
numpy also the float64 references, held against the simulator, and whole rows.
"""
import os
import subprocess
import sys
import tempfile
from contextlib import nullcontext

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)

import measure  # noqa: E402
import report  # noqa: E402
import rows  # noqa: E402
from library import AzulejoError, Library, text  # noqa: E402

LIBRARY = os.path.join(ROOT, "build", "libazulejo.so")
failures = 0


def check(good, name, why=""):
    global failures
    print("ok" if good else "FAIL", name, "" if good else why, flush=True)
    failures += not good


def throws(kind, call):
    try:
        call()
    except kind:
        return True
    return False


# -- what needs no torch ---------------------------------------------------------------------------

def sample_results():
    ours = {"settings": "C=64", "error": 2.1e-3, "right": True, "same_bits": True}
    return {"date": "2026-01-02", "device": "NVIDIA H200", "bits": 100, "seconds": 99.5,
            "ceilings": {"copy_gbs": 2140.0, "matmul_tflops": 700.0}, "none": None, "empty": [],
            "rows": [
                {"row": "a/b", "kernel": "retention", "shape": "N=1", "readme": True, "met": "yes",
                 "share": 0.5, "ratio": 2.0, "must_ms": 0.2, "aim_ms": 0.05, "bytes": 5, "ops": 1e9,
                 "ours": dict(ours, ms=0.1),
                 "peers": [{"name": "slow", "ms": 0.2, "error": 1e-3, "right": True},
                           {"name": "wrong", "ms": 0.01, "error": 1.0, "right": False},
                           {"name": "gone", "problem": "ImportError: no \"gone\": [really]"}]},
                {"row": "c", "kernel": "flash_attention", "shape": "N=2", "readme": True,
                 "ops": 4e9, "bytes": 5,
                 "ours": dict(ours, ms=0.01, right=False, error="nan", same_bits=False,
                              stages=[{"name": "x", "spill_bytes": 8},
                                      {"name": "y", "spill_bytes": -1}]),
                 "peers": [{"name": "cuDNN", "ms": 0.008, "error": 1e-3, "right": True}],
                 "met": "wrong", "ratio": 0.8},
                {"row": "d", "kernel": "retention", "shape": "N=3", "bytes": 5, "ops": 0.0,
                 "ours": {}, "peers": [], "problem": "AzulejoError: no # such: thing"}]}


def test_yaml():
    r = sample_results()
    t = "# a comment\n" + "\n".join(report.emit(r)) + "\n"
    check(report.parse(t) == r, "YAML as written reads back", t)
    try:
        import yaml
        check(yaml.safe_load(t) == r, "another reader takes it", t)
    except ImportError:
        print("skip another YAML reader")
    check(report.parse("\n".join(report.emit({"x": float("nan")}))) == {"x": "nan"}, "NaN is text")


def test_table():
    r = sample_results()
    lines = report.table(r).splitlines()
    check(lines[1].split() == ["a/b", "0.100", "10", "0.200", "slow", "2.00", "0.200", "0.0500",
                               "yes", "50%", "2.1e-03", "1.0e-03"], "a row of the table", lines[1])
    check("nan WRONG" in lines[2] and " wrong " in lines[2], "a wrong output shows", lines[2])
    check(lines[4:] == ["c: other bits from launch to launch", "c: x spills 8 bytes",
                        "d: AzulejoError: no # such: thing",
                        "gone: ImportError: no \"gone\": [really] [a/b]"],
          "problems show", str(lines[4:]))
    check(report.summary(r).startswith("3 rows: 0 reach the aim, 1 more the bar, 0 miss it, 2 wrong"
                                       ), "the summary", report.summary(r))


def test_readme():
    r = sample_results()
    base = "x\n" + report.BEGIN + "old\n" + report.END + "y\n"
    once = report.quote(base, r)
    check(once.startswith("x\n") and once.endswith("y\n") and "old" not in once, "README's section")
    check(report.quote(once, r) == once, "again changes nothing")
    check("| `retention` N=1 | **0.100 ms** | wrong 0.0100 ms (error 1.0e+00), slow 0.200 ms |"
          " 50% |" in once, "a README row", once)
    check("| 400 TFLOP/s (wrong) | **cuDNN 500 TFLOP/s** |" in once, "who wins is bold", once)
    check("not all of them right" in once.replace("\n", " ") and "2.14 TB/s" in once,
          "README says what is wrong")
    check(throws(ValueError, lambda: report.quote("no marks", r)), "README without marks")
    kept = os.path.join(HERE, "h200.yaml")
    if os.path.exists(kept):
        with open(kept) as f, open(os.path.join(ROOT, "README.md")) as g:
            readme = g.read()
            check(report.quote(readme, report.parse(f.read())) == readme,
                  "README quotes tests/bench/h200.yaml", "run: tests/bench/bench.py --readme ...")
    else:
        print("skip README quotes tests/bench/h200.yaml")


def test_bars():
    by_name = {r.name: r for r in rows.all_rows()}
    check(len(by_name) == len(rows.all_rows()), "row names differ")
    half = 1e3 * rows.COPY_TBS / 2
    near = lambda got, *want: all(abs(g / w - 1) < 1e-9 for g, w in zip(got, want))  # noqa: E731
    check(near(rows.bar_ms(by_name["retention/d64"], 0, half, 0, {}), 0.17, 0.144),
          "milliseconds scale with the copy rate")
    check(near(rows.bar_ms(by_name["flash_attention/causal-4k"], 0, 1, 0, {"cuDNN": 1.03}),
               1.0, 1.03 / 1.12), "a peer's rate")
    check(rows.bar_ms(by_name["flash_attention/causal-4k"], 0, 1, 0, {}) is None, "no peer, no bar")
    check(near(rows.bar_ms(by_name["taylor_feature_map/n4096"], 0, 1000, 88e6, {}), 0.1, 88 / 930),
          "a share of the copy rate")
    row = by_name["based_prefill/d8"]
    r = (2 * 64 * 80 + 4 * 48 * 64) / (2 * 64 * 80 + 4 * 160 * 64)
    bar = rows.bar_ms(row, 0.01, 2 * half, 0, {})
    check(near(bar, 1.3 * 0.125 * r, 1.1 * 0.105 * r), "another shape by its work", str(bar))
    check(near(rows.bar_ms(row, 0.3, 2 * half, 0, {}), 0.4, 0.3 / 0.85), "or by its floor")


def test_choose():
    all_rows = rows.all_rows()
    check(len(rows.choose(all_rows, "retention/*,based_decode/b1", False)) == 3, "globs")
    check(len(rows.choose(all_rows, None, True)) < len(rows.choose(all_rows, None, False)), "quick")


def test_library():
    if not os.path.exists(LIBRARY):
        print("skip the library: not built")
        return
    lib = Library(LIBRARY)
    check(throws(AzulejoError, lambda: lib.open("nothing", {})), "the library's errors arrive")
    for row in rows.all_rows():
        try:
            k = lib.open(row.spec, row.settings, ",".join(row.bind) or None, row.gpu or "h200")
            names = {a.name for a in k.args}
            good = names >= set(row.bind) and k.bytes > 0 and "schedule=" in k.settings
            check(good, f"{row.name} opens", f"{names} {k.settings}")
            k.close()
        except AzulejoError as e:
            check(False, f"{row.name} opens", str(e))


# -- the clock, on a GPU of make-believe whose time is counted -------------------------------------

class Dream:
    """As much of torch as clock.py uses. A launch takes as long as it says."""

    def __init__(self, capturable=True):
        self.now, self.capturing, self.cuda, self.profiler = 0.0, None, self, self
        self.capturable, self.busy, self.L2_cache_size = capturable, 0.0, 60 << 20
        self.ProfilerActivity = self
        self.CUDA = "cuda"

    def launch(self, ms):
        if self.capturing is None:
            self.now += ms
            self.busy += ms
        elif not self.capturable:
            raise RuntimeError("not while capturing")
        else:
            self.capturing.append(ms)

    def CUDAGraph(self):
        dream = self

        class Graph(list):
            def replay(self):
                for ms in self:
                    dream.launch(ms)
        return Graph()

    def Event(self, enable_timing):
        dream = self

        class Event:
            def record(self):
                self.at = dream.now

            def synchronize(self):
                pass

            def elapsed_time(self, other):
                return other.at - self.at
        return Event()

    def graph(self, g, capture_error_mode):
        dream = self

        class During:
            def __enter__(self):
                dream.capturing = g

            def __exit__(self, *_):
                dream.capturing = None
        return During()

    def profile(self, activities):
        dream, before = self, self.busy

        class Profile:
            __enter__ = lambda self: self  # noqa: E731
            __exit__ = lambda self, *_: None  # noqa: E731

            def key_averages(self):
                self.self_device_time_total = (dream.busy - before) * 1e3
                return [self]
        return Profile()

    def get_device_properties(self, i):
        return self

    def mem_get_info(self):
        return 100 << 30, 140 << 30

    def _sleep(self, cycles):
        self.now += 0.2

    def synchronize(self):
        pass

    empty_cache = synchronize


def test_clock():
    from clock import Clock, median
    check(median([3, 1, 2])[0] == 2 and median([1] * 9 + [50])[:2] == (1, 1), "a median")
    dream = Dream()
    c = Clock(dream, 5)
    check(c.rotation(60 << 20) == 5 and c.rotation(1 << 40) == 1 and c.rotation(10) == 512,
          "copies of over four times the L2")
    seen = []

    def call(ms):
        def go(i):
            seen.append(i)
            dream.launch(ms)
        return go

    def broken(i):
        raise ValueError("out of sorts")
    r = c.race([call(0.25), broken, call(0.003), call(40.0)], 3)
    check([round(x.get("ms", 0), 9) for x in r] == [0.25, 0, 0.003, 40.0], "a race", str(r))
    check(r[1]["problem"] == "ValueError: out of sorts" and "problem" not in r[0],
          "who fails", str(r))
    check([x.get("batch") for x in r] == [9, None, 501, 3] and r[0]["how"] == "graph",
          "launches a sample go round the copies", str(r))
    check(set(seen) == {0, 1, 2}, "all copies are used", str(set(seen)))
    check(abs(c.kernel_ms(call(0.004), 3) - 0.004) < 1e-9, "kernel time")
    r = Clock(Dream(capturable=False), 5)
    dream = r.torch
    r = r.race([call(0.5)], 2)
    check(r[0]["how"] == "launches (RuntimeError)" and abs(r[0]["ms"] - 0.5) < 1e-9,
          "what cannot be captured is launched", str(r))


# -- with torch: whole rows, our side by the simulator ---------------------------------------------

class SimKernel:
    """As library.Kernel, but a launch is a run of the program in the simulator."""

    def __init__(self, lib, row, folder):
        k = lib.open(row.spec, row.settings, ",".join(row.bind) or None, row.gpu or "h200")
        self.args, self.settings, self.bytes = k.args, k.settings, k.bytes
        self.stages, self.row, self.folder = [], row, folder
        k.close()

    def bind(self, torch, tensors):
        import numpy
        names = {torch.bfloat16: (torch.int16, "uint16"), torch.float32: (torch.int32, "float32")}

        def stored(a):  # grouped heads are one axis of a file
            s = a.size
            return (s[0], s[1] * s[2], *s[3:]) if len(s) == 5 else s

        def path(a):
            return os.path.join(self.folder, a.name + ".npy")

        def launch():
            words = [os.path.join(ROOT, "build", "azulejo"), "run", self.row.spec, "--device",
                     "sim", "--unchecked", "--gpu", self.row.gpu or "h200", "--set",
                     text(self.row.settings), "--in"]
            for a in self.args:
                if not a.output:
                    x = tensors[a.name]
                    bits, kind = names[x.dtype]
                    x = x.view(bits).numpy().view(kind).reshape(stored(a))
                    numpy.save(path(a), x)
                    words.append(f"{a.name}={path(a)}")
            words.append("--out")
            words += [f"{a.name}={path(a)}" for a in self.args if a.output]
            r = subprocess.run(words, capture_output=True, text=True)
            if r.returncode:
                raise AzulejoError(r.stderr.strip())
            for a in self.args:
                if a.output:
                    x = tensors[a.name]
                    bits, kind = names[x.dtype]
                    y = numpy.load(path(a)).reshape(a.size)
                    signed = "int16" if kind == "uint16" else "int32"
                    x.view(bits).copy_(torch.from_numpy(y.view(signed)))
        return launch

    def close(self):
        pass


class ToldClock:
    """Says what it was told; ours is always first."""

    def __init__(self, ms):
        self.ms, self.copies, self.matmuls = ms, [], []

    def rotation(self, nbytes):
        return 2

    def ceilings(self):
        self.copies.append(4280.0)
        self.matmuls.append(693.0)
        return 4280.0, 693.0

    def race(self, calls, copies, seconds):
        for i, c in enumerate(calls):
            c(i % copies)
        return [{"ms": ms, "low": ms, "high": ms, "samples": 1, "batch": 1, "how": "told"}
                for ms, _ in zip(self.ms, calls)]

    def kernel_ms(self, call, copies):
        raise RuntimeError("no profiler here")


class SimWorld:
    def __init__(self, torch, lib, folder, peers, ms):
        self.torch, self.device, self.bits, self.row_seconds = torch, "cpu", 1, 1
        self.peers, self.clock, self.lib, self.folder = peers, ToldClock(ms), lib, folder

    def left(self):
        return 20.0

    def guard(self, seconds, result):
        return nullcontext()

    def opener(self, row):
        return SimKernel(self.lib, row, self.folder)


# Every row of the table in small: (glob of rows, sizes)
SMALL = (("based_prefill/n4096,based_prefill/*-stateless", dict(B=2, H=1, N=70)),
         ("based_prefill/n4096-normalize,based_prefill/v112,based_prefill/d8,based_prefill/d24,"
          "based_prefill/d32,based_prefill/n4096-sm80", dict(B=1, H=2, N=65)),
         ("based_decode/*", dict(B=2, H=3)),
         ("taylor_feature_map/*", dict(B=1, H=2, N=33)),
         ("window_attention/w64", dict(B=1, H=2, N=130)),
         ("flash_attention/causal-4k,flash_attention/full-4k", dict(B=1, H=2, N=100)),
         ("retention/*,simple_gla/*", dict(B=1, H=2, N=100)))


def small(row, change):
    row.p = dict(row.p, **change)
    for n, v in change.items():
        group = {"H": "G", "N": "M"} if row.spec == "flash_attention" else {"H": "G"}
        for key in (n, group.get(n)):
            if key in row.settings:
                row.settings[key] = v
    return row


def test_rows(torch):
    lib = Library(LIBRARY)
    wrong = lambda torch, t, p: (lambda: t["q"] * 0, lambda o: {"o": o})  # noqa: E731

    def absent(torch, t, p):
        raise ImportError("not here")

    def linear(torch, t, p):
        """BASED without states, quadratic."""
        s = t["q"].float() @ t["k"].float().transpose(2, 3) / p["D"] ** 0.5
        w = (1 + s + s * s / 2).tril()
        o = (w @ t["v"].float()) / (w.sum(-1, keepdim=True) if p["normalize"] else 1)
        return lambda: o.to(torch.bfloat16), lambda o: {"o": o}
    for globs, change in SMALL:
        for row in rows.choose(rows.all_rows(), globs, False)[:12]:
            row = small(row, change)
            row.peers = ("absent",)
            if row.problem == "based":
                row.peers += ("linear",)
            elif row.p.get("D") == row.p.get("V"):
                row.peers += ("wrong",)
            with tempfile.TemporaryDirectory() as folder:
                world = SimWorld(torch, lib, folder, {"absent": absent, "wrong": wrong,
                                                     "linear": linear}, (0.5, 0.1))
                r = measure.run_row(world, row)
            ours = r["ours"]
            good = (not r.get("problem") and ours.get("right") and ours.get("same_bits") and
                    ours["ms"] == 0.5 and r["peers"][0]["problem"].startswith("ImportError"))
            check(good, f"{row.name} in small, by the simulator", str(r)[:900])
            right = row.problem == "based"
            if len(r["peers"]) > 1:
                check(r["peers"][1].get("right") is right and r["peers"][1]["ms"] == 0.1,
                      f"{row.name}: a peer is right or wrong", str(r["peers"]))
            measure.judge(row, r, {"copy_gbs": 4280.0, "matmul_tflops": 693.0})
            check((r.get("ratio") == 0.2 if right else "ratio" not in r) and
                  r["floor_ms"] > 0 and r["share"] == r["floor_ms"] / 0.5,
                  f"{row.name}: only right peers count", str(r)[:600])
            if row.bar[0] == "ms":
                check(r["met"] == "no", f"{row.name}: half a millisecond is too slow", r["met"])


def test_wrong(torch):
    """An output that is not what the definition says, and a kernel that does not open."""
    lib = Library(LIBRARY)
    row = small(rows.choose(rows.all_rows(), "retention/d64", False)[0], dict(B=1, H=2, N=65))
    row.peers = ()

    class Off(SimKernel):
        def bind(self, torch, tensors):
            launch = super().bind(torch, tensors)

            def run():
                launch()
                tensors["o"][0, 1, 64] *= 1.02
            return run
    with tempfile.TemporaryDirectory() as folder:
        world = SimWorld(torch, lib, folder, {}, (0.01,))
        world.opener = lambda row: Off(lib, row, folder)
        r = measure.run_row(world, row)
        measure.judge(row, r, {"copy_gbs": 4280.0, "matmul_tflops": 693.0})
        check(r["ours"]["right"] is False and r["met"] == "wrong", "one row 2% off is seen", str(r))
        row.settings["V"] = 7
        r = measure.run_row(SimWorld(torch, lib, folder, {}, (0.01,)), row)
        check("AzulejoError" in r["problem"] and not r["ours"], "what does not open", str(r))
    nan = torch.full((2, 2), float("nan"), dtype=torch.float64)
    one = torch.ones(2, 2, dtype=torch.float64)
    c = measure.compare(torch, [("a", nan, one), ("a", one, one)])
    check(not c["right"] and c["error"] != c["error"], "NaN is wrong", str(c))


def test_peers(torch):
    """Peers that run on a CPU, and the layouts of those that do not, against the references."""
    import peers
    from reference import PROBLEMS, compare
    p = dict(B=1, H=2, N=70, D=16, V=16, causal=True)
    t = PROBLEMS["softmax"][0](torch, p, "cpu")
    call, view = peers.PEERS["FlashAttention-2"](torch, t, p)
    c = compare(torch, PROBLEMS["softmax"][1](torch, t, p, view(call())))
    check(c["right"], "scaled_dot_product_attention", str(c))
    p = dict(B=2, H=3, D=16, V=8, normalize=True)
    t = PROBLEMS["decode"][0](torch, p, "cpu")
    seen = {}

    def recurrent(q, k, v, scale, initial_state, output_final_state, normalize):
        """The step that fla makes, by its definition."""
        q, k, v = (x[:, 0].double() for x in (q, k, v))
        S = initial_state.double() + k[..., None] * v[..., None, :]
        seen["F"] = S.shape[2]
        return scale * (q[..., None] * S).sum(2)[:, None], S
    import types
    m = types.ModuleType("fla.ops.linear_attn")
    m.fused_recurrent_linear_attn = recurrent
    sys.modules["fla.ops.linear_attn"] = m
    call, view = peers.PEERS["fla fused_recurrent"](torch, t, p)
    c = compare(torch, PROBLEMS["decode"][1](torch, t, p, view(call())))
    check(c["error"] < 6e-3 and seen["F"] == 273, "the plain order of the features", str(c))
    del sys.modules["fla.ops.linear_attn"]


test_yaml()
test_table()
test_readme()
test_bars()
test_choose()
test_library()
test_clock()
try:
    import torch
    torch.zeros(1).numpy()
    torch.manual_seed(0)
    test_wrong(torch)
    test_peers(torch)
    test_rows(torch)
except (ImportError, RuntimeError) as e:
    print(f"skip references: {e}")
sys.exit(failures != 0)
