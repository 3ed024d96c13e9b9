"""Training under faults, and in several processes: what a notebook cell cannot test."""
import io
import multiprocessing
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import redirect_stdout
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import ROOT

from promoter_nb.data.dataset import Dataset
from promoter_nb.data.machine import torch_threads
from promoter_nb.evaluation.measures import r2
from promoter_nb.inference.train_model import KNOWING, _decide, _Task, fit_members, train_model, with_epochs
from promoter_nb.models.registry import build, model_names
from promoter_nb.training import fit
from promoter_nb.training.fit import Recipe, TrainingDiverged, fit_network, predict

RECIPE = Recipe(epochs=6, batch_size=64, learning_rate=1e-2, sgd_epochs=2, averaging_epochs=2, label_noise=0.1,
                tail_weight=0.5)
GENTLE = Recipe(epochs=3, batch_size=64, learning_rate=1e-3) # rounding grows slowly enough to compare curves


def count_gc(n, seed):
    codes = np.random.default_rng(seed).integers(0, 4, (n, 40), dtype=np.uint8)
    labels = ((codes == 1) | (codes == 2)).sum(1).astype(np.float32)/2
    return Dataset(codes, labels, "gc", "", np.arange(n), {})


def make(name="resnet", **options):
    return build(name, **({"width": 40, "channels": 8, "first_kernel": 7, "blocks": 2} | options))


def train(folder, model=None, recipe=RECIPE, rows=1000, **options):
    return fit_network(model or make(), count_gc(rows, 0), count_gc(300, 1), recipe, folder, accelerator="cpu",
                       **options)


def weights(folder): return (folder/"weights.safetensors").read_bytes()


def wait_for(condition, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.005)


def epochs_done(folder):
    log = folder/"log.csv"
    return len(log.read_text().splitlines()) - 1 if log.exists() else 0


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    return folder, *train(folder, progress=False)


STARTS = multiprocessing.get_context("forkserver") # imports torch once, for all processes that will be stopped
STARTS.set_forkserver_preload(["test_training"])


def train_and_tell(folder, told):
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with open(told, "w") as file, redirect_stdout(file): train(folder)


def start(folder, told):
    process = STARTS.Process(target=train_and_tell, args=(folder, told))
    process.start()
    return process


@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGINT])
@pytest.mark.parametrize("epochs", [2, 7, 9])
def test_stopped_and_continued(undisturbed, tmp_path, stop, epochs):
    folder, told = tmp_path/"run", tmp_path/"told"
    process = start(folder, told)
    wait_for(lambda: epochs_done(folder) >= epochs or not process.is_alive())
    os.kill(process.pid, stop)
    process.join(timeout=60)
    assert process.exitcode not in (0, None), told.read_text()
    assert (folder/"last.ckpt").exists() and not (folder/"weights.safetensors").exists()
    if stop == signal.SIGINT: assert "the same call goes on" in told.read_text()
    _, history = train(folder)
    assert weights(folder) == weights(undisturbed[0])
    assert history.epoch.tolist() == list(range(1, 11))
    pd.testing.assert_frame_equal(history.drop(columns="seconds"), undisturbed[2].drop(columns="seconds"))
    assert sorted(path.name for path in folder.iterdir()) == ["log.csv", "weights.safetensors"]


def test_stopped_within_an_epoch_and_continued(tmp_path, monkeypatch):
    "Dropout draws on, and the log has the time before the stop too."
    monkeypatch.setattr(fit, "CHECKPOINT_SECONDS", 0)
    recipe, rows = Recipe(epochs=0, muon_epochs=1, batch_size=8), 1000 # 125 steps
    network = lambda: make("strand_resnet", summary=4, hidden=8, dropout=0.5)
    train(tmp_path/"undisturbed", network(), recipe, rows, progress=False)
    model, calls = network(), iter(range(110))

    def stop(*_):
        if next(calls, None) is None: raise KeyboardInterrupt

    model.register_forward_hook(stop)
    with pytest.raises(KeyboardInterrupt): train(tmp_path/"stopped", model, recipe, rows, progress=False)
    within = torch.load(tmp_path/"stopped/last.ckpt", weights_only=True)["within"]
    assert len(within["losses"]) == 100 and within["core_seconds"] > 0
    _, history = train(tmp_path/"stopped", network(), recipe, rows, progress=False)
    assert weights(tmp_path/"stopped") == weights(tmp_path/"undisturbed")
    assert history.seconds[0] >= round(within["seconds"], 2)


