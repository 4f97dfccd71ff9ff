# Everything a person does here. `make` alone says what there is.

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
JOBS ?= 2

.DEFAULT_GOAL := help
.PHONY: help venv demo test lint types unit crash kernel image deploy undeploy real kind helm clients conformance format bench crds lock clean

help: ## say what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

venv: $(STAMP) ## make .venv from the lock file, with the project in it; does nothing if it is up to date

# The stamp comes last: a venv that was cut short is made again.
$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name one with: make PYTHON=python3.x")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: venv ## boot a simulated cluster, play the documentation's task on allowed syscalls, print the timeline
	@$(BIN)/spo demo

test: lint types unit ## everything that needs no root: lint, types, unit tests, conformance, stories

lint: venv ## style, and the shape of the code
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: venv ## mypy, strict, on spo/ and hack/
	$(BIN)/mypy
	$(BIN)/mypy -p hack

unit: venv ## the tests and the stories
	$(BIN)/pytest tests scenarios -m "not kernel" --numprocesses $(JOBS) --dist worksteal --crash sample

crash: venv ## dying at every step: each story, with manager and daemon killed before each of their intents (minutes)
	$(BIN)/pytest scenarios --crash all --ignore scenarios/test_bad_luck.py --ignore scenarios/test_j_operators.py --numprocesses $(JOBS) --dist worksteal

kernel: venv ## what only the kernel can tell: profiles under a real container runtime (root, runc, busybox-static)
	$(BIN)/pytest -m kernel tests/kernel

image: venv ## dist/spo-<version>.tar, a container image, without docker or a registry (root, Debian's packages)
	@$(BIN)/python -m hack.image

deploy: venv ## install into the present kubeconfig's cluster, with IMAGE=…, or with one made here and loaded
	@$(BIN)/python -m hack.deploy

undeploy: venv ## remove the operator from the present kubeconfig's cluster, and all that it left there
	@$(BIN)/spo uninstall

real: venv ## conformance and the stories on a real two-node cluster, from nothing to nothing (root, Go; minutes more, once)
	@$(BIN)/python -m hack.worlds real

kind: venv ## the same in a kind cluster, a sample of the stories; KIND_NODE_IMAGE=… if you have one
	@$(BIN)/python -m hack.worlds kind

helm: ## build helm from its Go module, for the tests of the chart (Go; minutes, once)
	@hack/helm/helm version --short

clients: venv ## other people's clients against the simulated cluster: Python, Go, kubectl and helm as far as they are here
	@$(BIN)/python -m hack.clients

conformance: venv ## Kubernetes' own conformance tests, as far as they fit, against the simulated cluster (Go; minutes more, once)
	@$(BIN)/python -m hack.conformance

format: venv ## put code into the one style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: venv ## the figures: memory, throughput, latency; results as JSON and a table
	@set -e; for each in benchmarks/bench_*.py; do echo "== $$each"; $(BIN)/python $$each; echo; done
	@echo "== all figures"; $(BIN)/python benchmarks/summary.py

crds: venv ## write deploy/ again: the CRDs from spo/model, the manifests from spo/render
	$(BIN)/spo manifests --into deploy

lock: venv ## resolve pyproject.toml's dependencies again into requirements.lock
	@$(PYTHON) -m venv .venv/lock
	@.venv/lock/bin/pip install --quiet --disable-pip-version-check pip-tools
	CUSTOM_COMPILE_COMMAND="make lock" .venv/lock/bin/pip-compile --quiet --all-extras --all-build-deps --allow-unsafe \
		--generate-hashes --strip-extras --no-emit-find-links --no-emit-index-url --no-emit-trusted-host \
		--output-file requirements.lock pyproject.toml
	CUSTOM_COMPILE_COMMAND="make lock" .venv/lock/bin/pip-compile --quiet --extra real --extra metrics --allow-unsafe \
		--constraint requirements.lock \
		--generate-hashes --strip-extras --no-emit-find-links --no-emit-index-url --no-emit-trusted-host \
		--output-file hack/image-requirements.lock pyproject.toml
	CUSTOM_COMPILE_COMMAND="make lock" .venv/lock/bin/pip-compile --quiet --allow-unsafe \
		--generate-hashes --strip-extras --no-emit-find-links --no-emit-index-url --no-emit-trusted-host \
		--output-file hack/clients-requirements.lock hack/clients-requirements.in

clean: ## remove what was made, .venv included
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
