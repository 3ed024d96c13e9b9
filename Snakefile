# Which notebook makes what (see nbs/library/paper/21_workflow.ipynb). `make report` calls it; by hand:
#   snakemake --cores 2 --configfile config/quick.yaml --config profile=quick data=simulated
import os
import sys
from pathlib import Path

import fastjsonschema
import yaml
from snakemake.scheduling.job_scheduler import JobScheduler

from promoter_nb.paper import workflow as notebooks
from promoter_nb.paper.claims import STUDIES as KINDS

notebooks.answer_in_a_thread(JobScheduler)
HERE = Path()
SCHEMA, NEEDS, KNOWN = (yaml.safe_load(Path("config", name).read_text())
                        for name in ("schema.yaml", "chapters.yaml", "models.yaml"))
try:
    DATA = config["data"] = notebooks.data_given(config.get("data"), os.environ.get("PROMOTER_NB_DATA"))
    fastjsonschema.validate(SCHEMA, config)
    MODELS = notebooks.models(config["models"], KNOWN["models"])
    STUDIES = {study: notebooks.ablations(config[study], KNOWN[study]) for study in KINDS if study in config}
    TEST = notebooks.test_set_given(os.environ.get("PROMOTER_NB_TEST", ""))
    REPLICATES = notebooks.replicates_given(os.environ.get("PROMOTER_NB_REPLICATES", ""))
    ELSEWHERE = notebooks.files_given(os.environ.get("PROMOTER_NB_ELSEWHERE", ""))
except ValueError as error:
    sys.exit(str(error))

NAME, PROFILE, SEEDS = notebooks.data_name(DATA), config["profile"], config["seeds"]
RESULTS, FIGURES = (f"{config.get(kind, kind)}/{NAME}/{PROFILE}" for kind in ("results", "figures"))
# What all experiments wait for: the file, or the notebook that makes or fetches the data.
LIBRARY = f"{RESULTS}/20_library/metrics.json"
SOURCE = LIBRARY if DATA in notebooks.MADE else notebooks.without_wildcards(DATA, Path(RESULTS).parents[1] / "links")
# Given to experiments that declare them.
SHARED = {name: config[name] for name in ("data", "promoters", "library_seed")} | {
    "size": config["test_set_size"], "test": TEST, "elsewhere": ELSEWHERE, "replicates": REPLICATES}

EXPERIMENTS = MODELS | {f"{study}/{name}": setting for study in STUDIES for name, setting in STUDIES[study].items()}
RUN, FIRST = f"{RESULTS}/{{model}}/seed-{{seed}}", f"{RESULTS}/{{model}}/seed-{SEEDS[0]}"
RUNS = {
    "models": expand(RUN, model=MODELS, seed=SEEDS),
    "networks": expand(RUN, model=[name for name in MODELS if MODELS[name][0] == "40_network"], seed=SEEDS),
} | {study: expand(RUN, model=[name for name in EXPERIMENTS if name.startswith(f"{study}/")],
                   seed=config[study]["seeds"] if study in STUDIES else []) for study in KINDS}
CHAPTERS = notebooks.chapters(NEEDS, config.get("chapters", {}), DATA, RUNS, ["elsewhere"] if ELSEWHERE else [])
REPORTED = [f"{RESULTS}/{chapter}" for chapter in CHAPTERS] + RUNS["models"] + sum((RUNS[study] for study in KINDS), [])

# Reference results of other data, or of more of the same, are evidence for claims. Chapters that a profile leaves out
# are shown from those of the large one, or of measured promoters.
KEPT = sorted(path.name for path in Path("results/reference").glob("*"))
REFERENCES = [f"results/reference/{name}" for name in KEPT if NAME != "simulated" or name != PROFILE]
SPARE = [name for name in ("deboer2020_train-laptop", "laptop") if NAME == "simulated" and name in {*KEPT} - {PROFILE}]

