# make demo   sets everything up, runs one backtest end to end and prints the result
# make up     serves the platform until Ctrl-C
# make test   sets everything up and runs all tests
.DEFAULT_GOAL := help
.PHONY: help demo up test lint fmt bench lock clean

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint requirements/lock.txt

help: ## show this list
	@grep -hE '^[a-z]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 8

.venv/created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Botyard needs Python 3.11 or newer")'
	$(PYTHON) -m venv .venv
	@touch $@

.venv/base: .venv/created requirements/base.txt requirements/lock.txt
	@echo "Installing the platform (first time only) ..."
	$(PIP) --requirement requirements/base.txt
	@echo "Compiling the engine (first time only) ..."
	$(BIN)/python -m analysis.engine.warm_up
	@touch $@

.venv/dev: .venv/base requirements/dev.txt
	@echo "Installing the development tools (first time only) ..."
	$(PIP) --requirement requirements/dev.txt
	@touch $@

demo: .venv/base ## set up, run a backtest through the REST API, print the result
	$(BIN)/python manage.py demo

up: .venv/base ## serve the platform until Ctrl-C
	$(BIN)/python manage.py up

test: .venv/dev ## set up and run all tests (ARGS="-k name" for some)
	$(BIN)/python manage.py test $(ARGS)

lint: .venv/dev ## style, types, architecture, deployment checks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python manage.py makemigrations --check --dry-run

fmt: .venv/dev ## format the code
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

bench: .venv/dev ## measure beside other engines (ARGS="--years 10", see benchmarks/README.md)
	$(BIN)/python -m benchmarks.run $(ARGS)

lock: .venv/created ## choose the newest versions that fit requirements/*.txt
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --universal --python-version 3.11 --upgrade --no-header \
	    requirements/dev.txt requirements/windows.txt --output-file requirements/lock.txt
	sed -i '1i # Versions tested together, for every Python from 3.11 on: `make lock` writes this file.' requirements/lock.txt

clean: ## remove the virtual environment and everything the platform wrote
	rm -rf .venv var
