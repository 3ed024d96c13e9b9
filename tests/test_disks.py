"""Disks that are full, read-only or gone, two writers, jumping clocks: each verb says so, or does not mind."""
import shutil
import subprocess

import pytest
from test_faults import COMMAND, CORES, TRAIN, place, shell  # noqa: F401
from test_kills import files

pytestmark = pytest.mark.long
WRITERS = {"predict": "predict two.txt -o out/table.tsv", "variants": "variants pairs.csv -o out/table.csv",
           "explain": "explain two.txt --logos out/logos -o out/table.parquet",
           "design": "design two.txt --edits 1 -o out/table.tsv",
           "train": TRAIN.replace(" model", " out/model"), "simulate": "data simulate out/library --promoters 1000",
           "scan": "scan genome.fa --step 40 -o out/track.bedgraph", "ablate": "ask ablate TA two.txt -o out/table.tsv"}
EVERY = pytest.mark.parametrize("verb", WRITERS)
ALONE = "unshare --user --map-root-user --mount"
FAULTS = {"full": ("No space left on device", "mount -t tmpfs -o size=4k none out && yes | head -c 4k > out/other"),
          "read-only": ("Read-only file system", "mount --bind out out && mount -o remount,ro,bind out"),
          "without room for any file": ("File too large", "ulimit -f 0")}
NO_SCRATCH = "No usable temporary directory found" # of verbs that need one, where no file can be written at all


@pytest.fixture
def disk(place):  # noqa: F811
    "A folder, and in it a folder `out` to put a disk in; a user namespace lets everybody mount one."
    (place/"pairs.csv").write_text(f"reference,alternative\n{CORES[0]},{CORES[1]}\n")
    (place/"genome.fa").write_text(f">I\n{CORES[0]}{CORES[1]}\n")
    (place/"out").mkdir()
    return place


MADE = {} # by verb, for all tests


@pytest.fixture
def alone(disk, verb):
    "What a verb makes where nothing disturbs it."
    if verb not in MADE:
        shell(f"pnb {WRITERS[verb]}", disk)
        MADE[verb] = files(disk/"out")
        shutil.rmtree(disk/"out")
        (disk/"out").mkdir()
    return MADE[verb]


@EVERY
@pytest.mark.parametrize("fault", FAULTS)
def test_a_disk_that_takes_nothing_is_named_and_stays_as_it_was(disk, verb, fault):
    told, fails = FAULTS[fault]
    if subprocess.run(f"{ALONE} true", shell=True).returncode: pytest.skip("no disk can be mounted here")
    line = f"{fails} || exit 99; pnb {WRITERS[verb]}; code=$?; ls -A out; exit $code"
    output, said = shell(f"export -f pnb; {ALONE} bash -c '{line}'", disk, code=1)
    last = said.splitlines()[-1]
    assert told in last and "out" in last or fault == "without room for any file" and NO_SCRATCH in last
    assert output == ("other\n" if fault == "full" else "")


def test_a_folder_that_goes_while_it_is_written_to_is_named(disk):
    goes = "until ls out/.*.part &> /dev/null; do sleep 0.1; done; rm -r out"
    _, said = shell(f"(cat two.txt; {goes}; cat two.txt) | pnb predict - -o out/table.tsv", disk, code=1)
    assert "out/table.tsv" in said.splitlines()[-1] and "No such file or directory" in said.splitlines()[-1]


@EVERY
def test_of_two_writers_one_wins_and_the_other_has_won_or_is_refused(disk, verb, alone):
    _, said = shell(f"pnb {WRITERS[verb]} & pnb {WRITERS[verb]}; first=$?; wait $!; echo $first $? > codes", disk)
    codes = sorted((disk/"codes").read_text().split())
    assert codes == (["0", "1"] if verb in ("train", "simulate") else ["0", "0"])
    assert said.count("promoter-nb: ") == codes.count("1")
    assert files(disk/"out") == alone


BACKWARDS = """import itertools, time
now, calls = time.time(), itertools.count()
time.time = lambda: now - 3600*next(calls)
from promoter_nb.cli import app
app()"""

@EVERY
def test_a_clock_that_runs_backwards_changes_nothing(disk, verb, alone):
    (disk/"backwards.py").write_text(BACKWARDS)
    shell(f"{COMMAND.split(' -c')[0]} backwards.py {WRITERS[verb]}", disk)
    assert files(disk/"out") == alone


@EVERY
@pytest.mark.parametrize("mask", [0o077, 0o022])
def test_the_umask_is_kept(disk, verb, mask):
    (disk/"out").rmdir()
    shell(f"umask {mask:o}; pnb {WRITERS[verb]}", disk)
    for path in (disk/"out", *(disk/"out").rglob("*")):
        assert path.stat().st_mode & 0o777 == (0o777 if path.is_dir() else 0o666) & ~mask, path
