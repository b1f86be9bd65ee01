# make run     the daemon on the bundled sample, tags changing live
# make test    everything that must hold: formatting, types, tests; the Kafka of GENRED_TEST_BOOTSTRAP, else its own
# make setup   what both need, into .venv (system packages too, when root)
PYTHON ?= python3
JOBS ?= 2
PEERS ?= .cache/peers
ENGINE ?= .cache/engine
PLAIN := .cache/plain/musicnn-msd-plain.onnx
export PYTHON
# The tests start hundreds of processes, each of which would compile all that it imports.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test test-openvino setup setup-test lint plain bench bench-engine bench-peers bench-kafka chaos soak lock image-check clean help

help:
	@sed -n 's/^# make/make/p' Makefile

setup:
	@.ci/setup run

setup-test:
	@.ci/setup test

run: setup
	@.venv/bin/genred run -c deploy/demo/genred.toml

lint: setup-test
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

test: setup setup-test lint test-openvino
	.venv/bin/pytest -n $(JOBS) --dist loadfile

# make test-openvino   bfloat16 by OpenVINO, in an environment of its own: its onnxruntime excludes the other
test-openvino: setup-test
	@$(MAKE) --no-print-directory .venv-openvino/.done
	.venv-openvino/bin/python -m pytest tests/test_openvino.py tests/test_openvino_graph.py

.venv-openvino/.done: pyproject.toml
	.venv/bin/uv venv --quiet --allow-existing --python .venv/bin/python .venv-openvino
	.venv/bin/uv pip install --quiet --python .venv-openvino/bin/python \
	  -e '.[openvino]' hypothesis pytest pytest-timeout trustme
	touch $@

# make bench   the figures of docs/benchmarks.md
bench: setup-test plain
	.venv/bin/genred bench file --plain-model $(PLAIN)

plain:
	mkdir -p $(dir $(PLAIN))
	.venv/bin/genred export import-musicnn --model msd --arrangement plain -o $(dir $(PLAIN))

# make bench-engine   the engine beside the processor's peak, latency by load, the most streams: twenty minutes
bench-engine: setup-test
	mkdir -p $(ENGINE)
	.venv/bin/genred bench engine --json $(ENGINE)/engine.json
	.venv/bin/genred bench latency --json $(ENGINE)/latency.json --plot $(ENGINE)/latency.png
	.venv/bin/genred bench streams --json $(ENGINE)/streams.json

# make bench-peers   genred beside Essentia and musicnn, each in an environment of its own (2.4 GB), and librosa
bench-peers: setup-test plain $(PEERS)/essentia/.done $(PEERS)/musicnn/.done
	.venv/bin/genred bench peers --plain-model $(PLAIN) --json $(PEERS)/figures.json \
	  --essentia-python $(PEERS)/essentia/bin/python --musicnn-python $(PEERS)/musicnn/bin/python

$(PEERS)/essentia/.done:
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/pip install -q essentia-tensorflow
	touch $@

# TensorFlow 2.15 is the last with the layers that musicnn is written in, and has wheels up to Python 3.11.
$(PEERS)/musicnn/.done:
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/pip install -q tensorflow-cpu==2.15.1 'numpy<2' librosa
	$(@D)/bin/pip install -q --no-deps musicnn==0.1.0
	touch $@

# make chaos   workers and brokers killed, stopped and paused amid a broadcast, a quarter of an hour; docs/chaos.md
chaos: setup-test
	.venv/bin/python -m tests.chaos --report docs/chaos.md

# make soak   a hundred live streams, the broker killed and the model swapped now and then; MINUTES=240: for hours; docs/soak.md
MINUTES ?= 10
soak: setup-test
	.venv/bin/python -m tests.soak --minutes $(MINUTES) --report docs/soak.md

# make bench-kafka   one Kafka worker beside the engine alone, with a broker of its own
bench-kafka: setup-test
	.venv/bin/python -m tests.with_broker .venv/bin/genred bench kafka --bootstrap '{bootstrap}'

# make lock   the versions in the container images, anew: deploy/docker/requirements.*.txt
LOCK := .venv/bin/uv pip compile --quiet --upgrade --generate-hashes --no-annotate --custom-compile-command 'make lock'
lock: setup-test
	echo 'setuptools>=77' | $(LOCK) - --python-version 3.11 --python-platform x86_64-manylinux_2_36 \
	  -o deploy/docker/requirements.build.txt
	$(LOCK) pyproject.toml --extra cpu --extra otel --python-version 3.11 --python-platform x86_64-manylinux_2_36 \
	  -o deploy/docker/requirements.cpu.txt
	$(LOCK) pyproject.toml --extra gpu --extra otel --python-version 3.12 --python-platform x86_64-manylinux_2_39 \
	  -o deploy/docker/requirements.gpu.txt

# make image-check   the CPU image's steps in a clean root (needs root), its size, and a run of it; docs/containers.md
image-check: setup-test
	.venv/bin/python -m tests.image_check

clean:
	rm -rf .venv .venv-openvino .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist *.egg-info
