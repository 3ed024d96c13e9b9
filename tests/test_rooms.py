"""The rooms of the library: notebooks stand where their modules do, and imports run down only."""
import ast
import json
import re
from importlib.util import resolve_name

import pytest
from conftest import ROOT

PACKAGE, NOTEBOOKS = ROOT/"promoter_nb", ROOT/"nbs"/"library"
# The floors of the house, the lowest first. A room imports from rooms below it, or from itself.
FLOORS = [{"data"}, {"models", "features", "evaluation"}, {"training", "simulate", "classical", "plots"},
          {"interpretation", "paper"}, {"inference"}, {"cli", "app"}]
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
MODULES = [path for path in sorted(PACKAGE.rglob("*.py"))
           if path.name not in ("__init__.py", "__main__.py", "_modidx.py")]


def name(module): return ".".join(module.relative_to(ROOT).with_suffix("").parts)


def room(dotted): return dotted.split(".")[1]


def imports(module):
    "Modules of the library that a module imports, anywhere in its code."
    package = name(module).rpartition(".")[0]
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import): found = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = resolve_name("."*node.level + (node.module or ""), package) if node.level else node.module
            found = [f"{base}.{alias.name}" for alias in node.names] + [base]
        else: continue
        yield from (other for other in found if other.startswith("promoter_nb.") and other in KNOWN)


KNOWN = {name(module): module for module in MODULES}


def test_only_the_command_line_stands_outside_of_the_rooms():
    assert [path.stem for path in PACKAGE.glob("*.py") if not path.stem.startswith("_")] == ["cli"]
    assert {path.parent.name for path in MODULES if path.parent != PACKAGE} == FLOOR.keys() - {"cli"}


@pytest.mark.parametrize("module", MODULES, ids=name)
def test_imports_run_down(module):
    here = room(name(module))
    up = [other for other in imports(module) if room(other) != here and FLOOR[room(other)] >= FLOOR[here]]
    assert not up, f"{name(module)} on floor {FLOOR[here]} imports {up}"


def test_no_imports_run_in_a_circle():
    waiting = {dotted: set(imports(module)) - {dotted} for dotted, module in KNOWN.items()}
    while free := [dotted for dotted, needs in waiting.items() if not needs & waiting.keys()]:
        for dotted in free: del waiting[dotted]
    assert not waiting


def test_a_notebook_is_named_like_its_module_and_numbered_once_in_its_room():
    for path in NOTEBOOKS.rglob("*.ipynb"):
        if ".ipynb_checkpoints" in path.parts: continue
        text = "\n".join("".join(cell["source"]) for cell in json.loads(path.read_text())["cells"]
                         if cell["cell_type"] == "code")
        (exported,) = re.findall(r"^#\| default_exp ([\w.]+)", text, re.MULTILINE)
        assert exported == ".".join([*path.parent.relative_to(NOTEBOOKS).parts, path.stem[3:]])
    for folder in [NOTEBOOKS, *(path for path in NOTEBOOKS.iterdir() if path.is_dir())]:
        numbers = [path.name[:2] for path in folder.glob("*.ipynb")]
        assert all(map(str.isdigit, numbers)) and len(numbers) == len(set(numbers)), folder
