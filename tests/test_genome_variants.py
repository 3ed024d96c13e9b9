"""Variants of a VCF in windows of a genome: what is scored is worked out by hand, base by base."""
import gzip
import io
import os
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
import pandas as pd
import pysam
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from promoter_nb.cli import app
from promoter_nb.data.genome import open_genome
from promoter_nb.data.vcf import read_vcf, write_vcf
from promoter_nb.data.windows import lay_windows, read_regions
from promoter_nb.inference import genome_variants
from promoter_nb.inference.genome_variants import VariantScorer, describe_scoring, score_vcf
from promoter_nb.inference.predictor import Predictor
from promoter_nb.inference.scan import bedgraph_lines, scan, wig_lines
from promoter_nb.models.registry import build

#          0         1         2         3
#          01234567890123456789012345678901
CHR_I = "AACCGGTTACGTTGCATCAGGATCCATTGCGA"
CHR_II = "ACGTACGTAC"
# The first holds ACGTTGCA; the second is read in reverse, so GATCCTGA; the third begins near a chromosome's end.
REGIONS = "chrI\t8\t16\tforward\t0\t+\nchrI\t16\t24\treverse\t0\t-\nchrII\t1\t9\tedge\t0\t+\n"
HEADER = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"

# chromosome, position from 1, ref, alt, and for each window that holds the variant what it then reads
BY_HAND = {
    "a base within": ("chrI", 12, "T", "A", {"forward": "ACGATGCA"}),
    "the first base": ("chrI", 9, "A", "G", {"forward": "GCGTTGCA"}),
    "the last base": ("chrI", 16, "A", "C", {"forward": "ACGTTGCC"}),
    "the base behind": ("chrI", 17, "T", "C", {"reverse": "GATCCTGG"}),
    "the base before": ("chrI", 8, "T", "C", {}),
    "the last base of the reverse": ("chrI", 24, "C", "A", {"reverse": "TATCCTGA"}),
    "lower case": ("chrI", 12, "t", "a", {"forward": "ACGATGCA"}),
    "an insertion": ("chrI", 12, "T", "TGG", {"forward": "GTGGTGCA"}),
    "an insertion in the reverse": ("chrI", 20, "G", "GTT", {"reverse": "TCAACTGA"}),
    "an insertion longer than the window": ("chrI", 12, "T", "TGGGGGGGGGGGG", {"forward": "GGGGTGCA"}),
    "an insertion at the edge of both": ("chrI", 16, "A", "AGG", {}),
    "a deletion": ("chrI", 11, "GTT", "G", {"forward": "TTACGGCA"}),
    "a deletion in the reverse": ("chrI", 18, "CAGG", "C", {"reverse": "ATGGATGA"}),
    "a deletion over the edge of both": ("chrI", 15, "CATC", "C", {"forward": "TACGTTGC", "reverse": "TGGATCCT"}),
    "a deletion over the left edge": ("chrI", 6, "GTTAC", "G", {"forward": "GGGTTGCA"}),
    "a deletion over the right edge of the reverse": ("chrI", 23, "TCCA", "T", {"reverse": "AATCCTGA"}),
    "a deletion of a whole window": ("chrI", 8, "TACGTTGCAT", "T", {"reverse": "GGATCCTG"}),
    "several bases over the edge": ("chrI", 15, "CATC", "GGGG", {"forward": "ACGTTGGG", "reverse": "GATCCTCC"}),
    "four bases by two over the edge": ("chrI", 15, "CATC", "GT", {"forward": "ACGTTGGT", "reverse": "GATCCTAC"}),
    "bases that both share": ("chrI", 10, "CGTTG", "CGATG", {"forward": "ACGATGCA"}),
    "no change": ("chrI", 12, "T", "T", {"forward": "ACGTTGCA"}),
    "a deletion near the chromosome's end": ("chrII", 5, "ACGT", "A", {"edge": "NNACGTAA"}),
    "an unknown base": ("chrI", 12, "T", "N", {"forward": "ACGNTGCA"}),
}


@cache
def narrow(width=8):
    "The package's card with a small untrained network of another width, so that windows fit into a line."
    wide = Predictor.load(precision="32-true")
    network = build("strand_resnet", channels=8, first_kernel=3, kernel=3, blocks=1, width=width)
    return Predictor([network], wide.card | {"width": width}, precision="32-true")


@pytest.fixture(scope="module")
def predictor(): return narrow()


@pytest.fixture
def place(tmp_path):
    lines = [">chrI first", CHR_I[:10], CHR_I[10:20].lower(), CHR_I[20:30], CHR_I[30:], ">chrII", CHR_II, ""]
    (tmp_path/"genome.fa").write_text("\n".join(lines))
    (tmp_path/"windows.bed").write_text(REGIONS)
    return tmp_path


