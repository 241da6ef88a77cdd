# `make demo` and `make test` are each enough on a fresh machine with Python 3.10+, make and pip.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
export SDL_VIDEODRIVER ?= dummy
export PYGAME_HIDE_SUPPORT_PROMPT = 1

# Releases that `make test-matrix` runs the environments' tests on, each in its own venv.
MATRIX := oldest newest
PINS_oldest := "gymnasium==1.1.*" "numpy==1.26.*"
PINS_newest := gymnasium numpy
MATRIX_TESTS := tests/envs tests/puzzles tests/data tests/hrm_gym tests/test_layout.py

.PHONY: install demo test test-matrix web lint types clean

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml setup.py constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[test]"
	touch $@

demo: install
	$(BIN)/python scripts/demo.py

test: lint types
	$(BIN)/python -m pytest

web: install
	$(BIN)/python scripts/build_web.py --serve

test-matrix: $(MATRIX:%=test-%)

test-%: $(VENV)-%/.installed
	$(VENV)-$*/bin/python -m pip list --disable-pip-version-check | grep -E "^(gymnasium|numpy|numba|stable|pygame)"
	$(VENV)-$*/bin/python -m pytest $(MATRIX_TESTS)

# torch alone is pinned as in constraints.txt: everything else is what pip finds newest.
$(VENV)-%/.installed: pyproject.toml setup.py constraints.txt Makefile
	$(PYTHON) -m venv $(VENV)-$*
	grep ^torch== constraints.txt > $(VENV)-$*/constraints.txt
	$(VENV)-$*/bin/python -m pip install --quiet --upgrade -c $(VENV)-$*/constraints.txt \
		-e ".[test]" $(PINS_$*)
	touch $@

.PRECIOUS: $(VENV)-%/.installed

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install
	$(BIN)/python tests/check_types.py

clean:
	rm -rf $(VENV) $(VENV)-* build dist *.egg-info web/dist web/node_modules web/public
