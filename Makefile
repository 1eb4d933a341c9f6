# `make` lists the targets. No Docker and no root needed: Python 3.11 to 3.14 with venv, git, make.
PYTHON ?= python3
# What a machine may keep for the tests beside the checkout. Nothing needs it: the tests that use it are skipped without.
DW_TEST_SHARED ?= ../shared
# Real responses of the services.
RECORDED_API_DIR ?= $(abspath $(wildcard $(DW_TEST_SHARED)/recorded))
export RECORDED_API_DIR
ifeq ($(RECORDED_API_DIR),)
unexport RECORDED_API_DIR
endif
# Inputs that went wrong once.
CASES_DIR ?= $(abspath $(wildcard $(DW_TEST_SHARED)/cases))
export CASES_DIR
ifeq ($(CASES_DIR),)
unexport CASES_DIR
endif

# Where the shell turns the cache of compiled modules off, each process would compile Airflow's thousand modules again.
export PYTHONDONTWRITEBYTECODE :=

RUN := .venv/bin/python
FAST := $(wildcard tests/unit tests/dags tests/sandbox)
SLOW := $(wildcard tests/local tests/warehouse tests/e2e)
DOCKER := $(wildcard tests/compose tests/bare)
CODE := $(wildcard dags plugins include config deploy local sandbox tests)

# The tests of a running stack mostly wait, so two of them fit on two cores. What T names is run by one: its output comes as it goes.
WORKERS ?= $(if $(T),1,2)
SIDE_BY_SIDE = $(if $(filter-out 1,$(WORKERS)),-n $(WORKERS) --dist loadgroup --no-loadscope-reorder)

# Histories that `make model` plays of each source.
SEEDS ?= 20

.DEFAULT_GOAL := help
.PHONY: help install demo up down clean status doctor replay gaps locks secrets citus test test-fast model bench screenshot lint format requirements

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: install ## start everything, load the last 7 days, show the marts and the web address
	@$(RUN) -m local demo

up: install ## start PostgreSQL, the warehouse and Airflow; a second call restarts only what changed
	@$(RUN) -m local up

down: ## stop what this checkout started; the data stays
	@if [ -e .local/supervisord.conf ]; \
	then $(PYTHON) local/install.py && $(RUN) -m local down; else echo "Nothing of this checkout is running."; fi

status: ## show what runs; fails when not all of it does
	@if [ -e .venv/.installed ]; then $(RUN) -m local status; else echo "Not installed: make up"; exit 1; fi

replay: ## rebuild core from the stored responses: make replay ARGS="weather -s 2026-10-01 -e 2026-10-31"
	@if [ -e .local/env ]; then . .local/env && airflow dags replay $(ARGS); else echo "Not set up: make up"; exit 2; fi

gaps: ## list what is missing or failed since DW_START_DATE and what fills it; fails when there is any
	@if [ -e .local/env ]; then . .local/env && $(RUN) -m include gaps; else echo "Not set up: make up"; exit 2; fi

doctor: ## check everything: a line each, with the command that mends it; fails when something is wrong
	@if [ -e .local/env ]; then . .local/env && $(RUN) -m include doctor $(ARGS); else echo "Not set up: make up"; exit 2; fi

locks: ## show who waits for a lock of whom and what ends it; fails when anybody does
	@if [ -e .local/env ]; then . .local/env && $(RUN) -m include locks; else echo "Not set up: make up"; exit 2; fi

clean: down ## stop, then remove .venv and .local with all data
	@rm -rf .venv .local

test: install ## all tests, by two workers side by side; some, by one: make test T=tests/unit/test_windows.py
	@$(RUN) -m pytest $(SIDE_BY_SIDE) $(or $(T),$(FAST) $(SLOW) $(DOCKER))

test-fast: install ## the tests that start neither PostgreSQL nor Airflow
	@$(RUN) -m pytest $(FAST)

model: install ## play random histories of loads against an oracle: make model SEEDS=200, or one again: make model SEED=123456
	@DW_TEST_SEEDS=$(SEEDS) DW_TEST_SEED=$(SEED) $(RUN) -m pytest -q --show-capture=no --tb=short $(if $(SEED),,-x) tests/warehouse/test_model.py

bench: install ## measure docs/benchmarks.md anew, some 20 minutes; or a part of it: make bench B="warehouse"
	@$(RUN) -m tests.bench $(B)

screenshot: install ## take the picture of the README anew, of what `make demo` has started (needs Chromium)
	@$(RUN) -m tests.e2e.screenshot

secrets: ## write .env.secrets for the compose stack: a random value for every secret of .env
	@$(PYTHON) deploy/make_secrets.py

citus: install ## distribute the weather over a Citus cluster, whose servers WAREHOUSE_ADMIN_URL and DW_CITUS_WORKERS name (docs/deploy.md)
	@$(RUN) -m deploy.citus.distribute

lint: install ## ruff, sqlfluff, mypy
	$(RUN) -m ruff check $(CODE)
	$(RUN) -m ruff format --check $(CODE)
	$(RUN) -m sqlfluff lint sql deploy/citus
	$(RUN) -m mypy $(CODE)

format: install ## let ruff format the code
	$(RUN) -m ruff check --fix $(CODE)
	$(RUN) -m ruff format $(CODE)

install: ## create or complete .venv (every target that needs it does so)
	@$(PYTHON) local/install.py

requirements: install ## compile all requirement files anew, as of Airflow's release
	$(RUN) -m uv pip compile -q requirements.in --exclude-newer 2026-09-18 --python-version 3.11 --universal --no-emit-index-url \
	  --no-emit-find-links --custom-compile-command "make requirements" -o requirements.txt
	$(RUN) -m uv pip compile -q requirements-local.in -c requirements.txt --exclude-newer 2026-09-18 --python-version 3.11 \
	  --universal --no-emit-index-url --no-emit-find-links --custom-compile-command "make requirements" -o requirements-local.txt
	$(RUN) -m uv pip compile -q requirements-bench.in --exclude-newer 2026-09-18 --python-version 3.11 --universal \
	  --no-emit-index-url --no-emit-find-links --custom-compile-command "make requirements" -o requirements-bench.txt
