//===- MachineTable.cpp - The rows of the table of machine operations -----===//

#include "kiln/Dialect/TileGPU/IR/MachineOps.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/Twine.h"

using namespace kiln::tile_gpu;
using llvm::ArrayRef;
using llvm::StringRef;
using llvm::Twine;
using Types = ArrayRef<MachineType>;

using enum MachineType;

namespace {

/// An access of one thread: `count` registers of one type, named as in PTX.
struct AccessWidth {
  const char *name;
  MachineType type;
  unsigned count;
};
constexpr AccessWidth kWidths[] = {{"b8", I8, 1},      {"b16", I16, 1},    {"b32", I32, 1},   {"b64", I64, 1},
                                   {"v2.b32", I32, 2}, {"v4.b32", I32, 4}, {"v2.b64", I64, 2}};

/// "{$first, $first+1, ...}", or the one register.
std::string registerList(unsigned first, unsigned count) {
  if (count == 1)
    return "$" + std::to_string(first);
  std::string text = "{";
  for (unsigned i = 0; i < count; ++i)
    text += (i ? ", $" : "$") + std::to_string(first + i);
  return text + "}";
}

/// The constraint of a PTX register that holds a value.
char constraintOf(MachineType type) {
  switch (type) {
  case I1:
    return 'b';
  case I8:
  case I16:
  case F16:
  case BF16:
    return 'h';
  case I32:
    return 'r';
  case I64:
    return 'l';
  case F32:
    return 'f';
  case F64:
    return 'd';
  }
  llvm_unreachable("all types are handled");
}

class TableBuilder {
public:
  std::vector<MachineRow> take() {
    addRegisters();
    addWarpOperations();
    addAccesses();
    addAtomics();
    addFences();
    addLaunchControl();
    addAsyncCopies();
    addHintedCopies();
    addMbarriers();
    addTensorCores();
    addConversions();
    addCalls();
    return std::move(rows);
  }

private:
  MachineRow &add(const Twine &name, Types operands, Types results) {
    MachineRow &row = rows.emplace_back();
    row.name = name.str();
    row.operands.assign(operands.begin(), operands.end());
    row.results.assign(results.begin(), results.end());
    return row;
  }

  MachineRow &intrinsic(const Twine &name, Types operands, Types results, const Twine &text) {
    MachineRow &row = add(name, operands, results);
    row.text = ("llvm.nvvm." + text).str();
    return row;
  }

  /// `ties` operands at the end share a register with the results; `early` results are written before the operands are
  /// read.
  MachineRow &assembly(const Twine &name, Types operands, Types results, const Twine &text, unsigned ties = 0,
                       bool early = false) {
    MachineRow &row = add(name, operands, results);
    row.form = MachineForm::Assembly;
    row.text = text.str();
    llvm::SmallVector<std::string> constraints;
    for (MachineType type : results)
      constraints.push_back(std::string(early ? "=&" : "=") + constraintOf(type));
    for (MachineType type : operands.drop_back(ties))
      constraints.push_back(std::string(1, constraintOf(type)));
    for (unsigned i = 0; i < ties; ++i)
      constraints.push_back(std::to_string(i));
    row.constraints = llvm::join(constraints, ",");
    return row;
  }

  void addRegisters();
  void addWarpOperations();
  void addAccesses();
  void addLoads(StringRef space, MachineType address, bool invariant, bool evictFirst = false);
  void addStores(StringRef space, MachineType address);
  void addAtomics();
  void addFences();
  void addLaunchControl();
  void addAsyncCopies();
  void addHintedCopies();
  void addMbarriers();
  void addTensorCores();
  void addMma(StringRef shape, StringRef types, StringRef suffix, unsigned a, unsigned b, MachineType accumulator,
              MachineCast cast = MachineCast::None, unsigned capability = 80, unsigned ptx = 70);
  void addConversions();
  void addCalls();

