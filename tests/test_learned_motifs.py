"""Motifs that a model has learned: planted sites found again, through the package's own network and from the shell."""
import io
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from typer.testing import CliRunner

from promoter_nb.cli import app
from promoter_nb.data.sequence import PADDING, decode
from promoter_nb.inference.predictor import Predictor
from promoter_nb.interpretation.discovery import discover, ensemble_contributions, iupac_word, learned_motifs, likeness
from promoter_nb.interpretation.filters_and_seqlets import find_seqlets, match_motifs
from promoter_nb.interpretation.insertion import random_backgrounds, turned_site, write_site
from promoter_nb.features.jaspar import load_motifs
from promoter_nb.simulate.expression import express

START = "promoter_nb/assets/start"
SITE = "CGGGTAACC" # Reb1's


@pytest.fixture(scope="module")
def planted():
    "160 random promoters; in each a site of Reb1 at a known place, every other one turned round."
    codes, starts = random_backgrounds(160, 80, seed=5), np.random.default_rng(5).integers(10, 60, 160)
    for row, start in enumerate(starts):
        codes[row:row + 1] = write_site(codes[row:row + 1], SITE if row % 2 else turned_site(SITE), start)
    return codes, starts


def true_effect(codes, starts):
    "What the simulator gives for each planted site: expression with it, minus with random bases in its place."
    without = np.repeat(codes, 20, axis=0)
    places = np.repeat(starts, 20)[:, None] + np.arange(len(SITE))
    np.put_along_axis(without, places, np.random.default_rng(6).integers(0, 4, places.shape).astype(np.uint8), 1)
    return express(codes).mean - express(without).mean.reshape(-1, 20).mean(1)


def test_the_packages_network_shows_the_motif_that_was_planted_where_it_was_planted(planted):
    codes, starts = planted
    table, found = learned_motifs(Predictor.load(START, precision="32-true"), codes)
    first, sites = table.iloc[0], found[0].sites
    assert "REB1" in f"{first['name']}, {first.also}" and first.e_value < 0.05 and first.effect > 1
    assert first.low < first.effect < first.high and 0.35 < first.forward < 0.65
    assert first.promoters > 0.6*len(codes) and not sites.duplicated(["row", "start"]).any()
    middles = sites.start + found[0].probabilities.shape[1]/2
    right = abs(middles - starts[sites.row] - len(SITE)/2) < 4
    assert right.mean() > 0.8
    assert first.low < true_effect(codes, starts)[sites.row[right].unique()].mean() < first.high


def test_contributions_of_short_promoters_stand_where_their_bases_are():
    network = Predictor.load(START, precision="32-true")
    short = np.pad(random_backgrounds(4, 50), ((0, 0), (30, 0)), constant_values=PADDING)
    found = ensemble_contributions(network.folded, short, network.both_strands, network.device)
    assert found.shape == (4, 80) and (found[:, :30] == 0).all() and (abs(found[:, 30:]).sum(1) > 0).all()
    assert ensemble_contributions(network.folded, short[:0], network.both_strands).shape == (0, 80)


def test_a_motif_is_like_itself_turned_or_shortened_and_unlike_another():
    reb1, gcn4 = (load_motifs()[name].probabilities for name in ("REB1", "GCN4"))
    assert likeness(reb1, reb1[::-1, ::-1]) == pytest.approx(1) and likeness(reb1[:, 1:-1], reb1) > 0.95
    assert likeness(reb1, gcn4) < 0.6 and iupac_word(np.full((4, 3), 0.25)) == "NNN"
    assert match_motifs({"mine": gcn4}, count=400).shape[0] == len(load_motifs())


NOTHING = {"zero": np.zeros((50, 80)), "of one sign": np.ones((50, 80)), "no numbers": np.full((50, 80), np.nan),
           "none": np.zeros((0, 80))}


@pytest.mark.parametrize("values", NOTHING.values(), ids=NOTHING)
def test_contributions_that_say_nothing_are_named(values):
    with pytest.raises(ValueError, match="nothing stands out"): find_seqlets(values)
    with pytest.raises(ValueError, match="nothing stands out"): discover(np.zeros(values.shape, np.uint8), values)
    with pytest.raises(ValueError, match="of 5 bases; a stretch takes 9"): find_seqlets(values[:, :5])


def run(*words, input=None, code=0):
    result = CliRunner().invoke(app, [str(word) for word in words], input=input)
    assert result.exit_code == code, f"{result.output}\n{result.exception!r}"
    return result


class Elements(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.names, self.links = [], []
        self.feed(text)

    def handle_starttag(self, name, attributes):
        self.names.append(name)
        self.links += [value for key, value in attributes if key in ("src", "href")]


def test_the_command_writes_a_table_and_a_page_that_needs_nothing_else(planted, tmp_path):
    (tmp_path/"mine.txt").write_text("\n".join(decode(planted[0])) + "\n")
    page = tmp_path/"learned.html"
    result = run("ask", "motifs", tmp_path/"mine.txt", "--page", page, "--model", START, "--number", 150)
    told, elements = pd.read_csv(io.StringIO(result.stdout), sep="\t"), Elements(page.read_text())
    assert "150 promoters of mine.txt, about" in result.stderr and "REB1" in f"{told.name[0]}, {told.also[0]}"
    assert elements.names.count("svg") == 2*len(told) and not elements.links
    assert "script" not in elements.names and told.word[0] in page.read_text()


REFUSED = {
    ("few.txt",): (1, "no 20 of them are alike"), ("none.txt",): (1, "none.txt"),
    ("few.txt", "--page", "."): (1, "directory"), ("few.txt", "--page", "out.tsv"): (2, "a file each"),
    ("few.txt", "--page", "folder/few.txt/page.html"): (1, "folder"),
    ("--number", 3): (2, "greater than or equal to 20")}


@pytest.mark.parametrize("words", REFUSED, ids=lambda words: "_".join(map(str, words)).replace("/", "_"))
def test_what_cannot_be_is_named_and_nothing_is_written(words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path/"few.txt").write_text("\n".join(decode(random_backgrounds(12, 80))) + "\n")
    (tmp_path/"folder").touch()
    code, message = REFUSED[words]
    told = run("ask", "motifs", *words, "--output", "out.tsv", "--model", "simulated", code=code).stderr
    assert message.lower() in told.lower() and "Traceback" not in told
    assert sorted(path.name for path in tmp_path.iterdir()) == ["few.txt", "folder"]


def test_a_network_that_knows_nothing_shows_nothing():
    model = SimpleNamespace(folded=[Nothing()], both_strands=False, device="cpu", predict_codes=None)
    with pytest.raises(ValueError, match="ask a model that has learned something"):
        learned_motifs(model, random_backgrounds(30, 80))


class Nothing(torch.nn.Module):
    def forward(self, sequences): return 0*sequences.sum((1, 2))
