// Loops and branches. How variables become loop-carried values is explained in tracer.h.
#include "tracer.h"

#include "kiln/control.h"

#include "kiln/Dialect/Tile/IR/Tile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

#include <algorithm>
#include <exception>

using namespace kiln;
using namespace kiln::detail;
using mlir::Value;
namespace scf = mlir::scf;

namespace {

void check_no_combiner(Tracer &t, const char *what, const Loc &loc) {
  if (t.frames.back().kind == Frame::Kind::combiner)
    t.fail(loc, std::string("the combiner of a reduction or scan may not contain '") + what + "'");
}

/// Closes open regions when an exception leaves them.
class RegionGuard {
public:
  explicit RegionGuard(Tracer &t) : tracer_(t), id_(t.frames.back().id) {}
  ~RegionGuard() {
    if (id_ != 0)
      tracer_.abandon_down_to(id_);
  }
  void release() { id_ = 0; }

private:
  Tracer &tracer_;
  std::uint64_t id_;
};

Value take_condition(Tracer &t, const char *op, Value value, const Loc &loc) {
  const TypeInfo of = info(value);
  if (of.pointer || of.dtype != i1 || !of.scalar())
    t.fail(loc, std::string("'") + op + "': the condition is a scalar i1, got " + text(value) +
                    (of.scalar() ? "" : "; use kiln::where to choose for each element, or kiln::any and kiln::all"));
  return value;
}

void check_kept_type(Tracer &t, const Slot &slot, Value now) {
  if (now.getType() != slot.saved.getType())
    t.fail_at(place(now.getLoc()), "a loop-carried variable changes type from " + text(slot.saved) + " (set at " +
                                       place(slot.saved.getLoc()) + ") to " + text(now));
}

/// What a variable of an outer scope holds at the end of the innermost region; null if it was destroyed or holds
/// nothing.
Value value_at_end(Tracer &t, const Slot &slot) {
  if (!slot.tile)
    return {};
  Value value = t.resolve(Tracer::value_of(*slot.tile));
  t.check_leaves(slot, value);
  return value;
}

void sort_by_serial(std::vector<Slot *> &slots) {
  std::sort(slots.begin(), slots.end(), [](const Slot *a, const Slot *b) { return a->serial < b->serial; });
}

} // namespace

// ---- range
// ------------------------------------------------------------------------------------------------------------------

Range::Range(const Operand &lower, const Operand &upper, const Operand &step, RangeOptions options, Loc loc)
    : options_(options), loc_(loc) {
  Tracer &t = Tracer::current(loc);
  check_no_combiner(t, "range", loc);
  const Operand *operands[] = {&lower, &upper, &step};
  Value values[3];
  unify_types(t, "range", loc, operands, values, 3);
  for (Value value : values)
    if (TypeInfo of = info(value); !of.scalar() || (of.dtype != i32 && of.dtype != i64))
      t.fail(loc, "'range': the bounds are integer scalars of i32 or i64, got " + text(value));
  if (options.num_stages < 1)
    t.fail(loc, "'range': num_stages is at least 1, got " + std::to_string(options.num_stages));
  if (!step.tile()) {
    if (step.integer() <= 0)
      t.fail(loc, "'range': the step is positive, got " + std::to_string(step.integer()));
  } else { // a step that is not positive would never end
    mlir::Location where = t.location(loc);
    values[2] = t.make_op<mlir::arith::MaxSIOp>(where, values[2], t.integer_constant(1, values[2].getType(), where));
  }
  lower_ = values[0].getAsOpaquePointer();
  upper_ = values[1].getAsOpaquePointer();
  step_ = values[2].getAsOpaquePointer();
}

Range::Iterator Range::begin() {
  Tracer &t = Tracer::current(loc_);
  for (void **bound : {&lower_, &upper_, &step_}) { // a Range can be kept in a variable
    Value value = t.resolve(Value::getFromOpaquePointer(*bound));
    if (!t.visible(value))
      t.fail_leaked(value, loc_);
    *bound = value.getAsOpaquePointer();
  }
  Frame &frame = t.open(Frame::Kind::loop, loc_);
  frame.block->addArgument(Value::getFromOpaquePointer(lower_).getType(), t.location(loc_));
  frame_ = frame.id;
  exceptions_ = std::uncaught_exceptions();
  state_ = State::open;
  return Iterator(this);
}