# Two networks side by side, on half of the cores each, learn twice as fast as one after the other on all cores.
THREADS = {"one": 1, "half": max(1, workflow.cores // 2), "all": workflow.cores}
PAPERMILL = ("python -m promoter_nb.paper.papermill_engine {input.notebook:q} {output.notebook:q} "
             "--stdout-file >(cat) --no-progress-bar -y {params.values:q}")


def figures(chapter):
    return [f"{FIGURES}/{name}.svg" for name in notebooks.figures_of(Path(f"nbs/experiments/{chapter}.ipynb"))]


def chapter_values(chapter, given):
    given = given | {"output": f"{RESULTS}/{chapter}"}
    values = notebooks.values_of(chapter, HERE, SHARED | {"figures": FIGURES}, given)
    return lambda wildcards: values  # a function, since snakemake looks for wildcards in a text


def model_values(wildcards):
    (notebook, given), seed, folder = EXPERIMENTS[wildcards.model], int(wildcards.seed), RUN.format(**wildcards)
    shared = SHARED | {"figures": FIGURES if seed == SEEDS[0] else folder}
    return notebooks.values_of(notebook, HERE, shared, given | {"seed": seed, "output": folder})


wildcard_constraints:
    model="|".join(EXPERIMENTS),
    seed=r"\d+",


rule all:  # what is missing of any of these is made again
    input:
        "report/report.pdf",
        [f"{folder}/metrics.json" for folder in REPORTED],
        [figure for chapter in CHAPTERS for figure in figures(chapter)],


rule report:
    input:
        **notebooks.made_from("90_report", {}, HERE),
        text=[*map(str, sorted(Path("report").glob("*.typ"))), "report/references.bib", "report/claims.json"],
        references=[str(path) for folder in REFERENCES for path in sorted(Path(folder).glob("[2-7]?_*/metrics.json"))],
        reported=[f"{folder}/metrics.json" for folder in REPORTED],
    output:
        pdf="report/report.pdf",
        summary="report/summary.txt",
        notebook=f"{RESULTS}/90_report.ipynb",
    params:
        values=notebooks.as_yaml({
            "results": RESULTS, "figures": FIGURES, "profile": PROFILE, "reported": REPORTED, "references": REFERENCES,
            "spare": SPARE, "report": "report", "output": f"{RESULTS}/90_report"}),
    shell: PAPERMILL


rule reference:
    input: rules.report.output.pdf
    localrule: True
    run:
        name = PROFILE if DATA == "simulated" else f"{NAME.rsplit('-', 1)[0]}-{PROFILE}"
        shown = [*expand(f"{RESULTS}/{{chapter}}", chapter=[*CHAPTERS, "90_report"]), *expand(FIRST, model=MODELS)]
        notebooks.keep_reference(HERE, name, RESULTS, FIGURES, REPORTED, input[0], measured=DATA != "simulated",
                                 notebooks=shown if config.get("keep_notebooks") and DATA == "simulated" else [])


for chapter, options in CHAPTERS.items():
    need = NEEDS.get(chapter, {})
    read = [FIRST.format(model=options["run_folder"])] if "run_folder" in options else RUNS.get(need.get("reads"), [])
    # A chapter that looks at one network names it by the model, and is given the folder of its first run.
    given = {"run_folder": read[0]} if "run_folder" in options else {"runs": read} if read else {}

    rule:
        name: chapter
        input:
            **notebooks.made_from(chapter, {}, HERE),
            source=[] if chapter == "20_library" or "reads" in need else SOURCE,
            runs=expand("{run}/{file}", run=read, file=["metrics.json", "predictions.parquet"]),
        output:
            metrics=f"{RESULTS}/{chapter}/metrics.json",
            figures=figures(chapter),
            notebook=f"{RESULTS}/{chapter}.ipynb",
        params:
            values=chapter_values(chapter, options | given),
        threads: THREADS[need.get("threads", "half")]
        shell: PAPERMILL


rule model:
    input:
        unpack(lambda wildcards: notebooks.made_from(*EXPERIMENTS[wildcards.model], HERE)),
        source=SOURCE,
    output:
        metrics=f"{RUN}/metrics.json",
        run=f"{RUN}/run.json",
        predictions=f"{RUN}/predictions.parquet",
        notebook=f"{RUN}.ipynb",
    params:
        values=model_values,  # of the wildcards alone: snakemake would not see a change of values made from the output
    threads: THREADS["half"]
    shell: PAPERMILL
