# Two commands for a newcomer: `make demo` and `make test`. Both set up everything they need in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed-

# The Pythons that are here, for the wheel.
PYTHONS ?= $(foreach version,3.11 3.12 3.13 3.14,$(if $(shell python$(version) -V 2>/dev/null),python$(version)))
SUITE ?= -m "not wire and not browser"
# A file's tests share servers, so they stay in one process.
PARALLEL := --numprocesses auto --maxprocesses 4 --dist loadfile

.PHONY: demo dist test test-floor test-wheel test-pythons soak check bench docs docs-serve format clean

demo: $(STAMP)demo  ## the gallery: every class, its code, its bytes on the wire, in a browser
	$(BIN)/python -m demo

test: $(STAMP)dev  ## the whole test suite
	$(BIN)/python -m pytest $(PARALLEL) --cov

test-floor: $(VENV)-floor/.installed  ## the suite on the oldest dependencies that pyproject.toml admits
	$(VENV)-floor/bin/python -m pytest $(PARALLEL) $(SUITE)

test-wheel: dist  ## the wheel as it is installed, with nothing that it does not need; what needs more is skipped
	rm -rf $(VENV)-wheel && $(PYTHON) -m venv $(VENV)-wheel
	$(VENV)-wheel/bin/python -m pip install --quiet --disable-pip-version-check dist/*.whl \
	  blockbuster hypothesis pytest pytest-timeout pytest-xdist trio
	$(VENV)-wheel/bin/python -m pytest $(PARALLEL) $(SUITE)

test-pythons: dist  ## the same wheel with everything, on each Python that is here
	for python in $(PYTHONS); do \
	  rm -rf $(VENV)-wheel-$$python && $$python -m venv $(VENV)-wheel-$$python && \
	  $(VENV)-wheel-$$python/bin/python -m pip install --quiet --disable-pip-version-check "$$(ls dist/*.whl)[dev]" && \
	  $(VENV)-wheel-$$python/bin/python -m pytest $(PARALLEL) $(SUITE) || exit 1; \
	done

dist: $(STAMP)dev
	rm -rf dist && $(BIN)/python -m build --wheel >/dev/null

soak: $(STAMP)dev  ## ten minutes of visitors that vanish: flat memory, descriptors, threads, tasks
	$(BIN)/python -m tests.wire.soak 600

check: $(STAMP)dev $(STAMP)bench  ## lint, format, types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/pyright --pythonpath $(BIN)/python

bench: $(STAMP)bench  ## this library beside its peers, in one run; tables go to bench/results/
	$(BIN)/python -m bench

docs: $(STAMP)docs  ## the site, into build/site; a link that leads nowhere fails
	$(BIN)/python -m docs

docs-serve: docs
	$(BIN)/rejoinder serve build/site

format: $(STAMP)dev
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

clean:
	rm -rf $(VENV) $(VENV)-* build dist .mypy_cache .ruff_cache .hypothesis .coverage

$(STAMP)%: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$*]'
	touch $@

$(VENV)-floor/.installed: pyproject.toml tests/floor.txt
	test -x $(VENV)-floor/bin/python || $(PYTHON) -m venv $(VENV)-floor
	$(VENV)-floor/bin/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(VENV)-floor/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]' --constraint tests/floor.txt
	touch $@