Tile Range::Iterator::operator*() const {
  return Tracer::make(Tracer::current(range_->loc_).frames.back().block->getArgument(0));
}

bool Range::Iterator::operator!=(Sentinel) const { return range_->state_ != State::closed; }

Range::Iterator &Range::Iterator::operator++() {
  Tracer &t = Tracer::current(range_->loc_);
  mlir::Location loc = t.location(range_->loc_);
  // What leaves the body is checked while the region is open; a failure abandons it in ~Range.
  std::vector<Slot *> carried;
  std::vector<Value> ends;
  Frame &open = t.frames.back();
  for (Slot &slot : open.slots) {
    Value now = value_at_end(t, slot);
    if (!slot.saved || !slot.tile || now == slot.inside)
      continue;
    if (!now)
      t.fail(range_->loc_, "a variable that has a value before this loop (set at " + place(slot.saved.getLoc()) +
                               ") has none at the end of its body");
    check_kept_type(t, slot, now);
    carried.push_back(&slot);
  }
  sort_by_serial(carried);
  range_->state_ = State::closed;
  Frame frame = t.close(); // moves the slots; pointers to them stay valid
  for (Slot &slot : frame.slots) {
    if (std::find(carried.begin(), carried.end(), &slot) != carried.end())
      continue;
    if (slot.saved)
      t.replace(slot.inside, slot.saved);
    if (slot.tile)
      Tracer::set_value(*slot.tile, slot.saved); // first assigned inside: no value afterwards
  }

  llvm::SmallVector<Value> inits, yields;
  for (Slot *slot : carried)
    inits.push_back(t.resolve(slot->saved));
  auto value = [](void *pointer) { return Value::getFromOpaquePointer(pointer); };
  auto loop =
      scf::ForOp::create(t.builder, loc, value(range_->lower_), value(range_->upper_), value(range_->step_), inits);
  if (range_->options_.num_stages > 1)
    loop->setAttr(tile::kNumStagesAttr, t.builder.getI32IntegerAttr(range_->options_.num_stages));
  mlir::Block &body = *loop.getBody();
  body.clear(); // the terminator that a loop without results is made with
  t.replace(frame.block->getArgument(0), loop.getInductionVar());
  for (auto [slot, argument] : llvm::zip_equal(carried, loop.getRegionIterArgs()))
    t.replace(slot->inside, argument);
  body.getOperations().splice(body.end(), frame.block->getOperations());
  for (Slot *slot : carried)
    yields.push_back(t.resolve(Tracer::value_of(*slot->tile)));
  mlir::OpBuilder::InsertionGuard guard(t.builder);
  t.builder.setInsertionPointToEnd(&body);
  scf::YieldOp::create(t.builder, loc, yields);
  for (auto [slot, result] : llvm::zip_equal(carried, loop.getResults()))
    Tracer::set_value(*slot->tile, result);
  return *this;
}

Range::~Range() {
  Tracer *t = Tracer::active();
  if (state_ != State::open || !t)
    return;
  t->abandon_down_to(frame_);
  if (std::uncaught_exceptions() == exceptions_)
    t->defer(loc_, "this loop is traced, so its body may not be left with 'break' or 'return': it runs once, to record "
                   "what every iteration does; use kiln::while_, or a mask");
}

// ---- if_
// --------------------------------------------------------------------------------------------------------------------

