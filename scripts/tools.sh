# What quickstart and test share: finding and installing tools. Sourced, not run.

step() { printf '\n== %s\n' "$*"; }
note() { printf -- '-- %s\n' "$*"; }

# A login shell may not have cargo on its path.
for folder in "${CARGO_HOME:-$HOME/.cargo}/bin" /usr/local/cargo/bin /usr/local/bin; do
  case ":$PATH:" in
    *":$folder:"*) ;;
    *) [ -d "$folder" ] && PATH="$PATH:$folder" ;;
  esac
done
export PATH

need_rust() {
  if ! command -v cargo >/dev/null; then
    echo "cargo is missing: install Rust 1.95 or newer from https://rustup.rs, then run this again" >&2
    exit 2
  fi
}

# need_packages NAME...: Debian packages; a package counts as there when its program, or dpkg, says so.
need_packages() {
  local missing=() name
  for name in "$@"; do
    command -v "$name" >/dev/null && continue
    dpkg -s "$name" >/dev/null 2>&1 && continue
    missing+=("$name")
  done
  [ ${#missing[@]} -eq 0 ] && return
  if ! command -v apt-get >/dev/null; then
    echo "missing: ${missing[*]}; install them with your system's package manager (Verilator 5 or newer)" >&2
    exit 2
  fi
  note "installing with apt-get: ${missing[*]}"
  local sudo=""
  [ "$(id -u)" -eq 0 ] || sudo="sudo"
  $sudo apt-get update -qq
  DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

need_nextest() {
  command -v cargo-nextest >/dev/null && return
  note "installing with cargo: cargo-nextest"
  cargo install --locked --quiet cargo-nextest
}

# need_venv NAME==VERSION...: Python packages, in an environment of their own (target/venv, with its bin/ on the path).
need_venv() {
  local missing=() name version environment="$PWD/target/venv"
  if [ ! -x "$environment/bin/pip" ]; then
    python3 -c 'import ensurepip, venv' 2>/dev/null || need_packages python3 python3-venv
    note "creating a Python environment: target/venv"
    python3 -m venv --clear "$environment"
  fi
  for name in "$@"; do
    version="${name#*==}"
    name="${name%%==*}"
    compgen -G "$environment/lib/python3*/site-packages/${name//-/_}-$version.dist-info" >/dev/null ||
      missing+=("$name==$version")
  done
  if [ ${#missing[@]} -gt 0 ]; then
    note "installing with pip into target/venv: ${missing[*]}"
    "$environment/bin/pip" install --quiet --disable-pip-version-check "${missing[@]}"
  fi
  export PATH="$environment/bin:$PATH"
}
