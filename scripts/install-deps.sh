#!/bin/sh
# Installs what building Kiln needs and this machine lacks, as packages of its distribution. Does nothing, and asks no network, when
# everything is there. KILN_OS_RELEASE names another os-release file, for the test of this script.
set -eu

llvm_packages="llvm-22-dev libmlir-22-dev mlir-22-tools llvm-22-tools clang-22 lld-22 clang-format-22 libclang-rt-22-dev"
packages="$llvm_packages ninja-build ccache cmake libgtest-dev libboost-context-dev libzstd-dev zlib1g-dev libxxhash-dev python3 python3-numpy g++"

say() { echo "install-deps: $*" >&2; }

ID=unknown VERSION_ID='' VERSION_CODENAME='' PRETTY_NAME='This system'
os_release=${KILN_OS_RELEASE:-/etc/os-release}
# shellcheck disable=SC1090
if [ -r "$os_release" ]; then . "$os_release"; fi

unsupported() {
  say "$PRETTY_NAME is not supported by this installer (Debian 12 or later and Ubuntu 24.04 or later are): install LLVM, MLIR, Clang" \
    "and LLD 22 with their development files and tools, clang-format 22, g++ 12, CMake 3.25, ninja, ccache, GoogleTest, Boost.Context, zlib, zstd," \
    "xxHash and Python 3 with NumPy, then use the CMake presets."
  exit 1
}

major=${VERSION_ID%%.*}
case $ID in
  debian) [ -z "$major" ] || [ "$major" -ge 12 ] || unsupported ;; # testing and unstable have no version
  ubuntu) [ "${major:-0}" -ge 24 ] || unsupported ;;
  *) unsupported ;;
esac

missing=''
for package in $packages; do
  case $(dpkg-query -W -f='${db:Status-Abbrev}' "$package" 2>/dev/null || true) in
    ii*) ;;
    *) missing="$missing $package" ;;
  esac
done
if [ -z "$missing" ]; then exit 0; fi
say "missing:$missing"

if [ "$(id -u)" = 0 ]; then
  as_root=''
elif command -v sudo >/dev/null; then
  as_root='sudo'
else
  say "run as root (there is no sudo): apt-get install$missing"
  exit 1
fi

available() { apt-cache policy "$1" 2>/dev/null | grep -q 'Candidate: [0-9]'; }

$as_root apt-get update
for package in $missing; do
  available "$package" && continue
  case " $llvm_packages " in
    *" $package "*)
      say "$PRETTY_NAME has no $package. LLVM's own package site https://apt.llvm.org has it; as root, run"
      cat >&2 <<END
  wget -O /etc/apt/trusted.gpg.d/apt.llvm.org.asc https://apt.llvm.org/llvm-snapshot.gpg.key
  echo 'deb https://apt.llvm.org/$VERSION_CODENAME/ llvm-toolchain-$VERSION_CODENAME-22 main' > /etc/apt/sources.list.d/llvm-22.list
and then this command again.
END
      ;;
    *) say "$PRETTY_NAME has no package $package in its configured sources." ;;
  esac
  exit 1
done
# shellcheck disable=SC2086
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing
