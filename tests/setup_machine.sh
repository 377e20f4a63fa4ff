#!/usr/bin/env bash
# Installs what the tests need and the Python environment cannot hold: a browser, two speech synthesizers,
# Russian speech of a person, compilers, curl and a font. Where all is there it changes nothing and needs no rights.
#
#   tests/setup_machine.sh PYTHON     before the environment is made; PYTHON is the interpreter for it
#   tests/setup_machine.sh --browser  afterwards: fetches Playwright's Chromium where the system has none
#
# It fails with one message that lists what to install, before any test runs.
set -euo pipefail

has() { command -v "$1" >/dev/null; }

has_chromium() {
  for name in chromium chromium-browser google-chrome; do
    # Ubuntu's chromium-browser is a script that only asks for a snap
    if has "$name" && "$name" --version >/dev/null 2>&1; then return 0; fi
  done
  return 1
}

if [ "${1:-}" = --browser ]; then
  python="$(dirname "$0")/../.venv/bin/python"
  if has_chromium || "$python" tests/support/browser.py >/dev/null 2>&1; then exit 0; fi
  as_root=""
  if [ "$(id -u)" = 0 ] || { has sudo && sudo -n true 2>/dev/null; }; then as_root="--with-deps"; fi
  "$python" -m playwright install $as_root chromium || {
    echo "The tests need Chromium, and it could be installed neither by a package manager nor by Playwright." >&2
    echo "Install Chromium or Chrome and run the command again." >&2
    exit 1
  }
  exit 0
fi

python=${1:-python3}
missing=() # names of Debian packages
has_chromium || missing+=(chromium)
has flite || missing+=(flite)
has espeak-ng || missing+=(espeak-ng)
[ -d /usr/share/asterisk/sounds/ru_RU_f_IvrvoiceRU ] || missing+=(asterisk-core-sounds-ru-wav)
has curl || missing+=(curl)
{ has cc && has c++; } || missing+=(build-essential)
has "$python" || missing+=(python3)
"$python" -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
"$python" -c 'import os, sysconfig; os.stat(sysconfig.get_path("include") + "/Python.h")' 2>/dev/null ||
  missing+=(python3-dev)
if [ ${#missing[@]} = 0 ]; then exit 0; fi

if has apt-get && { [ "$(id -u)" = 0 ] || { has sudo && sudo -n true 2>/dev/null; }; }; then
  as_root=""
  if [ "$(id -u)" != 0 ]; then as_root=sudo; fi
  echo "Installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  $as_root apt-get update -qq
  # Ubuntu has Chromium as a snap only; Playwright's is taken there
  if ! apt-cache show chromium >/dev/null 2>&1 || grep -qi ubuntu /etc/os-release; then
    missing=("${missing[@]/#chromium/}")
  fi
  # shellcheck disable=SC2068  # the package that was taken out is an empty word
  $as_root apt-get install -y -qq --no-install-recommends ${missing[@]} fonts-dejavu-core ca-certificates >/dev/null
  exit 0
fi

if has brew; then
  formulas=()
  for name in "${missing[@]}"; do
    case $name in
      flite | espeak-ng | curl) formulas+=("$name") ;;
      build-essential) echo "Install Apple's command line tools: xcode-select --install" >&2 && exit 1 ;;
      python3*) formulas+=(python) ;;
    esac
  done
  if [ ${#formulas[@]} -gt 0 ]; then brew install --quiet "${formulas[@]}"; fi
  exit 0
fi

if [ "${missing[*]}" = chromium ]; then exit 0; fi # Playwright brings its own
echo "The tests need programs that are not on this machine, and it has no rights to install them: ${missing[*]}" >&2
echo "On Debian or Ubuntu: apt-get install ${missing[*]}. Then run the command again." >&2
exit 1
