"""Tables as people leave them: blank rows, titles, quotes, no heading, decimal commas; and names that are kept."""
import io
import json

import numpy as np
import pandas as pd
import pytest
from test_spreadsheets import run, workbook

from promoter_nb.data.files import CHUNK, Unpadded
from promoter_nb.data.measured_tables import read_measured
from promoter_nb.data.read_sequences import heading_line, read_stream

A, B, C = ("".join(row) for row in np.random.default_rng(5).choice(list("ACGT"), (3, 80)))
TITLED = [["Plate 7, 2024-03-01", None, None, "by Ada"], [None], ["name", "sequence", "value"], ["p", A, 1],
          [None, " "], ["q", B, 2.5]]
SAME = { # two promoters with 1 and 2.5, the second of them in a line
    "trailing.txt": (f"{A}\t1\n{B}\t2.5\n\n \n\t\n\n", 2),
    "between.txt": (f"\n \t\n{A}\t1\n\n\t\t\n{B}\t2.5\n", 6),
    "windows.txt": (f"{A}\t1\r\n\r\n  \r\n{B}\t2.5\r\n", 4),
    "lines.csv": (f"\nname,sequence,value\n\np,{A},1\n   \nq,{B},2.5\n", 6),
    "commas.csv": (f"name,sequence,value\np,{A},1\n,,\n , ,\nq,{B},2.5\n,,\n", 5),
    "tabs.tsv": (f"name\tsequence\tvalue\np\t{A}\t1\n\t\t\nq\t{B}\t2.5\n", 4),
    "blank.fa": (f"\n>p 1\n\n{A}\n\n>q 2.5\n{B}\n\n", 6),
    "title.csv": (f"Plate 7,,\n,,\nname,sequence,value\np,{A},1\nq,{B},2.5\n", 5),
    "title.xlsx": (workbook(notes=[["sequence of events"]], plate=TITLED), 6),
    "plain.tsv": (f"{A}\t1\n{B}\t2.5\n", 2), "plain.csv": (f"{A},1\n{B},2.5\n", 2),
    "plain.txt": (f"{A};1\n{B};2.5\n", 2),
    "named.tsv": (f"p\t{A}\t1\nq\t{B}\t2.5\n", 2), "named.csv": (f'"p","{A}","1"\n"q, r","{B}","2.5"\n', 2),
    "plain.xlsx": (workbook(a=[["p", A, 1], ["q", B, 2.5]]), 2),
    "quotes.txt": (f'"{A}"\t"1"\n"{B}"\t"2.5"\n', 2), "single.txt": (f"'{A}'\t1\n\n'{B}'\t2.5\n", 3),
    "curly.csv": (f"name,sequence,value\np,\u201c{A}\u201d,1\nq,'{B}',2.5\n", 3),
    "quotes.xlsx": (workbook(a=[["sequence", "value"], [f'"{A}"', 1], [f'"{B}"', 2.5]]), 3)}


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path, content): path.write_bytes(content if isinstance(content, bytes) else content.encode())


@pytest.mark.parametrize("name", SAME)
def test_the_same_promoters_are_read_however_they_are_written(place, name):
    content, line = SAME[name]
    write(place/name, content)
    told = json.loads(run("data", "describe", name))
    assert told["rows"] == 2 and told["values"]["median"] == 1.75
    predict = lambda *words: pd.read_csv(io.StringIO(run("predict", *words, "--model", "simulated")), sep="\t")
    found = predict(name)
    assert found.sequence.tolist() == [A, B]
    write(place/"plain", f"{A}\n{B}\n")
    assert found.prediction.tolist() == predict("plain").prediction.tolist()
    if isinstance(content, str):
        write(place/name, content.replace(B, B[:-1] + "!"))
        assert f"{name}, line {line}: '!' at base 80" in run("predict", name, "--model", "simulated", code=1)


@pytest.mark.parametrize("name, content, told", (
    ("a.csv", f"name,sequence,value\np,{A},1\n\nPlate 2,,\n", "a.csv, line 4: the sequence is empty; give its"),
    ("a.xlsx", workbook(a=[["name", "sequence", "value"], [None], ["q", None, 2]]), "line 3: the sequence is empty"),
    ("a.xlsx", workbook(a=[*TITLED, ["r", "AC!T", 3]]), "a.xlsx, line 7: '!' at base 3"),
    ("a.xlsx", workbook(a=[*TITLED, TITLED[2], ["r", C, 3]]), "sheet a: lines 3 and 7 both name the columns; remove"),
    ("a.xlsx", workbook(a=[["note"]]*12 + TITLED), "sheet a, line 15: this line names the columns, and must be one of"),
    ("a.csv", f"Plate 7\n\nname,sequence,\np,{A},1\n", "a.csv, line 3: a column behind the first has no name"),
    ("a.csv", f"p,{A},1,2\n", "line 1: it holds a sequence and no names of columns"),
    ("a.csv", f"{A},{B}\n", "line 1: it holds a sequence and no names of columns"),
    ("a.csv", f"name,sequence,value\np,{A},7,2\n", "has 4 fields; expected 3, and in a number a point in place of a"),
    ("a.fa", f">p 1\n        1 {A[:10]} {A[10:20]}\n", "'1' at base 1 is no IUPAC letter; remove the spaces"),
    ("a.txt", f"{C}\n{A[:10]} {A[10:]}\n", "line 2: ' ' at base 11 is no IUPAC letter; remove the spaces and numbers"),
    ("a.txt", f"ORIGIN\n        1 {A[:10]} {A[10:20]}\n", "in numbered blocks, as GenBank writes a sequence"),
    ("a.gb", f"\nLOCUS X 20 bp\nORIGIN\n        1 {A[:10]} {A[10:20]}\n//\n", "is GenBank; make FASTA of it")))
