# Take an archive from stdin into a folder of its own, install it, and leave nothing of it.
# Arguments: the archive's size in bytes, public keys or "", an archive of wheels or "", how to
# become root ("is", "sudo" or "none"), the Python, the folder for uploads, and the words for the
# installer.
set -eu
umask 077
size=$1 trust=$2 wheels=$3 root=$4 python=$5 uploads=$6
shift 6
mine=$uploads/edge-hdr.$(id -u)
for old in "$mine".*; do # what a power cut left; the name tells whose process made it
  shell=${old#"$mine".}
  [ ! -e "$old" ] || [ -d "/proc/${shell%%.*}" ] || rm -rf "$old"
done
folder=$(mktemp -d "$mine.$$.XXXXXXXX")
trap 'rm -rf "$folder" ${wheels:+"${wheels%/*}"}' EXIT
trap 'exit 129' HUP INT TERM
head -c "$size" >"$folder/payload.pyz"
if [ -n "$trust" ]; then
  printf '%s\n' "$trust" >"$folder/trust"
  set -- "$@" --trust "$folder/trust"
fi
set -- "$folder/payload.pyz" install "$folder/payload.pyz" ${wheels:+"$wheels"} "$@"
if [ "$root" = sudo ]; then
  set -- sudo -n -- "$python" "$@"
else
  set -- "$python" "$@"
fi
# what it says goes to files, so that a connection that is cut does not stop it
code=0
"$@" </dev/null >"$folder/said" 2>"$folder/complained" || code=$?
cat "$folder/complained" >&2
cat "$folder/said"
exit "$code"
