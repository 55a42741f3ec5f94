# Everything here runs on a machine that has Python >= 3.11 and make; the rest goes into .venv.
PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

# `make lab PEERS=torch` adds PyTorch, for the chapter on your own network. `make test PEERS=peers` adds PyTorch, JAX and
# Dask, to compare with and to run on; CI does.
PEERS ?= $(if $(CI),peers,base)
EXTRAS_base := lab,book,test
EXTRAS_torch := lab,book,test,torch
EXTRAS_cluster := lab,book,test,cluster
EXTRAS_peers := lab,book,test,peers

WORK := my-notebooks
LAB_SETTINGS := $(dir $(BIN))share/jupyter/lab/settings
READ_MARKDOWN := {"@jupyterlab/docmanager-extension:plugin": {"defaultViewers": {"markdown": "Markdown Preview"}}}
ROOT := $(if $(filter 0,$(shell id -u)),--allow-root)           # in a container, say

.PHONY: lab book notebooks test mutants evidence bench clean

lab: .venv/$(PEERS)
	python notebooks/working_copy.py $(WORK)
	jupyter lab $(WORK) $(ROOT) --LabApp.default_url=/lab/tree/README.md $(ARGS)

book: .venv/torch
	jupyter-book build . -W -n --keep-going

notebooks: .venv/torch
	python notebooks/refresh.py $(ARGS)

test: .venv/$(PEERS)
	python tests/run.py $(ARGS)

# make mutants ARGS="--rooms steps tracing --count 40 --seed 1": tests/mutants.py --help lists the rest.
mutants: .venv/torch
	python tests/mutants.py $(ARGS)

# make evidence NAME=long_range_tasks, on this machine's processes; EXECUTOR=dask://host:port takes a Dask cluster.
evidence: .venv/$(if $(findstring dask,$(EXECUTOR)),cluster,base)
	cd notebooks && python -m evidence $(NAME) $(ARGS)

bench: .venv/peers
	python -m benchmarks

# Not my-notebooks: that is the reader's own work.
clean:
	rm -rf _build .venv

.venv/base .venv/torch .venv/cluster .venv/peers: .venv/bin/python pyproject.toml constraints.txt
	python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[$(EXTRAS_$(@F))]'
	touch $@

.venv/bin/python:
	$(PYTHON) -c "import sys; sys.version_info >= (3, 11) or sys.exit('Python 3.11 or newer is needed; set PYTHON=...')"
	$(PYTHON) -m venv .venv
	mkdir -p $(LAB_SETTINGS)
	echo '$(READ_MARKDOWN)' > $(LAB_SETTINGS)/overrides.json    # the list of notebooks opens as a page
