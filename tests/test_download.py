"The challenge's record, played by a web server on this computer, with everything that can go wrong."
import hashlib
import io
import json
import os
import resource
import shutil
import tarfile
import threading
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from promoter_nb.data.dataset import read
from promoter_nb.data.dream2022 import DESCRIPTION, FILES, DownloadError, dream2022, unpack
from promoter_nb.data.flanks import DOWNSTREAM, UPSTREAM

LINES = f"{UPSTREAM}{'ACGT'*20}{DOWNSTREAM}\t11.5\n".encode()*2000


def archive(*members):
    "A tar.gz of members, each a name, or a name and the place that it links to."
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, link in members:
            member = tarfile.TarInfo(name)
            if link: member.type, member.linkname = tarfile.SYMTYPE, link
            else: member.size = 6
            tar.addfile(member, io.BytesIO(b"pos\n1\n"))
    return buffer.getvalue()


class Handler(SimpleHTTPRequestHandler):
    def log_message(self, *arguments): pass

    def do_GET(self):
        record, name = self.server.record, self.path.rsplit("/", 1)[-1]
        record.asked.append(name)
        content = json.dumps(record.description()).encode() if name == "10633252" else record.files.get(name)
        if content is None or name in record.failing: return self.send_error(503 if name in record.failing else 404)
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        cut = record.cut.get(name, 0) > 0
        if cut: record.cut[name] -= 1
        self.wfile.write(content[:len(content)//2] if cut else content)


class Record:
    "What the server has, what it was asked for, and which of its answers shall be faulty."
    def __init__(self, address):
        self.address, self.asked, self.cut, self.failing, self.changes = address, [], {}, set(), {}
        tables = archive(*((f"test_subset_ids/{name}.csv", None) for name in ("high_exp_seqs", "low_exp_seqs")))
        self.files = {name: tables if ".tar" in name else name.encode() + b"\n" + LINES
                      for name in FILES} | {"README.md": b"more"}

    def description(self):
        def described(name, content):
            return {"key": name, "size": len(content), "checksum": f"md5:{hashlib.md5(content).hexdigest()}",
                    "links": {"self": f"{self.address}/api/records/10633252/files/{name}"}} | self.changes.get(name, {})
        return {"id": 10633252, "files": [described(*file) for file in self.files.items()]}


@contextmanager
def serve(handler):
    "The record behind a server."
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.record = Record(f"http://127.0.0.1:{server.server_port}")
    server.handle_error = lambda *where: None # of visitors who hang up
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try: yield server.record
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def record():
    with serve(Handler) as record: yield record


@pytest.fixture
def fetch(record, tmp_path):
    return partial(dream2022, tmp_path/"data", record=f"{record.address}/api/records/10633252", progress=False,
                   retries=0)


def names(folder): return sorted(path.name for path in folder.iterdir())


def test_everything_is_fetched_once(record, fetch, tmp_path):
    found = fetch()
    assert {name: path.name for name, path in found.items()} == {name: name.split(".tar")[0] for name in FILES}
    assert all(found[name].read_bytes() == record.files[name] for name in FILES[:3])
    assert names(found["test_subset_ids.tar.gz"]) == ["high_exp_seqs.csv", "low_exp_seqs.csv"]
    assert record.asked == ["10633252", *FILES]
    assert names(tmp_path/"data") == sorted([*FILES, "test_subset_ids", DESCRIPTION])
    assert fetch() == found and len(record.asked) == 5


def test_only_what_is_asked_for_is_fetched(record, fetch, tmp_path):
    fetch(files=("val.txt",))
    assert record.asked == ["10633252", "val.txt"]


def test_what_was_fetched_can_be_read(record, fetch):
    record.files["val.txt"] = LINES
    data = read(fetch(files=("val.txt",))["val.txt"])
    assert len(data) == 2000 and data.labels[0] == 11.5 and data.codes.shape == (2000, 80)


def test_a_file_that_was_cut_off_is_fetched_again(record, fetch):
    found = fetch()
    found["train.txt"].write_bytes(record.files["train.txt"][:-1])
    found["val.txt"].unlink()
    assert fetch() == found
    assert record.asked[5:] == ["train.txt", "val.txt"]
    assert found["train.txt"].read_bytes() == record.files["train.txt"]


def test_a_download_that_stops_half_way_keeps_what_is_finished(record, fetch, tmp_path):
    record.cut["val.txt"] = 1
    with pytest.raises(DownloadError, match="val.txt.*not fetched whole.*try again"): fetch()
    assert names(tmp_path/"data") == [DESCRIPTION, "train.txt"]
    fetch()
    assert record.asked.count("train.txt") == 1 and record.asked.count("val.txt") == 2


def test_a_download_that_stops_half_way_is_tried_again(record, fetch):
    record.cut["val.txt"] = 1
    assert fetch(files=("val.txt",), retries=1)["val.txt"].read_bytes() == record.files["val.txt"]


def test_a_wrong_checksum_keeps_nothing(record, fetch, tmp_path):
    record.changes["val.txt"] = {"checksum": "md5:" + "0"*32}
    with pytest.raises(DownloadError, match="val.txt.*differs from its checksum.*0000"): fetch(files=("val.txt",))
    assert names(tmp_path/"data") == [DESCRIPTION]


def test_a_damaged_file_stays_until_its_successor_is_whole(record, fetch):
    found = fetch(files=("val.txt",))["val.txt"]
    found.write_bytes(b"mine")
    record.failing.add("val.txt")
    with pytest.raises(DownloadError, match="503"): fetch(files=("val.txt",))
    assert found.read_bytes() == b"mine"


def test_a_disk_without_room_is_noticed_first(record, fetch, tmp_path):
    record.changes["train.txt"] = {"size": 10**15}
    with pytest.raises(DownloadError, match="1000000.0 GB are needed"): fetch()
    assert record.asked == ["10633252"]


def test_a_disk_that_runs_full_keeps_nothing_half_written(record, fetch, tmp_path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(DownloadError, match="val.txt.*not fetched whole.*too large"): fetch(files=("val.txt",))
    finally: resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert names(tmp_path/"data") == [DESCRIPTION]


def test_a_complete_folder_needs_no_connection(record, fetch):
    found = fetch()
    record.failing.update(["10633252", *FILES])
    assert fetch() == found


@pytest.mark.parametrize("fault", ["no server", "an error", "no JSON", "no record"])
def test_a_record_that_cannot_be_had_gives_advice(record, tmp_path, fault):
    record.failing = {"10633252"} if fault == "an error" else set()
    record.files = {"page": b"<html>"}
    record.description = lambda: {"status": 404, "message": "no such record"}
    address = {"no server": "http://127.0.0.1:9/10633252",
               "no JSON": f"{record.address}/page"}.get(fault, f"{record.address}/10633252")
    with pytest.raises(DownloadError, match="simulated library") as refusal: dream2022(tmp_path, record=address)
    assert address in str(refusal.value) and not names(tmp_path)


def test_a_damaged_description_is_named(record, fetch, tmp_path):
    fetch(files=("val.txt",))
    (tmp_path/"data"/DESCRIPTION).write_text('{"record":')
    with pytest.raises(DownloadError, match="record.json is damaged"): fetch()


def test_unknown_names_are_refused(record, fetch):
    with pytest.raises(ValueError, match="has no ../x, test.txt; it has train.txt"):
        fetch(files=("test.txt", "val.txt", "../x"))
    assert record.asked == ["10633252"]


@pytest.mark.parametrize("members", [
    [("fine.csv", None), ("../outside.csv", None)],
    [("a/../../outside.csv", None)],
    [("link", "../.."), ("link/outside.csv", None)],
    [("link", "/etc/passwd")],
], ids=["parent", "parent within", "link to a folder", "absolute link"])
def test_an_archive_cannot_leave_its_folder(record, fetch, tmp_path, members):
    record.files["test_subset_ids.tar.gz"] = archive(*members)
    with pytest.raises(DownloadError, match="was not unpacked.*outside|was not unpacked.*absolute"):
        fetch(files=("test_subset_ids.tar.gz",))
    assert names(tmp_path/"data") == [DESCRIPTION, "test_subset_ids.tar.gz"]
    assert names(tmp_path) == ["data"]


@pytest.mark.parametrize("content", [archive(("a.csv", None))[:-20], b"no archive", b""],
                         ids=["cut off", "none", "empty"])
def test_a_damaged_archive_leaves_nothing(tmp_path, content):
    (tmp_path/"x.tar.gz").write_bytes(content)
    with pytest.raises(DownloadError, match="x.tar.gz was not unpacked"): unpack(tmp_path/"x.tar.gz", tmp_path/"x")
    assert names(tmp_path) == ["x.tar.gz"]


def test_an_archive_larger_than_the_disk_is_not_unpacked(tmp_path):
    member = tarfile.TarInfo("large")
    member.size = (shutil.disk_usage(tmp_path).free//512 + 10**8)*512
    (tmp_path/"x.tar").write_bytes(member.tobuf(tarfile.GNU_FORMAT))
    os.truncate(tmp_path/"x.tar", member.size + 2048)
    with pytest.raises(DownloadError, match="x.tar was not unpacked.*GB are needed"):
        unpack(tmp_path/"x.tar", tmp_path/"x")
    assert names(tmp_path) == ["x.tar"]
