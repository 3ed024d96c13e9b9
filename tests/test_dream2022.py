"""The challenge's own library as the data of an experiment: from the cache, or with a clear word when there is none."""
import hashlib
import json
import os

import pytest

from promoter_nb.data.dream2022 import DESCRIPTION, RECORD
from promoter_nb.simulate.library import write_library


@pytest.fixture
def cached(checkout, tmp_path):
    "A checkout whose user has fetched the training file, and has no connection now."
    folder = tmp_path/"cache"/"promoter_nb"/"dream2022"
    folder.mkdir(parents=True)
    write_library(tmp_path/"library", 1500, progress=False)
    content = (tmp_path/"library"/"train.txt").read_bytes()
    (folder/"train.txt").write_bytes(content)
    entry = {"checksum": f"md5:{hashlib.md5(content).hexdigest()}", "url": "https://nowhere.invalid/train.txt",
             "size": len(content)}
    (folder/DESCRIPTION).write_text(json.dumps({"record": RECORD, "files": {"train.txt": entry}}))
    checkout.environment |= {"XDG_CACHE_HOME": str(tmp_path/"cache"), "HTTPS_PROXY": "http://127.0.0.1:9",
                             "https_proxy": "http://127.0.0.1:9"}
    return checkout


def test_experiment_reads_the_cached_library(cached):
    cached.run(*cached.papermill("nbs/experiments/21_data_set.ipynb", data="dream2022", promoters=1000,
                                 output="results/mine"))
    metrics = json.loads((cached.folder/"results/mine/metrics.json").read_text())
    assert metrics["name"] == "dream2022" and metrics["rows"]["file"] == 1500 and metrics["rows"]["used"] == 1000
    assert metrics["ceiling"] is None


def test_report_plans_with_the_challenge(cached):
    plan = cached.run(*(word for word in cached.report_command(data="dream2022") if word not in ("--quiet", "rules")),
                      "--dry-run")
    assert "results/dream2022/smoke/20_library" in plan


@pytest.mark.skipif(os.name == "nt", reason="the cache lies elsewhere")
def test_without_a_connection_it_says_what_to_do(cached, tmp_path):
    for path in (tmp_path/"cache"/"promoter_nb"/"dream2022").iterdir(): path.unlink()
    output = cached.fail(*cached.papermill("nbs/experiments/21_data_set.ipynb", data="dream2022",
                                           output="results/mine"))
    assert "gives no answer" in output and "Without a connection" in output
    assert not (cached.folder/"results/mine/metrics.json").exists()
