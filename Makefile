# The front door: `make help` says what there is. Every target does its own set-up.
PROFILE ?= quick
DATA ?= simulated
TEST ?=
ELSEWHERE ?=
REPLICATES ?=
PYTHON ?= python3
CORES ?= $(shell $(PYTHON) -c "import os; print(len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count())")
BIN := .venv/bin
PROFILES := $(filter-out schema chapters models,$(basename $(notdir $(wildcard config/*.yaml))))
SNAKEMAKE := PATH="$(CURDIR)/$(BIN):$$PATH" PYDEVD_DISABLE_FILE_VALIDATION=1 snakemake --cores $(CORES) --quiet rules \
	--rerun-incomplete --nolock --configfile config/$(PROFILE).yaml --config profile=$(PROFILE)
# Snakemake would read a file's name as YAML: `2023_1` as a number, ` \#` as the beginning of a comment.
export PROMOTER_NB_DATA = $(DATA)
export PROMOTER_NB_TEST = $(TEST)
export PROMOTER_NB_ELSEWHERE = $(ELSEWHERE)
export PROMOTER_NB_REPLICATES = $(REPLICATES)
# HASHES=1 installs only files whose hash is known; indexes with builds of their own need it off.
# torch, and what its builds for GPUs bring, have no hash: each platform and index offers another build.
HASHES ?=
PIP = $(BIN)/pip install --quiet --disable-pip-version-check
LOCK = $(BIN)/uv pip compile --quiet --no-config --python $(BIN)/python --all-extras --no-emit-package torch --no-annotate --no-header
# Programs of an environment name its folder in their first line, so in a checkout that was moved they are made anew.
HOME_OF_PIP := $(if $(wildcard $(BIN)/pip),$(shell head -n 2 $(BIN)/pip | grep -F "$(CURDIR)/$(BIN)/"))
MOVED := $(if $(HOME_OF_PIP),,moved)

.DEFAULT_GOAL := help
.PHONY: help setup moved report plan reference reference-reports verify benchmarks pretrained packaged readme outputs docs test notebook-tests script-tests test-long lock audit release app lab clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-19s%s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo; echo "PROFILE is one of $(PROFILES) (default quick)."
	@echo "DATA is simulated (default), dream2022 (downloaded) or the path of a file in the challenge's format."
	@echo "TEST is a folder with the challenge's test set, to score networks on as well (default none)."
	@echo "ELSEWHERE names files of promoters that were measured elsewhere, to test transfer on, with quotes around a path with spaces (PROFILE=laptop; default none)."
	@echo "REPLICATES is a table of promoters that were measured twice, to learn what a model can reach (PROFILE=laptop; default none)."

setup: $(BIN)/.exported  ## virtual environment, pinned packages, library exported from its notebooks

$(BIN)/.installed: pyproject.toml constraints.txt $(MOVED)
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and \
		f'Python 3.11 or newer is needed; $(PYTHON) is {sys.version.split()[0]}')"
	$(if $(MOVED),$(PYTHON) -m venv --clear .venv || { echo "On Debian and Ubuntu: apt install python3-venv"; exit 1; })
	$(if $(HASHES),$(PIP) --require-hashes --no-deps -r hashes.txt)
	$(PIP) -c constraints.txt $(if $(HASHES),--no-build-isolation) -e '.[dev]'
	@touch $@

$(BIN)/.exported: $(BIN)/.installed $(wildcard nbs/library/*.ipynb nbs/library/*/*.ipynb)
	$(BIN)/nbdev_export
	@touch $@

report: setup  ## run what is missing and build report/report.pdf
	@$(SNAKEMAKE)
	@cat report/summary.txt
	@echo "The report is $(CURDIR)/report/report.pdf"
	@echo "Next: make report PROFILE=laptop for more data and three seeds, make report DATA=FILE for your own,"
	@echo "make lab to open the notebooks."

plan: setup  ## what a profile would cost, before anything runs: jobs, hours, memory
	@$(subst --quiet rules,,$(SNAKEMAKE)) --dry-run --printshellcmds 2>&1 | $(BIN)/python -m promoter_nb.paper plan

reference: report  ## make the reference results of a profile anew; they are kept in git and change in no other way
	@$(SNAKEMAKE) -- reference

reference-reports: setup  ## typeset the kept reports again from their reference results, without a run
	@$(BIN)/python -c "from promoter_nb.data.paths import root; from promoter_nb.paper.report import typeset_kept; print(*typeset_kept(root()), sep='\n')"

# In a copy of the sources, so that what was computed before is neither used nor lost.
verify: DATA = simulated
verify: setup  ## run a profile again from nothing, and compare with its reference results number by number
	@test -d results/reference/$(PROFILE) || { \
		echo "results/reference/$(PROFILE) is not there; expected one of: $(filter $(PROFILES),$(notdir $(wildcard results/reference/*)))"; exit 1; }
	@rm -rf results/verify && mkdir -p results/verify/results results/verify/figures
	@cp -R nbs promoter_nb config report Snakefile settings.ini pyproject.toml results/verify
	@for kind in results figures; do cp -R $$kind/reference results/verify/$$kind; done
	@cd results/verify && PYTHONPATH="$$PWD" $(SNAKEMAKE)
	@$(BIN)/python -m promoter_nb.paper verify results/reference/$(PROFILE) results/verify/results/simulated/$(PROFILE)

benchmarks: setup  ## every benchmark, each a ratio of one run, and a figure of them; results/benchmarks
	$(BIN)/python benchmarks/kept.py

pretrained: setup  ## the package's models of simulated promoters, made anew: what training starts from, and `simulated`
	rm -rf results/pretrained && mkdir -p results/pretrained
	$(BIN)/python -c "from promoter_nb.inference.teacher import teach; teach('results/pretrained/start')"
	$(BIN)/promoter-nb data simulate results/pretrained/library --promoters 200000
	$(BIN)/promoter-nb train results/pretrained/library/train.txt results/pretrained/simulated --network resnet --epochs 5
	for model in start simulated; do rm -rf promoter_nb/assets/$$model && mv results/pretrained/$$model promoter_nb/assets/$$model; done

packaged: setup  ## the package's model of measured promoters, made anew from DEBOER=, DREAM= and APART= (files; see nbs/library/inference)
	@test -f "$(DEBOER)" -a -f "$(DREAM)" -a -f "$(APART)" || { echo "make packaged DEBOER=train.txt DREAM=test.txt APART=val.txt: three files of measured promoters"; exit 1; }
	rm -rf results/packaged && mkdir -p results
	$(BIN)/python -c "import sys; from promoter_nb.inference.packaged import train_packaged; train_packaged(*sys.argv[1:])" "$(DEBOER)" "$(DREAM)" "$(APART)" results/packaged
	rm -rf promoter_nb/assets/pretrained && mv results/packaged promoter_nb/assets/pretrained

outputs: setup  ## the index and the tutorials run again, and the README; their outputs are kept in git
	$(BIN)/python -m promoter_nb.paper outputs
	@$(MAKE) --no-print-directory readme

readme: setup  ## README.md from nbs/index.ipynb
	$(BIN)/jupyter nbconvert --log-level WARN --to markdown --template-file nbs/readme.md.j2 nbs/index.ipynb \
		--output-dir . --output README
	@cat -s README.md > README.part && mv README.part README.md

docs: report  ## the documentation as a site with the report's outputs, docs/_build/html/index.html
	@rm -rf docs/_build/pages && $(BIN)/python docs/pages.py docs/_build/pages
	@$(BIN)/sphinx-build -q -W --keep-going -n -c docs docs/_build/pages docs/_build/html
	@echo "The site is $(CURDIR)/docs/_build/html/index.html"

# Each core has a test of its own: threads that wait for a core that another test has take many times as long.
test: export OMP_NUM_THREADS = 1
test: setup  ## everything that continuous integration checks
	$(BIN)/ruff check
	@$(MAKE) --no-print-directory --jobs=2 notebook-tests script-tests

# Side by side, so that a test that waits for its program leaves no core idle.
notebook-tests:
	$(BIN)/nbdev_test --n_workers $$((($(CORES) + 1)/2))

script-tests:
	$(BIN)/pytest -n $(CORES) --durations=25

test-long: setup  ## what takes too long for every change: killed commands, faulty disks, twenty visitors of the page
	$(BIN)/pytest -m long

lock: setup  ## versions and hashes of all packages, anew from pyproject.toml
	$(LOCK) pyproject.toml -o constraints.txt
	$(LOCK) -c constraints.txt --universal --python-version 3.11.5 --generate-hashes pyproject.toml \
		| awk '/^[a-z]/ {kept = !/^(cuda|nvidia|triton)/} kept' > hashes.part && mv hashes.part hashes.txt

audit: setup  ## known advisories on the packages of hashes.txt; asks a service of the network
	$(BIN)/uv tool run pip-audit --disable-pip --require-hashes -r hashes.txt

release: setup  ## dist/: sources, wheel, and a bill of materials of what the wheel brings along
	@rm -rf dist
	$(BIN)/uv build --quiet --no-build-isolation --python $(BIN)/python
	$(PYTHON) -m venv dist/alone
	wheel=$$(ls dist/*.whl) && dist/alone/bin/pip install --quiet -c constraints.txt "$$wheel[page]"
	$(BIN)/cyclonedx-py environment --pyproject pyproject.toml --mc-type library --output-reproducible \
		-o dist/promoter_nb.cdx.json dist/alone
	@rm -rf dist/alone

app: setup  ## the page: paste a sequence, see its expression and what mutations would do; on localhost
	JUPYTER_PATH="$(CURDIR)/nbs" $(BIN)/voila nbs/app.ipynb --template=promoter --Voila.ip=127.0.0.1 --preheat_kernel=True --VoilaExecutor.iopub_timeout=120 --VoilaExecutor.startup_timeout=120

lab: setup  ## JupyterLab in the notebooks' folder, on localhost and with its token
	$(BIN)/jupyter lab --ip=127.0.0.1 --notebook-dir=.

clean:  ## remove results and figures of runs, and the report; keep the environment and the reference results
	find results figures -mindepth 1 -maxdepth 1 ! -name reference ! -name benchmarks ! -name gpu -exec rm -rf {} +
	rm -f report/report.pdf report/summary.txt