void kiln::if_(const Operand &condition, function_ref<void()> then, function_ref<void()> otherwise, Loc loc) {
  Tracer &t = Tracer::current(loc);
  check_no_combiner(t, "if_", loc);
  Value chosen = take_condition(t, "if_",
                                condition.kind() == Operand::Kind::integer ? number(t, "if_", condition, i1, {})
                                                                           : take(t, "if_", condition),
                                loc);
  mlir::Location where = t.location(loc);

  t.open(Frame::Kind::branch, loc);
  RegionGuard guard(t);
  // Ends a branch: the slots' `inside` becomes the value at its end, and the variables get their old values back.
  auto end_branch = [&] {
    for (Slot &slot : t.frames.back().slots) {
      slot.inside = value_at_end(t, slot);
      if (slot.tile)
        Tracer::set_value(*slot.tile, slot.saved);
    }
  };
  then();
  end_branch();
  Frame &frame = t.frames.back();
  std::unique_ptr<mlir::Block> then_block = std::move(frame.owned);
  frame.then_slots = std::move(frame.slots);
  frame.slots.clear();
  frame.constants.clear();
  frame.owned = std::make_unique<mlir::Block>();
  frame.block = frame.owned.get();
  t.builder.setInsertionPointToEnd(frame.block);
  if (otherwise)
    otherwise();
  end_branch();

  // The variables that either branch assigned, with the value that each branch leaves.
  struct Change {
    Slot slot;
    Value ends[2];
  };
  std::vector<Change> changes;
  for (int side = 0; side < 2; ++side) {
    for (const Slot &slot : side == 0 ? t.frames.back().then_slots : t.frames.back().slots) {
      if (!slot.tile || slot.inside == slot.saved)
        continue;
      auto known =
          std::find_if(changes.begin(), changes.end(), [&](const Change &c) { return c.slot.tile == slot.tile; });
      if (known == changes.end())
        known = changes.insert(changes.end(), {slot, {slot.saved, slot.saved}});
      known->ends[side] = slot.inside;
    }
  }
  std::sort(changes.begin(), changes.end(),
            [](const Change &a, const Change &b) { return a.slot.serial < b.slot.serial; });
  llvm::SmallVector<mlir::Type> types;
  std::vector<Change> merged;
  for (const Change &change : changes) {
    auto [a, b] = change.ends;
    if (a && b && a.getType() != b.getType())
      t.fail(loc, "'if_': a variable is " + text(a) + " (set at " + place(a.getLoc()) + ") after one branch and " +
                      text(b) + " (set at " + place(b.getLoc()) + ") after the other");
  }
  guard.release();
  Frame closed = t.close();
  for (const Change &change : changes) {
    auto [a, b] = change.ends;
    if (!a || !b || a == b) {
      Tracer::set_value(*change.slot.tile, a == b ? a : Value()); // assigned in one branch alone, and nothing before
      continue;
    }
    types.push_back(a.getType());
    merged.push_back(change);
  }
  const bool has_else = otherwise || !merged.empty();
  auto branch = scf::IfOp::create(t.builder, where, types, chosen, true, has_else);
  mlir::Block *blocks[] = {then_block.get(), closed.block};
  for (int side = 0; side < (has_else ? 2 : 1); ++side) {
    mlir::Block &to = side == 0 ? *branch.thenBlock() : *branch.elseBlock();
    to.clear();
    to.getOperations().splice(to.end(), blocks[side]->getOperations());
    llvm::SmallVector<Value> yields;
    for (const Change &change : merged)
      yields.push_back(change.ends[side]);
    mlir::OpBuilder::InsertionGuard insertion(t.builder);
    t.builder.setInsertionPointToEnd(&to);
    scf::YieldOp::create(t.builder, where, yields);
  }
  for (auto [change, result] : llvm::zip_equal(merged, branch.getResults()))
    Tracer::set_value(*change.slot.tile, result);
}

// ---- while_
// -----------------------------------------------------------------------------------------------------------------
//
// scf.while has two regions. The condition's takes the carried values as arguments and forwards them to the body's,
// which yields those of the next iteration. So two frames are open while the body is traced, and a variable that it
// touches gets an argument in each. The values that the loop leaves are those at the condition's end.

