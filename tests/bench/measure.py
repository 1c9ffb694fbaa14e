"""measure.py -- one row: our kernel and its peers prepared, checked against float64, raced.

The world is what a row is measured with: torch, device, clock, opener(row) -> kernel, peers by
name, bits (launches that must agree), row_seconds, left() in seconds, guard(seconds, result), under
which a launch that never ends is given up. A peer's failure is a line in its own entry; ours is one
in the row's; neither stops the rest.
"""
import math
import signal
import traceback
from contextlib import contextmanager

from reference import PROBLEMS, THEIRS, compare
from rows import bar_ms, bar_text

PEER_SECONDS = 40  # a peer may take this long to compile and tune itself


def problem(e):
    where = traceback.extract_tb(e.__traceback__)
    at = f" ({where[-1].filename.rsplit('/', 1)[-1]}:{where[-1].lineno})" if where else ""
    lines = str(e).strip().splitlines() or [""]
    return f"{type(e).__name__}: {lines[0][:200]}{at}"


@contextmanager
def limit(seconds):
    """A step that takes longer throws."""
    def late(*_):
        raise TimeoutError(f"not done in {seconds:.0f} s")
    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, max(1.0, seconds))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def poisoned(torch, kernel, device):
    out = {}
    for a in kernel.args:
        if a.output:
            out[a.name] = torch.full(a.size, math.nan, dtype=getattr(torch, a.dtype), device=device)
    return out


def differs(torch, a, b):
    """Whether any bit differs, as a tensor: the host does not wait."""
    word = torch.int32 if a.element_size() == 4 else torch.int16
    return (a.view(word) != b.view(word)).any()


def same_bits(torch, launch, outputs, times):
    first = {n: x.clone() for n, x in outputs.items()}
    bad = [differs(torch, x, first[n]) for n, x in outputs.items()]
    for _ in range(times):
        for x in outputs.values():
            x.fill_(math.nan)
        launch()
        bad = [b | differs(torch, x, first[n]) for b, (n, x) in zip(bad, outputs.items())]
    return not any(bool(b) for b in bad)


def shaped(tensors, kernel):
    """Copies laid out as the kernel declares its arguments, which may divide a head axis."""
    return {a.name: tensors[a.name].view(a.size) for a in kernel.args}


def prepare_ours(world, row, kernel, t, out):
    """(outputs, launch): right or not is said in `out`."""
    torch = world.torch
    mine = poisoned(torch, kernel, world.device)
    launch = kernel.bind(torch, shaped({**t, **mine}, kernel))
    launch()
    views = {n: x.view(canonical(row, n, x)) for n, x in mine.items()}
    out.update(compare(torch, PROBLEMS[row.problem][1](torch, t, row.p, views)))
    out["same_bits"] = same_bits(torch, launch, mine, world.bits)
    return mine, launch


def canonical(row, name, x):
    """The declared sizes, with grouped heads as one axis."""
    if name == "o" and x.dim() == 5:
        return (x.shape[0], x.shape[1] * x.shape[2], *x.shape[3:])
    return x.shape


def copies_of(world, row, kernel, t, mine, launch, n):
    """Launches on n sets of tensors; the first is the one that was checked."""
    torch, launches = world.torch, [launch]
    for _ in range(1, n):
        c = {a.name: ({**t, **mine})[a.name].clone() for a in kernel.args}
        launches.append(kernel.bind(torch, shaped(c, kernel)))
    return launches


def prepare_peer(world, row, name, t, n, out):
    """Launches on n sets of tensors. No peer takes the states that ours may be bound to."""
    torch, p = world.torch, dict(row.p, bind=())
    with limit(min(PEER_SECONDS, world.left())):
        call, view = world.peers[name](torch, t, p)
        seen = view(call())
        out.update(compare(torch, PROBLEMS[row.problem][1](torch, t, p, seen), THEIRS))
        seen = None
        calls = [call]
        for _ in range(1, n):
            again = {k: x.clone() for k, x in t.items()}
            calls.append(world.peers[name](torch, again, p)[0])
    return calls


