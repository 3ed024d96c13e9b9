"Boosting that is killed ends as boosting that is not, and goes on with nothing but its own work."
import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from test_trees import promoters

from promoter_nb.classical.lightgbm_trees import fit_lightgbm, predict_trees
from promoter_nb.classical.tables import ENCODINGS, Inputs
from promoter_nb.data.unfinished import CheckpointError

CHANCE = {"bagging_fraction": 0.6, "feature_fraction": 0.6, "seed": 3}
OPTIONS = {"rounds": 9, "piece": 4, "leaves": 6, "threads": 1}


@pytest.fixture(scope="module")
def parts():
    whole = promoters()
    return whole.take(slice(0, 500)), whole.take(slice(500, None))


def trees(booster): return booster.model_to_string().partition("\nparameters:")[0]
def files(folder): return {path.name: path.read_bytes() for path in folder.glob("trees-*.txt")}


def leave(folder, pieces):
    "Make of a finished run what one leaves that was killed after some pieces."
    from promoter_nb.classical.trees_in_pieces import _seal
    content = json.loads((folder/"boosting.json").read_text())
    rounds = pieces*OPTIONS["piece"]
    kept = {"identity": content["identity"], "trees": content["trees"][:pieces], "costs": content["costs"][:pieces],
            "errors": {name: values[:rounds] for name, values in content["errors"].items()}}
    (folder/"boosting.json").write_text(json.dumps(kept | {"sha256": _seal(kept)}))
    for path in sorted(folder.glob("trees-*.txt"))[pieces:]: path.write_text("cut off")


@pytest.mark.parametrize("objective", ["l2", "huber"])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_pieces_without_chance_are_one_run(encoding, objective, parts, tmp_path):
    inputs = Inputs(encoding, widths=(3,), features=("gc", "melting_temperature"))
    options = OPTIONS | {"objective": objective, "huber_delta": 0.5, "decay": 0.9}
    booster, curves = fit_lightgbm(*parts, inputs, **options, checkpoint=tmp_path)
    del options["piece"]
    expected, its_curves = fit_lightgbm(*parts, inputs, **options)
    assert trees(booster) == trees(expected) and curves.equals(its_curves)
    assert booster.best_iteration == expected.best_iteration == 0 and len(files(tmp_path)) == 3


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("pieces", [1, 2])
def test_a_run_goes_on_from_any_piece(encoding, pieces, parts, tmp_path):
    inputs = Inputs(encoding, widths=(3,), features=("gc",))
    calm, curves = fit_lightgbm(*parts, inputs, **OPTIONS, **CHANCE, checkpoint=tmp_path)
    expected = files(tmp_path)
    leave(tmp_path, pieces)
    again, its_curves = fit_lightgbm(*parts, inputs, **OPTIONS, **CHANCE, checkpoint=tmp_path)
    assert again.model_to_string() == calm.model_to_string() and files(tmp_path) == expected
    assert its_curves.equals(curves)


def test_a_first_piece_has_the_seed_of_the_run_and_the_next_draws_anew(parts, tmp_path):
    pieces, _ = fit_lightgbm(*parts, **OPTIONS, **CHANCE, checkpoint=tmp_path)
    whole, _ = fit_lightgbm(*parts, **OPTIONS, **CHANCE)
    first, second = ([tree["tree_structure"] for tree in model.dump_model()["tree_info"]] for model in (pieces, whole))
    assert first[:4] == second[:4] and first[4] != second[4]


def test_a_finished_run_is_read_and_not_repeated(parts, tmp_path, monkeypatch):
    booster, curves = fit_lightgbm(*parts, **OPTIONS, checkpoint=tmp_path)
    monkeypatch.setattr("lightgbm.train", None)
    again, its_curves = fit_lightgbm(*parts, **OPTIONS, checkpoint=tmp_path)
    assert again.model_to_string() == booster.model_to_string() and its_curves.equals(curves)


@pytest.mark.parametrize("piece", [1, 5, 8, 1000])
@pytest.mark.parametrize("patience, rounds", [(7, 300), (4, 20), (50, 30)])
def test_patience_is_counted_across_pieces(piece, patience, rounds, parts, tmp_path):
    options = {"rounds": rounds, "patience": patience, "learning_rate": 0.4, "leaves": 8, "threads": 1}
    inputs = Inputs("kmers", widths=(3,))
    expected, its_curves = fit_lightgbm(*parts, inputs, **options)
    for _ in range(2): # the second finds all rounds
        booster, curves = fit_lightgbm(*parts, inputs, **options, checkpoint=tmp_path, piece=piece)
        assert booster.best_iteration == expected.best_iteration == booster.num_trees()
        assert trees(booster) == trees(expected) and curves.equals(its_curves)
        assert np.array_equal(*(predict_trees(model, parts[1].codes, inputs) for model in (booster, expected)))


