"""What comes from outside: streams that are open, signals, strangers' files, other settings of the machine."""
import gzip
import io
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import GridSearchCV

from promoter_nb.data.dataset import DataError, read
from promoter_nb.data.measured_tables import read_measured
from promoter_nb.data.read_sequences import read_stream
from promoter_nb.data.write_tables import write_tables
from promoter_nb.inference.estimator import PromoterRegressor
from promoter_nb.inference.predictor import Predictor
from promoter_nb.inference.train_model import train_model, with_epochs
from promoter_nb.interpretation.explain import explain
from promoter_nb.paper import experiment
from promoter_nb.paper.parameters import ParameterError

COMMAND = f"'{sys.executable}' -c 'from promoter_nb.cli import app; app()'"
CORES = ["".join(row) for row in np.random.default_rng(11).choice(list("ACGT"), (600, 80))]
TRAIN = "train measured.txt model --network baseline_cnn --option channels=8 --epochs 2"


def shell(line, place, code=0, **environment):
    "Standard output and errors of a line for bash, in which `pnb` is the command."
    line = f"pnb() {{ {COMMAND} \"$@\"; }}; {line}"
    done = subprocess.run(["bash", "-c", line], cwd=place, env=os.environ | {"OMP_NUM_THREADS": "1"} | environment,
                          capture_output=True, timeout=300)
    assert done.returncode == code, done
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    return done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")


@pytest.fixture
def place(tmp_path):
    (tmp_path/"two.txt").write_text("\n".join(CORES[:2]) + "\n")
    (tmp_path/"measured.txt").write_text("".join(f"{core}\t{number % 17}.5\n" for number, core in enumerate(CORES)))
    return tmp_path


# Outputs

@pytest.mark.parametrize("verb", [f"{verb} --model simulated" for verb in (
    "predict two.txt", "explain two.txt", "design two.txt --edits 1", "variants pairs.csv")])
def test_an_open_stream_is_written_to_where_it_is(place, verb):
    (place/"pairs.csv").write_text(f"reference,alternative\n{CORES[0]},{CORES[1]}\n")
    expected, _ = shell(f"pnb {verb}", place)
    line = (f"echo earlier > all; pnb {verb} -o /dev/stdout >> all; pnb {verb} -o - | cat > piped; "
            f"pnb {verb} -o >(cat > made) --to tsv; wait; sleep 1")
    shell(line, place)
    assert (place/"all").read_text() == "earlier\n" + expected
    assert (place/"piped").read_text() == (place/"made").read_text() == expected


def test_a_group_keeps_what_stands_before_and_behind(place):
    shell("{ echo first; pnb explain two.txt --motifs /dev/fd/1 -o contributions.tsv; echo last; } > all", place)
    lines = (place/"all").read_text().splitlines()
    assert lines[0] == "first" and lines[1].startswith("line\tname") and lines[-1] == "last"


def test_a_file_in_memory_is_replaced_as_any_other(place):
    if not os.access("/dev/shm", os.W_OK): pytest.skip("no /dev/shm")
    target = f"/dev/shm/promoter_nb_test_{os.getpid()}.tsv"
    try: assert shell(f"echo old > {target}; pnb predict two.txt -o {target}; cat {target}",
                      place)[0].startswith("sequence\t")
    finally: os.unlink(target)


def test_a_tilde_is_the_home_folder(place):
    home = place/"home"
    home.mkdir()
    shell("pnb predict two.txt --output=~/out.tsv; pnb explain two.txt '--logos=~/logos' -o '~/c.tsv' "
          "--motifs='~/m.tsv'; pnb data simulate '~/l' --promoters 10", place, HOME=str(home))
    assert {"out.tsv", "logos", "c.tsv", "m.tsv", "l"} == {path.name for path in home.glob("[!.]*")} and not (
        place/"~").exists()


# Inputs

def test_training_data_may_come_from_a_pipe(place):
    expected = json.loads(shell("pnb data describe measured.txt", place)[0])
    for line in ("pnb data describe <(cat measured.txt)", "cat measured.txt | pnb data describe -",
                 "cat measured.txt | pnb data describe /dev/stdin",
                 "mkfifo p; cat measured.txt > p & pnb data describe p", "gzip -c measured.txt | pnb data describe -"):
        found = json.loads(shell(line, place)[0])
        assert found | {"sha256": ""} == expected | {"sha256": ""}


