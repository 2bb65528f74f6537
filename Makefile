# Veripix: `make run` starts the portal, `make test` runs every test. Each does its own set-up.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
LOCK := $(BIN)/uv pip compile --quiet --python-version 3.11 --no-annotate --no-header --generate-hashes
ARGS ?=
# Where nobody chooses: two processes; one that is lost is not replaced.
ALL := -n 2 --max-worker-restart=0

.PHONY: help run test check bench faults soak fuzz format schema licences sbom lock bootstrap-run bootstrap-test

help:
	@echo "make run    start the portal (PORT=8000) and end it with Ctrl-C"
	@echo "make test   run every test (ARGS='-k name' passes on to pytest)"
	@echo "make check  format, lint, types, contracts, migrations, deployment, licences, secrets, advisories"
	@echo "make bench  measure the model and the portal (ARGS=--write updates docs/benchmarks.md)"
	@echo "make faults kill, fill and cut off what can be, with images on their way (ARGS='--only NAME', ARGS=--write)"
	@echo "make soak   twenty minutes at half load: memory and open files stay flat"
	@echo "make fuzz   damaged files through what reads metadata (ARGS='--seconds 60 --seed 0')"
	@echo "make format rewrite the code in the house style"
	@echo "make schema write the description of the REST interface anew"
	@echo "make licences write docs/licences.md anew; make sbom writes the bill of materials to var/sbom/"
	@echo "make lock   compile requirements*.txt from pyproject.toml"

run: bootstrap-run
	@exec $(BIN)/python manage.py serve $(ARGS)

test: bootstrap-test
	@exec $(BIN)/python -m pytest $(or $(ARGS),$(ALL))

check: bootstrap-test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python -m tools.deployment
	$(BIN)/python -m tools.schema
	$(BIN)/python -m tools.requirements
	$(BIN)/python -m tools.compose
	$(BIN)/python -m tools.licences
	$(BIN)/python -m tools.secrets
	$(BIN)/python -m tools.advisories

bench: bootstrap-test
	@exec $(BIN)/python -m bench $(ARGS)

faults: bootstrap-test
	@exec $(BIN)/python -m tests.faults $(ARGS)

soak: bootstrap-test
	@exec $(BIN)/python -m bench.soak $(ARGS)

fuzz: bootstrap-test
	@exec $(BIN)/python -m tools.fuzz $(ARGS)

format: bootstrap-test
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format

schema: bootstrap-test
	$(BIN)/python -m tools.schema --write

licences: bootstrap-test
	$(BIN)/python -m tools.licences --write

sbom: bootstrap-test
	@exec $(BIN)/python -m tools.sbom

lock: bootstrap-test
	$(LOCK) --all-extras pyproject.toml -o requirements-dev.txt $(ARGS)
	$(LOCK) --extra ml -c requirements-dev.txt pyproject.toml -o requirements.txt
	$(LOCK) -c requirements-dev.txt pyproject.toml -o requirements-web.txt
	$(LOCK) --extra flower -c requirements-dev.txt pyproject.toml -o requirements-flower.txt

bootstrap-run bootstrap-test: bootstrap-%:
	@test -n "$(PYTHON)" || { echo "Veripix needs Python 3.11: install it (Debian, Ubuntu: apt install python3.11)."; exit 1; }
	@$(PYTHON) tools/bootstrap.py $*
