# Everything sets itself up: each target below works on a fresh clone with Python 3.11+ and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.polyvox-ready
KERNELS := $(VENV)/.polyvox-kernels
# Each has servers of its own: Kafka, MinIO, SeaweedFS, PostgreSQL, some 2 GB of memory.
TEST_PROCESSES ?= 2
SOURCES := polyvox ingest transcriber diarizer results_api infra tests benchmarks docs examples

.PHONY: help setup demo up test conformance lint format types docs services services-stop env compose-up compose-test clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

setup: $(KERNELS) ## make the environment in .venv

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Polyvox needs Python 3.11 or newer; name one with: make PYTHON=/path/to/python3.12"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || \
	  { echo "Python cannot make environments; on Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@echo "Setting up $(VENV): the first time this takes a few minutes and 6 GB (PyTorch)"
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --constraint constraints.txt uv
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --constraint constraints.txt --editable '.[dev]'
	@touch $@

# A minute of one core, which the first recording would wait for otherwise.
$(KERNELS): $(STAMP) $(wildcard transcriber/engines/whisper/*.py)
	@echo "Compiling kernels for this CPU"
	@$(BIN)/python -m transcriber.engines.whisper
	@touch $@

demo: setup ## transcribe a recording of two people, start to finish
	@$(BIN)/polyvox demo

up: setup ## run the server on one port until Ctrl-C
	@$(BIN)/polyvox up

services: setup ## start Kafka, MinIO, SeaweedFS, PostgreSQL, Prometheus in the background
	@$(BIN)/python -m infra.native start

services-stop: setup ## stop them; their data stay in services-data
	@$(BIN)/python -m infra.native stop

env: ## write .env with secrets for docker-compose.yml, unless it is there
	@$(PYTHON) infra/docker/make_env.py

compose-up: env ## build and start the whole product with Docker, and wait until it is healthy
	docker compose up --build --detach --wait

compose-test: setup ## try docker-compose.yml out with podman, as root; 10 minutes, the first time 40
	@$(BIN)/python -m infra.compose_test

test: setup ## run all tests
	@$(BIN)/polyvox weights pull
	@$(BIN)/python -m infra.native fetch
	@$(BIN)/python -m pytest --numprocesses $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder

conformance: setup ## look for requests that the API answers otherwise than its OpenAPI document says
	@$(BIN)/python -m tests.conformance
	@$(BIN)/python -m tests.conformance --without-keys

lint: setup ## style, import contracts
	@$(BIN)/ruff check $(SOURCES)
	@$(BIN)/ruff format --check $(SOURCES)
	@$(BIN)/lint-imports

types: setup ## strict types
	@$(BIN)/mypy

docs: setup ## write the generated pages, schemas, dashboards and alerts again
	@$(BIN)/python docs/generate.py
	@$(BIN)/python -m infra.grafana
	@$(BIN)/python -m infra.prometheus

format: setup ## put the code in order
	@$(BIN)/ruff check --fix $(SOURCES)
	@$(BIN)/ruff format $(SOURCES)

clean: ## remove the environment and what demo and up left here
	rm -rf $(VENV) polyvox-data demo-output