def test_trees_that_find_nothing_more_to_split_are_no_obstacle(tmp_path):
    few = promoters(30)
    booster, curves = fit_lightgbm(few, few, **OPTIONS, checkpoint=tmp_path)
    assert len(curves) == 9 and np.ptp(predict_trees(booster, few.codes)) == 0
    assert np.allclose(predict_trees(booster, few.codes), few.labels.mean())


# Killed

BOOST = """
import sys
import numpy as np
from promoter_nb.classical import lightgbm_trees
from promoter_nb.classical.lightgbm_trees import fit_lightgbm
from promoter_nb.data.dataset import Dataset
draw = np.random.default_rng(0)
codes = draw.integers(0, 4, (2000, 30), dtype=np.uint8)
labels = (codes[:, 3]*codes[:, 9] + draw.normal(0, 1, 2000)).astype(np.float32)
whole = Dataset(codes, labels, "made up", "", np.arange(2000), {})
def boost(folder):
    return fit_lightgbm(whole.take(slice(0, 1500)), whole.take(slice(1500, None)), rounds=24, piece=2, leaves=7,
                        threads=1, bagging_fraction=0.7, feature_fraction=0.7, checkpoint=folder)
"""


def test_a_run_that_is_killed_ends_with_the_bytes_of_the_undisturbed_one(tmp_path):
    killed, until = tmp_path/"killed", time.monotonic() + 120
    process = subprocess.Popen([sys.executable, "-c", BOOST + "boost(sys.argv[1])", killed])
    while not (killed/"trees-003.txt").exists():
        assert process.poll() is None and time.monotonic() < until
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    assert process.wait(60) == -signal.SIGKILL and 3 <= len(files(killed)) < 12
    exec(BOOST, space := {})
    again, curves = space["boost"](killed)
    calm, its_curves = space["boost"](tmp_path/"calm")
    assert files(killed) == files(tmp_path/"calm") and len(files(killed)) == 12
    assert again.model_to_string() == calm.model_to_string() and curves.equals(its_curves)


# Refused

@pytest.mark.parametrize("change, named", [
    ({"seed": 1}, "seed \\(was 0, now 1\\)"), ({"leaves": 7}, "num_leaves"), ({"rounds": 10}, "rounds"),
    ({"piece": 3}, "piece"), ({"threads": 2}, "num_threads"), ({"decay": 0.5}, "decay"), ({"patience": 3}, "patience"),
    ({"inputs": Inputs("categories")}, "inputs.encoding"),
])
def test_another_run_is_refused_and_named(change, named, parts, tmp_path):
    fit_lightgbm(*parts, **OPTIONS, checkpoint=tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(CheckpointError, match=f"holds another run, which differs in {named}"):
        fit_lightgbm(*parts, **OPTIONS | change, checkpoint=tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_other_promoters_are_refused(parts, tmp_path):
    fit_lightgbm(*parts, **OPTIONS, checkpoint=tmp_path)
    for change, named in ((parts[::-1], "training rows .*validation rows"), ((parts[0], parts[0]), "validation rows")):
        with pytest.raises(CheckpointError, match=named): fit_lightgbm(*change, **OPTIONS, checkpoint=tmp_path)


@pytest.mark.parametrize("name", ["boosting.json", "trees-001.txt", "trees-003.txt"])
@pytest.mark.parametrize("spoil", [
    lambda path: path.write_bytes(path.read_bytes()[:-100]), lambda path: path.write_bytes(b""),
    lambda path: path.write_bytes(path.read_bytes().replace(b"1", b"2", 1)), lambda path: path.write_text("[1]"),
    lambda path: path.write_bytes(b"\xff\xfe"),
])
def test_what_is_damaged_is_refused_by_name(name, spoil, parts, tmp_path):
    fit_lightgbm(*parts, **OPTIONS, checkpoint=tmp_path)
    spoil(tmp_path/name)
    with pytest.raises(CheckpointError, match=f"{name} is damaged or missing; remove the folder"):
        fit_lightgbm(*parts, **OPTIONS, checkpoint=tmp_path)


def test_a_piece_that_is_gone_is_named(parts, tmp_path):
    fit_lightgbm(*parts, **OPTIONS, checkpoint=tmp_path)
    (tmp_path/"trees-002.txt").unlink()
    with pytest.raises(CheckpointError, match="trees-002.txt is damaged or missing"):
        fit_lightgbm(*parts, **OPTIONS, checkpoint=tmp_path)


def test_pieces_of_no_rounds_are_refused(parts, tmp_path):
    with pytest.raises(ValueError, match="piece is 0; expected more than 0"):
        fit_lightgbm(*parts, piece=0, checkpoint=tmp_path/"run")
    assert not (tmp_path/"run").exists()
