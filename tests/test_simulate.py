"The in-silico library: its reference values, its bytes, its faults."
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from promoter_nb.data.dataset import read
from promoter_nb.data.flanks import DOWNSTREAM, UPSTREAM
from promoter_nb.data.sequence import decode, encode, reverse_complement
from promoter_nb.simulate import library
from promoter_nb.simulate.assay import label, measure
from promoter_nb.simulate.expression import express, knock_out_effects, saturate
from promoter_nb.simulate.library import library_cores, format_lines, simulate_block, write_library
from promoter_nb.evaluation.dream_score import WEIGHTS, dream_score
from promoter_nb.simulate.test_sets import PERTURBED, TILED, best_site, make_test_sets
from promoter_nb.simulate.oligos import BLOCK_ROWS, block_generator, contexts, random_cores

SHARED = Path(__file__).parents[2]/"shared"
GOLDEN = SHARED/"simulator"/"golden.tsv"
DEMO = SHARED/"data"/"dream2022_demo.txt"
cores = st.lists(st.text("ACGT", min_size=57, max_size=105), min_size=1, max_size=5)


@pytest.fixture(scope="module")
def block():
    return simulate_block(seed=3, block=0)


@pytest.mark.skipif(not GOLDEN.exists(), reason="no reference values beside this checkout")
def test_agrees_with_the_reference_values():
    golden = pd.read_csv(GOLDEN, sep="\t")
    found = express(encode(golden.core))
    for name, values in {"A": found.activation, "C": found.cooperation, "O": found.accessibility, "z": found.drive,
                         "mu": found.mean}.items():
        assert abs(values - golden[name]).max() < 1e-3, name


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_gpu_computes_the_same_expression(block):
    sequences = library_cores(3, np.arange(1000))
    assert abs(express(sequences, "cuda").mean - block.expression[:1000]).max() < 1e-3


@pytest.mark.parametrize("threads, batch", [(1, 1000), (1, 4096), (2, 1), (2, 100_000)])
def test_bytes_depend_on_the_seed_alone(tmp_path, threads, batch):
    before = torch.get_num_threads()
    reference = write_library(tmp_path/"reference", 9_000, seed=7, threads=2, progress=False)
    again = write_library(tmp_path/"again", 9_000, seed=7, threads=threads, batch=batch, progress=False)
    assert all(a.read_bytes() == b.read_bytes() for a, b in zip(reference, again))
    assert torch.get_num_threads() == before


def test_different_seeds_share_no_sequence():
    sequences = [decode(random_cores(BLOCK_ROWS, block_generator(seed, block, "oligos"))) for seed in (0, 1, 2**64 - 1)
                 for block in (0, 1)]
    assert len(set().union(*sequences)) == 6*BLOCK_ROWS


def test_the_stages_of_a_block_draw_apart():
    draws = [block_generator(0, 0, stage).random(4) for stage in ("oligos", "assay", "test_sets")]
    assert len(np.unique(draws)) == 12


@given(cores)
@settings(max_examples=50, deadline=None)
def test_contexts_are_the_last_bases_of_flank_core_flank(texts):
    expected = [(UPSTREAM[-12:] + core + DOWNSTREAM[:12])[-104:] for core in texts]
    assert decode(contexts(encode(texts, 105))) == expected


@given(cores, st.integers(105, 120))
@settings(max_examples=20, deadline=None)
def test_expression_depends_neither_on_company_nor_on_padding(texts, width):
    together = express(encode(texts, 105)).mean
    assert together.tolist() == [express(encode([text], 105)).mean[0] for text in texts]
    assert np.allclose(express(encode(texts, width)).mean, together, rtol=0, atol=1e-6)


@given(st.lists(st.tuples(st.text("ACGTN", min_size=57, max_size=80).filter(lambda s: s[0] != "N"),
                          st.floats(0, 17, width=32)), min_size=1, max_size=5))
@settings(max_examples=30, deadline=None)
def test_what_is_written_can_be_read(tmp_path_factory, rows):
    texts, labels = zip(*rows)
    path = tmp_path_factory.mktemp("lines")/"train.txt"
    path.write_bytes(format_lines(encode(texts), np.array(labels, dtype=np.float64)))
    written = [line.split("\t") for line in path.read_text().splitlines()]
    assert [oligo for oligo, _ in written] == [UPSTREAM + text + DOWNSTREAM for text in texts]
    assert np.allclose(read(path).labels, labels, atol=1e-6)


