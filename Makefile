# Thin fronts to the CMake presets. `make demo` and `make test` need nothing but git, make and a compiler on Debian or Ubuntu.
.PHONY: demo test bench package docs format deps

demo: deps
	cmake --preset release
	cmake --build --preset release --target kiln-demo
	build/release/bin/kiln-demo

test: deps
	scripts/test.sh

bench: deps
	cmake --preset release
	cmake --build --preset release --target bench

package: deps
	cmake --preset release
	cmake --build --preset release --target archive

docs: deps
	cmake --preset dev
	cmake --build --preset dev --target kiln-docs

format:
	git ls-files -z '*.h' '*.cpp' '*.c' '*.cc' | xargs -0 /usr/lib/llvm-22/bin/clang-format -i

deps:
	@scripts/install-deps.sh
