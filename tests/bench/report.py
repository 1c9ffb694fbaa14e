"""report.py -- the results: a YAML file, a table, and README's section.

The YAML is written and read here: block mappings and sequences, scalars as JSON has them, strings
always quoted. That is a subset that any YAML reader takes and a few lines can read.
"""
import json
import os
import re
import textwrap

# -- YAML ------------------------------------------------------------------------------------------


def scalar(x):
    if isinstance(x, float):
        if x != x or x in (float("inf"), float("-inf")):
            return json.dumps(str(x))
        return f"{x:.5g}" if "e" not in f"{x:.5g}" else f"{x:.4e}"
    return json.dumps(x)


def emit(x, indent=0):
    """Lines of a mapping or sequence."""
    pad = "  " * indent
    if isinstance(x, dict):
        for key, v in x.items():
            if isinstance(v, (dict, list, tuple)) and v:
                yield f"{pad}{key}:"
                yield from emit(v, indent + 1)
            else:
                yield f"{pad}{key}: {scalar(list(v) if isinstance(v, tuple) else v)}"
    else:
        for v in x:
            if isinstance(v, dict) and v:
                lines = list(emit(v, indent + 1))
                yield f"{pad}- {lines[0].lstrip()}"
                yield from lines[1:]
            else:
                yield f"{pad}- {scalar(v)}"


def parse(text):
    """What emit wrote."""
    lines = []
    for line in text.splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            n = len(line) - len(line.lstrip())
            body = line.strip()
            if body.startswith("- ") and re.match(r"- [A-Za-z_]\w*:( |$)", body):
                lines += [(n, "-"), (n + 2, body[2:])]
            else:
                lines.append((n, body))
    value, rest = block(lines, 0)
    if rest != len(lines):
        raise ValueError(f"cannot read: {lines[rest][1]}")
    return value


def block(lines, at):
    depth, out = lines[at][0], [] if lines[at][1][0] == "-" else {}
    while at < len(lines) and lines[at][0] == depth:
        body = lines[at][1]
        if body == "-":
            v, at = block(lines, at + 1)
            out.append(v)
        elif body.startswith("- ") and isinstance(out, list):
            out.append(json.loads(body[2:]))
            at += 1
        else:
            key, _, v = body.partition(":")
            if v.strip():
                out[key], at = json.loads(v), at + 1
            else:
                out[key], at = block(lines, at + 1)
    return out, at


def write(path, results):
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    with open(path + ".new", "w") as f:
        f.write("# Remade by: tests/bench/bench.py --out FILE\n")
        f.write("\n".join(emit(results)) + "\n")
    os.replace(path + ".new", path)


# -- the table -------------------------------------------------------------------------------------

def ms_text(ms):
    return "-" if ms is None else f"{ms:.4f}" if ms < 0.1 else f"{ms:.3f}"


def error_text(o):
    if not o or o.get("error") is None:
        return "-"
    e = o["error"]
    return (e if isinstance(e, str) else f"{e:.1e}") + ("" if o.get("right") else " WRONG")


def best(row):
    """The fastest peer that ran and is right."""
    ran = [q for q in row.get("peers") or () if q.get("ms") and q.get("right")]
    return min(ran, key=lambda q: q["ms"]) if ran else None


def table_row(row):
    ours, peer = row.get("ours") or {}, best(row)
    rate = row["ops"] / ours["ms"] / 1e9 if row.get("ops") and ours.get("ms") else 0
    return [row["row"], ms_text(ours.get("ms")), f"{rate:.0f}" if rate else "-",
            ms_text(peer and peer["ms"]),
            peer["name"] if peer else "-", f"{row['ratio']:.2f}" if row.get("ratio") else "-",
            ms_text(row.get("must_ms")), ms_text(row.get("aim_ms")), row.get("met") or "-",
            f"{100 * row['share']:.0f}%" if row.get("share") else "-",
            error_text(ours), error_text(peer)]


HEAD = ["row", "ours ms", "TFLOP/s", "peer ms", "best peer", "peer/ours", "bar ms", "aim ms", "met",
        "of floor", "error", "peer's"]


def align(rows):
    width = [max(len(r[i]) for r in rows) for i in range(len(rows[0]))]
    for r in rows:
        yield "  ".join(c.ljust(w) if i in (0, 4, 8) else c.rjust(w)
                        for i, (c, w) in enumerate(zip(r, width))).rstrip()


