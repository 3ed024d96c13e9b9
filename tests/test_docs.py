"""The documentation is built without a warning, and every link in it leads somewhere."""
import re
import shlex
import sys
from functools import cache
from subprocess import run
from urllib.parse import unquote, urlsplit

import pytest
from conftest import ROOT
from typer.main import get_command
from typer.testing import CliRunner

from promoter_nb.cli import app


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("docs")
    sphinx = ["-m", "sphinx", "-q", "-W", "--keep-going", "-n", "-c", "docs", "-d", folder/"trees"]
    for command in (["docs/pages.py", folder/"pages"], [*sphinx, folder/"pages", folder/"html"]):
        done = run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-4000:]
    return folder/"html"


def test_every_notebook_has_a_page(site):
    for notebook in (ROOT/"nbs").glob("*/**/*.ipynb"):
        page = notebook.relative_to(ROOT/"nbs").with_suffix(".html")
        if page.parent.name == "library": page = page.parent/"command_line"/page.name # the one that stands in no room
        assert (site/page).exists(), notebook


def test_every_local_link_leads_somewhere(site):
    text = cache(lambda path: path.read_text())
    anchors = cache(lambda path: set(re.findall(r'\sid="([^"]+)"', text(path))))
    broken, seen = [], 0
    for page in site.rglob("*.html"):
        for link in re.findall(r'\s(?:href|src)="([^"]+)"', text(page)):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc: continue
            target = (page.parent/unquote(parts.path)).resolve() if parts.path else page
            fragment = unquote(parts.fragment)
            seen += 1
            lost = fragment and target.suffix == ".html" and fragment not in anchors(target)
            if not target.exists() or lost: broken.append(f"{page.relative_to(site)}: {link}")
    assert not broken and seen > 1000


def test_nothing_is_loaded_from_elsewhere(site):
    foreign = r'<(?:script|img)[^>]*\ssrc="(https?:[^"]+)"|<link[^>]*rel="stylesheet"[^>]*href="(https?:[^"]+)"'
    assert not [link for page in site.rglob("*.html") for link in re.findall(foreign, page.read_text())]


def test_gallery_shows_the_reference_figures(site):
    shown = set(re.findall(r'src="_images/([\w-]+\.svg)"', (site/"gallery.html").read_text()))
    assert {path.name for path in (ROOT/"figures/reference/quick").glob("*.svg")} <= shown


def test_every_command_and_its_examples_are_on_the_page_of_commands(site):
    page = re.sub(r"<[^>]+>", "", (site/"commands.html").read_text())
    for command in get_command(app).commands: assert f"promoter-nb {command}" in page, command
    assert "promoter-nb predict promoters.fa --output predictions.tsv" in page and "Positions count from 1" in page


LINES = re.findall("^promoter-nb .*", (ROOT/"docs/which_command.md").read_text(), re.MULTILINE)


@pytest.mark.parametrize("line", LINES)
def test_a_line_that_answers_a_question_is_a_command(line):
    assert CliRunner().invoke(app, [*shlex.split(line)[1:], "--help"]).exit_code == 0


def test_every_room_has_a_page_with_the_meaning_of_parameters(site):
    for room in (path.name for path in (ROOT/"promoter_nb").iterdir() if (path/"__init__.py").exists()):
        assert (site/"library"/room/"index.html").exists(), room
    assert "columns of the result" in re.sub(r"<[^>]+>", "", (site/"library/data/index.html").read_text())


def test_tutorials_show_their_pictures_and_answers(site):
    for notebook in sorted((ROOT/"nbs/tutorials").glob("*.ipynb")):
        shown = (site/"tutorials"/f"{notebook.stem}.html").read_text()
        assert "cell_output" in shown and re.search(r'<img[^>]*src="\.\./_images/[0-9a-f]+\.svg"', shown), notebook.stem


def test_every_message_says_what_to_do(tmp_path):
    from pages import messages
    messages(tmp_path)
    rows = re.findall(r"^\| (?!message|---)(.*) \| (.*) \|$", (tmp_path/"messages.md").read_text(), re.MULTILINE)
    assert len(rows) > 350 and not [row for row in rows if not all(re.search("[A-Za-z]", part) for part in row)]


def test_messages_are_listed_with_what_to_do(site):
    page = re.sub(r"<[^>]+>", "", (site/"messages.html").read_text())
    for words in ("there are no sequences in it", "the gzip file is cut off or damaged", "fetch it again",
                  "is neither a word of IUPAC letters"): assert words in page, words