def test_knocking_out_a_site_by_hand(monkeypatch):
    "Silencing one factor everywhere where it has a single site equals that site's effect."
    from promoter_nb.simulate import expression
    sequence = encode(["TGTTCAAAGACCTCTATGCACGAAAGAAGCGTTGGTGGCCGGGTAATTGTTTAAGCTCAACGATCCGTGTCATTTTGAGG"])
    taken, effects = knock_out_effects(sequence)
    reb1 = taken[0, :, :, 0]
    site = np.unravel_index(reb1.argmax(), reb1.shape)
    full, weights = express(sequence), expression.activation_weights()
    opening = full.opening - 3.0*reb1[site]
    activation = full.activation - weights[site][0]*reb1[site]
    partner = taken[0, :, :, 1].sum(1) @ expression.pair_kernels()[0][:, site[0]]
    drive = 2*expression.accessibility(opening)*(activation
                                                 + full.cooperation - partner*reb1[site] - 2.84) + full.composition
    assert np.isclose(effects[0][site][0], (full.mean - saturate(drive))[0], atol=1e-6)


@given(st.integers(0, 2**32), st.integers(1, 300))
@settings(max_examples=20, deadline=None)
def test_a_measurement_is_possible(seed, n):
    measured = measure(np.linspace(0, 17, n), np.random.default_rng(seed))
    assert ((measured.labels >= 0) & (measured.labels <= 17)).all()
    assert (measured.cells >= 1).all() and (measured.reads >= measured.cells).all()


@given(st.integers(0, 17), st.integers(1, 10**6))
def test_reads_in_one_bin_give_that_bin_exactly(bin, reads):
    counts = np.zeros((1, 18), dtype=np.int64)
    counts[0, bin] = reads
    assert label(counts)[0] == bin


def test_a_run_that_fails_leaves_what_was_there(tmp_path, monkeypatch):
    paths = write_library(tmp_path, 10, progress=False)
    before = [path.read_bytes() for path in paths]
    original = library.simulate_block

    def fail_later(seed, block, device):
        if block == 20: raise MemoryError("stopped on purpose")
        return original(seed, 0, device)

    monkeypatch.setattr(library, "simulate_block", fail_later)
    with pytest.raises(MemoryError, match="on purpose"): write_library(tmp_path, 30*BLOCK_ROWS, progress=False)
    assert [path.read_bytes() for path in paths] == before
    assert sorted(tmp_path.iterdir()) == sorted(paths)


def test_a_disk_without_room_is_refused_before_the_work(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: shutil._ntuple_diskusage(10, 10, 0))
    with pytest.raises(OSError, match="0.0 GB are free"): write_library(tmp_path/"new"/"er", 1000, progress=False)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("wrong, message", [(dict(n=0), "n is 0"), (dict(n=5, threads=0), "threads is 0"),
                                            (dict(n=5, batch=-1), "batch is -1"),
                                            (dict(n=5, seed=-1), "seed is -1; expected 0 to")])
def test_bad_sizes_are_refused(tmp_path, wrong, message):
    with pytest.raises(ValueError, match=message): write_library(tmp_path/"new", progress=False, **wrong)
    assert not (tmp_path/"new").exists()


def test_calibration(block):
    "The statistics of the library that need no real data beside them."
    blocks = [block] + [simulate_block(3, number) for number in range(1, 10)]
    truth, labels = (np.concatenate(part) for part in zip(*[(b.expression, b.measurement.labels) for b in blocks]))
    assert abs(np.corrcoef(truth, labels)[0, 1]**2 - 0.60) < 0.02
    assert abs(labels.mean() - 11.15) < 0.1 and abs(labels.std() - 2.35) < 0.05
    assert abs((labels == labels.round()).mean() - 0.58) < 0.02
    sequences = library_cores(3, np.arange(10_000))
    strands = np.corrcoef(express(sequences).mean, express(reverse_complement(sequences)).mean)[0, 1]
    assert 0.78 < strands < 0.90


@pytest.mark.skipif(not DEMO.exists(), reason="no real data beside this checkout")
def test_the_label_histogram_is_the_real_one(block):
    histogram = lambda labels: np.bincount(np.rint(labels).astype(int), minlength=18)/len(labels)
    simulated = np.mean([histogram(simulate_block(3, number).measurement.labels) for number in range(4)], axis=0)
    assert abs(simulated - histogram(read(DEMO).labels)).sum()/2 < 0.08


@pytest.fixture(scope="module")
def test_sets():
    return make_test_sets(seed=1, size=64)


