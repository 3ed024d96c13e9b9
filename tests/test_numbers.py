"""No number in the report is typed by hand: each is found in the results of the runs."""
import json
import re

import numpy as np
import pytest
from scipy import stats
from pypdf import PdfReader

from conftest import ROOT
from test_kept_reports import printed

from promoter_nb.paper.claims import in_words_of_today, word_of_today
from promoter_nb.paper.sentences import say

NUMBER = re.compile(r"(?<![\w.])[−-]?\d[\d,]*(?:\.\d+)?(?![\w])")
# Facts of the 2022 report and of the assay, of which the text speaks; none of them is a result.
FACTS = {"2022", "80", "17", "13", "18", "0", "21", "5", "64", "2047", "600", "0.001", "95", "19", "40", "7", "2",
         "6.7", "128", "1", "3", "196608",
         "76", "31", "8.5", "142", "6739258", "51.2", "10.5", "13.5", "2020", "2026"}
STEPS = {"1", "4", "5"}  # of the pipeline figure, to which its caption points


def numbers(text): return {found.replace("−", "-").replace(",", "") for found in NUMBER.findall(text)}


def leaves(value):
    "Numbers of a JSON document, and the numbers in its texts."
    if isinstance(value, dict): return [leaf for key, entry in value.items() for leaf in (key, *leaves(entry))]
    if isinstance(value, list): return [leaf for entry in value for leaf in leaves(entry)]
    return [] if value is None or isinstance(value, bool) else [value]


def shown(value) -> set[str]:
    "The ways in which the report may print a number: as it is, in percent, with up to three digits."
    return {str(value)} | {f"{scale*value:.{digits}f}" for scale in (1, -1, 100, -100) for digits in range(4)}


def measurements(value, path=()):
    "Numbers of a JSON document by their path."
    if isinstance(value, dict):
        return {found: leaf for key, entry in value.items()
                for found, leaf in measurements(entry, (*path, key)).items()}
    return {path: value} if isinstance(value, (int, float)) and not isinstance(value, bool) else {}


def means(folder):
    "Of each model with several seeds: means of its measurements by path, and the ends of Student's interval."
    for model in {path.parents[1] for path in folder.glob("results/**/seed-*/metrics.json")}:
        seeds = [measurements(json.loads(path.read_text())) for path in model.glob("seed-*/metrics.json")]
        if len(seeds) < 2: continue
        values = {path: [seed[path] for seed in seeds if path in seed] for path in seeds[0]}
        margin = {path: stats.t.ppf(0.975, len(found) - 1)*np.std(found, ddof=1)/len(found)**0.5
                  for path, found in values.items()}
        middle = {path: np.mean(found) for path, found in values.items()}
        yield middle, [middle[path] + sign*margin[path] for path in values for sign in (-1, 1)]


def derived(found):
    "What sentences compute from the measurements of a run: shares of what can be explained, r² from r, and a few sums."
    r2, limit = found.get(("validation", "r2", "value")), found.get(("validation", "ceiling"))
    if r2 and limit: yield r2/limit
    for path, value in found.items():
        if path[-2:] == ("pearson", "value"): yield value**2
        if path[-1] == "low_tail": yield value + found[(*path[:-1], "high_tail")]
        if path == ("r2_on_map", "validation", "measured"): yield value/found["r2_of_network", "validation"]


def fullest(bins): return max(range(len(bins)), key=bins.__getitem__)


@pytest.fixture(scope="module")
def sources(built):
    "All numbers of the results behind the report, as it may print them, and what its sentences compute from them."
    found = set()
    for middle, ends in means(built.folder):
        found |= {text for value in (*middle.values(), *ends, *derived(middle)) for text in shown(value)}
    for path in [*built.folder.glob("results/simulated/smoke/**/*.json"),
                 *built.folder.glob("results/reference/**/*.json"),
                 *built.folder.glob("report/*.json")]:
        if path.name == "values.json": continue
        read = json.loads(path.read_text())
        found |= {text for value in derived(measurements(read)) for text in shown(value)}
        if path.parent.name == "23_pipeline" and "bins" in read:
            found |= {str(fullest(read["bins"])), str(len(read["bins"]))}
        if path.parent.name == "60_results" and "models" in read: found.add(str(len(read["models"])))
        for leaf in leaves(read): found |= numbers(leaf) if isinstance(leaf, str) else shown(leaf)
    return found


def test_each_value_of_the_report_is_a_result(built, sources):
    values = json.loads((built.folder/"results/simulated/smoke/90_report/values.json").read_text())
    counted = {str(len([row for row in claim["rows"] if row["kind"] == kind])) for claim in values["ledger"]
               for kind in ("simulated", "measured")}
    missing = {number for leaf in leaves(values) if isinstance(leaf, str)
               for number in numbers(leaf)} - sources - counted - FACTS
    assert not missing


