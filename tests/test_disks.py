"""Disks that are full, read-only, or take no file: each verb names the file, and leaves nothing."""
import subprocess

import pytest
from test_faults import CORES, place, shell  # noqa: F401

pytestmark = pytest.mark.long
WRITERS = {"predict": "predict two.txt -o out/table.tsv", "variants": "variants pairs.csv -o out/table.csv",
           "explain": "explain two.txt --logos out/logos -o out/table.parquet",
           "design": "design two.txt --edits 1 -o out/table.tsv"}
ALONE = "unshare --user --map-root-user --mount"
FAULTS = {"full": ("No space left on device", "mount -t tmpfs -o size=4k none out && yes | head -c 4k > out/other"),
          "read-only": ("Read-only file system", "mount --bind out out && mount -o remount,ro,bind out"),
          "without room for any file": ("File too large", "ulimit -f 0")}


@pytest.fixture
def disk(place):  # noqa: F811
    "A folder, and in it a folder `out` to put a disk in; a user namespace lets everybody mount one."
    (place/"pairs.csv").write_text(f"reference,alternative\n{CORES[0]},{CORES[1]}\n")
    (place/"out").mkdir()
    return place


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("verb", WRITERS)
def test_a_disk_that_takes_nothing_is_named_and_stays_as_it_was(disk, verb, fault):
    told, fails = FAULTS[fault]
    if subprocess.run(f"{ALONE} true", shell=True).returncode: pytest.skip("no disk can be mounted here")
    line = f"{fails} || exit 99; pnb {WRITERS[verb]}; code=$?; ls -A out; exit $code"
    output, said = shell(f"export -f pnb; {ALONE} bash -c '{line}'", disk, code=1)
    assert told in said.splitlines()[-1] and "out" in said.splitlines()[-1]
    assert output == ("other\n" if fault == "full" else "")
