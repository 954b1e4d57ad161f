#!/bin/sh
# Starts the sandbox API and becomes it, so that it gets every signal. Written by mesa-template.
set -u
# /dev/fuse is made when the sandbox starts, often for root alone; workloads of other users need it too.
if [ "$(id -u)" = 0 ] && [ -c /dev/fuse ]; then
  chmod 0666 /dev/fuse 2>/dev/null || echo "entrypoint: /dev/fuse could not be opened to other users; only root can mount" >&2
fi
exec /usr/local/bin/sandbox-api "$@"