@pytest.fixture(scope="module")
def body(built):
    "Text of the PDF without references and appendix, spaces made one."
    text = "\n".join(page.extract_text() for page in PdfReader(built.folder/"report/report.pdf").pages)
    assert "References\n" in text
    return re.sub(r"\s+", " ", text[:text.index("References\n")])


def test_each_number_of_the_pdf_is_a_value_or_a_known_fact(built, body):
    values = json.loads((built.folder/"results/simulated/smoke/90_report/values.json").read_text())
    printed = {text for leaf in leaves(values) for text in (numbers(leaf) if isinstance(leaf, str) else shown(leaf))}
    references = len(re.findall(r"^@", (ROOT/"report/references.bib").read_text(), re.MULTILINE))
    structure = {str(number) for number in range(references + 1)} | {f"{chapter}.{section}" for chapter in range(1, 9)
                                                                     for section in range(1, 9)}
    assert not numbers(body) - printed - FACTS - structure


def test_each_sentence_is_in_the_pdf_as_its_chapter_says_it(built, body):
    values = json.loads((built.folder/"results/simulated/smoke/90_report/values.json").read_text())
    for path in built.folder.glob("results/simulated/smoke/[2-7]?_*/metrics.json"):
        notebook = path.parent.name
        assert values["said"][word_of_today(notebook[3:])] == say(notebook, json.loads(path.read_text())), notebook
    said = [*values["said"].values(), *values["verdicts"].values(), *values["notes"].values(),
            *values["captions"].values()]
    assert len(said) > 50 and not [sentence for sentence in said if not printed(sentence, body)]


def line_of_r2(metrics):
    "What the table of R² says of one run: promoters, R² of training and of held-out ones, and the interval of that."
    train, held_out = metrics["train"], metrics["validation"]["r2"]
    percents = (f"{100*value:.1f}" for value in (train["r2"]["value"], held_out["value"], held_out["low"]))
    return f"{train['rows']:,} " + " ".join(percents).replace("-", "−") + f" to {100*held_out['high']:.1f}"


def test_table_of_r2_says_of_each_model_what_its_run_has_found(built, body):
    for path in built.folder.glob("results/simulated/smoke/*/seed-*/metrics.json"):
        metrics = json.loads(path.read_text())
        assert re.search(rf"{re.escape(metrics['model'])} [\d.– ]*{re.escape(line_of_r2(metrics))}", body), path
        metrics["validation"]["r2"]["value"] += 0.001
        assert line_of_r2(metrics) not in body


def test_each_effect_of_the_ledger_is_one_that_a_chapter_has_found(built, body):
    values = json.loads((built.folder/"results/simulated/smoke/90_report/values.json").read_text())
    read = lambda path: in_words_of_today(json.loads(path.read_text()))
    entries = [entry for path in built.folder.glob("results/**/metrics.json")
               for entries in read(path).get("claims", {}).values() for entry in entries]
    digits = lambda end: 1 if end == 0 or abs(end) >= 0.0005 else 2
    number = lambda end: re.sub(r"^-(?=0\.0+$)", "", f"{100*end:.{digits(end)}f}").replace("-", "−")
    percents = lambda entry: "{} ({} to {})".format(*(number(entry[end]) for end in ("value", "low", "high")))
    found = {(entry["comparison"], percents(entry)) for entry in entries}
    rows = [row for claim in values["ledger"] for row in claim["rows"]]
    assert len(rows) > 20 and not {(row["comparison"], row["effect"].split(";")[0]) for row in rows} - found
    assert all(row["effect"].split(";")[0] in body for row in rows)


@pytest.mark.parametrize("path", sorted((ROOT/"report").glob("*.typ")), ids=lambda path: path.stem)
def test_text_of_the_report_holds_no_result(path):
    "Numbers typed in the text are facts of the 2022 report; all others stand in code: sizes of the layout, places."
    layout = (r"\([^()]*(?:fr|cm|pt|em|%)[^()]*\)|[\d.]+(?:fr|cm|pt|em)\b|width: \d+%|luma\(\d+%\)|colspan: \d+|"
              r"SHA-256|[@=]+ *\w+|\"[^\"]*\"|\$[^$]*\$|\([A-Z]\d\)")
    code = r"^#let .*(?:\n(?=[ }]).*)*" if path.stem == "layout" else r"^#let .*"
    prose = re.sub(r"^(?:#set|#show|//).*", "",
                   re.sub(code, "", re.sub(layout, " ", path.read_text()), flags=re.MULTILINE), flags=re.MULTILINE)
    assert numbers(prose) <= FACTS | STEPS


def test_text_of_the_report_is_prose_with_few_conditions():
    texts = {path.name: path.read_text() for path in (ROOT/"report").glob("*.typ")}
    assert all(len(text.splitlines()) < 300 and max(map(len, text.splitlines())) <= 120 for text in texts.values())
    assert sum(len(re.findall(r"(?:#|= |[{]\s*|else )if .*[{\[]", text)) for text in texts.values()) < 10
