"""Design: constraints hold whatever is asked, both searches reach what is known, and the impossible is refused."""
import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn

from promoter_nb.inference.constraints import constraints, refuse_impossible, violations
from promoter_nb.inference.design import design, editable_bases
from promoter_nb.data.flanks import DOWNSTREAM, UPSTREAM
from promoter_nb.features.motif_sites import Pattern, count_sites, pattern
from promoter_nb.inference.predictor import Predictor
from promoter_nb.data.sequence import PADDING, decode, encode, one_hot, reverse_complement
from promoter_nb.simulate.expression import express
from promoter_nb.simulate.library import simulate_block

promoters = st.text("ACGT", min_size=20, max_size=40)
words = st.text("ACGTRYN", min_size=4, max_size=8).filter(lambda word: set(word) - {"N"})
COMPLEMENT = str.maketrans("ACGTRYN", "TGCAYRN")
IUPAC = {"R": "AG", "Y": "CT", "N": "ACGT"}


class Additive:
    "A weight for each base: the best proposal is known."
    weights = {"A": 0.0, "C": 1.0, "G": 2.0, "T": 3.0, "N": 0.0}
    def predict(self, sequences):
        return np.array([sum(self.weights[base] for base in sequence) for sequence in sequences])


class Pair:
    "Only TT at the first two bases is worth anything: no single edit helps."
    def predict(self, sequences): return np.array([float(sequence.startswith("TT")) for sequence in sequences])


def matches(sequence, word, place):
    return len(sequence) >= place + len(word) and all(base in IUPAC.get(letter, letter)
                                                      for base, letter in zip(sequence[place:], word))


def places(sequence, word): # on either strand, letter by letter
    turned = word.translate(COMPLEMENT)[::-1]
    return {place for place in range(len(sequence)) if matches(sequence, word, place)
            or matches(sequence, turned, place)}


@settings(max_examples=100, deadline=None)
@given(promoters, words)
def test_sites_are_those_that_a_reader_finds(sequence, word):
    assert count_sites(encode([sequence]), pattern(word))[0] == len(places(sequence, word))
    assert count_sites(reverse_complement(encode([sequence])), pattern(word))[0] == len(places(sequence, word))


@settings(max_examples=40, deadline=None)
@given(sequence=promoters, forbidden=words, start=st.integers(0, 30), edits=st.integers(1, 6), low=st.floats(0, 0.5),
       width=st.floats(0.1, 0.5),
       method=st.sampled_from(["greedy", "evolutionary"]), target=st.sampled_from(["maximum", "minimum", 30]))
def test_constraints_hold_or_the_task_is_refused(sequence, forbidden, start, edits, low, width, method, target):
    kept = sequence[start:start + 5]
    assume(len(kept) == 5)
    try: proposal = design(Additive(), [sequence], target, edits, [kept], [forbidden], (low, low + width),
                           method).proposal[0]
    except ValueError as refusal:
        assert str(refusal).startswith("sequence 0")
        return
    assert len(proposal) == len(sequence) and sum(a != b for a, b in zip(sequence, proposal)) <= edits
    assert places(sequence, kept) <= places(proposal, kept)
    assert not places(proposal, forbidden)
    assert low - 1e-9 <= sum(base in "GC" for base in proposal)/len(proposal) <= low + width + 1e-9


@settings(max_examples=25, deadline=None)
@given(st.lists(promoters, min_size=1, max_size=3), st.integers(1, 5))
def test_greedy_reaches_the_best_of_a_sum(sequences, edits):
    gains = [sorted((3 - Additive.weights[base] for base in sequence), reverse=True)[:edits] for sequence in sequences]
    table = design(Additive(), sequences, edits=edits)
    np.testing.assert_allclose(table.after, table.before + [sum(gain) for gain in gains])
    assert (table.edits == [sum(gain > 0 for gain in most) for most in gains]).all()


def test_evolution_crosses_what_single_edits_cannot():
    assert design(Pair(), ["CCACGACG"], edits=2).after[0] == 0
    assert design(Pair(), ["CCACGACG"], edits=2, method="evolutionary").after[0] == 1


def test_evolution_depends_on_the_seed_alone():
    sequences = ["ACGTACGTTGCA", "TTGACCAGATTA"]
    both = design(Additive(), sequences, target=17, edits=3, method="evolutionary", seed=1)
    again = design(Additive(), sequences, target=17, edits=3, method="evolutionary", seed=1)
    alone = design(Additive(), sequences[1:], target=17, edits=3, method="evolutionary", seed=1)
    assert both.proposal.equals(again.proposal) and both.proposal[1] == alone.proposal[0]


@pytest.mark.parametrize("method", ["greedy", "evolutionary"])
def test_company_of_other_lengths_changes_no_proposal(method):
    sequences = ["ACGTACGTTGCA", "TTGACCAGATTAGACA", "ACGTACG", "CATTAGGATACA"]
    ask = lambda sequences: design(Additive(), sequences, target=17, edits=3, method=method).proposal.tolist()
    assert ask(sequences) == [proposal for sequence in sequences for proposal in ask([sequence])]


def test_changes_are_counted_from_the_first_letter():
    table = design(Additive(), ["NNACGTT", "ACGTTTTTTT"], edits=1)
    assert table.proposal.tolist() == ["NNTCGTT", "TCGTTTTTTT"] and table.changes.tolist() == ["A3T", "A1T"]


