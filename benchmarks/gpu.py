"""How fast the default network trains on a GPU, and what one epoch of 6.7 million simulated promoters teaches it.

    python benchmarks/gpu.py [promoters] [batch]

Simulates the library, trains one epoch as `promoter-nb train` does, and scores held-out promoters. Writes sequences a
second, the share of the device's own matrix rate, R² and the time of each part to `results/gpu/DEVICE.json`. Without a
GPU it does the same on the processor, for which a few thousand promoters are enough.
"""
import os
import re
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch.utils.flop_counter import FlopCounterMode

from kept import folder, keep, ratio
from promoter_nb.data import dataset
from promoter_nb.evaluation.ceiling import ceiling
from promoter_nb.evaluation.measures import r2
from promoter_nb.inference.train_model import NETWORK
from promoter_nb.models.registry import build
from promoter_nb.paper.experiment import device
from promoter_nb.simulate.library import write_library
from promoter_nb.training.batches import read_codes
from promoter_nb.training.fit import fit_network
from promoter_nb.training.predict import make_fabric, predict
from promoter_nb.training.recipe import MUON


def operations(model, rows=8, width=80):
    "Floating-point operations of a training step, for one sequence."
    codes = torch.randint(4, (rows, width), dtype=torch.uint8)
    with FlopCounterMode(display=False) as counter:
        model(read_codes(model, codes, torch.zeros(rows, dtype=torch.bool)),
              model.grains(torch.rand(rows)*18)).mean().backward()
    model.zero_grad()
    return counter.get_total_flops()/rows


def matrix_rate(fabric, repeats=20):
    "Floating-point operations a second of a product of two large matrices on the device."
    size, on_gpu = (8192, True) if fabric.device.type == "cuda" else (1024, False)
    matrix = torch.rand(size, size, device=fabric.device)
    with fabric.autocast():
        matrix @ matrix
        if on_gpu: torch.cuda.synchronize()
        started = time.perf_counter()
        for _ in range(repeats): matrix @ matrix
        if on_gpu: torch.cuda.synchronize()
    return repeats*2*size**3/(time.perf_counter() - started)


def main(promoters=6_739_258, batch=4096):
    seconds = {}

    @contextmanager
    def timed(part):
        started = time.perf_counter()
        yield
        seconds[part] = time.perf_counter() - started
        print(f"{part}: {seconds[part]:.1f} s", flush=True)

    with TemporaryDirectory() as place:
        with timed("simulate"): write_library(Path(place)/"library", promoters, threads=os.cpu_count(), progress=False)
        with timed("read and split"):
            train, held_out = dataset.split(dataset.read(Path(place)/"library/train.txt"))
            parts = dataset.set_aside(train)
        network, recipe = build(NETWORK), replace(MUON, muon_epochs=1, batch_size=batch)
        work = operations(network)
        with timed("one epoch"): network, history = fit_network(network, *parts, recipe, Path(place)/"run")
    with timed("predict"): predictions = predict(network, held_out.codes)
    precision = history.attrs["precision"]
    rates = len(parts[0])/history.seconds.sum()*work/1e9, matrix_rate(make_fabric(precision=precision))/1e9
    name = torch.cuda.get_device_name() if torch.cuda.is_available() else "processor"
    score = float(r2(held_out.labels, predictions))
    print(f"R² of {len(held_out):,} held-out promoters after one epoch: {score:.4f}")
    keep(re.sub(r"\W+", "_", name), [ratio(f"epoch of {NETWORK} in {precision}", *rates, "matrix product", "GFLOP/s")],
         folder().parent/"gpu", promoters=promoters, batch=batch, seconds=seconds, r2=score, ceiling=ceiling(held_out),
         sequences_per_second=len(parts[0])/history.seconds.sum(), gpu=device())


if __name__ == "__main__": main(*map(int, sys.argv[1:]))
