"""How fast and in how much memory `promoter-nb predict` streams, against a plain loop over the same model.

Plainly means: each sequence is encoded by a loop over its letters when its turn has come, its reverse complement too
where the model averages the strands, and the network as it was trained predicts batches of 1,024, in float32.
Ours works in float32, and in the arithmetic that is faster here (`training.precision`); both are measured. All rates
are measured in one run, in turns, and the fastest of the rounds counts.
Memory is the largest resident size of the command's process, for a short file and a long one.

    python benchmarks/prediction.py [rows of the short file] [rows of the long file] [rounds]
"""
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from kept import cost_of, keep, ratio
from promoter_nb.inference.predictor import Predictor

COMMAND = [sys.executable, "-c", "from promoter_nb.cli import app; app()", "predict"]


def encode_row(sequence, width=80):
    one_hot = np.zeros((4, width), np.float32)
    for place, base in enumerate(sequence): one_hot["ACGT".index(base), place] = 1
    return one_hot


@torch.no_grad()
def plain_prediction(model, sequences, both_strands, batch_size=1024):
    predictions = []
    for start in range(0, len(sequences), batch_size):
        rows = [encode_row(sequence) for sequence in sequences[start:start + batch_size]]
        strands = [rows, [row[::-1, ::-1] for row in rows]] if both_strands else [rows]
        predictions.append(sum(model(torch.from_numpy(np.stack(strand))) for strand in strands)/len(strands))
    return torch.cat(predictions).numpy()


def write(path, rows):
    letters = np.frombuffer(b"ACGT", np.uint8)
    rng = np.random.default_rng(0)
    with open(path, "wb") as file:
        for start in range(0, rows, 100_000):
            block = np.full((min(100_000, rows - start), 81), ord("\n"), np.uint8)
            block[:, :80] = letters[rng.integers(0, 4, (len(block), 80), dtype=np.uint8)]
            file.write(block.tobytes())


def main(short=10_000, long=1_000_000, rounds=3):
    predictor, exact = Predictor.load("simulated", precision="auto"), Predictor.load("simulated")
    [model] = exact.models
    sequences = ["".join(row) for row in np.random.default_rng(1).choice(list("ACGT"), (2048, 80))]
    plain = plain_prediction(model, sequences, exact.both_strands)
    for ours, allowed in ((exact, 1e-3), (predictor, 0.05)):
        np.testing.assert_allclose(ours.predict(sequences), plain, atol=allowed)
    jobs = {"ours": lambda: predictor.table(sequences), "exact": lambda: exact.table(sequences),
            "plain": lambda: plain_prediction(model, sequences, exact.both_strands)}
    seconds = {name: [] for name in jobs}
    for _ in range(rounds):
        for name, job in jobs.items():
            started = time.perf_counter()
            job()
            seconds[name].append(time.perf_counter() - started)
    rate = {name: len(sequences)/min(times) for name, times in seconds.items()}
    kinds = {"exact": exact.precision} | {"ours": predictor.precision}
    ratios = [ratio(f"predict, in {precision}", rate[name], rate["plain"], "loop that encodes rows")
              for name, precision in kinds.items()]
    streams = []
    with TemporaryDirectory() as folder:
        for rows in (short, long):
            write(path := Path(folder)/f"{rows}.txt", rows)
            elapsed, memory = cost_of([*COMMAND, path, "--output", Path(folder)/"out.parquet"])
            streams.append({"rows": rows, "seconds": elapsed, "megabytes": memory})
            print(f"promoter-nb predict: {rows:9,} sequences in {elapsed:7.1f} s with start, "
                  f"{rows/elapsed:6.0f}/s; at most {memory:.0f} MB", flush=True)
    keep("prediction", ratios, streams=streams)


if __name__ == "__main__": main(*map(int, sys.argv[1:]))
