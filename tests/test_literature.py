"""Notebooks are literature: more than a little prose, small cells, a picture, and an end that says what was found."""
import ast
import json
from dataclasses import dataclass
from statistics import median

import pytest
from conftest import ROOT


@dataclass(frozen=True)
class Style:
    "What a folder of notebooks is held to."
    prose: float                    # least share of each notebook's characters
    figure: bool = False            # whether each has a picture
    last: str | None = None         # its last heading
    apart: tuple[str, ...] = ()     # notebooks that only build something


# The median length of cells is one of the whole folder, the share of prose one of each notebook.
FOLDERS = {"experiments": Style(prose=0.4, figure=True, last="## What was found", apart=("90_report",)),
           "tutorials": Style(prose=0.6, figure=True)}
# Calls that draw: axes made by hand, or a whole figure of the library.
DRAWING = {"new_figure", "draw_models", "draw_comparison", "density", "label_histogram", "learning_curves",
           "r2_by_model", "validation_density"}
LONGEST_LINE, LONGEST_CELL, MEDIAN_CELL, COPY = 120, 40, 6, 10


def read(folder):
    paths = (path for path in sorted((ROOT/"nbs"/folder).rglob("*.ipynb")) if ".ipynb_checkpoints" not in path.parts)
    return {path.stem: json.loads(path.read_text())["cells"] for path in paths
            if path.stem not in FOLDERS[folder].apart}


NOTEBOOKS = [pytest.param(FOLDERS[folder], cells, id=f"{folder}/{name}") for folder in FOLDERS
             for name, cells in read(folder).items()]


def sources(cells, kind): return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == kind]
def lengths(cells): return [len(source.splitlines()) for source in sources(cells, "code")]


def drawn(cells):
    "Pictures among the outputs that are kept."
    return [output for cell in cells for output in cell.get("outputs", []) if "image/svg+xml" in output.get("data", {})]


def calls(cells):
    "Names of the functions that the cells call."
    nodes = (node for source in sources(cells, "code") for node in ast.walk(ast.parse(source)))
    return {node.func.id for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}


@pytest.mark.parametrize("folder", FOLDERS)
def test_cells_are_short(folder):
    found = [length for cells in read(folder).values() for length in lengths(cells)]
    assert median(found) < MEDIAN_CELL


@pytest.mark.parametrize("style, cells", NOTEBOOKS)
def test_no_cell_is_long(style, cells):
    assert max(lengths(cells)) < LONGEST_CELL


@pytest.mark.parametrize("style, cells", NOTEBOOKS)
def test_no_line_of_code_is_long(style, cells):
    assert not [line for source in sources(cells, "code") for line in source.splitlines() if len(line) > LONGEST_LINE]


@pytest.mark.parametrize("style, cells", NOTEBOOKS)
def test_prose_has_its_share(style, cells):
    prose, code = (sum(map(len, sources(cells, kind))) for kind in ("markdown", "code"))
    assert prose >= style.prose*(prose + code), f"{prose/(prose + code):.3f}"


@pytest.mark.parametrize("style, cells", NOTEBOOKS)
def test_a_heading_has_a_sentence_under_it(style, cells):
    bare = []
    for source in sources(cells, "markdown"):
        blocks = [block.strip() for block in source.split("\n\n")] + [""]
        bare += [block for block, after in zip(blocks, blocks[1:]) if block.startswith("#")
                 and (not after or after.startswith("#"))]
    assert not bare


@pytest.mark.parametrize("style, cells", [case for case in NOTEBOOKS if case.values[0].figure])
def test_there_is_a_picture(style, cells):
    assert calls(cells) & DRAWING or drawn(cells)


@pytest.mark.parametrize("style, cells", [case for case in NOTEBOOKS if case.values[0].last])
def test_it_ends_on_what_was_found(style, cells):
    headings = [line for source in sources(cells, "markdown") for line in source.splitlines() if line.startswith("## ")]
    assert headings[-1] == style.last
    last = sources(cells[-1:], "code")
    assert last and last[0].splitlines()[-1].startswith("print(say(")


def test_no_code_stands_in_two_notebooks():
    "Lines in a row that two notebooks share, blank ones left out."
    places = {}
    for folder in FOLDERS:
        for name, cells in read(folder).items():
            lines = [line.strip() for source in sources(cells, "code") for line in source.splitlines() if line.strip()]
            for start in range(len(lines) - COPY):
                places.setdefault(tuple(lines[start:start + COPY + 1]), set()).add(name)
    assert not [(lines[0], names) for lines, names in places.items() if len(names) > 1]
