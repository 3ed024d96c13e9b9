"Properties of codes, flanks and splits over many inputs."
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from promoter_nb.data.dataset import Dataset, hash_rows, split
from promoter_nb.features.composition import gc_content
from promoter_nb.data.flanks import DOWNSTREAM, UPSTREAM, trim_sequences
from promoter_nb.data.sequence import PADDING, decode, encode, one_hot, reverse_complement

bases = st.text("ACGT", max_size=100)
inner_ns = st.builds("{}{}{}".format, st.sampled_from("ACGT"), st.text("ACGTN", max_size=40), st.sampled_from("ACGT"))
matrices = arrays(np.uint8, st.tuples(st.integers(1, 20), st.integers(1, 40)), elements=st.integers(0, 4))


@given(st.lists(bases, max_size=20), st.integers(0, 20))
def test_decoding_gives_back_what_was_encoded(sequences, room):
    width = max(map(len, sequences), default=0) + room
    codes = encode(sequences, width)
    assert codes.shape == (len(sequences), width) and codes.dtype == np.uint8
    assert decode(codes) == sequences


@given(st.lists(inner_ns, min_size=1, max_size=20))
def test_decoding_keeps_unknown_bases_inside(sequences):
    assert decode(encode(sequences)) == sequences


@given(st.lists(bases, min_size=1, max_size=20))
def test_case_makes_no_difference(sequences):
    assert np.array_equal(encode([sequence.lower() for sequence in sequences]), encode(sequences))


@given(st.lists(bases, min_size=1, max_size=10), st.integers(0, 40))
def test_a_narrow_matrix_keeps_the_right_end(sequences, width):
    assert decode(encode(sequences, width)) == [sequence[max(len(sequence) - width, 0):] for sequence in sequences]


@given(st.lists(bases, min_size=1, max_size=10), st.data())
def test_a_foreign_letter_is_refused_with_its_place(sequences, data):
    row = data.draw(st.integers(0, len(sequences) - 1))
    place = data.draw(st.integers(0, len(sequences[row])))
    letter = data.draw(st.sampled_from("URYSWKMBDHVX-.* 0é"))
    sequences[row] = sequences[row][:place] + letter + sequences[row][place:]
    with pytest.raises(ValueError, match=f"sequence {row}, base {place + 1}: "): encode(sequences)


@given(st.lists(inner_ns, min_size=1, max_size=20), st.integers(0, 20))
def test_reverse_complement_is_an_involution(sequences, room):
    codes = encode(sequences, max(map(len, sequences)) + room)
    assert np.array_equal(reverse_complement(reverse_complement(codes)), codes)
    complements = [sequence[::-1].translate(str.maketrans("ACGT", "TGCA")) for sequence in sequences]
    assert decode(reverse_complement(codes)) == complements


@given(matrices)
def test_arrays_and_tensors_have_the_same_reverse_complement(codes):
    assert np.array_equal(reverse_complement(torch.from_numpy(codes)).numpy(), reverse_complement(codes))


@given(st.lists(st.text("ACGTN", min_size=30, max_size=30), min_size=1, max_size=10))
def test_reverse_complement_commutes_with_one_hot(sequences):
    assume(all(sequence[0] != "N" for sequence in sequences))
    codes = torch.from_numpy(encode(sequences))
    assert one_hot(reverse_complement(codes)).equal(one_hot(codes).flip(1, 2))


@given(matrices)
def test_one_hot_has_a_one_for_each_known_base(codes):
    columns = one_hot(torch.from_numpy(codes))
    assert columns.shape == (len(codes), 4, codes.shape[1])
    assert np.array_equal(columns.sum(1).numpy(), codes != PADDING)
    assert np.array_equal(columns.argmax(1).numpy()[codes != PADDING], codes[codes != PADDING])


@given(matrices)
def test_gc_content_is_that_of_the_other_strand(codes):
    assert np.array_equal(gc_content(reverse_complement(codes)), gc_content(codes), equal_nan=True)


def library(codes):
    rows = np.arange(len(codes))
    return Dataset(codes, rows.astype(np.float32), "random", "0"*64, rows, {})


@given(st.integers(0, 2**32 - 1), st.floats(0.1, 0.9))
@settings(max_examples=25, deadline=None)
def test_a_split_is_stable_under_reordering_and_duplication(seed, share):
    random = np.random.default_rng(seed)
    codes = random.integers(0, 4, (300, 30), dtype=np.uint8)
    codes[:50, :random.integers(1, 10)] = PADDING
    _, held_out = split(library(codes), share)
    rows = random.permutation(np.concatenate([np.arange(300), random.integers(0, 300, 200)]))
    flipped = np.where(random.random(500)[:, None] < 0.5, codes[rows], reverse_complement(codes[rows]))
    training, again = split(replace(library(flipped), rows=rows), share)
    assert set(again.rows) == set(held_out.rows) and not set(training.rows) & set(held_out.rows)
    assert len(training) + len(again) == 500


@given(st.lists(bases, min_size=1, max_size=10), st.integers(0, 20))
def test_the_hash_of_a_sequence_depends_neither_on_padding_nor_on_company(sequences, room):
    width = max(map(len, sequences))
    hashes = hash_rows(encode(sequences, width))
    assert np.array_equal(hash_rows(encode(sequences, width + room)), hashes)
    assert [int(hash_rows(encode([sequence]))[0]) for sequence in sequences] == hashes.tolist()


@given(st.lists(st.text("ACGT", max_size=120), min_size=1, max_size=10), st.integers(0, 10))
def test_intact_flanks_are_cut_off(cores, padding):
    found, states = trim_sequences(["N"*padding + UPSTREAM + core + DOWNSTREAM for core in cores])
    assert found == cores and not states.any()


@st.composite
def damaged_flanks(draw):
    "Two flanks, each with up to two bases misread beyond the three next to the core, or one lost at its far end."
    flanks = []
    for flank in (UPSTREAM[::-1], DOWNSTREAM):
        letters = list(flank)
        for place in draw(st.sets(st.integers(3, len(flank) - 1), max_size=2)):
            letters[place] = draw(st.sampled_from([base for base in "ACGT" if base != flank[place]]))
        flanks.append("".join(letters[:len(letters) - draw(st.integers(0, 1))]))
    return flanks[0][::-1], flanks[1]


@given(damaged_flanks(), st.integers(0, 2**32 - 1))
def test_damaged_flanks_are_cut_off_too(flanks, seed):
    core = "".join(np.random.default_rng(seed).choice(list("ACGT"), 80))
    found, states = trim_sequences([flanks[0] + core + flanks[1]])
    assert found == [core]
    assert states.tolist() == [[int(flanks[0] != UPSTREAM), int(flanks[1] != DOWNSTREAM)]]


@given(st.lists(st.text("ACGTN", min_size=1, max_size=150), min_size=1, max_size=10))
def test_trimming_never_adds_and_never_reaches_into_a_neighbour(oligos):
    alone = [trim_sequences([oligo])[0][0] for oligo in oligos]
    assert trim_sequences(oligos)[0] == alone
    assert all(core in oligo for core, oligo in zip(alone, oligos))
