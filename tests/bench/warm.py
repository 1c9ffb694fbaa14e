#!/usr/bin/env python3
"""warm.py -- what can be compiled beforehand, one part a process; bench.py starts them.

    warm.py build LIBRARY SPEC GPU SETTINGS BIND    our kernel, into our cache ("-": none)
    warm.py triton PART PARTS ROW...                every PARTS-th configuration of Triton's tuners
    warm.py flex ROW...                             torch.compile's kernels
"""
import sys


def build(path, spec, gpu, settings, bind):
    from library import Library
    lib = Library(path)
    pairs = dict(s.split("=") for s in settings.split(","))
    k = lib.open(spec, pairs, None if bind == "-" else bind, None if gpu == "-" else gpu)
    k.build()
    for s in k.stages:
        print(s["name"], s["registers"], s["spill_bytes"])
    k.close()


def picked(names):
    from rows import all_rows
    return [r for r in all_rows() if r.name in names]


TUNED = ("fla chunk_retention", "fla chunk_simple_gla")


def triton(part, parts, *names):
    """On tensors of the CPU, whose values nobody reads: the GPU is left to whoever measures."""
    from contextlib import nullcontext

    import torch
    from triton.runtime.jit import JITFunction

    from peers import PEERS, compile_part, find_folder
    from reference import PROBLEMS
    find_folder()
    torch.randn = lambda *size, device=None: torch.empty(*size)
    torch.cuda.device = lambda index: nullcontext()
    count, plain, failed = compile_part(int(part), int(parts)), JITFunction.run, []

    def only_compile(self, *args, **kwargs):
        kwargs["warmup"] = True
        return plain(self, *args, **kwargs)
    JITFunction.run = only_compile
    for n, row in enumerate(picked(names)):
        for peer in row.peers:
            mine = peer in TUNED or n % int(parts) == int(part) and row.p["B"] * row.p.get(
                "N", 1) <= 1 << 16  # longer ones run the same code
            if not peer.startswith("fla") or not mine:
                continue
            try:
                with torch.no_grad():
                    t = PROBLEMS[row.problem][0](torch, row.p, "cpu")
                    PEERS[peer](torch, t, row.p)[0]()
            except Exception as e:  # what follows a launch that was not made may fail
                failed.append(f"{peer}: {type(e).__name__}: {e}"[:300])
    print(count[0], "configurations")
    if failed and not count[0]:
        sys.exit(failed[0])


def flex(*names):
    import torch

    from peers import PEERS
    from reference import PROBLEMS
    for row in picked(names):
        if "FlexAttention" in row.peers:
            with torch.no_grad():
                t = PROBLEMS[row.problem][0](torch, row.p, "cuda")
                PEERS["FlexAttention"](torch, t, row.p)[0]()
            torch.cuda.synchronize()


if __name__ == "__main__":
    sys.path.insert(0, __file__.rsplit("/", 1)[0] or ".")
    {"build": build, "triton": triton, "flex": flex}[sys.argv[1]](*sys.argv[2:])
