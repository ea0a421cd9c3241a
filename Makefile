# demo: see it work. test: prove it works. Both set up everything they need from nothing.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

.PHONY: demo test lint bench install clean server

demo: $(VENV)/.demo ## a seller's day of mail, read by the real daemon
	@$(BIN)/triage demo

test: $(VENV)/.dev server lint ## the whole test suite, with a real Dovecot
	$(BIN)/python -m pytest

lint: $(VENV)/.dev ## formatter-independent checks: ruff and mypy, strict
	$(BIN)/ruff check triage tests benchmarks
	$(BIN)/mypy

bench: $(VENV)/.dev server ## figures: start, memory, throughput, alerts, many mailboxes, learning; 200,000 mutated mails; kills and bad lines
	$(BIN)/python benchmarks/run.py
	$(BIN)/python benchmarks/outbox.py
	$(BIN)/python benchmarks/mailboxes.py
	$(BIN)/python benchmarks/learning.py
	$(BIN)/python benchmarks/fuzz.py
	$(BIN)/python benchmarks/reliability.py

install: $(VENV)/.demo

$(VENV)/.demo: pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "install the venv module first: apt-get install python3-venv" >&2; exit 1; }
	@echo "installing (half a minute, once) ..."
	@$(BIN)/pip install --quiet --use-pep517 --disable-pip-version-check -e '.[demo]'
	@touch $@

$(VENV)/.dev: pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "install the venv module first: apt-get install python3-venv" >&2; exit 1; }
	@echo "installing (half a minute, once) ..."
	@$(BIN)/pip install --quiet --use-pep517 --disable-pip-version-check -e '.[dev]'
	@touch $@ $(VENV)/.demo

# The integration tests run against a real Dovecot. As root on Debian it is installed; elsewhere we say how.
server:
	@command -v dovecot >/dev/null || test -x /usr/sbin/dovecot || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    echo "installing dovecot-imapd ..."; \
	    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq dovecot-imapd; } >/dev/null 2>&1 \
	      || { echo "dovecot-imapd could not be installed; try: apt-get install dovecot-imapd" >&2; exit 1; }; \
	  else echo "the tests need Dovecot: sudo apt-get install dovecot-imapd (macOS: brew install dovecot)" >&2; exit 1; fi; }

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache
