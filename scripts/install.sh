#!/usr/bin/env bash
# Make the virtual environment and install edge-hdr with extras, e.g. `install.sh train,test`.
set -euo pipefail
cd "$(dirname "$0")/.."
extras=${1:-train}
venv=${VENV:-.venv}
python=${PYTHON:-python3.11}
command -v "$python" >/dev/null || python=python3

if [ ! -x "$venv/bin/python" ]; then
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "error: $("$python" --version) is too old" >&2
    echo "hint: install Python 3.11 or newer, or name one: make demo PYTHON=/path/to/python3" >&2
    exit 3
  }
  echo "making a virtual environment in $venv" >&2
  "$python" -m venv "$venv"
fi

stamp="$venv/.edge-hdr-$(echo "$extras" | tr ',' '-')-$(cat pyproject.toml constraints.txt | cksum | cut -d' ' -f1)"
if [ ! -e "$stamp" ]; then
  echo "installing edge-hdr[$extras]; the packages for training take about 2.5 GB" >&2
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    --editable ".[$extras]" --constraint constraints.txt
  touch "$stamp"
fi
