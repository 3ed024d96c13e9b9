"""The page with a model in it, opened from a file without a network: what `Predictor` says, by keyboard, on a phone."""
import re
from io import StringIO
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from test_page import browser

from promoter_nb.app.offline_page import write_offline_page
from promoter_nb.app.page import EXAMPLE, mutate, read_core, view
from promoter_nb.data.flanks import DOWNSTREAM, UPSTREAM
from promoter_nb.data.prepare import SequenceError
from promoter_nb.inference.predictor import Predictor


@pytest.fixture(scope="module")
def predictor():
    return Predictor.load(precision="32-true")


@pytest.fixture(scope="module")
def file(predictor, tmp_path_factory):
    return write_offline_page(tmp_path_factory.mktemp("offline")/"promoter.html", predictor)


@pytest.fixture(scope="module")
def opened(file):
    "The page in a browser without a network, and what it has asked for."
    with browser() as chromium:
        tab, asked = chromium.new_page(viewport={"width": 1280, "height": 900}), []
        tab.context.set_offline(True)
        tab.set_default_timeout(120_000)
        for event in ("request", "pageerror"): tab.on(event, lambda what: asked.append(what))
        tab.goto(file.as_uri())
        yield tab, asked


@pytest.fixture
def tab(opened):
    "The page with its example, mapped."
    tab, _ = opened
    tab.set_viewport_size({"width": 1280, "height": 900})
    tab.fill("#second", "")
    tab.evaluate("text => { part('sequence').value = text; read(); }", EXAMPLE)
    tab.evaluate("if (history.length > 1) show(history.slice(0, 1))")
    tab.wait_for_function("seen.effects")
    return tab


def said(tab, sequences):
    "Prediction, low, high and flags of sequences, as the page has them."
    return pd.DataFrame(tab.evaluate("""texts => texts.map(text => {
        const {prediction, interval: [low, high], unusual} = predict(readCore(text, model));
        return {prediction, low, high, unusual: unusual.join(";")};
    })""", sequences))


def wait_for_prediction(tab, predictor, core):
    shown = f"{predictor.predict([core]).item():.2f}"
    tab.wait_for_function("text => document.querySelector('#prediction').innerText == text", arg=shown)


def made_up(count):
    "Promoters of 80 bases and of other lengths, with unknown bases, and with flanks that are whole or damaged."
    rng = np.random.default_rng(0)
    draw = lambda length, letters="ACGT": "".join(rng.choice(list(letters), length))
    cut = lambda: (UPSTREAM[rng.integers(0, 3):], DOWNSTREAM[:-rng.integers(1, 4)].lower())
    misread = "NNN" + UPSTREAM.replace("CACA", "CATA"), DOWNSTREAM.replace("ACGG", "ACCG")
    kinds = [lambda: draw(80), lambda: draw(rng.integers(1, 130)), lambda: draw(80, "ACGTACGTACGTNRY"),
             lambda: draw(rng.integers(60, 90)).join(cut()), lambda: draw(80).join(misread),
             lambda: draw(rng.integers(1, 7))*rng.integers(1, 30)]
    return [kinds[number % len(kinds)]() for number in range(count)]


def test_a_thousand_sequences_are_predicted_as_in_python(tab, predictor):
    sequences, numbers = made_up(760), ["prediction", "low", "high"]
    found, expected = said(tab, sequences), predictor.table(sequences)
    np.testing.assert_allclose(found[numbers], expected[numbers], rtol=0, atol=1e-3)
    assert found.unusual.tolist() == expected.unusual.tolist() and found.unusual.nunique() > 5
    assert any("low complexity" in reasons for reasons in found.unusual)
    mutants = [mutate(EXAMPLE, position, base) for base in "ACGT" for position in range(1, 81)]
    effects = predictor.predict(mutants) - predictor.predict([EXAMPLE])
    np.testing.assert_allclose(np.ravel(tab.evaluate("seen.effects")), effects, rtol=0, atol=1e-3)


def test_contributions_and_motifs_are_those_of_the_library(tab, predictor):
    compare_explanations(tab, view(predictor, EXAMPLE))
    for core in (EXAMPLE[30:75], "GATTACA" + EXAMPLE[:20] + "N" + EXAMPLE[21:]):
        tab.fill("#sequence", core)
        tab.wait_for_function("core => seen.core == core && seen.effects", arg=core)
        compare_explanations(tab, view(predictor, core))


def compare_explanations(tab, expected):
    offset = 80 - len(expected.shown)
    np.testing.assert_allclose(np.array(tab.evaluate("seen.effects"))[:, offset:], expected.effects, atol=1e-3)
    np.testing.assert_allclose(tab.evaluate("seen.contributions"), expected.contributions.contribution, atol=1e-3)
    sites = pd.DataFrame(tab.evaluate("seen.sites"))
    columns = ["name", "id", "start", "end", "strand"]
    assert sites[columns].values.tolist() == expected.motifs[columns].values.tolist()
    np.testing.assert_allclose(sites.p, expected.motifs.p, rtol=1e-6)
    np.testing.assert_allclose(sites.contribution, expected.motifs.contribution, atol=1e-2) # a sum over some ten bases


def test_nothing_is_asked_for_but_the_page(tab, opened, file):
    _, asked = opened
    addresses = {getattr(what, "url", str(what)) for what in asked} # or what went wrong, in words
    assert {address for address in addresses if not re.match("blob:|data:", address)} == {file.as_uri()}


def test_it_is_small_and_answers_at_once(tab, file):
    assert file.stat().st_size < 15e6
    timed = "() => { const start = performance.now(); predict(model.example); return performance.now() - start; }"
    assert any(tab.evaluate(timed) < 200 for _ in range(200)) # milliseconds, in a moment without other programs


