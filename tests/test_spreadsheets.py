"""Tables as laboratories have them: workbooks of Excel, and counts of sorting bins, wherever promoters are read."""
import io
import json
import re
from zipfile import ZipFile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from promoter_nb.cli import app
from promoter_nb.data.dataset import DataError
from promoter_nb.data.measured_tables import has_heading, read_measured, read_table
from promoter_nb.data.read_sequences import read_stream
from promoter_nb.data.sequence import decode
from promoter_nb.interpretation.insertion import random_backgrounds

MAIN = "xmlns='http://schemas.openxmlformats.org/spreadsheetml/2006/main'"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
KINDS = "http://schemas.openxmlformats.org/package/2006"


def cell(value):
    if value is None: return "<c/>"
    return f"<c><v>{value}</v></c>" if not isinstance(value, str) else f"<c t='inlineStr'><is><t>{value}</t></is></c>"


def workbook(**sheets):
    "The smallest workbook of Excel that holds some rows of cells by sheet."
    listed = "".join(f"<sheet name='{name}' sheetId='{i}' r:id='r{i}'/>" for i, name in enumerate(sheets, 1))
    linked = "".join(f"<Relationship Id='r{i}' Type='{OFFICE}/worksheet' Target='{name}.xml'/>"
                     for i, name in enumerate(sheets, 1))
    parts = {
        "[Content_Types].xml": f"<Types xmlns='{KINDS}/content-types'>"
                               "<Default Extension='xml' ContentType='text/xml'/></Types>",
        "_rels/.rels": f"<Relationships xmlns='{KINDS}/relationships'><Relationship Id='r' "
                       f"Type='{OFFICE}/officeDocument' Target='xl/workbook.xml'/></Relationships>",
        "xl/workbook.xml": f"<workbook {MAIN} xmlns:r='{OFFICE}'><sheets>{listed}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f"<Relationships xmlns='{KINDS}/relationships'>{linked}</Relationships>"}
    for name, rows in sheets.items():
        cells = "".join(f"<row>{''.join(map(cell, row))}</row>" for row in rows)
        parts[f"xl/{name}.xml"] = f"<worksheet {MAIN}><sheetData>{cells}</sheetData></worksheet>"
    with ZipFile(content := io.BytesIO(), "w") as files:
        for part, text in parts.items(): files.writestr(part, "<?xml version='1.0'?>" + text)
    return content.getvalue()


def run(*words, input=None, code=0):
    result = CliRunner().invoke(app, [str(word) for word in words], input=input)
    assert result.exit_code == code, f"{result.output}\n{result.exception!r}"
    return result.stdout if code == 0 else result.stderr


CORES = decode(random_backgrounds(6, 80, seed=3))
ROWS = [["id", "Promoter", "value"], *([f"p{i}", core, i + 0.5] for i, core in enumerate(CORES))]


def test_a_cell_far_out_is_refused_before_the_sheet_is_laid_out(tmp_path):
    with ZipFile(tmp_path/"far.xlsx", "w") as far, ZipFile(io.BytesIO(workbook(mine=ROWS))) as files:
        for part in files.namelist():
            far.writestr(part, files.read(part).replace(b"<c><v>5.5", b"<c r='XFD1048576'><v>5"))
    told = run("data", "describe", tmp_path/"far.xlsx", "--sequence", "promoter", code=1)
    assert "far.xlsx: a sheet reaches to row 1,048,576 and column 16,384; clear what is outside of the table" in told


def test_a_workbook_is_read_as_the_same_table_in_csv(tmp_path):
    mine = [[*row, None, " "] for row in ROWS] + [["", None]]
    (tmp_path/"mine.xlsx").write_bytes(workbook(notes=[["made on Monday"]], mine=mine, empty=[]))
    (tmp_path/"mine.csv").write_text("\n".join(",".join(map(str, row)) for row in ROWS) + "\n")
    sheet, text = (read_table(tmp_path/f"mine.{kind}", sequence="promoter") for kind in ("xlsx", "csv"))
    assert (sheet.codes == text.codes).all()
    assert sheet.labels.tolist() == text.labels.tolist() == [i + 0.5 for i in range(6)]
    assert has_heading(tmp_path/"mine.xlsx")
    for file in ("mine.xlsx", "mine.csv"):
        told = json.loads(run("data", "describe", tmp_path/file, "--sequence", "promoter"))
        assert told["rows"] == told["distinct"] == 6 and told["values"]["median"] == 3
    predict = lambda file, **given: run("predict", file, "--column", "promoter", "--model", "simulated", **given)
    told = predict(tmp_path/"mine.xlsx")
    assert told == predict(tmp_path/"mine.csv") and told.startswith("id\tPromoter\tvalue\tprediction")
    assert predict("-", input=(tmp_path/"mine.xlsx").read_bytes()) == told


REFUSED = {
    "a bad base": (workbook(a=[["sequence"], ["ACGT"], ["AC!T"]]), "line 3: .*base 3"),
    "no such column": (workbook(a=[["oligo"], ["ACGT"]]),
                       "line 1: there is no column 'sequence'; that line names 'oligo'"),
    "no such column in two sheets": (workbook(notes=[["made on", 3]], a=[["oligo"], ["ACGT"]]),
        "no sheet has a column 'sequence' in its first 10 lines: notes has 'made on', '3'; a has 'oligo'; of these"),
    "no heading": (workbook(a=[["ACGTACGT", 1]]), "line 1: there is no column 'sequence'"),
    "two sheets": (workbook(a=[["sequence"], ["AC"]], b=[["Sequence"], ["AC"]]),
                   "2 sheets have a column 'sequence': a, b"),
    "empty": (workbook(a=[], b=[[None, " "]]), "the spreadsheet is empty"),
    "a heading alone": (workbook(a=[["sequence", "value"]]), "there are no sequences in it"),
    "a column without a name": (workbook(a=[["sequence", None], ["ACGT", 3]]), "a column behind the first has no name"),
    "another archive": (b"PK\x03\x04 of something", "is a spreadsheet or zip archive"),
    "cut off": (workbook(a=[["sequence"], ["ACGT"]])[:-100], "is a spreadsheet or zip archive")}


@pytest.mark.parametrize("case", REFUSED)
def test_a_workbook_that_cannot_be_read_is_named_with_its_row(case, tmp_path):
    content, message = REFUSED[case]
    (tmp_path/"mine.xlsx").write_bytes(content)
    told = run("predict", tmp_path/"mine.xlsx", "--output", tmp_path/"out.tsv", "--model", "simulated", code=1)
    assert re.search(message, told) and "mine.xlsx" in told and len(told.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["mine.xlsx"]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.integers(0, 50), min_size=3, max_size=3).filter(any), min_size=1, max_size=6))
