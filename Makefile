# demo: see it work. test: prove it works. Both set up everything they need from nothing.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

.PHONY: demo test lint bench pictures install clean server chromium

demo: $(VENV)/.demo ## a seller's day of mail, read by the real daemon
	@$(BIN)/triage demo

test: $(VENV)/.dev server chromium lint ## the whole test suite, with a real Dovecot and a real browser
	$(BIN)/python -m pytest

lint: $(VENV)/.dev ## formatter-independent checks: ruff and mypy, strict
	$(BIN)/ruff check triage tests benchmarks
	$(BIN)/mypy

bench: $(VENV)/.dev server ## figures: start, memory, throughput, alerts, many mailboxes, learning, the board; 200,000 mutated mails; kills and bad lines
	$(BIN)/python benchmarks/run.py
	$(BIN)/python benchmarks/outbox.py
	$(BIN)/python benchmarks/mailboxes.py
	$(BIN)/python benchmarks/learning.py
	$(BIN)/python benchmarks/board.py
	$(BIN)/python benchmarks/fuzz.py
	$(BIN)/python benchmarks/reliability.py

pictures: $(VENV)/.dev chromium ## the pictures of the board in the docs
	$(BIN)/python docs/pictures/make.py

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

# The board is tested in a real browser; Chinese needs a font to be seen.
chromium:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    echo "installing chromium ..."; \
	    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium fonts-noto-cjk; } >/dev/null 2>&1 \
	      || { echo "chromium could not be installed; try: apt-get install chromium" >&2; exit 1; }; \
	  else echo "the tests need Chromium: sudo apt-get install chromium (macOS: brew install --cask chromium)" >&2; exit 1; fi; }

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache
