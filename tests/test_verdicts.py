"""One verdict for each claim: the study's notebook on runs whose effects are known, and what it refuses."""
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st

from promoter_nb.evaluation.comparison import EXPECTED, VERDICTS, both_p_values, gain, holm, judge
from promoter_nb.paper.claims import judged
from promoter_nb.paper.primary import PrimaryError, comparisons, decide, differing, read_study, verdicts
from promoter_nb.paper.workflow import ablations

CLAIMS, PRIMARY = (json.loads((ROOT/"report"/name).read_text()) for name in ("claims.json", "primary.json"))
KNOWN = yaml.safe_load((ROOT/"config/models.yaml").read_text())["primary"]
NOISE = {"resnet": 0.5, "shallow_resnet": 0.7, "deep_cnn": 0.5, "one_strand": 0.3, "forest": 0.9}


def write_run(folder: Path, noise: float, labels: np.ndarray, made: dict, **change):
    "What a run of the study leaves, with predictions that are wrong by noise of some size."
    folder.mkdir(parents=True)
    error = noise*np.random.default_rng([int(folder.name[5:]), int(1000*noise)]).normal(size=len(labels))
    table = pd.DataFrame({"row": range(len(labels)), "label": labels, "prediction": labels + error})
    table.to_parquet(folder/"predictions.parquet")
    run = {"commit": "1a2b3c4d5e", "data": {"sha256": "ab"*32}, "wall_seconds": 1.5, **made} | change
    (folder/"run.json").write_text(json.dumps(run))
    network = made["notebook"] == "40_network"
    ended = {"passes": {"adamw": 20}, "ended": {"adamw": "flat"}} if network else {} # a forest has no end
    scores = {"validation": {"r2": {"value": 1 - noise**2}, "rows": len(labels)}, "train": {"rows": 9000}}
    (folder/"metrics.json").write_text(json.dumps({"model": folder.parent.name, **scores, **ended}))
    if network:
        pd.DataFrame({"phase": "adamw", "learning_rate": [1e-3, 1e-4]}).to_parquet(folder/"history.parquet")


@pytest.fixture
def study(tmp_path) -> Path:
    "Five seeds of some settings, as the configuration has them."
    settings = ablations({"promoters": 10_000, "settings": list(NOISE)}, KNOWN)
    labels = np.random.default_rng(1).normal(size=2000)
    for name, (notebook, parameters) in settings.items():
        if notebook == "40_network": parameters = {"model": "resnet", "weight_decay": 0.001} | parameters
        for seed in range(5):
            made = {"notebook": notebook, "parameters": parameters | {"seed": seed}}
            write_run(tmp_path/"primary"/name/f"seed-{seed}", NOISE[name], labels, made)
    return tmp_path


def folders(study): return sorted(study.glob("primary/*/seed-*"))


def change(path: Path, **values):
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_every_claim_names_its_comparisons_or_says_why_it_has_none():
    asked = comparisons(PRIMARY, judged(CLAIMS))
    without = {code for code in PRIMARY if "untested" in PRIMARY[code]}
    assert {row["claim"] for row in asked} | without == judged(CLAIMS).keys()
    assert PRIMARY.keys() == judged(CLAIMS).keys()
    for row in asked:
        assert row["setting"] in KNOWN and row["against"] in {*KNOWN, None} and row["expected"] in EXPECTED, row
        several = [other for other in asked if other["claim"] == row["claim"]]
        assert len(several) == 1 or all(other.get("part") for other in several), row["claim"]


def test_settings_of_a_comparison_differ_in_what_it_names_and_in_nothing_else():
    settings = ablations({"promoters": 10_000, "settings": list(KNOWN)}, KNOWN)
    for row in comparisons(PRIMARY, judged(CLAIMS)):
        if row["against"] is None: continue
        pair = settings[row["setting"]], settings[row["against"]]
        first, second = ({"notebook": notebook, "parameters": parameters} for notebook, parameters in pair)
        assert differing(first, second) == {*row["changes"]}, row


