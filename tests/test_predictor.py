"""A model on disk and in use: what it answers, what it refuses, and what a stopped training leaves."""
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings, strategies

from promoter_nb.data.dataset import read
from promoter_nb.data.flanks import DOWNSTREAM, UPSTREAM
from promoter_nb.evaluation.conformal import calibrate, measure_coverage
from promoter_nb.evaluation.measures import r2
from promoter_nb.inference.model_folder import PACKAGED, ModelError, card_text, pretrained, read_card
from promoter_nb.models.layers import GlobalMaxPool, Network, named
from promoter_nb.inference.predictor import Predictor
from promoter_nb.data.paths import root
from promoter_nb.data.prepare import SequenceError, prepare
from promoter_nb.data.sequence import decode
from promoter_nb.simulate.library import library_cores, write_library
from promoter_nb.simulate.expression import express
from promoter_nb.inference.train_model import four_parts, held_out_share, train_model

CORE = "GCTAGCTTAAGCACTCACGTGATCGGCATATAAAGCATCTTTCTGATTTTTTCTTCGAAACATCACAAATCAACACAAAA"


@pytest.fixture(scope="module")
def predictor():
    return Predictor.load()


@pytest.fixture
def copy(tmp_path):
    "A copy of the model in the package, to be spoiled."
    folder = tmp_path/"model"
    folder.mkdir()
    for file in pretrained().iterdir(): (folder/file.name).write_bytes(file.read_bytes())
    return folder


def count_a():
    "A predictor whose answer can be counted by hand: 1 with an A, 0 without."
    look = torch.nn.Conv2d(4, 1, 1, bias=False)
    look.weight.data = torch.tensor([1., 0, 0, 0]).view(1, 4, 1, 1)
    card = {"width": 10, "both_strands": False, "range": {"length": [4, 10], "gc": [0.2, 0.8]},
            "intervals": {"coverage": 0.9, "edges": [0.5], "low": [-1, -2], "high": [1, 3]}}
    return Predictor([Network(named(look=look, strongest=GlobalMaxPool()), torch.nn.Flatten(0))], card)


def test_known_answers():
    table = count_a().table(["CCAG", "GGTC", "TTTTTGTTTT", "ACGTACGTACGT", "CCRG"])
    assert table.prediction.tolist() == [1, 0, 0, 1, 0]
    assert table.low.tolist() == [-1, -1, -1, -1, -1] and table.high.tolist() == [4, 1, 1, 4, 1]
    assert table.unusual.tolist() == ["", "", "GC", "length;cut", "GC;unknown bases"]
    change = count_a().difference(["GGTC"], ["GGAC"])
    assert change.delta.item() == 1 and change.low.item() == 1 - np.hypot(2, 1)
    assert change.high.item() == 1 + np.hypot(3, 1)


@pytest.mark.parametrize("word", ["A", "T", "AT", "ACG", "GATC", "AAAAT", "GACTG"])
def test_a_word_again_and_again_is_no_promoter_like_others(predictor, word):
    table = predictor.table([(word*80)[:80], CORE, CORE[:40] + (word*40)[:40]])
    assert table.unusual[0] in ("GC", "low complexity") and "low complexity" not in set(table.unusual[1:])


def test_flanks_lists_series_and_arrays_are_the_same(predictor):
    expected = predictor.predict([CORE]*2)
    for sequences in (pd.Series([CORE]*2), np.array([CORE]*2), np.array([CORE]*2, dtype=object),
                      [UPSTREAM + CORE + DOWNSTREAM, CORE.lower()]):
        assert (predictor.predict(sequences) == expected).all()
    with pytest.raises(TypeError, match="one sequence"): predictor.predict(CORE)


def test_both_strands_of_an_oligo_are_averaged():
    predictor = Predictor.load("simulated")
    opposite = CORE.translate(str.maketrans("ACGT", "TGCA"))[::-1]
    blind = Predictor(predictor.models, predictor.card | {"both_strands": True})
    assert blind.predict([opposite]) == pytest.approx(blind.predict([CORE]), abs=1e-5)


def holds_bases(text):
    "Whether anything is left between flanks and N in front."
    try: return bool(prepare([text]))
    except SequenceError: return False


@settings(max_examples=10, deadline=None)
@given(strategies.lists(strategies.text("ACGTNacgtnRYU", min_size=1, max_size=120).filter(holds_bases), min_size=1,
                        max_size=20), strategies.integers(1, 7))
def test_company_does_not_change_a_prediction(predictor, sequences, size):
    alone = np.concatenate([predictor.predict(sequences[start:start + size])
                            for start in range(0, len(sequences), size)])
    assert (predictor.predict(sequences) == alone).all()


@pytest.mark.parametrize("sequences, message",
                         [(["ACGT", ""], "sequence 1: is empty"), (["AC-T"], "'-' at base 3"),
                          ([UPSTREAM + DOWNSTREAM], "no bases besides flanks"), (["NNN"], "no bases"),
                          ([None], "is empty")])
def test_what_is_no_sequence_is_refused(predictor, sequences, message):
    with pytest.raises(SequenceError, match=message): predictor.predict(sequences)


def test_spoiled_models_are_refused(copy):
    weights, card = copy/"weights_1.safetensors", copy/"model.json"
    whole = weights.read_bytes()
    for spoiled in (whole[:1000], whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:], b""):
        weights.write_bytes(spoiled)
        with pytest.raises(ModelError, match="cut off or altered"): Predictor.load(copy)
    weights.write_bytes(whole)
    Predictor.load(copy)
    content = json.loads(card.read_text())
    card.write_text(json.dumps(content | {"both_strands": not content["both_strands"]}))
    with pytest.raises(ModelError, match="was altered"): Predictor.load(copy)
    card.write_text(json.dumps(content | {"format": 9}))
    with pytest.raises(ModelError, match="format 1"): Predictor.load(copy)
    card.write_text(card.read_text()[:-5])
    with pytest.raises(ModelError, match="damaged"): Predictor.load(copy)
    card.unlink()
    with pytest.raises(ModelError, match="no model"): Predictor.load(copy)