def test_a_blank_end_and_a_first_value_in_scientific_notation_are_taken_by_all(place):
    rows = [f"{core}\t{value}" for core, value in zip(CORES, ["1e-05", "2.5", "9.87E-1", "-3e+0"])]
    (place/"rows.txt").write_text("\n".join(rows) + "\n\n \n")
    assert read(place/"rows.txt").labels.tolist() == [np.float32(1e-05), 2.5, np.float32(0.987), -3]
    assert pd.concat(read_stream(open(place/"rows.txt", "rb"), "rows.txt")).measured.tolist() == [
        "1e-05", "2.5", "9.87E-1", "-3e+0"]


def test_values_as_large_as_float32_holds_are_told_of_without_a_warning(place):
    (place/"large.txt").write_text("".join(f"{core}\t{3e38*(-1)**row}\n" for row, core in enumerate(CORES)))
    output, said = shell("pnb data describe large.txt", place)
    values = json.loads(output, parse_constant=pytest.fail)["values"]
    assert not said and (values["mean"], values["median"]) == (0, 0) and values["greatest"] == np.float32(3e38)
    _, said = shell(f"pnb {TRAIN.replace('measured', 'large')}", place)
    assert "Warning" not in said


def test_a_table_is_read_by_its_heading_whatever_its_name(place):
    for name, delimiter in (("a.csv", "\t"), ("a.tsv", ","), ("b.tsv", ";"), ("c.csv", ";")):
        (place/name).write_text(f"id{delimiter}sequence\n7{delimiter}{CORES[0]}\n")
        (frame,) = read_stream(open(place/name, "rb"), name)
        assert frame.id.tolist() == ["7"] and frame.sequence.tolist() == CORES[:1]


@pytest.mark.parametrize("content, told", [
    (gzip.compress(b"A"*200_000_000, 9), "1,000,000 letters or more"),
    (gzip.compress(bytes(200_000_000), 9), "no text"), (b"ACGT\t1\n" + b"A"*50_000_000, "line 2: the line has"),
    (b"ACGT\t1\n" + b"\n"*30_000_000 + b"ACGT\n", "line 30000002: 'ACGT' has 0 tabs")])
def test_bombs_are_refused_in_little_memory(tmp_path, content, told):
    (tmp_path/"bomb").write_bytes(content)
    code = "import resource, sys; from promoter_nb.data.dataset import read\n" \
           "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\ntry: read(sys.argv[1])\n" \
           "except ValueError as error: print(error)\n" \
           "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)//1024)"
    *said, megabytes = subprocess.run([sys.executable, "-c", code, str(tmp_path/"bomb")], capture_output=True,
                                      text=True, timeout=120).stdout.splitlines()
    assert told in said[0] and int(megabytes) < 500


def test_a_file_may_have_a_name_that_is_no_text(place):
    (odd := place/os.fsdecode(b"m\xe9.tsv")).write_text(f"sequence\tvalue\n{CORES[0]}\t1\n")
    assert read_measured(odd).name == "m\ufffd"
    odd.write_bytes((place/"measured.txt").read_bytes())
    assert read(odd).name == "m\ufffd"
    with write_tables(odd) as write: write(pd.DataFrame({"a": [1]}))
    assert odd.read_text() == "a\n1\n"


def test_a_working_folder_that_was_removed_is_named(place):
    for words in ("predict ../two.txt", "train ../measured.txt model", "card"):
        (place/"gone").mkdir()
        said = shell(f"cd gone; rmdir ../gone; pnb {words}", place, code=1)[1]
        assert said == "promoter-nb: the folder that you are in was removed; change to one that exists\n"


def test_a_sparse_file_of_a_terabyte_is_refused_at_once(place):
    with open(place/"sparse", "wb") as file: file.truncate(10**12)
    started = time.monotonic()
    for words in ("data describe sparse", "train sparse model", "predict sparse"):
        assert "no text in UTF-8" in shell(f"pnb {words}", place, code=1)[1]
    assert time.monotonic() - started < 100 and not (place/"model").exists()


def test_a_bomb_of_blank_lines_is_passed_over():
    frames = list(read_stream(io.BytesIO(b"ACGT\n" + b"\n"*40_000_000 + b"GATT\n"), "bomb"))
    assert [sequence for frame in frames for sequence in frame.sequence] == ["ACGT", "GATT"]
    assert frames[-1].index[-1] == 40_000_002


def test_a_bomb_of_one_record_is_refused():
    with pytest.raises(DataError, match="more than 20,000,000 letters"):
        list(read_stream(io.BytesIO(b">a\n" + b"ACGT"*8_000_000), "bomb"))


# Fuzzing

