"""rows.py -- what is measured: one row a kernel and shape, with its bar, its peers and its floors.

Bars are milliseconds on a GPU that copies at COPY_TBS, scaled by the copy rate measured in the
run; or ratios to what the same run measures.
"""
from dataclasses import dataclass, field
from fnmatch import fnmatch

from reference import features

COPY_TBS, MATMUL_TFLOPS = 4.28, 693  # of the GPU the milliseconds are for


def up16(x):
    return (x + 15) // 16 * 16


def based_ops(p):
    """Of chunks of 64 tokens: scores and their product with V, and the state read and written."""
    D, V = p["D"], p["V"]
    per_token = 2 * 64 * (up16(D) + V) + 4 * up16(features(D)) * V
    return p["B"] * p["H"] * p["N"] * per_token


def linear_ops(p):
    D, V = p["D"], p["V"]
    return p["B"] * p["H"] * p["N"] * (2 * 64 * (D + V) + 4 * D * V)


def softmax_ops(p):
    """Causal counts half; a window its W keys a query."""
    keys = p.get("W") or (p["N"] / 2 if p.get("causal", True) else p["N"])
    return 2 * p["B"] * p["H"] * p["N"] * keys * (p["D"] + p["V"])


def no_ops(p):
    return 0


@dataclass
class Row:
    name: str
    problem: str                 # of reference.PROBLEMS
    spec: str
    p: dict                      # sizes and flags, as reference.py wants them
    settings: dict               # as the spec wants them
    bar: tuple = None            # (kind, must, aim)
    ops: callable = no_ops
    peers: tuple = ()
    bind: tuple = ()
    gpu: str = None              # another GPU's text than the device's own
    warm: bool = False           # one set of inputs: the L2 keeps them
    by_kernel: bool = False      # judged by the profiler's kernel time: gaps are as long as it
    quick: bool = True
    readme: bool = False
    note: str = ""
    extra: dict = field(default_factory=dict)

    @property
    def shape(self):
        shown = [f"{k}={v}" for k, v in self.p.items() if len(k) == 1]
        p, also = self.p, []
        if "causal" in p:
            shown.insert(0, "causal" if p["causal"] else "full")
        if self.bind:
            also.append("states in and out")
        if self.problem == "decode":
            also.append("bf16 state" if p["half_state"] else "fp32 state")
        elif p.get("normalize"):
            also.append("normalised")
        if self.warm:
            also.append("in the L2")
        return ", ".join([" ".join(shown)] + also)


# -- bars ------------------------------------------------------------------------------------------

def bar_ms(row, floor_ms, copy_gbs, nbytes, peer_ms):
    """(must, aim) in milliseconds of this run; None where what it leans on was not measured."""
    if not row.bar:
        return None
    kind, must, aim = row.bar
    scale = COPY_TBS * 1e3 / copy_gbs
    if kind == "ms":
        return must * scale, aim * scale
    if kind == "copy":  # a share of the copy rate
        least = nbytes / copy_gbs / 1e6
        return least / must, least / aim
    if kind == "shape":  # the larger of a share of the floor and of the work of the plain shape
        base = dict(row.p, D=16, V=64)
        r = row.ops(row.p) / row.ops(base)
        return (max(floor_ms / 0.75, 1.3 * must * r * scale),
                max(floor_ms / 0.85, 1.1 * aim * r * scale))
    if kind in peer_ms:  # a peer's rate, times
        return peer_ms[kind] / must, peer_ms[kind] / aim
    return None


def bar_text(row):
    if not row.bar:
        return ""
    kind, must, aim = row.bar
    if kind == "ms":
        return f"{must:g} ms"
    if kind == "copy":
        return f"{100 * must:g}% of the copy rate"
    if kind == "shape":
        return f"max(floor / 0.75, 1.3 x {must:g} ms x r)"
    return f"{must:g}x {kind}"


# -- the rows --------------------------------------------------------------------------------------

def based(name, must, aim, kind="ms", D=16, V=64, B=16, N=4096, states=True, normalize=False,
          **more):
    p = dict(B=B, H=16, N=N, D=D, V=V)
    bind = ("s0", "s1") + (("z0", "z1") if normalize else ()) if states else ()
    settings = dict(p)
    if normalize:
        settings["normalize"] = "true"
    peers = () if more.get("gpu") or kind == "shape" else (
        ("fla fused_chunk_based",) if normalize else ("ThunderKittens based",
                                                      "fla fused_chunk_based"))
    q = dict(p, normalize=normalize, bind=bind)
    extra = {"peers_lack": "states"} if states and peers else {}
    return Row("based_prefill/" + name, "based", "based_prefill", q, settings, (kind, must, aim),
               based_ops, peers, bind, extra=extra, **more)


