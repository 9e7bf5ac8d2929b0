"""The README's tables are those that its results give."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_tables_are_made_from_the_results() -> None:
    command = [sys.executable, "scripts/readme_tables.py", "--check"]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 0, (
        "run: python scripts/readme_tables.py"
    )