def table(results):
    lines = list(align([HEAD] + [table_row(r) for r in results["rows"]]))
    for r in results["rows"]:
        if r.get("problem"):
            lines.append(f"{r['row']}: {r['problem']}")
        ours = r.get("ours") or {}
        if ours.get("same_bits") is False:
            lines.append(f"{r['row']}: other bits from launch to launch")
        for s in ours.get("stages") or ():
            if s["spill_bytes"] > 0:
                lines.append(f"{r['row']}: {s['name']} spills {s['spill_bytes']} bytes")
    failed = {}
    for r in results["rows"]:
        for q in r.get("peers") or ():
            if q.get("problem"):
                failed.setdefault((q["name"], q["problem"]), []).append(r["row"])
    for (name, why), where in failed.items():
        lines.append(f"{name}: {why} [{', '.join(where)}]")
    return "\n".join(lines)


def summary(results):
    met = [r.get("met") for r in results["rows"]]
    rate = results.get("ceilings") or {}
    judged = [met.count(m) for m in ("aim", "yes", "no")]
    return (f"{len(met)} rows: {judged[0]} reach the aim, {judged[1]} more the bar, "
            f"{judged[2]} miss it, {len(met) - sum(judged)} wrong or not measured; copy "
            f"{rate.get('copy_gbs', 0):.0f} GB/s, 8192^3 product "
            f"{rate.get('matmul_tflops', 0):.0f} TFLOP/s, {results.get('seconds', 0):.0f} s")


# -- README ----------------------------------------------------------------------------------------

BEGIN, END = "<!-- measured -->\n", "<!-- /measured -->\n"
FLASH = "flash_attention"


def amount(ms, row):
    """Milliseconds; for compute-bound softmax attention TFLOP/s, as everyone gives it."""
    if row["kernel"] == FLASH:
        return f"{row['ops'] / ms / 1e9:.0f} TFLOP/s"
    return ms_text(ms) + " ms"


def readme_row(row):
    ours, fastest = row.get("ours") or {}, best(row)
    if not ours.get("ms"):
        return None
    label = f"`{row['kernel']}` {row['shape']}" + (f", {row['note']}" if row.get("note") else "")
    mine = amount(ours["ms"], row)
    won = fastest and ours["ms"] <= fastest["ms"]
    others = []
    for q in sorted((q for q in row.get("peers") or () if q.get("ms")), key=lambda q: q["ms"]):
        t = f"{q['name']} {amount(q['ms'], row)}"
        if not q.get("right"):
            t += f" (error {error_text(q).replace(' WRONG', '')})"
        elif q is fastest and not won:
            t = f"**{t}**"
        others.append(t)
    if others and row.get("peers_lack"):
        others[-1] += f" (no {row['peers_lack']})"
    mine = f"**{mine}**" if won else mine
    if not ours.get("right"):
        mine += " (wrong)"
    share = f"{100 * row['share']:.0f}%" if row.get("share") else "-"
    return f"| {label} | {mine} | {', '.join(others) or '-'} | {share} |"


def readme_section(results):
    rate = results["ceilings"]
    rows = [readme_row(r) for r in results["rows"] if r.get("readme")]
    ours = [r["ours"] for r in results["rows"] if (r.get("ours") or {}).get("ms")]
    right = all(o.get("right") for o in ours)
    bits = all(o.get("same_bits") for o in ours)
    missing = sum(1 for r in results["rows"] if r.get("readme") and not r.get("ours", {}).get("ms"))
    text = (f"Measured {results['date']} in one process, ours and the others' in turn, inputs "
            "rotating over four times the L2. " + ("Ours and theirs" if right else
                                          "Ours (not all of them right) and theirs")
            + " are checked against fp64 on sampled rows in that run"
            + (f"; ours are bit-identical over {results['bits']} launches" if bits else "")
            + (f"; {missing} rows could not be measured" if missing else "")
            + ". The floor is the larger of the bytes that must move, at the "
            f"{rate['copy_gbs'] / 1e3:.2f} TB/s of a copy, and the operations, at the "
            f"{rate['matmul_tflops']:.0f} TFLOP/s of an 8192^3 product, both measured in that run. "
            "Again, with all rows and the bars they are held to: `tests/bench/bench.py`.")
    head = [f"| bf16, kernel time on one {results['device']} | Azulejo | others | of the floor |",
            "|---|---|---|---|"]
    return "\n".join(head + [r for r in rows if r] + ["", textwrap.fill(text, 118), ""])


def quote(readme, results):
    """README's text with the section between its marks replaced."""
    if readme.count(BEGIN) != 1 or readme.count(END) != 1:
        raise ValueError(f"README.md: {BEGIN.strip()} and {END.strip()} must be there once each")
    head, rest = readme.split(BEGIN)
    return head + BEGIN + readme_section(results) + rest[rest.index(END):]
