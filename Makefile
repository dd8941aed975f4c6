# `make run` and `make test` do all the set-up: they need Python 3.11 or newer, and make.
PYTHON ?= python3

venv := .venv
python := $(venv)/bin/python
pip := $(python) -m pip --disable-pip-version-check install --quiet

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

# What is trained in seconds to be served at once, and what is trained meanwhile to follow it.
quick := textbook
better := default

# A shell starts background jobs deaf to Ctrl-C, so this one passes it on, as SIGTERM.
.PHONY: run
run: $(venv)/.training ## serve the model; if there is none, train one in seconds, and a better one meanwhile
	@shown=$$($(python) -m registry show 2>&1); case $$? in \
	  0) ;; \
	  4) $(python) -m training --recipe $(quick) || exit; shown=recipe=$(quick) ;; \
	  *) echo "$$shown" >&2; exit 1 ;; \
	esac; \
	trap 'trap "" INT TERM HUP; kill $$jobs 2>/dev/null; wait' EXIT; trap 'exit 0' INT TERM HUP; \
	case $$shown in *recipe=$(quick)*) (\
	  $(python) -m registry show 2 >/dev/null 2>&1 && exit; \
	  echo "training a better model meanwhile: var/training.log"; mkdir -p var; \
	  exec nice $(python) -m training --recipe $(better) --resume --log-format text \
	    >var/training.log 2>&1) & jobs=$$! ;; \
	esac; \
	$(python) -m service & jobs="$$jobs $$!"; wait $$!

.PHONY: train
train: $(venv)/.training ## train, register and promote a new version
	$(python) -m training

.PHONY: test
test: lint ## check style and types, then run the tests
	$(python) -m pytest -m "not full and not faults and not container"

.PHONY: test-full
test-full: $(venv)/.test ## run the slow tests, some on the whole of MNIST
	$(python) -m pytest -m full

.PHONY: test-faults
test-faults: $(venv)/.test ## kill stores and workers, fill disks, damage caches, set clocks
	$(python) -m pytest -m faults tests/faults

version := $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
# With docker where its daemon answers, else with buildah; only its own format knows HEALTHCHECK.
# BUILD_FLAGS may have what Dockerfile begins with: bases, and secrets for a mirror.
build = $(if $(shell docker ps 2>/dev/null),docker build,buildah bud --format docker) $(BUILD_FLAGS)
.PHONY: image
image: ## build the image of the service, with docker or buildah
	$(build) --target serve --tag ziffer-serve:$(version) --build-arg VERSION=$(version) \
	  --build-arg REVISION=$$(git rev-parse HEAD) --build-arg CREATED=$$(git log -1 --format=%cI) .

.PHONY: sbom
sbom: ## write var/sbom.cdx.json, which lists the packages in that image
	$(build) --target sbom --output type=local,dest=var .

.PHONY: test-container
test-container: $(venv)/.test ## build the image and ask it, as nobody on a read-only root
	$(python) -m pytest tests/container -m "not full" --capture=no

# The tests' own conftest.py belongs to the project's environment, hence --confcutdir.
clients = -m pytest --confcutdir=tests/clients -W default tests/clients
.PHONY: test-clients
test-clients: $(venv)/.test $(venv)-clients/.installed $(venv)-clients-mlserver/.installed ## let others' clients ask the service
	$(venv)-clients/bin/python $(clients)
	$(venv)-clients-mlserver/bin/python $(clients)

.PHONY: lint
lint: $(venv)/.test lint-infra ## check style and types, and what infra/ describes
	$(python) -m ruff check
	$(python) -m ruff format --check
	$(python) -m mypy

