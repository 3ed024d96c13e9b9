"""The report's command, end to end: the same bytes again, only what changed, and on after a kill."""
import json
import os
import shutil
import signal
import time
from base64 import b64decode
from pathlib import Path

import pytest

from conftest import Checkout

METRICS = "results/simulated/smoke/**/metrics.json"


def metrics(checkout):
    "All results but the checksum of the PDF, whose list of runs tells what each of them cost."
    return {path.relative_to(checkout.folder): path.read_bytes() for path in checkout.folder.glob(METRICS) if path.parent.name != "90_report"}


def run_files(checkout):
    return {path.parent.relative_to(checkout.folder): path.stat().st_mtime_ns for path in checkout.folder.glob("results/simulated/smoke/**/run.json")}


def begun(checkout):
    "Runs that had begun and not ended, results written or not: Snakemake names their files."
    return {Path(b64decode(mark.name).decode()).parent for mark in (checkout.folder/".snakemake/incomplete").iterdir()}


def values(checkout):
    "All that the PDF is made from, without what the runs cost."
    found = json.loads((checkout.folder/"results/simulated/smoke/90_report/values.json").read_text())
    for group in found["runs"]:
        for run in group["rows"]: run.pop("seconds"), run.pop("memory")
    return found


def test_report_has_every_model_and_names_its_data(built):
    values = json.loads((built.folder/"results/simulated/smoke/90_report/values.json").read_text())
    assert {row["model"] for row in values["models"]} == {"LightGBM", "CNN", "ResNet"}
    assert values["data"]["rows_used"] == "4,000" and len(values["data"]["sha256"]) == 64
    assert (built.folder/"report/report.pdf").read_bytes().startswith(b"%PDF")


def test_ablations_have_effects_over_seeds(built):
    metrics = json.loads((built.folder/"results/simulated/smoke/61_ablations/metrics.json").read_text())
    (effect,) = metrics["claims"]["K2"]
    r2 = lambda setting, seed: json.loads((built.folder/f"results/simulated/smoke/ablations/{setting}/seed-{seed}/metrics.json").read_text())["validation"]["r2"]["value"]
    assert effect["value"] == pytest.approx(sum(r2("resnet", seed) - r2("deep_cnn", seed) for seed in (0, 1))/2)
    assert effect["setting"] == "resnet" and effect["against"] == "deep_cnn" and effect["seeds"] == 2


def test_ledger_has_a_verdict_for_each_claim_and_kind_of_data(built):
    ledger = json.loads((built.folder/"results/simulated/smoke/90_report/values.json").read_text())["ledger"]
    claims = json.loads((built.folder/"report/claims.json").read_text())
    assert {claim["id"] for claim in ledger} == {code for code, claim in claims.items() if "evidence" in claim}
    assert [claim["id"] for claim in ledger][:10] == [f"K{number}" for number in range(1, 11)]
    for claim in ledger:
        for kind in ("simulated", "measured"): assert (claim[kind] == "") == (kind not in {row["kind"] for row in claim["rows"]}), claim["id"]
        simulated = [row["own"] for row in claim["rows"] if row["kind"] == "simulated"]
        assert all(simulated) or not any(simulated), f"{claim['id']} is judged by two simulated libraries"


def test_run_says_what_made_it(built):
    run = json.loads((built.folder/"results/simulated/smoke/resnet/seed-0/run.json").read_text())
    assert run["parameters"]["seed"] == 0 and run["data"]["rows"] == 4000
    assert {"commit", "source", "packages", "wall_seconds", "peak_memory_mb", "device"} <= set(run)


def test_second_build_does_nothing(built):
    before = run_files(built)
    assert "Nothing to be done" in built.run(*[word for word in built.report_command() if word not in ("--quiet", "rules")])
    assert run_files(built) == before


def test_killed_in_training_goes_on_and_ends_with_the_same_bytes(built, tmp_path):
    checkout = Checkout(tmp_path/"killed")
    process = checkout.start(*checkout.report_command(), start_new_session=True)
    log = checkout.folder/"results/simulated/smoke/resnet/seed-0/training/log.csv"
    wait_for(lambda: log.exists() and len(log.read_text().splitlines()) > 1, process)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    finished = {run: time for run, time in run_files(checkout).items() if run not in begun(checkout)}
    assert finished and log.parents[1].relative_to(checkout.folder) in begun(checkout) and not (checkout.folder/"report/report.pdf").exists()
    checkout.run(*checkout.report_command())
    assert finished.items() <= run_files(checkout).items()
    assert [line.split(",")[0] for line in log.read_text().splitlines()[1:]] == ["1", "2"]
    assert metrics(checkout) == metrics(built)
    assert values(checkout) == values(built)


def test_deleted_run_and_report_come_back(built):
    before, pdf = metrics(built), (built.folder/"report/report.pdf").read_bytes()
    (built.folder/"report/report.pdf").unlink()
    built.run(*built.report_command())
    assert (built.folder/"report/report.pdf").read_bytes() == pdf
    shutil.rmtree(built.folder/"results/simulated/smoke/baseline_cnn")
    (built.folder/"figures/simulated/smoke/composition.svg").unlink()
    built.run(*built.report_command())
    assert metrics(built) == before and (built.folder/"figures/simulated/smoke/composition.svg").exists()


def wait_for(happened, process, seconds=300):
    for _ in range(seconds*20):
        if happened(): return
        assert process.poll() is None, process.communicate()[0][-4000:]
        time.sleep(0.05)
    raise AssertionError("it did not happen in time")


def test_measured_promoters_without_any_reference_results(checkout, measured):
    for folder in ("results", "figures"): shutil.rmtree(checkout.folder/folder)
    profile = checkout.folder/"config/smoke.yaml"
    profile.write_text(profile.read_text().split("  baseline_cnn")[0])
    checkout.run(*checkout.report_command(data=measured/"dream2022_demo.txt"))
    (values,) = [json.loads(path.read_text()) for path in checkout.folder.glob("results/dream2022_demo-*/smoke/90_report/values.json")]
    assert values["data"]["name"] == "dream2022_demo" and values["data"]["rows_file"] == "6,370" and not values["simulated"]


def test_measured_promoters_are_not_asked_for_their_true_sites(checkout):
    (checkout.folder/"measured.txt").write_text("ACGT\t1\n")
    planned = checkout.run("snakemake", "--configfile", "config/laptop.yaml", "--config", "profile=laptop", "data=measured.txt", "--dry-run")
    assert "rule 63_filters:" in planned and "rule 62_attribution:" not in planned


def test_data_that_are_no_file_are_refused_at_once(checkout):
    assert "DATA=missing.txt is not a file" in checkout.fail(*checkout.report_command(data="missing.txt"))
    assert "DATA=nbs is not a file" in checkout.fail(*checkout.report_command(data="nbs"))


def test_changed_parameter_runs_that_experiment_only(built): # the last, since it changes what is built
    before = run_files(built)
    profile = built.folder/"config/smoke.yaml"
    profile.write_text(profile.read_text().replace("rounds: 20", "rounds: 21"))
    built.run(*built.report_command())
    changed = {folder.name if "seed" not in folder.name else folder.parent.name for folder, made in run_files(built).items() if made != before[folder]}
    assert changed == {"lightgbm", "60_results", "90_report"}
