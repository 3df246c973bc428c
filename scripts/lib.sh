# Copyright the Tokenward authors. Licensed under the Apache License, Version 2.0.
# shellcheck shell=bash
#
# What the scripts share: words on the screen, what has to be installed, and processes that must not
# outlive them. To be sourced; $root is set to the checkout.

if [ -t 2 ]; then
  bold=$'\033[1m' dim=$'\033[2m' plain=$'\033[0m'
else
  bold='' dim='' plain=''
fi

say() { printf '%s==>%s %s\n' "$bold" "$plain" "$*" >&2; }
note() { printf '    %s%s%s\n' "$dim" "$*" "$plain" >&2; }
die() {
  printf 'error: %s\n' "$1" >&2
  if [ $# -gt 1 ]; then printf 'hint: %s\n' "$2" >&2; fi
  exit 69
}

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"

# need_root <command>...: runs a command as root, if that takes no password.
need_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif sudo -n true 2>/dev/null; then
    sudo -n "$@"
  else
    return 1
  fi
}

# need_debian <package>...: installs the missing ones among some Debian packages.
need_debian() {
  local package missing=()
  command -v dpkg-query >/dev/null 2>&1 || {
    note "not Debian: install by hand what provides: $*"
    return 0
  }
  for package in "$@"; do
    if [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" != installed ]; then
      missing+=("$package")
    fi
  done
  if [ "${#missing[@]}" -eq 0 ]; then return 0; fi
  say "installing ${missing[*]}"
  apt_install() {
    need_root env DEBIAN_FRONTEND=noninteractive \
      apt-get install -y -q --no-install-recommends "${missing[@]}" >&2
  }
  apt_install || { need_root apt-get update -q >&2 && apt_install; } ||
    die "could not install ${missing[*]}" "sudo apt-get install ${missing[*]}"
}

# need_swift: a Swift of the version that Package.swift asks for, at least.
need_swift() {
  local version
  command -v swift >/dev/null 2>&1 ||
    die "there is no swift on the PATH" "install Swift 6.3 or newer from https://swift.org/install"
  version="$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9]*\.[0-9]*\).*/\1/p' | head -n 1)"
  if [ "$(printf '%s\n6.3\n' "$version" | sort -V | head -n 1)" != 6.3 ]; then
    die "Swift $version is too old" "install Swift 6.3 or newer from https://swift.org/install"
  fi
  note "Swift $version"
}

# need_peers: the Python environment of the end-to-end tests, with what requirements.txt pins.
# It is made anew whenever the pins change.
need_peers() {
  local venv="$root/.venv-e2e" pins="$root/Tests/EndToEnd/requirements.txt"
  need_debian python3 python3-venv
  if ! cmp -s "$pins" "$venv/installed.txt"; then
    say "installing the test peers into .venv-e2e"
    python3 -m venv --clear "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$pins" >&2
    cp "$pins" "$venv/installed.txt"
  fi
}

# need_promtool: Prometheus' own reader of metrics, next to the peers. Only the tool is taken out of
# the Debian package: installing the package would start a server on this machine.
need_promtool() {
  local venv="$root/.venv-e2e" folder
  if command -v promtool >/dev/null 2>&1 || [ -x "$venv/bin/promtool" ]; then return 0; fi
  say "fetching promtool out of the Debian package prometheus"
  folder="$(mktemp -d)"
  if ! (cd "$folder" && { apt-get download -q prometheus >&2 || {
    need_root apt-get update -q >&2 && apt-get download -q prometheus >&2
  }; } && dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x ./usr/bin/promtool); then
    rm -rf "$folder"
    die "promtool could not be fetched" "apt-get install prometheus"
  fi
  mv "$folder/usr/bin/promtool" "$venv/bin/promtool"
  rm -rf "$folder"
}

# stop <pid>: asks one process that this script started to end, and makes it after ten seconds.
stop() {
  local pid="$1"
  kill -TERM "$pid" 2>/dev/null || return 0
  for _ in $(seq 100); do
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
  done
  kill -KILL "$pid" 2>/dev/null || true
  wait "$pid" 2>/dev/null || true
}
