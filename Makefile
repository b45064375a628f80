# Everything happens in .venv. `make demo` and `make test` set it up themselves.
PYTHON ?= python3
VENV := .venv
AIN := $(VENV)/bin/ain
READY := $(VENV)/.ready
unexport PYTHONDONTWRITEBYTECODE # a library is compiled when it is first imported, which halves the set-up

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: $(READY)  ## the default experiment, offline: translate, verify, train, evaluate; then outputs/report/index.html
	$(AIN) run

test: $(READY)  ## the tests
	OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not slow and not gpu"

test-slow: $(READY)  ## the tests that take minutes, too
	$(VENV)/bin/python -m pytest

lint: $(READY)  ## ruff and mypy
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

format: $(READY)  ## put all files into shape
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

clean:  ## remove what was set up and all results, but not the answers that were paid for
	rm -rf $(VENV) build outputs/data outputs/runs outputs/report outputs/checkpoints *.egg-info

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "ain needs Python 3.11 or newer; run make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --no-compile torch uv -c constraints.txt
	$(VENV)/bin/uv pip install --quiet --python $(VENV)/bin/python -e ".[dev]" -c constraints.txt \
		|| $(VENV)/bin/python -m pip install --quiet --no-compile -e ".[dev]" -c constraints.txt # reads pip.conf, and is slower
	$(VENV)/bin/python -c 'import ain.stages.train, ain.stages.verify, ain.stages.predict, wandb' # compiles what runs import
	touch $(READY)

.PHONY: help demo test test-slow lint format clean