def test_sets_depend_on_the_seed_alone(test_sets):
    again, other = make_test_sets(seed=1, size=64), make_test_sets(seed=2, size=64)
    assert (again.cores == test_sets.cores).all() and (again.labels == test_sets.labels).all()
    assert all((again.subsets[name] == rows).all() for name, rows in test_sets.subsets.items())
    assert not set(decode(other.cores[other.subsets["random"]])) & set(decode(test_sets.cores))


def test_the_rows_of_a_library_are_those_of_its_file():
    rows = np.array([5, BLOCK_ROWS + 3, 0, 5, 3*BLOCK_ROWS - 1])
    blocks = [random_cores(BLOCK_ROWS, block_generator(2, block, "oligos")) for block in range(3)]
    assert (library_cores(2, rows) == np.stack([blocks[row//BLOCK_ROWS][row % BLOCK_ROWS] for row in rows])).all()


def test_a_library_is_named_after_all_that_makes_it():
    from promoter_nb.paper.experiment import MAKERS
    loaded = subprocess.run([sys.executable, "-c", "import sys, promoter_nb.simulate.library; print(*sys.modules)"],
                            capture_output=True, text=True, check=True).stdout.split()
    files = {name.partition(".")[2].replace(".", "/") + ".py" for name in loaded if name.startswith("promoter_nb.")}
    besides = {"data.py", "data/files.py", "simulate.py"} # folders, and what writes
    assert files - besides == {name for name in MAKERS if name.endswith(".py")}


def test_sets_share_no_sequence_with_the_library_of_their_seed(test_sets):
    assert not set(decode(test_sets.cores)) & set(decode(library_cores(1, np.arange(2*BLOCK_ROWS))))


def test_variants_differ_in_one_base(test_sets):
    changed, reference = test_sets.cores[test_sets.subsets["variants"]].transpose(1, 0, 2)
    assert ((changed != reference).sum(1) == 1).all()


def test_sets_lie_where_the_real_ones_do(test_sets):
    "Mean and deviation of the truth, or of differences within pairs, in standard deviations of the random test set."
    random = test_sets.truth[test_sets.subsets["random"]]
    values = {name: np.subtract(*test_sets.truth[rows.T]) if rows.ndim == 2 else test_sets.truth[rows] - random.mean()
              for name, rows in test_sets.subsets.items()}
    table = pd.DataFrame({name: {"n": len(found), "mean": found.mean()/random.std(), "sd": found.std()/random.std()}
                          for name, found in values.items()}).T
    assert 1.5 < table.loc["high", "mean"] < 2.3 and -2.3 < table.loc["low", "mean"] < -1.4
    assert table.loc["challenging", "sd"] > 0.9 and 0.2 < table.loc["variants", "sd"] < 0.6
    assert 0.1 < table.loc["perturbation", "mean"] < 0.9
    assert table.loc["perturbation", "n"] == 4*len(PERTURBED)*2*4*2 # backgrounds, motifs, strands, damages, places
    tiled = 3*sum(81 - len(best_site(name, strand)) for name in TILED for strand in (0, 1))
    assert 0.95*tiled < table.loc["tiling", "n"] <= tiled # pairs that are the same are there once


def test_the_truth_scores_high_but_not_one(test_sets):
    score = dream_score(test_sets.labels, test_sets.truth, test_sets.subsets)
    assert 0.85 < score["pearson_score"] < 1 and set(score["subsets"]) == set(WEIGHTS)


@given(st.permutations(list(range(12))))
@settings(max_examples=30, deadline=None)
def test_the_score_does_not_depend_on_the_order_of_rows(order):
    generator = np.random.default_rng(0)
    labels, predictions = generator.normal(size=(2, 12))
    paired = ("variants", "perturbation", "tiling")
    subsets = {name: np.arange(12).reshape(-1, 2) if name in paired else np.arange(12) for name in WEIGHTS}
    moved = {name: np.argsort(order)[rows] for name, rows in subsets.items()}
    assert np.isclose(dream_score(labels, predictions, subsets)["pearson_score"],
                      dream_score(labels[order], predictions[order], moved)["pearson_score"])


@pytest.mark.parametrize("spoil, message",
                         [(lambda s: s.pop("high"), "high: missing"), (lambda s: s.update(other=np.arange(3)), "other"),
                                            (lambda s: s.update(low=np.array([0, 99])), "row 99")])
def test_wrong_subsets_are_named(spoil, message):
    labels = np.arange(12.0)
    subsets = {name: np.arange(12).reshape(-1, 2) if name in ("variants", "perturbation", "tiling") else np.arange(12)
               for name in WEIGHTS}
    spoil(subsets)
    with pytest.raises(ValueError, match=message): dream_score(labels, labels, subsets)
