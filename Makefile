# Every target sets up what it needs: a virtual environment in .venv with the pinned packages.
PYTHON ?= python3
BIN := .venv/bin
export OMP_NUM_THREADS ?= 1

.PHONY: help app test long check quick screenshots train bench bench-toy agreement attack mutants startup clean
help:            ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

.venv/app: requirements.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --requirement requirements.txt
	@touch $@

.venv/dev: .venv/app requirements-dev.txt
	$(BIN)/python -m pip install --quiet --requirement requirements-dev.txt
	@touch $@

app: .venv/app   ## open the Explorer on the bundled checkpoint
	$(BIN)/streamlit run explorer/app.py

test: .venv/dev  ## lint, types and the tests, browser included; three at a time, as many wait for a browser
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m pytest -n 3 --dist loadfile -m "not long"

long: .venv/dev  ## the tests that `make test` leaves out, as each takes minutes
	$(BIN)/python -m pytest -m long

check: .venv/dev ## format, lint and types
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

quick: .venv/dev ## the tests a developer runs all the time
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow and not e2e and not app"

screenshots: .venv/dev ## remake the pictures in README and docs
	$(BIN)/python -m tests.e2e.screenshots

train: .venv/app ## five-minute example: a corpus of the project's own, a model, a translation
	$(BIN)/python -m core corpus --output runs/example
	$(BIN)/python -m core train --source runs/example/train.en --target runs/example/train.de --output runs/example/model
	$(BIN)/python -m core translate --checkpoint runs/example/model "The old man sees a red house."

.venv-bench/peers: requirements.txt bench/requirements.txt
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python -m pip install --quiet --requirement bench/requirements.txt
	@touch $@

bench: .venv-bench/peers ## training, decoding and pictures beside transformers, CTranslate2, torch.nn.Transformer, BertViz
	.venv-bench/bin/python -m bench

bench-toy: .venv-bench/peers ## the same in a minute, to see that it runs; its figures mean nothing
	.venv-bench/bin/python -m bench --sizes toy --rounds 1 --json runs/bench/toy.json

agreement: .venv-bench/peers ## Marian models here and in transformers, ours there and in CTranslate2: the same numbers?
	.venv-bench/bin/python -m bench.agreement

attack: .venv/dev ## texts, links, files, disks and kills that try to break it; docs/reliability.md has the figures
	$(BIN)/python -m tests.attack

mutants: .venv/dev ## plant small faults in a copy, and list those that no test sees; ten minutes
	$(BIN)/python -m tests.mutants

startup: .venv/dev ## from the command to the first picture and the first sentence, in a browser
	$(BIN)/python -m bench.startup

clean:           ## remove the environment and caches; runs/ stays
	rm -rf .venv .venv-bench .mypy_cache .ruff_cache .pytest_cache .hypothesis
