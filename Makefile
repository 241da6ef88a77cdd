# `make demo` and `make test` are each enough on a fresh machine with Python 3.10+, make and pip.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
export SDL_VIDEODRIVER ?= dummy
export PYGAME_HIDE_SUPPORT_PROMPT = 1

.PHONY: install demo test web lint types clean

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

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install
	$(BIN)/python tests/check_types.py

clean:
	rm -rf $(VENV) build dist *.egg-info web/dist web/node_modules web/public
