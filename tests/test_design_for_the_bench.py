"""Design for the bench: whatever a laboratory asks, each proposal holds, and what cannot be held is refused first."""
import io
from itertools import combinations, groupby

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from promoter_nb.cli import app
from promoter_nb.inference.constraints import constraints, refuse_impossible
from promoter_nb.inference.design import design
from promoter_nb.data.sequence import encode
from promoter_nb.features.restriction_sites import enzyme_patterns

# Recognition sites as the enzymes' makers print them, and what their letters mean.
SITES = {"BsaI": "GGTCTC", "BsmBI": "CGTCTC", "HincII": "GTYRAC", "EcoRI": "GAATTC", "BstXI": "CCANNNNNNTGG",
         "MseI": "TTAA"}
MEANING = {"R": "AG", "Y": "CT", "N": "ACGT"}
TURNED = str.maketrans("ACGT", "TGCA")
CORE = "GCTAGCTTAAGCACTCACGTGATCGGCATATAAAGCATCTTTCTGATTTTTTCTTCGAAACATCACAAATCAACACAAAA"
bases = lambda least, most: st.text("ACGT", min_size=least, max_size=most)


class Additive:
    "A weight for each base, so that every search has somewhere to go."
    def predict(self, sequences):
        return np.array([sum("ACGT".index(base) for base in sequence) for sequence in sequences], dtype=float)


class Refused:
    "A predictor that must not be asked."
    def predict(self, sequences): raise AssertionError("a search began")


def cuts(text, enzyme):
    "Places, as first and one past the last letter, where an enzyme recognises one strand or the other."
    site, width = SITES[enzyme], len(SITES[enzyme])
    reads = lambda word: all(base in MEANING.get(letter, letter) for base, letter in zip(word, site))
    return [(place, place + width) for place in range(len(text) - width + 1)
            if reads(text[place:place + width]) or reads(text[place:place + width].translate(TURNED)[::-1])]


def spans_of_runs(text, longest):
    place, found = 0, []
    for _, letters in groupby(text):
        length = len(list(letters))
        if length > longest: found.append((place, place + length))
        place += length
    return found


def check(original, proposal, edits, fixed, enzymes, flanks, longest_run, gc_window, gc_range):
    whole, inside = flanks[0] + proposal + flanks[1], range(len(flanks[0]), len(flanks[0]) + len(proposal))
    touches = lambda spans: [span for span in spans if span[0] < inside.stop and span[1] > inside.start]
    assert len(proposal) == len(original) and sum(a != b for a, b in zip(original, proposal)) <= edits
    assert all(original[place] == proposal[place] for place in fixed)
    assert not [span for enzyme in enzymes for span in touches(cuts(whole, enzyme))]
    assert not touches(spans_of_runs(whole, longest_run))
    size, low, high = gc_window
    for place in range(max(len(proposal) - size, 0) + 1):
        window = proposal[place:place + size]
        assert low*len(window) - 1e-9 <= sum(base in "GC" for base in window) <= high*len(window) + 1e-9
    assert gc_range[0]*len(proposal) - 1e-9 <= sum(base in "GC"
                                                   for base in proposal) <= gc_range[1]*len(proposal) + 1e-9


@settings(max_examples=40, deadline=None)
@given(original=bases(20, 36), edits=st.integers(3, 12), first=st.integers(1, 15),
       enzymes=st.sets(st.sampled_from(list(SITES)), min_size=1, max_size=3),
       flanks=st.tuples(bases(0, 9), bases(0, 9)), longest_run=st.integers(2, 5), size=st.integers(6, 40),
       low=st.floats(0, 0.35), width=st.floats(0.3, 0.6),
       targets=st.sampled_from([["maximum"], ["minimum", 30], [25, 40]]), proposals=st.integers(1, 2),
       apart=st.integers(1, 4), method=st.sampled_from(["greedy", "evolutionary"]))
def test_no_proposal_breaks_a_constraint(original, edits, first, enzymes, flanks, longest_run, size, low, width,
                                         targets, proposals, apart, method):
    window, gc_range = (size, low, low + width), (low/2, 0.8)
    try:
        table = design(Additive(), [original], targets, edits, gc_range=gc_range, method=method,
                       fixed=f"{first}-{first + 4}", enzymes=sorted(enzymes),
                       longest_run=longest_run, gc_window=window, flanks=flanks, proposals=proposals, apart=apart)
    except ValueError as refusal:
        assert str(refusal).startswith(("sequence 0: ", "the limits on GC content contradict each other"))
        return
    assert list(zip(table.target, table.number)) == [(str(target), number) for target in targets
                                                     for number in range(1, proposals + 1)]
    for proposal in table.proposal:
        check(original, proposal, edits, range(first - 1, first + 4), enzymes, flanks, longest_run, window, gc_range)
    for one, other in combinations(table.proposal, 2): assert sum(a != b for a, b in zip(one, other)) >= apart


