"""Gathers the pages of the documentation: README, guides, notebooks, a page for each room, and a gallery of figures.

    python docs/pages.py FOLDER

Notebooks are the source, so nothing of this is kept in git. Tutorials are shown with the outputs that they keep, and an
experiment with those of the last report, or of the reference results, if it was run as it now stands.
"""
import ast
import json
import re
import shutil
import subprocess
import sys
import textwrap
from importlib import import_module
from pathlib import Path

from promoter_nb.app.offline_page import write_offline_page
from promoter_nb.inference.predictor import Predictor
from promoter_nb.paper.outputs import rooms
from promoter_nb.paper.provenance import last_report, record
from promoter_nb.paper.workflow import figures_of

ROOT = Path(__file__).resolve().parents[1]
PARTS = {2: "Data and preparation", 4: "Networks", 5: "Trees and lines", 6: "Results", 7: "What did not work",
         9: "Report"}
SITE = "https://promoter-nb.github.io/promoter_nb/"
PYTHON = {"kernelspec": {"name": "python3", "display_name": "python3", "language": "python"},
          "language_info": {"name": "python", "pygments_lexer": "ipython3"}}


def cells(path):
    return json.loads(path.read_text())["cells"]


def source(cell):
    return "".join(cell["source"])


def title(path):
    return source(cells(path)[0]).splitlines()[0].removeprefix("# ")


def summary(path):
    return source(cells(path)[0]).split("\n> ", 1)[1].splitlines()[0]


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def toctree(pages, *options):
    return "\n".join(["", "```{toctree}", ":titlesonly:", *options, "", *pages, "```", ""])


def page(notebook, target, shown=None, remark=""):
    "A notebook as a page: without what is meant for the exporter, with a remark beneath its summary."
    kept = []
    for cell in cells(shown or notebook):
        text = source(cell)
        if cell["cell_type"] == "code": text = re.sub(r"^#\|.*\n?", "", text, flags=re.MULTILINE).strip("\n")
        if text: kept.append(cell | {"source": text})
    if remark: kept.insert(1, {"id": "remark", "cell_type": "markdown", "metadata": {}, "source": remark})
    write(target, json.dumps({"cells": kept, "metadata": PYTHON, "nbformat": 4, "nbformat_minor": 5}))


def listing(heading, text, folder, groups):
    "A page that lists notebooks by group, each with its summary."
    parts = [f"# {heading}\n\n{text}\n"]
    for name, notebooks in groups.items():
        entries = "\n".join(f"- [{title(path)}]({path.name}): {summary(path)}" for path in notebooks)
        tree = toctree([path.stem for path in notebooks], ":hidden:", f":caption: {name}")
        parts.append(f"## {name}\n\n{entries}\n{tree}")
    write(folder/"index.md", "\n".join(parts))


def outline(node, lines):
    "A function as far as its docstring, or a class with its fields, as written."
    first = min([node.lineno, *(mark.lineno for mark in node.decorator_list)])
    shown = node.body[:1] if ast.get_docstring(node) else []
    if isinstance(node, ast.ClassDef): shown = shown + [part for part in node.body if isinstance(part, ast.AnnAssign)]
    last = max((part.end_lineno for part in shown), default=max(node.lineno, node.body[0].lineno - 1))
    return textwrap.dedent("\n".join(lines[first - 1:last]))


def signatures(module):
    "The public functions, classes and methods of a module, by their names."
    lines, found = module.read_text().splitlines(), {}
    def walk(nodes, prefix):
        for node in nodes:
            if not isinstance(node, (ast.FunctionDef, ast.ClassDef)) or node.name.startswith("_"): continue
            found[prefix + node.name] = outline(node, lines)
            if isinstance(node, ast.ClassDef): walk(node.body, f"{prefix}{node.name}.")
    walk(ast.parse(module.read_text()).body, "")
    return found