def test_micro_batches_give_the_same_bytes_on_one_core_and_on_two_and_after_a_stop(tmp_path, monkeypatch):
    monkeypatch.setattr(fit, "CHECKPOINT_SECONDS", 0)
    recipe, rows = Recipe(epochs=0, muon_epochs=2, batch_size=8, micro_batch=4), 1000
    network, calls = lambda: make("strand_resnet", summary=4, hidden=8, dropout=0.5), iter(range(110))
    for threads in (1, 2):
        with torch_threads(threads): train(tmp_path/str(threads), network(), recipe, rows, progress=False)

    def stop(*_):
        if next(calls, None) is None: raise KeyboardInterrupt

    (model := network()).register_forward_hook(stop)
    with torch_threads(2), pytest.raises(KeyboardInterrupt):
        train(tmp_path/"stopped", model, recipe, rows, progress=False)
    with torch_threads(1): train(tmp_path/"stopped", network(), recipe, rows, progress=False)
    assert weights(tmp_path/"1") == weights(tmp_path/"2") == weights(tmp_path/"stopped")
    train(tmp_path/"whole", network(), replace(recipe, micro_batch=None), rows, progress=False)
    assert weights(tmp_path/"whole") != weights(tmp_path/"1")


def test_three_networks_on_two_cores_and_one_after_the_other_are_the_same(tmp_path):
    jobs = lambda place: [{"model": make(seed=seed), "train": count_gc(200, 0), "validation": count_gc(100, 1),
                           "recipe": Recipe(epochs=1, batch_size=32, seed=seed), "accelerator": "cpu",
                           "precision": "32-true", "progress": False, "folder": tmp_path/place/str(seed)}
                          for seed in range(3)]
    with torch_threads(2): together = fit_members(jobs("two"), 2)
    with torch_threads(1): alone = fit_members(jobs("one"), 1)
    assert len(together) == len(alone) == 3
    for ours, theirs in zip(together, alone): torch.testing.assert_close(ours.state_dict(), theirs.state_dict())
    with pytest.raises(AssertionError): torch.testing.assert_close(together[0].state_dict(), together[2].state_dict())


@pytest.mark.parametrize("network, options", [("resnet", {}), ("strand_resnet", {"summary": 4, "hidden": 8})])
def test_a_row_of_weight_0_teaches_nothing(tmp_path, network, options):
    "Labels of such rows change places, so that the unit of the labels stays the same; both strands are shown."
    data, chosen = count_gc(600, 0), np.arange(600) % 3 == 0
    labels = data.labels.copy()
    labels[chosen] = labels[chosen][::-1]
    ask = lambda labels, weights, name: fit_network(
        make(network, **options), replace(data, labels=labels, weights=weights), count_gc(100, 1),
        Recipe(epochs=0, muon_epochs=2, batch_size=64), tmp_path/name, accelerator="cpu", precision="32-true",
        progress=False)
    some = np.where(chosen, 0, 3).astype(np.float32)
    answers = [predict(ask(given, counts, name)[0], data.codes, accelerator="cpu", precision="32-true")
               for name, given, counts in
               (("as measured", data.labels, some), ("exchanged", labels, some), ("all alike", labels, None))]
    assert (answers[0] == answers[1]).all() and (answers[1] != answers[2]).any()


