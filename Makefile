# SPDX-License-Identifier: LGPL-2.1-or-later
# Thin front for meson. Everything lands in build/.

PYTHON := /usr/bin/python3
export CC ?= gcc
CC := $(if $(filter default,$(origin CC)),gcc,$(CC))

.PHONY: build run builds check test bench dev deb deb-test install uninstall clean

build:
	@tools/setup build
	@test -f build/build.ninja || meson setup build >build-setup.log 2>&1 || { cat build-setup.log; exit 1; }
	@rm -f build-setup.log
	@ninja -C build --quiet

run:
	@tools/setup run
	@$(MAKE) --no-print-directory build
	@$(PYTHON) tools/run

# With both compilers, and warnings as errors.
builds:
	@tools/setup check
	@$(PYTHON) tools/test --builds

# What needs no emulator.
check:
	@tools/setup check
	@$(PYTHON) tools/test --check

test:
	@tools/setup test
	@$(PYTHON) tools/test

bench:
	@tools/setup bench
	@$(MAKE) --no-print-directory build
	@$(PYTHON) bench/run

# For developers: with the address and undefined behaviour sanitizers, in build/dev, and with
# warnings as errors, which they are not for others: their compilers are not ours.
dev:
	@tools/setup check
	@test -f build/dev/build.ninja || meson setup build/dev -Ddeveloper=true -Dwerror=true
	@ninja -C build/dev --quiet

# Debian packages, in build/deb.
deb:
	@tools/setup deb
	@tools/deb

# The packages with Debian's kernels, in a guest: three boots.
deb-test: deb
	@tools/setup test
	@$(PYTHON) -m pytest -q -p no:cacheprovider tests/packages

install: build
	@meson install -C build --no-rebuild

# What the last installation has put in place.
uninstall:
	@[ -n "$(DESTDIR)" ] || ! command -v systemctl >/dev/null || \
		systemctl --quiet disable preroot-good.service || :
	@ninja -C build --quiet uninstall

clean:
	@rm -rf build
