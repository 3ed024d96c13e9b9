"""The commands as people run them: files and pipes in, tables out, and one line when something is wrong."""
import gzip
import io
import json
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from promoter_nb.cli import app
from promoter_nb.data.flanks import DOWNSTREAM, UPSTREAM
from promoter_nb.inference.predictor import Predictor

COMMAND = [sys.executable, "-c", "from promoter_nb.cli import app; app()"]
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1"}
CORES = ["".join(row) for row in np.random.default_rng(5).choice(list("ACGT"), (100, 80))]


def run(*words, input=None, code=0):
    "Output of a command, run in this process."
    result = CliRunner().invoke(app, [str(word) for word in words], input=input)
    assert result.exit_code == code, f"{result.output}\n{result.exception!r}"
    return result.stdout if code == 0 else result.stderr


def table(text): return pd.read_csv(io.StringIO(text), sep="\t", keep_default_na=False)


@pytest.fixture
def fasta(tmp_path):
    path = tmp_path/"promoters.fa"
    path.write_text("".join(f">promoter {number}\n{core[:60]}\n{core[60:]}\n" for number, core in enumerate(CORES)))
    return path


def test_help_comes_at_once():
    for words in ([], ["predict"], ["variants"], ["train"], ["explain"], ["ask", "insert"], ["ask", "ablate"],
                  ["ask", "pair"], ["ask", "motifs"], ["design"], ["data", "fetch"]):
        assert "Usage" in run(*words, "--help")
    loaded = subprocess.run([sys.executable, "-X", "importtime", *COMMAND[1:], "--help"],
                            env=ENVIRONMENT, capture_output=True, text=True).stderr
    modules = {line.rpartition("|")[2].strip() for line in loaded.splitlines()}
    assert "typer" in modules and not modules & {"torch", "numpy", "pandas"}


def test_predict_gives_the_numbers_of_the_library(fasta):
    found = table(run("predict", fasta))
    assert found.name.tolist()[:2] == ["promoter 0", "promoter 1"] and found.sequence.tolist() == CORES
    np.testing.assert_allclose(found.prediction, Predictor.load().predict(CORES), rtol=1e-5)
    assert ((found.low < found.prediction) & (found.prediction < found.high)).all()


def test_all_formats_say_the_same(fasta, tmp_path):
    expected = table(run("predict", fasta)).prediction
    contents = {"cores.txt": "\n".join(CORES),
                "oligos.txt": "".join(f"{UPSTREAM}{core}{DOWNSTREAM}\t{number}\n" for number, core in enumerate(CORES)),
                "cores.csv": "id,sequence\n" + "".join(f"00{number},{core}\n" for number, core in enumerate(CORES)),
                "cores.tsv": "sequence\r\n" + "\r\n".join(CORES)}
    for name, text in contents.items():
        for path, content in ((tmp_path/name, text.encode()), (tmp_path/f"{name}.gz", gzip.compress(text.encode()))):
            path.write_bytes(content)
            assert (table(run("predict", path)).prediction == expected).all()
            assert (table(run("predict", "-", input=content)).prediction == expected).all()
    for name in ("out.tsv", "out.csv", "out.csv.gz", "out.jsonl", "out.parquet"):
        assert run("predict", tmp_path/"cores.csv", "--output", tmp_path/name) == ""
    found = [pd.read_csv(tmp_path/"out.tsv", sep="\t", dtype={"id": str}),
             pd.read_csv(tmp_path/"out.csv", dtype={"id": str}), pd.read_csv(tmp_path/"out.csv.gz", dtype={"id": str}),
             pd.read_json(tmp_path/"out.jsonl", lines=True, dtype={"id": str}), pd.read_parquet(tmp_path/"out.parquet")]
    for frame in found:
        assert frame.id.tolist()[:2] == ["000", "001"]
        np.testing.assert_allclose(frame.prediction, expected, rtol=1e-5)


