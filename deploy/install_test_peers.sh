#!/usr/bin/env bash
# Install the programs that the tests use as peers: other people's PACS, modality, validators, database, browser.
set -euo pipefail
packages="dcmtk dicom3tools openssl orthanc orthanc-dicomweb postgresql chromium fonts-dejavu-core"
missing=""
for package in $packages; do
  [ "$(dpkg-query -W -f='${db:Status-Abbrev}' "$package" 2>/dev/null || true)" = "ii " ] || missing="$missing $package"
done
[ -z "$missing" ] && exit 0
if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then as_root=""
elif command -v apt-get >/dev/null && sudo -n true 2>/dev/null; then as_root="sudo"
else
  echo "tests of these peers are skipped; to run them, install:$missing" >&2
  exit 0
fi
$as_root apt-get update -qq
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
