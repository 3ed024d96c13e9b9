"""The page: its functions, and the page itself in a browser, by keyboard and at the width of a phone."""
import re
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from conftest import browser, the_page
from hypothesis import given, settings
from hypothesis import strategies as st

from promoter_nb.data.flanks import DOWNSTREAM, UPSTREAM
from promoter_nb.app.page import EXAMPLE, Page, caution, changes, mutate, read_core, result, view, warning
from promoter_nb.app.drawing import distribution, heat_map, logo, shade
from promoter_nb.inference.predictor import Predictor
from promoter_nb.data.prepare import SequenceError

bases = st.text("ACGTN", min_size=1, max_size=100).filter(lambda text: text.strip("N"))


@pytest.fixture(scope="module")
def predictor():
    return Predictor.load()


def test_a_model_with_flanks_of_its_own_cuts_those_alone():
    predictor = Predictor.load()
    predictor.flanks = "GGATCCGGATCC", "TTAATTAATTAA"
    oligo = UPSTREAM + EXAMPLE[:40] # which to this model is all core
    found = view(predictor, read_core(oligo, predictor.flanks))
    assert found.core == oligo and found.prediction == pytest.approx(float(predictor.predict([oligo])[0]))


@settings(max_examples=8, deadline=None)
@given(bases)
def test_a_view_says_what_the_predictor_says(sequence):
    predictor = Predictor.load()
    core = read_core(sequence)
    seen, table = view(predictor, core), predictor.table([core])
    assert (seen.prediction, *seen.interval, seen.unusual) == tuple(table.iloc[0])
    assert seen.effects.shape == (4, len(seen.shown)) and core.endswith(seen.shown)
    assert seen.contributions.position.tolist() == list(range(seen.first, len(core) + 1))


def test_each_cell_is_the_prediction_of_its_mutant(predictor):
    seen = view(predictor, EXAMPLE)
    mutants = [mutate(EXAMPLE, position, base) for base in "ACGT" for position in range(1, 81)]
    np.testing.assert_allclose(seen.effects.ravel(), predictor.predict(mutants) - seen.prediction, atol=1e-5)


def test_flanks_cases_headers_and_line_breaks_do_not_matter():
    pasted = [EXAMPLE, EXAMPLE.lower(), f"> mine\n{EXAMPLE[:30]}\r\n{EXAMPLE[30:]}\n", UPSTREAM + EXAMPLE + DOWNSTREAM,
              EXAMPLE.replace("T", "U")]
    assert {read_core(text) for text in pasted} == {EXAMPLE}


@pytest.mark.parametrize("text", ["", "   ", "ACGT!", "ACG-T", "ACGT5", "<b>", ">a\nAC\n>b\nGT", UPSTREAM + DOWNSTREAM])
def test_what_cannot_be_read_is_refused(text):
    with pytest.raises(SequenceError): read_core(text)


@given(st.text("ACGT", min_size=1, max_size=30), st.data())
def test_changes_are_those_that_were_made(core, data):
    position, base = data.draw(st.integers(1, len(core))), data.draw(st.sampled_from("ACGT"))
    expected = "" if core[position - 1] == base else f"{core[position - 1]}{position}{base}"
    assert changes(core, mutate(core, position, base)) == expected


def test_drawings_are_well_formed_and_in_words():
    percentiles = np.linspace(-3, 4, 101)
    drawing = ElementTree.fromstring(distribution(percentiles, 1.0, (-5, 7), before=0.5))
    assert "1.00" in drawing.attrib["aria-label"]
    zeros = pd.DataFrame({"position": [5, 6], "base": ["N", "A"], "contribution": [0.0, 0.0]})
    nothing = pd.DataFrame({"name": [], "start": [], "end": []})
    assert ElementTree.fromstring(logo(zeros, nothing)).tag.endswith("svg")


def test_colours_are_symmetric_and_end_at_the_strongest():
    assert shade(0, 1) == "#ffffff" and shade(1, 1) == shade(5, 1) != shade(-1, 1)
    assert heat_map("ACGTN", np.zeros((4, 5))).count("is there") == 4


def test_flags_and_cautions_are_said(predictor):
    seen = view(predictor, "ACGN")
    words = result(seen, None, predictor.card)
    assert "Unlike the training data" in words and "not known" in words
    assert "not known" in warning(seen.unusual, predictor.card)
    assert "promoters of yeast in complex medium" in caution(predictor.card)
    assert "knows a simulated assay, not a cell" in caution(Predictor.load("simulated").card)


def test_what_was_typed_is_shown_as_text_and_never_as_html(predictor):
    page = Page(predictor)
    page.sequence.value = "ACGT<img src=x onerror=alert(1)>"
    assert "<img" not in page.message.value and "&lt;" in page.message.value


