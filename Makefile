# `make help` explains the targets. Make passes its variables to the programs that it runs, in their
# environment: `make run FEED=live API_PORT=3001`.

.DEFAULT_GOAL := help
.PHONY: help install run tui test check unit lint types venues dashboards chart sanitize version dist reproducible lock licences sbom audit digests up down logs compose-test upgrade-test chaos soak year venues-test record-test pictures vendor \
    bench peers readers helm clean

PYTHON ?= python3
# If python3 is too old, a newer one may be installed beside it. A PYTHON that was given is used as it is.
PYTHONS := $(if $(filter-out python3,$(PYTHON)),$(PYTHON),python3 python3.14 python3.13 python3.12 python3.11)
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))

BIN := .venv/bin
PACKAGES := .venv/.packages
INSTALLED := .venv/.installed
C_SOURCES := $(wildcard kraken_book/c/*.[ch])

VERSION := $(shell sed -n 's/^__version__ = "\(.*\)"$$/\1/p' kraken_book/__init__.py)

# Lines with ## are the help: `##@ group`, and `target: ## explanation`.
help:
	@awk -F ':.*## ' '/^##@ / {printf "%s%s\n", (n++ ? "\n" : ""), substr($$0, 5)} \
	    /^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' Makefile

##@ Run

install: $(INSTALLED) ## Make .venv with everything for running and testing; a C compiler is optional

run: $(INSTALLED) ## Run everything until Ctrl-C; FEED=live or simulated, VENUES=kraken,binance, REPLAY=DIR, API_PORT=3000
	@exec $(BIN)/python -m launcher

# KRAKEN_BOOK_URL precedes API_PORT, which is the one of `make run API_PORT=…`.
tui: $(INSTALLED) ## Show live ladders in this terminal; ARGS="BTC/USD ETH/USD", API_PORT=3000 or KRAKEN_BOOK_URL
	@KRAKEN_BOOK_URL=$${KRAKEN_BOOK_URL:-http://localhost:$${API_PORT:-3000}} exec $(BIN)/python -m kraken_book tui $(ARGS)

##@ Develop

# If no bytecode may be written, each run rewrites the asserts of every test again.
PYTEST := PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest

# So many, because end-to-end tests mostly wait.
test: $(INSTALLED) ## Run every test, without a network; ARGS="-k book" goes to pytest
	@$(PYTEST) --workers 10 $(ARGS)

# The make of macOS (3.81) has no --output-sync.
OUTPUT_SYNC := $(if $(filter output-sync,$(.FEATURES)),--output-sync)

check: $(INSTALLED) ## Run lint, types and the unit tests in under a minute, before each commit
	@$(MAKE) --no-print-directory $(OUTPUT_SYNC) -j 3 lint types unit

unit: $(INSTALLED) ## Run the tests that start no process, real Redis or browser
	@$(PYTEST) --workers 4 --unit -q $(ARGS)

# Python's headers are those of a system, which have other warnings. -O2 finds more than -fsyntax-only.
C_LINT = $(CC) -std=c11 -O2 -Wall -Wextra -Wconversion -Werror -DPy_LIMITED_API=0x030B0000 \
    -isystem $$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("include"))') -c -o /dev/null

lint: $(INSTALLED) ## Check style, formatting and the walls between the packages
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports
	@$(BIN)/clang-format --dry-run -Werror $(C_SOURCES)
	@missing=$$($(BIN)/python -m tools.speedups --missing); \
	if [ -n "$$missing" ]; then \
	    echo "lint: $$missing, so the C sources are not compiled"; \
	else \
	    for source in $(filter %.c,$(C_SOURCES)); do $(C_LINT) $$source || exit 1; done; \
	fi

types: $(INSTALLED) ## Check all types with mypy --strict
	@$(BIN)/mypy

venues: $(INSTALLED) ## Write the settings of each venue into docs/settings.md and docker-compose.yml
	@$(BIN)/python -m tools.venue_files

dashboards: $(INSTALLED) ## Write Grafana's dashboards; ARGS="--pictures 600" draws them, and needs Prometheus
	@$(BIN)/python -m tools.dashboards $(ARGS)

chart: $(INSTALLED) ## Write what the Helm chart repeats: settings, Redis users, alert rules, the version
	@$(BIN)/python -m tools.chart_files

# These read exports in the tests. They have a venv of their own, because they need an older numpy and
# 2 GB. Each is installed alone, because wheels of nautilus_trader exist for few systems.
READERS := 'hftbacktest~=2.4' 'nautilus_trader~=1.221'
READER_PIP := .venv-readers/bin/python -m pip install --quiet --disable-pip-version-check --only-binary :all:

readers: $(INSTALLED) ## Make .venv-readers with the programs that read exports in the tests
	@$(BIN)/python -m venv .venv-readers
	@for package in $(READERS); do \
	    $(READER_PIP) "$$package" || echo "$$package cannot be installed: its tests will be skipped" >&2; \
	done

# The wheel of Helm contains Helm itself, and has 75 MB. Each is installed alone, because Helm's exists
# for few systems. The schemas of the Gateway API are in a package of npm.
HELM := 'helm-python-sdk~=0.2' 'kubernetes-validate~=1.37' 'cloudcoil.models.prometheus-operator~=0.80'
HELM_PIP := .venv-helm/bin/python -m pip install --quiet --disable-pip-version-check --only-binary :all:

helm: $(INSTALLED) ## Make .venv-helm with Helm and the schemas by which the tests check the chart
	@$(BIN)/python -m venv .venv-helm
	@for package in $(HELM); do \
	    $(HELM_PIP) "$$package" || echo "$$package cannot be installed: its tests will be skipped" >&2; \
	done
	@npm install --silent --no-audit --no-fund --ignore-scripts --prefix .venv-helm \
	    @kubernetes-models/gateway-api@0.5.1 \
	    || echo "@kubernetes-models/gateway-api cannot be installed: its tests will be skipped" >&2

sanitize: $(INSTALLED) ## Run the tests of the compiled module with sanitizers for memory and leaks
	@.ci/sanitize $(ARGS)

vendor: $(INSTALLED) ## Fetch the page's third-party files from npm again, and check their hashes; needs npm
	@$(BIN)/python -m tools.vendor

version: ## Print the version, which kraken_book/__init__.py has
	@echo $(VERSION)

# The time of all files in the archives, so that two builds of a commit are the same.
SOURCE_DATE = SOURCE_DATE_EPOCH=$${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct 2>/dev/null || date +%s)}

# The sdist, and the wheel for all platforms built from it. Those with the extension are built in
# the release workflow, in containers that are old enough: `pip wheel .` makes one for this machine.
dist: $(INSTALLED) ## Build the sdist and the wheel without compiled code into dist/
	@rm -rf dist
	@$(BIN)/python -c 'from setuptools import build_meta; build_meta.build_sdist("dist")' >/dev/null
	@$(SOURCE_DATE) $(BIN)/python -m tools.supply.repack dist/*.tar.gz
	@$(SOURCE_DATE) CC=false $(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist dist/*.tar.gz
	@$(BIN)/python -m tools.wheels dist/*.whl
	@ls dist

reproducible: $(INSTALLED) ## Build sdist and wheel of this commit twice, and compare them
	@$(BIN)/python -m tools.supply.twice

clean: ## Remove .venv, caches and the results of builds
	rm -rf .venv .venv-peers .venv-peers-3 .venv-readers .venv-helm .venv-image build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

##@ Supply chain

SUPPLY_INSTALLED := .venv/.supply
BENCH_INSTALLED := .venv/.bench

lock: $(SUPPLY_INSTALLED) ## Write the hashes of all dependencies; needs the index of packages
	@$(BIN)/python -m tools.supply.lock

licences: $(BENCH_INSTALLED) $(SUPPLY_INSTALLED) ## Write docs/licences.md; refuse a licence that is not compatible
	@$(BIN)/python -m tools.supply.licences

# From a venv that has what the image has. The same commit gives the same file: it has neither a time
# nor a random serial number.
sbom: $(SUPPLY_INSTALLED) ## Write packages and licences of the image as CycloneDX into dist/
	@mkdir -p dist
	@$(BIN)/python -m venv --clear --without-pip .venv-image
	@$(BIN)/python -m pip --python .venv-image/bin/python install --quiet --disable-pip-version-check \
	    --only-binary :all: --no-deps --require-hashes -r deploy/image-requirements.txt
	@$(BIN)/cyclonedx-py environment --pyproject pyproject.toml --mc-type application \
	    --output-reproducible --of JSON -o dist/kraken-book-$(VERSION).cdx.json .venv-image/bin/python
	@ls dist/*.cdx.json

audit: $(SUPPLY_INSTALLED) ## Look for known vulnerabilities of all dependencies; needs the network
	@$(BIN)/python -m pip_audit --strict --disable-pip --require-hashes --progress-spinner off \
	    -r constraints-hashes.txt && echo "audit: no known vulnerability" || { \
	    echo "audit: failed: vulnerabilities, or packages without an answer, are listed above" >&2; exit 1; }

digests: $(INSTALLED) ## Pin the images of the compose file by digest in deploy/images.yml; needs docker
	@$(BIN)/python -m tools.supply.digests

$(SUPPLY_INSTALLED): $(INSTALLED)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[supply]'
	@touch $@

##@ Containers

# With FEED=simulated the collector follows the simulator instead of Kraken. Profiles in the environment
# would replace those of .env, so these are read.
define SIMULATED
profiles=$${COMPOSE_PROFILES-$$(sed -n 's/^COMPOSE_PROFILES=//p' .env 2>/dev/null | tail -n 1 | tr -d \"\')}; \
export COMPOSE_PROFILES="simulated$${profiles:+,$$profiles}" KRAKEN_URL=ws://simulator:9443/v2;
endef

up: ## Run everything in containers, the api twice behind Caddy; FEED=simulated, HTTP_PORT=3000
	@$(if $(filter simulated,$(FEED)),$(SIMULATED)) VERSION=$(VERSION) REVISION=$$(git rev-parse --short HEAD 2>/dev/null) docker compose up --detach --build --wait
	@echo "open http://localhost:$${HTTP_PORT:-3000}"

down: ## Stop and remove the containers; Redis's data stays
	@docker compose --profile '*' down

logs: ## Follow the logs of the containers until Ctrl-C
	@docker compose --profile '*' logs --follow --tail 100

compose-test: $(INSTALLED) ## Scale, stop, kill and restart the containers under load; check that nothing is lost
	@$(BIN)/python -m tools.compose

##@ Measure

chaos: $(INSTALLED) ## Inject every fault of a feed and of the processes; report the effect on readers
	@exec $(BIN)/python -m tools.chaos

soak: $(INSTALLED) ## 200 books, 5,000 updates/s, a fault every second for 5 minutes; then 5 of `make year`
	@$(BIN)/python -m tools.soak $(ARGS)
	@exec $(BIN)/python -m tools.year --seconds 300

year: $(INSTALLED) ## Replace, rotate and fail everything for an hour; ARGS="--seconds 300 --seed 7"
	@exec $(BIN)/python -m tools.year $(ARGS)

venues-test: $(INSTALLED) ## Disturb one of four venues at a time for 10 minutes; ARGS="--seconds 60 --seed 5"
	@exec $(BIN)/python -m tools.venues $(ARGS)

record-test: $(INSTALLED) ## Kill a recorder 50 times among faults; account for every event; ARGS="--seconds 150 --kills 12"
	@exec $(BIN)/python -m tools.recording $(ARGS)

upgrade-test: $(INSTALLED) ## Upgrade from the last release and go back 3 times under readers; ARGS="--rounds 10"
	@exec $(BIN)/python -m tools.upgrade $(ARGS)

pictures: $(INSTALLED) ## Take the pictures of page and terminal for docs/; needs chromium
	@$(BIN)/python -m tools.pictures

bench: $(BENCH_INSTALLED) ## Measure, compare with the goals, draw into docs/; ARGS="--list", "--only fan_out"
	@exec $(BIN)/python -m bench $(ARGS)

# Only the pictures of the benchmarks need matplotlib, which is large.
$(BENCH_INSTALLED): $(INSTALLED)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	@touch $@

# The peers also need two packages of Debian: libnginx-mod-nchan and nginx-light.
PEERS := sse-starlette starlette uvicorn uvloop httptools redis py-spy
# cryptofeed 3.0 needs a newer Python than the services; pyenv's may not be on the PATH.
PEER_PYTHONS := python3.14 python3.13 python3 $(wildcard $(HOME)/.pyenv/versions/3.1[3-9]*/bin/python3)
PEER_PIP := bin/python -m pip install --quiet --disable-pip-version-check