def test_size_of_the_blocks_changes_nothing(monkeypatch, tmp_path):
    from promoter_nb.data import read_sequences
    path, whole = tmp_path/"cores.txt", read_sequences.read_stream
    path.write_text("\n".join(CORES))
    expected = run("predict", path, "--members", 1)
    for block in (300, 5000):
        monkeypatch.setattr(read_sequences, "read_stream",
                            lambda *arguments, block=block, **options: whole(*arguments, block=block, **options))
        assert run("predict", path, "--members", 1) == expected


def test_measured_values_are_compared(tmp_path):
    predictions = Predictor.load().predict(CORES)
    path = tmp_path/"measured.txt"
    path.write_text("".join(f"{core}\t{value:.6f}\n" for core, value in zip(CORES, predictions)))
    result = CliRunner().invoke(app, ["predict", str(path), "--output", str(tmp_path/"out.parquet")])
    assert "R² 1.0000" in result.stderr and "100.0% inside" in result.stderr
    assert pd.read_parquet(tmp_path/"out.parquet").measured.dtype == float


def test_what_measured_values_cannot_tell_is_said(tmp_path):
    predictions = Predictor.load().predict(CORES)
    told = lambda count, unit: CliRunner().invoke(app, ["predict", "-"], input="".join(
        f"{core}\t{unit*value:.6f}\n" for core, value in zip(CORES[:count], predictions))).stderr
    assert "2 measured values: too few for R²" in told(2, 1) and "R² -" not in told(2, 1)
    assert "are they in the unit of the model?" in told(20, 100) and "unit" not in told(20, 1)


@pytest.mark.parametrize("content, message", [
    (b"", "the file is empty"), (b"id,sequence\n1,ACGT\n2,\n", "line 3: the sequence is empty"),
    (b">a\nACGT\n>b\n>c\nAC\n", "line 3: the sequence is empty"),
    (b"ACGT\nAC!T\n", "line 2: '!' at base 3"),
    (b"id,sequence\n1,ACGT\n2\n", "line 3: '2' has 1 field; expected 2"),
    (b"ACGT\t1\nACGT\tlow\n", "line 2: measured is 'low'; expected a number"),
    (gzip.compress(b"ACGTTGCA\n"*5000)[:-30], "cut off or damaged"),
    (b"\xef\xbb\xbf>a\nACGT\n>b\nAC!T\n", "line 3: '!' at base 3"), (b"\n\n>a\nAC!T\n", "line 3: '!' at base 3"),
    (b"\x00\x01\xff\xfe", "no text in UTF-8"), (b"sequence\nACGT\n" + b"A"*70_000 + b"\xff\n", "no text in UTF-8"),
    (b"sequence,low\nACGT,1\n", "has a column 'low'"), (b"DNA\nACGT\n", "names 'DNA'"),
    (b"id;promoter\na;ACGT\n", "names 'id', 'promoter'"),
    (b"PK\x03\x04\x14\0", "export it as CSV"),
    ("sequence,id\nACGT,M\u00fcller\n".encode("latin-1"), "line 2: it is no text in UTF-8"),
    (b"sequence\rACGT\r", "old Macs"),
    (b'sequence\tid\nACGT\t"5\nACGT\t3"\n', "line 2: a quote is opened"),
    (b'sequence,id\nACGT,"5\nACGT,3\n', "line 2: a quote is opened")])
def test_bad_input_is_one_line_and_leaves_nothing(content, message, tmp_path):
    (tmp_path/"input").write_bytes(content)
    for words, name in (([tmp_path/"input"], str(tmp_path/"input")), (["-"], "standard input")):
        told = run("predict", *words, "--output", tmp_path/"out.tsv", input=content, code=1)
        assert message in told and told.startswith(f"promoter-nb: {name}") and told.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["input"]


