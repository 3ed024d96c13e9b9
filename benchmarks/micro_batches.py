"""How fast the default network trains in micro-batches, a core for each, against whole batches whose operations the
cores share.

    python benchmarks/micro_batches.py [rows] [rounds]

Both take turns, and the fastest round counts.
"""
import sys
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from kept import keep, ratio
from promoter_nb.data.dataset import Dataset
from promoter_nb.inference.train_model import LARGE, NETWORK
from promoter_nb.models.registry import build
from promoter_nb.training.fit import TrainingRun, draw_epoch, start_phase, train_epoch
from promoter_nb.training.precision import choose_precision
from promoter_nb.training.predict import make_fabric
from promoter_nb.training.recipe import MUON


def seconds(run):
    rows, labels = draw_epoch(run.labels, run.recipe, 0)
    started = time.perf_counter()
    train_epoch(run, rows, labels, 1)
    return time.perf_counter() - started


def main(rows=8192, rounds=5):
    generator = np.random.default_rng(0)
    data = Dataset(generator.integers(0, 4, (rows, 80), dtype=np.uint8),
                   generator.normal(11, 2, rows).astype(np.float32), "random", "", np.arange(rows), {})
    precision, shared = choose_precision("cpu"), replace(MUON, **LARGE)
    with TemporaryDirectory() as folder:
        runs = [TrainingRun(make_fabric("cpu", precision=precision), build(NETWORK), data, data, recipe, Path(folder),
                            {}, show=False) for recipe in (shared, replace(shared, micro_batch=None))]
        for run in runs: start_phase(run, "muon", 1000)
        times = [[seconds(run) for run in runs] for _ in range(rounds)]
    ours, whole = (rows/min(those) for those in zip(*times))
    print(f"{torch.get_num_threads()} threads, {precision}, batches of {shared.batch_size} in {shared.micro_batch}")
    keep("micro_batches", [ratio("training in micro-batches", ours, whole, "whole batches")], precision=precision)


if __name__ == "__main__": main(*map(int, sys.argv[1:]))