def score(place, predictor, lines, regions="windows.bed", genome="genome.fa", **options):
    "Scores of the lines of a VCF, and what is said of them."
    with open_genome(place/genome) as opened:
        windows = lay_windows(read_regions(place/regions), opened, predictor.width, **options)
        scorer = VariantScorer(predictor, opened, windows, sequences=True)
        parts = [scores for _, scores in score_vcf(scorer, read_vcf(io.BytesIO((HEADER + lines).encode()), "my.vcf"))]
    return pd.concat(parts), describe_scoring(scorer)


def line(chromosome, position, ref, alt): return f"{chromosome}\t{position}\t.\t{ref}\t{alt}\t.\t.\t.\n"


@pytest.mark.parametrize("case", BY_HAND)
def test_windows_are_those_worked_out_by_hand(place, predictor, case):
    *variant, expected = BY_HAND[case]
    scores, _ = score(place, predictor, line(*variant))
    assert dict(zip(scores.window, scores.alternative)) == expected
    assert set(scores.windows) <= {len(expected)}
    references = {"forward": "ACGTTGCA", "reverse": "GATCCTGA", "edge": "CGTACGTA"}
    assert scores.reference.tolist() == [references[window] for window in scores.window]


def test_all_at_once_are_scored_as_their_sequences_are(place, predictor, monkeypatch):
    lines = "".join(line(*variant) for *variant, _ in BY_HAND.values())
    scores, told = score(place, predictor, lines)
    for column, predicted in (("reference", "reference_prediction"), ("alternative", "alternative_prediction")):
        codes = np.array([["ACGTN".index(base) for base in text] for text in scores[column]], np.uint8)
        np.testing.assert_allclose(scores[predicted], predictor.predict_codes(codes), rtol=1e-6)
    np.testing.assert_array_equal(scores.delta, scores.alternative_prediction - scores.reference_prediction)
    assert ((scores.low < scores.delta) & (scores.delta < scores.high)).all()
    assert told == "23 alternatives: 21 scored, 2 outside of the windows; windows that a deletion takes whole: 1"
    monkeypatch.setattr(genome_variants, "AT_ONCE", 3)
    again, _ = score(place, predictor, lines)
    pd.testing.assert_frame_equal(again.drop(columns="record"), scores.drop(columns="record").set_axis(again.index))


def test_every_kind_of_allele_is_scored_or_named(place, predictor):
    records = [("chrI", 12, "T", "A,<DEL>,*,TGG,A[chrII:3[,<*>"), ("chrI", 13, "T", "."), ("chrIII", 5, "A", "C"),
               ("I", 9, "A", "G")]
    scores, told = score(place, predictor, "".join(line(*record) for record in records))
    assert scores.alternative.tolist() == ["ACGATGCA", "GTGGTGCA", "GCGTTGCA"] and scores.number.tolist() == [1, 4, 1]
    for part in ("9 alternatives: 3 scored, 0 outside", "1 symbolic (such as <DEL>)", "1 deleted by another record (*)",
                 "2 no alternative", "1 breakend (such as A[chrII:3[)",
                 "1 on a chromosome that the genome does not have (such as chrIII)"): assert part in told


def test_a_region_without_strand_is_read_both_ways_and_a_long_one_in_steps(place, predictor):
    (place/"windows.bed").write_text("chrI\t8\t20\tlong\n")
    scores, _ = score(place, predictor, line("chrI", 14, "G", "C"), step=2)
    assert list(zip(scores.start, scores.end, scores.strand, scores.alternative)) == [
        (9, 16, "+", "ACGTTCCA"), (9, 16, "-", "TGGAACGT"), (11, 18, "+", "GTTCCATC"), (11, 18, "-", "GATGGAAC"),
        (13, 20, "+", "TCCATCAG"), (13, 20, "-", "CTGATGGA")]


def test_promoters_in_front_of_genes(place, predictor):
    genes = [("gene", 17, 20, "+", "ID=A"), ("exon", 17, 20, "+", "ID=A1"), ("gene", 10, 16, "-", "ID=B;Name=beta")]
    (place/"genes.gff3").write_text("".join(f"chrI\t.\t{kind}\t{start}\t{end}\t.\t{strand}\t.\t{name}\n"
                                            for kind, start, end, strand, name in genes))
    with open_genome(place/"genome.fa") as genome:
        windows = lay_windows(read_regions(place/"genes.gff3", "gene"), genome, 8, upstream=8)
    assert windows.table.to_numpy().tolist() == [["chrI", 8, "+", "A"], ["chrI", 16, "-", "beta"]]


OTHER = {"A": "T", "C": "G", "G": "C", "T": "A"}
def turned(text): return "".join(OTHER[base] for base in reversed(text))


