"""Commands that are ended at random moments make, when they are called again, what undisturbed ones make."""
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from conftest import Checkout, values_of
from test_download import Handler, serve
from test_faults import CORES, TRAIN

pytestmark = pytest.mark.long
KILLS, LONGEST = 20, 1800 # of each command; seconds that a call may take
SIGNALS = signal.SIGKILL, signal.SIGTERM, signal.SIGINT
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1"}
QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "start_new_session": True}


@pytest.fixture(autouse=True, scope="module")
def interruptible():
    "A shell lets what it starts behind itself ignore interrupts, which all that this starts would inherit."
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def call(command, folder, environment=ENVIRONMENT) -> int:
    "The exit code of a command that nothing disturbs."
    return subprocess.run(command, cwd=folder, env=environment, timeout=LONGEST, **QUIET).returncode


def seconds(command, folder, environment=ENVIRONMENT) -> float:
    "What a command takes that nothing disturbs."
    began = time.monotonic()
    assert call(command, folder, environment) == 0
    return time.monotonic() - began


def kill(command, folder, moment, number, environment=ENVIRONMENT) -> bool:
    "Send a signal to a command and its children after some seconds; returns whether that ended it."
    process = subprocess.Popen(command, cwd=folder, env=environment, **QUIET)
    try:
        assert process.wait(moment) == 0, "the command ended before its moment"
        return False
    except subprocess.TimeoutExpired: family = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, number)
    code = process.wait(LONGEST)
    assert not psutil.wait_procs(family, timeout=60)[1], "children outlive the command"
    return code != 0


def files(folder: Path) -> dict[Path, bytes]:
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def check_kills(command, place):
    "Twenty runs, each killed in another twentieth of a run's time and called again, end as the undisturbed one."
    def make(name):
        (folder := place/name).mkdir()
        return folder
    calm = make("calm")
    usual = seconds(command, calm)
    moments = (np.arange(KILLS) + np.random.default_rng(20).random(KILLS))/KILLS*usual
    for number, (moment, end) in enumerate(zip(moments, itertools.cycle(SIGNALS))):
        while not kill(command, folder := make(f"{number} at {moment:.3f}"), moment, end):
            assert files(folder) == files(calm)
            moment *= 0.9 # this run was faster than the undisturbed one
        call(command, folder) # which says so where all was done already
        assert files(folder) == files(calm), f"{end.name} after {moment} of {usual} s"
    print(f"{KILLS} of {KILLS} equal; a run takes {usual:.1f} s")


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    "Measured promoters, a small model of them, and many promoters to predict."
    folder = tmp_path_factory.mktemp("inputs")
    (folder/"measured.txt").write_text("".join(f"{core}\t{row % 17}.5\n" for row, core in enumerate(CORES)))
    (folder/"many.txt").write_text("\n".join(CORES*150) + "\n")
    assert call(promoter_nb(*TRAIN.split()), folder) == 0
    return folder


def promoter_nb(*words): return [sys.executable, "-c", "from promoter_nb.cli import app; app()", *map(str, words)]


@pytest.mark.parametrize("verb", ["train", "predict", "simulate"])
def test_a_command_that_is_killed_makes_the_same_when_called_again(inputs, tmp_path, verb):
    words = {"train": [TRAIN.split()[0], inputs/"measured.txt", *TRAIN.split()[2:-1], "3"],
             "predict": ["predict", inputs/"many.txt", "--model", inputs/"model", "-o", "out/table.tsv"],
             "simulate": ["data", "simulate", "library", "--promoters", "50000"]}
    check_kills(promoter_nb(*words[verb]), tmp_path)


class Slow(Handler):
    "A server that takes its time."
    def setup(self):
        super().setup()
        write = self.wfile.write
        def write_slowly(content):
            for first in range(0, len(content), 4096):
                write(content[first:first + 4096])
                time.sleep(0.01)
        self.wfile.write = write_slowly


FETCH = """import sys
from functools import partial
from promoter_nb.data import dream2022 as module
module.dream2022 = partial(module.dream2022, record=sys.argv[1])
from promoter_nb.cli import app
app(["data", "fetch", "data"])"""

def test_a_download_that_is_killed_is_whole_when_called_again(tmp_path):
    with serve(Slow) as record:
        check_kills([sys.executable, "-c", FETCH, f"{record.address}/api/records/10633252"], tmp_path)


COSTS = "started", "wall_seconds", "peak_memory_mb", "sequences_per_second" # differ between any two runs
REPORT = Path("results/simulated/smoke/90_report")

def without_costs(name: Path, content: bytes):
    "What a file holds besides seconds and megabytes; executed notebooks and the PDF show these, and are not compared."
    if name.suffix in (".ipynb", ".pdf") or name.parent == REPORT: return None
    if name.name == "log.csv": return [line.split(",")[:-2] for line in content.decode().splitlines()]
    if name.name != "run.json": return content
    return {key: value for key, value in json.loads(content).items() if key not in COSTS}


def reported(folder: Path) -> tuple[dict, dict]:
    "What `make report` has made, and what its PDF is made from, without what the runs cost."
    found = {top/name: content for top in map(Path, ("results", "figures", "report"))
             for name, content in files(folder/top).items()}
    return {name: without_costs(name, content) for name, content in found.items()}, values_of(folder)


def test_a_report_that_is_killed_twenty_times_is_the_undisturbed_one(tmp_path):
    "One build is killed time and again, and goes on each time: twenty builds would take hours."
    calm, killed = (Checkout(tmp_path/name) for name in ("calm", "killed"))
    usual = seconds(calm.report_command(), calm.folder, calm.environment)
    moments, ends = np.random.default_rng(20).uniform(0, usual/10, KILLS), 0
    for moment, number in zip(moments, itertools.cycle(SIGNALS)):
        if not kill(killed.report_command(), killed.folder, moment, number, killed.environment):
            assert reported(killed.folder) == reported(calm.folder)
            ends += 1
            killed = Checkout(tmp_path/f"killed again {ends}")
    assert call(killed.report_command(), killed.folder, killed.environment) == 0
    assert reported(killed.folder) == reported(calm.folder)
    print(f"{KILLS} kills, {ends + 1} reports, each equal; a report takes {usual:.0f} s")
