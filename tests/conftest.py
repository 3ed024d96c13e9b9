"""A copy of the sources for each test that runs whole commands, so that no test writes into the checkout."""
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

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

    def report_command(self, data="simulated", profile="smoke"):
        "The command behind `make report`."
        options = ("--cores", "2", "--quiet", "rules", "--rerun-incomplete", "--nolock")
        chosen = ("--configfile", f"config/{profile}.yaml", "--config", f"profile={profile}")
        return ("env", f"PROMOTER_NB_DATA={data}", "snakemake", *options, *chosen)

    def papermill(self, notebook, **parameters):
        "A papermill command with parameters."
        words = [word for name, value in parameters.items() for word in ("-p", name, value)]
        return ("papermill", notebook, "out.ipynb", "--no-progress-bar", *words)


@pytest.hookimpl(tryfirst=True) # before xdist reads the marks
def pytest_collection_modifyitems(items):
    "What is built for several tests is built by one process: tests of one file stay together, as do all on the report."
    for item in items:
        item.add_marker(pytest.mark.xdist_group("built" if "built" in item.fixturenames else item.path.name))


@pytest.fixture
def checkout(tmp_path) -> Checkout:
    return Checkout(tmp_path/"checkout")


@pytest.fixture(scope="session")
def built(tmp_path_factory) -> Checkout:
    "A checkout in which the smoke report was built."
    checkout = Checkout(tmp_path_factory.mktemp("built")/"checkout")
    checkout.run(*checkout.report_command())
    return checkout


@pytest.fixture(scope="session")
def measured() -> Path:
    "Folder with real measurements, which are not part of the project."
    if not MEASURED.exists(): pytest.skip("no measured promoters beside this checkout")
    return MEASURED
