# Everything here runs on a machine that has Python 3.11 or newer and make.
# All that is installed goes into the folder .venv.
PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

# PEERS says what is installed besides the package:
#   base     nothing more
#   torch    PyTorch, for the two chapters on PyTorch models: make lab PEERS=torch
#   cluster  Dask, for long computations on several machines
#   models   PyTorch, transformers and torchvision, for make models
#   peers    all of these and JAX, which the tests compare with: make test PEERS=peers
# CI sets the variable CI, and so has the peers.
PEERS ?= $(if $(CI),peers,base)
EXTRAS_base := lab,book,test
EXTRAS_torch := lab,book,test,torch
EXTRAS_cluster := lab,book,test,cluster
EXTRAS_peers := lab,book,test,peers
EXTRAS_models := test,torch,models

# Where `make lab` puts the reader's own copy of the notebooks.
WORK := my-notebooks

# JupyterLab opens Markdown files, such as the list of notebooks, as pages.
LAB_SETTINGS := $(dir $(BIN))share/jupyter/lab/settings
DOCUMENTS := @jupyterlab/docmanager-extension:plugin
READ_MARKDOWN := {"$(DOCUMENTS)": {"defaultViewers": {"markdown": "Markdown Preview"}}}

# JupyterLab runs as root only if it is told that this is meant; in a container it is.
ROOT := $(if $(filter 0,$(shell id -u)),--allow-root)

.PHONY: lab book notebooks test models mutants evidence bench bench-figures homes clean

lab: .venv/$(PEERS)
	python notebooks/working_copy.py $(WORK)
	jupyter lab $(WORK) $(ROOT) --LabApp.default_url=/lab/tree/README.md $(ARGS)

book: .venv/torch
	jupyter-book build . -W -n --keep-going

notebooks: .venv/torch
	python notebooks/refresh.py $(ARGS)

test: .venv/$(PEERS)
	python tests/run.py $(ARGS)

# Trace models of other libraries, with their retained gradients as the oracle, as CI does, and
# write benchmarks/models.md.
models: .venv/models
	pytest tests/models $(ARGS)
	python -m benchmarks.models

# Change the package at random places, and see whether the tests notice. The options are listed by
# python tests/mutants.py --help; an example:
# make mutants ARGS="--rooms steps tracing --count 40 --seed 1"
mutants: .venv/torch
	python tests/mutants.py $(ARGS)

# Compute again what the notebooks show of long trainings: make evidence NAME=long_range_tasks
# It runs in the processes of this machine; with EXECUTOR=dask://host:port, on a Dask cluster.
evidence: .venv/$(if $(findstring dask,$(EXECUTOR)),cluster,base)
	cd notebooks && python -m evidence $(NAME) $(ARGS)

bench: .venv/peers
	python -m benchmarks

# The same figure as one file by explorable, HoloViews, Plotly, Bokeh and Panel: sizes and seconds.
# This is not a part of CI: it takes the newest packages, in a folder of their own, and some minutes.
PEERS_OF_FIGURES := holoviews plotly bokeh panel

bench-figures: .venv-figures/installed
	.venv-figures/bin/python -W ignore -m benchmarks.figures $(ARGS)

.venv-figures/installed: pyproject.toml
	$(PYTHON) -m venv .venv-figures
	.venv-figures/bin/python -m pip install --quiet --disable-pip-version-check -e '.[live]' $(PEERS_OF_FIGURES)
	touch $@

# Try the live figure in other homes, from Voila to marimo, and write book/homes.md. This is not a
# part of CI: it takes the newest packages, in a folder of their own, and some minutes. Some homes
# by a word in their name: make homes ARGS="--only marimo"
HOMES := jupyterlab notebook voila marimo mystmd myst-nb furo nbsphinx sphinx-mathjax-offline playwright

homes: .venv-homes/installed
	.venv-homes/bin/python tests/homes.py $(ARGS)

.venv-homes/installed: pyproject.toml
	$(PYTHON) -m venv .venv-homes
	.venv-homes/bin/python -m pip install --quiet --disable-pip-version-check -e '.[live]' $(HOMES)
	touch $@

# my-notebooks stays: that is the reader's own work.
clean:
	rm -rf _build .venv .venv-homes .venv-figures

# The file .venv/base (or .venv/torch, …) is empty. It says that these packages are installed, so
# that they are installed again only after pyproject.toml or constraints.txt has changed.
.venv/base .venv/torch .venv/cluster .venv/peers .venv/models: .venv/bin/python pyproject.toml constraints.txt
	python -m pip install --quiet --disable-pip-version-check \
		-c constraints.txt -e '.[$(EXTRAS_$(@F))]'
	touch $@

NEW_ENOUGH := sys.version_info >= (3, 11)
TOO_OLD := Python 3.11 or newer is needed; set PYTHON=...

.venv/bin/python:
	$(PYTHON) -c "import sys; $(NEW_ENOUGH) or sys.exit('$(TOO_OLD)')"
	$(PYTHON) -m venv .venv
	mkdir -p $(LAB_SETTINGS)
	echo '$(READ_MARKDOWN)' > $(LAB_SETTINGS)/overrides.json
