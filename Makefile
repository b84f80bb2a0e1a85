# The project's habits, each explained by `make help`. A variable given to make (`make run FEED=live
# API_PORT=3001`) is in the environment of what it runs: make does that by itself.

.DEFAULT_GOAL := help
.PHONY: help install run tui test check unit lint types up down logs compose-test chaos soak pictures bench peers clean

PYTHON ?= python3
# Where python3 is too old, a newer one may stand beside it; a PYTHON that was asked for must do.
PYTHONS := $(if $(filter-out python3,$(PYTHON)),$(PYTHON),python3 python3.14 python3.13 python3.12 python3.11)
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))

BIN := .venv/bin
INSTALLED := .venv/.installed

help: ## Explain each target
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' Makefile

install: $(INSTALLED) ## Make .venv with all that running and testing need

run: $(INSTALLED) ## Run everything until Ctrl-C; FEED=live or simulated, API_PORT=3000
	@exec $(BIN)/python -m launcher

# An API_PORT says where `make run API_PORT=…` serves; KRAKEN_BOOK_URL says more, and comes first.
tui: $(INSTALLED) ## Show live ladders in this terminal; ARGS="BTC/USD ETH/USD", API_PORT=3000 or KRAKEN_BOOK_URL
	@KRAKEN_BOOK_URL=$${KRAKEN_BOOK_URL:-http://localhost:$${API_PORT:-3000}} exec $(BIN)/python -m kraken_book.terminal $(ARGS)

# If no bytecode may be written, each worker rewrites the asserts of every test again, in 4 s of CPU.
PYTEST := PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest --dist loadfile --no-loadscope-reorder

# Eight workers for two cores, because the tests wait more than they compute.
test: $(INSTALLED) ## Run every test, without a network; ARGS="-k book" goes to pytest
	@$(PYTEST) -n 8 $(ARGS)

check: $(INSTALLED) ## Run lint, types and the tests that start no process, in under a minute
	@$(MAKE) --no-print-directory --output-sync -j 3 lint types unit

unit: $(INSTALLED)
	@$(PYTEST) -n 3 --unit -q $(ARGS)

lint: $(INSTALLED) ## Check style, formatting and the walls between the packages
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports

types: $(INSTALLED) ## Check all types with mypy --strict
	@$(BIN)/mypy

# With FEED=simulated the collector follows the simulator instead of Kraken.
SIMULATED := $(if $(filter simulated,$(FEED)),COMPOSE_PROFILES=simulated KRAKEN_URL=ws://simulator:9443/v2)

up: ## Run everything in containers, the api twice behind Caddy; FEED=simulated, HTTP_PORT=3000
	@$(SIMULATED) REVISION=$$(git rev-parse --short HEAD 2>/dev/null) docker compose up --detach --build --wait
	@echo "open http://localhost:$${HTTP_PORT:-3000}"

down: ## Stop the containers and remove them; what Redis has kept stays
	@docker compose --profile '*' down

logs: ## Show what the containers say, until Ctrl-C
	@docker compose --profile '*' logs --follow --tail 100

compose-test: $(INSTALLED) ## Scale, stop, kill and restart the containers under load; check that nothing is lost
	@$(BIN)/python -m tools.compose

chaos: $(INSTALLED) ## Inject every fault of a feed and of the processes, and report what readers see
	@exec $(BIN)/python -m tools.chaos

soak: $(INSTALLED) ## 200 books, 5,000 updates/s and a fault every second for 5 minutes; ARGS="--seconds 60"
	@exec $(BIN)/python -m tools.soak $(ARGS)

pictures: $(INSTALLED) ## Take the pictures of the page and the terminal in docs/ again; needs chromium
	@$(BIN)/python -m tools.pictures

BENCH_INSTALLED := .venv/.bench

bench: $(BENCH_INSTALLED) ## Measure, compare with the goals, draw into docs/; ARGS="--list", "--only fan_out", "--scale 0.1"
	@exec $(BIN)/python -m bench $(ARGS)

# matplotlib is large, and only the pictures of the benchmarks need it.
$(BENCH_INSTALLED): $(INSTALLED)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	@touch $@

# Debian's packages are needed too: libnginx-mod-nchan and nginx-light.
PEERS := cryptofeed sse-starlette starlette uvicorn uvloop httptools redis py-spy

peers: $(INSTALLED) ## Make .venv-peers with what the benchmarks run beside ours
	@$(BIN)/python -m venv .venv-peers
	@.venv-peers/bin/python -m pip install --quiet --disable-pip-version-check $(PEERS)

clean: ## Remove .venv, caches and what a build leaves
	rm -rf .venv .venv-peers build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The one step that needs the network, done again only where these files change.
$(INSTALLED): pyproject.toml constraints.txt
	@set -e; python=; \
	for name in $(PYTHONS); do \
	    if "$$name" -c '$(NEW_ENOUGH)' 2>/dev/null; then python="$$name"; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	    echo "Python 3.11 or newer is needed, and none of these is: $(PYTHONS). Another: make install PYTHON=/path/to/python3" >&2; \
	    exit 1; \
	fi; \
	if ! "$$python" -c 'import ensurepip, venv' 2>/dev/null; then \
	    echo "$$python cannot make a virtual environment; on Debian and Ubuntu: apt-get install python3-venv" >&2; \
	    exit 1; \
	fi; \
	echo "Installing into .venv; this takes a minute."; \
	if ! $(BIN)/python -m pip --version >/dev/null 2>&1 || ! $(BIN)/python -c '$(NEW_ENOUGH)'; then \
	    "$$python" -m venv --clear .venv; \
	fi; \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[services,terminal,run,test,lint]'
	@touch $@