@settings(max_examples=25, deadline=None)
@given(st.text("ACGT", min_size=40, max_size=40), st.integers(8, 24), st.integers(1, 12),
       st.text("ACGT", min_size=1, max_size=12), st.integers(8, 24))
def test_the_other_strand_of_everything_scores_the_same(tmp_path_factory, text, start, length, alt, window):
    ref, size = text[start:start + length], len(text)
    alt = OTHER[ref[0]] + alt + OTHER[ref[-1]]
    place, model = tmp_path_factory.mktemp("mirror"), narrow()
    found = []
    for name, genome, strand, first, position, alleles in (
            ("one", text, "+", window, start, (ref, alt)),
            ("other", turned(text), "-", size - window - 8, size - start - length, (turned(ref), turned(alt)))):
        (place/name).write_text(f">c\n{genome}\n")
        (place/f"{name}.bed").write_text(f"c\t{first}\t{first + 8}\tw\t0\t{strand}\n")
        scores, _ = score(place, model, line("c", position + 1, *alleles), f"{name}.bed", name)
        found.append(scores[["reference", "alternative"]].to_numpy().tolist())
    assert found[0] == found[1]


@pytest.fixture
def yeast(tmp_path):
    "A genome of random bases with promoters as wide as the package's model reads, and a VCF of it."
    rng = np.random.default_rng(3)
    text = "".join(rng.choice(list("ACGT"), 2000))
    (tmp_path/"genome.fa").write_text(f">chr1\n{text}\n")
    (tmp_path/"promoters.bed").write_text("chr1\t100\t180\tGAL1\t0\t+\nchr1\t900\t980\tA;B\t0\t-\n")
    rows = (121, text[120], "A" if text[120] != "A" else "C"), (951, text[950:953], text[950]), (1500, text[1499], "N")
    (tmp_path/"my.vcf").write_text(HEADER + "".join(f"1\t{position}\t.\t{ref}\t{alt},<DEL>\t.\tPASS\tDP=3\n"
                                                    for position, ref, alt in rows))
    return tmp_path


def command(yeast, vcf): return ["variants", vcf, "--genome", yeast/"genome.fa", "--windows", yeast/"promoters.bed"]


def run(yeast, *words):
    result = CliRunner().invoke(app, [str(word) for word in (*command(yeast, yeast/"my.vcf"), *words)])
    assert result.exit_code == 0, result.output
    return result


def test_a_table_and_an_annotated_vcf_say_the_same(yeast):
    said = run(yeast, "--sequences", "-o", yeast/"out.csv").stderr
    assert "6 alternatives: 2 scored, 1 outside of the windows, 3 symbolic (such as <DEL>)" in said
    table = pd.read_csv(yeast/"out.csv", keep_default_na=False)
    assert table.window.tolist() == ["GAL1", "A;B"] and table.strand.tolist() == ["+", "-"]
    assert set(table.reference.str.len()) == {80}
    same = Predictor.load(precision="32-true").difference(table.reference, table.alternative)
    np.testing.assert_allclose(table.delta, same.delta, atol=0.05) # the VCF may be scored in bfloat16
    run(yeast, "--sequences", "--precision", "32-true", "-o", yeast/"exact.tsv")
    np.testing.assert_allclose(pd.read_csv(yeast/"exact.tsv", sep="\t").delta, same.delta, rtol=1e-3, atol=1e-5)
    run(yeast, "-o", yeast/"OUT.VCF.GZ")
    (yeast/"OUT.VCF.GZ").rename(yeast/"out.vcf.gz")
    pysam.set_verbosity(0)
    with pysam.VariantFile(str(yeast/"out.vcf.gz")) as vcf: records = list(vcf)
    assert [record.info.get("PNB_WINDOWS") for record in records] == [(1, 0), (1, 0), None]
    assert [record.info["PNB_DELTA"][0] for record in records[:2]] == pytest.approx(table.delta.tolist(), rel=1e-4)
    assert records[1].info["PNB"][0].split("|")[1:5] == ["A%3BB", "901", "980", "-"] and records[2].info["DP"] == "3"


def test_all_packings_and_line_ends_give_the_same(place, predictor):
    plain = (HEADER + line("chrI", 12, "T", "A") + line("chrII", 5, "A", "C")).encode()
    genome = (place/"genome.fa").read_bytes()
    pysam.tabix_compress(str(place/"genome.fa"), str(place/"packed"))
    def scored(content):
        with open_genome(place/"genome.fa") as opened:
            windows = lay_windows(read_regions(place/"windows.bed"), opened, 8)
            scorer = VariantScorer(predictor, opened, windows, sequences=True)
            return pd.concat([scores for _, scores in score_vcf(scorer, read_vcf(io.BytesIO(content), "my.vcf"))])
    expected = scored(plain)
    assert expected.alternative.tolist() == ["ACGATGCA", "CGTCCGTA"]
    for content in (gzip.compress(plain), plain.replace(b"\n", b"\r\n"), plain + b"\n\n", plain.rstrip(b"\n")):
        pd.testing.assert_frame_equal(scored(content), expected)
    for content in ((place/"packed").read_bytes(), gzip.compress(genome), genome.replace(b"\n", b"\r\n"),
                    b"\xef\xbb\xbf" + genome, gzip.compress(b"\xef\xbb\xbf" + genome)):
        (place/"genome.fa").write_bytes(content)
        pd.testing.assert_frame_equal(scored(plain), expected)
    assert sorted(path.name for path in place.iterdir()) == ["genome.fa", "packed", "windows.bed"]


