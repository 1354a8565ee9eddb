# What there is to do here: `make` or `make help` lists it.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup setup-dev model browser node postgres demo serve test lint format docs bench bench-local bench-deepgram bench-leaks bench-unsure bench-store bench-relay bench-peers bench-together chaos soak lock upgrade clean

VENV ?= .venv
BIN := $(VENV)/bin
# Any Python from 3.11 on; say which one with `make setup PYTHON=/path/to/python`.
PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$name && break; done)
PIP := $(BIN)/python -m pip --disable-pip-version-check
# Not that of the environment, which speaks of messages: `make demo LANGUAGE=en`.
ifneq ($(origin LANGUAGE),command line)
LANGUAGE := fr
endif
ARGS ?=
# Three at a time, the slow files first: most tests wait for sockets at the pace of speech.
# `make test PARALLEL=` for one.
PARALLEL ?= -n 3 --dist loadfile --no-loadscope-reorder

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.runtime $(BIN)/callscribe model ## Make .venv with the command callscribe, fetch and check the model
	@echo "Ready: make demo shows a call, make serve starts the server, $(BIN)/callscribe does the rest."

setup-dev: $(VENV)/.dev $(BIN)/callscribe model ## The same with the tools for tests

$(BIN)/python:
	@if [ -z "$(PYTHON)" ]; then \
		echo "Callscribe needs Python 3.11 or later, and none was found here ($$(python3 --version 2>&1))." >&2; \
		echo "Install one and name it: make setup PYTHON=/path/to/python3.11" >&2; exit 1; fi
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "$(PYTHON) cannot make a virtual environment; on Debian: apt-get install python3-venv" >&2; \
		exit 1; }

$(VENV)/.runtime: requirements.txt | $(BIN)/python
	@echo "Installing what is locked in $< (half a minute)"
	@$(PIP) install -qq --require-hashes -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt | $(VENV)/.runtime
	@echo "Installing what is locked in $<"
	@$(PIP) install -qq --require-hashes -r requirements-dev.txt
	@touch $@

$(BIN)/callscribe: tools/install_command.py | $(VENV)/.runtime
	@$(BIN)/python $<

model: $(VENV)/.runtime
	@$(BIN)/python -m callscribe models fetch --quiet

# Tests marked "browser" drive Chromium. Without it they are skipped, and say so.
browser:
	@for name in chromium chromium-browser google-chrome; do \
		command -v $$name >/dev/null && exit 0; done; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get -qq update && DEBIAN_FRONTEND=noninteractive \
		apt-get -qq install -y --no-install-recommends chromium fonts-noto-color-emoji \
		>/dev/null && exit 0; fi; \
	echo "No Chromium here: tests that need it are skipped. On Debian: apt-get install chromium" >&2

# Tests with the JavaScript SDK run in Node. Without it they are skipped, and say so.
node:
	@command -v node >/dev/null && command -v npm >/dev/null && exit 0; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get -qq update && DEBIAN_FRONTEND=noninteractive \
		apt-get -qq install -y --no-install-recommends nodejs npm >/dev/null && exit 0; fi; \
	echo "No Node here: tests that need it are skipped. On Debian: apt-get install nodejs npm" >&2

# Tests of the store run in PostgreSQL too. Without it they are skipped, and say so.
postgres:
	@{ command -v initdb || ls /usr/lib/postgresql/*/bin/initdb; } >/dev/null 2>&1 && exit 0; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get -qq update && DEBIAN_FRONTEND=noninteractive \
		apt-get -qq install -y --no-install-recommends postgresql >/dev/null && exit 0; fi; \
	echo "No PostgreSQL here: tests that need it are skipped. On Debian: apt-get install postgresql" >&2

demo: setup ## Play a call through a real server and watch it being written down (LANGUAGE=en)
	$(BIN)/python -m callscribe demo --lang $(LANGUAGE) $(ARGS)

serve: setup ## Start the server on port 8000
	$(BIN)/python main.py $(ARGS)

test: setup-dev browser node postgres lint ## Everything that is checked: lint, types, tests
	$(BIN)/python -m pytest $(PARALLEL) $(ARGS)

lint: $(VENV)/.dev ## Style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.dev ## Put the style right
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/.dev ## Write the parts of docs/reference that come from the code
	$(BIN)/python tools/make_cli_reference.py

bench: bench-local bench-deepgram bench-leaks bench-unsure bench-store bench-relay bench-together ## All measurements

bench-local: setup-dev ## The local engine over the calls of CALLSCRIBE_CORPUS, else over the demo calls
	$(BIN)/python -m benchmarks.local_engine $(ARGS)

bench-deepgram: setup-dev ## Streaming against REST, and what the Deepgram client costs
	$(BIN)/python -m benchmarks.deepgram $(ARGS)

bench-leaks: setup-dev ## Speech that leaks into the other leg, and two who say the same: what is marked
	$(BIN)/python -m benchmarks.leaks $(ARGS)

bench-unsure: setup-dev ## Unsure finals heard again: how many words that mends and harms, by threshold
	$(BIN)/python -m benchmarks.second_hearing $(ARGS)

bench-store: setup-dev postgres ## How many finals a second the store keeps, and how soon, in both databases
	$(BIN)/python -m benchmarks.store $(ARGS)

bench-relay: setup-dev ## How many telephone legs one core carries, beside bare relays (ARGS=--plot)
	$(BIN)/python -m benchmarks.relay $(ARGS)

bench-peers: setup-dev ## The same beside pipecat and LiveKit's plugin, installed in data/peers
	$(BIN)/python -m benchmarks.relay.peers $(ARGS)

bench-together: setup-dev ## The local engine beside telephone legs that Deepgram hears, in one process
	$(BIN)/python -m benchmarks.together $(ARGS)

chaos: setup-dev ## Calls with faults on the way to Deepgram: words lost, doubled, late (ARGS=--whole)
	$(BIN)/python -m benchmarks.chaos $(ARGS)

soak: setup-dev ## 50 legs for 30 minutes, faults throughout: what grows, what is left, what is missing
	$(BIN)/python -m benchmarks.soak $(ARGS)

lock: $(VENV)/.runtime ## Lock what pyproject.toml asks for; versions stay where they can
	@$(PIP) install -qq uv
	$(BIN)/python tools/lock.py

upgrade: $(VENV)/.runtime ## Lock the newest versions
	@$(PIP) install -qq uv
	$(BIN)/python tools/lock.py --upgrade

clean: ## Remove the environment and the caches; data stays
	rm -rf $(VENV) .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis
