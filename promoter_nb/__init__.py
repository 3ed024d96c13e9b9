"""Promoter expression: predict it, explain it, design for it, and print the paper about it.

    import promoter_nb as pn
    pn.Predictor.load().predict(["GCTAGCTTAAGCACTCACGTGATCGGCATATAAAGCATCTTTCTGATTTTTTCTTCGAAACATCACAAATCAACACAAAA"])
"""
__version__ = "0.1.0"

import os
from importlib import import_module
from typing import TYPE_CHECKING

# Threads that wait for each other sleep instead of spinning. On an idle machine, a network whose operations share the
# cores then takes up to 1.4 times as long, which `training.micro_batches` avoids; on a machine that others use too,
# spinning takes several times as long. It has to be said before torch and LightGBM start their threads.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

if TYPE_CHECKING: # for editors; at run time each name loads its module when it is first asked for
    from .inference.design import design
    from .inference.predictor import Predictor
    from .inference.train_model import train_model
    from .inference.variants import score_variants
    from .interpretation.explain import explain

_MODULES = {"Predictor": "inference.predictor", "train_model": "inference.train_model", "design": "inference.design",
            "score_variants": "inference.variants", "explain": "interpretation.explain"}
__all__ = ["Predictor", "design", "explain", "score_variants", "train_model"]


def __getattr__(name):
    "Load what is asked for: torch alone takes seconds, and `promoter-nb --help` needs none of it."
    if name not in _MODULES: raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    return globals()[name]


def __dir__():
    return sorted(globals().keys() | _MODULES.keys())
