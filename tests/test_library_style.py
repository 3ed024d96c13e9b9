"""How the notebooks of the library read: short cells, lines that fit on a screen, and a sentence under each heading."""
import json
import re
from pathlib import Path
from statistics import median

import pytest

LIBRARY = Path(__file__).parents[1]/"nbs"/"library"
NOTEBOOKS = sorted(path for path in LIBRARY.rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts)


def cells(path, kind):
    return ["".join(cell["source"]) for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == kind]


def code_lines(path):
    return [source.strip().splitlines() for source in cells(path, "code") if source.strip()]


def bare_headings(path):
    "Headings that are followed by code, by another heading, or by nothing."
    blocks = [source for source in cells(path, "markdown")]
    lines = [[line for line in block.splitlines() if line.strip()] for block in blocks]
    return [line for block in lines for line, after in zip(block, [*block[1:], "#"]) if line.startswith("#")
            and after.startswith("#")]


def by_path(path): return path.relative_to(LIBRARY).as_posix()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=by_path)
def test_no_cell_is_long(path):
    longest = max(code_lines(path), key=len)
    assert len(longest) < 40, "\n".join(longest)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=by_path)
def test_a_heading_has_a_sentence_under_it(path):
    assert not bare_headings(path)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=by_path)
def test_exported_lines_fit_on_a_screen(path):
    exported = [source for source in cells(path, "code") if source.startswith("#| export")]
    assert not [line for source in exported for line in source.splitlines() if len(line) > 120]


def test_the_median_cell_is_short():
    assert median(len(lines) for path in NOTEBOOKS for lines in code_lines(path)) < 6


@pytest.mark.parametrize("path", NOTEBOOKS, ids=by_path)
def test_public_docstrings_hold_no_codes_of_claims(path):
    exported = [source for source in cells(path, "code") if source.startswith("#| export")]
    assert not [line for source in exported for line in source.splitlines() if re.search(r"\(claims? [A-Z]\d", line)]


def test_a_constant_has_one_home():
    "Names of constants are read far from where they are set, so none stands for two things."
    assigned = [re.match(r"([A-Z][A-Z_0-9]*)(?:: [^=]+)? = ", line) for path in NOTEBOOKS
                for source in cells(path, "code") if source.startswith("#| export\n") for line in source.splitlines()]
    names = [found[1] for found in assigned if found]
    assert not {name for name in names if names.count(name) > 1}
