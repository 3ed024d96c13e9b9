"""Attribution and motifs: networks whose answers are known, sums that add up, sites that another scanner finds."""
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from promoter_nb.interpretation.attribution import (
    METHODS, attribute, gradient, mutagenesis, observed_base_effects, shapley, shuffles, substitutions)
from promoter_nb.interpretation.explain import explain, find_motifs
from promoter_nb.plots.logo import draw_logo, letter_heights
from promoter_nb.models.layers import GlobalMaxPool, Network, named
from promoter_nb.models.registry import build
from promoter_nb.interpretation.filters_and_seqlets import activations, filter_motifs, first_layer
from promoter_nb.features.motif_sites import p_values, find_hits, jaspar_patterns, pattern, site_starts
from promoter_nb.features.jaspar import load_motifs
from promoter_nb.training.predict import predict
from promoter_nb.data.sequence import PADDING, encode, one_hot

promoters = st.lists(st.text("ACGTN", min_size=1, max_size=12), min_size=1, max_size=4)


def additive(width, seed=0):
    network = nn.Sequential(nn.Flatten(), nn.Linear(4*width, 1), nn.Flatten(0))
    network[1].weight.data = torch.randn(1, 4*width, generator=torch.Generator().manual_seed(seed))
    return network


@settings(max_examples=30, deadline=None)
@given(promoters)
def test_all_and_only_single_substitutions(sequences):
    codes = encode(sequences, width=12)
    mutants, (row, base, column) = substitutions(codes)
    assert len(mutants) == 3*(codes < PADDING).sum()
    assert ((mutants != codes[row]).sum(1) == 1).all() and (mutants[np.arange(len(row)), column] == base).all()


@settings(max_examples=20, deadline=None)
@given(promoters)
def test_an_additive_network_is_explained_by_its_weights(sequences):
    codes, network = encode(sequences, width=12), additive(12)
    weights = network[1].weight.data.view(4, 12).numpy()
    known = codes < PADDING
    own = np.where(known, weights[codes.clip(max=3), np.arange(12)], 0)
    expected = np.where(known, own - (weights.sum(0) - own)/3, 0)
    for method in ("mutagenesis", "gradient"):
        np.testing.assert_allclose(attribute(network, codes, method, accelerator="cpu"), expected, atol=1e-4)


def test_the_shapley_value_of_a_base_is_its_weight_less_the_mean_of_the_references():
    codes, network = encode(["ACGTACGTACGT"]), additive(12)
    weights = network[1].weight.data.view(4, 12).numpy()
    others = shuffles(codes, 8, seed=3)[0]
    expected = weights[codes[0], np.arange(12)] - weights[others, np.arange(12)].mean(0)
    np.testing.assert_allclose(shapley(network, codes, references=8, seed=3, accelerator="cpu")[0], expected, atol=1e-4)


def test_a_maximum_over_positions_gives_the_site_to_its_bases():
    look = nn.Conv2d(4, 1, (1, 2), bias=False)
    look.weight.data = torch.tensor([[1., 0], [0, 1], [0, 0], [0, 0]]).view(1, 4, 1, 2)
    network = Network(named(look=look, strongest=GlobalMaxPool()), nn.Flatten(0))
    codes = encode(["GGACGG"])
    assert observed_base_effects(mutagenesis(partial(predict, network, accelerator="cpu"),
                                             codes)).tolist() == [[0, 0, 1, 1, 0, 0]]
    contributions = shapley(network, codes, references=50, accelerator="cpu")
    mean = predict(network, shuffles(codes, 50)[0], accelerator="cpu").mean()
    assert contributions.sum() == pytest.approx(2 - mean, abs=1e-5) and (contributions[0, [2, 3]] > 0).all()


@pytest.mark.parametrize("name", ["baseline_cnn", "resnet", "classification_cnn"])
def test_contributions_add_up(name):
    codes = np.random.default_rng(1).integers(0, 4, (3, 80), dtype=np.uint8)
    codes[0, :7] = PADDING
    model, others = build(name), shuffles(codes, 6)
    exact = {"accelerator": "cpu", "precision": "32-true"}
    expected = predict(model, codes, **exact) - predict(model, others.reshape(-1, 80), **exact).reshape(3, 6).mean(1)
    found = shapley(model, codes, references=6, accelerator="cpu")
    np.testing.assert_allclose(found.sum(1), expected, rtol=0.02, atol=2e-4)
    assert (found[0, :7] == 0).all()


def test_contributions_do_not_depend_on_the_batch():
    codes, model = np.random.default_rng(2).integers(0, 4, (5, 80), dtype=np.uint8), build("resnet", channels=8)
    np.testing.assert_allclose(gradient(model, codes, batch_size=2, accelerator="cpu"),
                               gradient(model, codes, accelerator="cpu"), atol=1e-6)
    np.testing.assert_allclose(attribute(model, codes, batch_size=2, accelerator="cpu"),
                               attribute(model, codes, accelerator="cpu"), atol=1e-5)
    np.testing.assert_allclose(shapley(model, codes, references=4, batch_size=3, accelerator="cpu"),
                               shapley(model, codes, references=4, accelerator="cpu"), atol=1e-5)


def test_the_model_is_left_as_it_was():
    model = build("resnet", channels=8).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    for method in METHODS: attribute(model, encode(["ACGT"*20]), method, accelerator="cpu")
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert all(module.training for module in model.modules())
    assert not any(module._forward_hooks or module._backward_hooks for module in model.modules())


