"""reference.py -- the problems: random inputs, and outputs in float64 on sampled rows.

A problem is inputs(torch, p, device) -> tensors by argument name, laid out as the specs declare
them, and checks(torch, t, p, out) -> (output, got, want) triples of float64 matrices [rows, width]
for those outputs that `out` holds. `p` holds the sizes and flags. Written from the definitions,
quadratic where the kernels are linear, so that they share nothing with what they check.
"""
import math


def features(D):
    return 1 + D + D * (D + 1) // 2


def sample_rows(n, most=40):
    """Rows around the chunks' edges, the first, the last, and some between."""
    edge = [0, 1, 15, 16, 17, 31, 32, 63, 64, 65, 127, 128, 129, 191, 200, n // 2 + 3, n - 2, n - 1]
    spread = [(i * 7919 + 13) % n for i in range(most)]
    rows = sorted({r for r in edge if 0 <= r < n})
    return rows + [r for r in dict.fromkeys(spread) if r not in rows][:max(0, most - len(rows))]


def sample_cells(p):
    B, H = p["B"], p["H"]
    return list(dict.fromkeys([(0, 0), (B // 2, H // 2), (B - 1, H - 1)]))


def taylor2(torch, x):
    """[1, x / D^1/4, x_i x_j / (sqrt 2 sqrt D) for i <= j, sqrt 2 times that off the diagonal]"""
    D = x.shape[-1]
    i, j = torch.triu_indices(D, D, device=x.device)
    w = torch.where(i == j, 1 / math.sqrt(2 * D), 1 / math.sqrt(D)).to(x.dtype)
    one = torch.ones_like(x[..., :1])
    return torch.cat([one, x * D ** -0.25, x[..., i] * x[..., j] * w], -1)


def normal(torch, p, device, *shape, dtype=None, scale=1.0, mean=0.0):
    x = torch.randn(*shape, device=device) * scale + mean
    return x.to(dtype or torch.bfloat16)


def qkv(torch, p, device):
    B, H, N, D, V = (p[x] for x in "BHNDV")
    return {"q": normal(torch, p, device, B, H, N, D), "k": normal(torch, p, device, B, H, N, D),
            "v": normal(torch, p, device, B, H, N, V)}


def earlier(torch, r, n):
    """[rows, n]: key j is seen by row i"""
    return torch.arange(n, device=r.device)[None, :] <= r[:, None]


def index(torch, rows, like):
    return torch.tensor(rows, device=like.device)


# -- BASED: weights 1 + s + s^2 / 2, s = q . k / sqrt D -----------------------------------------

def based_inputs(torch, p, device):
    t, F = qkv(torch, p, device), features(p["D"])
    f32 = torch.float32
    t["s0"] = normal(torch, p, device, p["B"], p["H"], F, p["V"], dtype=f32, scale=0.1)
    t["z0"] = normal(torch, p, device, p["B"], p["H"], F, dtype=f32, scale=0.004)
    return t


def based_checks(torch, t, p, out):
    has = set(p.get("bind") or ())
    for b, h in sample_cells(p):
        q, k, v = (t[x][b, h].double() for x in "qkv")
        r = index(torch, sample_rows(p["N"]), q)
        s = q[r] @ k.T / math.sqrt(p["D"])
        w = torch.where(earlier(torch, r, p["N"]), 1 + s + s * s / 2, 0.0)
        y, count = w @ v, w.sum(-1)
        fk = taylor2(torch, k)
        if "s0" in has:
            y = y + taylor2(torch, q[r]) @ t["s0"][b, h].double()
        if "z0" in has:
            count = count + taylor2(torch, q[r]) @ t["z0"][b, h].double()
        if p.get("normalize"):
            y = y / count[:, None]
        yield "o", out["o"][b, h][r].double(), y
        if "s1" in out:
            s0 = t["s0"][b, h].double() if "s0" in has else 0
            yield "s1", out["s1"][b, h].double(), s0 + fk.T @ v
        if "z1" in out:
            z0 = t["z0"][b, h].double() if "z0" in has else 0
            yield "z1", out["z1"][b, h].double()[None], (z0 + fk.sum(0))[None]


def decode_inputs(torch, p, device):
    B, H, D, V, F = p["B"], p["H"], p["D"], p["V"], features(p["D"])
    f32 = torch.float32
    state = torch.bfloat16 if p.get("half_state") else f32
    return {"q": normal(torch, p, device, B, H, D), "k": normal(torch, p, device, B, H, D),
            "v": normal(torch, p, device, B, H, V),
            "s0": normal(torch, p, device, B, H, F, V, dtype=state),
            "z0": normal(torch, p, device, B, H, F, dtype=f32, scale=0.004)}


def decode_checks(torch, t, p, out):
    """Unnormalised where `out` says so: peers make no denominator."""
    for b in list(dict.fromkeys([0, p["B"] // 3, p["B"] // 2, p["B"] - 1])):
        q, k = taylor2(torch, t["q"][b].double()), taylor2(torch, t["k"][b].double())
        v = t["v"][b].double()
        S = t["s0"][b].double() + k[:, :, None] * v[:, None, :]
        z = t["z0"][b].double() + k
        y = (q[:, :, None] * S).sum(1)
        if p.get("normalize", True) and not out.get("unnormalised"):
            y = y / (q * z).sum(-1, keepdim=True)
        yield "o", out["o"][b].double(), y
        if "s1" in out:
            yield "s1", out["s1"][b].double().flatten(0, 1), S.flatten(0, 1)
        if "z1" in out:
            yield "z1", out["z1"][b].double(), z


def map_inputs(torch, p, device):
    return {"x": normal(torch, p, device, p["B"], p["H"], p["N"], p["D"])}


def map_checks(torch, t, p, out):
    for b, h in sample_cells(p):
        r = index(torch, sample_rows(p["N"]), t["x"])
        yield "y", out["y"][b, h][r].double(), taylor2(torch, t["x"][b, h][r].double())


# -- softmax attention: full, causal, or a window of W keys, the current one included ------------

def softmax_checks(torch, t, p, out):
    for b, h in sample_cells(p):
        q, k, v = (t[x][b, h].double() for x in "qkv")
        n = p["N"]
        r = index(torch, sample_rows(n), q)
        s = q[r] @ k.T / math.sqrt(p["D"])
        if p.get("W"):
            age = r[:, None] - torch.arange(n, device=r.device)[None, :]
            s = s.masked_fill((age < 0) | (age >= p["W"]), -math.inf)
        elif p.get("causal", True):
            s = s.masked_fill(~earlier(torch, r, n), -math.inf)
        yield "o", out["o"][b, h][r].double(), torch.softmax(s, -1) @ v


# -- linear attention with a decay: per head (retention), per step and head (simple_gla) ---------

def retention_inputs(torch, p, device):
    t = qkv(torch, p, device)
    h = torch.arange(p["H"], dtype=torch.float64, device=device)
    t["g"] = (1 - 2.0 ** (-5 - h)).log().float()
    return t


def gla_inputs(torch, p, device):
    t = qkv(torch, p, device)
    gate = torch.randn(p["B"], p["H"], p["N"], device=device) + 3
    t["g"] = torch.nn.functional.logsigmoid(gate)
    return t


def decay_checks(torch, t, p, out):
    for b, h in sample_cells(p):
        q, k, v = (t[x][b, h].double() for x in "qkv")
        g = t["g"].double()
        g = g[h].expand(p["N"]) if g.dim() == 1 else g[b, h]
        c = g.cumsum(0)
        r = index(torch, sample_rows(p["N"]), q)
        gap = torch.where(earlier(torch, r, p["N"]), c[r][:, None] - c[None, :], -math.inf)
        w = q[r] @ k.T / math.sqrt(p["D"]) * gap.exp()
        yield "o", out["o"][b, h][r].double(), w @ v


PROBLEMS = {
    "based": (based_inputs, based_checks),
    "decode": (decode_inputs, decode_checks),
    "map": (map_inputs, map_checks),
    "softmax": (qkv, softmax_checks),
    "retention": (retention_inputs, decay_checks),
    "gla": (gla_inputs, decay_checks),
}

# Relative Frobenius error over all rows of an output, from 64 rows on, and of each row: ours as
# `azulejo run --check` wants it; theirs so that no implementation in bf16 is called wrong.
OURS, THEIRS = (3e-3, 1e-2), (1e-2, 5e-2)


def worse(a, b):
    """The larger; NaN is larger than all."""
    return a if a != a or b <= a else b


def compare(torch, triples, most=OURS):
    """{"error", "worst_row", "rows", "right"} over all outputs, the worst of them; NaN is wrong."""
    sums = {}
    for name, got, want in triples:
        off, size = (got - want).square().sum(-1), want.square().sum(-1)
        row = (off / size.clamp_min(1e-300)).sqrt().max().item()
        a = sums.setdefault(name, [0.0, 0.0, 0.0, 0])
        a[0] += off.sum().item()
        a[1] += size.sum().item()
        a[2] = worse(a[2], row)
        a[3] += got.shape[0]
    error = worst = 0.0
    right = bool(sums)
    for off, size, row, n in sums.values():
        e = math.sqrt(off / size) if size else math.inf
        error, worst = worse(error, e), worse(worst, row)
        right = right and row <= most[1] and (n < 64 or e <= most[0])
    return {"error": error, "worst_row": worst, "rows": sum(a[3] for a in sums.values()),
            "right": right}
