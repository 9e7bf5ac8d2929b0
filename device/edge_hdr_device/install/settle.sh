#!/bin/sh
# Ends a trial whose installer has gone: what ran before is current again, its settings, too.
# Written by the installer of edge-hdr; safe to run at any time, and to kill at any time.
#   settle         unless an installer is at work; never fails, so that the service starts
#   settle held    the caller has the lock
#   settle guard   wait for the installer at the other end of standard input; act when it dies

umask 077 # who may open the lock may hold it
manager=@manager@
base=@base@
etc=@etc@
unit=@unit@
command=@command@
service=edge-hdr-device.service
aside=.before-edge-hdr # added to the name of somebody's own unit
lock_s=10

current=$base/current
fallback=$base/fallback
config=$etc/device.toml
kept=$etc/device.toml.fallback
went_back=

is_link() { [ -L "$1" ]; }
is_there() { [ -e "$1" ] || [ -L "$1" ]; }
is_none() { [ "$(readlink -- "$1")" = none ]; }
to_disk() { [ ! -d "$1" ] || sync -- "$1" 2>/dev/null || :; }

# A shell ends where `exec` cannot open a file, so it is tried before.
can_lock() { (: >>"$base/lock") 2>/dev/null; }

restore_config() {
    is_there "$kept" || return 0
    if is_link "$kept" && is_none "$kept"; then
        rm -f -- "$config" || return 1
    elif ! [ "$kept" -ef "$config" ]; then # two names of one file: nothing was changed yet
        mv -fT -- "$kept" "$config" || return 1
    fi
    to_disk "$etc"
    rm -f -- "$kept"
}

# There was nothing before: no release, and no links into one.
leave_nothing() {
    rm -f -- "$current" || return 1
    for link in "$unit" "${unit%/*}"/*.wants/"$service" "$command"; do
        if is_link "$link" && [ ! -e "$link" ]; then rm -f -- "$link"; fi
    done
    if ! is_there "$unit" && is_there "$unit$aside"; then mv -fT -- "$unit$aside" "$unit"; fi
    to_disk "$base"
    rm -f -- "$fallback"
}

go_back() {
    if ! is_link "$fallback"; then
        rm -f -- "$kept" # of a trial that was passed
        return 0
    fi
    went_back=yes
    if ! is_none "$fallback" && [ ! -e "$fallback" ]; then
        echo "settle: $(readlink -- "$fallback") has gone, so $(readlink -- "$current") stays" >&2
        rm -f -- "$kept" && rm -f -- "$fallback" || return 1
        to_disk "$base"
        return 0
    fi
    restore_config || return 1
    if is_none "$fallback"; then
        leave_nothing || return 1
    else
        mv -fT -- "$fallback" "$current" || return 1
    fi
    to_disk "$base"
}

# Whatever is half made: all of work/, and the files that were about to be renamed.
sweep() {
    [ ! -d "$base/work" ] || is_link "$base/work" ||
        for entry in "$base/work"/* "$base/work"/.[!.]* "$base/work"/..?*; do
            is_there "$entry" || continue
            rm -rf -- "$entry" || { sleep 0.2; rm -rf -- "$entry"; }
        done
    rm -f -- "$base"/.*.part "$base"/releases/*/.*.part "$etc"/.device.toml.*.part
    for entry in "${unit%/*}/.${unit##*/}".[0-9]* "${command%/*}/.${command##*/}".[0-9]*; do
        if is_link "$entry"; then rm -f -- "$entry"; fi
    done
}

settle() {
    go_back
    code=$?
    sweep
    return $code
}

systemctl_() {
    if [ "$manager" = user ]; then
        timeout 30 systemctl --user "$@" </dev/null >/dev/null 2>&1
    else
        timeout 30 systemctl "$@" </dev/null >/dev/null 2>&1
    fi
}

property() {
    if [ "$manager" = user ]; then
        timeout 30 systemctl --user show --property="$1" --value "$service" </dev/null 2>/dev/null
    else
        timeout 30 systemctl show --property="$1" --value "$service" </dev/null 2>/dev/null
    fi
}

# Whether what runs has a text among its environment, where the launcher leaves its release.
runs_with() {
    tr '\0' '\n' <"/proc/$1/environ" 2>/dev/null | grep -q "$2" -e "EDGE_HDR_MODEL=$3"
}

is_ours() {
    runs_with "$(property MainPID)" -F "$(readlink -f -- "$base")/releases/"
}

runs_current() {
    pid=$(property MainPID)
    case $pid in '' | 0) [ "$(property ActiveState)" != failed ] && return 0 || return 1 ;; esac
    runs_with "$pid" -xF "$(readlink -f -- "$current")/model.tflite"
}

# Let the manager run what is current; $1 tells whether there was a unit before.
restart() {
    command -v systemctl >/dev/null 2>&1 || return 0
    if [ "$manager" = user ]; then
        : "${XDG_RUNTIME_DIR:=/run/user/$(id -u)}"
        export XDG_RUNTIME_DIR
        export DBUS_SESSION_BUS_ADDRESS="${DBUS_SESSION_BUS_ADDRESS:-unix:path=$XDG_RUNTIME_DIR/bus}"
    fi
    if [ ! -e "$current" ]; then
        [ "$1" = yes ] || is_ours || return 0
        systemctl_ stop "$service"
        systemctl_ daemon-reload
        systemctl_ reset-failed "$service"
    elif [ "$1" = yes ]; then
        systemctl_ daemon-reload
        if [ -n "$went_back" ] || ! runs_current; then
            systemctl_ reset-failed "$service"
            systemctl_ --no-block restart "$service"
        fi
    fi
}

guard() {
    trap '' HUP INT
    read -r word && [ "$word" = done ] && return 0
    can_lock || return 1
    exec 9>>"$base/lock"
    flock -w "$lock_s" 9 || return 0 # the next installer is at work, and begins with settling
    had_unit=no
    if is_link "$unit"; then had_unit=yes; fi
    settle
    restart "$had_unit"
}

case ${1-} in
held) settle ;;
guard) guard ;;
*)
    can_lock || exit 0
    exec 9>>"$base/lock"
    flock -n 9 || exit 0
    settle || echo "settle: cannot end the trial of $(readlink -- "$current")" >&2
    if [ -n "$went_back" ] && [ ! -e "$current" ] && [ -n "${INVOCATION_ID-}" ]; then
        if [ "$manager" = user ]; then set -- --user; else set --; fi
        systemctl "$@" --no-block stop "$service" </dev/null >/dev/null 2>&1
    fi
    exit 0
    ;;
esac
