"""From simulation to scores at several sizes, up to all 6.7 million promoters: time and memory of every step.

    python benchmarks/full_size.py [promoters ...] [steps ...]

Each step is a process of its own, whose processor time and greatest resident memory the system tells. A step that has
ended is not repeated: whoever kills this and calls it again goes on where it was, within an epoch, or between trees.
The models learn from the same promoters and are judged on the same other ones, of another seed, whose truth gives the
exact ceiling. `published`, LightGBM at the best setting of the 2022 report, takes hours at the largest sizes, and runs
only where it is asked for. Files of the steps, 2 GB for the largest size, stay in `results/full_size`; OMP_NUM_THREADS
sets the number of threads.
"""
import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from kept import folder, keep, ratio
from promoter_nb.classical.tables import Inputs
from promoter_nb.data import dataset
from promoter_nb.data.files import atomic, write_json
from promoter_nb.evaluation import uncertainty
from promoter_nb.evaluation.ceiling import ceiling
from promoter_nb.simulate.library import write_library

SIZES = (10_000, 20_000, 100_000, 200_000, 1_000_000, 6_739_258)
NETWORK = "strand_resnet"  # the default of `promoter-nb train`
SHOWN, MOST_PASSES = 1_000_000, 24  # promoters that a small library shows a network, in several passes
ROUNDS, LEAVES = 100, 63
PUBLISHED = {"rounds": 600, "leaves": 2047, "learning_rate": 0.05, "bagging_fraction": 0.8, "feature_fraction": 0.8}
APART = 50_000  # promoters that all models are judged on
DRAWS = 200  # of a bootstrap
BASES, KMERS = Inputs("categories"), Inputs("kmers", widths=(4, 5, 6))


@contextmanager
def timed(found):
    "Add the seconds that something takes, and those of all threads together."
    started, used = time.perf_counter(), time.process_time()
    yield
    found.update(seconds=time.perf_counter() - started, core_seconds=time.process_time() - used)


def write_part(part, path):
    with atomic(path) as place, open(place, "wb") as file:
        np.savez(file, codes=part.codes, labels=part.labels, truth=part.truth)


def read_part(path):
    with np.load(path) as found: codes, labels, truth = (found[name] for name in ("codes", "labels", "truth"))
    return dataset.Dataset(codes, labels, path.stem, "", np.arange(len(labels)), {}, truth)


def read_library(place):
    truth = pd.read_parquet(place/"truth.parquet", columns=["expression"])["expression"].to_numpy(np.float32)
    return replace(dataset.read(place/"train.txt"), truth=truth)


def judge(place, model, predictor):
    "R² on the promoters that all models are judged on, with the ceiling there."
    apart = read_part(place.parent/"apart.npz")
    scores = uncertainty.score(apart.labels, predictor(apart.codes), resamples=1000)["r2"]
    return {"model": model, "judged": len(apart), "r2": scores, "ceiling": ceiling(apart)}


def simulate(place, promoters, found):
    with timed(found): write_library(place/"library", promoters, threads=torch.get_num_threads(), progress=False)


def read(place, promoters, found):
    with timed(found): dataset.read(place/"library/train.txt")


def split(place, promoters, found):
    library = read_library(place/"library")
    with timed(found):
        train, held_out = dataset.split(library)
        learn, watch = dataset.set_aside(train)
    for name, part in (("learn", learn), ("watch", watch), ("held_out", held_out)):
        write_part(part, place/f"{name}.npz")
    found["ceiling"] = ceiling(held_out)


