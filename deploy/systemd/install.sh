#!/bin/sh
# Installs genred as a system service: the program into /opt/genred, units, a settings file. Run it again to upgrade.
# usage: install.sh [--with sound-device|gpu|openvino]... [--extras LIST] [--files-only]
#
# --with        adds a drop-in for it to genred.service and genred@.service, and what it needs of Python; what an earlier
#               run was asked for stays without being asked for again
# --extras      of the Python package; default: cpu, and what --with asks for
# --files-only  leaves the program alone (it is in /opt/genred already, or comes there otherwise)
# PYTHON        which Python makes the environment; default: python3 (3.11 or newer)
# DESTDIR       a root to install into, for packages and tests: files only, and systemd is told nothing
#
# Settings and credentials that are there are never written over, nor is a drop-in of the operator's.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
tree=$(cd "$here/../.." && pwd)
root=${DESTDIR:-}
units=$root/etc/systemd/system
with='' extras='' files_only=${root:+yes}

say() { echo "install.sh: $*"; }
fail() { say "$2" >&2; exit "$1"; }

while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) sed -n '2,/^set /s/^# \{0,1\}//p' "$0"; exit 0 ;;
    --with)
      [ -n "${2:-}" ] && [ -f "$here/drop-ins/$2.conf" ] && [ "$2" != backoff ] ||
        fail 64 "--with: sound-device, gpu or openvino, not '${2:-}'"
      with="$with $2"; shift ;;
    --extras)
      [ -n "${2:-}" ] || fail 64 "--extras: a list of extras of the Python package, such as cpu,device,otel"
      extras=$2; shift ;;
    --files-only) files_only=yes ;;
    *) fail 64 "unknown argument '$1'; usage: install.sh [--with NAME]... [--extras LIST] [--files-only]" ;;
  esac
  shift
done
[ -n "$root" ] || [ "$(id -u)" = 0 ] || fail 77 "needs root, or DESTDIR"

# An upgrade without --with must not put the CPU's onnxruntime in the place of the GPU's: the drop-ins say what was asked.
for name in sound-device gpu openvino; do
  case " $with " in *" $name "*) continue ;; esac
  if [ -e "$units/genred.service.d/50-$name.conf" ]; then
    with="$with $name"
    say "as before: --with $name"
  fi
done

# onnxruntime, onnxruntime-gpu and onnxruntime-openvino are one module: one of them.
extras_wanted() {
  case $with in
    *gpu*openvino* | *openvino*gpu*) fail 64 "gpu and openvino exclude one another; one that is installed goes by uninstall.sh" ;;
    *gpu*) chosen=gpu ;;
    *openvino*) chosen=openvino ;;
    *) chosen=cpu ;;
  esac
  case $with in *sound-device*) chosen=$chosen,device ;; esac
  echo "${extras:-$chosen}"
}

# Copies a file of this folder, if it is not there as it is.
put() { # mode from to
  if cmp -s "$here/$2" "$3"; then say "as it was: ${3#"$root"}"; return; fi
  install -D -m "$1" "$here/$2" "$3"
  say "written: ${3#"$root"}"
}

# systemd says its version first: "systemd 252 (252.38-1)".
systemd_version() { systemctl --version 2>/dev/null | sed -n '1s/^systemd \([0-9]*\).*/\1/p'; }

# Of the three packages that bring the module, those that are not wanted go; the wanted one too, for they share files.
one_onnxruntime() {
  case ,$wanted, in
    *,gpu,*) one=onnxruntime-gpu ;;
    *,openvino,*) one=onnxruntime-openvino ;;
    *,cpu,*) one=onnxruntime ;;
    *) return 0 ;;
  esac
  installed=$(/opt/genred/bin/python -m pip list --disable-pip-version-check --format=freeze)
  for other in $(echo "$installed" | awk -F== -v one="$one" '/^onnxruntime/ && $1 != one { print $1 }'); do
    say "removing $other, whose place $one takes"
    /opt/genred/bin/python -m pip uninstall --quiet --yes "$other" "$one"
  done
}

program() {
  python=${PYTHON:-python3}
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail 69 "$python is older than 3.11; set PYTHON"
  wanted=$(extras_wanted)
  [ -x /opt/genred/bin/python ] || "$python" -m venv /opt/genred
  say "installing genred[$wanted] into /opt/genred"
  one_onnxruntime
  /opt/genred/bin/python -m pip install --quiet --disable-pip-version-check --upgrade "${tree}[$wanted]"
  ln -sfn /opt/genred/bin/genred /usr/local/bin/genred
  say "written: /usr/local/bin/genred"
}

wanted=$(extras_wanted) # refuses what cannot be, before anything is written
[ -n "$files_only" ] || program

put 644 genred.service "$units/genred.service"
put 644 genred@.service "$units/genred@.service"
version=$(systemd_version)
if [ "${version:-0}" -ge 254 ]; then with="$with backoff"; fi
for name in $with; do
  put 644 "drop-ins/$name.conf" "$units/genred.service.d/50-$name.conf"
  put 644 "drop-ins/$name.conf" "$units/genred@.service.d/50-$name.conf"
done

if [ -e "$root/etc/genred/genred.toml" ]; then
  say "left alone: /etc/genred/genred.toml"
else
  put 644 genred.toml "$root/etc/genred/genred.toml"
fi
if [ ! -d "$root/etc/genred/credentials" ]; then
  install -d -m 700 "$root/etc/genred/credentials"
  say "written: /etc/genred/credentials"
fi

if [ -n "$root" ]; then exit 0; fi
if [ -d /run/systemd/system ]; then
  systemctl daemon-reload
  say "systemd has read the units again"
fi
say "next: put sources into /etc/genred/genred.toml, then: genred check -c /etc/genred/genred.toml"
say "      systemctl enable --now genred    (or, after an upgrade: systemctl restart genred)"
