"""The frontier of R² and cost: known runs, and what the chapter makes of them."""
import json

import pandas as pd
import pytest

from promoter_nb.paper.sentences import say


def write_run(folder, model, title, r2, core_seconds):
    "A run as 40_network leaves it."
    score = {"value": r2[-1], "low": r2[-1] - 0.01, "high": r2[-1] + 0.01}
    metrics = {"model": title, "train": {"r2": score, "rows": 900}, "validation": {"r2": score, "rows": 100}}
    (folder/"training").mkdir(parents=True)
    (folder/"metrics.json").write_text(json.dumps(metrics))
    (folder/"run.json").write_text(json.dumps({"parameters": {"model": model, "options": {}}}))
    pd.DataFrame({"validation_R2": r2, "core_seconds": core_seconds}).to_csv(folder/"training"/"log.csv", index=False)


@pytest.fixture
def frontier(checkout):
    "Runs the chapter on the runs of some settings."
    def run(settings):
        for setting, options in settings.items(): write_run(checkout.folder/f"results/runs/{setting}/seed-0", *options)
        runs = json.dumps([f"results/runs/{setting}/seed-0" for setting in settings])
        checkout.run("papermill", "nbs/experiments/67_frontier.ipynb", "out.ipynb", "--no-progress-bar",
                     "-y", f"{{runs: {runs}, output: results/mine, figures: figures/mine}}")
        assert (checkout.folder/"figures/mine/frontier.svg").stat().st_size > 1000
        return json.loads((checkout.folder/"results/mine/metrics.json").read_text())
    return run


def test_costs_add_up_and_the_first_pass_that_is_as_good_counts(frontier):
    metrics = frontier({"legnet": ("legnet", "LegNet", [0.6, 0.8], [400.4, 399.6]),
                        "strand_resnet_3": ("strand_resnet", "strand ResNet", [0.7, 0.8, 0.9], [20.0, 20.0, 24.0])})
    assert list(metrics["runs"]) == ["strand_resnet_3", "legnet"]  # the cheapest first
    assert metrics["runs"]["legnet"] | {"validation": None} == {
        "model": "LegNet", "passes": 2, "weights": 1_723_330, "validation": None, "r2": [0.6, 0.8],
        "last_pass": pytest.approx(0.2), "core_seconds": [400, 800]}
    assert metrics["reached"] == [
        {"setting": "strand_resnet_3", "model": "strand ResNet", "pass": 2, "core_seconds": 40, "cost": 0.05}]
    assert metrics["promoters"] == 900 and metrics["held_out"] == 100
    assert "after 40 core-seconds (5.0\u00a0% of LegNet’s)." in say("67_frontier", metrics)


def test_without_legnet_nothing_is_reached(frontier):
    metrics = frontier({"baseline_cnn": ("baseline_cnn", "CNN", [0.5], [10.0])})
    assert metrics["reached"] == [] and "LegNet" not in say("67_frontier", metrics)
