# Everything from a fresh clone, with Python 3.10 or later:
#   make demo    paint a sample photo in a built-in style and in the style of a painting's file
#   make test    what CI runs: lint, types, import contracts, tests
#   make studio  of these the checks of what runs in browsers, which want Node.js 20 or later
#   make blender .venv-blender, a Python with Blender in it (Python 3.11): the add-on's tests run there
#   make docs    build/site, the documents as a site for any static host
#   make coverage  the tests once more, with the share of src/impasto's lines that they run; coverage.xml
#   make web     web/dist, the edition that paints in the browser: a folder for any static host, or for impasto web

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test lint types contracts studio studio-checks web blender pytest coverage docs format weights clean

demo: $(VENV)/.base
	@mkdir -p demo
	$(BIN)/impasto stylize src/impasto/assets/samples/colosseum.jpg --style starry-night -o demo/colosseum-starry-night.jpg --overwrite
	$(BIN)/impasto stylize src/impasto/assets/samples/colosseum.jpg --style examples/almond-blossom.jpg -o demo/colosseum-almond-blossom.jpg --overwrite
	@echo
	@echo "The photograph:   src/impasto/assets/samples/colosseum.jpg"
	@echo "As starry-night:  demo/colosseum-starry-night.jpg"
	@echo "As a painting's file, examples/almond-blossom.jpg:  demo/colosseum-almond-blossom.jpg"
	@echo "Your own:         $(BIN)/impasto stylize photo.jpg --style starry-night -o out.png"

test: $(VENV)/.dev
	$(MAKE) --no-print-directory -j2 lint types contracts studio
	$(MAKE) --no-print-directory pytest

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell

types: $(VENV)/.dev
	$(BIN)/mypy

contracts: $(VENV)/.dev
	$(BIN)/lint-imports

# The studio itself needs no build: Node.js only checks it. The edition for browsers is built, so that pytest can try it.
studio:
	@if command -v npm >/dev/null && node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)'; then $(MAKE) --no-print-directory studio-checks; \
	else echo "no npm with Node.js 20 or later: the checks of the page's JavaScript are left out"; fi

studio-checks: node_modules/.ready
	npm run --silent types --workspaces
	npm run --silent test -w web
	$(MAKE) --no-print-directory web

ENGINE := $(wildcard packages/web/src/*.ts packages/web/assembly/*.ts packages/web/models/*.json packages/web/models/*/*) packages/web/vite.config.js

web: packages/web/dist/files.json
	npm run --silent build -w web

WEIGHTS := $(wildcard src/impasto/assets/painter/*.safetensors src/impasto/assets/vgg19/*.safetensors)

packages/web/dist/files.json: node_modules/.ready $(ENGINE) $(WEIGHTS) tools/browser/pack_browser.py
	npm run --silent build -w packages/web
	$(PYTHON) tools/browser/pack_browser.py

# Blender as a module wants Python 3.11 and an older NumPy than ours: an environment of its own.
blender: .venv-blender/.ready

.venv-blender/.ready:
	python3.11 -m venv .venv-blender
	.venv-blender/bin/pip install -q --no-compile 'bpy>=5.0,<5.1' 'numpy<2'
	@touch $@

# A processor for each process: threads that wait for each other would double the time.
PYTEST := OMP_NUM_THREADS=1 IMPASTO_THREADS=1 $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile

pytest: $(VENV)/.dev
	$(PYTEST)

coverage: $(VENV)/.dev
	rm -f .coverage*
	$(PYTEST) --cov --cov-report=term --cov-report=xml

# The theme announces its end of life in 2027 at every build; docs/decisions says what then.
docs: $(VENV)/.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet
	@echo "The site is in build/site. To read it, search included: $(BIN)/python -m http.server --directory build/site"

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

weights: $(VENV)/.dev
	$(BIN)/python tools/light/export_light.py
	$(if $(PACK),$(BIN)/python tools/painter/export.py --pack $(PACK))

clean:
	rm -rf $(VENV) demo build dist node_modules packages/web/build packages/web/dist web/dist .mypy_cache .ruff_cache .hypothesis .import_linter_cache

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "Impasto needs Python 3.10 or later; make PYTHON=/path/to/python3 names one"; exit 1; }
	$(PYTHON) -m venv $(VENV) || { echo "On Debian and Ubuntu: apt install python3-venv"; rm -rf $(VENV); exit 1; }

$(VENV)/.base: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/.docs: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check -c constraints.txt -e '.[docs]'
	@touch $@ $(VENV)/.base

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@ $(VENV)/.base $(VENV)/.docs

node_modules/.ready: package.json package-lock.json web/package.json packages/web/package.json
	@command -v npm >/dev/null || { echo "what runs in browsers is built with Node.js 20 or later, and npm"; exit 1; }
	npm ci --no-audit --no-fund --loglevel=error
	@touch $@