def texts_like_files():
    pieces = st.sampled_from(["ACGT", "acgtn", ">a", ">", ";", "\n", "\n\n", "\r\n", "\t", ",", '"', "1.5", "nan",
                              "sequence", "id", " ", "\0", "\u2013", "é", "#", "@", "+", "N", "TGCATTTTTTTCACATC",
                              "-1e5"])
    return st.one_of(st.lists(pieces, max_size=40).map(lambda parts: "".join(parts).encode()),
                     st.binary(max_size=200),
                     st.lists(pieces, max_size=40).map(lambda parts: gzip.compress("".join(parts).encode())),
                     st.lists(st.sampled_from([b"ACGT\t1\n", b"GATTACA\t2.5\n", b">x\nACGT\n", b"sequence,id\n",
                                               b"ACGT,1\n"]), max_size=20).map(b"".join))


def check_readers(content, path):
    "Either reader gives rows or says why not, and no row is lost or invented."
    path.write_bytes(content)
    plain = gzip.decompress(content) if content[:2] == b"\x1f\x8b" and _is_whole(content) else content
    for kind in (None, "text", "fasta", "csv", "tsv"):
        for block in (64, 1 << 20):
            try: frames = list(read_stream(io.BytesIO(content), "fuzzed", kind, block=block))
            except DataError as error: assert "fuzzed" in str(error) and "\n" not in str(error)[:20]
            else:
                if kind == "text": assert sum(map(len, frames)) == len(filled_lines(plain))
                if kind == "fasta":
                    assert sum(map(len, frames)) == plain.replace(b"\r", b"").lstrip(
                        b"\n\xef\xbb\xbf").count(b"\n>") + 1
    try: data = read(path)
    except DataError as error: assert "fuzzed" in str(error)
    else: assert len(data) == len(filled_lines(plain.replace(b"\r", b"\n")))


def filled_lines(content):
    lines = content.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    return [line for line in lines if line.decode(errors="replace").strip().strip('"').strip()]


def _is_whole(content):
    try: return gzip.decompress(content) is not None
    except Exception: return False


@settings(max_examples=int(os.environ.get("FUZZ", 60)), deadline=None, derandomize="FUZZ" not in os.environ)
@given(texts_like_files())
def test_no_parser_is_surprised(tmp_path_factory, content):
    check_readers(content, tmp_path_factory.getbasetemp()/"fuzzed")


# Numbers, types and missing values of other libraries

def test_numbers_of_numpy_are_numbers(place):
    sequences, labels = CORES[:90], np.arange(90)/9
    plain = PromoterRegressor("baseline_cnn", {"channels": 8}, epochs=2, batch_size=16, seed=1, accelerator="cpu"
                              ).fit(sequences, labels).predict(sequences)
    other = PromoterRegressor("baseline_cnn", {"channels": np.int64(8)}, epochs=np.int64(2), batch_size=np.int32(16),
                              width=np.int64(80), seed=np.int64(1), accelerator="cpu")
    assert (other.fit(sequences, labels).predict(sequences) == plain).all()
    search = GridSearchCV(PromoterRegressor("baseline_cnn", {"channels": 8}, epochs=2, accelerator="cpu"),
                          {"seed": np.arange(2)}, cv=2, error_score="raise")
    assert search.fit(sequences, labels).best_params_["seed"] in (0, 1)
    card = train_model(place/"measured.txt", place/"model", "baseline_cnn", {"channels": np.int64(8)},
                       with_epochs(np.int64(2), "baseline_cnn"), members=np.int64(1), seed=np.int64(3),
                       width=np.int64(80), progress=False, accelerator="cpu").card
    assert card["recipe"]["seed"] == 3


def test_a_large_seed_is_as_good_as_a_small_one():
    fitted = PromoterRegressor("baseline_cnn", {"channels": 8}, epochs=2, batch_size=16, seed=2**40, accelerator="cpu"
                               ).fit(CORES[:90], np.arange(90)/9)
    assert np.isfinite(fitted.predict(CORES[:3])).all()


def test_a_default_type_or_device_of_pytorchs_changes_nothing():
    sequences, labels = CORES[:90], np.arange(90)/9
    def everything():
        predictor = Predictor.load(device="cpu")
        fitted = PromoterRegressor("baseline_cnn", {"channels": 8}, epochs=2, accelerator="cpu").fit(sequences, labels)
        return (predictor.predict(sequences), explain(predictor, sequences[0]).contribution.to_numpy(),
                fitted.predict(sequences))
    expected = everything()
    for kind in (torch.float64, torch.float16):
        torch.set_default_dtype(kind)
        try: found = everything()
        finally: torch.set_default_dtype(torch.float32)
        for one, other in zip(expected, found): np.testing.assert_array_equal(one, other)


