#!/bin/sh
# What tests start for themselves: Redis, PostgreSQL and Chromium. Installed where this is Debian and we may; otherwise
# the tests that need one say what is missing. Nothing is started here.
set -eu
missing=""
command -v redis-server >/dev/null 2>&1 || missing="$missing redis-server"
command -v pg_ctl >/dev/null 2>&1 || ls /usr/lib/postgresql/*/bin/pg_ctl >/dev/null 2>&1 || missing="$missing postgresql"
command -v chromium >/dev/null 2>&1 || missing="$missing chromium"
[ -n "$missing" ] || exit 0
if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
  echo "installing$missing ..."
  apt-get update -qq
  # RUNLEVEL=1: the packages' own services are not started (invoke-rc.d(8)).
  # shellcheck disable=SC2086 -- a list
  RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $missing >/dev/null
else
  echo "missing:$missing -- the tests that start these servers will fail; install them by your system's package manager"
fi
