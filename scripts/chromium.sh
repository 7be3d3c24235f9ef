#!/bin/sh
# Installs Chromium, its driver and a font with Chinese characters from Debian packages, if they are missing.
set -eu

found() { command -v chromium >/dev/null 2>&1 && command -v chromedriver >/dev/null 2>&1; }

if found; then exit 0; fi
as_root=""
[ "$(id -u)" = 0 ] || as_root="sudo -n"
echo "Chromium or its driver is missing; trying to install chromium and chromium-driver with apt-get"
export DEBIAN_FRONTEND=noninteractive
wanted="chromium chromium-driver fonts-wqy-microhei"
{ $as_root apt-get update -qq && $as_root apt-get install -y -qq --no-install-recommends $wanted; } >/dev/null 2>&1 || true
if found; then exit 0; fi
echo "The browser tests need Chromium and its driver. Install them, then run the command again:" >&2
echo "    sudo apt-get install $wanted" >&2
exit 2
