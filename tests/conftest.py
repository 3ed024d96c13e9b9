"""A copy of the sources for each test that runs whole commands, so that no test writes into the checkout."""
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from base64 import b64decode
from contextlib import contextmanager
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

ROOT = Path(__file__).resolve().parents[1]
MEASURED = ROOT.parent/"shared"/"data"


UNWANTED = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints", "report.pdf")


class Checkout:
    "The sources in a folder of their own, and the commands that people run there."
    def __init__(self, folder: Path):
        self.folder = folder
        for name in ("nbs", "promoter_nb", "config", "report", "results/reference", "figures/reference"):
            shutil.copytree(ROOT/name, folder/name, ignore=UNWANTED)
        for name in ("settings.ini", "pyproject.toml", "Snakefile", "README.md"): shutil.copy(ROOT/name, folder)
        self.environment = os.environ | {"PYTHONPATH": str(folder), "PYDEVD_DISABLE_FILE_VALIDATION": "1",
                                         "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}

    def start(self, *command, **options) -> subprocess.Popen:
        return subprocess.Popen([str(word) for word in command], cwd=self.folder, env=self.environment, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)

    def run(self, *command) -> str:
        "Output of a command that succeeds."
        process = self.start(*command)
        output, _ = process.communicate()
        assert process.returncode == 0, output[-4000:]
        return output

    def fail(self, *command) -> str:
        "Output of a command that fails."
        process = self.start(*command)
        output, _ = process.communicate()
        assert process.returncode != 0, f"{command} succeeded"
        return output

    def runs(self) -> dict[Path, int]:
        "When each run of the smoke report was written."
        return {path.parent.relative_to(self.folder): path.stat().st_mtime_ns
                for path in self.folder.glob("results/simulated/smoke/**/run.json")}

    def begun(self) -> set[Path]:
        "Runs that had begun and not ended, results written or not: Snakemake names their files."
        return {Path(b64decode(mark.name).decode()).parent for mark in (self.folder/".snakemake/incomplete").iterdir()}

    def report_command(self, data="simulated", profile="smoke"):
        "The command behind `make report`."
        options = ("--cores", "2", "--quiet", "rules", "--rerun-incomplete", "--nolock")
        chosen = ("--configfile", f"config/{profile}.yaml", "--config", f"profile={profile}")
        return ("env", f"PROMOTER_NB_DATA={data}", "snakemake", *options, *chosen)

    def papermill(self, notebook, **parameters):
        "A papermill command with parameters."
        words = [word for name, value in parameters.items() for word in ("-p", name, value)]
        return ("papermill", notebook, "out.ipynb", "--no-progress-bar", *words)


TESTS = {path.name: path.read_text() for path in Path(__file__).parent.glob("test_*.py")}
BUILT = {name for name, text in TESTS.items() if re.search(r"def \w+\(.*\bbuilt\b.*\)", text)}
SHARING = {name for name, text in TESTS.items() if 'scope="' in text}


class Together(LoadScopeScheduling):
    "Tests that share what takes long to make run in one process, those on the report first; all others as they come."
    def _split_scope(self, nodeid: str) -> str:
        name = Path(nodeid.split("::")[0]).name
        return "built" if name in BUILT else name if name in SHARING else nodeid


def pytest_xdist_make_scheduler(config, log): return Together(config, log)


def pytest_make_parametrize_id(config, val, argname):
    "Tests are named alike in every process: packed bytes hold the second in which they were packed."
    return argname if isinstance(val, bytes) else None


@contextmanager
def listening(command: list, folder: Path, environment=os.environ):
    "A server's process and its port; what was started is ended."
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen([*map(str, command), f"--port={port}"], cwd=folder, env=environment,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(port, server)
        yield server, port
    finally:
        server.terminate()
        server.wait(30)


def wait_for(port, server, seconds=120):
    until = time.monotonic() + seconds
    while time.monotonic() < until and server.poll() is None:
        try: return socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError: time.sleep(0.2)
    pytest.fail("the server did not start")


@contextmanager
def served(notebook: Path, *options, python=sys.executable, environment=os.environ):
    "A notebook as a page of Voila: the server and its address."
    command = [python, "-m", "voila", notebook, "--no-browser", *options]
    environment = environment | {"PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    with listening(command, notebook.parent, environment) as (server, port):
        yield server, f"http://127.0.0.1:{port}/"


def the_page():
    "What `make app` serves."
    (options,) = re.findall(r"voila nbs/app\.ipynb (.*)", (ROOT/"Makefile").read_text())
    environment = os.environ | {"JUPYTER_PATH": str(ROOT/"nbs")}
    return served(ROOT/"nbs/app.ipynb", *shlex.split(options), environment=environment)


@contextmanager
def browser():
    "A Chromium: the system's, or playwright's own."
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    names = "chromium", "chromium-browser", "google-chrome", "google-chrome-stable"
    path = next(filter(None, map(shutil.which, names)), None)
    with playwright.sync_playwright() as started:
        path = path or started.chromium.executable_path
        if not Path(path).exists(): pytest.skip("no Chromium: install it, or run `playwright install chromium`")
        chromium = started.chromium.launch(executable_path=path, args=["--no-sandbox"])
        try: yield chromium
        finally: chromium.close()


@pytest.fixture
def checkout(tmp_path) -> Checkout:
    return Checkout(tmp_path/"checkout")


def wait_until(happened, process, seconds=300):
    for _ in range(seconds*20):
        if happened(): return
        assert process.poll() is None, process.communicate()[0][-4000:]
        time.sleep(0.05)
    raise AssertionError("it did not happen in time")


@pytest.fixture(scope="session")
def built(tmp_path_factory) -> Checkout:
    "The smoke report, its command killed while a network learned and called again."
    checkout = Checkout(tmp_path_factory.mktemp("built")/"checkout")
    process = checkout.start(*checkout.report_command(), start_new_session=True)
    log = checkout.folder/"results/simulated/smoke/resnet/seed-0/training/log.csv"
    wait_until(lambda: log.exists() and len(log.read_text().splitlines()) > 1, process)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert not (checkout.folder/"report/report.pdf").exists()
    checkout.left = checkout.begun()
    checkout.finished = {run: made for run, made in checkout.runs().items() if run not in checkout.left}
    checkout.run(*checkout.report_command())
    checkout.first = checkout.runs()
    return checkout


def results_of(folder) -> dict[Path, bytes]:
    "All results of a smoke report but the checksum of the PDF, whose list of runs tells what each of them cost."
    found = [path for path in folder.glob("results/simulated/smoke/**/metrics.json") if path.parent.name != "90_report"]
    return {path.relative_to(folder): path.read_bytes() for path in found}


def values_of(folder) -> dict:
    "All that its PDF is made from, without what the runs cost."
    found = json.loads((folder/"results/simulated/smoke/90_report/values.json").read_text())
    for group in found["runs"]:
        for run in group["rows"]: run.pop("seconds"), run.pop("memory")
    return found


@pytest.fixture(scope="session")
def measured() -> Path:
    "Folder with real measurements, which are not part of the project."
    if not MEASURED.exists(): pytest.skip("no measured promoters beside this checkout")
    return MEASURED
