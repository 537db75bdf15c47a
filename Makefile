# Convolution, Transposed. `make` alone lists the targets.

# Programs are run as modules: a script that pip writes hands the folder's name to a shell.
VENV   := .venv
PYTHON := $(VENV)/bin/python
PIP    := $(PYTHON) -m pip install --quiet --disable-pip-version-check
BASE    = $(shell for p in python3 python python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)

# A variable here is set in the command alone, as in `make notebooks CHAPTER=02`: an assignment wins
# over the environment.
CHAPTER :=
PROFILE :=

.PHONY: help book offline pdf links test notebooks runs claims bench serve clean

help:  ## list the targets
	@grep -hE '^[a-z]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

# A stamp is younger than pyproject.toml when what it stands for is installed. Rendering takes what the
# extra `book` lists and no more: to install the extra as such would bring the package's own PyTorch.
LISTED := import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["book"])

$(VENV)/book: pyproject.toml
	@test -n "$(BASE)" || { echo "No Python of 3.11 or later found: name one, as in make BASE=python3.12"; exit 1; }
	$(BASE) -m venv $(VENV)
	$(PIP) $$($(PYTHON) -c '$(LISTED)')
	@touch $@

$(VENV)/installed: $(VENV)/book
	$(PIP) -e '.[book,test]'
	@touch $@

book: $(VENV)/book  ## render the stored notebooks to _build/html; warnings are errors
	$(PYTHON) -c 'from jupyter_book.cli.main import main; main()' build . --all -W -n --keep-going -q
	@printf 'Open %s\n' "$$PWD/_build/html/index.html"

offline: book  ## pack the book into _build/convolution-transposed.zip, to be read without a network
	ln -sfn html _build/convolution-transposed
	$(PYTHON) -c 'import shutil; shutil.make_archive("_build/convolution-transposed", "zip", "_build", "convolution-transposed")'

# Playwright, which prints, comes with the tests; Chromium from the machine.
pdf: $(VENV)/installed  ## print the book into _build/convolution-transposed.pdf
	$(PYTHON) -c 'from jupyter_book.cli.main import main; main()' build . --builder singlehtml -W -n --keep-going -q
	$(PYTHON) book/print_book.py _build/singlehtml/book/intro.html _build/convolution-transposed.pdf

links: $(VENV)/book  ## follow every link that leads out of the book, over the network
	$(PYTHON) -c 'from jupyter_book.cli.main import main; main()' build . --builder linkcheck --keep-going -q

# One thread for each worker; a notebook stays with one worker. The chapters run among Colab's
# packages alone. What builds the book starts first, and who opens it in a browser comes much later.
test: $(VENV)/installed  ## lint, types, unit, property, notebook, book, browser and Colab tests
	$(PYTHON) -m ruff check
	$(PYTHON) -m ruff format --check
	$(PYTHON) -m mypy
	$(VENV)/bin/zizmor --offline --quiet .github
	$(PYTHON) tests/colab.py _build/colab
	OMP_NUM_THREADS=1 CONVBOOK_PROFILE=quick JUPYTER_PATH=_build/colab $(PYTHON) -m pytest \
		-n logical --maxprocesses 8 --dist loadfile --no-loadscope-reorder \
		--nbval --nbval-kernel-name=colab tests/test_book.py notebooks tests lib

CHAPTERS := $(sort $(wildcard notebooks/$(CHAPTER)*.ipynb))
ifeq ($(CHAPTERS),)
$(error No chapter $(CHAPTER): there are $(sort $(basename $(notdir $(wildcard notebooks/*.ipynb)))))
endif

# A quick run that was not asked for by name must not replace the outputs of a full one.
INTO := $(if $(and $(filter quick,$(CONVBOOK_PROFILE)),$(if $(PROFILE),,unsaid)),--output-dir _build/quick,--inplace)

notebooks: $(VENV)/installed  ## run chapters in place: CHAPTER=02 for one, PROFILE=full|quick
	$(if $(PROFILE),CONVBOOK_PROFILE='$(PROFILE)') $(PYTHON) -m nbconvert --to notebook --execute $(INTO) \
		--ExecutePreprocessor.timeout=-1 --ExecutePreprocessor.record_timing=False \
		--ExecutePreprocessor.store_widget_state=False \
		--NotebookExporter.preprocessors=nbconvert.preprocessors.CoalesceStreamsPreprocessor \
		$(CHAPTERS)
	$(PYTHON) book/store_explorers.py $(CHAPTERS)

runs:  ## run all chapters in full, training what is missing, and bring their runs into runs/
	$(MAKE) notebooks PROFILE=full
	$(PYTHON) book/collect_runs.py

claims: $(VENV)/installed  ## judge the stored claims on other runs: CONVBOOK_DATA=folder or CONVBOOK_RUNS=train
	CONVBOOK_PROFILE=full $(PYTHON) -m nbconvert --to notebook --execute --allow-errors \
		--ExecutePreprocessor.timeout=-1 --output-dir _build/claims $(CHAPTERS)
	$(PYTHON) book/compare_claims.py _build/claims

bench: $(VENV)/installed  ## our training against the sources' loops, side by side
	$(PYTHON) -m bench

serve: book  ## serve the book at http://localhost:8000
	$(PYTHON) -m http.server --directory _build/html --bind localhost

clean:  ## remove what make built: .venv, _build and caches
	rm -rf $(VENV) _build .pytest_cache .ruff_cache .mypy_cache .hypothesis
