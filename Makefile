# `make demo` and `make test` are each enough on a fresh machine with Python 3.10+, make and pip.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
export SDL_VIDEODRIVER ?= dummy
export PYGAME_HIDE_SUPPORT_PROMPT = 1

# What `make test-matrix` tests, each in its own venv: everything on the oldest Python and releases
# that are promised, and the environments on the newest Gymnasium and NumPy that pip finds.
MATRIX := oldest newest
PYTHON_oldest ?= python3.10
PYTHON_newest ?= $(PYTHON)
PINS_oldest := "torch==2.9.*" "gymnasium==1.1.*" "numpy==1.26.*"
PINS_newest := gymnasium numpy $(shell grep ^torch== constraints.txt)
TESTS_oldest := tests
TESTS_newest := tests/envs tests/puzzles tests/data tests/hrm_gym tests/test_layout.py

# `make test-libraries` runs the programs of docs/libraries.md with the newest releases of these.
PYTHON_libraries ?= $(PYTHON)
PINS_libraries := torchrl "minari[hdf5,create]" tianshou rl-zoo3 "ray[rllib]" nbclient ipykernel \
	$(shell grep ^torch== constraints.txt)
TESTS_libraries := -m libraries tests/libraries

# `make fuzz` feeds the readers of puzzles with damaged files for this time, guided by coverage.
PYTHON_fuzz ?= $(PYTHON)
PINS_fuzz := atheris $(shell grep ^torch== constraints.txt)
FUZZ_SECONDS ?= 600

.PHONY: install demo test test-matrix fuzz web docs docs-serve lint types release-check clean

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml setup.py constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[test]"
	touch $@

demo: install
	$(BIN)/python scripts/demo.py

test: lint types
	$(BIN)/python -m pytest -n auto --maxprocesses 4

web: install
	$(BIN)/python scripts/build_web.py --serve

# The documentation as a site, in site/. A broken link or another warning is an error.
docs: $(VENV)/.docs
	$(BIN)/python scripts/build_site.py

docs-serve: $(VENV)/.docs
	$(BIN)/python scripts/build_site.py --serve

$(VENV)/.docs: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[docs]"
	touch $@

test-matrix: $(MATRIX:%=test-%)

test-%: $(VENV)-%/.installed
	$(VENV)-$*/bin/python --version
	$(VENV)-$*/bin/python -m pip list --disable-pip-version-check | grep -E "^(torch|gymnasium|numpy|numba|stable|pygame)"
	$(VENV)-$*/bin/python -m pytest $(TESTS_$*)

fuzz: $(VENV)-fuzz/.installed
	PYTHONPATH=.:tests $(VENV)-fuzz/bin/python tests/fuzz_readers.py -max_total_time=$(FUZZ_SECONDS)

$(VENV)-%/.installed: pyproject.toml setup.py constraints.txt Makefile
	$(PYTHON_$*) -m venv $(VENV)-$*
	$(VENV)-$*/bin/python -m pip install --quiet --upgrade -e ".[test]" $(PINS_$*)
	touch $@

.PRECIOUS: $(VENV)-%/.installed

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install
	$(BIN)/python tests/check_types.py

# Builds the package and tries it in an empty virtual environment, for which it downloads PyTorch.
release-check: install
	$(BIN)/python -m pip install --quiet build twine
	$(BIN)/python tests/check_release.py

clean:
	rm -rf $(VENV) $(VENV)-* build dist site *.egg-info web/dist web/node_modules web/public
