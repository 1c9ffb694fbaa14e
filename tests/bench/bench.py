#!/usr/bin/env python3
"""bench.py -- our kernels and every peer that is installed, in one process on one GPU.

    tests/bench/bench.py [--only GLOB,...] [--quick] [--out FILE.yaml] [--seconds-budget S]
                         [--library build/libazulejo.so] [--gpu NAME] [--list]
    tests/bench/bench.py --table FILE.yaml | --readme FILE.yaml
    tests/bench/bench.py --build [--gpu h200] [--only ...]    without a GPU: registers and spills

Same inputs for all; both sides checked against float64 on sampled rows; kernel times by CUDA graphs
of launches that go round inputs of over four times the L2, ours and theirs in turn; copy rate and
matrix rate in the same run. The YAML grows row by row. --readme rewrites README.md's section
between its marks. Exit status: 0; 1 one of our outputs is wrong or changes, or a row of
ours failed; 77 without torch or a GPU.
"""
import argparse
import ctypes
import datetime
import gc
import glob
import importlib.util
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)

import measure  # noqa: E402
import report  # noqa: E402
import rows  # noqa: E402
from clock import median  # noqa: E402
from library import Library, text  # noqa: E402
from warm import TUNED  # noqa: E402

STARTED = "AZULEJO_BENCH_STARTED"
NOTHING_HERE, ANOTHER = 77, 75  # exit statuses: skipped; go on in another process


def arguments(argv):
    p = argparse.ArgumentParser(prog="bench.py", description="ours beside the peers, on a GPU")
    p.add_argument("--only", help="row names, comma-separated globs")
    p.add_argument("--quick", action="store_true", help="fewer rounds, and without --only fewer rows")
    p.add_argument("--out", default=os.path.join(ROOT, "build", "bench.yaml"))
    p.add_argument("--seconds-budget", type=float, help="150, or 60 with --quick")
    p.add_argument("--library", default=os.path.join(ROOT, "build", "libazulejo.so"))
    p.add_argument("--gpu", help="the text of this GPU instead of the device's own, in all rows")
    p.add_argument("--sm80", default="a100", help="the GPU whose text the sm_80 row runs")
    p.add_argument("--no-peers", action="store_true")
    p.add_argument("--list", action="store_true", help="the rows and their bars")
    p.add_argument("--build", action="store_true", help="compiles the rows: registers, spills")
    p.add_argument("--table", metavar="FILE", help="prints the table of a YAML file")
    p.add_argument("--readme", metavar="FILE", help="writes README.md's section from a YAML file")
    p.add_argument("--worker", choices=["first", "next"], help=argparse.SUPPRESS)
    a = p.parse_args(argv)
    a.seconds_budget = a.seconds_budget or (60 if a.quick else 150)
    return a


def say(*words):
    print(*words, file=sys.stderr, flush=True)


# -- before: compiling side by side ----------------------------------------------------------------

def find_nvrtc():
    """One NVRTC for all processes, so that they share the cache."""
    if os.environ.get("AZULEJO_NVRTC"):
        return
    for pattern in ("/usr/local/cuda*/lib64/libnvrtc.so.13",
                    "/usr/local/cuda*/lib64/libnvrtc.so.12",
                    sys.prefix + "/lib/python3*/site-packages/nvidia/cu13/lib/libnvrtc.so.13"):
        found = sorted(glob.glob(pattern))
        if found:
            os.environ["AZULEJO_NVRTC"] = found[-1]
            return


running = set()


