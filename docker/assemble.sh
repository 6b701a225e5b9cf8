#!/usr/bin/env bash
# Lays out one folder per image from a finished release build: assemble.sh BUILT OUT
#
# Every file and folder gets the same times and modes, whoever builds and when: equal sources give
# equal layers.
set -euo pipefail

built=$1
out=$2
home=opt/foresite

rm -rf "$out"
for crate in crates/stages/*/ crates/serve/; do
    stage=$(basename "$crate")
    root=$out/$stage/$home
    install -D --strip --mode=0755 "$built/foresite-$stage" "$root/bin/foresite-$stage"
    install -D --mode=0644 LICENSE "$root/share/LICENSE-foresite-$stage"
    install --mode=0644 ".foresite/images/bills/foresite-$stage.cdx.json" "$root/share"
done

lib=$out/libtorch/$home/lib
install -d "$lib"
for library in "$LIBTORCH"/lib/*.so*; do
    # A linker script is of use to the build only.
    if [[ $(head -c 4 "$library") == $'\x7fELF' ]]; then
        install --mode=0644 "$library" "$lib"
    fi
done
strip --strip-unneeded "$lib"/libtorch_cpu.so "$lib"/libc10.so

find "$out" -type d -exec chmod 0755 {} +
find "$out" -exec touch --no-dereference --date=@946684800 {} +