def room(name, purpose, notebooks, folder):
    "The page of a room: what is in it, and the signatures of its modules with the meaning of every parameter."
    parts = [f"# {name.capitalize().replace('_', ' ')}\n\n{purpose}\n"]
    for notebook in notebooks:
        module = Path(*notebook.relative_to(ROOT/"nbs/library").parent.parts, notebook.stem[3:])
        dotted = "promoter_nb." + ".".join(module.parts)
        remark = f"Module `{dotted}`; its [signatures](index.md#{module.name})."
        page(notebook, folder/notebook.name, remark=remark)
        parts.append(f"## {module.name}\n\n{summary(notebook)} [{title(notebook)}]({notebook.name})\n")
        found = signatures((ROOT/"promoter_nb"/module).with_suffix(".py"))
        parts += [f"### {function}\n\n```python\n{text}\n```\n" for function, text in found.items()]
    write(folder/"index.md", "\n".join([*parts, toctree([path.stem for path in notebooks], ":hidden:")]))


def library(folder):
    everything = rooms(ROOT)
    for name, (purpose, notebooks) in everything.items(): room(name, purpose, notebooks, folder/name)
    entries = "\n".join(f"- [{name}]({name}/index.md): {purpose}" for name, (purpose, _) in everything.items())
    text = "One notebook is one module and one idea. Prose says why; each function is followed by an example."
    tree = toctree([f"{name}/index" for name in everything], ":hidden:")
    write(folder/"index.md", f"# Library\n\n{text} A room uses those below it.\n\n{entries}\n{tree}")


def code_of(path):
    injected = lambda cell: "injected-parameters" in cell["metadata"].get("tags", [])
    return [source(cell) for cell in cells(path) if cell["cell_type"] == "code" and not injected(cell)]


def executed(notebook, results):
    "The executed copy of an experiment and its run, or None where it was not run as it now stands."
    for kept in (results, ROOT/"results/reference/quick"):
        runs = [path.parent for path in kept.rglob("run.json") if record(path.parent)["notebook"] == notebook.stem]
        for run in sorted(runs, key=lambda run: (len(run.parts), run)):
            copy = run.with_name(f"{run.name}.ipynb")
            if copy.exists() and code_of(copy) == code_of(notebook): return copy, run
    return None


def experiments(folder, results):
    notebooks, groups = sorted((ROOT/"nbs/experiments").glob("*.ipynb")), {}
    for notebook in notebooks:
        remark = "Shown without outputs: the profile of the last report does not have it, or it has changed since."
        if shown := executed(notebook, results):
            remark = f"As run in `{shown[1].relative_to(ROOT)}`, commit {record(shown[1])['commit']}."
        page(notebook, folder/notebook.name, shown and shown[0], remark)
        groups.setdefault(PARTS[max(first for first in PARTS if first <= int(notebook.name[0]))], []).append(notebook)
    text = "One notebook is one section of the report. Its parameters are in the cell after its summary."
    listing("Experiments", text, folder, groups)


def tutorials(folder):
    notebooks = sorted((ROOT/"nbs/tutorials").glob("*.ipynb"))
    for notebook in notebooks: page(notebook, folder/notebook.name)
    listing("Tutorials", "Tasks of a user, from beginning to end.", folder, {"Tasks": notebooks})


def gallery(folder, results):
    "Every figure, with the notebook that draws it; the reference figure where there is one, else the last report's."
    places = (results.relative_to(ROOT/"results"), "reference/quick", "reference/laptop")
    figures = {path.stem: path for place in places for path in sorted((ROOT/"figures"/place).glob("*.svg"))}
    parts = ["# Gallery\n\nEvery figure that has been drawn, with the notebook that draws it.\n"]
    (folder/"gallery").mkdir(parents=True, exist_ok=True)
    for notebook in sorted((ROOT/"nbs/experiments").glob("*.ipynb")):
        for name in figures_of(notebook, sometimes=True):
            if name not in figures: continue
            shutil.copy(figures[name], folder/"gallery")
            caption = f"[Notebook](experiments/{notebook.name}); `{figures[name].relative_to(ROOT)}`."
            parts += [f"## {title(notebook)}\n", f"```{{figure}} gallery/{name}.svg\n:alt: {name.replace('_', ' ')}\n",
                      f"{summary(notebook)} {caption}\n```\n"]
    write(folder/"gallery.md", "\n".join(parts))


