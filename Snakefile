# Which notebook makes what. `make report` calls it; by hand:
#   snakemake --cores 2 --configfile config/quick.yaml --config profile=quick data=simulated
import ast
import hashlib
import json
import shutil
import sys
from importlib.util import resolve_name
from pathlib import Path

import fastjsonschema
import yaml

config["data"] = str(config["data"])
fastjsonschema.validate(yaml.safe_load(Path("config/schema.yaml").read_text()), config)

DATA = config["data"]
MADE = DATA in ("simulated", "dream2022")  # by the program, or fetched by it
if not MADE and not Path(DATA).is_file():
    sys.exit(f"DATA={DATA} is not a file; expected `simulated`, `dream2022` or a file in the challenge's format")
# Files of the same name in two folders are two data sets.
NAME = DATA if MADE else f"{Path(DATA).name.split('.')[0]}-{hashlib.sha256(DATA.encode()).hexdigest()[:6]}"
RESULTS = f"{config.get('results', 'results')}/{NAME}/{config['profile']}"
FIGURES = f"{config.get('figures', 'figures')}/{NAME}/{config['profile']}"
COMMON = {"data": DATA, "promoters": config["promoters"], "library_seed": config["library_seed"]}
# What all experiments wait for: the file, or the notebook that makes or fetches the data.
SOURCE = RESULTS + "/20_library/metrics.json" if MADE else DATA


def declared(notebook):
    "Names of the parameters of a notebook."
    cells = json.loads(Path(f"nbs/experiments/{notebook}.ipynb").read_text())["cells"]
    (source,) = ["".join(cell["source"]) for cell in cells if "parameters" in cell["metadata"].get("tags", [])]
    return {node.target.id for node in ast.parse(source).body}


def experiment(name, options):
    "Notebook and parameters of a run: a network of that name, unless the profile says otherwise."
    notebook = options.get("notebook", "40_network")
    return notebook, ({"model": name} if notebook == "40_network" else {}) | {key: value for key, value in options.items() if key != "notebook"}


def values(notebook, given, output, figures=FIGURES):
    "What papermill hands to a notebook: what all experiments share, as far as it is asked for, and what was given for this one."
    names = declared(notebook)
    shared = {key: value for key, value in (COMMON | {"figures": figures}).items() if key in names}
    return json.dumps(shared | given | {"output": output})


ABLATIONS = config.get("ablations", {"promoters": 0, "seeds": [], "settings": {}})
EXPERIMENTS = {name: experiment(name, options or {}) for name, options in config["models"].items()} | {
    f"ablations/{name}": ("40_network", {"promoters": ABLATIONS["promoters"]} | options) for name, options in ABLATIONS["settings"].items()
}
RUNS = expand(RESULTS + "/{model}/seed-{seed}", model=config["models"], seed=config["seeds"])
NETWORK_RUNS = expand(
    RESULTS + "/{model}/seed-{seed}", model=[name for name in config["models"] if EXPERIMENTS[name][0] == "40_network"], seed=config["seeds"]
)
ABLATION_RUNS = expand(RESULTS + "/ablations/{setting}/seed-{seed}", setting=ABLATIONS["settings"], seed=ABLATIONS["seeds"])
# Reference results of other data, or of more of the same, for the ledger of claims.
# Chapters that a small profile does not run are shown from the reference results of the large one, or of measured promoters.
SPARE = [name for name in ("deboer2020_train-laptop", "laptop") if Path("results/reference", name).exists()] if NAME == "simulated" and config["profile"] != "laptop" else []
REFERENCES = [str(folder) for folder in sorted(Path("results/reference").glob("*")) if NAME != "simulated" or folder.name != config["profile"]]


def imports(code, package):
    "Modules of the library that a piece of code imports, as files."
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom):
            base = resolve_name("." * node.level + (node.module or ""), package) if node.level else node.module
            names = [base, *(f"{base}.{alias.name}" for alias in node.names)]
            yield from (path for name in names if name.startswith("promoter_nb") and (path := Path(name.replace(".", "/") + ".py")).exists())


