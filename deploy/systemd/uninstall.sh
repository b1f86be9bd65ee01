#!/bin/sh
# Takes away what install.sh brought. Settings, credentials, state and drop-ins of the operator's stay.
# usage: uninstall.sh [--purge]
#
# --purge  takes settings, credentials, state and caches too
# DESTDIR  the root that it was installed into; systemd is told nothing then
set -eu

root=${DESTDIR:-}
units=$root/etc/systemd/system
purge=''

say() { echo "uninstall.sh: $*"; }

case ${1:-} in
  '') ;;
  --purge) purge=yes ;;
  -h | --help) sed -n '2,/^set /s/^# \{0,1\}//p' "$0"; exit 0 ;;
  *) say "unknown argument '$1'; usage: uninstall.sh [--purge]" >&2; exit 64 ;;
esac
[ -n "$root" ] || [ "$(id -u)" = 0 ] || { say "needs root, or DESTDIR" >&2; exit 77; }

remove() {
  if [ -e "$1" ] || [ -L "$1" ]; then
    rm -rf -- "$1"
    say "removed: ${1#"$root"}"
  fi
}

if [ -z "$root" ] && [ -d /run/systemd/system ]; then
  say "stopping genred: it drains, for 20 s at most unless its settings say more"
  systemctl stop genred.service 'genred@*.service' 2>/dev/null || true
  for link in "$units"/*.wants/genred.service "$units"/*.wants/genred@*.service; do
    remove "$link"
  done
fi

for name in sound-device gpu openvino backoff; do
  remove "$units/genred.service.d/50-$name.conf"
  remove "$units/genred@.service.d/50-$name.conf"
done
for folder in "$units/genred.service.d" "$units/genred@.service.d"; do
  rmdir "$folder" 2>/dev/null || true # what is left in it is the operator's
done
remove "$units/genred.service"
remove "$units/genred@.service"
if [ -z "$root" ]; then
  # Only the link that install.sh made, not a program of the same name.
  if [ "$(readlink /usr/local/bin/genred)" = /opt/genred/bin/genred ]; then remove /usr/local/bin/genred; fi
  say "removing /opt/genred: thousands of files, half a minute on a slow disk"
  remove /opt/genred
fi

if [ -n "$purge" ]; then
  remove "$root/etc/genred"
  # The unit's, the template's (genred-NAME, genred@NAME), and what a dynamic user's links point to.
  for parent in "$root/var/lib" "$root/var/cache"; do
    for folder in "$parent"/genred "$parent"/genred[-@]* "$parent"/private/genred "$parent"/private/genred[-@]*; do
      remove "$folder"
    done
  done
else
  say "left alone: /etc/genred, /var/lib/genred; --purge takes them too"
fi
if [ -z "$root" ] && [ -d /run/systemd/system ]; then
  systemctl daemon-reload
  systemctl reset-failed 'genred*' 2>/dev/null || true
fi