@pytest.mark.parametrize("spoiled", [-1, np.nan, np.inf])
def test_weights_that_say_nothing_are_refused(tmp_path, spoiled):
    data = count_gc(300, 0)
    for counts in (np.zeros(300, np.float32), np.where(np.arange(300) == 7, spoiled, 1).astype(np.float32)):
        with pytest.raises(ValueError, match="expected finite numbers of 0 and more, not all of them 0"):
            fit_network(make(), replace(data, weights=counts), count_gc(100, 1), RECIPE, tmp_path/"run", progress=False)
    assert not (tmp_path/"run").exists()


class Witness(io.StringIO):
    "Keeps a copy of the last checkpoint: each epoch says how it went once its own is written."
    def __init__(self, folder):
        super().__init__()
        self.folder = folder

    def write(self, text):
        if (self.folder/"last.ckpt").exists(): shutil.copy(self.folder/"last.ckpt", self.folder.parent/"last.ckpt")
        return super().write(text)


@pytest.mark.parametrize("renamed, logged", [(False, False), (False, True), (True, True)])
def test_killed_while_it_finishes_and_continued(undisturbed, tmp_path, renamed, logged):
    folder = tmp_path/"run"
    with redirect_stdout(Witness(folder)): train(folder)
    shutil.move(tmp_path/"last.ckpt", folder/"last.ckpt")
    if not renamed: os.rename(folder/"weights.safetensors", folder/"best.safetensors")
    log = folder/"log.csv"
    if not logged: log.write_text("".join(log.read_text().splitlines(keepends=True)[:-1]))
    _, history = train(folder, progress=False)
    assert weights(folder) == weights(undisturbed[0]) and history.epoch.tolist() == list(range(1, 11))
    assert sorted(path.name for path in folder.iterdir()) == ["log.csv", "weights.safetensors"]


def test_same_seed_same_bytes_other_seed_other_bytes(undisturbed, tmp_path):
    train(tmp_path/"again", progress=False)
    train(tmp_path/"other", recipe=replace(RECIPE, seed=1), progress=False)
    assert weights(tmp_path/"again") == weights(undisturbed[0]) != weights(tmp_path/"other")


def test_global_random_state_is_left_alone(undisturbed, tmp_path):
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    train(tmp_path, recipe=replace(RECIPE, epochs=1, sgd_epochs=0, averaging_epochs=0), progress=False)
    assert torch.equal(before, torch.random.get_rng_state())


def test_two_processes_follow_the_curve_of_one(tmp_path):
    one = train(tmp_path/"one", recipe=GENTLE, precision="32-true", progress=False)[1]
    two = train(tmp_path/"two", recipe=GENTLE, devices=2, precision="32-true", progress=False)[1]
    assert np.allclose(one.training_loss, two.training_loss, rtol=1e-4)
    assert np.allclose(one.validation_R2, two.validation_R2, atol=1e-3)


@pytest.mark.long
def test_two_processes_in_a_notebook(checkout):
    checkout.run(*checkout.papermill("nbs/experiments/40_network.ipynb", devices=2, promoters=600, epochs=1,
                                     model="baseline_cnn", output="results/mine"))
    assert (checkout.folder/"results/mine/metrics.json").exists()


NODE = """
import sys
sys.path.insert(0, sys.argv[1])
from test_training import GENTLE, train
from pathlib import Path
train(Path(sys.argv[2]), recipe=GENTLE, nodes=2, precision="32-true", progress=False)
"""


@pytest.mark.long
def test_two_nodes_follow_the_curve_of_one(tmp_path):
    train(tmp_path/"one", recipe=GENTLE, precision="32-true", progress=False)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    nodes = [subprocess.Popen([sys.executable, "-c", NODE, ROOT/"tests", tmp_path/"two"], stderr=subprocess.PIPE,
                              text=True,
                              env=os.environ | {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
                                                "NODE_RANK": str(rank), "OMP_NUM_THREADS": "1"}) for rank in range(2)]
    for node in nodes: assert node.wait(timeout=300) == 0, node.stderr.read()
    one, two = (pd.read_csv(tmp_path/name/"log.csv") for name in ("one", "two"))
    assert np.allclose(one.training_loss, two.training_loss, rtol=1e-4)


