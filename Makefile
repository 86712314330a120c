# The two commands: `make demo` runs the main job, `make test` passes the tests. Both need Python 3.11+ and the package registries.
SHELL := /bin/bash
TOOLS := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/handrail/uv
UV := $(or $(shell command -v uv),$(TOOLS)/bin/uv)
RUN := $(UV) run --locked
# a uv that was fetched here is there for the tests as well
export PATH := $(PATH):$(TOOLS)/bin
export PULUMI_CONFIG_PASSPHRASE ?=

# the pictures of the site are taken in a browser: Debian's, where there is none
BROWSER := $(if $(shell command -v chromium || command -v chromium-browser || command -v google-chrome),,/usr/bin/chromium)

.PHONY: demo test check unit e2e fuzz generate docs audit golden bench

demo: .venv/ready
	@$(RUN) python stacks/acme/demo.py

test: check unit e2e

check: .venv/ready
	$(RUN) ruff check
	$(RUN) ruff format --check
	$(RUN) lint-imports
	$(RUN) mypy
	$(RUN) pyright
	$(RUN) python -m handrail.components._codegen --check
	$(RUN) python docs/_generate.py --check

unit: .venv/ready
	$(RUN) pytest -n 2 tests/unit

e2e: .venv/ready $(BROWSER)
	$(RUN) handrail engine install --yaml --oasdiff
	$(RUN) pytest -n 2 tests/e2e

# long runs of what `make test` does in short: HANDRAIL_KILLS, HANDRAIL_EXAMPLES, HANDRAIL_SEED
fuzz: .venv/ready
	$(RUN) handrail engine install
	$(RUN) pytest -s tests/fuzz

generate: .venv/ready
	$(RUN) python -m handrail.components._codegen
	$(RUN) python docs/_generate.py
	$(RUN) python tests/unit/test_docs.py --write

audit: $(UV)
	$(UV) audit --locked

docs: .venv/ready
	$(RUN) mkdocs build --strict

golden: .venv/ready
	$(RUN) pytest tests/unit --snapshot-update

bench: .venv/ready
	$(RUN) handrail engine install
	$(RUN) python bench/spine.py
	$(RUN) python bench/fleet.py
	$(RUN) python bench/cluster.py
	$(RUN) python bench/standards.py
	$(RUN) python bench/preview.py

.venv/ready: pyproject.toml uv.lock | $(UV)
	$(UV) sync --locked
	@touch $@

/usr/bin/chromium:
	apt-get update -qq && apt-get install -yqq --no-install-recommends chromium

$(TOOLS)/bin/uv:
	python3 -m venv $(TOOLS)
	$(TOOLS)/bin/pip install --quiet uv