def test_most_wishes_are_met():
    "A property that is refused each time would hold as well."
    original = "".join(np.random.default_rng(3).choice(list("ACGT"), 60))
    wishes = {"fixed": range(10, 20), "enzymes": list(SITES), "flanks": ("GGTCT", "AGACC"), "longest_run": 4,
              "gc_window": (20, 0.3, 0.7), "gc_range": (0.4, 0.6)}
    table = design(Additive(), [original], [70, 90, 110], 20, proposals=3, apart=5, **wishes | {"fixed": "11-20"})
    for proposal in table.proposal: check(original, proposal, 20, **wishes)
    assert min(sum(a != b for a, b in zip(one, other)) for one, other in combinations(table.proposal, 2)) >= 5
    np.testing.assert_allclose(table.after, table.target.astype(float), atol=3)


@pytest.mark.parametrize("enzyme", SITES)
def test_sites_are_those_that_the_maker_prints(enzyme):
    assert [pattern.name for pattern in enzyme_patterns(enzyme.upper())] == [f"{enzyme} ({SITES[enzyme]})"]


def test_a_site_across_the_junction_is_broken_and_one_in_a_flank_is_not_looked_at():
    ask = lambda flanks: design(Additive(), ["TCAAAAAAAA"], "minimum", edits=1, enzymes=["BsaI"], flanks=flanks)
    assert ask(("GGTC", "")).changes.tolist() in (["T1A"], ["C2A"])
    assert ask(("CGGTCTCG", "")).changes.tolist() == ["T1A"]
    assert not cuts("GGTC" + ask(("GGTC", "")).proposal.item(), "BsaI")


def test_a_fixed_part_is_named_in_three_ways():
    ways = [design(Additive(), ["aaAAAAAAcc"], edits=10, fixed=fixed).proposal.item()
            for fixed in ("lower", "1-2,9-10", "xx......xx")]
    assert ways == ["AATTTTTTCC"]*3 == [design(Additive(), ["AAaaaaaaCC"], edits=10, fixed=["upper"]).proposal.item()]*3


@pytest.mark.parametrize("wish, message", [
    ({"enzymes": ["EcoRI"], "fixed": "1-12"}, r"without a site of EcoRI \(GAATTC\): its bases 4 to 9 are one"),
    ({"enzymes": ["BsaI"], "fixed": "1-12", "flanks": ("GGTCTC", "")}, None),
    ({"enzymes": ["MseI"], "fixed": "1-12", "flanks": ("TTA", "")}, r"MseI \(TTAA\): its bases -2 to 1"),
    ({"longest_run": 2, "fixed": "upper"}, "no base that may change"),
    ({"longest_run": 1, "fixed": "1-3"}, "more than 1 of one base in a row among"),
    ({"gc_window": (4, 0.8, 1), "fixed": "1-12"}, "keeps too many bases as they are"),
    ({"gc_window": (3, 0.4, 0.6)}, "has no number of bases that gives 3 bases"),
    ({"gc_range": (0.6, 0.9), "gc_window": (4, 0, 0.5)}, "contradict each other"),
    ({"enzymes": ["BsaII"]}, "BsaII'; near to it are .*BsaI"),
    ({"enzymes": "BsaI"}, "are lists"), ({"fixed": "1-99"}, "has 20 bases, so '1-99'"),
    ({"fixed": "lower"}, "no base in lower case"),
    ({"fixed": "xx"}, "a mask of 2"), ({"fixed": ["", ""]}, "one for each"),
    ({"proposals": 2, "apart": 21}, "differ in at most 20 bases"),
    ({"proposals": 2, "apart": 9, "fixed": "1-12"}, "has 8 bases that may change"),
    ({"target": []}, "there is no target"), ({"target": [9, 9]}, "given twice"),
    ({"proposals": 0}, "proposals is 0"), ({"flanks": ("ACX", "")}, "upstream flank has 'X' at base 3"),
    ({"longest_run": 0}, "longest_run is 0"),
])
def test_the_impossible_is_refused_before_any_work(wish, message):
    sequence = "AACGAATTCGTACGATCGAT"
    if message is None:
        assert len(design(Additive(), [sequence], **wish)) == 1 # a site in a flank alone is nobody's mistake
    else:
        with pytest.raises(ValueError, match=message): design(Refused(), [sequence], **wish)


