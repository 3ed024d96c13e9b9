"""The workflow as jobs of a cluster, as far as that can be seen without one."""
import re
import shutil

from conftest import ROOT


def jobs(output):
    "Resources and wildcards of each job of a dry run."
    return [dict(re.findall(r"(\w+)=([^,\s]+)", block)) | {"rule": block.split(":")[0]} for block in re.split(r"^rule ", output, flags=re.MULTILINE)[1:]]


def test_dry_run_gives_every_job_its_resources(checkout):
    shutil.copytree(ROOT/"profiles", checkout.folder/"profiles")
    output = checkout.run("snakemake", "--workflow-profile", "profiles/slurm", "--configfile", "config/full.yaml", "--config", "profile=full", "data=simulated", "--dry-run")
    assert "This was a dry-run" in output
    found = jobs(output)
    assert all(int(job["mem_mb"]) > 0 and int(job["runtime"]) > 0 for job in found)
    networks = [job for job in found if job["rule"] == "model" and job["gpu"] == "1"]
    assert {"resnet", "baseline_cnn"} <= {job["model"] for job in networks} and {job["seed"] for job in networks} == {"0", "1", "2"}
    assert {job["model"] for job in found if job["rule"] == "model" and job["gpu"] == "0"} >= {"lightgbm"}
    assert {job["rule"] for job in found} >= {"library", "results", "report"}


def test_page_names_the_profile_and_its_options():
    text = (ROOT/"docs/cluster.md").read_text()
    assert (ROOT/"profiles/slurm/config.yaml").exists() and "--workflow-profile profiles/slurm" in text
