"""Where what is sent to a board lies while it is used there."""

from __future__ import annotations

# /tmp may be memory. The folder's name tells whose it is and which shell made it, so that what a
# shell left that was killed, or whose board lost its power, is swept by the next one.
PRIVATE_FOLDER = """\
set -eu
umask 077
mine=/var/tmp/edge-hdr.$(id -u)
for old in "$mine".*; do
  shell=${old#"$mine".}
  [ ! -e "$old" ] || [ -d "/proc/${shell%%.*}" ] || rm -rf "$old"
done
folder=$(mktemp -d "$mine.$$.XXXXXXXX")
trap 'rm -rf "$folder"' EXIT
trap 'exit 129' HUP INT TERM
"""
"""The beginning of a shell script: `$folder` is its own and goes when it ends, however it ends."""
