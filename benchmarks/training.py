"""How fast the ResNet trains and predicts, against the same architecture written plainly.

Plainly means: float32, one-dimensional convolutions in PyTorch's default layout, PyTorch's PReLU, and a DataLoader that
encodes row by row.
Ours works in the arithmetic that is faster here (`training.precision`), and the product of matrices that it is set
against likewise.
Both are measured in one run, in turns, and the fastest of the rounds counts; so a busy machine disturbs both alike.

    python benchmarks/training.py [rows] [rounds]
"""
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader

from promoter_nb.data.dataset import Dataset
from promoter_nb.models.registry import build
from promoter_nb.training.precision import choose_precision
from promoter_nb.training.predict import make_fabric
from promoter_nb.data.sequence import decode
from promoter_nb.training.fit import Recipe, TrainingRun, draw_epoch, predict, start_phase, train_epoch
from kept import keep, ratio
from step import matrix_rate

BATCH, WIDTH = 256, 80


class PlainRows:
    "Sequences as text, encoded when they are asked for."
    def __init__(self, sequences, labels): self.sequences, self.labels = sequences, labels

    def __len__(self): return len(self.sequences)

    def __getitem__(self, row):
        one_hot = np.zeros((4, WIDTH), np.float32)
        for place, base in enumerate(self.sequences[row]): one_hot["ACGT".index(base), place] = 1
        return one_hot, self.labels[row]


class PlainResNet(nn.Module):
    "The ResNet (claim M4) in one-dimensional layers."
    def __init__(self, channels=64):
        super().__init__()
        block = lambda channels_in, kernel: nn.Sequential(
            nn.Conv1d(channels_in, channels, kernel, padding=kernel//2, bias=False), nn.BatchNorm1d(channels),
            nn.PReLU())
        self.first = block(4, 21)
        self.blocks = nn.ModuleList(nn.Sequential(block(channels, 5), block(channels, 5)) for _ in range(3))
        self.head = nn.Sequential(nn.Linear(channels, 64), nn.ReLU(), nn.Linear(64, 1), nn.Softplus())

    def forward(self, sequences):
        features = self.first(sequences)
        for block in self.blocks: features = nn.functional.max_pool1d(features + block(features), 2)
        return self.head(features.amax(2)).squeeze(1)


def plain_training(model, optimizer, rows):
    model.train()
    for sequences, labels in DataLoader(rows, BATCH, shuffle=True, drop_last=True):
        optimizer.zero_grad()
        nn.functional.mse_loss(model(sequences), labels).backward()
        optimizer.step()


@torch.no_grad()
def plain_prediction(model, rows):
    model.eval()
    return torch.cat([model(sequences) for sequences, _ in DataLoader(rows, BATCH)])


def operations(channels=64):
    "Floating-point operations of the convolutions for one sequence, forward."
    taps = WIDTH*4*21 + sum(2*(WIDTH >> block)*channels*5 for block in range(3))
    return 2*taps*channels


def main(rows=8192, rounds=5):
    generator = np.random.default_rng(0)
    data = Dataset(generator.integers(0, 4, (rows, WIDTH), dtype=np.uint8),
                   generator.normal(11, 2, rows).astype(np.float32), "random", "", np.arange(rows), {})
    recipe, ours, plain = Recipe(epochs=1000, batch_size=BATCH), build("resnet"), PlainResNet()
    plain_rows, optimizer = PlainRows(decode(data.codes), data.labels), torch.optim.AdamW(plain.parameters())
    precision = choose_precision("cpu")
    with TemporaryDirectory() as folder:
        run = TrainingRun(make_fabric("cpu", precision=precision), ours, data, data, recipe, Path(folder), {},
                          show=False)
        start_phase(run, "adamw", 1000)
        jobs = {"training, ours": lambda: train_epoch(run, *draw_epoch(run.labels, recipe, 0), 1),
                "training, plain": lambda: plain_training(plain, optimizer, plain_rows),
                "prediction, ours": lambda: predict(ours, data.codes, accelerator="cpu", precision=precision),
                "prediction, plain": lambda: plain_prediction(plain, plain_rows)}
        seconds, peak = {name: [] for name in jobs}, 0
        for _ in range(rounds):
            for name, job in jobs.items():
                started = time.perf_counter()
                job()
                seconds[name].append(time.perf_counter() - started)
            peak = max(peak, matrix_rate(precision))
    rate = {name: rows/min(times) for name, times in seconds.items()}
    print(f"{torch.get_num_threads()} threads, {precision}; matrix product {peak/1e9:.0f} GFLOP/s; "
          f"convolutions {operations()/1e6:.1f} MFLOP a sequence forward")
    compare = lambda name: ratio(f"{name}, ResNet in {precision}", rate[f"{name}, ours"], rate[f"{name}, plain"],
                                 "plain PyTorch and DataLoader")
    share = {name: rate[f"{name}, ours"]*factor*operations()/peak
             for name, factor in (("training", 3), ("prediction", 1))}
    print("  ".join(f"{name}: {value:.0%} of the matrix rate" for name, value in share.items()))
    keep("training", [compare("training"), compare("prediction")], matrix_gflops=peak/1e9, share_of_matrix_rate=share)


if __name__ == "__main__": main(*map(int, sys.argv[1:]))
