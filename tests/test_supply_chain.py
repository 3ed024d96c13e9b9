"""What the project is built on: files of known hashes, licences that allow it, and a bill of materials."""
import re
from importlib.metadata import distributions

import pytest
from conftest import ROOT
from packaging.requirements import Requirement

ALLOWED = {"0BSD", "Apache-2.0", "BSD", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0", "ISC", "MIT", "MIT-0",
           "MIT-CMU", "MPL-2.0", "PSF-2.0", "Zlib", "LicenseRef-Biopython-License-Agreement"}
WITHOUT_HASH = re.compile("torch$|cuda|nvidia|triton")


def requirements(name):
    lines = re.findall(r"^[a-z][^\\\n]*", (ROOT/name).read_text(), flags=re.MULTILINE)
    return {wanted.name: wanted for wanted in map(Requirement, lines)}


def test_each_locked_package_has_a_hash_and_the_same_version():
    locked, hashed = requirements("constraints.txt"), requirements("hashes.txt")
    assert {name: str(wanted.specifier) for name, wanted in locked.items() if not WITHOUT_HASH.match(name)} == {
        name: str(wanted.specifier) for name, wanted in hashed.items() if name in locked}
    assert all(wanted.marker for name, wanted in hashed.items() if name not in locked) # of other systems
    blocks = re.split(r"^(?=[a-z])", (ROOT/"hashes.txt").read_text(), flags=re.MULTILINE)[1:]
    assert len(blocks) == len(hashed)
    assert all(re.search(r"--hash=sha256:[0-9a-f]{64}$", block.rstrip()) for block in blocks)


IN_WORDS = {"Apache": "Apache-2.0", "BSD": "BSD", "ISC": "ISC", "MIT": "MIT", "MPL|Mozilla": "MPL-2.0",
            "PSF|Python Software Foundation": "PSF-2.0", "Public Domain": "CC0-1.0"}

def names(words: str) -> set[str]:
    "Licences by their names of SPDX, whatever they are called; those that are not known, as they are called."
    parts = set(re.split(" (?:AND|OR|WITH) ", words)) - {"LLVM-exception"}
    known = lambda part: [name for pattern, name in IN_WORDS.items() if re.search(rf"\b({pattern})", part)]
    return {part if part in ALLOWED else next(iter(known(part)), part) for part in parts}


def licences(found) -> set[str]:
    "What a distribution says of its licence: an expression, else classifiers, else a word, else the text itself."
    told = found.metadata.get_all("Classifier") or []
    classified = {line.split(" :: ")[-1] for line in told if line.startswith("License ::")} - {"OSI Approved"}
    texts = (file.read_text() for file in found.files if re.search("LICEN[CS]E", file.name))
    expression, word = found.metadata.get("License-Expression"), found.metadata.get("License")
    said = [expression] if expression else classified or [word or next(texts, "none")]
    return set().union(*(names(words.strip().splitlines()[0]) for words in said))


def test_the_licence_of_everything_installed_is_allowed():
    found = {found.name: licences(found) - ALLOWED for found in distributions()}
    # The library is in the public domain or BSD; under the GPL is an Emacs mode, which wheels do not bring.
    assert found.pop("docutils") == {"GNU General Public License (GPL)"}
    assert not {name: others for name, others in found.items() if others}


@pytest.mark.parametrize("words, expected", [
    ("MIT OR Apache-2.0", {"MIT", "Apache-2.0"}), ("Apache License, Version 2.0", {"Apache-2.0"}),
    ("BSD 3-Clause License", {"BSD"}), ("GPL-3.0-only AND MIT", {"GPL-3.0-only", "MIT"}), ("Secret", {"Secret"})])
def test_licences_are_known_by_any_name(words, expected): assert names(words) == expected
