"""Models of other people: scores worked out by hand, in every form that predictions come in; mistakes are named."""
import gzip
import io
import json

import numpy as np
import pandas as pd
import pytest
from conftest import MEASURED, ROOT
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from promoter_nb.cli import app
from promoter_nb.data.dataset import DataError
from promoter_nb.data.flanks import DOWNSTREAM, UPSTREAM
from promoter_nb.data.sequence import decode
from promoter_nb.evaluation.dream_score import PAIRED, _SUBSET_TABLES, dream_score
from promoter_nb.evaluation.predictions import match_predictions, read_predictions
from promoter_nb.inference.benchmark import SEED, read_benchmark
from promoter_nb.simulate.test_sets import make_test_sets

CORES = decode(np.random.default_rng(8).integers(0, 4, (4, 80), dtype=np.uint8))
OLIGOS = [UPSTREAM + core + DOWNSTREAM for core in CORES]
# r of 1 2 3 4 and 1 2 4 3 is 0.8, and so is rho; of the differences from the first, 1 2 3 and 1 3 2, both are 0.5.
# Sets of single promoters weigh 1 + 4*0.3 + 0.5 = 2.7, sets of pairs 1.25 + 0.3 + 0.4 = 1.95.
LABELS, PREDICTED = [1, 2, 3, 4], [1, 2, 4, 3]
PEARSON, SPEARMAN = (2.7*0.64 + 1.95*0.25)/4.65, (2.7*0.8 + 1.95*0.5)/4.65
TEXTS = {"submission.json": json.dumps({str(row): value for row, value in enumerate(PREDICTED)}),
         "game.json": json.dumps({"request": "predict",
                                  "prediction_tasks": [{"name": "x",
                                                        "predictions": {str(row): [value]
                                                                        for row, value in enumerate(PREDICTED)}}]}),
         "submission.txt": "".join(f"{oligo}\t{value}\n" for oligo, value in zip(OLIGOS, PREDICTED)),
         "cores.txt": "".join(f"{core.lower()}\t{value}\n" for core, value in reversed(list(zip(CORES, PREDICTED)))),
         "by_id.csv": "id,prediction\n2,4\n0,1\n3,3\n1,2\n",
         "both.tsv": "Sequence\tid\tprediction\tnote\n"
         + "".join(f"{oligo}\t{row}\t{PREDICTED[row]}\t\n" for row, oligo in enumerate(OLIGOS))}


def run(*words, code=0):
    result = CliRunner().invoke(app, ["benchmark", *map(str, words)])
    assert result.exit_code == code, f"{result.output}\n{result.exception!r}"
    return result.stdout if code == 0 else result.stderr


def scores(text): return pd.read_csv(io.StringIO(text), sep="\t").set_index("model")


@pytest.fixture
def official(tmp_path):
    "Four promoters in the challenge's layout."
    (tmp_path/"official/test_subset_ids").mkdir(parents=True)
    (tmp_path/"official/test.txt").write_text("".join(f"{oligo}\t{label}\n" for oligo, label in zip(OLIGOS, LABELS)))
    for name, tables in _SUBSET_TABLES.items():
        table = "alt_pos,ref_pos\n1,0\n2,0\n3,0\n" if name in PAIRED else "pos\n0\n1\n2\n3\n"
        (tmp_path/f"official/test_subset_ids/{tables[0]}.csv").write_text(table)
    return tmp_path/"official"


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("packed", [False, True])
def test_every_form_gives_the_score_worked_out_by_hand(official, tmp_path, name, packed):
    path = tmp_path/f"{name}{'.gz'*packed}"
    path.write_bytes(gzip.compress(TEXTS[name].encode()) if packed else TEXTS[name].encode())
    table = scores(run("score", path, official, "--name", "mine"))
    scored = table.loc["mine", ["pearson_score", "spearman_score"]].tolist()
    assert scored == pytest.approx([PEARSON, SPEARMAN], abs=1e-4)
    assert table.loc["mine", ["all", "yeast", "variants", "tiling"]].tolist() == [0.8, 0.8, 0.5, 0.5]
    assert table.pearson_score["LegNet"] == 0.818 and "4 promoters of official, all" in table.scored_on["mine"]


