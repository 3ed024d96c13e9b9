"""The reports beside the reference results say what those results say, and hold no trace of an empty value."""
import bisect
import json
import re
from functools import cache

import pytest
from conftest import ROOT
from pypdf import PdfReader

from promoter_nb.paper.report import kept_profiles, kept_values

KEPT = kept_profiles(ROOT)
TRACES = {"an empty list": r":\s*[.;]|;\s*[;.]|,\s*[,;.]", "empty brackets": r"\(\s*\)",
          "an empty value": r"\b(?:is|of|by|to|on|from|with|at|and) none\b|\bnone\s*[%(]|\bNone\b|\bnan\b",
          "a word twice": r"\b(?!supported|contradicted|unresolved)([A-Za-z]{2,})\s+\1\b",
          "a percent sign on a line of its own": r"\d\s*\n\s*%"}


EXAMPLES = "apart: . Figure", "are ( ).", "learned from none", "of of them", "36.0\n%"


def links_of(pdf):
    "Addresses that a PDF leads to."
    notes = [note.get_object() for page in PdfReader(pdf).pages for note in page.get("/Annots", [])]
    return {note["/A"]["/URI"] for note in notes if "/URI" in note.get("/A", {})}


def text_of(pdf): return "\n".join(page.extract_text() for page in PdfReader(pdf).pages)


@cache
def bare(text): return re.sub(r"[\s-]", "", text)  # lines break at spaces and hyphens


def printed(sentence, text, parts=3):
    "Whether a sentence stands in a text, in one piece or, across pages, in a few."
    found, text = bare(sentence), bare(text)
    for _ in range(parts):
        length = bisect.bisect(range(1, len(found) + 1), False, key=lambda end: found[:end] not in text)
        found = found[length:]
    return not found


def test_a_sentence_may_run_over_pages_but_not_lack_a_word():
    assert printed("R² is 36.0\u00a0% in all.", "Then R² is\n7\nFigure 3: …\n36.0 % in all. So")
    assert not printed("R² is 36.0\u00a0% in all.", "Then R² is 36.0 % in\n7\nmost.")
    assert not printed("It is low.", "It is\n7\nvery high.")


@pytest.fixture(scope="module")
def texts(): return {name: text_of(ROOT/"results/reference"/name/"report.pdf") for name in KEPT}


@pytest.mark.parametrize("trace, example", list(zip(TRACES.values(), EXAMPLES)))
def test_traces_are_known_when_they_are_seen(trace, example): assert re.search(trace, example)


def test_there_are_reports(): assert len(KEPT) >= 3


@pytest.mark.parametrize("name", KEPT)
def test_no_trace_of_an_empty_value(texts, name):
    found = {what: match[0] for what, trace in TRACES.items() for match in re.finditer(trace, texts[name])}
    assert not found


@pytest.mark.parametrize("name", KEPT)
def test_report_says_what_its_results_say(texts, name):
    values, text = kept_values(ROOT, name), texts[name]
    # measured promoters are not compared with the simulator's target
    measured = set() if values["simulated"] else {"calibration"}
    said = [sentence for chapter, sentence in values["said"].items() if chapter not in measured]
    others = [sentence for kind in ("verdicts", "notes", "captions") for sentence in values[kind].values()]
    missing = [sentence for sentence in said + others if not printed(sentence, text)]
    assert not missing, "make reference-reports typesets the kept reports again"


@pytest.mark.parametrize("name", KEPT)
def test_lines_beneath_figures_lead_to_notebooks(name):
    links = links_of(ROOT/"results/reference"/name/"report.pdf")
    notebooks = {link.split("/blob/")[1].partition("/")[2] for link in links if link.endswith(".ipynb")}
    assert len(notebooks) > 8 and any("/commit/" in link for link in links)
    kept = {path.relative_to(ROOT).as_posix() for path in (ROOT/"results/reference"/name).rglob("*.ipynb")}
    executed = {path for path in notebooks if path.startswith("results/")}
    assert executed <= kept and bool(executed) == bool(kept)
    assert not [path for path in notebooks - executed if not (ROOT/path).exists()]


@pytest.mark.parametrize("name", KEPT)
def test_a_borrowed_chapter_has_its_own_number_of_promoters(texts, name):
    values = kept_values(ROOT, name)
    for chapter, made in values["provenance"].items():
        if chapter not in ("leaves", "huber", "hyperparameters") or f"reference/{name}/" in made["line"]: continue
        folder = ROOT/made["line"].split(" · ")[1]
        asked = json.loads((folder/"run.json").read_text())["parameters"]
        promoters = asked.get("promoters", asked.get("sequences"))
        kind = "simulated" if asked["data"] == "simulated" else "measured"
        assert values["scope"][chapter] == f"{promoters:,} {kind} promoters of the reference results"
        assert printed(values["scope"][chapter], texts[name])
