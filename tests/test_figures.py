"""Figures: the same bytes for the same data, a look for every model, a drawing for every network."""
from itertools import combinations

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb

from promoter_nb.plots.architecture import boxes, draw
from promoter_nb.plots.figures import (
    MODEL_STYLES, OTHER_STYLES, density, label_histogram, learning_curves, style_of, save, validation_density)
from promoter_nb.models.registry import build, model_names

matplotlib.use("agg")
RNG = np.random.default_rng(0)
LABELS = RNG.normal(11, 2, 500).clip(0, 17).round()
HISTORY = pd.DataFrame([("ResNet", seed, epoch, epoch/10) for seed in (0, 1) for epoch in (1, 2)],
                       columns=["model", "seed", "epoch", "validation_R2"])
DRAWN = {
    "label_histogram": lambda: label_histogram(LABELS),
    "density": lambda: density(pd.DataFrame({"label": LABELS, "CNN": LABELS/2 + 5, "my model": LABELS/3 + 7})),
    "validation_density": lambda: validation_density(LABELS, LABELS/2 + 5.3, "ResNet"),
    "learning_curves": lambda: learning_curves(HISTORY),
    "architecture": lambda: draw(build("resnet")),
}


@pytest.mark.parametrize("name", DRAWN)
def test_same_figure_same_bytes(name, tmp_path):
    def written(path):
        figure = DRAWN[name]()
        save(figure, path)
        plt.close(figure)
        return path.read_bytes()
    first = written(tmp_path/"first.svg")
    assert first == written(tmp_path/"second.svg") and b"<svg" in first


def lightness(colour):
    "L* of CIELAB, 0 to 100."
    channels = np.array(to_rgb(colour))
    luminance = np.where(channels <= 0.04045, channels/12.92,
                         ((channels + 0.055)/1.055)**2.4) @ (0.2126, 0.7152, 0.0722)
    return 116*np.cbrt(luminance) - 16 if luminance > 0.009 else 903*luminance


def test_each_model_has_a_colour_of_its_own():
    colours = [shown[0] for shown in [*MODEL_STYLES.values(), *OTHER_STYLES]]
    assert len(set(colours)) == len(colours)


def test_lines_of_two_models_differ_in_grey():
    for (first, (one, style, _)), (second, (other, other_style, _)) in combinations(MODEL_STYLES.items(), 2):
        assert style != other_style or abs(lightness(one) - lightness(other)) > 7, f"{first} and {second}"


def test_markers_tell_models_apart():
    models = [name for name in MODEL_STYLES if name not in ("measured", "true expression")]
    assert len({style_of(name)[2] for name in models}) == len(models)


@pytest.mark.parametrize("name", model_names())
def test_every_network_can_be_drawn(name, tmp_path):
    model = build(name)
    figure = draw(model)
    texts = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert all(box.label in texts for box in boxes(model)) and "sequence" in texts and "expression" in texts
    assert save(figure, tmp_path/"architecture.svg").stat().st_size > 1000
    plt.close(figure)


def test_residual_connections_are_where_they_are():
    residual = lambda name: {connection for box in boxes(build(name)) for connection in box.residual}
    assert len(residual("resnet")) == 3 and not residual("deep_cnn") and not residual("baseline_cnn")


def test_drawing_leaves_the_network_alone():
    model = build("resnet", channels=8)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    plt.close(draw(model))
    assert model.training and all((value == before[name]).all() for name, value in model.state_dict().items())