def child(words, deadline):
    """None, or why it failed."""
    p = subprocess.Popen([sys.executable, os.path.join(HERE, "warm.py"), *words],
                         stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    running.add(p)
    seconds = max(5, deadline - time.time())
    try:
        err = p.communicate(timeout=seconds)[1].decode(errors="replace").strip().splitlines()
        return None if p.returncode == 0 else err[-1][:300] if err else f"exit {p.returncode}"
    except subprocess.TimeoutExpired:
        p.kill()
        p.communicate()
        return f"not done in {seconds:.0f} s"
    finally:
        running.discard(p)


class Warm:
    """Processes side by side; wait(name) for those of one kind."""

    def __init__(self, a, chosen):
        cores, names = os.cpu_count() or 4, [r.name for r in chosen]
        peers = [] if a.no_peers else [q for r in chosen for q in r.peers]
        longest = sorted(chosen, key=lambda r: -r.p.get("V", 0) * r.p.get("D", 0))
        jobs = [("flex", *names)] if "FlexAttention" in peers else []
        jobs += [("build", a.library, r.spec, r.gpu or a.gpu or "-", text(r.settings),
                  ",".join(r.bind) or "-") for r in longest]
        if any(q.startswith("fla ") for q in peers):
            parts = max(1, min(12, cores - 3))
            jobs += [("triton", str(i), str(parts), *names) for i in range(parts)]
        self.t0 = time.time()
        deadline = self.t0 + 0.6 * a.seconds_budget
        self.pool = ThreadPoolExecutor(max_workers=max(2, cores))
        self.jobs = [(j, self.pool.submit(child, j, deadline)) for j in dict.fromkeys(jobs)]

    def wait(self, *kinds):
        for j, f in self.jobs:
            if j[0] in kinds:
                why = f.result()
                if why:
                    say(f"beforehand: {' '.join(j[:3])}: {why}")
        self.jobs = [(j, f) for j, f in self.jobs if j[0] not in kinds]
        say(f"compiled beforehand: {', '.join(kinds)}, {time.time() - self.t0:.1f} s")

    def stop(self):
        self.pool.shutdown(wait=False, cancel_futures=True)
        for p in list(running):
            p.kill()


# -- a run -----------------------------------------------------------------------------------------

class World:
    def __init__(self, a, torch, clock, library, peers, results, give_up):
        self.torch, self.clock, self.peers = torch, clock, peers
        self.device, self.bits = "cuda", 20 if a.quick else 100
        self.row_seconds = 0.4 if a.quick else 1.0
        self.a, self.library = a, library
        self.results, self.give_up = results, give_up
        self.start = float(os.environ[STARTED])

    def left(self):
        return self.a.seconds_budget - (time.time() - self.start)

    def opener(self, row):
        k = self.library.open(row.spec, row.settings, ",".join(row.bind) or None,
                              row.gpu or self.a.gpu)
        k.load()
        return k

    @contextmanager
    def guard(self, seconds, result):
        """A kernel that never ends blocks this process for good."""
        def hung():
            result["problem"] = f"hung: not done in {seconds} s"
            say(f"{result['row']}: {result['problem']}")
            keep(self.results, result)
            self.give_up()
        timer = threading.Timer(seconds, hung)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


def keep(results, result):
    results["rows"] = [r for r in results["rows"] if r["row"] != result["row"]] + [result]


def settle(results, chosen, clock, path):
    """Judges what is there by the run's rates so far, sorts, writes."""
    order = {r.name: i for i, r in enumerate(chosen)}
    if clock.copies:
        results["ceilings"] = {
            "copy_gbs": median(clock.copies)[0], "matmul_tflops": median(clock.matmuls)[0],
            "copy_low": min(clock.copies), "copy_high": max(clock.copies),
            "matmul_low": min(clock.matmuls), "matmul_high": max(clock.matmuls)}
        for r in results["rows"]:
            row = next((x for x in chosen if x.name == r["row"]), None)
            if row and r.get("bytes"):
                measure.judge(row, r, results["ceilings"])
    results["rows"].sort(key=lambda r: order.get(r["row"], len(order)))
    report.write(path, results)


def version(of):
    try:
        return str(of())
    except Exception:
        return "none"


def header(a, torch):
    props = torch.cuda.get_device_properties(0)
    found = importlib.import_module
    return {"date": datetime.date.today().isoformat(), "device": props.name,
            "sms": props.multi_processor_count, "l2_mb": round(props.L2_cache_size / 2 ** 20),
            "torch": str(torch.__version__), "triton": version(lambda: found("triton").__version__),
            "fla": version(lambda: found("fla").__version__),
            "cudnn": version(torch.backends.cudnn.version), "quick": a.quick,
            "text_of": a.gpu or "the device's own", "nvrtc": os.environ.get("AZULEJO_NVRTC", ""),
            "bits": 20 if a.quick else 100, "ceilings": {}, "seconds": 0.0, "rows": []}


def needs_tuning(row):
    return any(q in TUNED for q in row.peers)


def unfinished(row, why):
    return {"row": row.name, "kernel": row.spec, "shape": row.shape, "bytes": 0, "ours": {},
            "peers": [], "problem": why}


def run(a, chosen):
    """A worker: the rows that the YAML does not have yet."""
    import peers
    from clock import Clock
    find_nvrtc()
    peers.find_folder()
    before = Warm(a, chosen) if a.worker == "first" else None
    import torch  # while the others compile: it takes seconds
    torch.manual_seed(0)
    torch.set_grad_enabled(False)
    torch.zeros(1, device="cuda")
    clock = Clock(torch, 9 if a.quick else 21)
    results = header(a, torch)
    if a.worker == "next":
        with open(a.out) as f:
            kept = report.parse(f.read())
        results["rows"], results["ceilings"] = kept["rows"], kept["ceilings"]
    try:
        peers.load([] if a.no_peers else [q for r in chosen for q in r.peers])
        peers.tune_briefly()
    except Exception as e:
        say("Triton's tuners as they are:", measure.problem(e))

    def write():
        results["seconds"] = time.time() - world.start
        settle(results, chosen, clock, a.out)

    def give_up():
        """This process's context is lost: another measures the rows that are not there yet."""
        write()
        os._exit(ANOTHER)

    world = World(a, torch, clock, Library(a.library), {} if a.no_peers else peers.PEERS, results,
                  give_up)
    if before:
        before.wait("flex", "build")
    gc.collect()
    gc.freeze()
    tuned, have = False, {r["row"] for r in results["rows"]}
    todo = [r for r in chosen if r.name not in have]
    for row in sorted(todo, key=lambda r: (r.by_kernel, needs_tuning(r))):  # the profiler last
        if a.no_peers:
            row.peers = ()
        elif before and needs_tuning(row) and not tuned:
            before.wait("triton")
            tuned = True
        t0 = time.time()
        if world.left() < 1:
            keep(results, unfinished(row, "not measured: out of time"))
            continue
        keep(results, unfinished(row, "the process died"))
        write()
        result = measure.run_row(world, row)
        keep(results, result)
        try:
            torch.cuda.synchronize()
            gc.collect()
            torch.cuda.empty_cache()
        except Exception as e:
            result.setdefault("problem", measure.problem(e))
            say(f"{row.name}: the context is lost: {result['problem']}")
            give_up()
        write()
        say(f"{time.time() - world.start:6.1f} s  {row.name} ({time.time() - t0:.1f} s)",
            result.get("problem", ""))
    write()
    if before:
        before.stop()
    print(report.table(results))
    print(report.summary(results))
    fine = all(r["ours"].get("right") and r["ours"].get("same_bits") and not r.get("problem")
               for r in results["rows"])
    return 0 if fine else 1


def missing():
    """What a run lacks here, found out without loading torch; or None."""
    if importlib.util.find_spec("torch") is None:
        return "python3 has no torch"
    try:
        bad = ctypes.CDLL("libcuda.so.1").cuInit(0)
    except OSError:
        return "no CUDA driver (libcuda.so.1 not found)"
    return f"no GPU: cuInit says {bad}" if bad else None


def supervise(a, argv, nrows):
    """A worker, and another where one died or gave up: a lost context costs one row."""
    os.environ[STARTED] = str(time.time())
    worker, rc = "first", ANOTHER

    def written():
        return os.path.getmtime(a.out) if os.path.exists(a.out) else 0
    for _ in range(nrows + 1):
        before = written()
        rc = subprocess.call([sys.executable, os.path.abspath(__file__), *argv,
                              "--worker", worker])
        if rc != ANOTHER and rc >= 0 or written() == before:
            break
        worker = "next"
    return rc if rc >= 0 else 1


def build(a, chosen):
    """What each row runs, and whether ptxas spills; needs NVRTC, but no GPU."""
    lib, spills = Library(a.library), 0
    for r in chosen:
        try:
            k = lib.open(r.spec, r.settings, ",".join(r.bind) or None, r.gpu or a.gpu or "h200")
            k.build()
            print(f"{r.name:32} {k.settings}")
            for s in k.stages:
                print(f"    {s['name']:28} {s['blocks']:6} blocks of {s['threads']} threads, "
                      f"{s['smem']} bytes, {s['registers']} registers, "
                      f"{s['spill_bytes']} bytes spilled", flush=True)
                spills += s["spill_bytes"] > 0
            k.close()
        except Exception as e:
            print(f"{r.name:32} {measure.problem(e)}")
            spills += 1
    print(f"{len(chosen)} rows, {spills} kernels that spill or fail")
    return 1 if spills else 0


def main(argv):
    a = arguments(argv)
    if a.table or a.readme:
        with open(a.table or a.readme) as f:
            results = report.parse(f.read())
        if a.table:
            print(report.table(results))
            print(report.summary(results))
            return 0
        path = os.path.join(ROOT, "README.md")
        with open(path) as f:
            changed = report.quote(f.read(), results)
        with open(path, "w") as f:
            f.write(changed)
        return 0
    chosen = rows.choose(rows.all_rows(a.sm80), a.only, a.quick)
    if a.list:
        for r in chosen:
            print(f"{r.name:34} {r.shape:60} {rows.bar_text(r)}")
        return 0
    if not chosen:
        say(f"bench.py: no row is called {a.only}; see --list")
        return 2
    if a.build:
        return build(a, chosen)
    if missing():
        print("bench.py: skipped:", missing())
        return NOTHING_HERE
    return run(a, chosen) if a.worker else supervise(a, argv, len(chosen))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
