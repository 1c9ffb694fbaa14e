"""peers.py -- the peers. Each takes the tensors of a row, brings them to its own layout, and gives
call() -> its result, and view(result) -> outputs by our names, laid out as ours.

A peer that is not installed raises when it is prepared; its row says so and the others go on.
"""
import glob
import importlib
import importlib.util
import math
import os
import sys

def bnhd(*tensors):
    return [x.transpose(1, 2).contiguous() for x in tensors]


def heads_first(o):
    return {"o": o.transpose(1, 2)}


def plain(o):
    return {"o": o}


def thunderkittens(path):
    found = glob.glob(os.path.join(os.environ.get("PEERS", ".peers"), "kernels", path, "_C*.so"))
    if not found:
        raise ImportError("not built")
    spec = importlib.util.spec_from_file_location("_C", found[0])
    m = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(m)
    return m


def tk_based(torch, t, p):
    m = thunderkittens("based")
    q, k, v = t["q"], t["k"], t["v"]
    return lambda: m.based(q, k, v), lambda r: plain(r[0])


def tk_mha(torch, t, p):
    m = thunderkittens("attention/mha_h100")
    q, k, v = t["q"], t["k"], t["v"]
    return lambda: m.mha_forward(q, k, v, p["causal"]), lambda r: plain(r[0])


def fla_based(torch, t, p):
    """It transposes what it takes and makes that contiguous: given views, it copies nothing."""
    from fla.ops.based import fused_chunk_based
    q, k, v = (t[x].transpose(1, 2) for x in "qkv")
    norm = bool(p.get("normalize"))
    return lambda: fused_chunk_based(q, k, v, use_norm=norm), heads_first


def fla_recurrent(torch, t, p):
    """The features made beforehand, in the plain order of D x D pairs that the paper has; the
    state is ours in that order, so that the products are the same."""
    from fla.ops.linear_attn import fused_recurrent_linear_attn
    D = p["D"]
    i, j = torch.triu_indices(D, D, device=t["s0"].device)
    w = torch.where(i == j, 1.0, math.sqrt(0.5))
    packed = t["s0"].float()
    square = packed.new_zeros(*packed.shape[:2], D, D, p["V"])
    square[:, :, i, j] = packed[:, :, 1 + D:] * w[:, None]
    square[:, :, j, i] = square[:, :, i, j]
    state = torch.cat([packed[:, :, :1 + D], square.flatten(2, 3)], 2).contiguous()

    def phi(x):
        x = x.float()
        pairs = (x[..., :, None] * x[..., None, :]).flatten(-2) / math.sqrt(2 * D)
        f = torch.cat([torch.ones_like(x[..., :1]), x * D ** -0.25, pairs], -1)
        return f.to(torch.bfloat16)[:, None].contiguous()
    q, k, v = phi(t["q"]), phi(t["k"]), t["v"][:, None].contiguous()
    return (lambda: fused_recurrent_linear_attn(q, k, v, scale=1.0, initial_state=state,
                                                output_final_state=True, normalize=False),
            lambda r: {"o": r[0][:, 0], "unnormalised": True})


def flash_window(torch, t, p):
    forward = torch.ops.aten._flash_attention_forward
    q, k, v = bnhd(t["q"], t["k"], t["v"])
    n, scale = p["N"], p["D"] ** -0.5
    return (lambda: forward(q, k, v, None, None, n, n, 0.0, False, False, scale=scale,
                            window_size_left=p["W"] - 1, window_size_right=0),
            lambda r: heads_first(r[0]))


compiled = {}


def flex_window(torch, t, p):
    from torch.nn.attention.flex_attention import create_block_mask, flex_attention
    W, n, q, k, v = p["W"], p["N"], t["q"], t["k"], t["v"]
    if "flex" not in compiled:
        compiled["flex"] = torch.compile(flex_attention, dynamic=False)
    if (W, n) not in compiled:
        compiled[W, n] = create_block_mask(lambda b, h, i, j: (i >= j) & (i - j < W), None, None,
                                           n, n, device=q.device, BLOCK_SIZE=128)
    flex, mask = compiled["flex"], compiled[W, n]
    return lambda: flex(q, k, v, block_mask=mask), plain


def sdpa(torch, t, p, backend):
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.nn.functional import scaled_dot_product_attention
    q, k, v, which = t["q"], t["k"], t["v"], getattr(SDPBackend, backend)

    def call():
        with sdpa_kernel(which):
            return scaled_dot_product_attention(q, k, v, is_causal=p["causal"])
    return call, plain


def flash(torch, t, p):
    return (flash_window if p.get("W") else lambda *a: sdpa(*a, "FLASH_ATTENTION"))(torch, t, p)


def cudnn(torch, t, p):
    return sdpa(torch, t, p, "CUDNN_ATTENTION")


def fla_retention(torch, t, p):
    from fla.ops.retention import chunk_retention
    q, k, v = bnhd(t["q"], t["k"], t["v"])
    return lambda: chunk_retention(q, k, v), lambda r: heads_first(r[0])


def fla_gla(torch, t, p):
    from fla.ops.simple_gla import chunk_simple_gla
    q, k, v, g = bnhd(t["q"], t["k"], t["v"], t["g"])
    return lambda: chunk_simple_gla(q, k, v, g), lambda r: heads_first(r[0])


PEERS = {
    "ThunderKittens based": tk_based,
    "ThunderKittens mha": tk_mha,
    "fla fused_chunk_based": fla_based,
    "fla fused_recurrent": fla_recurrent,
    "fla chunk_retention": fla_retention,
    "fla chunk_simple_gla": fla_gla,
    "FlashAttention-2": flash,
    "FlexAttention": flex_window,
    "cuDNN": cudnn,
}


def find_folder():
    """PEERS names a folder that may hold `fla` and kernels/<name>/_C*.so."""
    folder = os.environ.get("PEERS", ".peers")
    if os.path.isdir(folder) and folder not in sys.path:
        sys.path.insert(0, folder)


def load(names):
    """Imports what these peers need, which takes seconds; what is not there shows in their rows."""
    modules = {"fla fused_chunk_based": "fla.ops.based",
               "fla fused_recurrent": "fla.ops.linear_attn",
               "fla chunk_retention": "fla.ops.retention",
               "fla chunk_simple_gla": "fla.ops.simple_gla",
               "FlexAttention": "torch.nn.attention.flex_attention"}
    for name in set(names) & set(modules):
        try:
            importlib.import_module(modules[name])
        except Exception:
            pass


# -- Triton's tuning, made short -------------------------------------------------------------------

def compile_part(part, parts):
    """Triton's tuners compile every parts-th of their configurations, into the cache on disk, and
    launch nothing: processes side by side do what one does in over a minute."""
    from triton.runtime.autotuner import Autotuner
    count = [0]

    def run(self, *args, **kwargs):
        self.nargs = dict(zip(self.arg_names, args))
        kwargs["warmup"] = True
        for config in self.prune_configs(kwargs):
            count[0] += 1
            if count[0] % parts == part:
                try:
                    self.fn.run(*args, **kwargs, **config.all_kwargs())
                except Exception:  # it does not fit: the tuner will pass over it, too
                    pass
    Autotuner.run = run
    return count


def tune_briefly(warmup=4, rep=16):
    """Tuners time each configuration for milliseconds, not for a tenth of a second."""
    from triton.runtime.autotuner import Autotuner
    from triton.testing import do_bench

    def brief(call, quantiles):
        return do_bench(call, warmup=warmup, rep=rep, quantiles=quantiles)
    Autotuner.do_bench = property(lambda self: brief)