def _predict_some(count): return Predictor.load(device="cpu").predict(CORES[:count])


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_child_predicts_what_its_parent_does(method):
    if method not in multiprocessing.get_all_start_methods(): pytest.skip(f"this system cannot {method}")
    expected = _predict_some(100)
    with multiprocessing.get_context(method).Pool(1) as pool:
        found = pool.apply_async(_predict_some, [100]).get(timeout=120)
    np.testing.assert_array_equal(found, expected)


# Refused and killed runs

def test_a_refused_training_leaves_its_folder_free(place):
    (place/"constant.txt").write_text("".join(f"{core}\t5\n" for core in CORES))
    assert "all 600 values are 5" in shell(f"pnb {TRAIN.replace('measured', 'constant')}", place, code=1)[1]
    assert {path.name for path in place.iterdir()} == {"constant.txt", "measured.txt", "two.txt"}
    (place/"library.json").write_text('["a"]')
    shell(f"pnb {TRAIN}", place)
    assert (place/"model"/"model.json").exists() and not (place/".model.training").exists()


def test_long_promoters_are_told_of(place):
    (place/"long.txt").write_text("".join(f"{core*2}\t{number % 17}.5\n" for number, core in enumerate(CORES)))
    _, told = shell(f"pnb {TRAIN.replace('measured', 'long')} --width 80", place)
    assert "600 of 600 promoters are longer than the 80 bases that the network reads" in told and "--width 160" in told
    assert "| bases that the network reads | the last 80 |" in shell("pnb card model", place)[0]