def test_what_a_model_learned_from_is_left_out(official, tmp_path):
    (tmp_path/"learned.txt").write_text(f"{'A'*60}{CORES[0][:20]}\t1\n")
    (tmp_path/"mine.csv").write_text(TEXTS["by_id.csv"])
    told = scores(run("score", tmp_path/"mine.csv", official, "--learned", tmp_path/"learned.txt")).loc["mine"]
    assert told.scored_on == "3 promoters of official, 1 left out" and told["all"] == pytest.approx(0.5)
    assert np.isnan(told.variants)


@pytest.mark.parametrize("text, message", [
    ("id,prediction\n0,1\n1,2\n3,3\n", "1 of 4 promoters have no prediction; the first is '2'"),
    (TEXTS["by_id.csv"] + "0,1\n", "line 6: '0' has a prediction already, in line 3"),
    (TEXTS["by_id.csv"] + "4,1\n", "line 6: '4' is no promoter of this test"),
    ("id,prediction\n0,1\n1,nan\n", "line 3: the prediction is 'nan'"),
    ("id,prediction\n0,inf\n", "line 2: the prediction is 'inf'"),
    ("id,prediction\n0,1e308\n", "line 2: the prediction is '1e308'; expected a number below 3.4e+38"),
    ("id,prediction\n0,high\n", "line 2: the prediction is 'high'"),
    ("id,value\n0,1\n", "line 1: there is no column 'prediction'"),
    ("promoter,prediction\n0,1\n", "no column 'id' or 'sequence'"),
    ("".join(f"{core}\n" for core in CORES), "line 1: there is one column"),
    (TEXTS["submission.txt"].replace(CORES[2], "A" + CORES[2][1:-1] + "A"), "line 3"),
    (f"id,sequence,prediction\n0,{CORES[1]},1\n", "line 2: '0' goes with another sequence"),
    ('{"0": 1, "0": 2}', "key '0' comes twice"), ('{"0": NaN}', "key '0': the prediction is 'NaN'"),
    ('{"0": [1, 2]}', "key '0': the prediction is '[1, 2]'"), ('{"0": null}', "'null'"), ('{"0": 1', "line 1"),
    ("[1, 2, 3, 4]", "expected an object"), ("{}", "expected an object"),
    ('{"prediction_tasks": [{"predictions": {}}, {"predictions": {}}]}', "2 tasks; expected one"),
    ("id,prediction\n0,1\n1,1\n2,1\n3,1\n", "do not vary"), ("", "empty"),
])
def test_mistakes_are_named_and_nothing_is_written(official, tmp_path, text, message):
    (tmp_path/"mine").write_text(text)
    told = run("score", tmp_path/"mine", official, "--output", tmp_path/"out.tsv", code=1)
    assert message in told and told.count("\n") == 1 and "Traceback" not in told and not (tmp_path/"out.tsv").exists()
    assert "do not vary" in message or str(tmp_path/"mine") in told


def test_a_folder_that_is_neither_and_one_that_is_there(tmp_path, official):
    (tmp_path/"mine.csv").write_text(TEXTS["by_id.csv"])
    assert "holds neither benchmark.json" in run("score", tmp_path/"mine.csv", tmp_path, code=1)
    assert "is there already" in run("export", official, code=1)
    assert "--size" in run("export", tmp_path/"new", "--size", 3, code=2)
    assert not (tmp_path/"new").exists()


