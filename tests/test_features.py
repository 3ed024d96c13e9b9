"Features and targets against plain counts, Biopython, and their own inverses."
from collections import Counter

import numpy as np
import pytest
import torch
from Bio.SeqUtils import MeltingTemp
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer

from promoter_nb.features.composition import DINUCLEOTIDES, base_composition, dinucleotide_composition, gc_content
from promoter_nb.features.kmers import _ROWS_AT_A_TIME, kmer_counts, kmer_names
from promoter_nb.features.melting_temperature import melting_temperature
from promoter_nb.data.sequence import encode, reverse_complement
from promoter_nb.models.targets import add_noise, expected_value, soft_labels, tail_weights, to_classes

texts = st.lists(st.text("ACGTN", max_size=60), min_size=1, max_size=8)
labels = st.lists(st.floats(0, 17, width=32), min_size=1, max_size=50).map(torch.tensor)


def naive_counts(text, k, stride):
    windows = (text[end - k:end] for end in range(len(text), k - 1, -stride))
    return Counter(window for window in windows if "N" not in window)


@given(texts, st.integers(1, 9), st.integers(1, 5), st.integers(0, 20))
@settings(deadline=None)
def test_kmer_counts_are_those_of_a_naive_count(sequences, k, stride, room):
    sequences = sequences + ["ACGTTGCAACG"]
    counts = kmer_counts(encode(sequences, max(map(len, sequences)) + room), k, stride)
    assert counts.shape == (len(sequences), 4**k) and counts.has_canonical_format and counts.dtype == np.float32
    found = [dict(zip(kmer_names(k, row.indices), row.data)) for row in counts]
    assert found == [dict(naive_counts(sequence, k, stride)) for sequence in sequences]


@pytest.mark.parametrize("k", [15, 16, 31])
def test_long_kmers_have_columns_too(k):
    text = "".join(np.random.default_rng(k).choice(list("ACGT"), 80))
    counts = kmer_counts(encode([text, "T"*80]), k)
    assert counts.shape == (2, 4**k)
    assert Counter(kmer_names(k, counts[0].indices)) == naive_counts(text, k, 1)
    assert counts[1, 4**k - 1] == 81 - k


def test_kmer_counts_agree_with_scikit_learn_over_many_blocks():
    random = np.random.default_rng(0)
    sequences = ["".join(random.choice(list("ACGT"), length))
                 for length in random.integers(3, 81, 2*_ROWS_AT_A_TIME + 1)]
    reference = CountVectorizer(analyzer="char", ngram_range=(4, 4), lowercase=False,
                                vocabulary=kmer_names(4)).transform(sequences)
    assert (kmer_counts(encode(sequences), 4) != reference).nnz == 0


@pytest.mark.parametrize("k, stride, message", [(6, 1, "the sequences have 5 bases"), (0, 1, "k is 0"),
                                                (32, 1, "k is 32"), (2, 0, "stride is 0")])
def test_impossible_windows_are_refused(k, stride, message):
    with pytest.raises(ValueError, match=message): kmer_counts(encode(["ACGT", "ACGTA"]), k, stride)


def test_a_promoter_counts_alike_alone_and_no_promoters_have_no_rows():
    codes = encode(["ACG", "ACGTA"], width=80)
    assert (kmer_counts(codes[:1], 4) != kmer_counts(codes, 4)[:1]).nnz == 0
    assert kmer_counts(codes[:0], 4).shape == (0, 256)


def test_a_column_that_is_none_has_no_name():
    with pytest.raises(ValueError, match="column 16 is no 2-mer"): kmer_names(2, [3, 16])


@given(st.lists(st.text("ACGT", min_size=2, max_size=150), min_size=1, max_size=8), st.floats(1, 1000),
       st.floats(1, 1000))
@settings(deadline=None)
def test_melting_temperature_is_that_of_biopython(sequences, strand, sodium):
    reference = [MeltingTemp.Tm_NN(sequence, dnac1=strand, dnac2=strand, Na=sodium) for sequence in sequences]
    assert np.abs(melting_temperature(encode(sequences), strand, sodium) - reference).max() < 0.01


