# Two commands for a fresh clone with Python 3.11 and make: `make demo` and `make test`.

PYTHON ?= python3.11
VENV ?= .venv
BIN := $(VENV)/bin
TASK := ecosys_temporal

# Nothing is fetched at run time, and every cache stays in the clone.
export HF_HUB_OFFLINE := 1
export HF_HOME := $(CURDIR)/demo/cache/huggingface
export MPLCONFIGDIR := $(CURDIR)/demo/cache/matplotlib

.PHONY: help install demo study test test-slow lint fuzz bench clean

help:
	@echo "make demo       build the data, train an LSTM, score it and print the leaderboard (under 10 minutes)"
	@echo "make study      train every model on every task, with and without transfer, and write the tables (an hour and a half)"
	@echo "make test       linter, type checker and tests"
	@echo "make test-slow  the tests that take minutes"
	@echo "make fuzz       look for files that break the validator, two minutes"
	@echo "make bench      every claim about speed, measured here"
	@echo "make clean      remove what demo made; the data in agroflux/ stay"

install: $(VENV)/installed

$(VENV)/installed: pyproject.toml
	@echo "installing into $(VENV), a minute or two"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --upgrade pip
	@$(BIN)/pip install --quiet --editable ".[dev]"
	@touch $@

# --- The demo: each step is made once, and again when what it stands on changes.

demo: demo/score.png
	@$(BIN)/agroflux-leaderboard table $(TASK) --data agroflux --store demo/leaderboard
	@echo
	@echo "One site-year, predicted against observed:  demo/score.png"
	@echo "Start the Space:  $(BIN)/agroflux-leaderboard serve --data agroflux --store demo/leaderboard"

agroflux/provenance.json: | $(VENV)/installed
	$(BIN)/agroflux-data build agroflux --scale small

demo/checked: agroflux/provenance.json
	$(BIN)/agroflux-data check agroflux
	@rm -rf demo/lstm demo/leaderboard  # those of an older release
	@mkdir -p demo && touch $@

demo/lstm/metrics.json: demo/checked
	$(BIN)/agroflux-train run --task $(TASK) --model lstm --data agroflux --output demo/lstm --resume

demo/lstm.parquet: demo/lstm/metrics.json
	$(BIN)/agroflux-train predict demo/lstm --data agroflux --output $@

demo/climatology.parquet: demo/checked
	$(BIN)/agroflux-train predict climatology --task $(TASK) --data agroflux --output $@

demo/score.png: demo/lstm.parquet demo/climatology.parquet
	$(BIN)/agroflux-submit validate demo/lstm.parquet --data agroflux
	$(BIN)/agroflux-submit score demo/lstm.parquet --data agroflux --plot $@.partial.png
	$(BIN)/agroflux-leaderboard add demo/climatology.parquet --owner host --wait --data agroflux --store demo/leaderboard
	$(BIN)/agroflux-leaderboard add demo/lstm.parquet --owner you --wait --data agroflux --store demo/leaderboard
	@mv $@.partial.png $@

# --- The study: every model on simulations and observations, with and without transfer, in about 90 minutes on two
# cores. What was stopped goes on from where it was; networks that several plans need are trained once.

PLANS := ecosys daycent observed groups
RUNS := runs/study
TRAIN := $(BIN)/agroflux-train

study: $(PLANS:%=$(RUNS)/.%.finished)
	$(TRAIN) table $(RUNS) --paper --output study/tables
	$(TRAIN) figures gain $(RUNS) --output study/gain.png --csv study/gain.csv
	$(TRAIN) figures groups $(RUNS)/ecosys_temporal/ealstm --output study/groups.png --csv study/groups.csv
	$(TRAIN) figures extrapolation $(addprefix $(RUNS)/ecosys_spatial/,ealstm lightgbm) process:ecosys climatology \
		--task ecosys_spatial --data study/agroflux --output study/extrapolation.png --csv study/extrapolation.csv
	$(TRAIN) figures map $(addsuffix /ealstm/scratch,$(RUNS)/ecosys_spatial $(RUNS)/towers_spatial) \
		--data study/agroflux --output study/map.png
	$(TRAIN) figures series $(addprefix $(RUNS)/towers_temporal/ealstm/,scratch/seed-0 finetune-daycent_temporal/seed-0) \
		--data study/agroflux --output study/series.png
	$(TRAIN) stress $(addsuffix /scratch/seed-0,$(addprefix $(RUNS)/ecosys_temporal/,ealstm lightgbm)) --data study/agroflux \
		--split test --draws 2 --noise 0.25,0.5 --spells 30,90 --output study/stress.csv --plot study/stress.png
	$(TRAIN) figures distributions --of inputs --data study/agroflux --output study/inputs.png
	$(TRAIN) figures distributions --of outputs --data study/agroflux --output study/outputs.png
	$(TRAIN) table $(RUNS)/ecosys_temporal/*/scratch $(RUNS)/ecosys_spatial/*/scratch/fold_0 --data study/agroflux \
		--reference climatology --reference process:ecosys --reference process:daycent \
		--heading baselines/skill_heading.md --output baselines/README.md --csv baselines/skill.csv

study/agroflux/provenance.json: | $(VENV)/installed
	$(BIN)/agroflux-data build study/agroflux --scale small --edition open

# One after another: they share a folder.
$(RUNS)/.%.finished: study/%.yaml study/agroflux/provenance.json
	$(TRAIN) study $< --output $(RUNS) --resume
	@touch $@

# --- Tests and benchmarks.

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: lint
	$(BIN)/python -m pytest -m "not slow"

test-slow: $(VENV)/installed
	$(BIN)/python -m pytest -m slow

# Not among the other tests, as atheris has no wheels for every machine.
fuzz: $(VENV)/installed
	$(BIN)/pip install --quiet "atheris>=3"
	$(BIN)/python -m tests.submission.fuzz 120

bench: $(VENV)/installed
	$(BIN)/python -m benchmarks.batches
	$(BIN)/python -m benchmarks.shards
	$(BIN)/python -m benchmarks.simulate
	$(BIN)/python -m benchmarks.engines
	$(BIN)/python -m benchmarks.cores
	$(BIN)/python -m benchmarks.memory
	$(BIN)/python -m benchmarks.score
	$(BIN)/python -m benchmarks.load
	$(BIN)/python -m benchmarks.probe
	$(BIN)/python -m benchmarks.feed
	$(BIN)/python -m benchmarks.train
	$(BIN)/python -m benchmarks.page
	$(BIN)/python -m benchmarks.store

clean:
	rm -rf demo .pytest_cache .mypy_cache .ruff_cache .hypothesis
