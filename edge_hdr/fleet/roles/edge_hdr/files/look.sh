# Say what an installation needs to know of this board: lines of name=value.
# Arguments: "user" or "any", and the hash of a runtime whose environment may be there, or "".
mode=system
if [ "$1" = user ]; then
  root=none
elif [ "$(id -u)" = 0 ]; then
  root=is
elif sudo -n true </dev/null 2>/dev/null; then
  root=sudo
else
  root=none
fi
base=/opt/edge-hdr
manager=
if [ "$root" = none ]; then
  mode=user
  base="$HOME/.local/share/edge-hdr"
  manager=--user
fi
echo "mode=$mode"
echo "root=$root"
[ -L "$base/current" ] || exit 0
release=$(readlink "$base/current")
echo "current=${release##*/}"
[ ! -L "$base/fallback" ] || echo "trial=yes"
if [ -e "$base/current/edge-hdr-device.service" ]; then
  echo "service=$(systemctl $manager is-active edge-hdr-device.service 2>/dev/null)"
fi
runtime=$(readlink "$base/current/runtime" || true)
if [ -n "$2" ] && [ "${runtime##*/}" = "$2" ] &&
  "$base/current/venv/bin/python" -c 'import numpy' >/dev/null 2>&1; then
  echo "environment=kept"
fi