def test_wrong_calls(tmp_path, fasta):
    assert "line 1: 'ACGT" in run("predict", "-", "--format", "fasta", input="ACGT\n", code=1)
    assert "no column 'promoter'; that line names 'sequence'" in run("predict", "-", "--format", "csv", "--column",
                                                                          "promoter", input="sequence\nACGT\n", code=1)
    assert "No such file" in run("predict", tmp_path/"none.fa", code=1)
    assert "holds no model" in run("predict", fasta, "--model", tmp_path, code=1)
    assert ".xlsx" in run("predict", fasta, "--output", tmp_path/"out.xlsx", code=1)
    for words in (["predict", fasta, "--format", "xml"], ["predict", fasta, "--to", "xlsx"],
                  ["design", fasta, "--method", "magic"]):
        assert "is not one of" in run(*words, code=2)
    assert "no network is called 'rsnet'" in run("train", fasta, tmp_path/"m", "--network", "rsnet", code=2)
    assert "No such option" in run("predict", fasta, "--colour", code=2)
    assert "either epochs or minutes" in run("train", fasta, tmp_path/"m", "--epochs", 3, "--minutes", 1, code=2)
    for option in ("width=40", "seed=1", "name=1"):
        assert "is no option of a network" in run("train", fasta, tmp_path/"m", "--option", option, code=2)
    assert "two files" in run("explain", fasta, "--motifs", tmp_path/"x.tsv", "--output", tmp_path/"x.tsv", code=2)
    assert "expected NAME=VALUE" in run("train", fasta, tmp_path/"m", "--option", "channels", code=2)
    assert "holds no value" in run("train", fasta, tmp_path/"m", code=1)
    assert not (tmp_path/"m").exists()


def test_measured_values_come_out_as_they_went_in(tmp_path):
    told = run("predict", "-", input=f"{CORES[0]}\t2.041099412\n{CORES[1]}\t\n")
    assert "measured" in run("predict", "-", input=f"{CORES[1]}\t\n{CORES[0]}\t2.041099412\n")
    assert "\t2.041099412\t" in told and table(told).measured.tolist() == ["2.041099412", ""]
    run("predict", "-", "--output", tmp_path/"out.parquet", input=f"{CORES[0]}\t2.041099412\n{CORES[1]}\t\n")
    np.testing.assert_equal(pd.read_parquet(tmp_path/"out.parquet").measured.to_numpy(), [2.041099412, np.nan])


@pytest.mark.parametrize("text", ["ID, Sequence \n1,{}\n", "id;sequence\n1;{}\n", "SEQUENCE\n {} \n\n\n",
                                  ",sequence\n0,{}\n", '"","sequence"\n"1","{}"\n', "{}\u00a0\n\n", ">a\n{}\n\n"])
def test_tables_as_people_have_them(text):
    written = run("predict", "-", input=text.format(CORES[0]).encode())
    assert table(written).prediction.item() == table(run("predict", "-", input=CORES[0])).prediction.item()


def test_measured_values_count_whatever_case_their_name_is_in():
    "And the column keeps its name."
    result = CliRunner().invoke(app, ["predict", "-"], input=f"sequence,Measured\n{CORES[0]},3.5\n{CORES[1]},\n")
    assert "1 measured values" in result.stderr and result.stdout.startswith("sequence\tMeasured\tprediction")


def test_variants_in_both_forms(tmp_path):
    core = CORES[0]
    other = {"T": "G"}.get(core[9], "T")
    changed = core[:9] + other + core[10:]
    pairs = table(run("variants", "-", input=f"reference,alternative\n{core},{changed}\n"))
    told = table(run("variants", "-", input=f"id\tsequence\tPOS\tREF\tALT\n7\t{core}\t10\t{core[9]}\t{other}\n"))
    assert pairs.delta.item() == told.delta.item() and pairs.low.item() == told.low.item() and told.id.item() == 7
    first, second = Predictor.load(precision="32-true").predict([core, changed]).astype(float)
    assert pairs.delta.item() == pytest.approx(second - first, abs=1e-4)
    rows = [f"{core}\t5\t{core[4:7]}\t{core[4]}\n", f"{core}\t5\t{core[4]}\t{core[4]}AC\n"]
    indels = table(run("variants", "-", "--model", "simulated",
                       input="sequence\tposition\tref\talt\n" + "".join(rows)))
    assert indels.unusual.tolist() == ["", "|cut"] # the measured model has seen no other length than 80, and says so


