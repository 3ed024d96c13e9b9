"""Each benchmark runs at a small size and prints the ratio it is there for; what the ratio is, no test asks.

What is compared gives the same results.
"""
import re
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location

import pytest
import torch
from conftest import ROOT

from promoter_nb.models.registry import build

BENCHMARKS = ROOT/"benchmarks"
SMALL = {"kmers": ["200"], "reading": ["--rows", "2000"], "simulate": ["3000", "1"], "training": ["512", "1"],
         "step": ["baseline_cnn", "64", "1"], "prediction": ["100", "300", "1"]}


def load(name):
    spec = spec_from_file_location(f"benchmark_{name}", BENCHMARKS/f"{name}.py")
    spec.loader.exec_module(module := module_from_spec(spec))
    return module


def test_every_benchmark_is_run_here(): assert {path.stem for path in BENCHMARKS.glob("*.py")} == set(SMALL)


@pytest.mark.parametrize("name", SMALL)
def test_a_benchmark_prints_its_ratio(name):
    run = subprocess.run([sys.executable, BENCHMARKS/f"{name}.py", *SMALL[name]], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    ratios = re.findall(r"ratio +([\d.]+)", run.stdout)
    assert ratios and all(float(ratio) > 0 for ratio in ratios)


@pytest.mark.parametrize("name, reference, spoil", [("kmers", "kmer_counts", lambda counts: 2*counts),
                                                    ("reading", "loop", lambda found: (found[0] + 1, found[1])),
                                                    ("simulate", "plain_sums", lambda sums: sums + 1),
                                                    ("prediction", "plain_prediction", lambda values: values + 1)])
def test_a_benchmark_refuses_to_compare_different_results(monkeypatch, name, reference, spoil):
    benchmark = load(name)
    original = getattr(benchmark, reference)
    monkeypatch.setattr(benchmark, reference, lambda *arguments: spoil(original(*arguments)))
    monkeypatch.setattr(sys, "argv", [name, *SMALL[name]])
    monkeypatch.setattr(torch, "set_num_threads", lambda threads: None)
    with pytest.raises(AssertionError): benchmark.main(*(() if name == "reading" else map(int, SMALL[name])))


def test_the_plain_network_of_the_training_benchmark_is_ours():
    torch.manual_seed(0)
    ours, plain = build("resnet"), load("training").PlainResNet()
    sequences = torch.nn.functional.one_hot(torch.randint(0, 4, (16, 80)), 4).transpose(1, 2).float()
    ours(sequences) # gives the normalisations a mean and a variance
    weights = [tensor for name, tensor in ours.state_dict().items() if name not in ("location", "scale")]
    pairs = zip(plain.state_dict().items(), weights, strict=True)
    plain.load_state_dict({name: weight.reshape(place.shape) for (name, place), weight in pairs})
    with torch.no_grad(): assert torch.allclose(ours.eval()(sequences), plain.eval()(sequences), atol=1e-4)