def test_a_batch_that_cannot_be_shared_is_refused(tmp_path):
    with pytest.raises(ValueError, match="63 cannot be shared equally by 2"):
        train(tmp_path, recipe=replace(RECIPE, batch_size=63), devices=2)


def test_weights_that_blow_up_in_the_last_step_are_not_kept(tmp_path):
    recipe = Recipe(epochs=0, sgd_epochs=40, batch_size=64, learning_rate=10, schedule="constant", weight_decay=10)
    with pytest.raises(TrainingDiverged, match="the last good checkpoint is kept"):
        train(tmp_path, recipe=recipe, rows=100, progress=False)
    checkpoint = torch.load(tmp_path/"last.ckpt", weights_only=True)
    assert all(tensor.isfinite().all() for tensor in checkpoint["model"].values())


SLIM = {"channels": 16, "first_kernel": 7, "blocks": 2}
SMALL = {"min_gpt": {"channels": 12, "blocks": 1, "context": 40},
         "enformer": {"channels": [8, 8], "heads": 2, "blocks": 1},
         "xpresso": {"length": 60, "pools": [10, 3]}, "attentive_chrome": {"length": 60, "bin": 20},
         "autoencoder": {"length": 60}, "sparse_autoencoder": {"length": 60},
         "wide_resnet": SLIM, "resnet": SLIM, "strand_resnet": SLIM, "classification_resnet": SLIM,
         "deep_cnn": {"first_kernel": 7, "blocks": 2},
         "legnet": {"channels": [16, 8, 8]}, "dream_rnn": {"channels": 32, "hidden": 16},
         "camformer": {"channels": [16, 16], "kernels": [5, 6], "dropouts": [0.1, 0.1], "pooled": 1, "hidden": 8}}
BRIEFLY = Recipe(epochs=2, batch_size=64, learning_rate=1e-2)


@pytest.mark.parametrize("name", model_names())
def test_every_network_learns_the_same_from_any_unit(tmp_path, name):
    "R² is free of units, so the same measurements must be worth the same in counts, in ratios and in logarithms."
    def learn(factor, shift):
        known, held_out = (replace(data, labels=data.labels*np.float32(factor) + np.float32(shift))
                           for data in (count_gc(500, 0), count_gc(300, 1)))
        model = build(name, width=40, **SMALL.get(name, {}))
        model, history = fit_network(model, known, held_out, BRIEFLY, tmp_path/f"{factor}_{shift}", accelerator="cpu",
                                     progress=False)
        return history.validation_R2.iloc[-1], (predict(model, held_out.codes, accelerator="cpu") - shift)/factor
    score, predictions = learn(1, 0)
    for unit in [(0.001, 0), (20, 0), (1000, 0), (1, 100)]:
        again, rescaled = learn(*unit)
        assert again == pytest.approx(score, abs=0.01), unit
        assert np.corrcoef(rescaled, predictions)[0, 1] > 0.99, unit


@pytest.mark.parametrize("name", ["legnet", "dream_rnn", "camformer"])
def test_references_learn(tmp_path, name):
    known, held_out = count_gc(1000, 0), count_gc(300, 1)
    model, history = fit_network(build(name, width=40, **SMALL[name]), known, held_out,
                                 replace(BRIEFLY, epochs=8, batch_size=32), tmp_path, accelerator="cpu", progress=False)
    assert history.validation_R2.max() > 0.8
    costs = pd.read_csv(tmp_path/"log.csv").core_seconds
    assert len(costs) == 8 and costs.min() > 0


def test_classes_that_are_sorting_bins_refuse_other_labels(tmp_path):
    data = count_gc(300, 0)
    shifted = replace(data, labels=data.labels - 20)
    with pytest.raises(ValueError, match="of the labels lie outside -0.5 to 18.5"):
        fit_network(build("classification_cnn", width=40, sorting_bins=True), shifted, shifted, RECIPE, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e30])
