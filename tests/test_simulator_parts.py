"""What the simulator teaches: pupils of incomplete simulators, of the same samples and the same seeds."""
import json

import pytest

from promoter_nb.paper.sentences import say
from promoter_nb.simulate.without import SIMULATOR_PARTS


def test_the_cost_of_each_part_is_a_difference_of_two_pupils(checkout):
    values = {"promoters": 700, "shown": 1000, "passes": 2, "options": {"channels": 4, "hidden": 8}, "sizes": [100],
              "seeds": [0, 1], "output": "results/mine", "figures": "figures/mine"}
    checkout.run("papermill", "nbs/experiments/43_simulator_parts.ipynb", "out.ipynb", "--no-progress-bar",
                 "-y", json.dumps(values))
    metrics = json.loads((checkout.folder/"results/mine/metrics.json").read_text())
    (point,) = metrics["rows"]
    assert [cost["part"] for cost in point["costs"]] == [*SIMULATOR_PARTS] and len(point["reached"]) == 7
    for cost in point["costs"]:
        lost = point["reached"]["whole"]["value"] - point["reached"][cost["part"]]["value"]
        assert cost["value"] == pytest.approx(lost) and cost["low"] < cost["value"] < cost["high"]
    nothing = point["reached"]["nothing"]["value"]
    assert point["gain"]["value"] == pytest.approx(point["reached"]["whole"]["value"] - nothing)
    # What is left of the truth is least without motifs, and most without the pairs of factors.
    assert min(metrics["left"], key=metrics["left"].get) == "motifs"
    assert max(metrics["left"], key=metrics["left"].get) == "pairs"
    assert "With 100 promoters to learn from" in say("43_simulator_parts", metrics)
    assert (checkout.folder/"figures/mine/simulator_parts.svg").stat().st_size > 1000