CODES = """Codes in brackets, in the notebooks and in this paper, refer to this table. Letters stand for data (D),
preprocessing (P), models (M), training (T), figures (F), trees and forests (L), what did not work (N), results (R), and
conclusions to put to the test (K)."""


def claims(folder):
    "What the 2022 report says, code by code, with the experiments that test it."
    lines = [["", "what the 2022 report says", "chapter", "its numbers", "tested in"], ["---"]*5]
    for code, claim in json.loads((ROOT/"report/claims.json").read_text()).items():
        tested = ", ".join(f"[{name}](experiments/{name}.ipynb)" for name in claim["experiments"])
        lines.append([f"**{code}**", claim["claim"], claim["section"], claim.get("published", "–"), tested])
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    write(folder/"claims.md", f"# The claims of the 2022 report\n\n{CODES}\n\n{table}\n")


def commands(folder):
    "Every command with its options, as `--help` tells them; examples are set as code."
    words = [sys.executable, "-m", "typer", "promoter_nb.cli", "utils", "docs", "--name", "promoter-nb"]
    text = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    code = lambda found: f"```sh\n{textwrap.dedent(found[1])}```\n"
    text = re.sub(r"^\x08?\n((?:  .+\n)+)", code, text, flags=re.MULTILINE)
    write(folder/"commands.md", text.replace("# `promoter-nb`", "# Commands", 1))


TO_DO = ("; (expected|known|positions|choose|close|copy|correct|export|fetch|give|look|make|remove|save|that line|"
         r"unpack|use|write|`promoter-nb)\b")


