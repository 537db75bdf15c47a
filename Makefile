# Convolution, Transposed. `make` alone lists the targets.

VENV   := .venv
PYTHON := $(VENV)/bin/python
BASE   ?= $(shell for p in python3 python python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)

.PHONY: help book test notebooks bench serve clean

help:  ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

# The stamp is younger than pyproject.toml when all it lists is installed.
$(VENV)/installed: pyproject.toml
	@test -n "$(BASE)" || { echo "No Python of 3.11 or later found: name one, as in make BASE=python3.12"; exit 1; }
	$(BASE) -m venv $(VENV)
	$(PYTHON) -m pip install --quiet --disable-pip-version-check -e '.[book,test]'
	@touch $@

book: $(VENV)/installed  ## render the stored notebooks to _build/html; warnings are errors
	$(VENV)/bin/jupyter-book build . --all -W -n --keep-going -q
	@echo "Open $(CURDIR)/_build/html/index.html"

# One thread for each worker; a notebook stays with one worker, and the slow files start first.
test: $(VENV)/installed  ## lint, unit, property, notebook, book, browser and Colab tests
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	OMP_NUM_THREADS=1 CONVBOOK_PROFILE=quick $(PYTHON) -m pytest -n logical --maxprocesses 8 \
		--dist loadfile --no-loadscope-reorder --nbval --nbval-current-env tests notebooks

notebooks: $(VENV)/installed  ## run chapters in place: CHAPTER=02 for one, PROFILE=full|quick
	CONVBOOK_PROFILE=$(PROFILE) $(VENV)/bin/jupyter-nbconvert --to notebook --execute --inplace \
		--ExecutePreprocessor.timeout=-1 --ExecutePreprocessor.record_timing=False \
		--ExecutePreprocessor.store_widget_state=False \
		--NotebookExporter.preprocessors=nbconvert.preprocessors.CoalesceStreamsPreprocessor \
		notebooks/$(CHAPTER)*.ipynb

bench: $(VENV)/installed  ## our training against the sources' loops, side by side
	$(PYTHON) -m bench

serve: book  ## serve the book at http://localhost:8000
	$(PYTHON) -m http.server --directory _build/html --bind localhost

clean:  ## remove what make built: .venv, _build and caches
	rm -rf $(VENV) _build .pytest_cache .ruff_cache .hypothesis
