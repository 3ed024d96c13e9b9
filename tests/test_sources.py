"""Notebooks are the source: what is made from them is up to date."""
import ast
import json

import pytest
from conftest import ROOT

NOTEBOOKS = sorted((ROOT/"nbs").rglob("*.ipynb"))
EXPERIMENTS = sorted((ROOT/"nbs"/"experiments").glob("*.ipynb"))


def contents(folder, *patterns):
    return {path.relative_to(folder): path.read_bytes() for pattern in patterns for path in folder.rglob(pattern) if "reference" not in path.parts}


def test_exporting_and_cleaning_change_nothing(checkout):
    before = contents(checkout.folder, "promoter_nb/**/*.py", "nbs/**/*.ipynb")
    checkout.run("nbdev_export")
    checkout.run("nbdev_clean")
    assert contents(checkout.folder, "promoter_nb/**/*.py", "nbs/**/*.ipynb") == before


def test_readme_is_made_from_its_notebook(checkout):
    checkout.run("jupyter", "nbconvert", "--to", "markdown", "--template-file", "nbs/readme.md.j2", "nbs/index.ipynb", "--output-dir", ".", "--output", "README")
    assert (checkout.folder/"README.md").read_text() == (ROOT/"README.md").read_text()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_begins_with_title_and_summary_and_keeps_no_outputs(path):
    cells = json.loads(path.read_text())["cells"]
    title, _, summary, *_ = "".join(cells[0]["source"]).splitlines()
    assert title.startswith("# ") and summary.startswith("> ")
    assert not any(cell.get("outputs") for cell in cells)


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: path.stem)
def test_parameters_are_typed_and_explained(path):
    (source,) = ["".join(cell["source"]) for cell in json.loads(path.read_text())["cells"] if "parameters" in cell["metadata"].get("tags", [])]
    assert all(isinstance(node, ast.AnnAssign) for node in ast.parse(source).body)
    assert all("  # " in line for line in source.splitlines())
