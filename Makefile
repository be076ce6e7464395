# What a newcomer, a contributor and CI run. `make help` lists it. GNU make 4.3, a Python from 3.11 on, and pip are all it needs.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory
# Tests start hundreds of processes: each would compile gpupipe anew where the shell says that nothing compiled is kept.
unexport PYTHONDONTWRITEBYTECODE

VENV ?= .venv
ROWS ?= 200000
WORKERS ?= 2
PORT ?= 8786
REPEAT ?= 1
JOBS ?= 2
CASES ?= 5000
COUNT ?= 10000
ifndef SEED
SEED := $(shell date +%s)
endif
DEMO := demo
CONTRACT ?= .venv-contract
DIST ?= .venv-dist
OLDEST ?= .venv-oldest
OLDEST_PYTHON ?= python3.11
SITE ?= .venv-site
NOTEBOOKS ?= .venv-notebooks
CONTRACT_PYTHON ?= python3.12
PIP := $(VENV)/bin/python -m pip --disable-pip-version-check --quiet

# The newest Python that is there and not older than 3.11; set PYTHON to choose another one.
PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11 python3.14; do \
	if $$name -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then echo $$name; break; fi; done)

.PHONY: help demo cluster test test-oldest lint format types faults fuzz dist site notebooks gallery axe contract bench clean
.DEFAULT_GOAL := help

help: ## Show what there is
	@grep -E '^[a-z-]+:.*## ' Makefile | while IFS=: read -r name rest; do printf '  make %-11s %s\n' "$$name" "$${rest##*## }"; done

# One environment with three stamps: that it is there, that gpupipe is in it, that the tools for its development are. A stamp is older
# than what it depends on only when that has changed, so that a second call installs nothing.
$(VENV)/.made:
	@if [ -z "$(PYTHON)" ]; then \
		echo "gpupipe needs Python 3.11 or newer with the venv module; python3 here is: $$(python3 --version 2>&1 || echo none)." >&2; \
		echo "Install one (on Debian: apt-get install python3 python3-venv), or name it: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)" >&2; \
		exit 2; \
	fi
	@echo "Making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.installed: $(VENV)/.made pyproject.toml constraints.txt
	@echo "Installing gpupipe into $(VENV)"
	@$(PIP) install -c constraints.txt -e '.[cpu,dask,graph,sql]'
	@touch $@

$(VENV)/.developed: $(VENV)/.made pyproject.toml constraints.txt
	@echo "Installing gpupipe and the tools for its development into $(VENV)"
	@$(PIP) install -c constraints.txt -e '.[cpu,dask,deep,graph,sql,dev]'
	@touch $(VENV)/.installed $@

$(DEMO)/data/names.csv: $(VENV)/.installed
	@rm -rf $(DEMO)/data
	$(VENV)/bin/gpupipe data mortgage --rows $(ROWS) --out $(DEMO)/data
	@touch $@

demo: $(DEMO)/data/names.csv ## Install, generate mortgage rows, train a model on them, show where the report is
	$(VENV)/bin/gpupipe run pipelines/mortgage.py -p acquisition=$(DEMO)/data/acquisition -p performance=$(DEMO)/data/performance \
		-p names=$(DEMO)/data/names.csv --report $(DEMO)/report
	@echo "The report is in $(CURDIR)/$(DEMO)/report"

# A scheduler and workers as anybody starts them, each a process of its own with one thread.
cluster: $(VENV)/.installed ## Start a Dask scheduler and WORKERS=2 workers here, until Ctrl-C
	@trap 'trap - EXIT; kill $$(jobs -p) 2>/dev/null; wait; echo stopped' EXIT; trap 'exit 0' INT TERM; \
	file=$$(mktemp -u); \
	$(VENV)/bin/dask scheduler --host 127.0.0.1 --port $(PORT) --scheduler-file $$file & scheduler=$$!; \
	until [ -s $$file ]; do kill -0 $$scheduler || exit 1; sleep 0.2; done; rm -f $$file; \
	for _ in $$(seq $(WORKERS)); do \
		$(VENV)/bin/dask worker tcp://127.0.0.1:$(PORT) --host 127.0.0.1 --nthreads 1 & \
	done; \
	echo "The cluster is at tcp://127.0.0.1:$(PORT), with $(WORKERS) workers. In another shell:"; \
	echo "  export GPUPIPE_CLUSTER=tcp://127.0.0.1:$(PORT); $(VENV)/bin/gpupipe submit FILE"; \
	wait $$scheduler