def test_a_pipe_gives_what_a_file_gives(yeast):
    words = [sys.executable, "-c", "from promoter_nb.cli import app; app()"]
    packed = gzip.compress((yeast/"my.vcf").read_bytes())
    piped = subprocess.run([*words, *command(yeast, "-")], input=packed, capture_output=True)
    assert piped.stdout.decode() == run(yeast).stdout and piped.stdout.count(b"\n") == 3


@pytest.mark.parametrize("age", [1, 2**31])
def test_an_index_that_lies_beside_a_genome_is_not_used(place, predictor, age):
    variant = line("chrII", 5, "A", "C")
    pysam.faidx(str(place/"genome.fa"))
    expected = score(place, predictor, variant)[0]
    (place/"genome.fa").write_text(">chr0\nACGT\n" + (place/"genome.fa").read_text())
    os.utime(place/"genome.fa.fai", (age, age))
    assert expected.alternative.tolist() == score(place, predictor, variant)[0].alternative.tolist() == ["CGTCCGTA"]


def test_a_named_pipe_takes_a_packed_vcf(tmp_path):
    os.mkfifo(pipe := tmp_path/"out.vcf.gz")
    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(pipe.read_bytes)
        with write_vcf(pipe) as file: file.write(b"lines\n")
    assert gzip.decompress(found.result()) == b"lines\n" and pipe.is_fifo()


def test_a_packed_vcf_goes_behind_what_an_open_stream_holds(tmp_path):
    with open(tmp_path/"all", "wb") as all:
        all.write(b"earlier\n")
        all.flush()
        (tmp_path/"out.vcf.gz").symlink_to(f"/dev/fd/{all.fileno()}")
        with write_vcf(tmp_path/"out.vcf.gz") as file: file.write(b"lines\n")
    earlier, packed = (tmp_path/"all").read_bytes().split(b"\n", 1)
    assert earlier == b"earlier" and gzip.decompress(packed) == b"lines\n"


def test_samples_stay_in_an_annotated_vcf(yeast):
    lines = (yeast/"my.vcf").read_text().splitlines()
    with_samples = [lines[0], f"{lines[1]}\tFORMAT\ts1\ts2", *(f"{row}\tGT:AD\t0/1:3\t./." for row in lines[2:])]
    (yeast/"my.vcf").write_text("\n".join([*with_samples, ""]))
    rows = run(yeast, "--to", "vcf").stdout.splitlines()
    assert all(row.split("\t")[8:] == ["GT:AD", "0/1:3", "./."] for row in rows if not row.startswith("#"))
    assert rows[-1] == f"{lines[-1]}\tGT:AD\t0/1:3\t./."


def test_a_scan_predicts_each_window_of_both_strands(place, predictor):
    (place/"genome.fa").write_text(f">chrI\n{CHR_I}\n>gap\nACGTACGTNACGTACGT\n>short\nACG\n")
    counts = Counter()
    with open_genome(place/"genome.fa") as genome: table = pd.concat(scan(predictor, genome, 4, counts=counts))
    assert counts == {"short": 1, "unknown": 2, "windows": 16}
    by_hand = {("chrI", 9, 16, "+"): "ACGTTGCA", ("chrI", 17, 24, "-"): "GATCCTGA", ("gap", 1, 8, "+"): "ACGTACGT"}
    found = table.set_index(["chromosome", "start", "end", "strand"]).prediction
    codes = np.array([["ACGT".index(base) for base in text] for text in by_hand.values()], np.uint8)
    np.testing.assert_allclose(found[list(by_hand)], predictor.predict_codes(codes), rtol=1e-6)
    assert table[table.chromosome == "gap"][["start", "strand"]].to_numpy().tolist() == [[1, "+"], [1, "-"]]
    forward = table[(table.strand == "+") & (table.chromosome == "chrI")]
    starts = [row.split("\t")[1:3] for row in bedgraph_lines(forward, 4).decode().splitlines()]
    assert starts == [[str(start), str(start + 4)] for start in range(2, 30, 4)]
    assert wig_lines(forward, 4).startswith(b"fixedStep chrom=chrI start=3 step=4 span=4\n")