def test_a_complaint_names_the_sequence_among_all():
    with pytest.raises(ValueError, match="sequence 70: has no proposal without a site of EcoRI"):
        design(Refused(), ["ACGTACGTAC"]*70 + ["AGAATTCA"] + ["ACGTACG"]*9, enzymes=["EcoRI"], fixed="2-7")


def test_n_in_a_site_may_be_anything_and_saves_nothing():
    with pytest.raises(ValueError, match="BstXI"):
        refuse_impossible(encode(["CCAACGTACTGG"]), constraints(enzymes=["BstXI"]),
                          np.array([[False]*3 + [True]*6 + [False]*3]))


def run(*words, input, code=0):
    result = CliRunner().invoke(app, ["design", "-", *map(str, words)], input=input)
    assert result.exit_code == code, f"{result.output}\n{result.exception!r}"
    return result.stdout if code == 0 else result.stderr


def test_an_order_from_the_shell(tmp_path):
    flanks = ("AAGGTCTCGCATC", "GGTTTGAGACCAA")
    text = run("--target", 8, "--target", 11, "--proposals", 2, "--apart", 3, "--edits", 3, "--fixed", "1-60",
               "--enzyme", "BsaI", "--upstream", flanks[0], "--downstream", flanks[1],
               "--overlap", 6, "--order", tmp_path/"order.fasta", "--order", tmp_path/"order.csv",
               input=f">TDH3 a native\n{CORE}\n")
    table = pd.read_csv(io.StringIO(text), sep="\t")
    assert list(zip(table.target, table.number)) == [(8, 1), (8, 2), (11, 1), (11, 2)]
    assert set(table.name) == {"TDH3 a native"}
    assert ((table.low < table.after) & (table.after < table.high) & (table.spread > 0)).all() and "unusual" in table
    for proposal in table.proposal: check(CORE, proposal, 3, range(60), ["BsaI"], flanks, 80, (80, 0, 1), (0, 1))
    names = ["TDH3_8_1", "TDH3_8_2", "TDH3_11_1", "TDH3_11_2"]
    oligos = [f"CGCATC{proposal}GGTTTG" for proposal in table.proposal]
    assert (tmp_path/"order.fasta").read_text() == "".join(f">{name}\n{oligo}\n" for name, oligo in zip(names, oligos))
    order = pd.read_csv(tmp_path/"order.csv")
    assert order.name.tolist() == names and order.oligo.tolist() == oligos and set(order.bases) == {92}


def test_a_column_says_what_is_fixed():
    text = run("--edits", 4, "--fixed-column", "keep", "--target", "minimum",
               input=f"sequence,keep\n{CORE},1-70\n{CORE[1:]},{'x'*10 + '.'*69}\n")
    proposals = pd.read_csv(io.StringIO(text), sep="\t").proposal
    assert proposals[0][:70] == CORE[:70] and proposals[1][:10] == CORE[1:11]


@pytest.mark.parametrize("words, message", [
    (["--enzyme", "EcoRX"], "no restriction enzyme is called 'EcoRX'"),
    (["--fixed", "79-81"], "standard input, line 2: the sequence has 80 bases, so '79-81'"),
    (["--fixed-column", "mask"], "there is no column 'mask'"), (["--order", "order.docx"], "order.docx"),
    (["--order", "two.fa", "--target", "5"], "two oligos would be called b_5_1"),
    (["--gc-window", "10", "0.91", "0.95"], "has no number of bases"),
    (["--upstream", "GG-"], "upstream flank has '-'"), (["--target", "1_0"], "target '1_0' is neither 'maximum' nor"),
])
def test_bad_wishes_end_in_a_line_and_write_nothing(words, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    told = run(*words, "--output", "out.tsv", input=f">b 1\n{CORE}\n>b 2\n{CORE}\n" if "two.fa" in words
               else f"id,sequence\nb,{CORE}\n", code=1)
    assert message in told and told.count("\n") == 1 and not list(tmp_path.iterdir())


def test_a_place_where_no_order_can_be_written_is_refused_before_the_search(tmp_path, monkeypatch):
    monkeypatch.setattr("promoter_nb.cli._design_parts", lambda *_: pytest.fail("the search began"))
    (tmp_path/"file").touch()
    assert "file" in run("--order", tmp_path/"file"/"order.fa", input=CORE, code=1)
