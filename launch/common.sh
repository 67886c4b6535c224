# Shared code of the scripts in this folder. Source it. It changes into the root of the repository.
# shellcheck shell=bash disable=SC2034

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit

say() { printf '%s\n' "$*"; }
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit "${status:-1}"; }

# Private Python environments: LibTorch for the build, and the reference packages (oracles) of tests/parity.
gm_cache=${XDG_CACHE_HOME:-$HOME/.cache}/gm
torch_env=${GM_TORCH_ENV:-$gm_cache/torch-2.11.0}
oracles_env=${GM_ORACLES_ENV:-$gm_cache/oracles-2.11.0}

has_gpu() { command -v nvidia-smi >/dev/null && nvidia-smi -L >/dev/null 2>&1; }

# mpirun refuses to run as root unless both variables are set. Containers and test machines often have no other user.
allow_mpi_as_root() {
  if [ "$(id -u)" = 0 ] && [ -z "${OMPI_ALLOW_RUN_AS_ROOT:-}" ]; then
    say "Note: you are root, so OMPI_ALLOW_RUN_AS_ROOT=1 and OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 are set for mpirun."
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
  fi
}
