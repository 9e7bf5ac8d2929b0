# Every target is a line or two that calls scripts/; PYTHON chooses the interpreter.
PYTHON ?= python3.11
VENV ?= .venv
RUN = $(VENV)/bin

.PHONY: demo test check bench literature repeatability soak aarch64 deploy-aarch64 service-proof release constraints clean

demo: ## install, build a model at the quick preset, read a sample picture with it
	@PYTHON=$(PYTHON) VENV=$(VENV) scripts/install.sh train
	@VENV=$(VENV) scripts/demo.sh

test: ## install what the tests need and run them, two modules at a time (ARGS="-n 0": one)
	@PYTHON=$(PYTHON) VENV=$(VENV) scripts/install.sh train,test
	@$(RUN)/python -m pytest -n 2 --dist loadfile $(ARGS)

check: ## lint, formatting and types of both packages
	@PYTHON=$(PYTHON) VENV=$(VENV) scripts/install.sh train,test
	@VENV=$(VENV) scripts/check.sh

bench: ## measure what the README states; writes benchmarks/results/
	@PYTHON=$(PYTHON) VENV=$(VENV) scripts/install.sh train
	@VENV=$(VENV) scripts/bench.sh

literature: ## train (hours, resumed) and measure every system of the literature; writes its tables
	@PYTHON=$(PYTHON) VENV=$(VENV) scripts/install.sh train
	@nice $(RUN)/python benchmarks/literature.py train
	@$(RUN)/python benchmarks/literature.py measure
	@$(RUN)/python benchmarks/literature_tables.py

repeatability: ## run `bench` ten times on the released models and state how much the ratio moves
	@PYTHON=$(PYTHON) VENV=$(VENV) scripts/install.sh train
	@$(RUN)/python benchmarks/repeatability.py

soak: ## run the reader for 30 minutes with a camera and a broker that fail
	@PYTHON=$(PYTHON) VENV=$(VENV) scripts/install.sh train,test
	@$(RUN)/python benchmarks/soak.py --minutes 30 --out benchmarks/results/soak.json

aarch64: ## prove the device package on emulated ARM boards
	@PYTHON=$(PYTHON) VENV=$(VENV) scripts/install.sh train,test
	@$(RUN)/python scripts/aarch64/prove.py --out benchmarks/results/aarch64.json

deploy-aarch64: ## prove edge-hdr deploy over ssh to an emulated 64-bit ARM board (root)
	@PYTHON=$(PYTHON) VENV=$(VENV) scripts/install.sh train,test
	@$(RUN)/python scripts/aarch64/prove_deploy.py

service-proof: ## boot a Debian in a container and prove the systemd unit (root)
	@PYTHON=$(PYTHON) VENV=$(VENV) scripts/install.sh train,test
	@VENV=$(VENV) scripts/service_proof.sh

release: ## train the released models on full MNIST (hours) and put them into models/
	@PYTHON=$(PYTHON) VENV=$(VENV) scripts/install.sh train
	@VENV=$(VENV) scripts/release.sh $(MODELS)

constraints: ## freeze the versions that are installed into constraints.txt
	@VENV=$(VENV) scripts/freeze.sh

clean: ## remove the demo, caches and the virtual environment
	rm -rf demo $(VENV) .pytest_cache .mypy_cache .ruff_cache
