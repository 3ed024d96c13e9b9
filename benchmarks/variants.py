"""How fast and in how much memory `promoter-nb variants` scores a VCF, against a loop that predicts one after another.

The genome is random, 2,000 bases for each gene; the 400 bases upstream of each gene are read in five windows of 80, as
the command's own `--upstream 400 --step 80` lays them, and every variant is a substitution within them. In the loop,
each variant is a call of the packaged model with both sequences; in the command, a window's reference is predicted
once, and alternatives are predicted thousands at a time. Both use the first network of the ensemble (`--members 1`) and
the arithmetic that is faster here (`--precision auto`). Memory is the largest resident size of the command's process.

    python benchmarks/variants.py [variants] [variants of a short file] [genes] [variants of the loop]
"""
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import torch

from kept import cost_of, keep, ratio
from promoter_nb.inference.predictor import Predictor

GENE, UPSTREAM, WIDTH = 2000, 400, 80
COMMAND = [sys.executable, "-c", "from promoter_nb.cli import app; app()", "variants"]
HEAD = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"


def write_genome(place, letters):
    (place/"genome.fa").write_text(f">chromosome\n{letters.tobytes().decode()}\n")
    starts = np.arange(GENE - UPSTREAM, len(letters), GENE)
    genes = pd.DataFrame({"chromosome": "chromosome", "start": starts + UPSTREAM, "end": starts + GENE, "name": [
        f"gene{number}" for number in range(len(starts))], "score": 0, "strand": "+"})
    genes[genes.end <= len(letters)].to_csv(place/"genes.bed", sep="\t", header=False, index=False)


def substitutions(rng, letters, genes, number):
    "Places, reference and other bases of variants in the windows, in order."
    upstream = np.arange(1, genes)[:, None]*GENE - UPSTREAM + np.arange(UPSTREAM)
    places = np.sort(rng.choice(upstream.ravel(), number, replace=number > upstream.size))
    bases = np.frombuffer(b"ACGT", np.uint8)
    known = np.searchsorted(bases, letters[places])
    return places, letters[places], bases[(known + rng.integers(1, 4, number)) % 4]


def write_variants(path, places, refs, alts):
    with open(path, "w") as file:
        file.write(HEAD)
        file.writelines(f"chromosome\t{place + 1}\t.\t{chr(ref)}\t{chr(alt)}\t.\t.\t.\n"
                        for place, ref, alt in zip(places, refs, alts))


def one_by_one(predictor, letters, places, alts):
    "Deltas of variants, one call for each."
    found = []
    for place, alt in zip(places, alts):
        start = place - (place + UPSTREAM) % GENE % WIDTH
        reference = letters[start:start + WIDTH].tobytes().decode()
        changed = reference[:place - start] + chr(alt) + reference[place - start + 1:]
        found.append(predictor.difference([reference], [changed]).delta.item())
    return np.array(found)


def main(variants=1_000_000, short=10_000, genes=6000, looped=200):
    rng = np.random.default_rng(0)
    letters = np.frombuffer(b"ACGT", np.uint8)[rng.integers(0, 4, genes*GENE, dtype=np.uint8)]
    runs = []
    with TemporaryDirectory() as folder:
        place = Path(folder)
        write_genome(place, letters)
        for number in (short, variants):
            chosen = substitutions(rng, letters, genes, number)
            write_variants(place/"variants.vcf", *chosen)
            seconds, megabytes = cost_of([*COMMAND, place/"variants.vcf", "--genome", place/"genome.fa",
                                          "--windows", place/"genes.bed", "--upstream", UPSTREAM, "--step", WIDTH,
                                          "--precision", "auto", "--members", 1, "--output", place/"effects.tsv"])
            runs.append({"variants": number, "seconds": seconds, "megabytes": megabytes})
            print(f"promoter-nb variants: {number:9,} variants in {seconds:7.1f} s with start, "
                  f"{number/seconds:6.0f}/s; at most {megabytes:.0f} MB", flush=True)
        effects = pd.read_csv(place/"effects.tsv", sep="\t", nrows=looped)
    predictor = Predictor.load(precision="auto", members=1)
    places, _, alts = (part[:looped] for part in chosen)
    started = time.perf_counter()
    found = one_by_one(predictor, letters, places, alts)
    loop = len(found)/(time.perf_counter() - started)
    np.testing.assert_allclose(effects.delta, found, atol=0.1)
    keep("variants", [ratio("variants of a VCF", variants/seconds, loop, "loop of one call each", "variants/s")],
         runs=runs, precision=predictor.precision, threads_of_the_command=torch.get_num_threads())


if __name__ == "__main__": main(*map(int, sys.argv[1:]))
