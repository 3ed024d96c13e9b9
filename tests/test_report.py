"""The report's command, end to end: the same bytes again, only what changed, and on after a kill."""
import json
import shutil
from pathlib import Path

import pytest
from conftest import results_of


def test_report_has_every_model_and_names_its_data(built):
    values = json.loads((built.folder/"results/simulated/smoke/90_report/values.json").read_text())
    assert {row["model"] for row in values["models"]} == {"LightGBM", "CNN", "ResNet"}
    assert values["data"]["rows_used"] == "4,000" and len(values["data"]["sha256"]) == 64
    assert (built.folder/"report/report.pdf").read_bytes().startswith(b"%PDF")


def test_ablations_have_effects_over_seeds(built):
    metrics = json.loads((built.folder/"results/simulated/smoke/61_ablations/metrics.json").read_text())
    (effect,) = metrics["claims"]["K2"]
    runs = built.folder/"results/simulated/smoke/ablations"
    read = lambda setting, seed: json.loads((runs/setting/f"seed-{seed}/metrics.json").read_text())
    r2 = lambda *run: read(*run)["validation"]["r2"]["value"]
    assert effect["value"] == pytest.approx(sum(r2("resnet", seed) - r2("deep_cnn", seed) for seed in (0, 1))/2)
    assert effect["setting"] == "resnet" and effect["against"] == "deep_cnn" and effect["seeds"] == 2


def test_ledger_has_a_verdict_for_each_claim_and_kind_of_data(built):
    ledger = json.loads((built.folder/"results/simulated/smoke/90_report/values.json").read_text())["ledger"]
    claims = json.loads((built.folder/"report/claims.json").read_text())
    assert {claim["id"] for claim in ledger} == {code for code, claim in claims.items() if "evidence" in claim}
    assert [claim["id"] for claim in ledger][:10] == [f"K{number}" for number in range(1, 11)]
    for claim in ledger:
        for kind in ("simulated", "measured"): assert (claim[kind] == "") == (claim["primary"][kind] == []), claim["id"]
        simulated = [row["own"] for row in claim["rows"] if row["kind"] == "simulated"]
        assert all(simulated) or not any(simulated), f"{claim['id']} is shown on two simulated libraries"


def test_run_says_what_made_it(built):
    run = json.loads((built.folder/"results/simulated/smoke/resnet/seed-0/run.json").read_text())
    assert run["parameters"]["seed"] == 0 and run["data"]["rows"] == 4000
    assert {"commit", "source", "packages", "wall_seconds", "peak_memory_mb", "device"} <= set(run)


def test_second_build_does_nothing(built):
    before = built.runs()
    assert "Nothing to be done" in built.run(*[word for word in built.report_command()
                                               if word not in ("--quiet", "rules")])
    assert built.runs() == before


def test_killed_in_training_goes_on_where_it_was(built):
    learning = Path("results/simulated/smoke/resnet/seed-0")
    assert built.finished and learning in built.left
    assert built.finished.items() <= built.first.items()
    log = (built.folder/learning/"training/log.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in log[1:]] == ["1", "2"]


@pytest.mark.long
def test_deleted_run_and_report_come_back(built):
    before, pdf = results_of(built.folder), (built.folder/"report/report.pdf").read_bytes()
    (built.folder/"report/report.pdf").unlink()
    built.run(*built.report_command())
    assert (built.folder/"report/report.pdf").read_bytes() == pdf
    shutil.rmtree(built.folder/"results/simulated/smoke/baseline_cnn")
    (built.folder/"figures/simulated/smoke/composition.svg").unlink()
    built.run(*built.report_command())
    assert results_of(built.folder) == before and (built.folder/"figures/simulated/smoke/composition.svg").exists()


@pytest.mark.long
def test_measured_promoters_without_any_reference_results(checkout, measured):
    for folder in ("results", "figures"): shutil.rmtree(checkout.folder/folder)
    profile = checkout.folder/"config/smoke.yaml"
    profile.write_text(profile.read_text().split("  baseline_cnn")[0])
    checkout.run(*checkout.report_command(data=measured/"dream2022_demo.txt"))
    (values,) = [json.loads(path.read_text())
                 for path in checkout.folder.glob("results/dream2022_demo-*/smoke/90_report/values.json")]
    assert values["data"]["name"] == "dream2022_demo" and values["data"]["rows_file"] == "6,370"
    assert not values["simulated"]


def test_measured_promoters_are_not_asked_for_their_true_sites(checkout):
    (checkout.folder/"measured.txt").write_text("ACGT\t1\n")
    planned = checkout.run("snakemake", "--configfile", "config/laptop.yaml", "--config", "profile=laptop",
                           "data=measured.txt", "--dry-run")
    assert "rule 63_filters:" in planned and "rule 62_attribution:" not in planned


def test_data_that_are_no_file_are_refused_at_once(checkout):
    assert "DATA=missing.txt is not a file" in checkout.fail(*checkout.report_command(data="missing.txt"))
    assert "DATA=nbs is not a file" in checkout.fail(*checkout.report_command(data="nbs"))


def test_changed_parameter_runs_that_experiment_only(built): # the last, since it changes what is built
    before = built.runs()
    profile = built.folder/"config/smoke.yaml"
    profile.write_text(profile.read_text().replace("rounds: 20", "rounds: 21"))
    built.run(*built.report_command())
    changed = {folder.name if "seed" not in folder.name else folder.parent.name for folder, made in built.runs().items()
               if made != before[folder]}
    assert changed == {"lightgbm", "60_results", "90_report"}
