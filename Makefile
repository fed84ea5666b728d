# Every command installs the project into .venv first, where that has not been done yet.

# The versions with builds of everything come first; `make PYTHON=...` chooses another.
PYTHONS := python3.12 python3.11 python3 python3.13 python3.14
PYTHON ?= $(shell for python in $(PYTHONS); do \
	$$python -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)

.PHONY: demo test test-all check

demo: .venv/installed
	.venv/bin/python -m benchmarks.demo

# A thread each: two processes of two threads on two cores wait for one another most of the time.
test: .venv/installed
	OMP_NUM_THREADS=1 .venv/bin/python -m pytest -m 'not slow' -n 2 --dist loadfile

test-all: .venv/installed
	.venv/bin/python -m pytest

check: .venv/installed
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy

.venv/installed: pyproject.toml constraints.txt
	$(if $(PYTHON),,$(error No Python 3.11 or later with venv found (tried $(PYTHONS)). \
		Install one, on Debian and Ubuntu also python3-venv, or say make PYTHON=...))
	@echo "Installing into .venv: about 2 minutes and several GB, most of it PyTorch with its CUDA packages."
	.venv/bin/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv
	.venv/bin/python -m pip install --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@