infra_bin := $(venv)-infra/bin
# tests/test_infra_kubernetes.py checks the kinds that are not Kubernetes's own.
kubernetes_validate = $(infra_bin)/kubernetes-validate --strict --quiet --no-warn --kubernetes-version
.PHONY: lint-infra
lint-infra: $(venv)-infra/.installed
	$(infra_bin)/cfn-lint --include-checks I -- infra/aws/*.yaml
	$(infra_bin)/python infra/aws/translate.py infra/aws/function.yaml >/dev/null
	$(infra_bin)/docker-compose --profile better config --quiet
	@! command -v promtool >/dev/null || promtool check config infra/compose/prometheus.yaml >/dev/null
	@if command -v kubectl >/dev/null; then for overlay in infra/kubernetes/overlays/*; do \
	  manifests=$$(kubectl kustomize $$overlay) \
	    && echo "$$manifests" | $(kubernetes_validate) 1.31 - \
	    && echo "$$manifests" | $(kubernetes_validate) 1.37 - || exit; \
	done; else echo "kubectl is not installed: infra/kubernetes is not checked"; fi
	$(infra_bin)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(infra_bin)/check-jsonschema --quiet --builtin-schema vendor.dependabot .github/dependabot.yml
	$(infra_bin)/hadolint Dockerfile

.PHONY: format
format: $(venv)/.test ## format the code
	$(python) -m ruff check --fix
	$(python) -m ruff format

.PHONY: bench
bench: $(venv)/.test $(venv)-bench/.keras $(venv)-bench-service/.installed $(venv)-bench-mlserver/.installed ## run all benchmarks, and write the table of benchmarks/RESULTS.md
	$(python) -m registry show >/dev/null 2>&1 || $(python) -m training
	$(python) -m benchmarks

.PHONY: bench-registry
bench-registry: $(venv)/.test ## measure the registry against bare boto3, and MLflow if it is there
	$(python) -m benchmarks.registry

.PHONY: bench-training
bench-training: $(venv)/.training $(venv)-bench/.keras ## measure training against Keras, textbook PyTorch and bare products
	$(python) -m benchmarks.training

.PHONY: bench-service
bench-service: $(venv)/.test $(venv)-bench-service/.installed $(venv)-bench-mlserver/.installed ## measure the service against plain Flask, lean FastAPI, LitServe and MLServer
	$(python) -m benchmarks.service
	$(python) -m benchmarks.cold_start

.PHONY: bench-batch
bench-batch: $(venv)/.test ## measure batch prediction against bare onnxruntime
	$(python) -m benchmarks.batch_prediction

.PHONY: eval-real
eval-real: $(venv)/.training ## measure how well digits are read in drawings, photographs and print
	$(python) -m benchmarks.real_digits

.PHONY: picture
picture: $(venv)/.test ## take README's picture of the page of the running service
	$(python) docs/picture.py

.PHONY: figures
figures: $(venv)/.test ## draw the figures of docs/training.md
	$(python) -m docs.figures

.PHONY: tutorial
tutorial: $(venv)/.test ## run docs/tutorial.md from top to bottom, and paste what it prints
	$(python) -m docs.tutorial

.PHONY: settings
settings: $(venv)/.test ## write docs/settings.md anew from the code
	$(python) -m docs.settings

compile = $(python) -m uv pip compile --quiet --universal --generate-hashes --python-version 3.11 \
	--custom-compile-command "make lock"
lock = $(compile) --override requirements/without-torch.txt pyproject.toml

.PHONY: lock
lock: $(venv)/.created ## pin the newest versions that pyproject.toml allows
	$(pip) uv
	$(lock) --upgrade --output-file requirements/service.txt
	$(lock) --upgrade --output-file requirements/training.txt --extra training
	$(lock) --upgrade --output-file requirements/test.txt --extra training --extra test
	$(lock) --upgrade --output-file requirements/image.txt --extra lambda --extra opentelemetry \
	  --extra signing
	$(compile) --upgrade --output-file requirements/sbom.txt --group sbom
	$(compile) --upgrade --output-file requirements/bench.txt --group bench
	$(compile) --upgrade --output-file requirements/bench-service.txt --group bench-service
	$(compile) --upgrade --output-file requirements/bench-mlserver.txt --group bench-mlserver
	$(compile) --upgrade --output-file requirements/infra.txt --group infra
	$(compile) --upgrade --output-file requirements/clients.txt --group clients
	$(compile) --upgrade --output-file requirements/clients-mlserver.txt --group clients-mlserver

.PHONY: clean
clean: ## remove the virtual environment and all caches; the registry in var/ stays
	rm -rf $(venv) $(venv)-bench* $(venv)-clients* $(venv)-infra .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(venv)/.created:
	@$(PYTHON) -c 'import sys; sys.exit("Ziffer needs Python 3.11 or newer: make PYTHON=..." if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv --clear $(venv)
	@touch $@

# torch comes first and by itself, so that pip takes whatever build of it is at hand.
$(venv)/.training: requirements/training.txt | $(venv)/.created
	$(pip) torch==2.13.0
	$(pip) --requirement requirements/training.txt
	@touch $@

$(venv)/.test: requirements/test.txt $(venv)/.training
	$(pip) --requirement requirements/test.txt
	@touch $@

# TensorFlow is 1.5 GB, and no part of the project.
$(venv)-bench/.keras: requirements/bench.txt
	$(PYTHON) -m venv --clear $(venv)-bench
	$(venv)-bench/bin/python -m pip --disable-pip-version-check install --quiet --requirement $<
	@touch $@

# Who asks, or would serve, in an environment of its own.
$(venv)-%/.installed: requirements/%.txt
	$(PYTHON) -m venv --clear $(@D)
	$(@D)/bin/python -m pip --disable-pip-version-check install --quiet --requirement $<
	@touch $@
