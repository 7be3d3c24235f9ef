#!/bin/sh
# Makes sure of Chromium and its driver, from Debian's packages, and of a font with Chinese characters.
set -eu

found() { command -v chromium >/dev/null 2>&1 && command -v chromedriver >/dev/null 2>&1; }

if found; then exit 0; fi
as_root=""
[ "$(id -u)" = 0 ] || as_root="sudo -n"
echo "no Chromium with its driver here; trying to install chromium and chromium-driver with apt-get"
export DEBIAN_FRONTEND=noninteractive
wanted="chromium chromium-driver fonts-wqy-microhei"
{ $as_root apt-get update -qq && $as_root apt-get install -y -qq --no-install-recommends $wanted; } >/dev/null 2>&1 || true
if found; then exit 0; fi
echo "The browser tests need Chromium and its driver. Install them and try again:" >&2
echo "    sudo apt-get install $wanted" >&2
exit 2