def test_notebook_decides_what_is_known(study):
    runs = [str(folder) for folder in folders(study)]
    parameters = yaml.safe_dump({"runs": runs, "output": str(study/"68"), "figures": str(study/"figures")})
    notebook = ["nbs/experiments/68_verdicts.ipynb", study/"68.ipynb", "--no-progress-bar", "-y", parameters]
    command = [sys.executable, "-m", "promoter_nb.paper.papermill_engine", *notebook]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    metrics = json.loads((study/"68/metrics.json").read_text())
    found = {row.get("part") or row["claim"]: row["verdict"] for row in metrics["verdicts"]}
    assert found == {"depth": "supported", "residual connections": "no difference", "augmentation": "contradicted",
                     "L6": "contradicted"}
    depth = next(row for row in metrics["verdicts"] if row.get("part") == "depth")
    assert depth["low"] < 0.7**2 - 0.5**2 < depth["high"] and depth["p"] <= depth["corrected"] <= 8*depth["p"]
    assert metrics["control"] == [] and len(metrics["missing"]) > 10 and (study/"figures/verdicts.svg").exists()


@pytest.mark.parametrize("harm, message", [
    (lambda run: shutil.rmtree(run), "K2: resnet and shallow_resnet have 4 seeds in common; a verdict needs 5"),
    (lambda run: change(run/"run.json", data={"sha256": "cd"*32}),
     "K2: resnet and shallow_resnet learned from different data"),
    (lambda run: change(run/"run.json", parameters=parameters_of(run) | {"weight_decay": 0.1}),
     "K2: resnet and shallow_resnet differ in weight_decay; expected only model"),
    (lambda run: pd.DataFrame({"row": [1], "label": [2.0]}).to_parquet(run/"predictions.parquet"),
     "K2: resnet and shallow_resnet were scored on different promoters"),
    (lambda run: pd.DataFrame({"phase": "adamw", "learning_rate": [1e-3]}).to_parquet(run/"history.parquet"),
     "K2: the learning rate of shallow_resnet was never cut"),
], ids=["four seeds", "other data", "another difference", "other promoters", "no plateau"])
def test_pair_that_is_not_fair_is_refused(study, harm, message):
    harm(study/"primary/shallow_resnet/seed-3")
    asked = [row for row in comparisons(PRIMARY, ["K2"]) if row["part"] == "depth"]
    with pytest.raises(PrimaryError) as refusal: verdicts(asked, read_study(folders(study)))
    assert message in str(refusal.value)


def parameters_of(folder): return json.loads((folder/"run.json").read_text())["parameters"]


def test_nothing_is_found_where_nothing_is():
    "Two settings that are the same differ by chance in one study of twenty, and after correction in none of eighteen."
    rng, labels = np.random.default_rng(3), np.random.default_rng(4).normal(size=500)
    draw = lambda: labels + 0.6*rng.normal(size=(5, 500))
    found = {number: both_p_values(gain(labels, draw(), draw(), draws=100))["effect"] for number in range(120)}
    assert sum(p < 0.05 for p in found.values()) <= 14 # 6 are expected; more than 14 in one of a thousand
    assert min(holm({number: found[number] for number in range(18)}).values()) > 0.05


@given(st.floats(-0.2, 0.2), st.floats(1e-4, 0.1), st.floats(2, 1000), st.sampled_from(EXPECTED), st.floats(1e-3, 0.1))
def test_verdict_is_one_of_four_and_turns_with_the_sign(value, error, freedom, expected, margin):
    effect = {"value": value, "error": error, "freedom": freedom}
    p = both_p_values(effect, expected, margin)
    verdict = judge(effect, p, expected)
    assert all(0 <= chance <= 1 for chance in p.values()) and verdict in VERDICTS
    turned = effect | {"value": -value}
    if expected == "gain":
        other = judge(turned, both_p_values(turned, "gain", margin), "gain")
        assert {verdict, other} in ({"supported", "contradicted"}, {"no difference"}, {"unresolved"})
    if expected == "no difference": assert judge(turned, p, expected) == verdict


@given(st.dictionaries(st.integers(0, 50), st.floats(0, 1), max_size=12))
def test_holm_keeps_the_order_and_never_lowers_a_p_value(p_values):
    corrected = holm(p_values)
    assert list(corrected) == list(p_values) and all(p_values[name] <= corrected[name] <= 1 for name in p_values)
    ranked = sorted(p_values, key=p_values.get)
    assert [corrected[name] for name in ranked] == sorted(corrected.values())


@pytest.mark.parametrize("path", sorted(ROOT.glob("results/reference/*/6[89]_*/metrics.json")),
                         ids=lambda path: "-".join(path.parts[-3:-1]))
def test_a_kept_verdict_follows_from_its_kept_effect(path):
    kept = json.loads(path.read_text())
    rows = kept["verdicts"] + kept.get("beside", [])
    for row, decided in zip(rows, decide(rows)):
        assert decided == row | {name: pytest.approx(row[name]) for name in ("p", "corrected", "power")}
