"""Questions to a model: effects worked out by hand, the simulator's truth, and the commands with what they refuse."""
import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from promoter_nb.cli import app
from promoter_nb.data.flanks import DOWNSTREAM, UPSTREAM
from promoter_nb.data.sequence import PADDING, decode, encode
from promoter_nb.features.motif_sites import IUPAC, pattern, site_starts
from promoter_nb.inference.predictor import Predictor
from promoter_nb.interpretation.ablation import ablation_effects, replace_bases, stretches
from promoter_nb.interpretation.epistasis import epistasis, pair_starts
from promoter_nb.interpretation.insertion import insertion_effects, random_backgrounds, site_of, turned_site, write_site
from promoter_nb.simulate.expression import express

BACKGROUNDS = random_backgrounds(24, 80)
FIRST, SECOND = "CGGGTAACCA", "GCTATAAAGC" # of bases enough to be in no background by chance
words = st.text("".join(IUPAC), min_size=1, max_size=9).filter(lambda word: set(word) != {"N"})


def has(codes, word): return np.array([word in sequence for sequence in decode(codes)], dtype=float)
def truth(codes): return express(codes).mean


def run(*words, input=None, code=0):
    result = CliRunner().invoke(app, [str(word) for word in words], input=input)
    assert result.exit_code == code, f"{result.output}\n{result.exception!r}"
    return result.stdout if code == 0 else result.stderr


def table(text): return pd.read_csv(io.StringIO(text), sep="\t", keep_default_na=False)


@settings(max_examples=40, deadline=None)
@given(words, st.integers(0, 30), st.integers(0, 5))
def test_a_written_site_is_there_on_its_strand_and_nothing_else_changes(word, start, seed):
    codes = random_backgrounds(6, 40, seed)
    written, end = write_site(codes, word, start, seed), start + len(word)
    assert site_starts(written, pattern(word))[:, 0, start].all()
    assert (np.delete(written, range(start, end), 1) == np.delete(codes, range(start, end), 1)).all()
    other = write_site(codes, turned_site(word), start, seed)
    assert site_starts(other, pattern(word))[:, 1, start].all() and turned_site(turned_site(word)) == word


def test_a_sum_is_taken_apart_position_by_position():
    weights = np.random.default_rng(0).normal(size=(5, 12))
    weights[4] = 0
    additive = lambda codes: weights[codes, np.arange(12)].sum(1)
    codes = random_backgrounds(9, 12, seed=1)
    found = insertion_effects(additive, codes, "GATA", positions=[1, 5], strands="+").set_index("position")
    for position in (1, 5):
        columns = np.arange(position - 1, position + 3)
        expected = (weights[encode(["GATA"])[0], columns] - weights[codes[:, columns], columns]).sum(1)
        assert found.effect[position] == pytest.approx(expected.mean())
        assert found.high[position] - found.effect[position] == pytest.approx(2.3060*expected.std(ddof=1)/3, abs=1e-3)


def test_positions_that_short_backgrounds_do_not_reach():
    codes = encode(["ACGTACGTAC", "TTTTTTTTTT", "GGGG"], width=10)
    found = insertion_effects(lambda codes: has(codes, "CCC"), codes, "CCC", strands="+")
    assert found.promoters.tolist() == [2]*6 + [3]*2
    short = np.pad(random_backgrounds(5, 60), ((0, 0), (20, 0)), constant_values=PADDING)
    assert insertion_effects(truth, short, "TATAAA", strands="+").position.tolist() == list(range(21, 76))
    assert epistasis(truth, short, "TATAAA", "CGGGTAA").first_position.min() == 21
    with pytest.raises(ValueError, match="0 of 2 backgrounds have known bases at 1 to 3"):
        insertion_effects(truth, encode(["GGGG", "CCCC"], width=10), "AAA", positions=[1])