  std::vector<MachineRow> rows;
};

void TableBuilder::addRegisters() {
  intrinsic("tid.x", {}, {I32}, "read.ptx.sreg.tid.x");
  for (StringRef axis : {"x", "y", "z"})
    intrinsic("ctaid." + axis, {}, {I32}, "read.ptx.sreg.ctaid." + axis);
  for (StringRef axis : {"x", "y", "z"})
    intrinsic("nctaid." + axis, {}, {I32}, "read.ptx.sreg.nctaid." + axis);
  add("shared.base", {}, {I32}).form = MachineForm::SharedBase;
}

void TableBuilder::addWarpOperations() {
  // All threads of the program wait, and see what the others wrote before.
  MachineRow &block = intrinsic("bar.sync", {}, {}, "barrier.cta.sync.aligned.all");
  block.immediates = {0};
  block.effect = MachineEffect::Sync;
  block.space = MachineSpace::Both;
  // (membermask): the same for the lanes of a warp.
  MachineRow &warp = intrinsic("bar.warp.sync", {I32}, {}, "bar.warp.sync");
  warp.effect = MachineEffect::Sync;
  warp.space = MachineSpace::Both;

  size_t first = rows.size();
  // (barrier, threads): for some warps of the program, which have that many threads together. Those that arrive do not
  // wait for the others. Barrier 0 is that of bar.sync.
  intrinsic("bar.sync.id", {I32, I32}, {}, "barrier.cta.sync.aligned.count");
  intrinsic("bar.arrive", {I32, I32}, {}, "barrier.cta.arrive.aligned.count");
  for (MachineRow &row : llvm::MutableArrayRef(rows).drop_front(first)) {
    row.effect = MachineEffect::Sync;
    row.space = MachineSpace::Both;
  }
  // (membermask, value, lane or distance or mask, clamp | segment mask << 8); for the whole warp the last is 31, for
  // "up" 0.
  for (StringRef mode : {"bfly", "up", "down", "idx"})
    intrinsic("shfl.sync." + mode + ".b32", {I32, I32, I32, I32}, {I32}, "shfl.sync." + mode + ".i32");
  // (membermask, predicate)
  intrinsic("vote.sync.any", {I32, I1}, {I1}, "vote.any.sync");
  intrinsic("vote.sync.all", {I32, I1}, {I1}, "vote.all.sync");
  intrinsic("vote.sync.ballot", {I32, I1}, {I32}, "vote.ballot.sync");
  // (value, membermask)
  intrinsic("redux.sync.add.s32", {I32, I32}, {I32}, "redux.sync.add");
  intrinsic("redux.sync.min.s32", {I32, I32}, {I32}, "redux.sync.min");
  intrinsic("redux.sync.max.s32", {I32, I32}, {I32}, "redux.sync.max");
  intrinsic("redux.sync.min.u32", {I32, I32}, {I32}, "redux.sync.umin");
  intrinsic("redux.sync.max.u32", {I32, I32}, {I32}, "redux.sync.umax");
  intrinsic("redux.sync.and.b32", {I32, I32}, {I32}, "redux.sync.and");
  intrinsic("redux.sync.or.b32", {I32, I32}, {I32}, "redux.sync.or");
  intrinsic("redux.sync.xor.b32", {I32, I32}, {I32}, "redux.sync.xor");
  // (membermask, value): the lanes with the same value.
  intrinsic("match.any.sync.b32", {I32, I32}, {I32}, "match.any.sync.i32");
  intrinsic("match.any.sync.b64", {I32, I64}, {I32}, "match.any.sync.i64");
  // (membermask, value): all of them and true, or 0 and false.
  intrinsic("match.all.sync.b32", {I32, I32}, {I32, I1}, "match.all.sync.i32p");
  for (MachineRow &row : llvm::MutableArrayRef(rows).drop_front(first - 2))
    row.convergent = true;
}

void TableBuilder::addAccesses() {
  addLoads("global", I64, /*invariant=*/false);
  addLoads("global", I64, /*invariant=*/true);
  addLoads("global", I64, /*invariant=*/false, /*evictFirst=*/true);
  addLoads("global", I64, /*invariant=*/true, /*evictFirst=*/true);
  addStores("global", I64);
  addLoads("shared", I32, /*invariant=*/false);
  addStores("shared", I32);
  // (address); a hint, harmless wherever it points.
  for (bool predicated : {false, true}) {
    MachineRow &row = predicated ? assembly("prefetch.global.L2.pred", {I64, I1}, {}, "@$1 prefetch.global.L2 [$0];")
                                 : assembly("prefetch.global.L2", {I64}, {}, "prefetch.global.L2 [$0];");
    row.effect = MachineEffect::Write; // of nothing that a program can see, but it must not vanish
    row.space = MachineSpace::Global;
  }
}

/// With `evictFirst`, .cs: what is read takes the place in the caches that is given away first.
void TableBuilder::addLoads(StringRef space, MachineType address, bool invariant, bool evictFirst) {
  std::string opcode = ("ld." + space + (evictFirst ? ".cs" : "") + (invariant ? ".nc." : ".")).str();
  for (const AccessWidth &width : kWidths) {
    llvm::SmallVector<MachineType> results(width.count, width.type);
    unsigned count = width.count;
    if (evictFirst)
      assembly(opcode + width.name, {address}, results,
               Twine(opcode) + width.name + " " + registerList(0, count) + ", [$" + Twine(count) + "];");
    else
      add(opcode + width.name, {address}, results).form = MachineForm::Load;

    llvm::SmallVector<MachineType> operands = {address, I1};
    operands.append(results);
    assembly(opcode + width.name + ".pred", operands, results,
             "@$" + Twine(count + 1) + " " + opcode + width.name + " " + registerList(0, count) + ", [$" +
                 Twine(count) + "];",
             /*ties=*/count);
    for (MachineRow &row : llvm::MutableArrayRef(rows).take_back(2)) {
      row.effect = MachineEffect::Read;
      row.space = address == I32 ? MachineSpace::Shared : MachineSpace::Global;
      row.invariant = invariant;
    }
  }
}

void TableBuilder::addStores(StringRef space, MachineType address) {
  std::string opcode = ("st." + space + ".").str();
  for (const AccessWidth &width : kWidths) {
    llvm::SmallVector<MachineType> operands = {address};
    operands.append(width.count, width.type);
    add(opcode + width.name, operands, {}).form = MachineForm::Store;

    operands.insert(operands.begin() + 1, I1);
    assembly(opcode + width.name + ".pred", operands, {},
             "@$1 " + Twine(opcode) + width.name + " [$0], " + registerList(2, width.count) + ";");
    for (MachineRow &row : llvm::MutableArrayRef(rows).take_back(2)) {
      row.effect = MachineEffect::Write;
      row.space = address == I32 ? MachineSpace::Shared : MachineSpace::Global;
    }
  }
}

void TableBuilder::addAtomics() {
  struct Kind {
    const char *name;
    MachineType type;
    unsigned capability = 80, ptx = 70;
  };
  // add.f32 on global memory flushes subnormals to zero; that is the hardware's, there is no other.
  static const Kind kinds[] = {{"add.u32", I32},  {"add.u64", I64},       {"add.f32", F32},
                               {"add.f64", F64},  {"add.noftz.f16", F16}, {"add.noftz.bf16", BF16, 90, 78},
                               {"and.b32", I32},  {"and.b64", I64},       {"or.b32", I32},
                               {"or.b64", I64},   {"xor.b32", I32},       {"xor.b64", I64},
                               {"min.s32", I32},  {"min.s64", I64},       {"min.u32", I32},
                               {"min.u64", I64},  {"max.s32", I32},       {"max.s64", I64},
                               {"max.u32", I32},  {"max.u64", I64},       {"exch.b32", I32},
                               {"exch.b64", I64}, {"cas.b16", I16},       {"cas.b32", I32},
                               {"cas.b64", I64}};
  auto describe = [](MachineRow &row, const Kind &kind) {
    row.effect = MachineEffect::ReadWrite;
    row.space = MachineSpace::Global;
    row.capability = kind.capability;
    row.ptx = kind.ptx;
  };
  for (StringRef order : {"relaxed", "acquire", "release", "acq_rel"}) {
    for (StringRef scope : {"cta", "gpu", "sys"}) {
      std::string prefix = ("." + order + "." + scope + ".global.").str();
      for (const Kind &kind : kinds) {
        StringRef name = kind.name;
        bool swaps = name.starts_with("exch"), compares = name.starts_with("cas");
        // (address, predicate, value), cas: (address, predicate, compare, value). The predicated instruction leaves the
        // zero that is written first.
        llvm::SmallVector<MachineType> operands = {I64, I1, kind.type};
        if (compares)
          operands.push_back(kind.type);
        char width = constraintOf(kind.type);
        StringRef zero = width == 'h'   ? "mov.b16 $0, 0; "
                         : width == 'f' ? "mov.b32 $0, 0f00000000; "
                         : width == 'd' ? "mov.b64 $0, 0d0000000000000000; "
                         : width == 'r' ? "mov.b32 $0, 0; "
                                        : "mov.b64 $0, 0; ";
        describe(assembly("atom" + prefix + name + ".pred", operands, {kind.type},
                          zero + "@$2 atom" + prefix + name + " $0, [$1], $3" + (compares ? ", $4;" : ";"),
                          /*ties=*/0, /*early=*/true),
                 kind);
        // Without a result there is nothing to acquire.
        if (!swaps && !compares && (order == "relaxed" || order == "release"))
          describe(assembly("red" + prefix + name + ".pred", operands, {}, "@$1 red" + prefix + name + " [$0], $2;"),
                   kind);
      }
    }
  }
}

void TableBuilder::addFences() {
  for (StringRef order : {"acq_rel", "sc"}) {
    for (StringRef scope : {"cta", "gpu", "sys"}) {
      std::string name = ("fence." + order + "." + scope).str();
      MachineRow &row = assembly(name, {}, {}, name + ";");
      row.effect = MachineEffect::Sync;
      row.space = MachineSpace::Both;
    }
  }
}

/// Launches that overlap. Assembly, because to LLVM the intrinsics of the same names touch no memory, and it would move
/// loads across them.
void TableBuilder::addLaunchControl() {
  // Until the launches that this one depends on have ended, and what they wrote is to be seen.
  assembly("griddepcontrol.wait", {}, {}, "griddepcontrol.wait;");
  // The launches that depend on this one may start once all its programs have got here or ended.
  assembly("griddepcontrol.launch_dependents", {}, {}, "griddepcontrol.launch_dependents;");
  for (MachineRow &row : llvm::MutableArrayRef(rows).take_back(2)) {
    row.effect = MachineEffect::Sync;
    row.space = MachineSpace::Both;
    row.capability = 90;
    row.ptx = 78;
  }
}

void TableBuilder::addAsyncCopies() {
  // (shared address, global address, bytes to read): the rest of the copy is filled with zeros.
  size_t first = rows.size();
  for (StringRef kind : {"ca.4", "ca.8", "ca.16", "cg.16"}) {
    auto [cache, bytes] = kind.split('.');
    MachineRow &row =
        intrinsic("cp.async." + kind, {I32, I64, I32}, {}, "cp.async." + cache + ".shared.global." + bytes + ".s");
    row.casts = {MachineCast::SharedPointer, MachineCast::GlobalPointer};
  }
  intrinsic("cp.async.commit_group", {}, {}, "cp.async.commit.group");
  // Waits until at most n groups of this thread are under way.
  for (int32_t n = 0; n < 8; ++n)
    intrinsic("cp.async.wait_group." + Twine(n), {}, {}, "cp.async.wait.group").immediates = {n};
  for (MachineRow &row : llvm::MutableArrayRef(rows).drop_front(first)) {
    row.effect = MachineEffect::ReadWrite;
    row.space = MachineSpace::Both;
  }
}

/// Copies whose source is the first to leave the L2 cache.
void TableBuilder::addHintedCopies() {
  MachineRow &policy =
      assembly("createpolicy.L2.evict_first", {}, {I64}, "createpolicy.fractional.L2::evict_first.b64 $0, 1.0;");
  policy.ptx = 74;
  // (shared address, global address, bytes to read, policy)
  for (StringRef kind : {"ca.4", "ca.8", "ca.16", "cg.16"}) {
    auto [cache, bytes] = kind.split('.');
    MachineRow &row =
        assembly("cp.async." + kind + ".hint", {I32, I64, I32, I64}, {},
                 "cp.async." + cache + ".shared.global.L2::cache_hint [$0], [$1], " + bytes + ", $2, $3;");
    row.effect = MachineEffect::ReadWrite;
    row.space = MachineSpace::Both;
    row.ptx = 74;
  }
}

/// An mbarrier is 64 bits of shared memory, which nothing else may touch between init and inval.
void TableBuilder::addMbarriers() {
  size_t first = rows.size();
  auto add = [&](StringRef name, Types operands, Types results, StringRef text) -> MachineRow & {
    MachineRow &row = intrinsic(name, operands, results, text);
    row.casts = {MachineCast::SharedPointer};
    return row;
  };
  auto since90 = [](MachineRow &row) {
    row.capability = 90;
    row.ptx = 80;
  };
  // (address, arrivals of a phase)
  add("mbarrier.init", {I32, I32}, {}, "mbarrier.init.shared");
  add("mbarrier.inval", {I32}, {}, "mbarrier.inval.shared");
  // The result names the phase that the arrival belongs to.
  add("mbarrier.arrive", {I32}, {I64}, "mbarrier.arrive.shared");
  // (address, bytes): the phase does not end before that many more have been copied.
  since90(add("mbarrier.arrive.expect_tx", {I32, I32}, {I64}, "mbarrier.arrive.expect.tx.scope.cta.space.cta"));
  // Whether a phase has ended, by what arrive yielded or by its number's lowest bit; try_wait may take its time.
  add("mbarrier.test_wait", {I32, I64}, {I1}, "mbarrier.test.wait.shared");
  assembly("mbarrier.test_wait.parity", {I32, I32}, {I1}, "mbarrier.test_wait.parity.shared.b64 $0, [$1], $2;").ptx =
      71;
  since90(add("mbarrier.try_wait", {I32, I64}, {I1}, "mbarrier.try.wait.scope.cta.space.cta"));
  since90(add("mbarrier.try_wait.parity", {I32, I32}, {I1}, "mbarrier.try.wait.parity.scope.cta.space.cta"));
  // (address): arrives once the async copies that this thread has begun are done.
  add("cp.async.mbarrier.arrive.noinc", {I32}, {}, "cp.async.mbarrier.arrive.noinc.shared");
  for (MachineRow &row : llvm::MutableArrayRef(rows).drop_front(first)) {
    row.effect = MachineEffect::Sync;
    row.space = MachineSpace::Both;
  }
}

/// The fragments of `a` and `b` are `a` and `b` registers of 32 bits, the accumulator has four.
void TableBuilder::addMma(StringRef shape, StringRef types, StringRef suffix, unsigned a, unsigned b,
                          MachineType accumulator, MachineCast cast, unsigned capability, unsigned ptx) {
  llvm::SmallVector<MachineType> operands(a + b, I32);
  operands.append(4, accumulator);
  llvm::SmallVector<MachineType> results(4, accumulator);
  MachineRow &row = intrinsic("mma." + shape + "." + types, operands, results, "mma." + shape + ".row.col." + suffix);
  row.casts.assign(a + b, cast);
  row.convergent = true;
  row.capability = capability;
  row.ptx = ptx;
}

void TableBuilder::addTensorCores() {
  for (StringRef count : {"x1", "x2", "x4"}) {
    for (StringRef trans : {"", ".trans"}) {
      llvm::SmallVector<MachineType> results(count[1] - '0', I32);
      MachineRow &row = intrinsic("ldmatrix." + count + trans, {I32}, results,
                                  "ldmatrix.sync.aligned.m8n8." + count + trans + ".b16");
      row.casts = {MachineCast::SharedPointer};
      row.effect = MachineEffect::Read;
      row.space = MachineSpace::Shared;
      row.convergent = true;
    }
  }
  for (StringRef count : {"x1", "x2", "x4"}) {
    for (StringRef trans : {"", ".trans"}) {
      llvm::SmallVector<MachineType> operands(1 + count[1] - '0', I32);
      MachineRow &row =
          intrinsic("stmatrix." + count + trans, operands, {}, "stmatrix.sync.aligned.m8n8." + count + trans + ".b16");
      row.casts = {MachineCast::SharedPointer};
      row.effect = MachineEffect::Write;
      row.space = MachineSpace::Shared;
      row.convergent = true;
      row.capability = 90;
      row.ptx = 78;
    }
  }
  addMma("m16n8k16", "f32.f16", "f32.f32", 4, 2, F32, MachineCast::Half2);
  addMma("m16n8k8", "f32.f16", "f32.f32", 2, 1, F32, MachineCast::Half2);
  addMma("m16n8k16", "f32.bf16", "bf16", 4, 2, F32);
  addMma("m16n8k8", "f32.bf16", "bf16", 2, 1, F32);
  addMma("m16n8k8", "f32.tf32", "tf32", 4, 2, F32);
  addMma("m16n8k4", "f32.tf32", "tf32", 2, 1, F32);
  addMma("m16n8k32", "s32.s8", "s8", 4, 2, I32);
  addMma("m16n8k16", "s32.s8", "s8", 2, 1, I32);
  for (StringRef a : {"e4m3", "e5m2"}) {
    for (StringRef b : {"e4m3", "e5m2"}) {
      std::string types = (a + "." + b).str();
      addMma("m16n8k32", "f32." + types, "f32." + types + ".f32", 4, 2, F32, MachineCast::None, 89, 84);
    }
  }
}

void TableBuilder::addConversions() {
  intrinsic("cvt.rna.tf32.f32", {F32}, {I32}, "f2tf32.rna");
  // (high, low)
  assembly("cvt.rn.f16x2.f32", {F32, F32}, {I32}, "cvt.rn.f16x2.f32 $0, $1, $2;");
  assembly("cvt.rn.bf16x2.f32", {F32, F32}, {I32}, "cvt.rn.bf16x2.f32 $0, $1, $2;");
  for (StringRef type : {"e4m3x2", "e5m2x2"}) {
    size_t first = rows.size();
    intrinsic("cvt.rn.satfinite." + type + ".f32", {F32, F32}, {I16}, "ff.to." + type + ".rn");
    intrinsic("cvt.rn.satfinite." + type + ".f16x2", {I32}, {I16}, "f16x2.to." + type + ".rn").casts = {
        MachineCast::Half2};
    intrinsic("cvt.rn.f16x2." + type, {I16}, {I32}, type + ".to.f16x2.rn").casts = {MachineCast::None,
                                                                                    MachineCast::Half2};
    for (MachineRow &row : llvm::MutableArrayRef(rows).drop_front(first)) {
      row.capability = 89;
      row.ptx = 81;
    }
  }
  // A relative error of at most 2^-22.5 (PTX ISA, ex2); what is below the smallest normal number counts as 0.
  intrinsic("ex2.approx.ftz.f32", {F32}, {F32}, "ex2.approx.ftz");
  // An exclusive-or that stays one: LLVM makes a sum of arith.xori where the operands have no bit in common.
  assembly("xor.b32", {I32, I32}, {I32}, "xor.b32 $0, $1, $2;");
  // (a, b, selector): each byte of the result is one of the eight bytes of b:a.
  intrinsic("prmt.b32", {I32, I32, I32}, {I32}, "prmt");
  auto bits = [&](const Twine &name, Types operands, Types results) {
    add(name, operands, results).form = MachineForm::Bits;
  };
  bits("pack.b16x2", {I16, I16}, {I32});
  bits("pack.b8x4", {I8, I8, I8, I8}, {I32});
  bits("pack.b8x2", {I8, I8}, {I16});
  bits("pack.b32x2", {I32, I32}, {I64});
  bits("unpack.b16x2", {I32}, {I16, I16});
  bits("unpack.b8x4", {I32}, {I8, I8, I8, I8});
  bits("unpack.b8x2", {I16}, {I8, I8});
  bits("unpack.b32x2", {I64}, {I32, I32});
}

void TableBuilder::addCalls() {
  // What threads put into an exchange of elements and what they got out of it, for comparison.
  add("exchange.sent", {}, {}).form = MachineForm::Check;
  add("exchange.received", {}, {}).form = MachineForm::Check;
  MachineRow &print = add("vprintf", {}, {});
  print.form = MachineForm::Print;
  MachineRow &fail = add("__assertfail", {}, {});
  fail.form = MachineForm::AssertFail;
  for (MachineRow &row : llvm::MutableArrayRef(rows).take_back(4)) {
    row.effect = MachineEffect::ReadWrite;
    row.space = MachineSpace::Both;
  }
}

struct Table {
  Table() : rows(TableBuilder().take()) {
    for (const MachineRow &row : rows)
      byName[row.name] = &row;
  }
  std::vector<MachineRow> rows;
  llvm::StringMap<const MachineRow *> byName;
};

const Table &table() {
  static const Table instance;
  return instance;
}

} // namespace

const MachineRow *kiln::tile_gpu::lookupMachineOp(StringRef name) { return table().byName.lookup(name); }

ArrayRef<MachineRow> kiln::tile_gpu::machineRows() { return table().rows; }
