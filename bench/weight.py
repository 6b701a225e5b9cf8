"""What a stage's binary weighs, by the crate that its code comes from.

The symbol table names every function: one counts for the first crate in its name that is not Rust's own library
(`alloc::vec::Vec<arrow_schema::Field>::push` for arrow_schema), so that generic code counts for whom it was made.
C has no crates; its functions are told by their prefixes.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import measure

BINARIES = ("foresite-ingest", "foresite-maintain", "foresite-predict")
SHOWN = 15
RUST_ITSELF = {
    "core", "alloc", "std", "hashbrown", "gimli", "addr2line", "rustc_demangle", "compiler_builtins", "std_detect",
}  # fmt: skip
C = {
    "aws-lc (C)": r"aws_lc_|bn_|ecp_|p256_|p384_|p521_|fiat_|ml_dsa|ml_kem|mlkem|rsaz_|SHA|AES|EVP_|BIO_",
    "zstd (C)": r"ZSTD|ZDICT|HUF|FSE|HIST|COVER|POOL_|XXH|divsufsort",
    "libdeflate (C)": r"libdeflate|deflate_|crc32_|adler32_",
    "bzip2 (C)": r"BZ2_|mainSort|fallbackSort",
}
TEXT = {"t", "T", "w", "W", "v", "V", "i"}
CRATE = re.compile(r"(?<![\w:])([a-z_][a-z0-9_]*)::")


def crate_of(symbol: str) -> str:
    """The crate that a function counts for."""
    names: list[str] = CRATE.findall(symbol)
    for name in names:
        if name.startswith("aws_lc_"):
            return "aws-lc (C)"
        if name not in RUST_ITSELF:
            return name
    if names:
        return "Rust's library"
    return next(
        (name for name, prefix in C.items() if re.match(rf"_?({prefix})", symbol)),
        "without a crate",
    )


def by_crate(binary: Path) -> Counter[str]:
    """Bytes of code by crate."""
    listed = subprocess.run(
        ["nm", "--print-size", "--demangle=rust", binary],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    found: Counter[str] = Counter()
    for line in listed.splitlines():
        match line.split(maxsplit=3):
            case [_, size, kind, symbol] if kind in TEXT:
                found[crate_of(symbol)] += int(size, 16)
    return found


def sections(binary: Path) -> dict[str, int]:
    """Bytes by section of the file."""
    listed = subprocess.run(
        ["size", "-A", "-d", binary], check=True, capture_output=True, text=True
    ).stdout
    rows = (line.split() for line in listed.splitlines())
    return {
        row[0]: int(row[1]) for row in rows if len(row) == 3 and row[0].startswith(".")
    }


def stripped(binary: Path) -> int:
    """Bytes of the file without symbols and debugging."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "stripped"
        subprocess.run(["strip", "-o", out, binary], check=True)
        return out.stat().st_size


def weigh(binary: Path) -> dict[str, Any]:
    """The weight of one binary."""
    crates, parts = by_crate(binary), sections(binary)
    shown = dict(crates.most_common(SHOWN))
    return {
        "file": binary.stat().st_size,
        "stripped": stripped(binary),
        "code": parts[".text"],
        "constants": parts.get(".rodata", 0),
        "unwinding": sum(
            parts.get(name, 0)
            for name in (".gcc_except_table", ".eh_frame", ".eh_frame_hdr")
        ),
        "crates": {**shown, "others": sum(crates.values()) - sum(shown.values())},
        "named": sum(crates.values()),
    }


def main() -> None:
    """Weighs the binaries that are named."""
    names = sys.argv[1:] or BINARIES
    measure.record("weight", {name: weigh(measure.BINARIES / name) for name in names})


if __name__ == "__main__":
    main()
