"""Results compared with a reference: equal to themselves, and every change named."""
import json
import shutil
import subprocess
import sys

import pandas as pd
import pytest
import yaml
from conftest import ROOT, Checkout, results_of, values_of

from promoter_nb.paper.verify import compare_results

SMOKE = "results/simulated/smoke"


@pytest.fixture
def reference(built, tmp_path):
    "A copy of what the smoke report was made from."
    return shutil.copytree(built.folder/SMOKE, tmp_path/"reference")


def change(path, *place, value):
    content = part = json.loads(path.read_text())
    for name in place[:-1]: part = part[name]
    part[place[-1]] = value
    path.write_text(json.dumps(content))


def test_every_number_is_compared_and_equal(built, reference):
    table = compare_results(reference, built.folder/SMOKE)
    assert table.ok.all() and (table.tolerance == 0).all()
    files = {path.relative_to(reference).as_posix()
             for path in reference.rglob("metrics.json")} - {"90_report/metrics.json"}
    assert files <= set(table.file)
    assert {path.relative_to(reference).as_posix()
            for path in reference.rglob("predictions.parquet")} <= set(table.file)


@pytest.mark.long
def test_make_verify_runs_a_profile_again_and_finds_it_equal(built, reference, tmp_path):
    checkout = Checkout(tmp_path/"checkout")
    shutil.copytree(built.folder/"config", checkout.folder/"config", dirs_exist_ok=True)
    shutil.copy(ROOT/"Makefile", checkout.folder)
    shutil.copytree(reference, checkout.folder/"results/reference/smoke")
    (checkout.folder/".venv").symlink_to(sys.prefix)
    said = checkout.run("make", "-o", "setup", "verify", "PROFILE=smoke", "CORES=2")
    assert ": 0 differ" in said
    again = checkout.folder/"results/verify" # `built` was killed in the middle; this run was not
    assert results_of(again) == results_of(built.folder) and values_of(again) == values_of(built.folder)


def test_metric_changed_by_hand_is_named(built, reference):
    r2 = json.loads((reference/"resnet/seed-0/metrics.json").read_text())["validation"]["r2"]["value"]
    change(reference/"resnet/seed-0/metrics.json", "validation", "r2", "value", value=r2 + 1e-12)
    (row,) = compare_results(reference, built.folder/SMOKE).query("not ok").itertuples()
    assert (row.file, row.key, row.found) == ("resnet/seed-0/metrics.json", "validation.r2.value", r2)
    said = built.fail("python", "-m", "promoter_nb.paper", "verify", reference, built.folder/SMOKE)
    assert f"resnet/seed-0/metrics.json: validation.r2.value is {r2}" in said


def test_elsewhere_a_number_may_move_within_its_interval(built, reference):
    for path in reference.rglob("run.json"): change(path, "device", value="another machine")
    assert compare_results(reference, built.folder/SMOKE).ok.all()
    metrics = reference/"resnet/seed-0/metrics.json"
    found = json.loads(metrics.read_text())["validation"]["r2"]
    half = (found["high"] - found["low"])/2
    change(metrics, "validation", "r2", "value", value=found["value"] + 0.9*half)
    assert compare_results(reference, built.folder/SMOKE).ok.all()
    change(metrics, "validation", "r2", "value", value=found["value"] + 1.1*half)
    (row,) = compare_results(reference, built.folder/SMOKE).query("not ok").itertuples()
    assert row.key == "validation.r2.value" and row.tolerance == pytest.approx(half)


@pytest.mark.parametrize("spoil, keys", [(lambda table: table[:5], {"rows", "rows in both"}),
                                         (lambda table: table.assign(prediction=0.01*table.prediction + 100),
                                          {"prediction, R²"}),
                                         (lambda table: table.drop(columns="label"), {"label"})])
def test_elsewhere_a_shortened_and_a_rescaled_table_are_named(built, reference, spoil, keys):
    found = reference # a copy of the same results, as if from elsewhere
    for path in found.rglob("run.json"): change(path, "device", value="another machine")
    predictions = found/"resnet/seed-0/predictions.parquet"
    spoil(pd.read_parquet(predictions)).to_parquet(predictions, index=False)
    wrong = compare_results(built.folder/SMOKE, found).query("not ok")
    assert {(row.file, row.key) for row in wrong.itertuples()} == {("resnet/seed-0/predictions.parquet", key)
                                                                   for key in keys}


def test_elsewhere_another_name_is_named_and_another_order_is_not(built, reference):
    for path in reference.rglob("run.json"): change(path, "device", value="another machine")
    change(reference/"60_results/metrics.json", "differences", 0, "better", value="another one")
    change(reference/"resnet/seed-0/metrics.json", "model", value="another one")
    (row,) = compare_results(reference, built.folder/SMOKE).query("not ok").itertuples()
    assert (row.file, row.key) == ("resnet/seed-0/metrics.json", "model")


def test_missing_run_missing_number_and_changed_predictions_are_named(built, reference):
    shutil.rmtree(reference/"lightgbm")
    change(reference/"20_library/metrics.json", "forgotten", value=1)
    predictions = reference/"resnet/seed-0/predictions.parquet"
    predictions.write_bytes((reference/"baseline_cnn/seed-0/predictions.parquet").read_bytes())
    wrong = compare_results(reference, built.folder/SMOKE).query("not ok")
    assert {(row.file, row.key) for row in wrong.itertuples()} == {
        ("lightgbm/seed-0", "metrics.json"), ("20_library/metrics.json", "forgotten"),
        ("resnet/seed-0/predictions.parquet", "sha256")}


def test_another_parameter_is_named_first(built, reference):
    change(reference/"resnet/seed-0/run.json", "parameters", "epochs", value=7)
    (row,) = compare_results(reference, built.folder/SMOKE).query("not ok").itertuples()
    assert (row.file, row.key, row.reference, row.found) == ("resnet/seed-0/run.json", "parameters.epochs", 7, 2)


def test_damaged_file_is_named(built, reference):
    metrics = reference/"resnet/seed-0/metrics.json"
    metrics.write_text(metrics.read_text()[:50])
    assert f"{metrics} is damaged" in built.fail("python", "-m", "promoter_nb.paper", "verify", reference,
                                                 built.folder/SMOKE)


def test_committed_reference_is_complete():
    folder, profile = ROOT/"results/reference/quick", yaml.safe_load((ROOT/"config/quick.yaml").read_text())
    runs = {path.parent.relative_to(folder).as_posix() for path in folder.rglob("metrics.json")}
    assert {f"{model}/seed-{seed}" for model in profile["models"]
            for seed in profile["seeds"]} | set(profile["chapters"]) <= runs


@pytest.mark.parametrize("folder", sorted((ROOT/"results/reference").iterdir()), ids=lambda folder: folder.name)
def test_every_committed_reference_says_what_made_it(folder):
    runs = [path.parent for path in folder.rglob("metrics.json")]
    assert runs and all((run/"run.json").exists() for run in runs)


def test_profile_without_reference_is_refused_before_anything_is_computed():
    said = subprocess.run(["make", "-C", ROOT, "-o", "setup", "verify", "PROFILE=nowhere"], capture_output=True,
                          text=True)
    assert said.returncode and "results/reference/nowhere is not there; expected one of: " in said.stdout
    assert "quick" in said.stdout
