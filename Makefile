# `make` lists the targets.

# A Python, by name or path (PYTHON=python3.12); without it the newest on the PATH. Another one makes VENV again.
export PYTHON ?=
export VENV ?= .venv

.PHONY: help run demo admin brokers test test-fast test-faults mutants soak bench screenshots lint lock clean venv

help:
	@echo "make run    start everything; Ctrl-C stops it"
	@echo "make demo   an evening in fast motion, to look at on the screens: start everything, order, cook, serve;"
	@echo "            MINUTES=10, SEED=7"
	@echo "make admin  make EMAIL's account an admin's; where there is none, make it"
	@echo "make venv   make .venv, and again when what is pinned has changed; all others do it first"
	@echo "make test   check style, types, architecture, and behaviour, with one of each kind of what test-faults does"
	@echo "make test-fast    of that what needs no server, in seconds"
	@echo "make brokers  get the releases of RabbitMQ that test-faults tries, which else gets them itself"
	@echo "make test-faults  all other faults, attacks and ways to use a page, and what takes long"
	@echo "make mutants  take out each mechanism that a guarantee rests on, and see that its test fails"
	@echo "make soak   break everything in turn under a load of ORDERS orders, and balance the books"
	@echo "make bench  measure everything, or ONLY=intake,tracking,live,kitchen,stations,operating,growth,standby,memory,scaling,"
	@echo "            into bench/RESULTS.md;"
	@echo "            ORDERS=10000000 is how many growth fills in (10 GB of disk, and a quarter of an hour);"
	@echo "            AGAINST=<git revision> measures that code, too, in turn with this one (intake, tracking)"
	@echo "make lint   check the code without running it"
	@echo "make screenshots  take the pictures of the README into docs/screens/; ONLY=board only that one"
	@echo "make lock   pin what pyproject.toml asks for"
	@echo "make clean  remove what the others made, with the data of make run"
	@echo "Each takes PYTHON=python3.12, a name or a path; without it, the newest on the PATH."

venv:
	@devstack/bootstrap.sh

# If make itself is killed, everything ends as well.
run: venv
	@setpriv --pdeathsig TERM $(VENV)/bin/python -m devstack run

demo: venv
	@setpriv --pdeathsig TERM $(VENV)/bin/python -W ignore -m devstack demo \
		$(if $(MINUTES),--minutes $(MINUTES)) $(if $(SEED),--seed $(SEED))

# Of what `make run` runs, or of DATABASE_URL.
admin: venv
	@[ ! -e .devstack/env ] || . ./.devstack/env; $(VENV)/bin/python -W ignore -m order_service.accounts.admin "$$EMAIL"

# How many tests run beside each other: they also wait, so more than there are cores.
JOBS ?= $(shell echo $$((2 * $$(nproc))))
# Tests of one file share what they start. Files come in any order: by their numbers of tests, the long ones came last.
PYTEST = $(VENV)/bin/python -m pytest --dist loadfile --no-loadscope-reorder -o tmp_path_retention_policy=failed

test: lint
	$(PYTEST) -n $(JOBS) -m "not matrix"

test-fast: venv
	$(VENV)/bin/python -m pytest -n 2 tests/unit

brokers: venv
	$(VENV)/bin/python -m devstack.rabbitmq_releases

# Faults are timed: no more at a time than there are cores.
test-faults: venv
	$(PYTEST) -n $(shell nproc) -m matrix

mutants: venv
	@$(VENV)/bin/python -W ignore -m tests.mutants $(if $(ONLY),--only "$(ONLY)")

soak: venv
	@$(VENV)/bin/python -W ignore -m tests.soak --orders $(or $(ORDERS),10000)

# QUICK=1 only sees whether it works. MINUTES is how long memory is watched.
bench: venv
	@setpriv --pdeathsig TERM $(VENV)/bin/python -W ignore -m bench $(if $(ONLY),--only $(ONLY)) \
		$(if $(AGAINST),--against $(AGAINST)) \
		$(if $(ORDERS),--orders $(ORDERS)) $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(MINUTES),--minutes $(MINUTES)) $(if $(QUICK),--quick)

screenshots: venv
	@$(VENV)/bin/python -W ignore -m tests.screenshots $(ONLY)

lint: venv
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

lock: venv
	@devstack/lock.sh

clean:
	@[ ! -e .devstack/lock ] || flock --nonblock .devstack/lock true || { echo "make run is running" >&2; exit 1; }
	rm -rf .venv .venv-* .devstack .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