def test_the_models_in_the_package_are_small_and_say_what_they_must_not_be_used_for():
    assert sum(file.stat().st_size for name in PACKAGED for file in pretrained(name).iterdir()) < 6e6
    for name in PACKAGED:
        card, text = read_card(pretrained(name)), (pretrained(name)/"README.md").read_text()
        assert "must not be used" in text and text == card_text(card)
        assert card["data"]["simulated"] == (name != "measured") == ("simulated" in text.splitlines()[2])
    card = read_card(pretrained())
    assert len(card["sources"]) == 2 and "87,459 remain" in card_text(card) and card["data"]["rows"] == 87_459
    assert all(source in (pretrained()/"README.md").read_text() for source in card["sources"])
    half, tenth = (round(card["label_percentiles"][share], 1) for share in (50, 90))
    assert f"learned from lie below {half} and one in ten above {tenth}" in (root()/"README.md").read_text()


def test_the_measured_model_holds_what_its_card_says(measured):
    data = read(measured/"deboer2020_val.txt")
    table, judged = Predictor.load().table(decode(data.codes)), read_card(pretrained())["judged"]["deboer2020_val"]
    assert r2(data.labels, table.prediction.to_numpy()) == pytest.approx(judged["r2"]["value"], abs=0.002)
    assert judged["r2"]["value"] >= 0.91
    assert 0.87 < ((table.low <= data.labels) & (data.labels <= table.high)).mean() < 0.93


def test_the_simulated_model_holds_what_its_card_says(tmp_path):
    predictor, card = Predictor.load("simulated"), read_card(pretrained("simulated"))
    library = write_library(tmp_path, 3000, seed=77, threads=1, progress=False)
    data = read(library.train)
    table = predictor.table(decode(data.codes))
    predictions = table.prediction.to_numpy()
    assert r2(data.labels, predictions) > card["metrics"]["r2"]["low"] - 0.05
    assert 0.85 < ((table.low <= data.labels) & (data.labels <= table.high)).mean() < 0.95
    truth = express(library_cores(77, np.arange(1000))).mean
    assert r2(truth, predictions[:1000]) > r2(data.labels, predictions)


def test_parts_share_no_sequence(measured):
    data = read(measured/"deboer2020_val.txt")
    parts = four_parts(data, held_out_share(len(data)))
    sequences = [{row.tobytes() for row in part.codes} for part in parts.values()]
    assert sum(map(len, sequences)) == len(set.union(*sequences)) and sum(map(len, parts.values())) == len(data)


def test_intervals_cover_what_they_promise():
    rng = np.random.default_rng(1)
    for rows in (60, 500, 5000):
        found = []
        for _ in range(40):
            predictions = rng.uniform(0, 10, 2*rows)
            labels = predictions + rng.gamma(2, 1 + predictions/5)
            intervals = calibrate(labels[:rows], predictions[:rows])
            found.append(measure_coverage(labels[rows:], predictions[rows:], intervals)["value"])
        assert 0.88 < np.mean(found) < 0.95


def test_a_start_that_does_not_fit_is_refused_before_any_training(tmp_path):
    begin = lambda start, **options: train_model("no_such_file.txt", tmp_path/"model", start=start, **options)
    with pytest.raises(ModelError, match="holds no model"): begin(tmp_path)
    with pytest.raises(ValueError, match="cannot be where this training starts: it has .*name resnet"):
        begin("simulated")
    with pytest.raises(ValueError, match="it has width 80, and what is asked for has width 110"):
        begin("start", width=110)
    with pytest.raises(ValueError, match="members is 0"): begin("start", members=0)
    with pytest.raises(FileNotFoundError): begin("start")
    (damaged := tmp_path/"damaged").mkdir()
    for file in pretrained("start").iterdir(): (damaged/file.name).write_bytes(file.read_bytes()[:-1])
    with pytest.raises(ModelError): begin(damaged)
    assert [path.name for path in tmp_path.iterdir()] == ["damaged"]


@pytest.mark.parametrize("network",
                         [["--network", "baseline_cnn", "--option", "channels=8"],
                          pytest.param(["--option", "channels=8", "--option", "hidden=8"], marks=pytest.mark.long)],
                         ids=["one", "two side by side"])
def test_training_that_is_killed_goes_on_to_the_same_model(tmp_path, network):
    library = write_library(tmp_path/"library", 5000, threads=1, progress=False)
    train = [sys.executable, "-c", "from promoter_nb.cli import app; app()", "train", str(library.train), *network,
             "--epochs", "6"]
    environment = os.environ | {"OMP_NUM_THREADS": "2"}
    process = subprocess.Popen([*train, str(tmp_path/"killed")], env=environment, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    log, end = tmp_path/".killed.training"/"member_1"/"log.csv", time.monotonic() + 120
    while not log.exists() and time.monotonic() < end: time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert log.exists() and not (tmp_path/"killed").exists()
    for name in ("killed", "undisturbed"):
        subprocess.run([*train, str(tmp_path/name)], env=environment, check=True, capture_output=True)
    for name in ("weights_1.safetensors", "model.json"):
        assert (tmp_path/"killed"/name).read_bytes() == (tmp_path/"undisturbed"/name).read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["killed", "library", "undisturbed"]
