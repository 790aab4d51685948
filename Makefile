# Every target sets itself up: a machine with Python 3.11+, Node, and apt (as root) or a browser is enough.
SHELL := /bin/bash
# The first that runs and is new enough: a version manager's name for a Python can be there without one.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
  $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && command -v $$python && break; done)
VENV := .venv
BIN := $(VENV)/bin
BUNDLE := src/ipyveo/widgets/static/widget.js
# Each names the packages of one kind of kernel that people have, and gets an environment of its own.
KERNELS := $(patsubst tests/kernels/%.txt,build/kernels/%/.ready,$(wildcard tests/kernels/*.txt))
PAGE := tests/widgets
# Some of the page's files go with the runs: so each part takes about as long.
RUNS := tests/api tests/generations tests/test_notebooks.py \
  $(addprefix tests/widgets/test_,accessibility.py framing_in_jupyterlab.py history.py left_behind.py \
  left_behind_in_jupyterlab.py studio.py)
# Nobody pays by trying: neither the demo nor a test sees a key.
FREE := env -u GENAIPRO_API_KEY -u GENAIPRO_BASE_URL

.PHONY: help demo test soak bench wheel lint screenshots clean
help:
	@echo "make demo         a video from the command line, then JupyterLab on the quickstart notebook"
	@echo "make test         every claim once, in about a quarter of an hour"
	@echo "make soak         every claim at length"
	@echo "make bench        speed and size, beside named baselines"
	@echo "make wheel        build dist/*.whl"
	@echo "make screenshots  the widget's states, in both themes and three widths, and the README's picture"

$(VENV)/.ready: pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later is needed."; exit 1; }
	@command -v npm >/dev/null || { [ "$$(id -u)" = 0 ] && apt-get update -qq && apt-get install -y -qq nodejs npm; } || { echo "Node.js is needed."; exit 1; }
	@test -x $(BIN)/python && $(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV) || { [ "$$(id -u)" = 0 ] && apt-get update -qq && apt-get install -y -qq python3-venv && $(PYTHON) -m venv --clear $(VENV); }
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@

# The page is never stale: its bundle is made again when a source is newer.
$(BUNDLE): $(VENV)/.ready $(shell find js -path js/node_modules -prune -o -type f -print)
	cd js && npm install --no-audit --no-fund --silent && npm run --silent build
	@touch $@

.PHONY: kernels
kernels: $(BUNDLE) $(KERNELS)

# They run the checkout, and its page is made above: installing must not make it again.
build/kernels/%/.ready: tests/kernels/%.txt pyproject.toml | $(VENV)/.ready
	$(BIN)/python -m venv --clear $(@D)
	SKIP_JUPYTER_BUILDER=1 $(@D)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $< --editable .
	$(@D)/bin/python -m pip check
	@touch $@

.PHONY: browser
browser:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null \
	  || { [ "$$(id -u)" = 0 ] && apt-get update -qq && apt-get install -y -qq chromium; } \
	  || { echo "A Chromium is needed: install one, or run this as root where apt can."; exit 1; }

demo: $(BUNDLE)
	$(FREE) $(BIN)/python -m ipyveo demo

lint: $(BUNDLE)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	cd js && npm run --silent check

test: lint browser kernels
	cd js && npm run --silent test
	$(FREE) $(BIN)/python -m pytest --doctest-modules src/ipyveo --ignore-glob='*/__main__.py'
	$(PARTS) CASES='-m "not soak"'

soak: lint browser kernels
	cd js && npm run --silent test
	$(FREE) $(BIN)/python -m pytest --doctest-modules src/ipyveo --ignore-glob='*/__main__.py'
	$(PARTS) CASES=

# Most tests wait, for a browser, a stream, a kernel: side by side they take hardly more than the longest part.
PARTS := $(MAKE) --no-print-directory --output-sync=target -j 3 test-page test-runs test-ground
.PHONY: test-page test-runs test-ground
test-page:
	$(FREE) $(BIN)/python -m pytest $(CASES) $(PAGE) $(RUNS:%=--ignore=%)

test-runs:
	$(FREE) $(BIN)/python -m pytest $(CASES) $(RUNS)

test-ground:
	$(FREE) $(BIN)/python -m pytest $(CASES) tests $(PAGE:%=--ignore=%) $(RUNS:%=--ignore=%)

bench: $(BUNDLE) browser
	$(FREE) $(BIN)/python tests/bench

screenshots: $(BUNDLE) browser
	$(FREE) $(BIN)/python tests/screenshots

wheel: $(VENV)/.ready
	$(BIN)/python -m build --wheel

clean:
	rm -rf $(VENV) dist build js/node_modules src/ipyveo/widgets/static