def rotating(calls):
    return lambda i: calls[i]()


def time_all(world, row, entries, calls, n):
    """Fills each entry with its time: by graphs, or the profiler's where a launch is as short as
    the gaps between them, or cannot be captured, so that the host's gaps are in the other time."""
    timed = [(e, rotating(c)) for e, c in zip(entries, calls) if c]
    for (e, _), r in zip(timed, world.clock.race([c for _, c in timed], n, world.row_seconds)):
        e.update(r)
    for e, c in timed:
        if not e.get("ms") or not (row.by_kernel or e["how"].startswith("launches")):
            continue
        try:
            ms = world.clock.kernel_ms(c, n)
            e.update({"ms_by_" + e["how"].split()[0]: e["ms"], "ms": ms, "how": "profiler"})
        except Exception as x:
            e["note"] = "profiler: " + problem(x)


def judge(row, result, rates):
    """Fills in floors, ratio and bar, from the times and the run's rates."""
    ours, done = result.get("ours") or {}, {}
    copy_gbs, tflops = rates["copy_gbs"], rates["matmul_tflops"]
    for q in result["peers"]:
        if q.get("ms"):
            done[q["name"]] = q["ms"]
    by_copy, by_matmul = result["bytes"] / copy_gbs / 1e6, result["ops"] / tflops / 1e9
    result["floor_ms"] = max(by_copy, by_matmul)
    result["floor_by"] = "copy" if by_copy >= by_matmul else "product"
    bars = bar_ms(row, result["floor_ms"], copy_gbs, result["bytes"], done)
    if bars:
        result["must_ms"], result["aim_ms"] = bars
    ms = ours.get("ms")
    if not ms:
        return
    right = [q["ms"] for q in result["peers"] if q.get("ms") and q.get("right")]
    result["share"] = result["floor_ms"] / ms
    if right:
        result["ratio"] = min(right) / ms
    if not ours.get("right"):
        result["met"] = "wrong"
    elif bars:
        result["met"] = "aim" if ms <= bars[1] else "yes" if ms <= bars[0] else "no"


def run_row(world, row):
    """The result of a row; never throws but for KeyboardInterrupt."""
    torch, kernel, launches, n = world.torch, None, None, 1
    ours, peers = {}, [{"name": name} for name in row.peers]
    result = {"row": row.name, "kernel": row.spec, "shape": row.shape, "readme": row.readme,
              **({"note": row.note} if row.note else {}), **row.extra,
              "bar": bar_text(row), "ops": float(row.ops(row.p)), "bytes": 0, "ours": ours,
              "peers": peers}
    try:
        t = PROBLEMS[row.problem][0](torch, row.p, world.device)
        result["bytes"] = sum(x.nbytes for x in t.values())
        try:
            kernel = world.opener(row)
            ours.update(settings=kernel.settings, stages=kernel.stages)
            result["bytes"] = kernel.bytes
            with world.guard(20, result):
                mine, launch = prepare_ours(world, row, kernel, t, ours)
            n = 1 if row.warm else world.clock.rotation(kernel.bytes)
            launches = copies_of(world, row, kernel, t, mine, launch, n)
        except Exception as e:
            result["problem"] = problem(e)
            n = 1 if row.warm else world.clock.rotation(result["bytes"])
        result["copies"] = n
        calls = [launches]
        for q in peers:
            try:
                calls.append(prepare_peer(world, row, q["name"], t, n, q))
            except Exception as e:
                q["problem"] = problem(e)
                calls.append(None)
        with world.guard(60, result):
            before = world.clock.ceilings()
            time_all(world, row, [ours] + peers, calls, n)
            after = world.clock.ceilings()
        result["row_copy_gbs"] = (before[0] + after[0]) / 2
        result["row_matmul_tflops"] = (before[1] + after[1]) / 2
    except Exception as e:
        result.setdefault("problem", problem(e))
    if ours.get("problem"):
        result.setdefault("problem", ours["problem"])
    calls = launches = None
    if kernel:
        kernel.close()
    return result
