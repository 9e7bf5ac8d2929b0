#!/usr/bin/env bash
# Write the installed versions, names and versions only, to constraints.txt.
set -euo pipefail
cd "$(dirname "$0")/.."
{
  echo "# The versions that the tests passed with. Made by: make constraints"
  "${VENV:-.venv}/bin/python" -m pip list --format=freeze --exclude-editable \
    | grep -vE '^(pip|setuptools|wheel|edge-hdr)=='
} > constraints.txt
