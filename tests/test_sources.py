"""Notebooks are the source: what is made from them is up to date."""
import ast
import json
import re
from statistics import median

import pytest
from conftest import ROOT

from promoter_nb.paper.outputs import is_current, notebooks_with_outputs

NOTEBOOKS = sorted((ROOT/"nbs").rglob("*.ipynb"))
SHOWN = notebooks_with_outputs(ROOT)
EXECUTED = sorted((ROOT/"results"/"reference").rglob("*.ipynb"))
EXPERIMENTS = sorted((ROOT/"nbs"/"experiments").glob("*.ipynb"))


def contents(folder, *patterns):
    found = [path for pattern in patterns for path in folder.rglob(pattern) if "reference" not in path.parts]
    return {path.relative_to(folder): path.read_bytes() for path in found}


def test_exporting_and_cleaning_change_nothing(checkout):
    before = contents(checkout.folder, "promoter_nb/**/*.py", "nbs/**/*.ipynb")
    checkout.run("nbdev_export")
    checkout.run("nbdev_clean")
    assert contents(checkout.folder, "promoter_nb/**/*.py", "nbs/**/*.ipynb") == before


def test_readme_is_made_from_its_notebook(checkout):
    checkout.run("jupyter", "nbconvert", "--to", "markdown", "--template-file", "nbs/readme.md.j2", "nbs/index.ipynb",
                 "--output-dir", ".", "--output", "README")
    (checkout.folder/"README.md").write_text(checkout.run("cat", "-s", "README.md"))
    assert (checkout.folder/"README.md").read_text() == (ROOT/"README.md").read_text()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_begins_with_title_and_summary(path):
    title, _, summary, *_ = "".join(json.loads(path.read_text())["cells"][0]["source"]).splitlines()
    assert title.startswith("# ") and summary.startswith("> ")


@pytest.mark.parametrize("path", sorted(set(NOTEBOOKS) - set(SHOWN)), ids=lambda path: path.stem)
def test_notebooks_of_library_and_experiments_keep_no_outputs(path):
    assert not any(cell.get("outputs") for cell in json.loads(path.read_text())["cells"])


@pytest.mark.parametrize("path", SHOWN, ids=lambda path: path.stem)
def test_stored_outputs_belong_to_the_code_and_the_model_of_today(path):
    assert is_current(path, ROOT), "run `make outputs` and commit what it changes"


@pytest.mark.parametrize("path", [*SHOWN, *EXECUTED], ids=lambda path: path.relative_to(ROOT).as_posix())
def test_stored_outputs_hold_no_path_of_a_machine(path):
    outputs = json.dumps([cell.get("outputs", []) for cell in json.loads(path.read_text())["cells"]])
    assert not re.search(r"(?<![\w.])/(?:tmp|home|root|Users|work)/", outputs)


@pytest.mark.parametrize("path", EXECUTED, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_executed_experiments_are_those_of_today(path):
    def code(notebook):
        cells = [cell for cell in json.loads(notebook.read_text())["cells"] if cell["cell_type"] == "code"]
        own = [cell for cell in cells if "injected-parameters" not in cell["metadata"].get("tags", [])]
        return ["".join(cell["source"]) for cell in own]
    name = json.loads((path.with_suffix("")/"run.json").read_text())["notebook"]
    assert code(path) == code(ROOT/f"nbs/experiments/{name}.ipynb"), "run `make reference` and commit what it changes"


@pytest.mark.parametrize("path", SHOWN[1:], ids=lambda path: path.stem)
def test_tutorials_are_mostly_prose_and_show_a_picture(path):
    cells = json.loads(path.read_text())["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    prose = sum(len("".join(cell["source"])) for cell in cells if cell["cell_type"] == "markdown")
    assert prose >= 0.6*(prose + sum(map(len, code)))
    assert median(source.count("\n") + 1 for source in code) <= 5
    assert any("image/svg+xml" in output.get("data", {}) for cell in cells for output in cell.get("outputs", []))


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: path.stem)
def test_parameters_are_typed_and_explained(path):
    cells = json.loads(path.read_text())["cells"]
    (source,) = ["".join(cell["source"]) for cell in cells if "parameters" in cell["metadata"].get("tags", [])]
    assert all(isinstance(node, ast.AnnAssign) for node in ast.parse(source).body)
    assert all("  # " in line for line in source.splitlines())