peers: $(INSTALLED) ## Make .venv-peers and .venv-peers-3 with the programs that the benchmarks compare with
	@$(BIN)/python -m venv .venv-peers
	@.venv-peers/$(PEER_PIP) $(PEERS)
	@.venv-peers/$(PEER_PIP) 'cryptofeed~=2.4' || echo "cryptofeed 2.4 cannot be installed" >&2
	@for name in $(PEER_PYTHONS); do \
	    if "$$name" -c 'import sys, venv; sys.exit(sys.version_info < (3, 13))' 2>/dev/null; then \
	        "$$name" -m venv .venv-peers-3 && .venv-peers-3/$(PEER_PIP) 'cryptofeed[redis]~=3.0' \
	            || echo "cryptofeed 3.0 cannot be installed with $$name" >&2; exit 0; \
	    fi; \
	done; echo "cryptofeed 3.0 is not installed: it needs Python 3.13 or newer" >&2

# The only step that needs the network; it is repeated if these files change.
$(PACKAGES): pyproject.toml constraints.txt
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
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[services,terminal,recording,run,test,lint]'
	@touch $@

# The hot path in C (docs/adr/0010), without the network. If it cannot be compiled, the line says so.
$(INSTALLED): $(PACKAGES) setup.py $(C_SOURCES)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@$(BIN)/python -m tools.speedups
	@touch $@