def test_without_constraints_greedy_is_that_of_tangermeme():
    from tangermeme.design.greedy_substitution import greedy_substitution
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv1d(4, 8, 5), nn.ReLU(), nn.Flatten(), nn.Linear(8*26, 1))
    class Network:
        @torch.no_grad()
        def predict(self, sequences):
            return network(one_hot(torch.from_numpy(encode(sequences))).contiguous())[:, 0].numpy()
    sequence = decode(np.random.default_rng(0).integers(0, 4, (1, 30), dtype=np.uint8))
    theirs = greedy_substitution(network, one_hot(torch.from_numpy(encode(sequence))).contiguous(), max_iter=4, tol=0,
                                 device="cpu")
    assert design(Network(), sequence, edits=4).proposal[0] == decode(theirs.argmax(1).numpy().astype(np.uint8))[0]


def test_a_forbidden_site_is_removed_from_either_strand():
    for sequence in ("AAGGATGCAA", "AATTGCATCCAA"):
        table = design(Additive(), [sequence], "minimum", edits=1, forbid=["GGATGC"])
        assert not places(table.proposal[0], "GGATGC") and table.edits[0] == 1


def test_the_simulated_model_designs_beyond_its_library():
    library = simulate_block(seed=1, block=0)
    predictor = Predictor.load("simulated")
    whole = (library.cores[:, :-80] == PADDING).all(1) & (library.cores[:, -80:] < PADDING).all(1)
    cores = library.cores[whole, -80:]
    best = cores[np.argsort(-predictor.predict_codes(cores), kind="stable")[:8]]
    proposals = encode(design(predictor, decode(best)).proposal)
    assert express(proposals).drive.max() > express(library.cores).drive.max()
    assert (express(proposals).mean > np.quantile(library.expression, 0.99)).all()


def test_flanks_and_unknown_bases_are_left_alone():
    core = "ACGNACGGACCA"*5
    table = design(Additive(), [UPSTREAM + core + DOWNSTREAM], edits=60)
    assert table.proposal[0].startswith(UPSTREAM) and table.proposal[0].endswith(DOWNSTREAM)
    assert set(table.proposal[0][len(UPSTREAM):-len(DOWNSTREAM)]) == {"T", "N"}
    assert editable_bases(encode(["NNACN"])).tolist() == [[False, False, True, True, False]]


@pytest.mark.parametrize("method", ["greedy", "evolutionary"])
def test_flanks_of_the_library_that_a_model_has_learned_from_are_left_alone(method):
    predictor, core = Additive(), "ACGGACGGACCA"*3
    predictor.flanks = "GGATCCGGATCC", "CCGGAACCGGAA"
    proposal = design(predictor, ["GGATCCGGATCC" + core + "CCGGAACCGGAA"], edits=40, method=method).proposal.item()
    assert proposal.startswith("GGATCCGGATCC") and proposal.endswith("CCGGAACCGGAA") and core not in proposal


def test_lower_case_and_other_lengths():
    table = design(Additive(), ["acgt", "NACGTACGT"], edits=2)
    assert table.proposal.str.len().tolist() == [4, 9] and table.original.tolist() == ["ACGT", "NACGTACGT"]
    assert design(Additive(), []).empty


@pytest.mark.parametrize("wish, message", [
    ({"edits": 0}, "edits is 0"), ({"edits": 1.5}, "whole ones only"),
    ({"gc_range": (0.6, 0.4)}, "from a lower to a higher"), ({"gc_range": (0, 60)}, "between 0 and 1"),
    ({"keep": ["CCCCCCCC"]}, "sequence 0: has no site of CCCCCCCC"),
    ({"keep": ["GATTACA"], "forbid": ["GATTACA"]}, "kept and forbidden"),
    ({"gc_range": (1, 1), "edits": 3}, "needs 5 edits"), ({"target": "higher"}, "'higher' is neither"),
    ({"target": float("nan")}, "nan"),
    ({"method": "simplex"}, "greedy, evolutionary"), ({"forbid": "GATTACA"}, "are lists"), ({"forbid": [""]}, "empty"),
    ({"forbid": ["NN"]}, "every sequence"),
    ({"keep": ["GATTACA"], "forbid": ["ATTAC"]}, "without a site of ATTAC"),
])
def test_the_impossible_is_refused(wish, message):
    for method in ("greedy", "evolutionary"):
        with pytest.raises(ValueError, match=message): design(Additive(), ["GGATTACACC"], **{"method": method, **wish})


def test_an_empty_sequence_and_a_wrong_letter_are_refused():
    with pytest.raises(ValueError, match="sequence 1: is missing or empty; expected bases"):
        design(Additive(), ["ACGT", ""])
    with pytest.raises(ValueError, match="base 3"): design(Additive(), ["ACUT"])


def test_edits_are_counted_from_the_original():
    original, candidate = encode(["ACGTACGT"]), encode(["TCGAACGT"])
    assert violations(candidate, original, constraints(edits=2))[0] == 0
    assert violations(candidate, original, constraints(edits=1))[0] > 0
    refuse_impossible(original, constraints(edits=1))
    assert isinstance(pattern("ACGT"), Pattern)