def test_sign_and_order_of_motifs_are_the_simulators():
    "The network that the simulator taught, asked about sites whose effect the simulator knows."
    network = Predictor.load("promoter_nb/assets/start", precision="32-true")
    motifs = ("REB1", "CBF1", "RAP1", "MCM1")
    effects = lambda function: {motif: insertion_effects(function, BACKGROUNDS, motif, [40]).effect.mean()
                                for motif in motifs}
    asked, known = effects(network.predict_codes), effects(truth)
    assert sorted(motifs, key=asked.get) == sorted(motifs, key=known.get) == ["MCM1", "RAP1", "CBF1", "REB1"]
    assert all(np.sign(asked[motif]) == np.sign(known[motif]) for motif in motifs)


def test_sites_are_replaced_and_nothing_else_is():
    codes = encode(["AC"*10 + "CGGGTAA" + "GT"*10, "A"*12 + "CCGTCCGTCC" + "T"*14])
    for word in ("CGGGTAA", "A"*10):
        chosen = np.zeros(codes.shape, dtype=bool)
        for site in stretches(codes, pattern(word)).itertuples(): chosen[site.row, site.start:site.end] = True
        many, where = np.repeat(codes, 50, 0), np.repeat(chosen, 50, 0)
        replaced = replace_bases(many, where, pattern(word))
        assert not site_starts(replaced, pattern(word)).any() and (replaced[~where] == many[~where]).all()


def test_one_of_two_equal_sites_is_not_missed():
    codes = encode([FIRST + "GA"*20 + FIRST, "GA"*20 + FIRST + "TG"*5])
    any_site = lambda codes: 3*has(codes, FIRST)
    single = ablation_effects(any_site, codes, FIRST)
    assert single[["row", "start", "effect", "low"]].values.tolist() == [[0, 0, 0, 0], [0, 50, 0, 0], [1, 40, 3, 3]]
    both = ablation_effects(any_site, codes, FIRST, together=True)
    assert both[["sites", "effect"]].values.tolist() == [[2, 3], [1, 3]]


def test_a_site_in_padding_or_longer_than_the_promoter_is_none():
    assert stretches(encode(["AC"], width=8), pattern("NNNAC")).empty
    assert stretches(encode(["ACGT"]), pattern("ACGTA")).empty
    assert ablation_effects(truth, encode(["ACGT"]), "ACGTA").empty


@settings(max_examples=25, deadline=None)
@given(st.floats(-3, 3), st.floats(-3, 3), st.floats(-3, 3), st.integers(0, 60))
def test_epistasis_is_what_a_function_has_beyond_its_sum(first, second, product, distance):
    def model(codes):
        one, other = has(codes, FIRST), has(codes, SECOND)
        return first*one + second*other + product*one*other
    found = epistasis(model, BACKGROUNDS, FIRST, SECOND, [distance]).iloc[0]
    expected = {"first_effect": first, "second_effect": second, "epistasis": product, "low": product, "high": product}
    np.testing.assert_allclose(found[list(expected)].astype(float), list(expected.values()), atol=1e-9)


def test_epistasis_at_the_distance_where_two_sites_touch():
    near = lambda codes: np.array([sequence[35:45] == FIRST and sequence[48:58] == SECOND
                                   for sequence in decode(codes)], dtype=float)
    found = epistasis(near, BACKGROUNDS, FIRST, SECOND, range(6), position=36)
    assert found.epistasis.tolist() == [0, 0, 0, 1, 0, 0] and (found.first_position == 36).all()


def test_of_an_additive_network_open_letters_included():
    weights = np.random.default_rng(3).normal(size=(5, 80))
    additive = lambda codes: weights[codes, np.arange(80)].sum(1)
    found = epistasis(additive, BACKGROUNDS, "RTCRYNNNNNACG", "WWSS", strands="-+")
    assert len(found) == 80 - 17 + 1 and abs(found[["epistasis", "low", "high"]]).to_numpy().max() < 1e-9


