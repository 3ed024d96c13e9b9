"""From a figure back to its data, through the commands that people use."""
import json
import re
import shutil

import pytest
from conftest import ROOT

from promoter_nb.paper import provenance


@pytest.fixture(scope="session")
def trace(built):
    return lambda *words: built.run("python", "-m", "promoter_nb.paper", "trace", *words)


def notebooks(text):
    return [line.strip() for line in text.splitlines() if line.strip().endswith(".ipynb")]


def test_figure_leads_to_its_models_and_their_data(built, trace):
    told = trace("figures/simulated/smoke/density.svg")
    names = ["60_results", "50_lightgbm", "20_library", "40_network", "40_network"]
    assert notebooks(told) == [f"nbs/experiments/{name}.ipynb" for name in names]
    run = json.loads((built.folder/"results/simulated/smoke/resnet/seed-0/run.json").read_text())
    assert run["commit"] in told and run["data"]["sha256"] in told and run["device"] in told
    assert f"{run['wall_seconds']:,.0f} s, {run['peak_memory_mb']:,} MB" in told and "epochs 2" in told


def test_every_figure_of_a_build_has_its_run(built):
    runs = built.folder.glob("results/simulated/smoke/**/run.json")
    drawn = sorted(name for path in runs for name in json.loads(path.read_text())["figures"])
    assert drawn == sorted(path.name for path in (built.folder/"figures/simulated/smoke").glob("*.svg"))


def test_table_of_the_report_by_its_label(trace):
    assert notebooks(trace("r2"))[0] == notebooks(trace("density"))[0] == "nbs/experiments/60_results.ipynb"


def test_every_figure_and_table_of_the_report_is_traced_by_its_label(built):
    text = "\n".join(path.read_text() for path in sorted((ROOT/"report").glob("*.typ")))
    labels = re.findall(r"\] <([\w-]+)>", text)
    assert len(labels) > 20
    assert {"r2", "r2-measured", "ledger", "comparisons", "runs", "autoencoder", "calibration"} <= set(labels)
    for label in labels:
        assert "nbs/experiments/" in provenance.trace(label, built.folder,
                                                      built.folder/"results/simulated/smoke"), label
    assert "results/reference/deboer2020" in provenance.trace("r2-measured", built.folder,
                                                              built.folder/"results/simulated/smoke").splitlines()[1]


def test_a_clone_traces_what_the_reference_reports_hold():
    for label in ("r2", "ledger", "runs"):
        assert provenance.trace(label, ROOT, ROOT/"results/reference/laptop").startswith("nbs/experiments/"), label


@pytest.mark.parametrize("figure", sorted((ROOT/"figures/reference").rglob("*.svg")),
                         ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_kept_figure_leads_to_a_notebook_that_is_there(figure):
    told = provenance.trace(str(figure), ROOT, ROOT/"results/reference/laptop")
    assert (ROOT/notebooks(told)[0]).exists()


def test_reference_results_were_made_by_code_that_is_kept():
    commits = {path: json.loads(path.read_text())["commit"] for path in (ROOT/"results/reference").rglob("run.json")}
    assert not [path for path, commit in commits.items() if not re.fullmatch("[0-9a-f]{10}", commit)]


def test_what_the_profile_leaves_out_is_traced_in_the_reference_results(trace):
    told = trace("leaves")
    assert notebooks(told)[0] == "nbs/experiments/55_leaves.ipynb" and "results/reference/laptop/55_leaves" in told


def test_ledger_and_list_of_runs_lead_to_every_run(built, trace):
    for table in ("ledger", "runs"): assert notebooks(trace(table))[0] == "nbs/experiments/90_report.ipynb"
    told = trace("ledger")
    for path in built.folder.glob("results/simulated/smoke/**/metrics.json"):
        assert str(path.parent.relative_to(built.folder)) in told


def test_copied_results_are_traced_within_the_copy(built, trace, tmp_path):
    shutil.copytree(built.folder/"results/simulated/smoke", built.folder/"results/kept/smoke")
    told = trace("density", "--results", "results/kept/smoke")
    assert "results/kept/smoke/resnet/seed-0" in told and "results/simulated" not in told.replace("output", "")
    shutil.rmtree(built.folder/"results/kept")


def test_changed_figure_and_unknown_name_are_refused(built, tmp_path):
    figure = tmp_path/"density.svg"
    figure.write_bytes((built.folder/"figures/simulated/smoke/density.svg").read_bytes() + b"<!-- -->")
    refusal = built.fail("python", "-m", "promoter_nb.paper", "trace", figure)
    assert "no run in" in refusal and "60_results" in refusal
    assert "which know" in built.fail("python", "-m", "promoter_nb.paper", "trace", "densities")
