# `make demo` and `make test` need only python3 (3.10 to 3.12) and make.
PYTHON ?= python3
BIN := .venv/bin
# Which tests `make test` runs: paths and markers.
TESTS = tests
MARKED = not slow
SETTINGS := PYTHONDONTWRITEBYTECODE=1

.PHONY: setup demo test test-slow test-browser docs packages pictures check lint types layers security api facts parity lock image-locks clean

setup: .venv/installed

.venv/installed: requirements.lock pyproject.toml scripts/setup.sh
	PYTHON="$(PYTHON)" sh scripts/setup.sh
	touch $@

# The main workflow: data -> train -> evaluate -> predict -> report. DATA=/path/to/photos uses your own photos.
demo: setup
	$(BIN)/python scripts/demo.py $(if $(DATA),"$(DATA)")

test: setup
	$(SETTINGS) $(BIN)/python -m pytest -W error -m "$(MARKED)" --ignore=tests/browser $(TESTS)

# Every training method from the command line, interrupted runs, full label checks, searches: about eight minutes on one
# core, about six without variants of other tests (SLOW="slow and not thorough").
SLOW = slow
test-slow: setup
	$(SETTINGS) $(BIN)/python -m pytest -W error -m "$(SLOW)" --ignore=tests/browser tests

# The web pages and reports in a real Chromium (Debian packages). Screenshots are written to build/screenshots.
test-browser: setup
	sh scripts/chromium.sh
	$(SETTINGS) SHELFMIND_BROWSER=required $(BIN)/python -m pytest -W error tests/browser

# The documentation site in build/site; it works without a server. Warnings and broken links are errors.
docs: setup
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "open build/site/index.html"

check: lint types layers security

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/mypy
	$(BIN)/mypy --config-file benchmarks/mypy.ini

layers: setup
	$(BIN)/lint-imports --no-cache

security: setup
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive src scripts

# The type stub of the public functions: src/shelfmind/__init__.pyi.
api: setup
	$(BIN)/python scripts/renew_api.py

# The table behind `shelfmind models`.
facts: setup
	$(BIN)/python scripts/renew_model_facts.py

# Compares every network with independent implementations (timm, MindCV) and updates the reference values of `make test`.
parity: setup
	test -d .venv-parity || (.venv/bin/python -m venv .venv-parity && \
		.venv-parity/bin/python -m pip install --quiet -r requirements-parity.txt -e ".[train]")
	.venv-parity/bin/python tests/parity/record.py tests/parity/pytorch.json
	.venv-parity/bin/python tests/parity/record_mindcv.py tests/parity/mindcv.json
	$(SETTINGS) .venv-parity/bin/python -m pytest tests/contracts/test_parity.py tests/unit/models

LOCK = $(BIN)/uv pip compile --universal --generate-hashes --no-emit-index-url --no-annotate --custom-compile-command "make lock"

# Upgrades everything except MindSpore: 2.8.0 has the fastest CPU convolutions.
lock: setup
	$(BIN)/python -m pip install --quiet uv
	echo "mindspore==2.8.0" > .venv/constraints.txt
	$(LOCK) pyproject.toml --extra dev --extra browser --extra docs --python-version 3.10 --constraint .venv/constraints.txt --upgrade \
		--output-file requirements.lock
	$(MAKE) image-locks

# The subset of requirements.lock for container images: one file per extra, including `serve`, and one for building the wheel.
IMAGE_LOCK = $(LOCK) --python-version 3.11 --constraint requirements.lock

image-locks:
	for extra in onnx openvino s3; do \
		$(IMAGE_LOCK) pyproject.toml --extra serve --extra $$extra --output-file deploy/locks/$$extra.lock || exit 1; done
	echo hatchling | $(IMAGE_LOCK) - --output-file deploy/locks/build.lock

# Wheel and source archive, built and used in an empty environment of each Python; before a release.
PYTHONS = $(PYTHON)
packages: setup
	$(BIN)/python scripts/check_packages.py $(PYTHONS)

# The pictures of the READMEs, by the run that `make demo` left, in Chromium.
pictures: setup
	$(BIN)/python scripts/pictures.py demo docs/pictures

clean:
	rm -rf .venv .venv-parity runs demo build dist
