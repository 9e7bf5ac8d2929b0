# Make a folder for wheels, and remove what is left of those that a cut connection kept from it.
# Argument: the folder for uploads.
umask 077
mine=$1/edge-hdr-wheels.$(id -u)
find "$1" -maxdepth 1 -name "${mine##*/}.*" -mmin +1440 -exec rm -rf {} + 2>/dev/null
mktemp -d "$mine.XXXXXXXX"
