"""The names that stand at the top of the package: there at once, loaded only when they are used."""
import subprocess
import sys
from importlib import resources
from importlib.metadata import version

import numpy as np
import pytest

import promoter_nb as pn

PROMOTER = "GCTAGCTTAAGCACTCACGTGATCGGCATATAAAGCATCTTTCTGATTTTTTCTTCGAAACATCACAAATCAACACAAAA"


def python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_two_lines_predict():
    (expression,) = pn.Predictor.load().predict([PROMOTER])
    assert 0 < expression < 18


def test_every_name_of_the_door_does_what_its_module_does():
    predictor = pn.Predictor.load()
    contributions = pn.explain(predictor, PROMOTER)
    assert len(contributions) == 80 and "".join(contributions.base) == PROMOTER
    (scored,) = pn.score_variants(predictor, [PROMOTER], [1], ["G"], ["A"]).itertuples()
    mutant = "A" + PROMOTER[1:]
    assert np.isclose(scored.delta, np.diff(predictor.predict([PROMOTER, mutant]))[0], atol=1e-5)
    assert pn.design(predictor, [PROMOTER], edits=1).after.item() > predictor.predict([PROMOTER])[0]
    assert pn.train_model.__module__ == "promoter_nb.inference.train_model"


def test_importing_the_package_loads_nothing_heavy():
    heavy = "{'torch', 'pandas', 'numpy', 'scipy', 'matplotlib', 'lightgbm'} & set(sys.modules)"
    assert python(f"import sys, promoter_nb; print({heavy})").strip() == "set()"


def test_importing_the_package_takes_a_moment():
    timed = "import time; start = time.perf_counter(); import promoter_nb; print(time.perf_counter() - start)"
    assert min(float(python(timed)) for _ in range(3)) < 0.2


def test_names_are_listed_and_others_are_refused():
    assert set(pn.__all__) <= set(dir(pn)) and set(pn.__all__) == set(pn._MODULES)
    with pytest.raises(AttributeError, match="'promoter_nb' has no attribute 'predictor'"): pn.predictor


def test_types_are_shipped():
    assert (resources.files("promoter_nb")/"py.typed").is_file() and version("promoter-nb") == pn.__version__