def test_a_keyboard_is_enough(tab, predictor):
    tab.evaluate("document.activeElement.blur(); window.scrollTo(0, 0)")
    name = "(({id, textContent, ariaLabel}) => id || textContent || ariaLabel)(document.activeElement)"
    focused = lambda: tab.evaluate(name)
    def go_to(name):
        for _ in range(20):
            tab.keyboard.press("Tab")
            if focused().startswith(name): return
        pytest.fail(f"the Tab key does not reach {name}")
    core = EXAMPLE[::-1]
    go_to("sequence")
    tab.keyboard.press("Control+a")
    tab.keyboard.type(core)
    wait_for_prediction(tab, predictor, core)
    tab.wait_for_function("seen.effects")
    go_to("position")
    tab.keyboard.type("35")
    go_to("base")
    tab.keyboard.press("t" if core[34] != "T" else "c")
    go_to("Mutate")
    tab.keyboard.press("Enter")
    core = mutate(core, 35, "T" if core[34] != "T" else "C")
    wait_for_prediction(tab, predictor, core)
    tab.wait_for_function("seen.effects")
    go_to(f"{core[0]}1")
    for key in "ArrowRight ArrowRight ArrowDown ArrowDown End Home ArrowRight Enter".split(): tab.keyboard.press(key)
    core = mutate(core, 2, "G")
    wait_for_prediction(tab, predictor, core)
    tab.wait_for_function("seen.effects")
    assert tab.evaluate("document.activeElement.ariaLabel") == "G2 is there"


def test_a_mutation_is_taken_back(tab, predictor):
    tab.click("[aria-label^='G35T']")
    wait_for_prediction(tab, predictor, mutate(EXAMPLE, 35, "T"))
    assert "G35T" in tab.inner_text("#result") and tab.is_enabled("#undo")
    tab.click("#undo")
    wait_for_prediction(tab, predictor, EXAMPLE)
    assert tab.is_disabled("#undo")


def test_two_sequences_are_compared(tab, predictor):
    other = mutate(EXAMPLE, 35, "T")
    tab.fill("#second", f">other\n{other}")
    tab.wait_for_selector("#difference")
    expected = predictor.difference([EXAMPLE], [other]).iloc[0]
    words = tab.inner_text("#comparison").replace("−", "-")
    assert "G35T" in words
    for number in (expected.delta, expected.low, expected.high): assert f"{number:+.2f}" in words
    assert f"{expected.alternative_prediction:.2f}" in words
    tab.fill("#second", EXAMPLE[::-1])
    tab.wait_for_selector("text=of 80 bases differ")
    tab.fill("#second", "A" + EXAMPLE)
    tab.wait_for_selector("text=The two differ only where the network does not look")


BAD = ["", " \n", "ACGX", "ACG-T", "ACGT5", "ACGÄ", "<img src=x onerror=alert(1)>", ">a\nAC\n>b\nGT", "NNNN",
       UPSTREAM + DOWNSTREAM]


@pytest.mark.parametrize("text", BAD)
def test_what_cannot_be_read_is_refused_in_the_library_s_words(tab, text):
    with pytest.raises(SequenceError) as refusal: read_core(text)
    before = tab.inner_text("#prediction")
    tab.fill("#sequence", text)
    message = tab.wait_for_selector("#message .error").inner_text()
    # Without the names of letters, and what makes sense in a file or at a command alone.
    reason = re.sub(r" \(.*?\)|; the page takes.*|, or remove it", "", refusal.value.reason)
    assert reason in re.sub(r" \(U.*?\)", "", message)
    assert tab.inner_text("#prediction") == before and not tab.query_selector("#message img")


UNUSUAL = {"ACGT": "its length is unlike", "ACGTTGCA"*20: "only its last 80 bases", "G"*80: "share of G and C",
           "GATC"*20: "repeats the same few bases"}


def test_what_is_unusual_is_said(tab):
    for core, reason in UNUSUAL.items():
        tab.fill("#sequence", core)
        tab.wait_for_function("reason => document.querySelector('#result').innerText.includes(reason)", arg=reason)


def saved(tab, button):
    with tab.expect_download() as download: tab.click(button)
    return Path(download.value.path()).read_text()


def test_tables_and_drawing_are_saved(tab, predictor):
    table, expected = pd.read_csv(StringIO(saved(tab, "#save-map"))), view(predictor, EXAMPLE)
    np.testing.assert_allclose(table.contribution, expected.contributions.contribution, atol=1e-3)
    np.testing.assert_allclose(table[list("ACGT")].T, expected.effects, atol=1e-3)
    predicted = pd.read_csv(StringIO(saved(tab, "#save-predictions")))
    assert predicted.sequence.tolist() == [EXAMPLE]
    assert predicted.prediction.item() == pytest.approx(expected.prediction, abs=1e-3)
    drawing = ElementTree.fromstring(saved(tab, "#save-drawing"))
    assert len(drawing.findall(".//{*}rect")) == 321 and len(drawing.findall(".//{*}path")) > 20


def test_it_fits_a_phone(tab):
    tab.set_viewport_size({"width": 360, "height": 740})
    reach = "Array.from(document.querySelectorAll('.card'), card => card.getBoundingClientRect().right)"
    assert max(tab.evaluate("document.documentElement.scrollWidth"), *tab.evaluate(reach)) <= 360


def test_controls_have_names(tab):
    for label in ("Sequence, 5′ to 3′ towards the gene", "Position", "New base", "Second sequence"):
        assert tab.get_by_label(label, exact=True).is_visible()
    names = "controls => controls.map(({textContent, ariaLabel}) => textContent.trim() || ariaLabel)"
    assert all(tab.eval_on_selector_all("button, .cell", names))