def network(place, promoters, found):
    from promoter_nb.models.registry import build
    from promoter_nb.training.fit import fit_network
    from promoter_nb.training.predict import predict
    from promoter_nb.training.recipe import MUON
    passes = max(1, min(MOST_PASSES, SHOWN//promoters))
    parts = read_part(place/"learn.npz"), read_part(place/"watch.npz")
    model, history = fit_network(build(NETWORK), *parts, replace(MUON, muon_epochs=passes), place/"run")
    log = pd.read_csv(place/"run/log.csv")  # knows the time of passes before a kill, too
    found.update(rows=len(parts[0]), passes=passes, precision=history.attrs["precision"],
                 seconds=log.seconds.sum()/passes, core_seconds=log.core_seconds.sum()/passes,
                 **judge(place, NETWORK, lambda codes: predict(model, codes)))


def predict_held_out(place, promoters, found):
    from promoter_nb.models.registry import load
    from promoter_nb.training.predict import predict
    model, codes = load(place/"run/weights.safetensors").eval(), read_part(place/"held_out.npz").codes
    with timed(found): predictions = predict(model, codes)
    found["rows"] = len(codes)
    with atomic(place/"predictions.npy") as part, open(part, "wb") as file: np.save(file, predictions)


def score(place, promoters, found):
    held_out, predictions = read_part(place/"held_out.npz"), np.load(place/"predictions.npy")
    with timed(found): scores = uncertainty.score(held_out.labels, predictions, resamples=DRAWS)
    found.update(rows=len(held_out), draws=DRAWS, scores=scores)


def boost(place, folder, model, found, inputs, **options):
    "Trees in pieces, which know the time of those before a kill, too."
    from promoter_nb.classical.lightgbm_trees import fit_lightgbm, predict_trees
    learn, watch = read_part(place/"learn.npz"), read_part(place/"watch.npz")
    trees, _ = fit_lightgbm(learn, watch, inputs, **options, threads=torch.get_num_threads(), checkpoint=place/folder)
    costs = json.loads((place/folder/"boosting.json").read_text())["costs"]
    found.update({name: sum(cost[name] for cost in costs) for name in ("seconds", "core_seconds")})
    found.update(rows=len(learn), **options, **judge(place, model, lambda codes: predict_trees(trees, codes, inputs)))


def lightgbm(place, promoters, found):
    boost(place, "boosting", "LightGBM", found, BASES, rounds=ROUNDS, leaves=LEAVES)


def published(place, promoters, found):
    boost(place, "boosting_published", "LightGBM, 2047 leaves", found, Inputs(), **PUBLISHED)


def ridge(place, promoters, found):
    from promoter_nb.classical.ridge_in_one_pass import fit_ridge_to, predict_ridge
    learn = read_part(place/"learn.npz")
    with timed(found): model, _ = fit_ridge_to(learn.codes, learn.labels, KMERS)
    found.update(rows=len(learn), **judge(place, "Ridge on k-mers", lambda codes: predict_ridge(model, codes, KMERS)))


DO = "--do"  # asks a process for one step
STEPS = {"simulate": simulate, "read": read, "split": split, "network": network, "predict": predict_held_out,
         "score": score, "lightgbm": lightgbm, "ridge": ridge, "published": published}
USUAL = [step for step in STEPS if step != "published"]


def run(step, place, promoters):
    "What a step found, from its file or from a process that does it now."
    kept = place/f"{step}.json"
    if not kept.exists():
        process = subprocess.Popen([sys.executable, __file__, DO, step, str(place), str(promoters)])
        _, status, used = os.wait4(process.pid, 0)
        if status: raise SystemExit(f"{step} of {promoters:,} promoters ended with {os.waitstatus_to_exitcode(status)}")
        found = json.loads((part := place/f".{step}.json").read_text())
        write_json(kept, found | {"megabytes": used.ru_maxrss/1024, "whole_seconds": used.ru_utime + used.ru_stime})
        part.unlink()
    found = json.loads(kept.read_text())
    print("{promoters:>11,}  {step:9}  {seconds:10.2f} s  {core_seconds:10.2f} core-s  {megabytes:8,.0f} MB"
          .format(**found), flush=True)
    return found


def exponents(table, sizes=3):
    "The power of the promoters by which a step's processor time grows, over its largest sizes; none of a single size."
    largest = {step: rows.nlargest(sizes, "promoters") for step, rows in table.groupby("step", sort=False)}
    return {step: float(np.polyfit(np.log(rows.promoters), np.log(rows.core_seconds), 1)[0])
            for step, rows in largest.items() if len(rows) > 1}


def compare(table):
    "The rate of each step at the largest size beside that at the smallest."
    sizes = table.promoters.max(), table.promoters.min()
    rates = [table[table.promoters == size].set_index("step").eval("promoters/core_seconds") for size in sizes]
    return [ratio(f"{step} of {sizes[0]:,} promoters", *(rate[step] for rate in rates), f"{sizes[1]:,}",
                  "promoters/core-s")
            for step in STEPS if all(step in rate for rate in rates)]


def main(sizes, steps):
    work = folder().parent/"full_size"
    if not (work/"apart.npz").exists():
        write_library(work/"apart", min(APART, 10*min(sizes)), seed=1, progress=False)
        write_part(read_library(work/"apart"), work/"apart.npz")
    for promoters in sizes:
        for step in steps: run(step, work/str(promoters), promoters)
    kept = [work/f"{promoters}/{step}.json" for promoters in sizes for step in STEPS]
    found = [json.loads(path.read_text()) for path in kept if path.exists()]
    keep("full_size", compare(table := pd.DataFrame(found)), steps=found, exponents=exponents(table))


if __name__ == "__main__":
    if sys.argv[1:2] == [DO]:
        step, place, promoters = sys.argv[2], Path(sys.argv[3]), int(sys.argv[4])
        STEPS[step](place, promoters, found := {"step": step, "promoters": promoters, "rows": promoters})
        write_json(place/f".{step}.json", found)
    else:
        asked = [word for word in sys.argv[1:] if word in STEPS]
        main(sorted(int(word) for word in sys.argv[1:] if word not in asked) or SIZES, asked or USUAL)
