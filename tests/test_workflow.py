"""What reaches an experiment is what was asked for, whatever a file is called and however small a number is."""
import re
import shlex
import shutil

import pytest
import yaml
from conftest import ROOT

from promoter_nb.paper.workflow import files_given


def parameters(output):
    "Parameters of each job of a dry run, by the folder of its results."
    commands = re.findall(r"^Shell command: .* -y (.*)$", output, re.MULTILINE)
    return {given["output"]: given for given in (yaml.safe_load(shlex.split(words)[0]) for words in commands)}


def test_the_workflow_is_read_in_one_go(): assert len((ROOT/"Snakefile").read_text().splitlines()) < 150


@pytest.fixture
def plan(checkout):
    def ask(data="simulated", profile="smoke"):
        command = [word for word in checkout.report_command(data, profile) if word not in ("--quiet", "rules")]
        return parameters(checkout.run(*command, "--dry-run", "--printshellcmds"))
    return ask


ODD_NAMES = ["run #2/train.txt", "2023_1", "a: b.txt", "a{1}.txt", "{model}.txt", "d\N{DNA DOUBLE HELIX}.txt", "1e5",
             "it's \"mine\".txt"]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_file_of_any_name_reaches_every_experiment(checkout, plan, name):
    (checkout.folder/name).parent.mkdir(exist_ok=True)
    (checkout.folder/name).write_text("ACGT\t1\n")
    planned = plan(name)
    assert {given["data"] for given in planned.values() if "data" in given} == {name} and len(planned) > 10


def test_a_file_of_an_odd_name_is_read(checkout, plan):
    name = "run #2/a: {1}.txt"
    (checkout.folder/name).parent.mkdir()
    rows = [f"{'ACGT'[i % 4]*4}{'ACGT'[i//4 % 4]*6}{'GATTACA'*10}\t{i % 17}" for i in range(300)]
    (checkout.folder/name).write_text("\n".join(rows) + "\n")
    (folder,) = (output for output in plan(name) if output.endswith("21_data_set"))
    checkout.run(*checkout.report_command(name), "--", f"{folder}/metrics.json")
    assert '"file": 300' in (checkout.folder/folder/"metrics.json").read_text()


def test_make_hands_the_name_over_as_it_is(checkout):
    shutil.copy(ROOT/"Makefile", checkout.folder)
    said = checkout.fail("make", "-o", "setup", "report", "DATA=run #2/2023_1: {x}.txt", "BIN=nowhere")
    assert "DATA=run #2/2023_1: {x}.txt is not a file" in said


def test_files_measured_elsewhere_may_have_spaces_in_their_names(tmp_path):
    one, two = (tmp_path/name for name in ("run #2 a.txt", "b.txt"))
    for path in (one, two): path.touch()
    assert files_given(str(one)) == [str(one)] and files_given(f"'{one}' {two}") == [str(one), str(two)]
    for names, told in ((f"{one} {two}", "with quotes around a path"), (f"'{one}", "No closing quotation")):
        with pytest.raises(ValueError, match=told): files_given(names)


def test_small_and_large_numbers_stay_numbers(checkout, plan):
    profile = yaml.safe_load((checkout.folder/"config/smoke.yaml").read_text())
    profile["models"]["baseline_cnn"] = {"epochs": 1, "learning_rate": 0.00005, "weight_decay": 1e-16}
    (checkout.folder/"config/mine.yaml").write_text(yaml.safe_dump(profile))
    given = plan(profile="mine")["results/simulated/mine/baseline_cnn/seed-0"]
    assert given["learning_rate"] == 0.00005 and given["weight_decay"] == 1e-16 and given["title"] == "CNN"


def test_a_setting_that_nobody_knows_is_refused(checkout):
    profile = checkout.folder/"config/smoke.yaml"
    profile.write_text(profile.read_text().replace("deep_cnn", "deeper_cnn"))
    said = checkout.fail(*checkout.report_command(), "--dry-run")
    assert "ablation deeper_cnn is not in config/models.yaml, which has resnet" in said


def test_a_checkout_that_was_moved_makes_its_environment_anew(checkout):
    shutil.copy(ROOT/"Makefile", checkout.folder)
    shutil.copy(ROOT/"constraints.txt", checkout.folder)
    (programs := checkout.folder/".venv/bin").mkdir(parents=True)
    (programs/"pip").write_text(f"#!{programs}/python3\n")
    (programs/".installed").touch()
    (programs/".exported").touch()
    assert "venv" not in checkout.run("make", "-n", "setup")
    (programs/"pip").write_text("#!/where/it/was/.venv/bin/python3\n")
    assert "venv --clear" in checkout.run("make", "-n", "setup")


def test_help_names_what_can_be_asked_for(checkout):
    shutil.copy(ROOT/"Makefile", checkout.folder)
    told = checkout.run("make", "help")
    assert "dream2022" in told and "one of full laptop quick smoke" in told and "outputs" in told
