"""How fast text becomes what a network reads, beside a Python loop over sequences.

    python benchmarks/tensors.py [promoters] [rounds]

Oligos with their flanks, as text, are trimmed, encoded and handed on as one-hot float tensors, in the batches of
prediction. The loop does the same one sequence after the other, on a twentieth of them. Both take turns, and the
fastest round counts.
"""
import sys
import time

import numpy as np
import torch

from kept import keep, ratio
from promoter_nb.data.machine import peak_memory_mb
from promoter_nb.data.flanks import DOWNSTREAM, UPSTREAM
from promoter_nb.data.prepare import prepare
from promoter_nb.data.sequence import decode, one_hot

WIDTH, BATCH = 80, 1024


def ours(texts):
    "The last batch, so that two ways can be compared."
    for batch in torch.from_numpy(prepare(texts, WIDTH).codes).split(BATCH): tensor = one_hot(batch)
    return tensor


def loop(texts):
    for start in range(0, len(texts), BATCH):
        tensor = torch.zeros(len(texts[start:start + BATCH]), 4, WIDTH)
        for row, text in enumerate(texts[start:start + BATCH]):
            core = text.removeprefix(UPSTREAM).removesuffix(DOWNSTREAM)[-WIDTH:]
            for place, base in enumerate(core, WIDTH - len(core)): tensor[row, "ACGT".index(base), place] = 1
    return tensor


def seconds(work, texts):
    started = time.perf_counter()
    return work(texts), time.perf_counter() - started


def main(promoters=200_000, rounds=5):
    codes = np.random.default_rng(0).integers(0, 4, (promoters, WIDTH), dtype=np.uint8)
    texts = [UPSTREAM + core + DOWNSTREAM for core in decode(codes)]
    few = texts[:promoters//20]
    assert torch.equal(ours(few), loop(few))
    before = peak_memory_mb()
    times = [(seconds(ours, texts)[1], seconds(loop, few)[1]) for _ in range(rounds)]
    memory = peak_memory_mb() - before
    fast, slow = map(min, zip(*times))
    print(f"{memory*1e6/promoters:,.0f} MB for a million, above the text")
    keep("tensors", [ratio("text to tensors", len(texts)/fast, len(few)/slow, "loop over sequences")], megabytes=memory)


if __name__ == "__main__": main(*map(int, sys.argv[1:]))