def test_non_finite_loss_keeps_the_last_good_checkpoint(tmp_path, bad):
    model, calls = make(), iter(range(40)) # 15 steps and 2 validation batches an epoch

    def spoil(module, inputs, output):
        return output if next(calls, None) is not None else output*bad*bad

    model.register_forward_hook(spoil)
    with pytest.raises(TrainingDiverged, match=r"at step \d+ of epoch 3"): train(tmp_path, model)
    assert epochs_done(tmp_path) == 2
    checkpoint = torch.load(tmp_path/"last.ckpt", weights_only=True)
    assert all(tensor.isfinite().all() for tensor in checkpoint["model"].values())
    train(tmp_path, progress=False)


def test_a_damaged_checkpoint_is_an_error(tmp_path):
    (tmp_path/"last.ckpt").write_bytes(b"PK but no checkpoint")
    with pytest.raises(ValueError, match="last.ckpt is no checkpoint"): train(tmp_path)


def test_another_run_is_refused(undisturbed):
    with pytest.raises(ValueError, match="training rows"): train(undisturbed[0], rows=1999)
    with pytest.raises(ValueError, match="model"): train(undisturbed[0], model=make(seed=1))


def test_early_stopping_ends_a_phase(tmp_path):
    recipe = Recipe(epochs=50, batch_size=64, learning_rate=1e-2, schedule="constant", early_stopping=1)
    history = train(tmp_path, recipe=recipe, progress=False)[1]
    assert len(history) < 50 and history.validation_R2.idxmax() == len(history) - 2


def test_weights_are_those_of_the_average_that_ends_the_recipe(undisturbed):
    _, model, history = undisturbed
    data = count_gc(300, 1)
    errors = data.labels - predict(model, data.codes, accelerator="cpu", precision=history.attrs["precision"])
    found = 1 - errors.var()/data.labels.var() - errors.mean()**2/data.labels.var()
    assert history.phase.iloc[-1] == "averaging" and found == pytest.approx(history.validation_R2.iloc[-1], abs=1e-4)


def test_weights_are_those_of_the_best_epoch(tmp_path):
    recipe = Recipe(epochs=4, batch_size=64, learning_rate=3e-2, schedule="constant")
    model, history = train(tmp_path, recipe=recipe, precision="32-true", progress=False)
    data = count_gc(300, 1)
    score = r2(data.labels.astype(float), predict(model, data.codes, accelerator="cpu").astype(float))
    assert score == pytest.approx(history.validation_R2.max(), abs=1e-4)


@pytest.mark.parametrize("name, options",
                         [("baseline_cnn", {"kernels": [7, 3]}), ("classification_cnn", {"kernels": [7, 3]}),
                          ("deep_cnn", {"first_kernel": 7, "blocks": 2}), ("wide_resnet", SLIM)])
def test_every_model_learns(tmp_path, name, options):
    recipe = Recipe(epochs=6, batch_size=64, learning_rate=1e-2)
    history = train(tmp_path, build(name, width=40, **options), recipe, progress=False)[1]
    assert history.training_loss.iloc[-1] < history.training_loss.iloc[0] and history.validation_R2.max() > 0.2


def test_bfloat16_changes_little(tmp_path):
    recipe, held_out = Recipe(epochs=3, batch_size=64, learning_rate=1e-2), count_gc(300, 1)
    model, whole = train(tmp_path/"32", recipe=recipe, precision="32-true", progress=False)
    half = train(tmp_path/"16", recipe=recipe, precision="bf16-mixed", progress=False)[1]
    assert half.attrs["precision"] == "bf16-mixed"
    # a network this small feels each rounding of its training
    assert abs(whole.validation_R2.max() - half.validation_R2.max()) < 0.1
    scores = [r2(held_out.labels, predict(model, held_out.codes, accelerator="cpu", precision=precision))
              for precision in ("32-true", "bf16-mixed")]
    assert abs(scores[0] - scores[1]) < 0.005


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_a_run_that_goes_on_keeps_its_precision(tmp_path, precision):
    model, passes = make(), iter(range(25)) # an epoch and a half
    def stop(*_):
        if next(passes, None) is None: raise KeyboardInterrupt
    model.register_forward_hook(stop)
    with pytest.raises(KeyboardInterrupt): train(tmp_path, model, GENTLE, precision=precision, progress=False)
    history = train(tmp_path, recipe=GENTLE, progress=False)[1]
    assert len(history) == GENTLE.epochs and history.attrs["precision"] == precision