def test_counts_of_bins_are_the_mean_over_reads(tmp_path_factory, counts):
    path = tmp_path_factory.mktemp("bins")/"counts.tsv"
    lines = ["sequence\tBin 2\tBin 0\tBin 7", *("\t".join(["ACGTACGT", *map(str, row)]) for row in counts)]
    path.write_text("\n".join(lines) + "\n")
    data = read_measured(path, bins="bin ")
    for row, label, weight in zip(counts, data.labels, data.weights):
        assert label == pytest.approx(np.mean(np.repeat([2, 0, 7], row)), abs=1e-5) and weight == sum(row)


@pytest.mark.parametrize("text, message", (
    ("sequence,b0,b1\nACGT,1,0\nACGA,0,0\n", "line 3: there is no read in any of 2 bins"),
    ("sequence,b0,b1\nACGT,1,-2\n", "line 2: -2 in column 'b1' is negative"),
    ("sequence,b0,b1\nACGT,1,\n", "line 2: '' in column 'b1' is not a finite number"),
    ("sequence,b0,B00\nACGT,1,1\n", "two bins or more and each once"),
    ("sequence,b0,value\nACGT,1,1\n", "each once; that line names 'sequence', 'b0', 'value'")))
def test_counts_that_are_none_are_named(text, message, tmp_path):
    (tmp_path/"counts.csv").write_text(text)
    with pytest.raises(DataError, match=message): read_measured(tmp_path/"counts.csv", bins="b")
    train = "train", tmp_path/"counts.csv", tmp_path/"model", "--bins", "b"
    assert message in run(*train, code=1) and "give them alone" in run(*train, "--value", "b0", code=2)
    assert [path.name for path in tmp_path.iterdir()] == ["counts.csv"]


def test_train_and_what_is_kept_apart_are_workbooks_with_counts(tmp_path):
    rng, cores = np.random.default_rng(0), decode(random_backgrounds(340, 80, seed=9))
    reads = rng.integers(1, 9, (340, 3)).tolist()
    rows = [[core, *row] for core, row in zip(cores, reads)]
    for name, part in (("mine", rows[:300]), ("apart", rows[300:])):
        (tmp_path/f"{name}.xlsx").write_bytes(workbook(sheet=[["oligo", "bin_0", "bin_1", "bin_2"], *part]))
    told = run("train", tmp_path/"mine.xlsx", tmp_path/"model", "--sequence", "oligo", "--bins", "bin_",
               "--apart", tmp_path/"apart.xlsx", "--network", "baseline_cnn", "--option", "channels=8", "--epochs", 2)
    card = json.loads((tmp_path/"model"/"model.json").read_text())
    assert f"; R² {card['judged']['apart']['r2']['value']:.3f} (" in told and ") on apart" in told
    assert list(card["judged"]) == ["apart"] and sum(card["data"]["parts"].values()) == 300
    assert 0 < card["label_percentiles"][0] and card["label_percentiles"][-1] < 2


def test_blocks_of_a_long_sheet_go_on_counting():
    content = workbook(a=[["sequence"]] + [["ACGT"]]*60_000)
    frames = list(read_stream(io.BytesIO(content), "long.xlsx"))
    assert [len(frame) for frame in frames] == [50_000, 10_000] and frames[1].index[-1] == 60_001