def test_a_promoter_has_one_number_in_every_command():
    core, other = CORES[:2]
    predicted = table(run("predict", "-", input=f"{core}\n{other}\n")).prediction
    compared = table(run("variants", "-", input=f"reference,alternative\n{core},{other}\n"))
    assert predicted.tolist() == [compared.reference_prediction.item(), compared.alternative_prediction.item()]
    short = table(run("predict", "-", "--precision", "bf16-mixed", input=f"{core}\n{other}\n")).prediction
    assert 0 < abs(short - predicted).max() < 0.1


@pytest.mark.parametrize("row, message", [("1\tC\tT", "ref is 'C', but the sequence has 'G' at position 1"),
                                          ("81\tA\tT", "position 81"), ("0\tA\tT", "position 0"),
                                          ("1.5\tG\tT", "position is '1.5'; expected a whole number"),
                                          ("1\tG\t<DEL>", "alt is '<DEL>'"), ("1\tG\t", "alt is ''")])
def test_variants_that_do_not_fit(row, message):
    core = "G" + CORES[0][1:]
    told = run("variants", "-", input=f"sequence\tposition\tref\talt\n{core}\t1\tG\tA\n{core}\t{row}\n", code=1)
    assert "standard input, line 3" in told and message in told and told.count("\n") == 1


def test_explain_and_design(tmp_path):
    short = CORES[0][:30]
    found = table(run("explain", "-", "--logos", tmp_path/"logos", "--motifs", tmp_path/"sites.csv",
                      input=f">a\n{short}\n"))
    assert "".join(found.base) == short and [path.name for path in (tmp_path/"logos").iterdir()] == ["line_1.svg"]
    assert (tmp_path/"sites.csv").read_text().startswith("line,name")
    proposed = table(run("design", "-", "--edits", 1, "--target", "minimum", input=short))
    named = run("explain", "-", input=f">a\tb\n{short}\n")
    assert set(table(named).name) == {"a\tb"} and '"a\tb"' in named
    assert proposed.edits.item() <= 1 and proposed.after.item() <= proposed.before.item()
    assert "unusual" in table(run("design", "-", "--edits", 1, input=short)) and "length" in proposed.unusual.item()


def test_design_says_which_targets_it_missed():
    result = CliRunner().invoke(app, "design - --edits 2 -t 40 -t 12.5 -t maximum".split(), input=CORES[0])
    proposed, told = table(result.stdout), result.stderr
    assert f"target 40 was not reached by 1 of 1 proposals: the nearest of them has {proposed.after[0]:.2f}" in told
    assert (abs(proposed.after[1] - 12.5) > 0.5) == ("target 12.5" in told) and "maximum" not in told


def test_design_names_the_line_of_a_letter_that_it_cannot_edit():
    told = run("design", "-", input="ACGTACGTA\nACGUACGTAA\n", code=1)
    assert told.startswith("promoter-nb: standard input, line 2: ") and "'U' at base 4" in told
    assert "--edits" in run("design", "-", "--edits", 0, input="ACGT\n", code=2)


def test_flanks_do_not_make_a_promoter_longer():
    result = CliRunner().invoke(app, ["explain", "-", "--model", "simulated"],
                                input=f"{UPSTREAM}{CORES[0]}{DOWNSTREAM}\nACGT{CORES[0]}\n")
    assert "in 1 longer promoter those in front of them contribute nothing" in result.stderr


def test_sites_are_written_though_the_first_sequence_has_none(tmp_path):
    run("explain", "-", "--motifs", tmp_path/"sites.parquet", input="AAAAAAAAAA\nAATGACTCATAA\n")
    assert set(pd.read_parquet(tmp_path/"sites.parquet").line) == {2}


def test_simulate_describe_train_predict_and_card(tmp_path):
    run("data", "simulate", tmp_path/"library", "--promoters", 3000)
    assert "is there already" in run("data", "simulate", tmp_path/"library", "--promoters", 20, code=1)
    described = json.loads(run("data", "describe", tmp_path/"library"/"train.txt"))
    assert described["rows"] == 3000 and described["upstream_flank"]["intact"] == 3000
    model = tmp_path/"model"
    assert "coverage of the 90 % interval" in run("train", tmp_path/"library"/"train.txt", model, "--network",
                                                  "baseline_cnn", "--option", "channels=8", "--epochs", 2)
    assert "simulated" in run("card", model)
    weights = model/"weights_1.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\1")
    assert "cut off or altered" in run("predict", "-", "--model", model, input="ACGT\n", code=1)


