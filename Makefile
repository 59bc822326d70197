# Needs make, git and Python 3.11, 3.12 or 3.13. Everything else is installed into .venv from the locks in requirements/.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin

CODE   := libs services tests bench examples docs

# Empty when PYTHON cannot be run; the rule that makes $(VENV) then says what to do.
PY_VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)

# Stamps carry the Python version, so choosing another PYTHON makes the environment anew instead of testing the old one.
# The development lock is a superset of the run lock: installing it satisfies both.
MADE := $(VENV)/.made-$(PY_VERSION)
RUN  := $(VENV)/.run-$(PY_VERSION)
DEV  := $(VENV)/.dev-$(PY_VERSION)

# uv, itself installed from a hashed lock, fills the environment several times faster than pip. Where pip has been
# pointed at a mirror uv would not know of it, so pip does the work there, and also wherever uv fails.
define install
@if $(BIN)/python -m pip config list 2>/dev/null | grep -q '[.]index-url='; then \
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r $(1) && \
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .; \
else \
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/uv.txt && \
	$(BIN)/uv pip install -q --python $(BIN)/python --require-hashes -r $(1) && \
	$(BIN)/uv pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e . || { \
		echo "    uv could not do it here; trying pip: about 30 s"; \
		$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r $(1) && \
		$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .; \
	} \
fi
endef

.DEFAULT_GOAL := help
.PHONY: help run test lint format types bench bench-review eval-security eval-review scale chaos chaos-github schema lock clean

help: ## show this menu
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

run: $(RUN) ## review the example change (installs what it needs first)
	@echo "==> quorate review --patch examples/change.patch --fail-on never"
	@$(BIN)/quorate review --patch examples/change.patch --fail-on never

test: lint ## lint, then all tests; PYTEST_ARGS="-k name" narrows it
	@echo "==> Tests, as many at once as there are cores"
	@$(BIN)/python -m pytest -n auto --dist loadfile $(PYTEST_ARGS)

lint: $(DEV) ## ruff, format check, mypy --strict and the import contracts
	@echo "==> Lint: ruff, then mypy (up to half a minute the first time), then the import contracts"
	@$(BIN)/ruff check $(CODE)
	@$(BIN)/ruff format --check $(CODE)
	@$(BIN)/mypy --strict
	@$(BIN)/lint-imports

format: $(DEV) ## rewrite the code in the project's format
	@$(BIN)/ruff check --fix-only $(CODE)
	@$(BIN)/ruff format $(CODE)

types: $(DEV) ## mypy --strict alone
	@$(BIN)/mypy --strict

bench: $(DEV) ## platform overhead against raw nats-py, measured in one run
	@$(BIN)/python -m bench.overhead $(BENCH_ARGS)

chaos: $(DEV) ## kill processes at random and count what is lost: TASKS= KILLS= SEED=
	@$(BIN)/python -m bench.chaos $(if $(TASKS),--tasks $(TASKS)) $(if $(KILLS),--kills $(KILLS)) $(if $(SEED),--seed $(SEED))

chaos-github: $(DEV) ## the same for pull requests, on a double of GitHub: PULLS= KILLS= SEED=
	@$(BIN)/python -m bench.chaos_github $(if $(PULLS),--pulls $(PULLS)) $(if $(KILLS),--kills $(KILLS)) \
		$(if $(SEED),--seed $(SEED))

bench-review: $(DEV) ## what a review costs against the same tools by hand: BENCH_ARGS="--sizes 1,100"
	@$(BIN)/python -m bench.review $(BENCH_ARGS)

eval-security: $(DEV) ## precision and recall of the security agents on labelled files: DIR=
	@$(BIN)/python -m bench.security $(or $(DIR),bench/security_cases/held) $(EVAL_ARGS)

eval-review: $(DEV) ## deduplication and consensus on labelled findings of review tools: DATA=
	@$(BIN)/python -m bench.reviews $(DATA) $(EVAL_ARGS)

scale: $(DEV) ## what partitions and collectors give: BENCH_ARGS="--partitions 1,16"
	@$(BIN)/python -m bench.scale $(BENCH_ARGS)

schema: $(RUN) ## write the message schemas to docs/reference/schema
	@$(BIN)/python -m quorate.contract.schema

UV_COMPILE = UV_CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/uv pip compile -q --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-annotate $(if $(UPGRADE),--upgrade)

# The run lock is constrained by the development lock, so that one environment can hold both.
lock: $(MADE) ## resolve requirements/*.txt again; UPGRADE=1 moves to the newest versions
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@echo "==> Resolving the locks: about 10 s"
	@echo "uv" | $(UV_COMPILE) - -o requirements/uv.txt
	@$(UV_COMPILE) pyproject.toml --group build --extra router --extra worker --extra collector --extra analyzers \
		--extra memory --extra gateway --extra testing --extra dev -o requirements/dev.txt
	@$(UV_COMPILE) pyproject.toml --group build --extra router --extra worker --extra collector --extra analyzers \
		--extra gateway -c requirements/dev.txt -o requirements/run.txt

clean: ## remove the environment, caches and built files (never .quorate, which holds data)
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find libs services tests bench -name __pycache__ -type d -prune -exec rm -rf {} +

$(MADE):
	@case "$(PY_VERSION)" in \
	3.11|3.12|3.13) ;; \
	*) \
		echo "Quorate needs Python 3.11, 3.12 or 3.13, and '$(PYTHON)' is $(if $(PY_VERSION),$(PY_VERSION),not a Python that runs)." >&2; \
		for v in 3.13 3.12 3.11; do \
			if python$$v -c '' 2>/dev/null; then \
				echo "python$$v is here. Run: make $(or $(firstword $(MAKECMDGOALS)),run) PYTHON=python$$v" >&2; exit 1; \
			fi; \
		done; \
		echo "Install one of them, then run: make $(or $(firstword $(MAKECMDGOALS)),run) PYTHON=python3.12" >&2; exit 1;; \
	esac
	@if ! $(BIN)/python -c 'import pip, sys; sys.exit("%d.%d" % sys.version_info[:2] != "$(PY_VERSION)")' 2>/dev/null; then \
		echo "==> Making $(VENV) with Python $(PY_VERSION): about 5 s"; \
		$(PYTHON) -m venv --clear $(VENV) || { \
			echo "Making the environment failed. On Debian and Ubuntu: apt install python$(PY_VERSION)-venv, then try again." >&2; \
			exit 1; }; \
	fi
	@touch $@

$(RUN): requirements/run.txt requirements/uv.txt pyproject.toml | $(MADE)
	@echo "==> Installing what running needs: about 10 s, up to a minute on a slow line"
	$(call install,requirements/run.txt)
	@touch $@

$(DEV): requirements/dev.txt requirements/uv.txt pyproject.toml | $(MADE)
	@echo "==> Installing what testing needs: about 15 s, up to a minute on a slow line"
	$(call install,requirements/dev.txt)
	@touch $@ $(RUN)