@settings(max_examples=30, deadline=None)
@given(promoters, st.integers(1, 4), st.integers(0, 5))
def test_a_shuffle_holds_the_same_bases(sequences, copies, seed):
    codes = encode(sequences, width=12)
    shuffled = shuffles(codes, copies, seed)
    assert (np.sort(shuffled, 2) == np.sort(codes, 1)[:, None]).all()
    assert ((shuffled == PADDING) == (codes == PADDING)[:, None]).all()


def test_chances_are_those_of_all_words():
    steps = np.random.default_rng(0).integers(-5, 6, (4, 4))
    words = np.stack(np.meshgrid(*[range(4)]*4, indexing="ij"), -1).reshape(-1, 4)
    sums = steps[words, np.arange(4)].sum(1)
    lowest, reached = p_values(steps)
    np.testing.assert_allclose(reached, [(sums >= lowest + step).mean() for step in range(len(reached))])


def test_hits_are_those_of_fimo():
    from memelite import fimo
    codes = np.random.default_rng(0).integers(0, 4, (30, 80), dtype=np.uint8)
    known = {name: motif.probabilities.astype(float) for name, motif in load_motifs().items()}
    sequences = (codes[:, None] == np.arange(4)[:, None]).astype(np.int8)
    theirs = {(hit.sequence_name, hit.motif_name, hit.start, hit.strand) for table in fimo(known, sequences)
              for hit in table.itertuples()}
    ours = {(row, name, place, "+-"[strand]) for name, motif in jaspar_patterns().items()
            for row, strand, place in np.argwhere(site_starts(codes, motif))}
    assert len(theirs & ours) > 0.9*max(len(theirs), len(ours))


def test_no_site_in_padding():
    assert find_hits(encode(["ACGT"], width=80)[0]).empty
    assert not site_starts(encode(["A"], width=3), pattern("ACGTACGT")).size


class Counts:
    "One bin for each G."
    def predict(self, sequences): return np.array([sequence.count("G") for sequence in sequences], dtype=float)


def test_explain_takes_text():
    table = explain(Counts(), "aGnU")
    assert table.base.tolist() == ["A", "G", "N", "U"] and table.position.tolist() == [1, 2, 3, 4]
    np.testing.assert_allclose(table.contribution, [-1/3, 1, 0, -1/3], atol=1e-6)
    with pytest.raises(ValueError, match="empty"): explain(Counts(), "")
    with pytest.raises(TypeError, match="a NoneType is no sequence; explain takes text"): explain(Counts(), None)


def test_several_sequences_are_explained_one_by_one():
    sequences = ["ACGT", "NNTTTGACTCAACGT"]
    table = explain(Counts(), sequences)
    for row, sequence in enumerate(sequences, 1):
        assert table[table["row"] == row].drop(columns="row").reset_index(drop=True).equals(explain(Counts(), sequence))
    hit = find_motifs(table, ["TGACTCA"]).iloc[0]
    assert (hit["row"], hit.start, hit.contribution) == (2, 5, pytest.approx(1 - 6/3))
    for empty, message in (([], "no sequence"), (["ACGT", ""], "empty")):
        with pytest.raises(ValueError, match=message): explain(Counts(), empty)


def test_motifs_are_placed_in_the_text_and_weighed():
    sequence = "NNTT" + "TGACTCA" + "ACGT"
    contributions = pd.DataFrame({"position": range(1, 16), "base": list(sequence),
                                  "contribution": [0.0]*4 + [1.0]*7 + [0.0]*4})
    hit = find_motifs(contributions, ["TGACTCA"]).iloc[0]
    assert (hit.start, hit.end, hit.contribution) == (5, 11, 7) and sequence[hit.start - 1:hit.end] == "TGACTCA"
    with pytest.raises(ValueError, match="neither a word"): find_motifs(sequence, ["NOBODY9"])


def test_motifs_are_a_list_and_none_of_them_means_none():
    with pytest.raises(ValueError, match="are a list"): find_motifs("ACGTCACGTGAA", "CACGTG")
    with pytest.raises(ValueError, match="sequence is empty"): find_motifs("")
    assert find_motifs("ACGTCACGTGAA", []).empty and find_motifs("ACGTCACGTGAA", ["CACGTG"]).start.tolist() == [5]


def test_a_table_without_sites_has_the_columns_of_one_with():
    none, some = find_motifs("A"*12, ["CACGTG"]), find_motifs("ACGTCACGTGAA", ["CACGTG"])
    assert none.empty and not some.empty and none.dtypes.equals(some.dtypes)


def test_u_is_read_as_t():
    rna, dna = (explain(Counts(), sequence) for sequence in ("GGGUGACUCAGG", "GGGTGACTCAGG"))
    assert find_motifs("GGGUGACUCAGG",
                       ["TGACTCA"]).start.tolist() == find_motifs(rna, ["TGACTCA"]).start.tolist() == [4]
    assert letter_heights(rna).equals(letter_heights(dna)) and letter_heights(rna)["T"].any()


def test_a_logo_of_any_length_and_unknown_letters():
    for sequence in ("A", "ACGNN", "ACGT"*50):
        table = explain(Counts(), sequence)
        assert letter_heights(table).shape == (len(sequence), 4)
        assert draw_logo(table, find_motifs(table)).axes


def test_filters_are_read_within_the_sequence():
    model, codes = build("baseline_cnn", channels=4), np.random.default_rng(0).integers(0, 4, (200, 80), dtype=np.uint8)
    active = activations(first_layer(model), codes)
    assert active.shape == (200, 4, 60)
    window = one_hot(torch.from_numpy(codes[:1, 10:31]))[0].numpy()
    np.testing.assert_allclose(active[0, :, 10],
                               (first_layer(model).weight.detach().numpy()[:, :, 0]*window).sum((1, 2)), atol=1e-5)
    assert all(motif.sum(0) == pytest.approx(1) for motif in filter_motifs(model, codes).values())
