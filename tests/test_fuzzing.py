"""Files as nobody should write them: a reader gives every row, or says in one line which file is wrong and how."""
import gzip
import json
import os
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promoter_nb.data.dataset import DataError
from promoter_nb.data.genome import open_genome
from promoter_nb.data.measured_tables import has_heading, read_table
from promoter_nb.data.vcf import add_info, list_alleles, read_vcf
from promoter_nb.data.windows import lay_windows, read_regions
from promoter_nb.evaluation.predictions import match_predictions, read_predictions
from promoter_nb.inference.constraints import constraints, refuse_impossible
from promoter_nb.inference.fixed_bases import fixed_bases

# FUZZ=10000 tries as many inputs, others each time, and gives none more than 5 seconds; otherwise the same few.
MANY = int(os.environ.get("FUZZ", 0))
fuzzed = settings(max_examples=MANY or 100, derandomize=not MANY, deadline=5000 if MANY else None)
LETTERS = (*"\t \n\r\0\x0b\x85\u2028\ufeffé.,;=\"'><#%", "ACGT", "acgtn", "N", "\t\t", "\r\n", "\n\n", "-1", "0", "1.5",
           "1e400", "nan", "9"*30, "##FASTA\n", "chr")


@st.composite
def files(draw, whole, *pieces):
    "Lines, whole or with something put in, taken out or doubled; plain, packed, or cut off while packed."
    text = "".join(draw(st.lists(st.sampled_from(whole), max_size=12)))
    for _ in range(draw(st.integers(0, 3))):
        first, length = draw(st.integers(0, len(text))), draw(st.integers(0, 9))
        put = draw(st.sampled_from([*LETTERS, *pieces, text[first:first + length]*2]))
        text = text[:first] + put + text[first + length:]
    content = draw(st.just(text.encode()) | st.binary(max_size=200)) if draw(st.integers(0, 9)) == 0 else text.encode()
    packing = draw(st.sampled_from(["plain"]*6 + ["packed", "cut off", "damaged"]))
    if packing == "plain": return content, content
    packed = gzip.compress(content, mtime=0)
    if packing == "cut off": packed = packed[:draw(st.integers(3, len(packed)))]
    if packing == "damaged": packed = packed[:12] + draw(st.binary(max_size=20)) + packed[15:]
    return packed, content


def read(reader, content, place):
    "What a reader finds in a file, or None where it says what is wrong with it."
    (path := place/"fuzzed").write_bytes(content)
    try: return reader(path)
    except DataError as error: assert "fuzzed" in str(error)


@pytest.fixture(scope="module")
def place(tmp_path_factory): return tmp_path_factory.mktemp("fuzzed")


HEADER = "##fileformat=VCFv4.2\n##INFO=<ID=A,Number=1,Type=Integer,Description=\"x\">\n", \
    "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
VARIANTS = "chrI\t10\trs1\tA\tG\t.\tPASS\tA=1\n", "chrI\t11\t.\tAC\tA,<DEL>,*\t9.5\t.\t.\n", "2\t7\t.\tg\t.\t.\t.\t.\n"

@fuzzed
@given(files(VARIANTS, "<*>", "G]17:198]", "\tGT\t0/1"), st.sampled_from([HEADER, HEADER[1:], HEADER[:1]]))
def test_a_vcf_has_all_its_records(place, file, header):
    packed = file[0] != file[1]
    content = file[0] if packed else "".join(header).encode() + file[1]
    for block in (64, 1 << 20):
        def reader(path):
            with open(path, "rb") as stream:
                vcf = read_vcf(stream, str(path), block)
                return len(vcf.header), [(records, list_alleles(records, str(path))) for records in vcf.blocks]
        if (found := read(reader, content, place)) is None: continue
        lines, alternatives = sum(len(records) for records, _ in found[1]), sum(len(alleles) for _, alleles in found[1])
        given = [line for line in (file[1] if packed else content).split(b"\n") if line.strip(b" \t\r")]
        records = given[found[0]:]
        assert lines == len(records) and alternatives == sum(line.split(b"\t")[4].count(b",") + 1 for line in records)
        assert sum(add_info(block, ["A=1"]*len(block)).count(b"\n") for block, _ in found[1]) == lines


BED = "chrI\t10\t200\tone\t0\t+\n", "chrI 5 9\n", "2\t0\t40\ttwo\t1.5\t-\n", "track name=x\n", "# note\n"
GFF = "chrI\tx\tgene\t11\t200\t.\t+\t.\tID=g1;Name=one%20two\n", "2\tx\tgene\t1\t40\t.\t-\t.\tgene_id \"g2\"\n", "##x\n"
LISTED = "chrI:11-200:+\tone\n", "2:1-40\n", "chrI:1,000-2,000:-\n"

@fuzzed
@given(st.one_of(files(lines, "gene", "mRNA", "chrI:1-2") for lines in (BED, GFF, LISTED)), st.integers(1, 90))
def test_regions_of_a_genome_are_all_there(place, file, width):
    content, plain = file
    if (found := read(read_regions, content, place)) is None: return
    lines = re.split("(?m)^##FASTA", re.sub("\r\n?", "\n", plain.decode("utf-8-sig")))[0].split("\n")
    assert len(found) == sum(bool(line.strip()) and not re.match(r"#|(track|browser)\b", line) for line in lines)
    assert (found.start >= 0).all() and (found.end > found.start).all() and found.strand.isin(["+", "-", "."]).all()
    (genome := place/"genome.fa").write_text(">chrI\n" + "ACGTN"*50 + "\n>2\n" + "ACGT"*10 + "\n")
    with open_genome(genome) as opened:
        try: windows = lay_windows(found, opened, width, name="fuzzed")
        except DataError as error: assert "fuzzed" in str(error)
        else: assert len(windows.table) >= len(found)


