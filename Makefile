# Two commands are enough: `make run` and `make test`. Both make their own .venv first.

# The first of these that is Python 3.11 or newer; choose another with `make run PYTHON=...`.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.14 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
IN_VENV = .venv/bin/python
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help run test check prove bench lock schema bundle clean python run-venv test-venv browser

help:
	@echo 'make run     everything, on this machine; make run ARGS="--port 9000 --rate 10"'
	@echo 'make test    all tests, one of them in a real browser'
	@echo 'make check   style, imports, migrations and the front-end bundle'
	@echo 'make prove   the long tests: kills, losses, a whole day; reports in tests/proofs/reports'
	@echo 'make bench   speeds and sizes'
	@echo 'make lock    pin requirements/*.in again'
	@echo 'make schema  write ops/schema.sql again, after a new migration'
	@echo 'make clean   remove .venv and what tests and tools left; data in .zenith stays'

run: run-venv
	@exec $(IN_VENV) manage.py up $(ARGS)

test: test-venv browser
	$(IN_VENV) -m tests $(ARGS)

check: test-venv bundle
	$(IN_VENV) -m ruff check
	$(IN_VENV) -m ruff format --check
	.venv/bin/lint-imports
	$(IN_VENV) -m pytest -q tests/ops/test_migrations.py

# The console's bundle is committed; this builds it again from the locked packages and compares.
bundle:
	@command -v npm >/dev/null || { echo 'The bundle check needs Node 20 and npm.' \
		'On Debian and Ubuntu: sudo apt-get install nodejs npm' >&2; exit 1; }
	cd ops/console && export npm_config_update_notifier=false && npm ci --no-audit --no-fund --loglevel=error && npm run --silent check \
		&& node --test --test-reporter=dot tests/*.test.mjs

prove: test-venv
	ZENITH_EXAMPLES=1000 $(IN_VENV) -m pytest tests -m hypothesis --ignore=tests/e2e -n auto --timeout 1800
	$(IN_VENV) -m pytest tests/proofs -o python_files='prove_*.py' -o python_functions='prove_*' --timeout 3600 -s $(ARGS)

bench: test-venv
	@for name in passes isl positions frames decode ingest transfer packaging rollout alarms; do echo "$$name"; $(IN_VENV) -m tests.benchmarks.$$name; done

lock: test-venv
	.venv/bin/python -m pip install --quiet uv
	for lock in pip base test; do .venv/bin/uv pip compile --quiet --universal --python-version 3.11 \
		--generate-hashes --no-header --no-emit-index-url \
		-o requirements/$$lock.txt requirements/$$lock.in || exit 1; done

schema: test-venv
	$(IN_VENV) -m tests.schema

clean:
	rm -rf .venv .peers .pytest_cache .ruff_cache .import_linter_cache .hypothesis ops/console/node_modules
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

python:
	@if [ -z "$(PYTHON)" ]; then echo 'Zenith needs Python 3.11 or newer, and there is none here.' \
		'On Debian and Ubuntu: sudo apt-get install python3 python3-venv' >&2; exit 1; fi

run-venv: python
	@$(PYTHON) requirements/install.py run

test-venv: python
	@$(PYTHON) requirements/install.py test

browser: test-venv
	@$(PYTHON) requirements/install.py browser