void kiln::while_(function_ref<Tile()> condition, function_ref<void()> body, Loc loc) {
  Tracer &t = Tracer::current(loc);
  check_no_combiner(t, "while_", loc);
  mlir::Location where = t.location(loc);

  t.open(Frame::Kind::loop, loc);
  RegionGuard guard(t);
  Value holds;
  {
    Tile tile = condition();
    holds = take_condition(t, "while_", t.read(tile, loc), loc);
  }
  for (const Slot &slot : t.frames.back().slots)
    value_at_end(t, slot);
  t.frames.back().forwards = true;
  t.open(Frame::Kind::loop, loc);
  body();

  struct Variable {
    Slot outer;         // saved: the value before the loop; inside: the condition's argument
    Value at_condition; // at the end of the condition
    Value body_argument, at_body_end;
  };
  std::vector<Variable> variables;
  for (const Slot &slot : t.frames.back().slots)
    value_at_end(t, slot);
  Frame body_frame = t.close();
  for (const Slot &slot : t.frames.back().slots) {
    Variable variable{slot, slot.tile ? t.resolve(Tracer::value_of(*slot.tile)) : slot.inside, {}, {}};
    for (const Slot &in_body : body_frame.slots) {
      if (in_body.tile == slot.tile && slot.tile) {
        variable.at_condition = in_body.saved;
        variable.body_argument = in_body.inside;
        variable.at_body_end = t.resolve(Tracer::value_of(*slot.tile));
      }
    }
    variables.push_back(variable);
  }
  std::sort(variables.begin(), variables.end(),
            [](const Variable &a, const Variable &b) { return a.outer.serial < b.outer.serial; });

  llvm::SmallVector<Value> inits, forwarded, yields;
  llvm::SmallVector<mlir::Type> types;
  std::vector<Variable> carried;
  for (Variable &variable : variables) {
    const Slot &slot = variable.outer;
    if (!slot.saved) { // nothing before the loop, so nothing after it
      if (slot.tile)
        Tracer::set_value(*slot.tile, {});
      continue;
    }
    const bool kept_by_condition = variable.at_condition == slot.inside;
    const bool kept_by_body = variable.at_body_end == variable.body_argument;
    if (!slot.tile || (kept_by_condition && kept_by_body)) {
      t.replace(slot.inside, slot.saved);
      if (variable.body_argument)
        t.replace(variable.body_argument, slot.saved);
      if (slot.tile)
        Tracer::set_value(*slot.tile, slot.saved);
      continue;
    }
    for (Value value : {variable.at_condition, kept_by_body ? variable.at_condition : variable.at_body_end}) {
      if (!value)
        t.fail(loc, "a variable that has a value before this loop (set at " + place(slot.saved.getLoc()) +
                        ") has none at the end of its body");
      check_kept_type(t, slot, value);
    }
    carried.push_back(variable);
  }
  // Values of the condition that only the body uses, through variables that the condition made.
  std::vector<std::pair<Value, Value>> passed;
  for (const Slot &slot : body_frame.slots)
    if (slot.inside && slot.inside != slot.saved && t.resolve(slot.inside) == slot.inside &&
        llvm::none_of(carried, [&](const Variable &v) { return v.body_argument == slot.inside; }))
      passed.push_back({slot.saved, slot.inside});

  guard.release();
  Frame condition_frame = t.close();
  for (const Variable &variable : carried) {
    inits.push_back(t.resolve(variable.outer.saved));
    types.push_back(variable.outer.saved.getType());
  }
  for (auto [value, argument] : passed)
    types.push_back(value.getType());
  auto loop = scf::WhileOp::create(t.builder, where, types, inits);
  mlir::Block &before = loop.getBefore().emplaceBlock(), &after = loop.getAfter().emplaceBlock();
  for (Value init : inits)
    before.addArgument(init.getType(), where);
  for (mlir::Type type : types)
    after.addArgument(type, where);
  for (std::size_t i = 0; i < carried.size(); ++i) {
    t.replace(carried[i].outer.inside, before.getArgument(i));
    if (carried[i].body_argument)
      t.replace(carried[i].body_argument, after.getArgument(i));
  }
  for (std::size_t i = 0; i < passed.size(); ++i)
    t.replace(passed[i].second, after.getArgument(carried.size() + i));
  before.getOperations().splice(before.end(), condition_frame.block->getOperations());
  after.getOperations().splice(after.end(), body_frame.block->getOperations());

  for (const Variable &variable : carried)
    forwarded.push_back(t.resolve(variable.at_condition));
  for (auto [value, argument] : passed)
    forwarded.push_back(t.resolve(value));
  for (std::size_t i = 0; i < carried.size(); ++i)
    yields.push_back(carried[i].body_argument ? t.resolve(carried[i].at_body_end) : Value(after.getArgument(i)));
  mlir::OpBuilder::InsertionGuard insertion(t.builder);
  t.builder.setInsertionPointToEnd(&before);
  scf::ConditionOp::create(t.builder, where, t.resolve(holds), forwarded);
  t.builder.setInsertionPointToEnd(&after);
  scf::YieldOp::create(t.builder, where, yields);
  for (std::size_t i = 0; i < carried.size(); ++i)
    Tracer::set_value(*carried[i].outer.tile, loop.getResult(i));
}
