# `make demo` and `make test` work on a bare machine with python3 (3.10 to 3.12) and make.
PYTHON ?= python3
BIN := .venv/bin
# Which tests `make test` runs: where they lie, and how they are marked.
TESTS = tests
MARKED = not slow
SETTINGS := PYTHONDONTWRITEBYTECODE=1

.PHONY: setup demo test test-slow test-browser docs packages pictures check lint types layers security api facts parity lock image-locks clean

setup: .venv/installed

.venv/installed: requirements.lock pyproject.toml scripts/setup.sh
	PYTHON="$(PYTHON)" sh scripts/setup.sh
	touch $@

# The main job: data -> train -> evaluate -> predict -> report. DATA=/path/to/photos takes your own photos.
demo: setup
	$(BIN)/python scripts/demo.py $(if $(DATA),"$(DATA)")

test: setup
	$(SETTINGS) $(BIN)/python -m pytest -W error -m "$(MARKED)" --ignore=tests/browser $(TESTS)

# Every method of training by command, interrupted ones, whole label checks, searches: about eight minutes on one core;
# without variants of what is tested already (SLOW="slow and not thorough") about six.
SLOW = slow
test-slow: setup
	$(SETTINGS) $(BIN)/python -m pytest -W error -m "$(SLOW)" --ignore=tests/browser tests

# The review page and a report in a real Chromium (Debian's packages); its screenshots lie in build/screenshots.
test-browser: setup
	sh scripts/chromium.sh
	$(SETTINGS) SHELFMIND_BROWSER=required $(BIN)/python -m pytest -W error tests/browser

# The documentation site in build/site, which works from the file system: a warning or a broken link fails.
docs: setup
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "open build/site/index.html"

check: lint types layers security

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/mypy

layers: setup
	$(BIN)/lint-imports --no-cache

security: setup
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive src scripts

# What tools know of the public functions: src/shelfmind/__init__.pyi.
api: setup
	$(BIN)/python scripts/renew_api.py

# What `shelfmind models` lists.
facts: setup
	$(BIN)/python scripts/renew_model_facts.py

# Compares every network with independent implementations (timm, MindCV) and renews what `make test` compares with.
parity: setup
	test -d .venv-parity || (.venv/bin/python -m venv .venv-parity && \
		.venv-parity/bin/python -m pip install --quiet -r requirements-parity.txt -e ".[train]")
	.venv-parity/bin/python tests/parity/record.py tests/parity/pytorch.json
	.venv-parity/bin/python tests/parity/record_mindcv.py tests/parity/mindcv.json
	$(SETTINGS) .venv-parity/bin/python -m pytest tests/contracts/test_parity.py tests/unit/models

LOCK = $(BIN)/uv pip compile --universal --generate-hashes --no-emit-index-url --no-annotate --custom-compile-command "make lock"

# Newest versions of everything but MindSpore, whose 2.8.0 has the fastest CPU convolutions.
lock: setup
	$(BIN)/python -m pip install --quiet uv
	echo "mindspore==2.8.0" > .venv/constraints.txt
	$(LOCK) pyproject.toml --extra dev --extra browser --extra docs --python-version 3.10 --constraint .venv/constraints.txt --upgrade \
		--output-file requirements.lock
	$(MAKE) image-locks

# The part of requirements.lock that images are built of: of each extra with what serves, and of what builds the wheel.
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
