"""No number in the report is typed by hand: each is found in the results of the runs."""
import json
import re

import numpy as np
import pytest
from scipy import stats
from pypdf import PdfReader

from conftest import ROOT

NUMBER = re.compile(r"(?<![\w.])[−-]?\d[\d,]*(?:\.\d+)?(?![\w])")
# Facts of the original report and of the assay, of which the text speaks; none of them is a result.
FACTS = {"2022", "80", "17", "13", "18", "0", "21", "5", "64", "2047", "600", "0.001", "95", "19", "40", "7", "2", "6.7", "128", "1", "3", "196608",
         "76", "31", "8.5", "142", "6739258", "51.2", "10.5", "13.5", "2026"}
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
    if isinstance(value, dict): return {found: leaf for key, entry in value.items() for found, leaf in measurements(entry, (*path, key)).items()}
    return {path: value} if isinstance(value, (int, float)) and not isinstance(value, bool) else {}


def means(folder):
    "Means over the seeds of each model's measurements, and the ends of Student's interval."
    for model in {path.parents[1] for path in folder.glob("results/**/seed-*/metrics.json")}:
        seeds = [measurements(json.loads(path.read_text())) for path in model.glob("seed-*/metrics.json")]
        for path in seeds[0] if len(seeds) > 1 else ():
            values = [seed[path] for seed in seeds if path in seed]
            margin = stats.t.ppf(0.975, len(values) - 1)*np.std(values, ddof=1)/len(values)**0.5
            yield from (np.mean(values), np.mean(values) - margin, np.mean(values) + margin)


@pytest.fixture(scope="module")
def sources(built):
    "All numbers of the results that the report was made from, as it may print them, and of models' runs the means over seeds."
    found = {text for mean in means(built.folder) for text in shown(mean)}
    for path in [*built.folder.glob("results/simulated/smoke/**/*.json"), *built.folder.glob("results/reference/**/*.json"),
                 *built.folder.glob("report/*.json")]:
        if path.name == "values.json": continue
        for leaf in leaves(json.loads(path.read_text())):
            if isinstance(leaf, str): found |= numbers(leaf)
            else: found |= shown(leaf)
    return found


def test_each_value_of_the_report_is_a_result(built, sources):
    values = json.loads((built.folder/"results/simulated/smoke/90_report/values.json").read_text())
    missing = {number for leaf in leaves(values) if isinstance(leaf, str) for number in numbers(leaf)} - sources - FACTS
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
    rounded = {str(round(float(row["grown"].replace(",", "")))) for row in values["chapters"]["leaves"]["leaves"]}
    references = len(re.findall(r"^@", (ROOT/"report/references.bib").read_text(), re.MULTILINE))
    structure = {str(number) for number in range(references + 1)} | {f"{chapter}.{section}" for chapter in range(1, 9) for section in range(1, 9)}
    assert not numbers(body) - printed - rounded - FACTS - structure


def line_of_r2(metrics):
    "What the table of R² says of one run: promoters, R² of what was learned from and of what was held out, and its interval."
    train, held_out = metrics["train"], metrics["validation"]["r2"]
    return f"{train['rows']:,} " + " ".join(f"{100*value:.1f}" for value in (train["r2"]["value"], held_out["value"], held_out["low"])).replace("-", "−") + f" to {100*held_out['high']:.1f}"


def test_table_of_r2_says_of_each_model_what_its_run_has_found(built, body):
    for path in built.folder.glob("results/simulated/smoke/*/seed-*/metrics.json"):
        metrics = json.loads(path.read_text())
        assert re.search(rf"{re.escape(metrics['model'])} [\d.– ]*{re.escape(line_of_r2(metrics))}", body), path
        metrics["validation"]["r2"]["value"] += 0.001
        assert line_of_r2(metrics) not in body


def test_each_effect_of_the_ledger_is_one_that_a_chapter_has_found(built, body):
    values = json.loads((built.folder/"results/simulated/smoke/90_report/values.json").read_text())
    entries = [entry for path in built.folder.glob("results/**/metrics.json") for entries in json.loads(path.read_text()).get("claims", {}).values() for entry in entries]
    percents = lambda entry, digits: "{} ({} to {})".format(*(f"{100*entry[end]:.{digits}f}".replace("-", "−") for end in ("value", "low", "high")))
    found = {(entry["comparison"], percents(entry, digits)) for entry in entries for digits in (1, 2, 3)}
    rows = [row for claim in values["ledger"] for row in claim["rows"]]
    assert len(rows) > 20 and not {(row["comparison"], row["effect"].split(";")[0]) for row in rows} - found
    assert all(row["effect"].split(";")[0] in body for row in rows)


def test_text_of_the_report_holds_no_result():
    "Numbers that are typed in the text are facts of the original; all others stand in code: sizes of the layout, places in a list."
    text = (ROOT/"report/report.typ").read_text()
    layout = r"\([^()]*(?:fr|cm|pt|em|%)[^()]*\)|[\d.]+(?:fr|cm|pt|em)\b|width: \d+%|luma\(\d+%\)|colspan: \d+|len\(\) [>=]+ \d+|SHA-256|[@=]+ *\w+|\"[^\"]*\"|\$[^$]*\$"
    prose = "\n".join(line for line in re.sub(layout, " ", text).splitlines() if not line.lstrip().startswith(("#let", "#set", "#show", "//")))
    assert numbers(prose) <= FACTS | STEPS