RECORDS = ">chrI one\nACGTACGTAC\nACGTACGTAC\nACG\n", ">2\nNNNNNNNNNN\nacgtacgtac\n", ">\nACGT\n", ">empty\n"

@fuzzed
@given(files(RECORDS, "ACGT\n", ">2\n", "ACGTACGTACACGT\n"))
def test_a_genome_has_all_its_bases(place, file):
    content, plain = file
    def reader(path):
        with open_genome(path) as genome:
            return {name: genome.fetch(name, 0, length) for name, length in genome.lengths.items()}
    if (found := read(reader, content, place)) is None: return
    records = [record.partition(b"\n") for record in re.split(rb"(?m)^>", plain)[1:]]
    names = [b"".join(head.split()[:1]).decode() for head, _, _ in records]
    bases = [b"".join(lines.split()).decode() for _, _, lines in records]
    with_bases = lambda records: {name: letters for name, letters in records if letters}
    assert with_bases(found.items()) == with_bases(zip(names, bases))
    assert len(set(names)) == len(names), "of two sequences with one name, one was lost"


TABLE = "ACGTACGTACGT\t1.5\t2\n", "acgtnnnn\t-3e1\t\n", "TGCATTTTTTTCACATCACG\t0\t1\n"

@fuzzed
@given(files(TABLE), st.sampled_from(["sequence\tvalue\tother\n", "id\tvalue\tsequence\n", "Sequence,value,other\n"]),
       st.sampled_from([{}, {"values": ("value", "other")}, {"weight": "other"}, {"error": "other"}, {"width": None}]))
def test_a_measured_table_has_all_its_rows(place, file, heading, options):
    packed = file[0] != file[1]
    plain = file[1] if packed else heading.encode() + file[1].replace(b"\t", b"," if "," in heading else b"\t")
    content = file[0] if packed else plain
    found = read(lambda path: read_table(path, **options), content, place)
    has_heading(place/"fuzzed")
    if found is not None and b'"' not in plain:
        assert len(found) == sum(bool(line.strip(b" ,\t\r")) for line in plain.split(b"\n")) - 1
        assert np.isfinite(found.labels).all() and len(found.codes) == len(found)


IDS, CORES = ["a", "b", "c"], ["ACGTACGT", "GATTACA", "CCCCGGGG"]
PREDICTED = "id,prediction\n", "a,1\n", "b,2\n", "c,3\n", "sequence\tprediction\n", *(f"{core}\t1\n" for core in CORES)
VALUES = st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.sampled_from(["", "1.5", "é", *IDS]),
                      lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
                          [*IDS, *CORES, "0", "prediction_tasks", "predictions"]), inner, max_size=4), max_leaves=12)
JSON = VALUES.map(json.dumps) | st.sampled_from(["[", "{\"a\":", "[{"]).map(lambda text: text*20_000)

@fuzzed
@given(files(PREDICTED, '{"a": 1}', "[") | JSON.map(lambda text: (text.encode(), text.encode())))
def test_predictions_are_one_for_each_promoter(place, file):
    content, plain = file
    if (found := read(read_predictions, content, place)) is None: return
    assert np.isfinite(found.value).all() and found.key.notna().all()
    try: matched = match_predictions(found, IDS, CORES, "fuzzed")
    except DataError as error: assert "fuzzed" in str(error)
    else: assert len(matched) == len(found) == 3 and np.isfinite(matched).all()


MOTIFS = st.text(max_size=6) | st.sampled_from(["REB1", "ma0363", "cggaa", "N", "", " ", "A"*200, "EcoRI", "bsai "])
NUMBERS = st.integers(-2, 100) | st.floats() | st.sampled_from([10**30, True, np.float32(3)])
SHARES = st.tuples(st.floats() | st.just(0.5), st.floats(0, 1))
SEQUENCES = st.text("ACGTN", min_size=1, max_size=40)

@fuzzed
@given(edits=NUMBERS, keep=st.lists(MOTIFS, max_size=2), forbid=st.lists(MOTIFS, max_size=2), gc_range=SHARES,
       enzymes=st.lists(MOTIFS, max_size=2), gc_window=st.none() | st.tuples(NUMBERS, st.floats(0, 1), st.floats()),
       longest_run=st.none() | NUMBERS, flanks=st.tuples(st.text("ACGTNacgt", max_size=5), st.text(max_size=3)),
       sequence=SEQUENCES)
def test_wishes_for_a_design_are_taken_or_refused(sequence, **wishes):
    codes = np.array([["ACGTN".index(base) for base in sequence]], np.uint8)
    try: refuse_impossible(codes, constraints(**wishes))
    except ValueError as error: assert str(error)


FIXED = st.text("0123456789-,xX. ", max_size=8) | st.text(max_size=5) \
    | st.sampled_from(["lower", "upper", "1-3", "1,2,5-7", "x..x", "xX.", "", " 2 ", "0", "5-1", "1-" + "9"*40, "1--2"])

@fuzzed
@given(st.lists(st.text("ACGTacgt", max_size=12), max_size=4), FIXED | st.lists(FIXED, max_size=4))
def test_fixed_bases_are_one_for_each_base(sequences, fixed):
    try: found = fixed_bases(sequences, fixed)
    except ValueError as error: assert str(error)
    else: assert [len(columns) for columns in found] == [len(sequence) for sequence in sequences]
