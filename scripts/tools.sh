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

# need_venv FILE: Python packages at the versions that a requirements file pins, in target/venv.
need_venv() {
  local venv="target/venv" stamp
  if ! command -v python3 >/dev/null; then
    echo "python3 is missing: install Python 3.9 or newer" >&2
    exit 2
  fi
  if [ ! -x "$venv/bin/pip" ]; then
    note "making a Python environment in $venv"
    if ! python3 -m venv "$venv"; then
      echo "python3 cannot make environments: install python3-venv" >&2
      exit 2
    fi
  fi
  stamp="$venv/$(sha256sum "$1" | cut -c1-16)"
  [ -e "$stamp" ] && return
  note "installing with pip into $venv: $(tr '\n' ' ' <"$1")"
  "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$1"
  touch "$stamp"
}
