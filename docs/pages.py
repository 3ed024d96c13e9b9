"""Gathers the pages of the documentation: README, guides, notebooks, signatures and a gallery of figures.

    python docs/pages.py FOLDER

Notebooks are the source, so nothing of this is kept in git. An experiment is shown with the outputs of the last
report if it was run as it now stands, and without outputs otherwise.
"""
import ast
import json
import re
import shutil
import sys
import textwrap
from pathlib import Path

from promoter_nb.paper.provenance import last_report, record

ROOT = Path(__file__).resolve().parents[1]
PARTS = {2: "Data and preparation", 4: "Networks", 5: "Trees and lines", 6: "Results", 7: "What did not work", 9: "Report"}


def cells(path):
    return json.loads(path.read_text())["cells"]


def source(cell):
    return "".join(cell["source"])


def title(path):
    return source(cells(path)[0]).splitlines()[0].removeprefix("# ")


def summary(path):
    return source(cells(path)[0]).split("\n> ", 1)[1].splitlines()[0]


def markdown(text):
    return {"id": "remark", "cell_type": "markdown", "metadata": {}, "source": text}


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def slug(heading):
    "The anchor of a heading."
    return re.sub(r"[^\w-]", "", heading.lower().replace(" ", "-"))


def toctree(pages, *options):
    return "\n".join(["```{toctree}", ":titlesonly:", *options, "", *pages, "```", ""])


def code_of(cells):
    return [source(cell) for cell in cells if cell["cell_type"] == "code" and "injected-parameters" not in cell["metadata"].get("tags", [])]


def executed(notebook, results):
    "The executed copy of an experiment and its run, or None where it was not run as it now stands."
    records = {path.parent: json.loads(path.read_text()) for path in results.rglob("run.json")}
    for run in sorted((run for run, made in records.items() if made["notebook"] == notebook.stem), key=lambda run: (len(run.parts), run)):
        copy = run.with_name(f"{run.name}.ipynb")
        if copy.exists() and code_of(cells(copy)) == code_of(cells(notebook)): return copy, run
    return None


def page(notebook, target, shown=None, remark=""):
    "A notebook as a page: without what is meant for the exporter, with a remark beneath its summary."
    kept = []
    for cell in cells(shown or notebook):
        text = re.sub(r"^#\|.*\n?", "", source(cell), flags=re.MULTILINE).strip("\n") if cell["cell_type"] == "code" else source(cell)
        if text: kept.append(cell | {"source": text})
    if remark: kept.insert(1, markdown(remark))
    metadata = {"kernelspec": {"name": "python3", "display_name": "python3", "language": "python"}, "language_info": {"name": "python", "pygments_lexer": "ipython3"}}
    write(target, json.dumps({"cells": kept, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}))


def module(notebook):
    "The module that a library notebook exports."
    (name,) = re.findall(r"^#\| default_exp ([\w.]+)", "\n".join(code_of(cells(notebook))), re.MULTILINE)
    return name


def outline(node, lines):
    "A function as far as its docstring, or a class with its fields, as written."
    first = min([node.lineno, *(mark.lineno for mark in node.decorator_list)])
    shown = node.body[:1] if ast.get_docstring(node) else []
    if isinstance(node, ast.ClassDef): shown = shown + [part for part in node.body if isinstance(part, ast.AnnAssign)]
    last = max((part.end_lineno for part in shown), default=max(node.lineno, node.body[0].lineno - 1))
    return textwrap.dedent("\n".join(lines[first - 1:last]))


def signatures(name):
    "The public functions, classes and methods of a module, by their names."
    text = (ROOT/"promoter_nb"/f"{name.replace('.', '/')}.py").read_text()
    public = lambda nodes: [node for node in nodes if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_")]
    found = {}
    for node in public(ast.parse(text).body):
        found[node.name] = outline(node, text.splitlines())
        if isinstance(node, ast.ClassDef): found |= {f"{node.name}.{method.name}": outline(method, text.splitlines()) for method in public(node.body)}
    return found


def claims(folder):
    "What the 2022 report says, code by code, with the experiments that test it."
    found = json.loads((ROOT/"report/claims.json").read_text())
    link = lambda name: f"[{name}](experiments/{name}.ipynb)"
    row = lambda code, claim: [f"**{code}**", claim["claim"], claim["section"], claim.get("published", "–"), ", ".join(map(link, claim["experiments"]))]
    lines = [["", "what the 2022 report says", "chapter", "its numbers", "tested in"], ["---"]*5, *(row(*pair) for pair in found.items())]
    text = ("Codes in brackets, in the notebooks and in this paper, refer to this table. Letters stand for data (D), preprocessing (P), models (M), training (T), "
            "figures (F), trees and forests (L), what did not work (N), results (R), and conclusions to put to the test (K).")
    write(folder/"claims.md", "\n".join(["# The claims of the 2022 report\n", text, "", *(f"| {' | '.join(line)} |" for line in lines), ""]))


def readme(folder):
    "README and contributing guide, with their links and pictures where the site has them."
    text = (ROOT/"README.md").read_text().replace("](CONTRIBUTING.md)", "](contributing.md)").replace("](docs/cluster.md)", "](cluster.md)")
    for picture in re.findall(r"\]\((figures/[^)]+)\)", text):
        (folder/picture).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT/picture, folder/picture)
    guides = toctree(["claims", "contributing", "cluster", "gallery"], ":hidden:", ":caption: Guides")
    parts = [toctree([f"{part}/index"], ":hidden:") for part in ("tutorials", "experiments", "library", "reference") if (folder/part).exists()]
    write(folder/"index.md", "\n".join([text, guides, *parts]))
    write(folder/"contributing.md", (ROOT/"CONTRIBUTING.md").read_text())
    shutil.copy(ROOT/"docs/cluster.md", folder)


