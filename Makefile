# Every target sets itself up in .venv; a fresh machine needs Python 3.11+, make and PyPI, nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq

# Where Python keeps nothing of what it compiled, each command of the demo and the tests compiles all modules again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo check format clean lock
.PHONY: test test-full laws oracle
.PHONY: fuzz continuity chaos soak
.PHONY: bench bench-full bench-check
.PHONY: schemas docs site package

help: ## this list
	@awk -F ':.*## ' '/^[a-z -]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "iamsync needs Python 3.11 or newer as $(PYTHON), and this is: $$($(PYTHON) --version 2>&1)" >&2; \
	  echo "name another one: make PYTHON=python3.12 ..." >&2; exit 1; }
	@echo "setting up $(VENV) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) install --no-deps --require-hashes -r requirements-dev.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@$(BIN)/python -m pip --disable-pip-version-check check
	@touch $@

demo: $(READY) ## a tour on the embedded IAM: plan, apply, drift, back again or adopted; compared with what it must say
	@$(BIN)/python demo/run.py

test: $(READY) ## the tests, on all cores
	$(BIN)/pytest -n auto -m "not slow"

test-full: $(READY) ## the tests with the slow ones, all examples of the laws, and coverage of branches
	IAMSYNC_LAWS=full $(BIN)/pytest -n auto --cov --cov-report=term:skip-covered

laws: $(READY) ## the laws of every plan on twenty times the examples
	IAMSYNC_LAWS=full $(BIN)/pytest -n auto tests/laws

fuzz: $(READY) ## everything that is read, mutated: 10,000 inputs for each reader, and the worst that can be given
	$(BIN)/python -m tests.fuzz.run --count 10000
	$(BIN)/pytest -n auto tests/fuzz

continuity: $(READY) ## what stays allowed at every moment of an apply, over many generated plans, as a table
	$(BIN)/python -m tests.laws.continuity --plans 2000

oracle: $(READY) ## the evaluator against an independent one (node, npm): 200,000 cases
	$(BIN)/python -m tests.oracle.run --cases 200000

chaos: $(READY) ## every fault at three rates on twenty seeds and three plans, killed and interrupted runs; docs/reliability.md
	$(BIN)/python -m tests.chaos.grid
	IAMSYNC_LAWS=full $(BIN)/pytest -n auto tests/chaos tests/laws/test_crash.py tests/laws/test_crash_further.py tests/laws/test_rollback.py tests/keys/test_rotation.py

soak: $(READY) ## 500 cycles of plan and apply with somebody else at work in the account
	$(BIN)/python -m tests.chaos.soak

check: $(READY) ## format, lint, types, generated files
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python tools/generate.py --check

format: $(READY) ## write the code as ruff wants it
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

schemas docs: $(READY) ## write the generated files: schemas/, docs/reference/
	$(BIN)/python tools/generate.py $@

# WRITE=--write keeps the results and makes the tables of benchmarks/README.md of them.
bench: $(READY) ## what plans and applies of fleets of 50 and 200 roles cost, beside the floor and Terraform; every small target
	$(BIN)/python benchmarks/run.py $(WRITE)

bench-full: $(READY) ## the same for 1000 and 5000 roles and for a hundred accounts; slower, and 600 MB
	$(BIN)/python benchmarks/run.py $(WRITE) fleet-1000 terraform-1000 crowd throttle accounts terraform-apply-200

bench-check: $(READY) ## validate and a plan without changes against the committed baseline: reports, never fails
	$(BIN)/python benchmarks/decay.py

package: $(READY) ## dist/: wheel, source distribution and SBOM, each installed in an empty environment and tried
	$(BIN)/python tools/package.py

site: $(READY) ## the documentation as a site, in build/site
	@test -x $(VENV)/site/bin/sphinx-build || { $(PYTHON) -m venv $(VENV)/site && $(VENV)/site/bin/python -m pip \
	  --disable-pip-version-check -qq install $$($(BIN)/python tools/lock.py --group docs); }
	$(VENV)/site/bin/python tools/site.py

lock: ## write the locks anew, with hashes, from the newest versions pyproject.toml allows
	@$(PYTHON) tools/lock.py

clean: ## remove what these targets made
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage* htmlcov dist build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
