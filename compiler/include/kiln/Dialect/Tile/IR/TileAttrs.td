#ifndef KILN_DIALECT_TILE_ATTRS
#define KILN_DIALECT_TILE_ATTRS

include "kiln/Dialect/Tile/IR/TileDialect.td"
include "mlir/IR/EnumAttr.td"

class Tile_Enum<string name, string summary, list<I32EnumAttrCase> cases> : I32EnumAttr<name, summary, cases> {
  let cppNamespace = "::kiln::tile";
}

def Tile_AtomicKind : Tile_Enum<"AtomicKind", "what an atomic read-modify-write stores", [
  I32EnumAttrCase<"Add", 0, "add">,   // integer addition, wraps
  I32EnumAttrCase<"FAdd", 1, "fadd">, // floating-point addition
  I32EnumAttrCase<"Max", 2, "max">,   // signed maximum
  I32EnumAttrCase<"Min", 3, "min">,   // signed minimum
  I32EnumAttrCase<"And", 4, "and">,
  I32EnumAttrCase<"Or", 5, "or">,
  I32EnumAttrCase<"Xor", 6, "xor">,
  I32EnumAttrCase<"Exchange", 7, "xchg">
]>;

def Tile_MemoryOrder : Tile_Enum<"MemoryOrder", "how an atomic orders other accesses of its program", [
  I32EnumAttrCase<"Relaxed", 0, "relaxed">,
  I32EnumAttrCase<"Acquire", 1, "acquire">,
  I32EnumAttrCase<"Release", 2, "release">,
  I32EnumAttrCase<"AcqRel", 3, "acq_rel">
]>;

def Tile_MemoryScope : Tile_Enum<"MemoryScope", "who observes the order of an atomic", [
  I32EnumAttrCase<"Program", 0, "program">,
  I32EnumAttrCase<"Device", 1, "device">,
  I32EnumAttrCase<"System", 2, "system">
]>;

def Tile_DotPrecision : Tile_Enum<"DotPrecision", "how f32 operands of a dot are multiplied", [
  I32EnumAttrCase<"Exact", 0, "exact">, // every product in full f32
  I32EnumAttrCase<"TF32", 1, "tf32">    // operands rounded to TF32 where the target has it
]>;

#endif