def kill(place, line, after, number=signal.SIGTERM):
    "Start a command, end it after some seconds, and return its exit code."
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([sys.executable, "-c", "from promoter_nb.cli import app; app()", *line.split()],
                               cwd=place, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try: return process.wait(timeout=after)
    except subprocess.TimeoutExpired: process.send_signal(number)
    return process.wait(timeout=60)


VERBS = {"predict": "predict many.txt -o out/table.tsv", "simulate": "data simulate library --promoters 40000",
         "train": TRAIN.replace("epochs 2", "epochs 6")}

def check_kills(place, verb, moments):
    (place/"many.txt").write_text("\n".join(CORES*50) + "\n")
    before = {path.name for path in place.iterdir()}
    for after in moments:
        code = kill(place, VERBS[verb], after)
        new = {path.name for path in place.iterdir()} - before
        assert code in (0, 143, -signal.SIGTERM) and not list(place.rglob("*.part")), (code, after, new)
        if code == 0: break
        if new & {"model", "library"}:  # asked to end in its last moment, when all of it was there
            if "model" in new: assert new == {"model"} and len(Predictor.load(place/"model").predict(CORES[:3])) == 3
            else:
                assert new == {"library"} and read(place/"library/train.txt").sha256 == json.loads(
                    (place/"library/library.json").read_text())["sha256"]
            break
        assert new <= {".model.training"}
    else: kill(place, VERBS[verb], 300)
    assert {path.name for path in place.iterdir()} - before == {
        {"predict": "out", "simulate": "library", "train": "model"}[verb]}


@pytest.mark.parametrize("verb", ["train", pytest.param("predict", marks=pytest.mark.long),
                                  pytest.param("simulate", marks=pytest.mark.long)])
def test_a_command_that_is_asked_to_end_leaves_nothing_half_written(place, verb): check_kills(place, verb, [4])


# Other machines

def test_a_job_with_several_tasks_trains_in_one_process(place):
    job = {"SLURM_JOB_ID": "7", "SLURM_JOB_NAME": "train.sh", "SLURM_NTASKS": "4", "SLURM_NNODES": "1",
           "SLURM_PROCID": "0", "SLURM_LOCALID": "0", "SLURM_NODEID": "0", "SLURM_NODELIST": "n1"}
    shell(f"pnb {TRAIN}", place, **job)
    assert (place/"model"/"model.json").exists()


SETTINGS = {"C locale": {"LC_ALL": "C"}, "Latin-1": {"PYTHONIOENCODING": "latin-1"},
            "ASCII": {"PYTHONIOENCODING": "ascii"}, "no assertions": {"PYTHONOPTIMIZE": "1"},
            "warnings are errors": {"PYTHONWARNINGS": "error:::promoter_nb"}, "four threads": {"OMP_NUM_THREADS": "4"},
            "a long TMPDIR": {},
            "no UTF-8 mode": {"PYTHONUTF8": "0", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"}}

NEWER = ("pnb scan genome.fa --step 40 > scanned; pnb ask insert REB1 --number 2 --position 9 > inserted; "
         "pnb ask ablate TA two.txt --copies 2 > ablated; pnb ask pair REB1 ABF1 --number 2 --distance 5 > paired; "
         "pnb variants my.vcf --genome genome.fa --windows places.bed --to vcf > annotated.vcf; "
         "pnb benchmark export known --size 30 > exported")

@pytest.mark.long
@pytest.mark.parametrize("setting", SETTINGS)
def test_every_verb_under_other_settings(place, setting):
    environment = SETTINGS[setting]
    if setting == "a long TMPDIR":
        (long := place/("x"*100)/("y"*100)).mkdir(parents=True)
        environment = {"TMPDIR": str(long)}
    (place/"genome.fa").write_text(f">I\n{CORES[0]}{CORES[1]}\n")
    (place/"places.bed").write_text("I\t20\t100\tp\t0\t+\n")
    (place/"my.vcf").write_text("#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
                                f"I\t40\t.\t{CORES[0][39]}\tN\t.\t.\t.\n")
    (place/"pairs.csv").write_text(f"reference,alternative\n{CORES[0]},{CORES[1]}\n")
    line = ("set -e; pnb predict two.txt; pnb variants pairs.csv; pnb explain two.txt > explained; "
            "pnb design two.txt --edits 1 > designed; pnb card > card; pnb data describe measured.txt > described; "
            f"{NEWER}; pnb {TRAIN}")
    output, _ = shell(line, place, **environment)
    assert output.count("\n") == 3 + 2 + 1 and (place/"model"/"README.md").read_text(encoding="utf-8").count("ρ") == 1


@pytest.mark.parametrize("words", ["predict two.txt -o {}/out.tsv", "explain two.txt --logos {}/logos",
                                   "design two.txt --edits 1 -o {}/out.csv", "data simulate {}/library --promoters 10",
                                   TRAIN.replace(" model", " {}/model")])
def test_a_folder_that_cannot_be_written_to_is_named(place, words):
    (place/"file").touch() # a file in place of the folder refuses root, too
    told = shell(f"pnb {words.format('file')}", place, code=1)[1]
    assert "file" in told.splitlines()[-1]


@pytest.mark.parametrize("words", ["predict two.txt -o /dev/full --to tsv", "predict two.txt > /dev/full",
                                   "explain two.txt -o /dev/full --to csv", "design two.txt --edits 1 > /dev/full",
                                   "design two.txt --edits 1 --order /dev/full > /dev/null"])
def test_a_full_disk_is_named(place, words):
    if not os.path.exists("/dev/full"): pytest.skip("no /dev/full")
    told = shell(f"pnb {words}", place, code=1)[1]
    assert "No space left" in told and (" > /dev/full" in words or "/dev/full: " in told)


def test_the_umask_is_kept(place):
    shell("umask 077; pnb predict two.txt -o out.tsv; umask 022; pnb predict two.txt -o open.tsv", place)
    assert (place/"out.tsv").stat().st_mode & 0o777 == 0o600 and (place/"open.tsv").stat().st_mode & 0o777 == 0o644


# Experiments

def test_a_copy_within_another_project_has_no_commit(tmp_path, monkeypatch):
    git = lambda *words: subprocess.run(["git", "-C", tmp_path, "-c", "user.name=a", "-c", "user.email=a@b", *words],
                                        check=True, capture_output=True)
    git("init", "-q")
    git("commit", "-q", "--allow-empty", "-m", "other")
    (tmp_path/"copy").mkdir()
    monkeypatch.setenv("PROMOTER_NB_ROOT", str(tmp_path/"copy"))
    assert experiment.commit() == "none"
    monkeypatch.setenv("PROMOTER_NB_ROOT", str(tmp_path))
    assert experiment.commit() != "none"


@pytest.mark.parametrize("promoters", [0, -5])
@pytest.mark.parametrize("data", ["measured.txt", "simulated", "dream2022"])
def test_a_number_of_promoters_below_one_is_refused_by_experiments(place, data, promoters):
    with pytest.raises(ParameterError, match=f"promoters is {promoters}; expected 1 or more"):
        experiment.load(str(place/data) if "." in data else data, promoters)


def test_labels_that_are_all_the_same_are_refused_by_experiments(tmp_path):
    (tmp_path/"constant.txt").write_text("".join(f"{core}\t5\n" for core in CORES))
    with pytest.raises(DataError, match="all labels of its 600 promoters are 5.0"):
        experiment.load(str(tmp_path/"constant.txt"), 4000)