def listing(heading, text, groups, folder):
    "A page that lists others, by group, each with its summary."
    place = lambda path: path.relative_to(folder).as_posix()
    entries = lambda members: "\n".join(f"- [{title(source)}]({place(page)}): {summary(source)}" for source, page in members)
    tree = lambda name, members: toctree([place(page).removesuffix(".ipynb") for _, page in members], ":hidden:", f":caption: {name}")
    body = [f"## {name}\n\n{entries(members)}\n\n" + tree(name, members) for name, members in groups.items()]
    write(folder/"index.md", "\n".join([f"# {heading}\n\n{text}\n", *body]))


def rooms():
    "The folders of the library and their notebooks; the folder itself holds the command line."
    found = {}
    for notebook in sorted((ROOT/"nbs/library").rglob("*.ipynb")):
        if ".ipynb_checkpoints" in notebook.parts: continue
        found.setdefault(notebook.parent.name if notebook.parent.name != "library" else "command line", []).append(notebook)
    return found


def library(folder):
    shown = {}
    for room, notebooks in rooms().items():
        parts, place = [f"# {room.capitalize()}\n"], slug(room)
        for notebook in notebooks:
            name, copy = module(notebook), folder/notebook.relative_to(ROOT/"nbs")
            up = "../"*(len(copy.relative_to(folder).parts) - 1)
            page(notebook, copy, remark=f"Module `promoter_nb.{name}`; its [signatures]({up}reference/{place}.md#{slug(name)}).")
            shown.setdefault(room.capitalize(), []).append((notebook, copy))
            entries = [f"### {name}\n\n```python\n{text}\n```\n" for name, text in signatures(name).items()]
            parts += [f"## {name}\n\n{summary(notebook)} Told in [{title(notebook)}](../{copy.relative_to(folder).as_posix()}).\n", *entries]
        write(folder/"reference"/f"{place}.md", "\n".join(parts))
    listing("Library", "One notebook is one module and one idea. Prose says why; each function is followed by an example.", shown, folder/"library")
    write(folder/"reference/index.md", "# Signatures\n\nFunctions and classes, with the meaning of every parameter.\n\n" + toctree([slug(room) for room in rooms()]))


def experiments(folder, results):
    notebooks = sorted((ROOT/"nbs/experiments").glob("*.ipynb"))
    for notebook in notebooks:
        shown = executed(notebook, results)
        remark = f"As run in `{shown[1].relative_to(ROOT)}`, commit {record(shown[1])['commit']}." if shown else "Shown without outputs: the profile of the last report does not have it, or it has changed since."
        page(notebook, folder/"experiments"/notebook.name, shown and shown[0], remark)
    text = "One notebook is one section of the report. Its parameters are in the cell after its summary."
    groups = {}
    for notebook in notebooks:
        part = PARTS[max(first for first in PARTS if first <= int(notebook.name[0]))]
        groups.setdefault(part, []).append((notebook, folder/"experiments"/notebook.name))
    listing("Experiments", text, groups, folder/"experiments")


def tutorials(folder):
    notebooks = sorted((ROOT/"nbs/tutorials").glob("*.ipynb"))
    for notebook in notebooks: page(notebook, folder/"tutorials"/notebook.name)
    tasks = [(notebook, folder/"tutorials"/notebook.name) for notebook in notebooks]
    if tasks: listing("Tutorials", "Tasks of a user, from beginning to end.", {"Tasks": tasks}, folder/"tutorials")


def gallery(folder, results):
    "Every figure, with the title of the notebook that draws it; the reference figure where there is one, else that of the last report."
    figures = {path.name: path for kept in (ROOT/"figures"/results.relative_to(ROOT/"results"), "figures/reference/quick", "figures/reference/laptop") for path in sorted((ROOT/kept).glob("*.svg"))}
    parts = []
    for notebook in sorted((ROOT/"nbs/experiments").glob("*.ipynb")):
        for name in re.findall(r'/"(\w+\.svg)"', "\n".join(code_of(cells(notebook)))):
            if name not in figures: continue
            (folder/"gallery").mkdir(exist_ok=True)
            shutil.copy(figures[name], folder/"gallery"/name)
            where = figures[name].parent.relative_to(ROOT)
            parts.append(f"## {title(notebook)}\n\n```{{figure}} gallery/{name}\n:alt: {name.removesuffix('.svg').replace('_', ' ')}\n\n{summary(notebook)} [Notebook](experiments/{notebook.name}); `{where}/{name}`.\n```\n")
    write(folder/"gallery.md", "\n".join(["# Gallery\n\nEvery figure that has been drawn, with the notebook that draws it.\n", *parts]))


def main(folder):
    results = last_report(ROOT)
    library(folder)
    experiments(folder, results)
    tutorials(folder)
    gallery(folder, results)
    claims(folder)
    readme(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