def test_a_pair_stands_in_the_middle_or_where_it_is_put():
    assert pair_starts(("AA", "CC"), 0, 10) == (3, 5) and pair_starts(("AA", "CC"), 6, 10) == (0, 8)
    refused = (-1, None, "negative"), (7, None, "both sites with it take 11 bases"), (0, 8, "begins at 1 to 7")
    for distance, position, words in refused:
        with pytest.raises(ValueError, match=words): pair_starts(("AA", "CC"), distance, 10, position)


@pytest.fixture
def promoters(tmp_path):
    path = tmp_path/"promoters.fa"
    cores = decode(write_site(random_backgrounds(6, 80, seed=4), "TTACCCGC", 50))
    oligos = [f"{UPSTREAM}{core}{DOWNSTREAM}" if number % 2 else core for number, core in enumerate(cores)]
    path.write_text("".join(f">{number}\n{oligo}\n" for number, oligo in enumerate(oligos)))
    return path


def test_commands_give_the_numbers_of_the_library(promoters):
    predictor = Predictor.load("simulated", precision="32-true")
    told = table(run("ask", "insert", "CGGGTAA", "REB1", "--position", 30, "--number", 8, "--model", "simulated"))
    assert (told.motif + told.strand).tolist() == ["CGGGTAA+", "CGGGTAA-", "REB1+", "REB1-"]
    expected = insertion_effects(predictor.predict_codes, random_backgrounds(8, 80), "CGGGTAA", [30])
    np.testing.assert_allclose(told.effect[:2], expected.effect, rtol=1e-4)
    told = table(run("ask", "pair", "REB1", "CGGGTAA", "--strands", "--", "--distance", 4, "--distance", 9,
                     "--backgrounds", promoters, "--model", "simulated"))
    assert told.distance.tolist() == [4, 9] and (told.promoters == 6).all() and (told.strands == "--").all()
    np.testing.assert_allclose(told.both_effect - told.first_effect - told.second_effect, told.epistasis, atol=1e-4)


def test_what_is_given_twice_is_asked_once():
    words = ("ask", "insert", "TATAAA", "--number", 4, "--position", 9, "--model", "simulated")
    assert run(*words, "TATAAA", "--position", 9) == run(*words)


def test_ablated_sites_are_named_by_line_and_place_in_their_promoter(promoters):
    told = table(run("ask", "ablate", "TTACCCGC", promoters, "--model", "simulated", "--copies", 4))
    assert told.name.astype(str).tolist() == list("012345") and told.line.tolist() == [1, 3, 5, 7, 9, 11]
    assert (told.start == 51).all() and (told.end == 58).all() and (told.strand == "+").all()
    np.testing.assert_allclose(told.before - told.after, told.effect, atol=1e-4)


REFUSED = {
    ("insert", "RAB1"): "near it are", ("insert", "A"*81): "has 81 bases; the model reads 80",
    ("insert", "NNN"): "every sequence", ("insert", "REB1", "--position", 0): "begins at 1 to 72",
    ("insert", "REB1", "--backgrounds", "one.txt"): "1 background; an interval needs two",
    ("ablate", "CGGGTAACCAT", "one.txt"): "has no site in the 1 sequences", ("ablate", "NSI9", "one.txt"): "NSI1",
    ("pair", "REB1", "RAP1", "--distance", 99): "is too long", ("pair", "REB1", "A"*90): "has 90 bases",
    ("pair", "REB1", "RAP1", "--distance", -2): "is negative"}


@pytest.mark.parametrize("words", REFUSED, ids=lambda words: "_".join(map(str, words))[:40])
def test_what_cannot_be_asked_is_named_and_nothing_is_written(words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path/"one.txt").write_text("ACGT"*20 + "\n")
    told = run("ask", *words, "--output", "out.tsv", "--model", "simulated", code=1)
    assert REFUSED[words] in told and len(told.strip().splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["one.txt"]


def test_what_a_jaspar_motif_leaves_open_is_left_open():
    assert site_of("MA0363") == site_of("reb1") and "N" in site_of("ABF1")
    assert (random_backgrounds(3, 8) < PADDING).all()
