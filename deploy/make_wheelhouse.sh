#!/usr/bin/env bash
# Gather what an installation needs into one folder, from which deploy/install.sh installs without a network:
# a wheel of every package of a lock file, the node's own, a lock of exactly these files, and the installer.
# usage: deploy/make_wheelhouse.sh [--lock FILE] [--python PYTHON] FOLDER
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
lock=$here/requirements-cpu.lock
python=${PYTHON:-python3}
while [ $# -gt 1 ]; do
  case $1 in
    --lock) lock=$(realpath "$2"); shift 2 ;;
    --python) python=$2; shift 2 ;;
    *) echo "unknown option $1; see the first lines of $0" >&2; exit 2 ;;
  esac
done
folder=${1:?folder for the wheels}
mkdir -p "$folder"
folder=$(realpath "$folder")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$python" -m venv "$work/venv"
pip() { "$work/venv/bin/python" -m pip --disable-pip-version-check "$@" --quiet; }

# These come as source only: they are built here, after their hashes were checked like every other.
sources='^(pyradiomics|docopt)=='
awk -v sources="$sources" -v work="$work" \
  '/^[A-Za-z0-9]/ {file = work ($0 ~ sources ? "/source.lock" : "/wheels.lock")} file {print > file}' "$lock"
pip download --no-deps --require-hashes --only-binary :all: --dest "$folder" --requirement "$work/wheels.lock"

# Wheels made here must not depend on the time of day: the same source gives the same hash.
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-1735689600}
build_with=(setuptools)
if [ -s "$work/source.lock" ]; then build_with+=(numpy); fi
pip install --upgrade --no-index --find-links "$folder" --no-deps "${build_with[@]}"
if [ -s "$work/source.lock" ]; then
  shims=""
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 12))' && shims=$here/build_shims
  PYTHONPATH=$shims pip wheel --no-deps --no-build-isolation --require-hashes --wheel-dir "$folder" \
    --requirement "$work/source.lock"
fi

# Built from a copy: setuptools writes beside its source.
mkdir "$work/node"
for part in config dicom_io node pipeline pyproject.toml README.md; do cp -r "$here/../$part" "$work/node/"; done
find "$work/node" -name __pycache__ -prune -exec rm -rf {} +
pip wheel --no-deps --no-index --no-build-isolation --wheel-dir "$folder" "$work/node"

"$work/venv/bin/python" "$here/write_lock.py" "$folder" "$lock"
cp "$here/install.sh" "$here/node.service" "$folder/" 2>/dev/null || true # The image is built without them.
echo "$(find "$folder" -name '*.whl' | wc -l) wheels in $folder; install with $folder/install.sh --wheelhouse $folder" >&2