test: $(VENV)/.developed ## Run the tests and doctests, in JOBS=2 processes
	$(VENV)/bin/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(PYTEST)

# The oldest versions, on the oldest Python. CI has no time for both ends: who moves a bound, or what reads Polars' and narwhals' trees, runs it.
$(OLDEST)/.installed: pyproject.toml constraints-oldest.txt
	@$(OLDEST_PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null || { \
		echo "make test-oldest needs Python 3.11, the oldest one: make test-oldest OLDEST_PYTHON=/path/to/python3.11" >&2; exit 2; }
	@[ -x $(OLDEST)/bin/python ] || $(OLDEST_PYTHON) -m venv $(OLDEST)
	@echo "Installing gpupipe and the oldest versions it takes into $(OLDEST)"
	@$(OLDEST)/bin/python -m pip --disable-pip-version-check --quiet install -c constraints-oldest.txt -e '.[cpu,dask,deep,graph,sql,dev]'
	@touch $@

test-oldest: $(OLDEST)/.installed ## Run the tests with the oldest versions that gpupipe takes, PYTEST="tests/core ..." some of them
	$(OLDEST)/bin/python -m pytest -n $(JOBS) --dist loadfile $(PYTEST)

lint: $(VENV)/.developed ## Check the code's form
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

format: $(VENV)/.developed ## Bring the code into form
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

types: $(VENV)/.developed ## Check the types
	$(VENV)/bin/mypy

faults: $(VENV)/.developed ## Do a Dask cluster every harm there is a test for, REPEAT=1 times over; some of it needs root
	@passed=0; for number in $$(seq $(REPEAT)); do \
		echo "== faults, $$number of $(REPEAT)"; \
		if $(VENV)/bin/python -m pytest tests/engines/dask/faults -m "" -q $(PYTEST); then passed=$$((passed + 1)); fi; \
	done; echo "the suite of faults passed $$passed times of $(REPEAT)"; [ $$passed -eq $(REPEAT) ]

# Everything here is new each time: what is found says how it is seen again (a script, a seed, an example).
fuzz: $(VENV)/.developed ## Run CASES=5000 random pipelines against DuckDB, load COUNT=10000 mutated files, try fresh examples of all properties
	$(VENV)/bin/python -m tests.fuzz --cases $(CASES)
	@echo "mutations of SEED=$(SEED)"
	GPUPIPE_FUZZ_COUNT=$(COUNT) GPUPIPE_FUZZ_SEED=$(SEED) $(VENV)/bin/python -m pytest tests/fuzz -m fuzz -q $(PYTEST)
	GPUPIPE_EXAMPLES=fresh $(VENV)/bin/python -m pytest -m "hypothesis and not slow" -n $(JOBS) --dist loadfile -q $(PYTEST)

# What a user would install, from nothing: built, looked at, installed into an environment of its own, and used away from the clone.
dist: $(VENV)/.made ## Build the wheel and the source archive, check both, see what lacks without extras, run the docs' first pipeline
	@rm -rf dist $(DIST)
	@python=$(abspath $(VENV)/bin/python); $$python -m venv $(DIST)/build; $$python -m venv $(DIST)/user
	@$(DIST)/build/bin/python -m pip --disable-pip-version-check --quiet install build twine
	$(DIST)/build/bin/python -m build --quiet --outdir dist .
	$(DIST)/build/bin/twine check --strict dist/*
	$(DIST)/user/bin/python .ci/check_dist.py contents dist
	@$(DIST)/user/bin/python -m pip --disable-pip-version-check --quiet install -c constraints.txt "$$(echo dist/gpupipe-*.whl)"
	$(DIST)/user/bin/python .ci/check_dist.py lacks cpu graph deep sql dask xarray
	@$(DIST)/user/bin/python -m pip --disable-pip-version-check --quiet install -c constraints.txt "$$(echo dist/gpupipe-*.whl)[cpu]"
	$(DIST)/user/bin/python .ci/check_dist.py lacks tune
	$(DIST)/user/bin/python .ci/check_dist.py first docs/first-pipeline.md

# Serve it to have its search: python -m http.server -d site. Links that lead nowhere end the build.
site: $(VENV)/.made ## Build the documentation as a site in site/, which fetches nothing
	@[ -x $(SITE)/bin/mkdocs ] || { $(VENV)/bin/python -m venv $(SITE) && \
		$(SITE)/bin/python -m pip --disable-pip-version-check --quiet install 'mkdocs-material>=9.8,<10' 'mkdocstrings-python>=2,<3'; }
	NO_MKDOCS_2_WARNING=1 $(SITE)/bin/mkdocs build --strict  # not --quiet, which would let warnings pass
	@! grep -rhoE '<(script|link|img)[^>]*(src|href)="?https?://[^" >]*' site --include=*.html || { echo "the site fetches these" >&2; exit 1; }

# A kernel and what drives it are 30 packages that nothing else needs, so they have an environment of their own, beside gpupipe's.
notebooks: $(VENV)/.developed ## Execute the notebooks of the docs anew, in a kernel
	@[ -x $(NOTEBOOKS)/bin/jupyter ] || { $(VENV)/bin/python -m venv $(NOTEBOOKS) && \
		$(NOTEBOOKS)/bin/python -m pip --disable-pip-version-check --quiet install 'nbclient>=0.11,<1' 'ipykernel>=7,<8' && \
		$(VENV)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' \
			> "$$($(NOTEBOOKS)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/gpupipe.pth"; }
	PYTHONPATH=$(CURDIR) $(NOTEBOOKS)/bin/python .ci/notebooks.py

gallery: $(VENV)/.developed ## Run the pipelines of the gallery, and draw them
	$(VENV)/bin/python .ci/gallery.py

# What holds pages to WCAG: MPL-2.0, so it is not in this repository.
axe: ## Fetch axe-core, with which a test looks at the report (needs npm)
	npm install --prefix .axe --no-save --no-audit --no-fund --silent axe-core@4.14.1

# RAPIDS is 5.8 GB, so it has an environment of its own; constraints-gpu.txt is of Python 3.12. No device is needed.
$(CONTRACT)/.installed: pyproject.toml constraints-gpu.txt
	@$(CONTRACT_PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 12))' 2>/dev/null || { \
		echo "make contract needs Python 3.12, for which constraints-gpu.txt is: make contract CONTRACT_PYTHON=/path/to/python3.12" >&2; exit 2; }
	@[ -x $(CONTRACT)/bin/python ] || $(CONTRACT_PYTHON) -m venv $(CONTRACT)
	@echo "Installing RAPIDS into $(CONTRACT): about 5.8 GB"
	@$(CONTRACT)/bin/python -m pip --disable-pip-version-check --quiet install -c constraints-gpu.txt -e '.[cu13]' hypothesis mypy pytest
	@touch $@

contract: $(CONTRACT)/.installed ## Hold the GPU engine against the real RAPIDS: every call's signature, and the types
	RAPIDS_NO_INITIALIZE=1 $(CONTRACT)/bin/python -m pytest -W default tests/contract tests/engines/cudf tests/engines/dask_cuda
	$(CONTRACT)/bin/mypy --config-file tests/contract/mypy.ini

bench: $(VENV)/.installed ## Measure the mortgage ETL against hand-written pandas and Polars
	$(VENV)/bin/python -m bench.run mortgage-etl $(BENCH)

clean: ## Remove the environment, the demo, and what tools left
	rm -rf $(VENV) $(CONTRACT) $(DIST) $(OLDEST) $(SITE) $(DEMO) build dist site .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