def test_mutations_are_taken_back_one_by_one_and_all(predictor):
    page = Page(predictor)
    for position in (10, 20, 30): page.change(position, "A" if EXAMPLE[position - 1] != "A" else "C")
    page.undo.click()
    assert len(page.history) == 3
    page.restart.click()
    assert page.view.core == EXAMPLE and page.undo.disabled


def test_a_cell_can_be_clicked_again(predictor):
    page, cell = Page(predictor), 80*1 + 39
    page.grid.index = cell
    page.position.value, page.base.value = 40, "G"
    page.mutate.click()
    page.grid.index = cell
    assert page.view.core == mutate(EXAMPLE, 40, "C") and page.grid.index is None
    assert [seen.core[39] for seen in page.history] == [EXAMPLE[39], "C", "G", "C"]


@pytest.fixture(scope="module")
def opened():
    "The page in a browser, and all addresses that it has asked for."
    with browser() as chromium, the_page() as (_, address):
        tab, addresses = chromium.new_page(viewport={"width": 1280, "height": 900}), []
        tab.set_default_timeout(120_000)
        tab.on("request", lambda request: addresses.append(request.url))
        tab.goto(address, wait_until="domcontentloaded", timeout=120_000)
        tab.wait_for_selector("#pn-prediction")
        tab.wait_for_selector(".pn-grid button:nth-child(320)")
        yield tab, addresses


def shown(tab):
    return tab.inner_text("#pn-prediction")


def type_sequence(tab, text):
    tab.get_by_label("Sequence", exact=True).fill(text)
    tab.get_by_role("button", name="Predict").click()


def test_nothing_is_fetched_from_elsewhere(opened):
    _, addresses = opened
    assert not [address for address in addresses if not re.match(r"(http|ws)://127\.0\.0\.1:|data:|blob:", address)]


def test_a_typed_sequence_is_predicted(opened, predictor):
    tab, _ = opened
    sequence = "GCTAGCTTAAGCACTCACGTGATCGGCATATAAAGCATCTTTCTGATTTTTTCTTCGAAACATCACAAATCAACACAAAA"
    type_sequence(tab, f"  {UPSTREAM}{sequence.lower()}{DOWNSTREAM}\n")
    expected = f"{predictor.predict([sequence]).item():.2f}"
    tab.wait_for_function("expected => document.querySelector('#pn-prediction').innerText == expected", arg=expected)


def test_a_base_is_mutated_by_keyboard(opened, predictor):
    tab, _ = opened
    type_sequence(tab, EXAMPLE)
    tab.get_by_label("Position", exact=True).focus()
    tab.keyboard.press("Control+a")
    tab.keyboard.type("35")
    tab.keyboard.press("Tab")
    tab.keyboard.press("t")
    tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    tab.wait_for_selector("text=G35T" if EXAMPLE[34] == "G" else f"text={EXAMPLE[34]}35T")
    expected = f"{predictor.predict([mutate(EXAMPLE, 35, 'T')]).item():.2f}"
    assert shown(tab) == expected
    assert tab.evaluate("document.activeElement.innerText") == "Mutate"


def test_a_cell_is_clicked(opened, predictor):
    tab, _ = opened
    if tab.get_by_role("button", name="Undo all").is_enabled(): tab.get_by_role("button", name="Undo all").click()
    type_sequence(tab, EXAMPLE)
    tab.get_by_role("button", name="40C", exact=True).click()
    tab.wait_for_selector(f"text={EXAMPLE[39]}40C")
    assert shown(tab) == f"{predictor.predict([mutate(EXAMPLE, 40, 'C')]).item():.2f}"


def test_a_bad_letter_is_named(opened):
    tab, _ = opened
    before = shown(tab)
    type_sequence(tab, "ACGTACGT!ACGT")
    alert = tab.wait_for_selector("[role=alert]")
    assert "'!' at base 9 is no IUPAC letter" in alert.inner_text() and shown(tab) == before
    type_sequence(tab, EXAMPLE)
    tab.wait_for_selector("[role=alert]", state="detached")


def test_it_fits_a_phone(opened):
    tab, _ = opened
    tab.set_viewport_size({"width": 375, "height": 740})
    widths = tab.evaluate("[document.documentElement.scrollWidth, document.body.scrollWidth]")
    assert max(widths) <= 375
    reach = tab.evaluate("Math.max(...[...document.querySelectorAll('.pn-card')]"
                         ".map(card => card.getBoundingClientRect().right))")
    assert reach <= 375
    tab.set_viewport_size({"width": 1280, "height": 900})


def test_controls_have_names(opened):
    tab, _ = opened
    for label in ("Sequence", "Position", "New base"): assert tab.get_by_label(label, exact=True).is_visible()
    unnamed = tab.evaluate("[...document.querySelectorAll('.pn-page button')]"
                           ".filter(button => !button.textContent.trim()).length")
    assert unnamed == 0
