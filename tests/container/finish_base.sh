#!/bin/sh
# Make a minimal Debian or Ubuntu, the root of which is $1, what the Dockerfile expects of its base:
# as Docker's own images of Python it has `python` and pip in /usr/local, and no compiled modules.
set -eu
ln --symbolic ../../bin/python3 "$1/usr/local/bin/python"
ln --symbolic ../../bin/python3 "$1/usr/local/bin/python3"
version=$(basename "$(readlink "$1/usr/bin/python3")")
python3 -m zipfile --extract "$1"/usr/share/python-wheels/pip-*.whl "$1/usr/local/lib/$version/dist-packages"
find "$1/usr" -name '*.pyc' -delete
rm -rf "$1"/usr/lib/python3*/EXTERNALLY-MANAGED "$1"/usr/share/python-wheels "$1"/usr/share/doc \
  "$1"/usr/share/locale "$1"/usr/share/man "$1"/var/cache/* "$1"/var/lib/apt/lists/*
