"""How the asynchronous copies (LDGSTS) in a cubin name their place in shared memory, and whether those that add a register
of the warp to it name that register. Instructions have 16 bytes; the lowest 12 bits are the operation and the form of its operands."""

import struct
import sys

PLAIN, WITH_UNIFORM = 0xFAE, 0xDAE


def code_sections(image):
    """The contents of the sections of a 64-bit ELF image that hold machine code."""
    (table,) = struct.unpack_from("<Q", image, 40)
    entry_bytes, count, names = struct.unpack_from("<HHH", image, 58)
    headers = [struct.unpack_from("<IIQQQQ", image, table + i * entry_bytes) for i in range(count)]
    names_at = headers[names][4]
    for name, _, _, _, offset, size in headers:
        start = names_at + name
        if image[start : image.index(b"\0", start)].startswith(b".text."):
            yield image[offset : offset + size]


plain = named = unnamed = 0
for path in sys.argv[1:]:
    with open(path, "rb") as cubin:
        for code in code_sections(cubin.read()):
            for low, high in struct.iter_unpack("<QQ", code):
                plain += low & 0xFFF == PLAIN
                if low & 0xFFF == WITH_UNIFORM:
                    if high & 0x3F:
                        named += 1
                    else:
                        unnamed += 1
print(f"{plain} plain copies, {named} with a register of the warp, {unnamed} with none where one belongs")
