"""Visitors of the page: many at once, and some who mean no good. JupyterLab, which can run code, asks for its token."""
import http.client
import re
import shlex
import sys
import time
from urllib.parse import urlsplit

import numpy as np
import psutil
import pytest
from conftest import ROOT, browser, listening, the_page

from promoter_nb.app.page import EXAMPLE, LONGEST_TEXT
from promoter_nb.inference.predictor import Predictor

OPENED, ANSWERED = 240_000, 120_000 # milliseconds that a visitor may wait for the page, and for a prediction


def visit(chromium, address):
    "A visitor's tab, of whom the others know nothing."
    tab = chromium.new_context().new_page()
    tab.set_default_timeout(ANSWERED)
    tab.goto(address, wait_until="commit", timeout=OPENED)
    return tab


def predict(tab, text):
    tab.get_by_label("Sequence", exact=True).fill(text)
    tab.get_by_role("button", name="Predict").click()


def family(server): return [psutil.Process(server.pid), *psutil.Process(server.pid).children(recursive=True)]


@pytest.fixture(scope="module")
def page():
    "A browser, the server of the page, and its address."
    with browser() as chromium, the_page() as (server, address): yield chromium, server, address


def check_sessions(page, visitors, rounds):
    "Each visitor asks for other promoters, all at the same time, and gets the right numbers."
    chromium, server, address = page
    cores = ["".join(row) for row in np.random.default_rng(6).choice(list("ACGT"), (visitors*rounds, 80))]
    expected = [f"{value:.2f}" for value in Predictor.load().predict(cores)]
    started = time.monotonic()
    tabs = [visit(chromium, address) for _ in range(visitors)]
    for tab in tabs: tab.wait_for_selector("#pn-prediction", timeout=OPENED)
    opened = time.monotonic()
    for first in range(0, len(cores), visitors):
        for tab, core in zip(tabs, cores[first:]): predict(tab, core)
        for tab, value in zip(tabs, expected[first:]):
            tab.wait_for_function("value => document.querySelector('#pn-prediction').innerText == value", arg=value)
    answered = time.monotonic()
    megabytes = sum(process.memory_full_info().uss for process in family(server)) >> 20
    for tab in tabs: tab.context.close()
    print(f"{visitors} visitors in {opened - started:.0f} s, {len(cores)} predictions in {answered - opened:.0f} s, "
          f"{megabytes} MB")
    assert megabytes < 700*(visitors + 2) # the server, and the kernel that waits for the next visitor


def test_four_visitors_at_once_get_their_own_numbers(page): check_sessions(page, 4, 3)


@pytest.mark.long
def test_twenty_visitors_at_once_get_a_hundred_numbers(page): check_sessions(page, 20, 5)


@pytest.fixture(scope="module")
def stranger(page):
    "A visitor's tab, the server, and where it is."
    chromium, server, address = page
    tab = visit(chromium, address)
    tab.wait_for_selector("#pn-prediction", timeout=OPENED)
    return tab, server, urlsplit(address).netloc


@pytest.mark.parametrize("text", [
    "ACGT<img src=x onerror='window.hit = 1'>", f"><script>window.hit = 1</script>\n{EXAMPLE}",
    f"><img src=x onerror='window.hit = 1'>\n{EXAMPLE}", "{{ 7*7 }}${window.hit = 1}"])
def test_what_is_pasted_is_never_run(stranger, text):
    tab, _, _ = stranger
    predict(tab, text)
    if EXAMPLE in text: tab.wait_for_selector("[role=alert]", state="detached")
    else: assert "is no IUPAC letter" in tab.wait_for_selector("[role=alert]").inner_text()
    assert tab.evaluate("window.hit") is None and not tab.query_selector("img[src=x]")


def test_a_long_text_is_refused(stranger):
    tab, _, _ = stranger
    predict(tab, "A"*(LONGEST_TEXT + 1))
    tab.get_by_role("alert").filter(has_text="has 10,001 letters; the page takes 10,000 at most").wait_for()
    predict(tab, EXAMPLE)
    tab.wait_for_selector("[role=alert]", state="detached")