def test_fewer_rows_than_a_batch(tmp_path):
    history = train(tmp_path, recipe=Recipe(epochs=2, batch_size=512), rows=100, progress=False)[1]
    assert len(history) == 2


@pytest.mark.parametrize("part, bad", [("training", np.nan), ("validation", -np.inf)])
def test_a_label_that_is_not_finite_is_refused(tmp_path, part, bad):
    parts = {"training": count_gc(100, 0), "validation": count_gc(100, 1)}
    parts[part].labels[[3, 5]] = bad
    with pytest.raises(ValueError, match=f"{part} row 3 has the label {bad}"):
        fit_network(make(), *parts.values(), RECIPE, tmp_path, accelerator="cpu")
    assert not any(tmp_path.iterdir())


def test_empty_data_is_refused(tmp_path):
    with pytest.raises(ValueError, match="the training part has no rows"): train(tmp_path, rows=0)


def test_time_and_memory_are_told_before_the_first_epoch_but_not_when_a_run_goes_on(tmp_path, capsys, monkeypatch):
    promoters = replace(count_gc(500, 1), report={"core_length": {"40": 500}})
    train = lambda: train_model(promoters, tmp_path/"model", "baseline_cnn", {"channels": 4},
                                with_epochs(2, "baseline_cnn"), members=1, accelerator="cpu")
    with monkeypatch.context() as stopped, pytest.raises(KeyboardInterrupt):
        stopped.setattr("promoter_nb.inference.train_model._write", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        train()
    begun = capsys.readouterr().out.splitlines()
    assert begun[0].startswith("1 baseline_cnn, 1 at a time on ") and begun[2].startswith("epoch   1")
    assert re.fullmatch(r"less than a minute, and \d\.\d GB of memory", begun[1])
    train()
    assert "GB of memory" not in capsys.readouterr().out


@pytest.mark.parametrize("a_second, alone", [(1, True), (10**6, False)], ids=["slow", "fast"])
def test_where_time_is_short_one_network_has_all_cores(a_second, alone):
    parts = {name: count_gc(rows, seed) for seed, (name, rows) in
             enumerate({"training": 300, "validation": 50, "calibration": 50, "test": 50}.items())}
    task = _Task(lambda seed: build("strand_resnet", width=40, channels=4, seed=seed), None, parts["training"], parts,
                 None, None, None, 0, 1.0, {"accelerator": "cpu", "precision": "32-true"}, False, time.perf_counter(),
                 a_second)
    with torch_threads(2): recipe, members = _decide(task)
    assert recipe.muon_epochs >= 2 and (members == 1) == alone


def test_a_number_of_epochs_leaves_the_rates_to_what_the_start_knows(tmp_path):
    promoters = replace(count_gc(500, 1), report={"core_length": {"40": 500}})
    train = partial(train_model, options={"channels": 4, "hidden": 8}, members=2, accelerator="cpu", progress=False)
    start = train(promoters, tmp_path/"start", epochs=2, start="nothing")
    told = replace(promoters, labels=3*start.predict_codes(promoters.codes) - 5) # in another unit
    tuned = train(told, tmp_path/"tuned", epochs=20, start=tmp_path/"start")
    recipe = tuned.card["recipe"]
    assert recipe["muon_epochs"] == 20 and KNOWING.items() <= recipe.items()
    assert start.card["recipe"]["muon_rate"] > recipe["muon_rate"]
    with pytest.raises(ValueError, match="recipe and epochs both"):
        train(told, tmp_path/"both", epochs=20, recipe=with_epochs(2))