def spelt(node, names):
    "A message as its code spells it, with texts that have a name, and an ellipsis for what is filled in."
    if isinstance(node, ast.Constant): return str(node.value)
    if isinstance(node, ast.JoinedStr): return "".join(spelt(part, names) for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return spelt(node.left, names) + spelt(node.right, names)
    if isinstance(node, ast.FormattedValue): node = node.value
    if isinstance(node, ast.IfExp):
        return " or ".join(filter(None, [spelt(node.body, names), spelt(node.orelse, names)]))
    if isinstance(node, ast.Call) and getattr(node.func, "id", "").endswith("_advice"):
        return spelt(node.args[-1], names) # as it is for most
    known = names.get(getattr(node, "id", None))
    return known if isinstance(known, str) else "…"


def said(module):
    "What a module raises, and what it returns or keeps for others to raise."
    names = vars(import_module("promoter_nb." + ".".join(module.parts)))
    tree = ast.parse((ROOT/"promoter_nb"/module).with_suffix(".py").read_text())
    for node in sorted(ast.walk(tree), key=lambda node: getattr(node, "lineno", 0)):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            yield max([spelt(part, names) for part in node.exc.args] or [""], key=len)
        elif isinstance(node, (ast.Return, ast.Assign)):
            value = node.value
            parts = (value.values if isinstance(value, ast.Dict) else value.args if isinstance(value, ast.Call)
                     else [value.body, value.orelse] if isinstance(value, ast.IfExp) else [value])
            yield from (text for text in (spelt(part, names) for part in parts) if re.search(TO_DO, text))


def refusals(module):
    "What a module refuses, each message in two parts: what was wrong, and behind the semicolon what to do."
    for text in said(module):
        wrong, _, advice = text.partition("; ")
        wrong = re.sub(r"^…+(, (after )?line …)?: ", "", wrong)
        bare = re.sub(r"^(…+[:,]? )+", "", wrong)
        plain = len(re.findall(r"[A-Za-z]{2,}", bare)) > 1
        if plain or advice: yield bare if plain else wrong, advice


LEAD = """A command that cannot go on says in one line what was wrong, where, and what would be right, and leaves
nothing half-written. Here are these messages, by topic, without the file and line in front. An ellipsis stands for a
name, a number or a line of yours, so look on this page for the words between. What the operating system says, such as
"No such file or directory", stands behind the name of the file. Simulate, Classical, Models and Training mostly speak
to those who call the library from Python or write a network of their own."""


def messages(folder):
    "The messages of errors with what to do, read off the code that raises them."
    parts, head = [f"# Messages and what to do\n\n{LEAD}\n"], "| message | what to do |\n| --- | --- |"
    safe = lambda text: re.sub(r"([\\|*_<>`\[\]$])", r"\\\1", text)
    for name, (purpose, notebooks) in rooms(ROOT).items():
        if name == "paper": continue
        parts.append(f"## {name.capitalize().replace('_', ' ')}\n\n{purpose}\n")
        for notebook in notebooks:
            found = refusals(Path("cli") if name == "command_line" else Path(name, notebook.stem[3:]))
            lines = dict.fromkeys(f"| {safe(wrong)} | {safe(advice)} |" for wrong, advice in found)
            if lines: parts += [f"### {title(notebook)}\n\n{head}", *lines, ""]
    write(folder/"messages.md", "\n".join(parts))


def benchmarks(folder):
    "What `make benchmarks` found, as a figure and a table; False where it was not run."
    place = ROOT/"results/benchmarks"
    kept = {path.stem: json.loads(path.read_text()) for path in sorted(place.glob("*.json"))}
    if not (place/"ratios.svg").exists(): return False
    lines = [["", "promoter-nb", "", "beside it", "times as fast"], ["---"]*5]
    for name, found in kept.items():
        lines += [[f"{part['what']} ({part['unit']}; `{name}`)", f"{part['ours']:,.0f}", part["against"],
                   f"{part['reference']:,.0f}", f"{part['ratio']:.3g}"] for part in found["ratios"]]
    places = {f"{found['device']}, {found['threads']} threads, commit {found['commit']}" for found in kept.values()}
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    text = ("`make benchmarks` measures each way beside another that gives the same results, in the same run. "
            f"Rates are those of {'; '.join(sorted(places))}. Each script in `benchmarks` says what it compares.")
    (folder/"benchmarks").mkdir(parents=True, exist_ok=True)
    shutil.copy(place/"ratios.svg", folder/"benchmarks")
    figure = "```{figure} benchmarks/ratios.svg\n:alt: ratios\n\nHow many times as fast; 1 is as fast.\n```"
    write(folder/"benchmarks.md", f"# Benchmarks\n\n{text}\n\n{figure}\n\n{table}\n")
    return True


def on_site(text):
    "Links of the repository as links of the site."
    moved = {"](../README": "](index", "](../nbs/": "](", "](nbs/": "](", "](docs/": "](",
             "](CONTRIBUTING": "](contributing", "](CHANGELOG": "](changelog",
             "](results/reference/quick)": "](experiments/index.md)"}
    for link, place in moved.items(): text = text.replace(link, place)
    return re.sub(rf"\[([^]]+)\]\({SITE}([\w.]+)\)", r'<a href="\2">\1</a>', text)


def readme(folder, measured):
    "README and contributing guide, with their links and pictures where the site has them."
    text = on_site((ROOT/"README.md").read_text())
    for path in re.findall(r"\]\(((?:figures|results)/[^)]+\.\w+|CITATION\.cff)\)", text):
        (folder/path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT/path, folder/path)
    guides = ["which_command", "commands", "messages", "claims", "contributing", "cluster", "changelog", "gallery"]
    guides += ["benchmarks"]*measured
    guides = toctree(guides, ":hidden:", ":caption: Guides")
    parts = toctree(["tutorials/index", "experiments/index", "library/index"], ":hidden:", ":caption: Notebooks")
    write(folder/"index.md", text + guides + parts)
    for name in ("CONTRIBUTING", "CHANGELOG", "docs/which_command", "docs/cluster"):
        write(folder/f"{Path(name).name.lower()}.md", on_site((ROOT/f"{name}.md").read_text()))


if __name__ == "__main__":
    target, last = Path(sys.argv[1]), last_report(ROOT)
    library(target/"library")
    experiments(target/"experiments", last)
    tutorials(target/"tutorials")
    gallery(target, last)
    claims(target)
    commands(target)
    messages(target)
    readme(target, benchmarks(target))
    write_offline_page(target/"extra"/"promoter.html", Predictor.load(precision="32-true"))
