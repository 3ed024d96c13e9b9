"""What a profile will cost, as `make plan` says it: from snakemake's dry run and the reference results to a table."""
import subprocess
import sys

import pytest
import yaml
from conftest import ROOT

from promoter_nb.paper.claims import STUDIES

LARGER = ("models", "chapters")


def profile(name): return yaml.safe_load((ROOT/f"config/{name}.yaml").read_text())


def told(dry_run):
    command = [sys.executable, "-m", "promoter_nb.paper", "plan"]
    return subprocess.run(command, input=dry_run, capture_output=True, text=True)


def test_the_full_profile_misses_nothing_that_the_laptop_has():
    full, laptop, known = profile("full"), profile("laptop"), profile("models")
    missing = {kind: sorted(laptop[kind].keys() - full[kind].keys()) for kind in LARGER}
    settings = lambda sizes, study: {*sizes[study].get("settings", known[study])}
    missing |= {study: sorted(settings(laptop, study) - settings(full, study)) for study in STUDIES}
    assert not any(missing.values()), missing


@pytest.mark.parametrize("study", STUDIES)
def test_studies_of_the_full_profile_train_as_long_as_those_of_the_laptop(study):
    full, laptop = (profile(name)[study] for name in ("full", "laptop"))
    assert all(full.get(key) == laptop.get(key) for key in ("epochs", "muon_epochs", "seeds"))
    assert full["promoters"] > laptop["promoters"]


def test_every_job_of_a_profile_has_a_line_and_a_cost():
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--nolock", "--configfile", "config/full.yaml",
               "--config", "profile=full", "results=nowhere", "--dry-run", "--printshellcmds"]
    dry_run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert dry_run.returncode == 0, dry_run.stderr
    found = told(dry_run.stdout)
    assert found.returncode == 0, found.stderr
    jobs = dry_run.stdout.count("promoter_nb.paper.papermill_engine")
    assert f"{jobs} jobs, " in found.stdout and "train networks" in found.stdout
    runs = (*profile("full")["models"], "ablations/float32", "frontier/legnet", "62_attribution")
    assert not [run for run in runs if f" {run} " not in found.stdout]


def test_no_plan_without_jobs():
    found = told("DATA=nowhere.txt is not a file")
    assert found.returncode == 1 and "nowhere.txt" in found.stderr and "Traceback" not in found.stderr
