# The project's own commands. `make demo` and `make test` need nothing but Python 3.11 or newer and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
MINUTES ?= 60
PIP := $(BIN)/pip --disable-pip-version-check

LOCK := $(BIN)/uv pip compile pyproject.toml --quiet --extra dask --constraint constraints.txt --generate-hashes \
	--no-annotate --python-version 3.11 --python-platform x86_64-unknown-linux-gnu --no-config

.PHONY: help lock wheelhouse audit sbom conformance demo test lint check install install-test system-test unit bench bench-ingest bench-gpu faults soak soak-short clean

help:  ## Show the targets.
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: install  ## Install, then run the whole loop on this machine: study in, SEG and SR out.
	$(BIN)/mvi-node demo --out build/demo

test: install-test system-test  ## Install with the test tools and run the whole suite.
	$(BIN)/python -m pytest

lint: install-test  ## Style, types, layers and docstrings.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	git ls-files '*.py' | grep -v '^tests/' | xargs $(BIN)/python -m numpydoc.hooks.validate_docstrings

check: lint test  ## Lint, then the whole suite: what continuous integration demands.

install: $(VENV)/.installed  ## Make the virtual environment with the pinned run-time dependencies.

install-test: $(VENV)/.installed-test  ## The same with the test tools.

$(VENV)/.installed: pyproject.toml constraints.txt deploy/install_venv.sh
	PYTHON="$(PYTHON)" deploy/install_venv.sh $(VENV)
	touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(PIP) install -q --constraint constraints.txt --group test --group lint --group deploy
	touch $@

system-test:  ## Install the programs that the tests use as peers, where apt may.
	deploy/install_test_peers.sh

# The CPU build of torch is in no package index: uv, which reads no configuration of pip, is told where pip finds it. The
# lock for the GPU is made without: of two builds of a version the one with a suffix counts as the newer.
lock: install-test  ## Write deploy/requirements-*.lock anew, with hashes. UV_FIND_LINKS: where the CPU torch is.
	export UV_FIND_LINKS="$${UV_FIND_LINKS:-$$($(PIP) config get global.find-links 2>/dev/null)}"; \
		$(LOCK) --override deploy/torch-cpu.txt --custom-compile-command 'make lock' -o deploy/requirements-cpu.lock \
		|| { echo "make lock: UV_FIND_LINKS=... names the folder or page that has the torch of deploy/torch-cpu.txt" >&2; exit 1; }
	env -u UV_FIND_LINKS $(LOCK) --custom-compile-command 'make lock' -o deploy/requirements-gpu.lock

wheelhouse: install  ## Gather all that an installation without a network needs, in build/wheelhouse.
	deploy/make_wheelhouse.sh --python $(BIN)/python build/wheelhouse

audit: install-test  ## Ask PyPI for known vulnerabilities of what is pinned; exit 2: it could not be asked.
	mkdir -p build
	sed 's/+cpu / /' deploy/requirements-cpu.lock | grep -v -- --hash= | sed 's/ \\$$//' > build/audited.txt
	$(BIN)/python deploy/audit.py $(BIN)/pip-audit build/audited.txt

conformance: install-test  ## Write the tables of deploy/CONFORMANCE.md anew, from the code and from what it writes.
	$(BIN)/python -m tests.deploy.small_results build/conformance
	$(BIN)/python -m deploy.conformance --results build/conformance

sbom: install-test  ## Write the bill of materials of an installation, CycloneDX: build/sbom.json.
	mkdir -p build
	$(BIN)/cyclonedx-py requirements deploy/requirements-cpu.lock --pyproject pyproject.toml --mc-type application \
		--output-reproducible --validate --output-file build/sbom.json

bench: install-test  ## Print the figures of the benchmarks; tests/bench.
	$(BIN)/python -m tests.bench

faults: install-test system-test  ## Bring about every fault, hundreds of times, and count what is lost; tests/faults.
	$(BIN)/python -m tests.faults

bench-ingest: install-test system-test  ## Print how fast instances are received, beside other receivers.
	$(BIN)/python -m tests.bench.bench_ingest

bench-gpu: install-test  ## Train the paper's network on a GPU, and segment on it; nothing where there is none.
	$(BIN)/python -m tests.bench.bench_gpu --work build/gpu

soak: install-test system-test  ## Mixed traffic under faults for MINUTES (60), then many instances and associations.
	$(BIN)/python -m tests.soak --minutes $(MINUTES)

soak-short: install-test system-test  ## The same in five minutes.
	$(BIN)/python -m tests.soak --minutes 5

clean:  ## Remove what the targets made.
	rm -rf build $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