def test_what_cannot_be_guessed_is_named_with_what_to_do(place, name, content, told):
    write(place/name, content)
    assert told in run("predict", name, "--model", "simulated", "--output", "out.tsv", code=1)
    assert [path.name for path in place.iterdir()] == [name]


COMMA = "write 7.2, with a point in place of the comma"

@pytest.mark.parametrize("name, content", (
    ("a.csv", f"sequence;value;measured\n{A};7,2;7,2\n"), ("a.tsv", f"sequence\tvalue\tmeasured\n{A}\t7,2\t7,2\n"),
    ("b.csv", f'sequence,value,measured\n{A},"7,2","7,2"\n'), ("a.txt", f"{A}\t7,2\n"), ("c.csv", f"{A};7,2\n"),
    ("a.xlsx", workbook(a=[["sequence", "value", "measured"], [A, "7,2", "7,2"]])), ("a.fa", f">p 7,2\n{A}\n"),
    ("b.fa", f">p value=7,2\n{A}\n")))
def test_a_decimal_comma_is_refused_alike_everywhere(place, name, content):
    write(place/name, content)
    assert COMMA in run("train", name, "model", code=1)
    if not name.endswith(".fa"): assert COMMA in run("predict", name, "--model", "simulated", code=1)
    assert [path.name for path in place.iterdir()] == [name]


@pytest.mark.parametrize("name, content", (
    ("a.fa", f">p\n{A}\n>q\n{B}\n"), ("a.csv", f"Name,sequence\np,{A}\nq,{B}\n"),
    ("b.csv", f"sequence;ID\n{A};p\n{B};q\n"),
    ("c.csv", f",sequence\np,{A}\nq,{B}\n"), ("a.tsv", f"p\t{A}\nq\t{B}\n"),
    ("a.xlsx", workbook(a=[["Plate 7"], ["Gene", "sequence"], ["p", A], [None], ["q", B]]))))
def test_names_are_kept_by_every_verb(place, name, content):
    write(place/name, content)
    model = "--model", "simulated"
    for verb in (["predict"], ["design", "--edits", 1, "--order", "order.fa"]):
        rows = [line.split("\t") for line in run(*verb, name, *model).splitlines()]
        assert [next(cell for cell in row if cell in ("p", "q")) for row in rows[1:]] == ["p", "q"], verb
    assert [line[:3] for line in (place/"order.fa").read_text().splitlines()[::2]] == [">p_", ">q_"]
    table = pd.read_csv(io.StringIO(run("explain", name, *model, "--motifs", "sites.csv")), sep="\t")
    assert table.groupby("line").name.unique().explode().tolist() == ["p", "q"] and len(table) == 160
    sites = pd.read_csv(place/"sites.csv")
    assert dict(zip(sites.line, sites.promoter)) == dict(zip(table.line, table.name))
    ablated = pd.read_csv(io.StringIO(run("ask", "ablate", "AC", name, *model, "--copies", 2)), sep="\t")
    assert set(ablated.name) == {"p", "q"}


def test_a_scan_keeps_the_names_of_sequences(place):
    write(place/"a.fa", f">p first\n{A}\n\n>q\n{B}\n")
    table = pd.read_csv(io.StringIO(run("scan", "a.fa", "--strand", "+", "--model", "simulated")), sep="\t")
    assert table.chromosome.tolist() == ["p", "q"]


def test_blank_lines_are_emptied_wherever_pieces_end():
    text = f"{A}\t\n \t\n\n\t\t\r\n{B}\t1\n"*3000
    for size in (7, 64, CHUNK):
        class Pieces(io.BytesIO):
            def read(self, most=-1): return super().read(min(most, size) if most > 0 else size)
        found = io.BufferedReader(Unpadded(b"", Pieces(text.encode()))).read().decode()
        assert found == (f"{A}\t\n\n\n\r\n{B}\t1\n"*3000).rstrip("\n")


def test_lines_of_many_blocks_are_those_of_the_file(place):
    text = "Plate 7\n\nid,sequence,value\n" + f"p,{A},1\n,,\n\n"*5000
    frames = list(read_stream(io.BytesIO(text.encode()), "many.csv", block=10_000))
    assert len(frames) > 9 and sum(map(len, frames)) == 5000
    assert pd.concat(frames).index.tolist() == list(range(4, 15_004, 3)) and heading_line(pd.concat(frames)) == 3
    write(place/"many.csv", text)
    assert len(read_measured(place/"many.csv")) == 5000
