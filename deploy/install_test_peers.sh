#!/usr/bin/env bash
# Install the programs that the tests use as peers: other people's PACS, modality, validators, database, tracer, browser,
# viewer; the checkers of systemd and Prometheus; and a Python that a service user may run.
# shellcheck disable=SC2086 # Lists of packages, split on purpose.
set -euo pipefail
cd "$(dirname "$0")/.."
packages="dcmtk dicom3tools openssl orthanc orthanc-dicomweb postgresql strace systemd python3-venv chromium fonts-dejavu-core"

install_packages() {
  missing=""
  for package in $packages; do
    [ "$(dpkg-query -W -f='${db:Status-Abbrev}' "$package" 2>/dev/null || true)" = "ii " ] || missing="$missing $package"
  done
  # Node.js seldom comes from the distribution.
  command -v npm >/dev/null || missing="$missing npm"
  [ -z "$missing" ] && return
  if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then as_root=""
  elif command -v apt-get >/dev/null && sudo -n true 2>/dev/null; then as_root="sudo"
  else
    skipped "$missing"
    return
  fi
  $as_root apt-get update -qq >/dev/null 2>&1 || true
  with_apt $missing && return
  # One that the distribution lacks, as Ubuntu does Chromium, must not keep the others from being installed.
  failed=""
  for package in $missing; do
    with_apt "$package" || failed="$failed $package"
  done
  [ -z "$failed" ] || skipped "$failed"
}

with_apt() {
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null 2>&1
}

skipped() {
  echo "tests of these peers are skipped; to run them, install:$1" >&2
}

# The built viewer is one package; its lock leaves out what it was built from, which a static site does not need.
install_viewer() {
  wanted=tests/viewers/package-lock.json
  [ tests/viewers/node_modules/.package-lock.json -nt "$wanted" ] && return
  command -v npm >/dev/null || return 0
  npm ci --prefix tests/viewers --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null ||
    echo "tests of the OHIF viewer are skipped: npm could not fetch it" >&2
}

# promtool alone: the package would start a service of its own.
install_promtool() {
  [ -x build/peers/promtool ] || command -v promtool >/dev/null && return
  mkdir -p build/peers
  folder=$(mktemp -d)
  { chmod 755 "$folder" && (cd "$folder" && apt-get download -qq prometheus) &&
    dpkg-deb --fsys-tarfile "$folder"/prometheus_*.deb | tar -x --strip-components=3 -C build/peers ./usr/bin/promtool
  } >/dev/null 2>&1 || skipped " prometheus"
  rm -rf "$folder"
}

install_packages
install_viewer
install_promtool
