#!/bin/sh
# Make or refresh .venv; extras as arguments, e.g. "sh workflow/bootstrap.sh test slurm".
set -eu
cd "$(dirname "$0")/.."
extras=$(IFS=,; echo "$*")
[ -x .venv/bin/python ] || python3 -m venv .venv
.venv/bin/python -m uv --version >/dev/null 2>&1 || .venv/bin/python -m pip install -q uv
# uv does not read pip's settings; a local wheel folder given to pip serves uv as well.
UV_FIND_LINKS="${UV_FIND_LINKS:-${PIP_FIND_LINKS:-}}"
export UV_FIND_LINKS
[ -n "$UV_FIND_LINKS" ] || unset UV_FIND_LINKS
env -u PYTHONDONTWRITEBYTECODE .venv/bin/python -m uv pip install -q --compile-bytecode --python .venv/bin/python \
  -e ".${extras:+[$extras]}" -c workflow/envs/constraints.txt
# Compiled kernels and modules are kept; the first fit need not wait for them.
env -u PYTHONDONTWRITEBYTECODE .venv/bin/spiketwin warm-up
