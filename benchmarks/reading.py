"""How fast a file of promoters is read, trimmed and encoded, beside a Python loop over its rows.

    python benchmarks/reading.py [FILE] [--rows 1000000]

Without a file, random promoters are written to one first. Prints rows a second, the memory that reading takes above the
interpreter's, and the ratio to the loop, which does the same work on a twentieth of the rows in the same process.
"""
import argparse
import time
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from kept import keep, ratio
from promoter_nb.data.machine import peak_memory_mb
from promoter_nb.data.dataset import read
from promoter_nb.data.flanks import DOWNSTREAM, UPSTREAM
from promoter_nb.data.sequence import decode


def written(path: Path, source: Path | None, rows: int) -> Path:
    "A file of that many rows: those of `source` repeated, or random ones."
    if source: lines = source.read_text().splitlines(keepends=True)
    else:
        rng = np.random.default_rng(0)
        lines = [f"{UPSTREAM}{core}{DOWNSTREAM}\t{label:.6f}\n" for core, label in zip(
            decode(rng.integers(0, 4, (50_000, 80), dtype=np.uint8)), rng.normal(11, 2, 50_000))]
    with open(path, "w") as file: file.writelines(islice(cycle(lines), rows))
    return path


def loop(path: Path, rows: int, width: int = 80) -> tuple[np.ndarray, np.ndarray]:
    "The same by a loop: split, cut, encode, pad, a row at a time."
    codes, labels = np.full((rows, width), 4, dtype=np.uint8), np.zeros(rows, dtype=np.float32)
    with open(path) as file:
        for i, line in enumerate(islice(file, rows)):
            oligo, label = line.split("\t")
            if oligo.startswith(UPSTREAM): oligo = oligo[len(UPSTREAM):]
            if oligo.endswith(DOWNSTREAM): oligo = oligo[:-len(DOWNSTREAM)]
            row = ["ACGTN".index(letter) for letter in oligo[-width:]]
            codes[i, width - len(row):] = row
            labels[i] = float(label)
    return codes, labels


def seconds(work, *arguments):
    start = time.perf_counter()
    result = work(*arguments)
    return time.perf_counter() - start, result


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path, nargs="?", help="in the challenge's format; its rows are repeated")
    parser.add_argument("--rows", type=int, default=1_000_000)
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        path = written(Path(folder)/"rows.txt", options.file, options.rows)
        read(written(Path(folder)/"few.txt", options.file, 1000))
        before = peak_memory_mb()
        fast, data = min((seconds(read, path) for _ in range(3)), key=lambda timed: timed[0])
        memory = peak_memory_mb() - before
        slow, (codes, labels) = seconds(loop, path, options.rows//20)
    assert (data.codes[:len(codes)] == codes).all() and (data.labels[:len(labels)] == labels).all()
    print(f"{options.rows:,} rows, {memory:.0f} MB above the interpreter's peak")
    keep("reading", [ratio("reading a file", options.rows/fast, options.rows/20/slow, "loop over rows")],
         rows=options.rows, megabytes=memory)


if __name__ == "__main__": main()
