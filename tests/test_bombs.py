"""Small files that hold much: each is refused, or read, in little memory."""
import gzip
import subprocess
import sys
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

VCF = b"##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
PACKED = { # how a file begins, what follows for 80 megabytes, and what is found or said
    "line.bed": (b"chrI\t1\t", b"9", "line.bed.gz, line 1: the line has 1,048,576 letters or more"),
    "header.vcf": (b"##", b"x", "header.vcf.gz, line 1: the header has more than 67,108,864 bytes"),
    "lines.vcf": (b"", b"##\n", "the header has more than 67,108,864 bytes"),
    "record.vcf": (VCF + b"chrI\t25\t.\tA\t", b"C", "record.vcf.gz, line 3: the line has more than 67,108,864 bytes"),
    "zeros.fa": (b"", b"\0", "zeros.fa.gz, line 1: it is no text"),
    "whole.fa": (b">chrI\n", b"ACGT", "{'chrI': 80000000}"),
    "values.json": (b"{", b" ", "values.json.gz has more than 50 MB, unpacked"),
}
READ = """
import resource, sys
from pathlib import Path
from promoter_nb.data import read_sequences, spreadsheets
from promoter_nb.data.genome import open_genome
from promoter_nb.data.vcf import read_vcf
from promoter_nb.data.windows import read_regions
from promoter_nb.evaluation.predictions import read_predictions
read_sequences.LARGEST_STREAM = spreadsheets.MEGABYTES = 50

def lengths(path):
    with open_genome(path) as genome: return genome.lengths

def records(path):
    with open(path, "rb") as stream: return sum(map(len, read_vcf(stream, str(path)).blocks))

READERS = {".bed": read_regions, ".fa": lengths, ".vcf": records, ".json": read_predictions,
           ".xlsx": lambda path: sum(map(len, read_sequences.read_sequences(path)))}
megabytes = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
before = megabytes()
for path in map(Path, sys.argv[1:]):
    try: print(READERS[path.suffixes[0]](path))
    except ValueError as error: print(error)
    print(megabytes() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is counted in other units elsewhere")
def test_what_holds_much_takes_little_memory(tmp_path):
    for name, (begin, more, _) in PACKED.items():
        with gzip.open(tmp_path/f"{name}.gz", "wb", compresslevel=1) as file:
            file.write(begin)
            for _ in range(80): file.write(more*(1_000_000//len(more)))
    with ZipFile(tmp_path/"cells.xlsx", "w", ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open("xl/worksheets/sheet1.xml", "w") as file:
            for _ in range(80): file.write(bytes(1_000_000))
    files = [*(tmp_path/f"{name}.gz" for name in PACKED), tmp_path/"cells.xlsx"]
    done = subprocess.run([sys.executable, "-c", READ, *files], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    said, megabytes = done.stdout.splitlines()[::2], list(map(int, done.stdout.splitlines()[1::2]))
    expected = [*(told for _, _, told in PACKED.values()), "cells.xlsx has more than 50 MB, unpacked"]
    for line, told in zip(said, expected, strict=True): assert told in line
    assert megabytes[-1] < 500, dict(zip(map(str, files), megabytes))