@pytest.mark.parametrize("length, width", [(170, 170), (50, 80)])
def test_promoters_of_another_length_are_read_whole(tmp_path, length, width):
    cores = ["".join(row) for row in np.random.default_rng(length).choice(list("ACGT"), (450, length))]
    lines = [f"{core},{core.count('G')}" for core in cores]
    (tmp_path/"mine.csv").write_text("\n".join(["sequence,value", *lines]) + "\n")
    run("train", tmp_path/"mine.csv", tmp_path/"model", "--network", "baseline_cnn", "--option", "channels=4",
        "--epochs", 2)
    card = json.loads((tmp_path/"model/model.json").read_text())
    assert card["width"] == width and card["range"]["length"] == [length, length]
    assert table(run("predict", "-", "--model", tmp_path/"model", input=cores[0])).unusual.tolist() == [""]



def test_train_refuses_what_it_cannot_learn_from_before_it_begins(tmp_path):
    cores = ["".join(base) for base in np.random.default_rng(0).choice(list("ACGT"), (600, 80))]
    write = lambda rows, least: (tmp_path/"measured.txt").write_text(
        "".join(f"{core}\t{least + number/100}\n" for number, core in enumerate(cores[:rows])))
    write(100, 0)
    assert "give 400 or more" in run("train", tmp_path/"measured.txt", tmp_path/"model", code=1)
    write(600, -9)
    classes = ("--network", "classification_cnn", "--option", "sorting_bins=true")
    assert "of the labels lie outside" in run("train", tmp_path/"measured.txt", tmp_path/"model", *classes, code=1)
    assert [path.name for path in tmp_path.iterdir()] == ["measured.txt"]


def test_train_reads_a_table_with_replicates_and_weights(tmp_path):
    cores = ["".join(base) for base in np.random.default_rng(0).choice(list("ACGT"), (600, 80))]
    labels = [core.count("A")/4 for core in cores]
    (tmp_path/"plain.txt").write_text("".join(f"{core}\t{label}\n" for core, label in zip(cores, labels)))
    (tmp_path/"table.csv").write_text("id,Oligo,first,second,cells,left out\n" + "".join(
        f"{row},{core},{label - 0.5},{label + 0.5},7,{int(row < 300)}\n"
        for row, (core, label) in enumerate(zip(cores, labels))))
    few = ("--network", "baseline_cnn", "--option", "channels=4", "--epochs", 2)
    columns = ("--sequence", "oligo", "--value", "first", "--value", "second", "--weight")
    run("train", tmp_path/"plain.txt", tmp_path/"plain", *few)
    run("train", tmp_path/"table.csv", tmp_path/"alike", *few, *columns, "cells")
    run("train", tmp_path/"table.csv", tmp_path/"half", *few, *columns, "left out")
    answers = {name: run("predict", "-", "--model", tmp_path/name, input=cores[0]).split("\t")[-4:-2]
               for name in ("plain", "alike", "half")}
    assert answers["plain"] == answers["alike"] != answers["half"]


@pytest.mark.parametrize("upstream, downstream", [("", ""), (UPSTREAM, DOWNSTREAM)])
def test_constant_ends_are_cut_off_in_training_and_in_prediction(tmp_path, upstream, downstream):
    "And with them the flanks of the assay, where these stand outside of them."
    cores = ["".join(base) for base in np.random.default_rng(0).choice(list("ACGT"), (600, 60))]
    lines = [(f"{upstream}GACTAGCTAGGCATGCC{core}TTAACCGGATCCAT{downstream}", core.count("A")/4) for core in cores]
    write = lambda name, rows: (tmp_path/name).write_text("".join(f"{oligo}\t{value}\n" for oligo, value in rows))
    write("measured.txt", lines[:500]), write("apart.txt", lines[500:])
    few = ("--network", "baseline_cnn", "--option", "channels=4", "--epochs", 2, "--apart", tmp_path/"apart.txt")
    run("train", tmp_path/"measured.txt", tmp_path/"model", *few)
    answers = table(run("predict", "-", "--model", tmp_path/"model", input=f"{cores[0]}\n{lines[0][0]}\n"))
    assert answers.prediction[0] == answers.prediction[1] and (answers.unusual == "").all()


