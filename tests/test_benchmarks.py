"""Each benchmark runs at a small size and keeps the ratio it is there for; what the ratio is, no test asks.

What is compared gives the same results.
"""
import json
import os
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location

import kept
import pandas as pd
import pytest
import torch
from conftest import ROOT

from promoter_nb.models.registry import build

BENCHMARKS = ROOT/"benchmarks"


def load(name):
    spec = spec_from_file_location(f"benchmark_{name}", BENCHMARKS/f"{name}.py")
    spec.loader.exec_module(module := module_from_spec(spec))
    return module


def test_every_benchmark_is_run_here(): assert {path.stem for path in BENCHMARKS.glob("*.py")} == {*kept.TOY, "kept"}


LONG = {name: pytest.mark.long for name in ("full_size", "gpu", "variants")}


@pytest.mark.parametrize("name", [pytest.param(name, marks=LONG.get(name, ())) for name in kept.TOY])
def test_a_benchmark_keeps_its_ratio(tmp_path, name):
    environment = os.environ | {"PROMOTER_NB_BENCHMARKS": str(tmp_path/"benchmarks")}
    command = [sys.executable, BENCHMARKS/f"{name}.py", *kept.TOY[name]]
    run = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert run.returncode == 0, run.stderr
    [path] = tmp_path.glob("*/*.json")
    found = json.loads(path.read_text())
    assert found["ratios"] and all(ratio["ratio"] > 0 and ratio["what"] in run.stdout for ratio in found["ratios"])
    assert found["device"] and found["packages"]["torch"] == torch.__version__


def test_all_ratios_are_drawn(tmp_path, capsys):
    for name, ours in (("first", 10.0), ("second", 4.0)):
        kept.keep(name, [kept.ratio(name, ours, 2.0, "a loop")], tmp_path)
    table = kept.read(tmp_path)
    assert table.ratio.tolist() == [5, 2] and "ratio 5.00" in capsys.readouterr().out
    [axes] = kept.draw(table).axes
    assert [bar.get_x() + bar.get_width() for bar in axes.patches] == [2, 5]
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == ["second, against a loop", "first, against a loop"]


@pytest.mark.parametrize("name, reference, spoil", [("kmers", "kmer_counts", lambda counts: 2*counts),
                                                    ("reading", "loop", lambda found: (found[0] + 1, found[1])),
                                                    ("simulate", "plain_sums", lambda sums: sums + 1),
                                                    ("prediction", "plain_prediction", lambda values: values + 1),
                                                    ("tensors", "loop", lambda tensor: tensor + 1)])
def test_a_benchmark_refuses_to_compare_different_results(monkeypatch, name, reference, spoil):
    benchmark = load(name)
    original = getattr(benchmark, reference)
    monkeypatch.setattr(benchmark, reference, lambda *arguments: spoil(original(*arguments)))
    monkeypatch.setattr(sys, "argv", [name, *kept.TOY[name]])
    monkeypatch.setattr(torch, "set_num_threads", lambda threads: None)
    with pytest.raises(AssertionError): benchmark.main(*(() if name == "reading" else map(int, kept.TOY[name])))


def test_the_plain_network_of_the_training_benchmark_is_ours():
    torch.manual_seed(0)
    ours, plain = build("resnet"), load("training").PlainResNet()
    sequences = torch.nn.functional.one_hot(torch.randint(0, 4, (16, 80)), 4).transpose(1, 2).float()
    ours(sequences) # gives the normalisations a mean and a variance
    weights = [tensor for name, tensor in ours.state_dict().items() if name not in ("location", "scale")]
    pairs = zip(plain.state_dict().items(), weights, strict=True)
    plain.load_state_dict({name: weight.reshape(place.shape) for (name, place), weight in pairs})
    with torch.no_grad(): assert torch.allclose(ours.eval()(sequences), plain.eval()(sequences), atol=1e-4)


@pytest.mark.long
def test_a_step_of_the_full_size_that_failed_leaves_nothing_and_one_that_ended_is_not_repeated(tmp_path, capfd):
    benchmark = load("full_size")
    with pytest.raises(SystemExit, match="read of 500 promoters ended with 1"): benchmark.run("read", tmp_path, 500)
    assert "train.txt" in capfd.readouterr().err and not list(tmp_path.iterdir())
    benchmark.write_library(tmp_path/"library", 500, progress=False)
    found = benchmark.run("read", tmp_path, 500)
    assert found["megabytes"] > 50 and found["whole_seconds"] > found["core_seconds"] > 0
    (tmp_path/"library/train.txt").unlink()
    assert benchmark.run("read", tmp_path, 500) == found


def test_the_exponent_of_a_cost_is_its_slope():
    sizes = [10, 1_000, 10_000, 100_000]
    table = pd.DataFrame([{"step": step, "promoters": size, "core_seconds": cost(size)}
                          for step, cost in {"linear": lambda n: n/7, "quadratic": lambda n: n**2}.items()
                          for size in sizes])
    benchmark = load("full_size")
    assert benchmark.exponents(table) == pytest.approx({"linear": 1, "quadratic": 2})
    assert benchmark.exponents(table[table.promoters == 10]) == {}