SEND = """async code => {
    const kernel = JSON.parse(document.getElementById("jupyter-config-data").textContent).kernelId
    const socket = new WebSocket(`ws://${location.host}/api/kernels/${kernel}/channels`), seen = []
    await new Promise(opened => socket.onopen = opened)
    const send = (msg_type, content) => socket.send(JSON.stringify({
        header: {msg_id: crypto.randomUUID(), msg_type, username: "", session: "stranger", version: "5.3"},
        channel: "shell", content, parent_header: {}, metadata: {}}))
    const answered = new Promise(done => socket.onmessage = ({data}) => {
        seen.push(JSON.parse(data).msg_type)
        if (seen.at(-1) == "kernel_info_reply") done(seen) })
    send("execute_request", {code, silent: false, store_history: true, user_expressions: {}, allow_stdin: false})
    send("kernel_info_request", {})
    return await answered }"""

def test_a_kernel_runs_no_code_of_a_visitor(stranger, tmp_path):
    tab, _, _ = stranger
    seen = tab.evaluate(SEND, f"open({str(tmp_path/'hit')!r}, 'w')")
    assert "execute_reply" not in seen and not (tmp_path/"hit").exists()


def asked(place, path, **headers):
    "Status and body that a server answers with, and where it sends the visitor."
    connection = http.client.HTTPConnection(place, timeout=60)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    body = "" if answer.status == 101 else answer.read().decode(errors="replace")
    return answer.status, body, answer.headers["Location"]


def test_other_pages_cannot_reach_a_kernel(stranger):
    tab, _, place = stranger
    kernel = tab.evaluate("JSON.parse(document.getElementById('jupyter-config-data').textContent).kernelId")
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
               "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="}
    own, other = (asked(place, f"/api/kernels/{kernel}/channels", Origin=f"http://{name}", **upgrade)[0]
                  for name in (place, "elsewhere.example"))
    assert (own, other) == (101, 403)


@pytest.mark.parametrize("path", [
    "/nothing", "/api/contents", "/api/contents/nbs/app.ipynb", "/api/kernels", "/api/terminals", "/lab", "/voila/tree",
    "/voila/render/nbs/app.ipynb", "/voila/files/Makefile", "/voila/files/app.ipynb", "/voila/files/index.ipynb",
    "/voila/files/../../../../etc/passwd", "/voila/files/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    "/voila/static/../../../../etc/passwd"])
def test_no_file_and_no_path_is_shown(stranger, path):
    status, body, location = asked(stranger[2], path)
    if status == 302: status, body, _ = asked(stranger[2], location)
    assert status >= 400 and str(ROOT) not in body and "Traceback" not in body


def test_the_page_itself_shows_no_path(stranger):
    tab, _, _ = stranger
    assert str(ROOT) not in tab.content() and sys.prefix not in tab.content()


def check_local(server):
    "All ports, those of kernels included, are open to this computer alone."
    ports = [one.laddr for process in family(server) for one in process.net_connections("inet")
             if one.status == psutil.CONN_LISTEN]
    assert ports and {port.ip for port in ports} <= {"127.0.0.1", "::1"}


def test_the_page_is_open_to_this_computer_alone(stranger): check_local(stranger[1])


def test_the_laboratory_is_open_to_those_with_its_token_alone(tmp_path):
    (options,) = re.findall(r"jupyter lab (.*)", (ROOT/"Makefile").read_text())
    command = [sys.executable, "-m", "jupyterlab", *shlex.split(options), "--no-browser", "--allow-root"]
    with listening(command, tmp_path) as (server, port):
        check_local(server)
        for path in ("/api/contents", "/api/kernels", "/api/terminals"):
            assert asked(f"127.0.0.1:{port}", path)[0] == 403
        assert asked(f"127.0.0.1:{port}", "/lab")[2].startswith("/login")
