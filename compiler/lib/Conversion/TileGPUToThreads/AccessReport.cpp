//===- AccessReport.cpp - What became of each access to memory ------------===//

#include "kiln/Conversion/TileGPUToThreads/AccessReport.h"

#include "kiln/Dialect/TileGPU/IR/TileGPU.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace kiln;
using namespace kiln::tile_gpu;
using kiln::tile::AccessLimit;

/// By kind and by limit, as the attribute spells them.
static constexpr StringLiteral kKinds[] = {"load", "store", "atomic"};
static constexpr StringLiteral kLimits[] = {"none", "contiguity", "alignment", "mask", "shape", "layout", "single"};

StringRef kiln::tile_gpu::describe(AccessKind kind) { return kKinds[unsigned(kind)]; }

StringRef kiln::tile_gpu::describe(AccessLimit limit) {
  switch (limit) {
  case AccessLimit::None:
  case AccessLimit::Single:
    return "";
  case AccessLimit::Contiguity:
    return "not wider because neighbouring pointers are not known to be contiguous";
  case AccessLimit::Alignment:
    return "not wider because the alignment of the addresses is not known to be larger";
  case AccessLimit::Mask:
    return "not wider because the mask may differ between neighbours";
  case AccessLimit::Shape:
    return "not wider because the tile is not longer";
  case AccessLimit::Layout:
    return "not wider because a thread holds no more neighbours";
  }
  llvm_unreachable("all limits are handled");
}

std::string AccessRecord::str() const {
  std::string text;
  llvm::raw_string_ostream os(text);
  if (!place.empty())
    os << place << ": ";
  os << kKinds[unsigned(kind)] << " of " << type << ": ";
  if (count != 1)
    os << count << " x ";
  os << bits << " bits";
  if (predicated)
    os << ", predicated";
  if (readOnly)
    os << ", read-only";
  if (evictFirst)
    os << ", evicted first";
  if (StringRef why = describe(limit); !why.empty())
    os << ", " << why;
  if (!pipeline.empty())
    os << ", " << pipeline;
  return text;
}

void kiln::tile_gpu::setAccessRecords(Operation *kernel, ArrayRef<AccessRecord> records) {
  Builder builder(kernel->getContext());
  SmallVector<Attribute> list;
  for (const AccessRecord &record : records) {
    SmallVector<NamedAttribute> entry = {
        builder.getNamedAttr("kind", builder.getStringAttr(kKinds[unsigned(record.kind)])),
        builder.getNamedAttr("place", builder.getStringAttr(record.place)),
        builder.getNamedAttr("type", builder.getStringAttr(record.type)),
        builder.getNamedAttr("bits", builder.getI32IntegerAttr(record.bits)),
        builder.getNamedAttr("count", builder.getI32IntegerAttr(record.count)),
        builder.getNamedAttr("predicated", builder.getBoolAttr(record.predicated)),
        builder.getNamedAttr("read_only", builder.getBoolAttr(record.readOnly)),
        builder.getNamedAttr("limit", builder.getStringAttr(kLimits[unsigned(record.limit)]))};
    if (record.evictFirst)
      entry.push_back(builder.getNamedAttr("evict_first", builder.getUnitAttr()));
    if (!record.pipeline.empty())
      entry.push_back(builder.getNamedAttr("pipeline", builder.getStringAttr(record.pipeline)));
    list.push_back(builder.getDictionaryAttr(entry));
  }
  kernel->setAttr(kAccessesAttr, builder.getArrayAttr(list));
}

SmallVector<AccessRecord> kiln::tile_gpu::getAccessRecords(Operation *kernel) {
  SmallVector<AccessRecord> records;
  auto list = kernel->getAttrOfType<ArrayAttr>(kAccessesAttr);
  if (!list)
    return records;
  for (DictionaryAttr entry : list.getAsRange<DictionaryAttr>()) {
    auto number = [&](StringRef name) { return entry.getAs<IntegerAttr>(name).getInt(); };
    auto named = [&](StringRef name, ArrayRef<StringLiteral> names) {
      return llvm::find(names, entry.getAs<StringAttr>(name).getValue()) - names.begin();
    };
    AccessRecord &record = records.emplace_back();
    record.kind = AccessKind(named("kind", kKinds));
    record.place = entry.getAs<StringAttr>("place").str();
    record.type = entry.getAs<StringAttr>("type").str();
    record.bits = number("bits");
    record.count = number("count");
    record.predicated = entry.getAs<BoolAttr>("predicated").getValue();
    record.readOnly = entry.getAs<BoolAttr>("read_only").getValue();
    record.evictFirst = entry.contains("evict_first");
    record.limit = AccessLimit(named("limit", kLimits));
    if (auto pipeline = entry.getAs<StringAttr>("pipeline"))
      record.pipeline = pipeline.str();
  }
  return records;
}

std::string kiln::tile_gpu::getSourcePlace(Location loc) {
  std::string place;
  loc->walk([&](Location part) {
    auto file = dyn_cast<FileLineColLoc>(part);
    if (!file)
      return WalkResult::advance();
    place = (file.getFilename().getValue() + ":" + Twine(file.getLine()) + ":" + Twine(file.getColumn())).str();
    return WalkResult::interrupt();
  });
  return place;
}

AccessRecord tile_gpu::describeAccess(Operation *op, AccessKind kind, Value pointer) {
  AccessRecord record{.kind = kind, .place = getSourcePlace(op->getLoc())};
  llvm::raw_string_ostream type(record.type);
  if (auto tile = dyn_cast<RankedTensorType>(pointer.getType()))
    for (int64_t size : tile.getShape())
      type << size << 'x';
  type << cast<tile::PtrType>(tile::getElementOrSelf(pointer.getType())).getPointeeType();
  if (auto how = op->getAttrOfType<StringAttr>(kPipelineAttr))
    record.pipeline = how.str();
  return record;
}
