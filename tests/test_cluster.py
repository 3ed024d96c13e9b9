"""The workflow as jobs of a cluster, as far as that can be seen without one."""
import re
import shlex
import shutil

import pytest
from conftest import ROOT

PAGE = (ROOT/"docs/cluster.md").read_text()
(DRY_RUN,) = re.findall(r"^snakemake .*--dry-run$", PAGE, flags=re.MULTILINE)
OPTIONS = re.findall(r"`(--set-resources [^`]+)`", PAGE)


def jobs(output):
    "Resources and wildcards of each job of a dry run."
    blocks = re.split(r"^rule ", output, flags=re.MULTILINE)[1:]
    return [dict(re.findall(r"(\w+)=([^,\s]+)", block)) | {"rule": block.split(":")[0]} for block in blocks]


@pytest.fixture
def cluster(checkout):
    shutil.copytree(ROOT/"profiles", checkout.folder/"profiles")
    return checkout


@pytest.mark.parametrize("data", ["dream2022", "simulated"])
def test_dry_run_of_the_page_gives_every_job_its_resources(cluster, data):
    output = cluster.run(*shlex.split(DRY_RUN.replace("data=dream2022", f"data={data}")))
    assert "This was a dry-run" in output
    found = jobs(output)
    assert all(int(job["mem_mb"]) > 0 and int(job["runtime"]) > 0 for job in found)
    networks = [job for job in found if job["rule"] == "model" and job["gpu"] == "1"]
    assert {"resnet", "baseline_cnn"} <= {job["model"] for job in networks}
    assert {job["seed"] for job in networks} == {"0", "1", "2", "3", "4"} # five of the study that decides on claims
    assert {job["model"] for job in found if job["rule"] == "model" and job["gpu"] == "0"} >= {"lightgbm"}
    assert {job["rule"] for job in found} >= {"20_library", "60_results", "report"}


@pytest.mark.parametrize("options", OPTIONS)
def test_options_of_the_page_change_the_jobs_that_they_name(cluster, options):
    smaller = DRY_RUN.replace("full", "smoke") # has each of the rules
    found = jobs(cluster.run(*shlex.split(smaller), *shlex.split(options)))
    for rule, resource, value in re.findall(r"(\w+):(\w+)=(\w+)", options):
        assert {job[resource] for job in found if job["rule"] == rule} == {value}
