# `make demo`: set up and run the main job. `make test`: set up and test.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: help demo demo-link test test-report test-serving test-ray test-link slow lint \
	results bench mutants user clean

help:
	@echo "make demo   train a baseline and split networks on digits, report"
	@echo "make demo-link  after it: device and server over a link that changes"
	@echo "make test   lint and fast tests (about five minutes on two cores)"
	@echo "make slow   all tests, the slow ones too"
	@echo "make test-serving  a real Triton serves an export (~500 MB)"
	@echo "make test-ray  trials on a local Ray (240 MB)"
	@echo "make test-report   reports in a real browser (Debian's chromium)"
	@echo "make test-link  two emulated machines (root, /dev/net/tun)"
	@echo "make user   a new user: photos and a .keras file, to served answers"
	@echo "make results  the CIFAR-10 table of docs/results.md, for hours"
	@echo "make bench  speed against the bound, as ratios"
	@echo "make mutants  faults that the tests must notice, ten minutes"

# Python keeps what it compiles. The largest packages are compiled at once, on
# all cores; compiling everything would take longer than importing what is used.
unexport PYTHONDONTWRITEBYTECODE
LARGE := tensorflow/python keras sklearn matplotlib

# The pinned versions are those that demo and tests were made with.
$(STAMP): setup.py constraints.txt bottlenet_tf/codec/_range_coder.c
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --no-compile \
		--constraint constraints.txt --editable '.[dev]'
	@$(BIN)/python -m compileall -q -j 0 \
		$(addprefix $(VENV)/lib/python3*/site-packages/,$(LARGE)) >/dev/null
	@touch $(STAMP)

demo: $(STAMP)
	$(BIN)/python -m bottlenet_tf.cli.demo

# Two minutes after `make demo`. Triton is taken if `make test-serving` has
# installed it, namespaces if there is root.
demo-link: $(STAMP)
	$(BIN)/python -m bottlenet_tf.cli.demo_link

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

# Whether TensorFlow uses oneDNN depends on the processor, so tests set it: on,
# as the programs do (tests/conftest.py). A server may have it off, so the tests
# marked `onednn` run again with the other setting (tests/export/test_onednn.py).
test: lint
	$(BIN)/python -m pytest

slow: lint
	$(BIN)/python -m pytest -m "not serving and not ray and not browser and not link"

# Headless, without a driver.
test-report: $(STAMP)
	@command -v chromium >/dev/null && command -v pdftotext >/dev/null || \
		{ echo "Needs: apt-get install chromium poppler-utils"; exit 1; }
	$(BIN)/python -m pytest tests/report -m browser -n 0

# Triton in an environment of its own, without TensorFlow. Its Python backend
# loads the system's libpython, so that must be the system's Python 3.11
# (Debian: python3.11-venv), not one built elsewhere.
SERVING_PYTHON ?= /usr/bin/python3.11
SERVING_VENV ?= .venv-serving
SERVING_STAMP := $(SERVING_VENV)/.installed
$(SERVING_STAMP): tests/serving/requirements.txt
	$(SERVING_PYTHON) -m venv $(SERVING_VENV)
	$(SERVING_VENV)/bin/pip install --quiet --disable-pip-version-check \
		--no-compile --requirement tests/serving/requirements.txt
	@touch $(SERVING_STAMP)

test-serving: $(STAMP) $(SERVING_STAMP)
	BOTTLENET_SERVING_VENV=$(SERVING_VENV) $(BIN)/python -m pytest \
		tests/serving -m serving -n 0 -rs

test-ray: $(STAMP)
	$(BIN)/pip install --quiet --disable-pip-version-check \
		--constraint constraints.txt --editable '.[search]'
	$(BIN)/python -m pytest tests/search -m ray -n 0

# Network namespaces joined by the emulated link. Without root they are skipped,
# with the reason; the proxy, which needs none, is tested by `make test`.
test-link: $(STAMP)
	$(BIN)/python -m pytest tests/emulation tests/cli/test_link.py \
		-m link -n 0 -rs

# All CIFAR-10 results, hours on two cores. Finished runs are skipped, a killed
# one is resumed. The first of each three is where the other two start.
CIFAR10 := resnet20_rb3_256 resnet20_rb3_128 resnet20_rb3_512 \
	resnet20_rb1_256 resnet20_rb1_128 resnet20_rb1_512 \
	resnet20_rb6_128 resnet20_rb6_64 resnet20_rb6_32 \
	resnet20_rb9_64 resnet20_rb9_20 resnet20_rb9_14 \
	resnet56_rb4_256 resnet56_rb4_128 resnet56_rb4_512
results: $(STAMP)
	for run in $(CIFAR10); do \
		$(BIN)/python train.py --flagfile=flags/cifar10_$$run.flags \
			|| exit 1; done
	$(BIN)/python -m bottlenet_tf.cli.figure7 \
		--flagfile=flags/cifar10_figure7.flags

# A new user's way on a fresh clone with an environment of its own.
user:
	rm -rf build/user && git clone --quiet . build/user
	$(MAKE) -C build/user .venv/.installed
	build/user/.venv/bin/python -m pytest build/user/tests/test_new_user.py \
		-m slow -n 0 --rootdir=build/user

mutants: $(STAMP)
	$(BIN)/python benchmarks/mutants.py

bench: $(STAMP)
	$(BIN)/python benchmarks/byte_side.py
	$(BIN)/python benchmarks/entropy_coding.py
	$(BIN)/python benchmarks/training_step.py
	$(BIN)/python benchmarks/batch_norm.py
	$(BIN)/python benchmarks/input_pipeline.py --dataset=digits

clean:
	rm -rf $(VENV) $(SERVING_VENV)
