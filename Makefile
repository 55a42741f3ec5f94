# Everything here runs on a machine that has Python >= 3.11 and make; the rest goes into .venv.
PYTHON ?= python3
BIN := .venv/bin
EXTRAS := lab,book,test
PEERS := $(if $(CI),peers)                  # CI also compares with JAX and runs Dask; else: make test PEERS=peers
MORE = $(addprefix .venv/,$(strip $(PEERS)))                    # torch, for notebook 22 in JupyterLab: make lab PEERS=torch
ROOT := $(if $(filter 0,$(shell id -u)),--allow-root)           # in a container, say

export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: lab book notebooks test bench clean

lab: .venv/ready $(MORE)
	jupyter lab notebooks $(ROOT) $(ARGS)

book: .venv/torch
	jupyter-book build . -W -n --keep-going

notebooks: .venv/torch
	python notebooks/refresh.py

test: .venv/torch $(MORE)
	python tests/run.py

bench: .venv/peers
	python -m benchmarks

clean:
	rm -rf _build .venv

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -c "import sys; sys.version_info >= (3, 11) or sys.exit('Python 3.11 or newer is needed; set PYTHON=...')"
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[$(EXTRAS)]'
	touch $@

.venv/torch .venv/peers: .venv/ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[$(@F)]'
	touch $@