@given(texts, st.integers(0, 20))
@settings(deadline=None)
def test_strand_padding_and_company_do_not_change_a_feature(sequences, room):
    sequences = sequences + ["ACGTTGCAACG"]
    codes = encode(sequences)
    for feature in (gc_content, melting_temperature):
        values = feature(codes)
        assert np.array_equal(feature(reverse_complement(codes)), values, equal_nan=True)
    for feature in (gc_content, melting_temperature, base_composition, dinucleotide_composition):
        padded = feature(encode(sequences, codes.shape[1] + room))
        assert np.array_equal(padded, feature(codes), equal_nan=True)
        assert np.array_equal(feature(codes[-1:]), padded[-1:])


@given(texts)
@settings(deadline=None)
def test_compositions_are_those_of_a_naive_count(sequences):
    sequences = sequences + ["AC"]
    codes = encode(sequences)
    singles, pairs, gc = base_composition(codes), dinucleotide_composition(codes), gc_content(codes)
    for text, single, pair, share in zip(sequences, singles, pairs, gc):
        known = [text.count(base) for base in "ACGT"]
        neighbours = Counter(text[place:place + 2] for place in range(len(text) - 1))
        expected = np.array([neighbours[name] for name in DINUCLEOTIDES])
        assert np.allclose(single*sum(known), known) if sum(known) else np.isnan(single).all()
        assert np.allclose(pair*expected.sum(), expected) if expected.sum() else np.isnan(pair).all()
        assert np.isclose(share*sum(known), known[1] + known[2]) if sum(known) else np.isnan(share)


def test_no_sequences_have_no_features():
    nothing = np.empty((0, 80), dtype=np.uint8)
    assert [len(feature(nothing)) for feature in (gc_content, base_composition, dinucleotide_composition,
                                                  melting_temperature)] == [0]*4


@given(labels)
def test_soft_labels_are_distributions(values):
    soft = soft_labels(values)
    assert soft.shape == (len(values), 18) and (soft >= 0).all()
    assert torch.allclose(soft.sum(1), torch.ones(len(values)))


@given(labels)
def test_the_mean_of_a_soft_label_is_the_label_away_from_the_ends(values):
    inside = values[(values >= 1) & (values <= 16)]
    assert ((expected_value(soft_labels(inside)) - inside).abs() < 0.03).all()


def test_soft_labels_are_differences_of_the_normal_distribution():
    from scipy.stats import norm
    edges = [-np.inf, *range(1, 18), np.inf]
    expected = np.diff(norm.cdf(edges, loc=11.3 + 0.5, scale=0.5))
    assert np.allclose(soft_labels(torch.tensor([11.3], dtype=torch.float64))[0], expected)


@given(labels)
def test_classes_invert_for_integers_and_miss_by_half_a_bin_at_most(values):
    def there_and_back(values): return expected_value(torch.nn.functional.one_hot(to_classes(values), 19).float())
    assert (there_and_back(values) - values).abs().max() <= 0.5
    assert there_and_back(values.round()).equal(values.round())


@given(st.integers(0, 2**63 - 1), st.just(0) | st.floats(0.01, 5))
def test_noise_depends_on_its_seed_alone(seed, sd):
    values = torch.arange(100.)
    first, again = (add_noise(values, sd, torch.Generator().manual_seed(seed)) for _ in range(2))
    assert first.equal(again) and (sd > 0) == (not first.equal(values))


@given(labels, st.floats(0, 1))
def test_weights_have_mean_one_and_do_not_depend_on_the_order(values, strength):
    weights = tail_weights(values, strength)
    assert torch.isclose(weights.mean(), torch.ones((), dtype=torch.float64)) and (weights > 0).all()
    assert torch.allclose(weights, tail_weights(values.flip(0), strength).flip(0))


@given(st.integers(1, 200), st.integers(1, 200))
def test_at_full_strength_distant_levels_weigh_alike(low, high):
    values = torch.tensor([2.]*low + [15.]*high)
    weights = tail_weights(values, 1)
    assert torch.isclose(weights[:low].sum(), weights[low:].sum())
