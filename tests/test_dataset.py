"""Reading a file gives what a careful loop over its lines gives, or an error with a place."""
import gzip
import tracemalloc

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from promoter_nb.data.dataset import DataError, Dataset, read, split
from promoter_nb.data.flanks import DOWNSTREAM, UPSTREAM
from promoter_nb.data.sequence import decode

cores = st.text("ACGT", min_size=1, max_size=90)
labels = st.floats(0, 17, width=32)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(cores, labels), min_size=1, max_size=20), end=st.sampled_from(["\n", "\r\n"]),
       lower=st.booleans(), zipped=st.booleans(), last_end=st.booleans())
def test_reads_what_was_written(tmp_path, rows, end, lower, zipped, last_end):
    text = end.join(f"{UPSTREAM}{core}{DOWNSTREAM}\t{label!r}" for core, label in rows) + end*last_end
    content = (text.lower() if lower else text).encode()
    path = tmp_path/"rows.txt"
    path.write_bytes(gzip.compress(content) if zipped else content)
    data = read(path)
    assert decode(data.codes) == [core[-80:] for core, _ in rows]
    assert data.labels.tolist() == [label for _, label in rows]
    assert data.report["longer_than_width"] == sum(len(core) > 80 for core, _ in rows)


def damaged(content):
    "The same with other bytes in the middle."
    middle = len(content)//2
    return content[:middle] + bytes(byte ^ 255 for byte in content[middle:middle + 100]) + content[middle + 100:]


@pytest.mark.parametrize("content, complaint", [
    (b"", "the file is empty"),
    (b"ACGT\t1\nACGT 2\n", "line 2: 'ACGT 2' has 0 tabs"),
    (b"ACGT\t1\tx\n", "line 1: .* has 2 tabs"),
    (b"ACGT\t1\nACGT\thigh\n", "line 2: 'high' is not a number"),
    (b"ACGT\t1\nACGT\t1e39\n", "line 2: '1e39' is not a finite number"),
    (b"ACGT\t1_0\n", "line 1: '1_0' is not a number"),
    (b"ACGT\t1\n\t1\n", "line 2: '' has no bases"),
    (b"NNNN\t1\n", "line 1: 'NNNN' has no bases"),
    (f"ACGT\t1\nAAA{UPSTREAM}{DOWNSTREAM}AAA\t1\n".encode(), "line 2: 'AAATGCA.* has no bases"),
    (b"ACGT\tinf\n", "line 1: 'inf' is not a finite number"),
    (b"ACGT\t1\nACXT\t1\n", "line 2: 'X' at base 3"),
    (b"ACGT\t\n", "line 1: '' is not a number"),
    ((b"ACGT"*25 + b"\t1\n")*100_000 + b"ACGT\tnan\n", "line 100001: 'nan'"),
    (gzip.compress((b"ACGT"*25 + b"\t1\n")*100_000)[:-20], "the gzip file is cut off or damaged"),
    (damaged(gzip.compress((b"ACGT"*25 + b"\t1\n")*100_000)), "the gzip file is cut off or damaged"),
    (gzip.compress(b"ACGT\t1\nACGT\t?\n"), "line 2: '\\?' is not a number"),
])
def test_bad_file_is_refused_with_file_line_and_value(tmp_path, content, complaint):
    path = tmp_path/"bad.txt"
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"bad.txt.*{complaint}"): read(path)


def test_missing_file_and_folder_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing.txt"): read(tmp_path/"nothing.txt")
    with pytest.raises(IsADirectoryError, match=tmp_path.name): read(tmp_path)


def test_measured_training_and_validation_split_as_they_were_made(measured):
    data = read(measured/"deboer2020_val.txt")
    assert len(data) == 6916 and data.report["upstream_flank"]["intact"] == 6916
    train, validation = split(data)
    assert not {row.tobytes() for row in train.codes} & {row.tobytes() for row in validation.codes}
    assert np.isclose(len(validation)/len(data), 0.1, atol=0.015)


def test_a_split_makes_no_other_copy_of_all_promoters():
    codes = np.random.default_rng(0).integers(0, 5, (500_000, 80), dtype=np.uint8)
    data = Dataset(codes, np.zeros(len(codes), np.float32), "many", "", np.arange(len(codes)), {})
    tracemalloc.start()
    try:
        parts = split(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally: tracemalloc.stop()
    assert sum(map(len, parts)) == len(data) and peak < 1.7*codes.nbytes # one of them is the two parts
    first, second = split(data.take(slice(0, 200_000)))[1], split(data.take(slice(200_000, None)))[1]
    assert np.array_equal(parts[1].rows, np.concatenate([first.rows, second.rows]))
