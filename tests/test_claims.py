"""What the 2022 report says, code by code: each code that is used is defined, and public docstrings need none."""
import ast
import json
import re

import pytest
from conftest import ROOT

CLAIMS = json.loads((ROOT/"report/claims.json").read_text())
CODE = re.compile(r"\b[DPMTFLNRK]\d+\b")
# Codes stand in brackets, with others perhaps, or behind the word "claim".
USE = re.compile(r"\((?:[DPMTFLNRK]\d+(?:, | and | to )?)+\)|"
                 r"\bclaims?:?\W{1,3}[DPMTFLNRK]\d+(?:(?:, | and | to )[DPMTFLNRK]\d+)*")
SOURCES = [path for pattern in ("nbs/**/*.ipynb", "report/*.typ", "config/*.yaml", "promoter_nb/**/*.py")
           for path in sorted(ROOT.glob(pattern))
           if ".ipynb_checkpoints" not in path.parts]


def used(text): return {code for use in USE.findall(text) for code in CODE.findall(use)}


def test_all_of_the_2022_report_is_there_in_its_order():
    counts = {"D": 3, "P": 9, "M": 5, "T": 3, "F": 2, "L": 6, "N": 5, "R": 4, "K": 10}
    assert list(CLAIMS) == [f"{letter}{number}" for letter, count in counts.items() for number in range(1, count + 1)]
    for code, claim in CLAIMS.items():
        assert claim["claim"].endswith(".") and claim["section"] and claim["experiments"], code


def test_codes_are_found_where_they_are_used():
    text = "depth (K2) and claims L1 to L5, beside (M1, M4); `claim: \"T3\"`"
    assert used(text) == {"K2", "L1", "L5", "M1", "M4", "T3"}
    assert used("GC (see K2) in DREAM2022") == set()


def test_every_code_that_is_used_is_defined():
    found = {path.relative_to(ROOT): used(path.read_text()) for path in SOURCES}
    assert len(set.union(*found.values())) > 40
    assert not {path: codes - CLAIMS.keys() for path, codes in found.items() if codes - CLAIMS.keys()}


def test_every_experiment_that_a_claim_names_is_a_notebook():
    known = {path.stem for path in (ROOT/"nbs/experiments").glob("*.ipynb")}
    assert not {code: claim["experiments"] for code, claim in CLAIMS.items()
                if not known.issuperset(claim["experiments"])}


def test_published_numbers_are_those_of_the_table():
    for code, row in json.loads((ROOT/"report/published.json").read_text())["r2"].items():
        for part in ("train", "validation"): assert str(row[part]) in CLAIMS[code]["published"], (code, part)


@pytest.mark.parametrize("module", sorted(ROOT.glob("promoter_nb/**/*.py")), ids=lambda path: path.stem)
def test_public_docstrings_hold_no_code(module):
    kinds = (ast.Module, ast.FunctionDef, ast.ClassDef)
    texts = [ast.get_docstring(node) or "" for node in ast.walk(ast.parse(module.read_text()))
             if isinstance(node, kinds)]
    assert not [text for text in texts if used(text)]