def decode(name, must, aim, B, half=False, **more):
    p = dict(B=B, H=16, D=16, V=64)
    settings = dict(p)
    if half:
        settings["half_state"] = "true"
    peers = () if half else ("fla fused_recurrent",)
    return Row("based_decode/" + name, "decode", "based_decode",
               dict(p, half_state=half, normalize=True), settings, ("ms", must, aim), no_ops,
               peers, extra={"peers_lack": "features, denominator"} if peers else {}, **more)


def window(W, must, aim):
    p = dict(B=16, H=16, N=4096, D=64, V=64, W=W)
    settings = dict(B=16, G=16, R=1, N=4096, D=64, V=64, W=W)
    return Row(f"window_attention/w{W}", "softmax", "window_attention", p, settings,
               ("ms", must, aim), softmax_ops, ("FlexAttention", "FlashAttention-2"), readme=True,
               quick=W == 64)


def flash(name, B, N, causal, must, aim):
    p = dict(B=B, H=16, N=N, D=128, V=128)
    settings = dict(B=B, G=16, R=1, M=N, N=N, D=128, V=128, causal=str(causal).lower())
    return Row("flash_attention/" + name, "softmax", "flash_attention", dict(p, causal=causal),
               settings, ("cuDNN", must, aim), softmax_ops,
               ("cuDNN", "FlashAttention-2", "ThunderKittens mha"), readme=True,
               quick=N <= 4096)


def decayed(spec, problem, peer, D, must, aim):
    p = dict(B=8, H=16, N=4096, D=D, V=D)
    return Row(f"{spec}/d{D}", problem, spec, p, dict(p), ("ms", must, aim), linear_ops, (peer,),
               readme=True, quick=D == 64)


def all_rows(sm80="a100"):
    rows = [
        based("n4096", 0.125, 0.105, readme=True),
        based("n1024", 0.042, 0.032, N=1024),
        based("n16384", 0.45, 0.40, N=16384, quick=False),
        based("b1", 0.070, 0.050, B=1, N=16384, readme=True),
        based("n4096-stateless", 0.125, 0.105, states=False, readme=True),
        based("n1024-stateless", 0.042, 0.032, N=1024, states=False, quick=False),
        based("n16384-stateless", 0.45, 0.40, N=16384, states=False, quick=False),
        based("b1-stateless", 0.070, 0.050, B=1, N=16384, states=False, quick=False),
    ]
    for name, must, aim, more in (("n4096", 0.125, 0.105, {}), ("n1024", 0.042, 0.032, {"N": 1024}),
                                  ("n16384", 0.45, 0.40, {"N": 16384}),
                                  ("b1", 0.070, 0.050, {"B": 1, "N": 16384})):
        rows.append(based(name + "-normalize", 1.15 * must, 1.05 * aim, normalize=True,
                          quick=name in ("n4096", "b1"), readme=name == "n4096", **more))
    for name, more in (("v112", {"V": 112}), ("d8", {"D": 8}), ("d24", {"D": 24}),
                       ("d32", {"D": 32})):
        rows.append(based(name, 0.125, 0.105, kind="shape", quick=name != "d24", **more))
    rows += [
        based("n4096-sm80", 0.19, 0.165, gpu=sm80, readme=True, note="the sm_80 text, as PTX"),
        decode("b128", 0.045, 0.040, 128, readme=True),
        decode("b128-bf16", 0.026, 0.022, 128, half=True, readme=True),
        decode("b1", 0.005, 0.004, 1, by_kernel=True, readme=True),
        decode("b1-warm", 0.005, 0.004, 1, by_kernel=True, warm=True),
        Row("taylor_feature_map/n4096", "map", "taylor_feature_map",
            dict(B=16, H=16, N=4096, D=16), dict(B=16, H=16, N=4096, D=16),
            ("copy", 0.88, 0.93), readme=True),
        window(64, 0.160, 0.140),
        window(128, 0.160, 0.140),
        flash("causal-4k", 4, 4096, True, 1.03, 1.12),
        flash("causal-16k", 2, 16384, True, 1.03, 1.12),
        flash("full-4k", 4, 4096, False, 0.96, 1.03),
        decayed("retention", "retention", "fla chunk_retention", 64, 0.085, 0.072),
        decayed("retention", "retention", "fla chunk_retention", 128, 0.20, 0.15),
        decayed("simple_gla", "gla", "fla chunk_simple_gla", 64, 0.090, 0.075),
        decayed("simple_gla", "gla", "fla chunk_simple_gla", 128, 0.21, 0.16),
    ]
    return rows


def choose(rows, only, quick):
    """Those whose name matches one of the comma-separated globs; with --quick and no globs, the
    quick ones."""
    globs = [g for g in (only or "*").split(",") if g]
    picked = [r for r in rows if any(fnmatch(r.name, g) for g in globs)]
    return [r for r in picked if r.quick or not quick or only]
