# Every target sets up what it needs. `make help` is made of the comments behind the targets.

SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
PIP := "$(BIN)/python" -m pip --quiet --disable-pip-version-check install
PLATFORMS := Linux with glibc on x86_64 or aarch64, macOS on Apple silicon
# The suite runs in as many processes as this; plain `pytest` runs in one.
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help setup demo demo-reset test fuzz lint routes bench night faults lock

help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

setup: .venv/ready ## Make .venv from the lock file, with the `backoffice` command in it

.venv/ready: requirements.lock pyproject.toml
	@case "$$(uname -s) $$(uname -m)" in \
	  "Linux x86_64" | "Linux aarch64" | "Darwin arm64") ! ldd --version 2>&1 | grep -qi musl ;; \
	  *) false ;; \
	esac || { echo "This platform is not supported; these are: $(PLATFORMS)." >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	  || { echo "Python 3.11 or newer is needed; '$(PYTHON)' is not (choose one: make setup PYTHON=python3.12)." >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null \
	  || { echo "'$(PYTHON)' cannot make virtual environments: install its venv module (Debian, Ubuntu: python3-venv)." >&2; exit 1; }
	@test -w . || { echo "$(CURDIR) cannot be written to." >&2; exit 1; }
	@rm -f .venv/ready
	"$(PYTHON)" -m venv .venv
	@# The builder first and from the lock too, so that nothing is fetched that is not pinned.
	@awk '/^setuptools==/ { on = 1 } on { print; if (!/\\$$/) exit }' requirements.lock >.venv/builder.lock
	$(PIP) --require-hashes -r .venv/builder.lock
	$(PIP) --require-hashes --no-build-isolation --use-pep517 -r requirements.lock
	$(PIP) --no-index --no-deps --no-build-isolation --editable .
	@touch .venv/ready

demo: setup ## Start everything on http://localhost:8000, with a Xero to play with on port 8001
	@exec "$(BIN)/backoffice" demo --end-with-parent

demo-reset: setup ## Forget the demo's data
	@"$(BIN)/backoffice" demo --reset

test: setup ## Run the whole suite on SQLite and PostgreSQL
	@# Empty: what was compiled is kept, since the suite starts some hundred processes.
	PYTHONDONTWRITEBYTECODE= "$(BIN)/python" -m pytest --numprocesses=$(WORKERS) --dist=worksteal $(SELECT)

fuzz: setup ## Attack every form, import, webhook and sign-in with bent input, and print how often (TIMES=10)
	FUZZ_TIMES=$(or $(TIMES),10) "$(BIN)/python" -m pytest tests/hostile --deselect tests/hostile/test_their_rows.py

lint: setup ## Check style, types and layers
	"$(BIN)/ruff" check .
	"$(BIN)/ruff" format --check .
	"$(BIN)/mypy"
	"$(BIN)/lint-imports"

routes: setup ## Write docs/routes.md: every address, and which role may ask it what
	@mkdir -p docs
	DATA_DIR=.venv/data "$(BIN)/backoffice" routes >docs/routes.md

bench: setup ## Measure at full size: calls, rows lost, time as a multiple of only reading (SEEDS=100)
	"$(BIN)/python" -m tests.benchmarks.bench --seeds $(or $(SEEDS),100)
	"$(BIN)/python" -m tests.benchmarks.webhooks

night: setup ## Let a thousand companies pass one simulated night, and print what came of it (COMPANIES=1000)
	"$(BIN)/python" -m tests.benchmarks.night --companies $(or $(COMPANIES),1000)

faults: setup ## Break everything that can break, hundreds of times, and print what was lost or doubled (SEED=1)
	@# Empty: what was compiled is kept, since it starts some hundred processes.
	PYTHONDONTWRITEBYTECODE= "$(BIN)/python" -m tests.faults --seed $(or $(SEED),1)

lock: setup ## Pin every dependency anew, with hashes; the lock names no registry host
	"$(BIN)/uv" pip compile pyproject.toml --universal --python-version 3.11 --all-extras --generate-hashes \
	  --no-config --no-header --no-annotate --upgrade --quiet --output-file requirements.lock
