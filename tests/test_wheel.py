"""The package as it is released: a wheel in an environment that holds what the wheel declares, and nothing else."""
import json
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterable
from importlib.metadata import Distribution, distribution, distributions
from pathlib import Path

import nbformat
import numpy as np
import pytest
from conftest import ROOT, UNWANTED, browser, served
from packaging.requirements import Requirement

from promoter_nb.app.page import EXAMPLE
from promoter_nb.inference.predictor import Predictor

ALONE = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "JUPYTER_PATH")}


def declared(found: Distribution, extras: Iterable[str] = (), known: dict | None = None) -> dict:
    "A distribution and all that it brings along, by name and extras."
    known, extras = {} if known is None else known, frozenset(extras)
    if (found.name, extras) in known: return known
    known[found.name, extras] = found
    for wanted in map(Requirement, found.requires or []):
        needed = wanted.marker is None or any(wanted.marker.evaluate({"extra": extra}) for extra in extras | {""})
        if needed: declared(distribution(wanted.name), wanted.extras, known)
    return known


def link(found: Distribution, packages: Path):
    "Make importable what is installed already: PyTorch would take minutes."
    for name in {file.parts[0] for file in found.files} - {"..", "__pycache__"}:
        if not (packages/name).exists(): (packages/name).symlink_to(found.locate_file(name))


class Installed:
    "The wheel in an environment of its own, and a working folder far from the sources."
    def __init__(self, folder: Path):
        self.environment, self.folder, source = folder/"environment", folder/"work", folder/"source"
        self.folder.mkdir(parents=True)
        shutil.copytree(ROOT/"promoter_nb", source/"promoter_nb", ignore=UNWANTED)
        for name in ("pyproject.toml", "README.md", "LICENSE"): shutil.copy(ROOT/name, source)
        self.uv("build", "--wheel", "--no-build-isolation", "--python", sys.executable, "--out-dir", folder, source)
        (self.wheel,) = folder.glob("*.whl")
        venv.create(self.environment)
        self.python = self.environment/"bin/python"
        self.uv("pip", "install", "--no-deps", "--python", self.python, self.wheel)
        (packages,) = self.environment.glob("lib/*/site-packages")
        (own,) = distributions(path=[str(packages)])
        for found in declared(own, ["page"]).values():
            if found is not own: link(found, packages)
        (self.environment/"share").symlink_to(Path(sys.prefix)/"share")

    def uv(self, *words):
        command = Path(sys.executable).with_name("uv"), *words, "--offline", "--no-config", "--quiet"
        subprocess.run(command, check=True)

    def run(self, program, *words, input=None) -> str:
        command = self.environment/"bin"/program, *words
        done = subprocess.run(command, cwd=self.folder, env=ALONE, input=input, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Installed:
    return Installed(tmp_path_factory.mktemp("wheel"))


def test_the_wheel_is_what_is_imported(installed):
    place = installed.run("python", "-c", "import promoter_nb; print(promoter_nb.__file__)").strip()
    assert Path(place).is_relative_to(installed.environment)
    assert installed.run("promoter-nb", "--version").strip() == installed.wheel.name.split("-")[1]


def test_the_bill_of_materials_names_what_the_wheel_brings_along(installed):
    program = Path(sys.executable).with_name("cyclonedx-py")
    told = subprocess.run([program, "environment", installed.environment], check=True, capture_output=True, text=True)
    parts = {part["name"]: part for part in json.loads(told.stdout)["components"]}
    assert {"promoter-nb", "torch", "numpy", "voila", "ipykernel"} <= parts.keys() and "pytest" not in parts
    assert parts["numpy"]["version"] == np.__version__ and parts["numpy"]["licenses"]


def test_it_predicts_and_draws_what_the_sources_do(installed):
    header, row = installed.run("promoter-nb", "predict", "-", input=EXAMPLE).splitlines()
    assert header.split("\t")[1] == "prediction"
    assert float(row.split("\t")[1]) == pytest.approx(Predictor.load().predict([EXAMPLE]).item(), abs=1e-4)
    explained = installed.run("promoter-nb", "explain", "-", "--logos", "logos", input=EXAMPLE)
    assert len(explained.splitlines()) > len(EXAMPLE) and any((installed.folder/"logos").iterdir())


def test_it_trains_and_designs(installed):
    rows = ["".join(row) for row in np.random.default_rng(5).choice(list("ACGT"), (300, 80))]
    (installed.folder/"measured.txt").write_text("".join(f"{row}\t{row.count('A')}\n" for row in rows))
    options = "--network", "baseline_cnn", "--option", "channels=8", "--epochs", "2"
    installed.run("promoter-nb", "train", "measured.txt", "model", *options)
    own = installed.run("promoter-nb", "predict", "measured.txt", "--model", "model")
    designed = installed.run("promoter-nb", "design", "-", "--edits", "2", "--model", "simulated", input=EXAMPLE)
    assert len(own.splitlines()) == 301 and len(designed.splitlines()) > 1


PAGE = ["from promoter_nb.app.page import Page", "Page().widget"]

def test_it_serves_the_page(installed):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("\n".join(PAGE))])
    nbformat.write(notebook, installed.folder/"page.ipynb")
    serving = served(installed.folder/"page.ipynb", python=installed.python, environment=ALONE)
    with browser() as chromium, serving as (_, address):
        tab = chromium.new_page()
        tab.set_default_timeout(120_000)
        tab.goto(address)
        shown = tab.wait_for_selector("#pn-prediction").inner_text()
    assert shown == f"{Predictor.load().predict([EXAMPLE]).item():.2f}"
