"""Another medium: three starts on promoters measured elsewhere, none of them related to what a start has learned."""
import json

import pytest

from promoter_nb.paper.sentences import say
from promoter_nb.simulate.library import write_library


@pytest.fixture
def chapter(checkout):
    "Runs the chapter; what it writes, as it reads it."
    def run(**given):
        values = {"promoters": 600, "epochs": 2, "sizes": [120], "seeds": [0, 1],
                  "output": "results/mine", "figures": "figures/mine"} | given
        checkout.run("papermill", "nbs/experiments/42_another_medium.ipynb", "out.ipynb", "--no-progress-bar",
                     "-y", json.dumps(values))
        assert (checkout.folder/"figures/mine/another_medium.svg").stat().st_size > 1000
        return json.loads((checkout.folder/"results/mine/metrics.json").read_text())
    return run


def test_three_starts_learn_from_the_same_promoters_and_from_no_relative(chapter, tmp_path):
    # Of the first medium, the 500 promoters that the file holds as well are left out.
    new = write_library(tmp_path/"elsewhere", 500, seed=1, progress=False).train
    metrics = chapter(elsewhere=[str(new)])
    assert metrics["left_out"] >= 500 and metrics["learned"] + metrics["left_out"] == 600
    assert metrics["promoters"] == 500 and 80 < metrics["held_out"] < 170
    (point,) = metrics["rows"]
    # A network that begins at nothing learns next to nothing from 120 promoters, and one that knows the sites a lot.
    assert point["rows"] == 120 and point["nothing"]["value"] < 0.1 < 0.3 < point["simulator"]["value"]
    assert point["gain_nothing"]["value"] == pytest.approx(point["assay"]["value"] - point["nothing"]["value"])
    assert "with 120." in say("42_another_medium", metrics)


def test_without_promoters_from_elsewhere_it_says_so(chapter):
    assert say("42_another_medium", chapter()) == "No promoters of another medium were given."
