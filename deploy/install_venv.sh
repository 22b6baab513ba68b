#!/usr/bin/env bash
# Make a virtual environment with the pinned dependencies and this project in it.
# usage: deploy/install_venv.sh FOLDER        PYTHON=python3.12 chooses the interpreter
# shellcheck disable=SC2086 # $wanted is a list, and split on purpose.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${1:?folder of the virtual environment}
python=${PYTHON:-python3}

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || {
  echo "Python 3.11 or newer is needed; set PYTHON=/path/to/python3.11" >&2; exit 2; }

# pyradiomics 3.0.1 is a source package: a compiler and the headers of this Python must be there.
headers=$("$python" -c 'import sysconfig, pathlib; print(pathlib.Path(sysconfig.get_path("include"), "Python.h").exists())')
if ! "$python" -c 'import venv, ensurepip' 2>/dev/null || [ "$headers" != True ] || ! command -v gcc >/dev/null; then
  wanted="gcc libc6-dev python3-venv python3-dev"
  if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $wanted >/dev/null
  elif command -v apt-get >/dev/null && sudo -n true 2>/dev/null; then
    sudo apt-get update -qq && sudo DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $wanted >/dev/null
  else
    echo "install first: $wanted" >&2; exit 2
  fi
fi

[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
pip() { "$venv/bin/python" -m pip --disable-pip-version-check install -q --constraint constraints.txt "$@"; }

echo "installing into $venv (a few minutes the first time)" >&2
pip pip setuptools wheel numpy
# Builds only with numpy and setuptools already there; its own build isolation finds neither. From Python 3.12 on its
# versioneer misses two old names, which the shim restores for this one call.
shims=""
"$venv/bin/python" -c 'import sys; sys.exit(sys.version_info < (3, 12))' && shims="$PWD/deploy/build_shims"
PYTHONPATH="$shims" pip --no-build-isolation pyradiomics==3.0.1
# Named exactly: a plain "torch" brings several GB of CUDA. For a GPU, see README.
pip "${MVI_TORCH:-torch==2.13.0}"
pip --no-build-isolation --editable .