def made_from(notebook, model=None):
    "A notebook, and the modules that it needs, directly or through others: a change elsewhere runs nothing again."
    path = Path(f"nbs/experiments/{notebook}.ipynb")
    cells = json.loads(path.read_text())["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    # Networks are built by name: the one that is given, or those that the notebook mentions.
    mentioned = lambda path: path.stem == model if model else f'"{path.stem}"' in code or "model_names(" in code
    built = {path for path in Path("promoter_nb/models").glob("*.py") if mentioned(path)}
    found, new = set(), set(imports(code, "")) | built
    while new:
        found |= new
        new = {path for module in new for path in imports(module.read_text(), ".".join(module.parent.parts))} - found
    texts = [module.read_text() for module in found]
    data = [str(file) for file in sorted(Path("promoter_nb/assets").glob("*.*")) if any(file.name in text for text in texts)]
    return {"notebook": str(path), "library": [str(path) for path in sorted(found)] + data}


# Parameters reach papermill as YAML, and what a notebook prints reaches the terminal.
PAPERMILL = "python -c 'from promoter_nb.paper.papermill_engine import main; main()' {input.notebook:q} {output.notebook:q} --stdout-file >(cat) --no-progress-bar -y {params.values:q}"


wildcard_constraints:
    model="|".join(EXPERIMENTS),
    seed=r"\d+",


# Chapters, and the figures that they draw. Those of the data are always run, the others where the profile names them.
FIGURES_OF = {
    "21_data_set": ["label_histogram"],
    "22_calibration": [],
    "23_pipeline": ["pipeline"],
    "24_composition": ["composition"],
    "25_motifs": ["motif_effects"],
    "26_strands": ["strands"],
    "27_balance": ["label_balance"],
    "41_architectures": ["architecture"],
    "54_tree_inputs": ["tree_inputs", "words"],
    "55_leaves": ["leaves"],
    "56_huber": ["huber"],
    "57_hyperparameters": ["hyperparameters"],
    "58_leaf_embedding": ["leaf_embedding"],
    "62_attribution": ["attribution", "attribution_example"],
    "63_filters": ["filters"],
    "64_embedding": ["embedding"],
}
CHAPTERS = {chapter: {} for chapter in FIGURES_OF if chapter < "28"} | {name: options or {} for name, options in config.get("chapters", {}).items()}
if DATA != "simulated": CHAPTERS.pop("62_attribution", None)  # it needs the true sites
FIRST = f"{RESULTS}/{{model}}/seed-{config['seeds'][0]}"
# Two runs side by side, each on half of the cores, learn from twice as many sequences a second as one after the other on all of them (ResNet, two cores, bfloat16).
HALF = max(1, workflow.cores//2)
# Everything that the report reads.
REPORTED = [f"{RESULTS}/{chapter}" for chapter in ["20_library"] * MADE + list(CHAPTERS) + ["60_results"]]
REPORTED += [f"{RESULTS}/61_ablations"] * bool(ABLATION_RUNS) + [f"{RESULTS}/65_suites"] * bool(MADE and NETWORK_RUNS)
REPORTED += RUNS + ABLATION_RUNS


rule all:  # what is missing of any of these is made again
    input:
        "report/report.pdf",
        [f"{folder}/metrics.json" for folder in REPORTED],
        expand("{folder}/{figure}.svg", folder=FIGURES, figure=[name for chapter in CHAPTERS for name in FIGURES_OF[chapter]]),


rule report:
    input:
        **made_from("90_report"),
        text=[*map(str, sorted(Path("report").glob("*.typ"))), "report/references.bib", "report/claims.json"],
        references=[str(path) for folder in REFERENCES for path in sorted(Path(folder).glob("[2-7]?_*/metrics.json"))],
        reported=[f"{folder}/metrics.json" for folder in REPORTED],
    output:
        pdf="report/report.pdf",
        summary="report/summary.txt",
        notebook=RESULTS + "/90_report.ipynb",
    params:
        values=json.dumps({"results": RESULTS, "figures": FIGURES, "profile": config["profile"], "reported": REPORTED, "references": REFERENCES, "spare": SPARE, "report": "report", "output": f"{RESULTS}/90_report"}),
    shell:
        PAPERMILL


rule reference:
    input:
        rules.report.output.pdf,
    localrule: True
    run:
        name = config["profile"] if DATA == "simulated" else f"{NAME.rsplit('-', 1)[0]}-{config['profile']}"
        # Of measured data only numbers about them are kept, never labels.
        kept = ["metrics.json", "run.json"] + ["predictions.parquet", "history.parquet"] * (DATA == "simulated")
        files = [path for folder in REPORTED for file in kept if (path := Path(folder) / file).exists()] + sorted(Path(FIGURES).glob("*.svg"))
        for kind, made in ("results", RESULTS), ("figures", FIGURES):
            shutil.rmtree(f"{kind}/reference/{name}", ignore_errors=True)
            for path in files:
                if path.is_relative_to(made):
                    (target := Path(kind, "reference", name) / path.relative_to(made)).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(path, target)
        shutil.copy(input[0], f"results/reference/{name}/report.pdf")
        (Path("results/reference") / name / "90_report").mkdir()
        shutil.copy(f"{RESULTS}/90_report/run.json", f"results/reference/{name}/90_report")  # what `promoter-nb trace` tells of the tables that only the report has


rule library:
    input:
        **made_from("20_library"),
    output:
        metrics=RESULTS + "/20_library/metrics.json",
        notebook=RESULTS + "/20_library.ipynb",
    params:
        values=json.dumps(COMMON | {"output": f"{RESULTS}/20_library"}),
    threads: workflow.cores
    shell:
        PAPERMILL


for chapter, options in CHAPTERS.items():
    # A chapter that looks at one network names it by the model, and is given the folder of its first run.
    of = options.get("run_folder")
    given = options | ({"run_folder": FIRST.format(model=of)} if of else {})

    rule:
        name:
            chapter
        input:
            **made_from(chapter),
            source=SOURCE,
            run=[FIRST.format(model=of) + "/metrics.json"] if of else [],
        output:
            metrics=f"{RESULTS}/{chapter}/metrics.json",
            figures=expand("{folder}/{figure}.svg", folder=FIGURES, figure=FIGURES_OF[chapter]),
            notebook=f"{RESULTS}/{chapter}.ipynb",
        params:
            values=values(chapter, given, f"{RESULTS}/{chapter}"),
        threads: 1 if chapter < "26" or chapter == "27_balance" else HALF  # the others train
        shell:
            PAPERMILL


rule model:
    input:
        unpack(lambda wildcards: made_from(EXPERIMENTS[wildcards.model][0], EXPERIMENTS[wildcards.model][1].get("model"))),
        source=SOURCE,
    output:
        metrics=RESULTS + "/{model}/seed-{seed}/metrics.json",
        run=RESULTS + "/{model}/seed-{seed}/run.json",
        predictions=RESULTS + "/{model}/seed-{seed}/predictions.parquet",
        notebook=RESULTS + "/{model}/seed-{seed}.ipynb",
    params:
        # Of the wildcards alone: snakemake keeps no record of parameters made from the output, and would not see them change.
        values=lambda wildcards: values(
            EXPERIMENTS[wildcards.model][0],
            EXPERIMENTS[wildcards.model][1] | {"seed": int(wildcards.seed)},
            (folder := f"{RESULTS}/{wildcards.model}/seed-{wildcards.seed}"),
            FIGURES if int(wildcards.seed) == config["seeds"][0] else folder,
        ),
    threads: HALF
    shell:
        PAPERMILL


rule ablations:
    input:
        **made_from("61_ablations"),
        metrics=expand("{run}/metrics.json", run=ABLATION_RUNS),
        predictions=expand("{run}/predictions.parquet", run=ABLATION_RUNS),
    output:
        metrics=RESULTS + "/61_ablations/metrics.json",
        figure=FIGURES + "/ablations.svg",
        notebook=RESULTS + "/61_ablations.ipynb",
    params:
        values=json.dumps({"runs": ABLATION_RUNS, "output": f"{RESULTS}/61_ablations", "figures": FIGURES}),
    shell:
        PAPERMILL


rule suites:
    input:
        **made_from("65_suites"),
        metrics=expand("{run}/metrics.json", run=NETWORK_RUNS),
    output:
        metrics=RESULTS + "/65_suites/metrics.json",
        figure=FIGURES + "/suites.svg",
        notebook=RESULTS + "/65_suites.ipynb",
    params:
        values=json.dumps({"data": DATA, "runs": NETWORK_RUNS, "size": config["test_set_size"], "output": f"{RESULTS}/65_suites", "figures": FIGURES}),
    shell:
        PAPERMILL


rule results:
    input:
        **made_from("60_results"),
        published="report/published.json",
        metrics=expand("{run}/metrics.json", run=RUNS),
        predictions=expand("{run}/predictions.parquet", run=RUNS),
    output:
        metrics=RESULTS + "/60_results/metrics.json",
        figures=expand("{folder}/{figure}.svg", folder=FIGURES, figure=["density", "ladder", "validation_density"] + ["learning_curves"] * bool(NETWORK_RUNS)),
        notebook=RESULTS + "/60_results.ipynb",
    params:
        values=json.dumps({"runs": RUNS, "output": f"{RESULTS}/60_results", "figures": FIGURES}),
    shell:
        PAPERMILL