@pytest.mark.parametrize("apart, told", [
    ("T"*60 + "\t5\n", "apart: 1 promoters; expected 10 or more to score a model on"),
    ("".join(f"{'T'*row}{'C'*(60 - row)}\t5\n" for row in range(50)), "apart: every value is 5.0")])
def test_promoters_that_no_model_can_be_judged_on_are_refused_first(tmp_path, apart, told):
    cores = ["".join(base) for base in np.random.default_rng(0).choice(list("AG"), (400, 60))]
    (tmp_path/"measured.txt").write_text("".join(f"{core}\t{row}\n" for row, core in enumerate(cores)))
    (tmp_path/"apart.txt").write_text(apart)
    assert told in run("train", tmp_path/"measured.txt", tmp_path/"model", "--apart", tmp_path/"apart.txt", code=1)
    assert {path.name for path in tmp_path.iterdir()} == {"measured.txt", "apart.txt"}


def test_train_reads_fasta_with_values(tmp_path):
    cores = ["".join(base) for base in np.random.default_rng(0).choice(list("ACGT"), (400, 80))]
    (tmp_path/"lines.txt").write_text("".join(f"{core}\t{core.count('A')/4}\n" for core in cores))
    (tmp_path/"mine.fa").write_text("".join(f">p{row} {core.count('A')/4}\n{core[:60]}\n{core[60:]}\n"
                                            for row, core in enumerate(cores)))
    few = ("--network", "baseline_cnn", "--option", "channels=4", "--epochs", 2, "--width", "auto")
    for name in ("lines.txt", "mine.fa"): run("train", tmp_path/name, tmp_path/name[:4], *few)
    weights = [(tmp_path/name/"weights_1.safetensors").read_bytes() for name in ("line", "mine")]
    assert weights[0] == weights[1]


def test_contradictions_are_told(tmp_path):
    cores = ["".join(base) for base in np.random.default_rng(0).choice(list("ACGT"), (600, 80))]
    rows = [*zip(cores, range(600))]
    rows += [(core, value + 10 + (value == 0)) for core, value in rows[:100]]
    (tmp_path/"measured.txt").write_text("".join(f"{core}\t{value}\n" for core, value in rows))
    described = json.loads(run("data", "describe", tmp_path/"measured.txt"))["contradictions"]
    assert described == {"promoters": 100, "rows": [1, 601], "values": [0, 11]}


def test_promoters_that_differ_in_their_first_bases_alone_are_no_contradiction(tmp_path):
    (tmp_path/"long.txt").write_text("".join(f"{first}{CORES[0]}\t{row}\n" for row, first in enumerate(CORES[1:5])))
    described = json.loads(run("data", "describe", tmp_path/"long.txt"))
    assert described["distinct"] == 4 and described["contradictions"] is None and described["longer_than_width"] == 0


def test_pipes(fasta):
    "A process of its own: the answer to a reader that goes away, and nothing but the table on standard output."
    whole = subprocess.run([*COMMAND, "predict", "-"], input=fasta.read_bytes(), env=ENVIRONMENT, capture_output=True)
    assert whole.returncode == 0 and whole.stderr == b"" and whole.stdout.count(b"\n") == 101
    source = ("\n".join(CORES*40) + "\n").encode()
    piped = subprocess.run(f"'{sys.executable}' -c 'from promoter_nb.cli import app; app()' predict - | head -n 2",
                           shell=True, input=source, env=ENVIRONMENT, capture_output=True)
    assert piped.stdout.count(b"\n") == 2 and b"Traceback" not in piped.stderr


@pytest.mark.parametrize("written", ["NA", "NaN", "null", "n/a"])
def test_a_missing_sequence_is_no_sequence(written):
    text = f"gene,sequence\nA,{CORES[0]}\nB,{written}\n"
    assert f"line 3: {written!r} stands for a missing sequence" in run("predict", "-", input=text, code=1)
