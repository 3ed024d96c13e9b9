"Each benchmark runs at a small size, agrees with its reference, and prints the ratio it is there for; what the ratio is, no test asks."
import re
import subprocess
import sys

import pytest
from conftest import ROOT

BENCHMARKS = ROOT/"benchmarks"
SMALL = {"kmers": ["200"], "reading": ["--rows", "2000"], "simulate": ["3000", "1"], "training": ["512", "1"], "prediction": ["100", "300", "1"]}


def test_every_benchmark_is_run_here(): assert {path.stem for path in BENCHMARKS.glob("*.py")} == set(SMALL)


@pytest.mark.parametrize("name", SMALL)
def test_a_benchmark_prints_its_ratio(name):
    run = subprocess.run([sys.executable, BENCHMARKS/f"{name}.py", *SMALL[name]], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    ratios = re.findall(r"ratio +([\d.]+)", run.stdout)
    assert ratios and all(float(ratio) > 0 for ratio in ratios)