@settings(deadline=None)
@given(st.permutations(range(4)), st.booleans())
def test_the_order_of_rows_does_not_count(order, by_sequence):
    found = pd.DataFrame({"key": [OLIGOS[row] if by_sequence else f"p{row}" for row in order],
                          "value": [float(row) for row in order]}, index=[f"line {line}" for line in range(4)])
    assert match_predictions(found, ["p0", "p1", "p2", "p3"], CORES, "file").tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("told", [[], {}, 7, {"seed": 1, "size": 10**12}, {"seed": 1, "size": -30},
                                  {"seed": 1, "size": 30.5},
                                  {"seed": True, "size": 30}, {"seed": "1", "size": 30}, {"seed": 2**64, "size": 30},
                                  {"seed": 1, "size": float("nan")}, {"seed": 1, "size": 30, "sha256": "other"}])
def test_a_benchmark_that_nobody_has_exported_is_refused(told, tmp_path):
    (tmp_path/"benchmark.json").write_text(json.dumps(told))
    with pytest.raises(DataError, match="benchmark.json: .*export"): read_benchmark(tmp_path)


def test_known_truth_from_export_to_score(tmp_path):
    run("export", tmp_path/"known", "--size", 30)
    told = json.loads((tmp_path/"known/benchmark.json").read_text())
    table = pd.read_csv(tmp_path/"known/sequences.tsv", sep="\t")
    request = json.loads((tmp_path/"known/game_request.json").read_text())
    test_sets = make_test_sets(SEED, 30)
    assert told["seed"] == SEED and table.sequence.tolist() == decode(test_sets.cores)
    assert list(request["sequences"].items()) == list(zip(table.id, table.sequence))
    assert (table.oligo == UPSTREAM + table.sequence + DOWNSTREAM).all()
    assert not set(table) - {"id", "sequence", "oligo"}
    noisy = test_sets.truth + np.random.default_rng(0).normal(0, 0.5, len(table))
    for name, values in {"truth.csv": test_sets.truth, "noisy.csv": noisy}.items():
        oligos = pd.DataFrame({"sequence": table.oligo, "prediction": values})
        oligos.sample(frac=1, random_state=1).to_csv(tmp_path/name, index=False)
    found = scores(run("score", tmp_path/"truth.csv", tmp_path/"known"))
    assert found.loc["truth"].drop("scored_on").equals(found.loc["ceiling (the truth itself)"].drop("scored_on"))
    expected = dream_score(test_sets.labels, noisy, test_sets.subsets)["pearson_score"]
    found = scores(run("score", tmp_path/"noisy.csv", tmp_path/"known"))
    assert found.pearson_score["noisy"] == pytest.approx(expected, abs=1e-4)
    assert found.pearson_score["noisy"] < found.pearson_score["ceiling (the truth itself)"]
    (tmp_path/"known/benchmark.json").write_text(json.dumps(told | {"sha256": "0"*64}))
    assert "makes other promoters of this seed" in run("score", tmp_path/"noisy.csv", tmp_path/"known", code=1)


def test_our_published_score_is_that_of_the_reference_results():
    here = json.loads((ROOT/"promoter_nb/assets/published.json").read_text())["challenge"]["here"]
    reference = ROOT/"results/reference/deboer2020_train-laptop"
    found = json.loads((reference/"66_beyond/metrics.json").read_text())["challenge"]
    (score,) = [model["score"]["value"] for model in found["models"] if model["model"] == here["model"]]
    assert here["pearson_score"] == pytest.approx(score, abs=5e-4)
    assert here["scored_on"].startswith(f"{found['rows']:,} ")


OFFICIAL = MEASURED/"dream2022_test"
@pytest.mark.skipif(not OFFICIAL.exists(), reason="the challenge's test set is not here")
def test_the_labels_themselves_score_one_on_the_challenge(tmp_path):
    (tmp_path/"labels.txt").write_text((OFFICIAL/"test.txt").read_text())
    table = scores(run("score", tmp_path/"labels.txt", OFFICIAL))
    assert table.pearson_score["labels"] == 1 and table.loc["labels", "tiling"] == 1
    assert len(read_predictions(tmp_path/"labels.txt")) == 35_551
