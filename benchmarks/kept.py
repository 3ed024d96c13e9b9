"""All benchmarks in one go, each in a process of its own, and a figure of what they found.

    python benchmarks/kept.py [toy]

Each writes its numbers, with the machine and the versions, to a JSON file in `results/benchmarks` (or the folder that
the environment variable PROMOTER_NB_BENCHMARKS names). `toy` runs them at a size that shows whether they work, and no
more.
"""
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import torch

from promoter_nb.data.files import write_json
from promoter_nb.data.paths import at_root
from promoter_nb.paper.experiment import commit, device, package_versions
from promoter_nb.plots.figures import new_figure, save

HERE = Path(__file__).parent
TOY = {"kmers": ["200"], "reading": ["--rows", "2000"], "tensors": ["2000", "1"], "simulate": ["3000", "1"],
       "training": ["512", "1"], "micro_batches": ["512", "1"], "step": ["baseline_cnn", "64", "1"],
       "prediction": ["100", "300", "1"], "gpu": ["3000", "64"], "full_size": ["300"],
       "variants": ["300", "40", "20", "5"]}
# Those that take a GPU, or hours, are run by themselves.
FULL = {name: [] for name in TOY if name not in ("gpu", "full_size")}


def folder(): return Path(os.environ.get("PROMOTER_NB_BENCHMARKS") or at_root("results/benchmarks"))


def ratio(what, ours, reference, against, unit="promoters/s"):
    "One comparison, printed and returned; both numbers are rates, of the same run."
    print(f"{what}: {ours:,.1f} {unit}, {against} {reference:,.1f}: ratio {ours/reference:.2f}", flush=True)
    return {"what": what, "ours": ours, "reference": reference, "against": against, "unit": unit,
            "ratio": ours/reference}


def cost_of(command):
    "Seconds, and the largest resident size in MB, of one command."
    started = time.perf_counter()
    process = subprocess.Popen(list(map(str, command)))
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0, command
    return time.perf_counter() - started, usage.ru_maxrss/1024


def keep(name, ratios, place=None, **further):
    "Write what a benchmark found, and where."
    write_json((place or folder())/f"{name}.json", {
        "ratios": ratios, **further, "device": device(), "threads": torch.get_num_threads(),
        "packages": package_versions(), "commit": commit(),
        "measured": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())})


def read(place):
    "A table of all ratios that a folder of benchmarks holds, with the device and the number of threads."
    kept = {path.stem: json.loads(path.read_text()) for path in sorted(place.glob("*.json"))}
    return pd.DataFrame([{"benchmark": name, **found, "device": content["device"], "threads": content["threads"]}
                         for name, content in kept.items() for found in content["ratios"]])


def draw(table):
    "Each ratio as a bar from 1, which is as fast as what it is set against."
    figure, axes = new_figure(0.8 + 0.22*len(table))
    shown = table.sort_values("ratio", ignore_index=True)
    axes.barh(shown.index, shown.ratio - 1, left=1, color="#009E73", height=0.6)
    for place, row in shown.iterrows():
        axes.text(max(row.ratio, 1), place, f" {row.ratio:,.{0 if row.ratio >= 100 else 2}f}×", va="center", fontsize=7)
    axes.set_yticks(shown.index, shown.what + ", against " + shown.against)
    axes.set(xscale="log", xlabel="times as fast", xlim=(min(0.3, shown.ratio.min()/1.3), 4*shown.ratio.max()))
    axes.axvline(1, color="#666666", linewidth=0.6)
    return figure


def main(sizes):
    for name, words in sizes.items(): subprocess.run([sys.executable, HERE/f"{name}.py", *words], check=True)
    save(draw(table := read(folder())), folder()/"ratios.svg")
    print(f"{len(table)} ratios, kept in {folder()}")


if __name__ == "__main__": main(TOY if sys.argv[1:] == ["toy"] else FULL)
