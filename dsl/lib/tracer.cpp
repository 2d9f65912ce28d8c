#include "tracer.h"

#include "kiln/Dialect/Tile/IR/ReadOnly.h"
#include "kiln/Dialect/Tile/IR/Tile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Location.h"

#include <algorithm>
#include <atomic>
#include <numeric>
#include <span>

using namespace kiln;
using namespace kiln::detail;

namespace {

thread_local Tracer *active_tracer = nullptr;

// Each thread counts in a range of its own, so that a Tile of another thread's trace is never taken for one's own.
std::atomic<std::uint64_t> next_thread_base{1};
thread_local std::uint64_t next_serial = next_thread_base.fetch_add(1) << 40;

// Where the helpers that are being traced were called, outermost first. See Here.
thread_local std::vector<Loc> calls;

} // namespace

// ---- Tile -----------------------------------------------------------------------------------------------------------

Tile::Tile() noexcept : serial_(next_serial++) {}

Tile::Tile(const Tile &other) noexcept : serial_(next_serial++) {
  if (active_tracer)
    active_tracer->touch(other);
  value_ = other.value_;
}

Tile::Tile(const ParamBinding &binding) noexcept : value_(binding.value), serial_(binding.serial) {}

Tile &Tile::operator=(const Tile &other) noexcept {
  if (active_tracer) {
    active_tracer->touch(other);
    active_tracer->touch(*this);
  }
  value_ = other.value_;
  return *this;
}

Tile::~Tile() {
  if (active_tracer)
    active_tracer->forget(*this);
}

DType Tile::dtype(Loc loc) const { return info(Tracer::current(loc).read(*this, loc)).dtype; }
bool Tile::is_pointer(Loc loc) const { return info(Tracer::current(loc).read(*this, loc)).pointer; }
Shape Tile::shape(Loc loc) const { return info(Tracer::current(loc).read(*this, loc)).shape; }

std::int64_t Tile::dim(int axis, Loc loc) const {
  Tracer &tracer = Tracer::current(loc);
  mlir::Value value = tracer.read(*this, loc);
  return info(value).shape[check_axis(tracer, "dim", value, axis, loc)];
}

Tile Tile::to(DType dtype, Loc loc) const {
  Tracer &tracer = Tracer::current(loc);
  mlir::Value value = tracer.read(*this, loc);
  if (info(value).pointer)
    tracer.fail(loc, "'to': a pointer cannot be converted to a number");
  return Tracer::make(convert(tracer, value, dtype, tracer.location(loc)));
}

Here::Here(Loc loc) { calls.push_back(loc); }
Here::~Here() { calls.pop_back(); }

// ---- places and errors
// ------------------------------------------------------------------------------------------------

std::string detail::place(const Loc &loc) {
  return std::string(loc.file_name()) + ":" + std::to_string(loc.line()) + ":" + std::to_string(loc.column());
}

std::string detail::place(mlir::Location loc) {
  if (auto call = llvm::dyn_cast<mlir::CallSiteLoc>(loc))
    return place(call.getCallee());
  if (auto file = llvm::dyn_cast<mlir::FileLineColLoc>(loc))
    return file.getFilename().str() + ":" + std::to_string(file.getLine()) + ":" + std::to_string(file.getColumn());
  return "the kernel's parameters";
}

void detail::fail_outside_kernel(const Loc &loc, const std::string &message) {
  throw TraceError(place(loc) + ": error: " + message);
}

std::string Tracer::message_text(const std::string &place, const std::string &message) const {
  return message_text(place, message, llvm::ArrayRef<Loc>(calls).drop_front(first_call_));
}

std::string Tracer::message_text(const std::string &place, const std::string &message,
                                 llvm::ArrayRef<Loc> chain) const {
  std::string text = place.empty() ? "error: " + message : place + ": error: " + message;
  for (const Loc &call : llvm::reverse(chain))
    text += "\nnote: called from " + detail::place(call);
  return text + "\nnote: while tracing '" + kernel_.name() + "' with " + config_.text(config_.config);
}

void Tracer::fail_at(const std::string &place, const std::string &message) {
  throw TraceError(message_text(place, message));
}

void Tracer::fail(const Loc &loc, const std::string &message) { fail_at(detail::place(loc), message); }

void Tracer::defer(const Loc &loc, const std::string &message) {
  if (deferred.empty())
    deferred = message_text(detail::place(loc), message);
}

void Tracer::note_write(const char *op, mlir::Operation *access, const Loc &loc) {
  const llvm::ArrayRef<Loc> chain = llvm::ArrayRef<Loc>(calls).drop_front(first_call_);
  writes_.push_back({op, access, loc, {chain.begin(), chain.end()}});
}

void Tracer::check_writes() {
  for (const Write &write : writes_)
    if (mlir::BlockArgument argument = tile::findReadOnlyArgument(write.access->getOperand(0)))
      throw TraceError(message_text(detail::place(write.loc),
                                    std::string("'") + write.op + "': parameter " +
                                        std::to_string(argument.getArgNumber() + 1) +
                                        " is a ptr<const T>, through which a kernel may only read",
                                    write.calls));
}

// ---- the trace
// --------------------------------------------------------------------------------------------------------

Tracer::Tracer(const KernelBase &kernel, const ConfigView &config, mlir::MLIRContext &context)
    : context(context), builder(&context), kernel_(kernel), config_(config), parent_(active_tracer),
      first_serial_(next_serial), first_call_(calls.size()) {
  active_tracer = this;
}

Tracer::~Tracer() {
  active_tracer = parent_;
  if (parent_)
    parent_->others_.emplace_back(first_serial_, next_serial);
  while (!frames.empty()) { // an inner region uses the values of outer ones
    if (frames.back().owned)
      retired_.push_back(std::move(frames.back().owned));
    frames.pop_back();
  }
  for (auto &block : retired_)
    block->dropAllReferences();
}

Tracer *Tracer::active() { return active_tracer; }

bool Tracer::is_tracing(const KernelBase &kernel, const ConfigView &config) {
  for (const Tracer *tracer = active_tracer; tracer; tracer = tracer->parent_)
    if (&tracer->kernel_ == &kernel && std::ranges::equal(std::span(tracer->config_.words, tracer->config_.count),
                                                          std::span(config.words, config.count)))
      return true;
  return false;
}

Tracer &Tracer::current(const Loc &loc) {
  if (!active_tracer)
    fail_outside_kernel(loc, "tiles can only be used inside a kernel that is being traced");
  return *active_tracer;
}

Tile Tracer::make(mlir::Value value) {
  Tile tile;
  set_value(tile, value);
  return tile;
}

bool Tracer::owns(const Tile &tile) const {
  return tile.serial_ >= first_serial_ && tile.serial_ < next_serial &&
         llvm::none_of(
             others_, [&](const auto &other) { return tile.serial_ >= other.first && tile.serial_ < other.second; });
}

mlir::Value Tracer::resolve(mlir::Value value) const {
  while (value && llvm::isa<mlir::BlockArgument>(value)) {
    auto found = replaced_.find(value);
    if (found == replaced_.end())
      break;
    value = found->second;
  }
  return value;
}

void Tracer::replace(mlir::Value from, mlir::Value to) {
  from.replaceAllUsesWith(to);
  replaced_[from] = to;
}

void Tracer::move_into(mlir::Block &from, mlir::Block &to, mlir::ValueRange arguments) {
  for (auto [argument, value] : llvm::zip_equal(from.getArguments(), arguments))
    if (!replaced_.contains(argument))
      replace(argument, value);
  to.getOperations().splice(to.end(), from.getOperations());
}

void Tracer::move_into(mlir::Block &from, mlir::Region &to) {
  mlir::Block &block = to.emplaceBlock();
  for (mlir::BlockArgument argument : from.getArguments())
    block.addArgument(argument.getType(), argument.getLoc());
  move_into(from, block, block.getArguments());
}

bool Tracer::visible(mlir::Value value) const {
  mlir::Block *block = value.getParentBlock();
  for (auto frame = frames.rbegin(); frame != frames.rend(); ++frame) {
    if (frame->block == block)
      return !frame->forwards;
    if (frame->kind == Frame::Kind::combiner)
      return false;
  }
  return false;
}

void Tracer::touch(const Tile &tile) {
  if (!owns(tile))
    return;
  Tile &variable = const_cast<Tile &>(tile); // the value changes its name, not what it is
  mlir::Value value = resolve(value_of(tile));
  set_value(variable, value);
  if (tile.serial_ >= frames.back().first_serial)
    return;
  if (value) {
    mlir::Block *block = value.getParentBlock();
    if (llvm::none_of(frames, [&](const Frame &frame) { return frame.block == block; }))
      return; // leaked out of a closed region; `read` reports it
  }
  for (Frame &frame : frames) {
    if (tile.serial_ >= frame.first_serial || frame.kind == Frame::Kind::function)
      continue;
    if (llvm::any_of(frame.slots, [&](const Slot &slot) { return slot.tile == &tile; }))
      continue;
    mlir::Value saved = value_of(tile), inside = saved;
    if (saved && frame.kind == Frame::Kind::loop) {
      inside = frame.block->addArgument(saved.getType(), saved.getLoc());
      set_value(variable, inside);
    }
    frame.slots.push_back({&variable, tile.serial_, saved, inside});
  }
}

mlir::Value Tracer::read(const Tile &tile, const Loc &loc) {
  if (!owns(tile))
    fail(loc,
         "this tile does not belong to the kernel being traced: a kernel may use its parameters, its config and what "
         "it makes itself");
  touch(tile);
  mlir::Value value = value_of(tile);
  if (!value)
    fail(loc, "this tile has no value here: it was never assigned, or only inside a loop or in one branch");
  if (!visible(value))
    fail_leaked(value, loc);
  return value;
}

void Tracer::fail_leaked(mlir::Value value, const Loc &loc) {
  mlir::Block *block = value.getParentBlock();
  if (llvm::any_of(frames, [&](const Frame &frame) { return frame.block == block && !frame.forwards; }))
    fail(loc, "the combiner of a reduction or scan may use its arguments and host values alone");
  mlir::Operation *parent = block->getParentOp();
  std::string region = !parent                                        ? "loop or branch that was left"
                       : parent->getName().getStringRef() == "scf.if" ? "branch at " + detail::place(parent->getLoc())
                       : parent->getName().getStringRef().starts_with("scf.")
                           ? "loop at " + detail::place(parent->getLoc())
                           : "combiner at " + detail::place(parent->getLoc());
  fail(loc, "this value was computed inside the " + region + " (at " + detail::place(value.getLoc()) +
                ") and is used after it: assign it to a Tile that was made, and given a value, before");
}

void Tracer::check_leaves(const Slot &slot, mlir::Value value) {
  if (value && !visible(value))
    fail_leaked(value, frames.back().loc);
}

void Tracer::forget(const Tile &tile) {
  for (Tracer *tracer = this; tracer; tracer = tracer->parent_) {
    if (tracer->frames.empty() || tile.serial_ >= tracer->frames.back().first_serial)
      continue; // inner to every open region, so in no slot
    for (Frame &frame : tracer->frames)
      for (auto *slots : {&frame.slots, &frame.then_slots})
        for (Slot &slot : *slots)
          if (slot.tile == &tile)
            slot.tile = nullptr;
  }
}

// ---- regions
// ----------------------------------------------------------------------------------------------------------

std::uint64_t Tracer::reserve_serials(std::size_t n) { return std::exchange(next_serial, next_serial + n); }

void Tracer::enter(mlir::Block &entry) {
  Frame &frame = frames.emplace_back();
  frame.first_serial = first_serial_;
  frame.block = &entry;
  builder.setInsertionPointToEnd(&entry);
}

Frame &Tracer::open(Frame::Kind kind, const Loc &loc) {
  Frame &frame = frames.emplace_back();
  frame.kind = kind;
  frame.loc = loc;
  frame.id = next_frame_++;
  frame.first_serial = next_serial;
  frame.owned = std::make_unique<mlir::Block>();
  frame.block = frame.owned.get();
  builder.setInsertionPointToEnd(frame.block);
  return frame;
}

Frame Tracer::close() {
  Frame frame = std::move(frames.back());
  frames.pop_back();
  if (frame.owned)
    retired_.push_back(std::move(frame.owned));
  builder.setInsertionPointToEnd(frames.back().block);
  return frame;
}

void Tracer::abandon() {
  Frame frame = close();
  for (const Slot &slot : frame.slots)
    if (slot.tile)
      set_value(*slot.tile, slot.saved);
}

void Tracer::abandon_down_to(std::uint64_t id) {
  while (frames.back().id >= id)
    abandon();
}

// ---- making operations
// --------------------------------------------------------------------------------------------------

bool Tracer::declare_divisibility(mlir::Value value, std::int64_t divisor) {
  auto argument = llvm::dyn_cast<mlir::BlockArgument>(value);
  if (!argument || argument.getOwner() != frames.front().block)
    return false;
  auto function = llvm::cast<mlir::func::FuncOp>(argument.getOwner()->getParentOp());
  const unsigned index = argument.getArgNumber();
  if (auto known = function.getArgAttrOfType<mlir::IntegerAttr>(index, tile::kDivisibilityAttr))
    divisor = std::lcm(divisor, known.getInt());
  function.setArgAttr(index, tile::kDivisibilityAttr, builder.getI64IntegerAttr(divisor));
  return true;
}

mlir::Location Tracer::location(const Loc &loc) {
  last = loc;
  auto here = [&](const Loc &loc) -> mlir::Location {
    mlir::StringAttr &file = files_[loc.file_name()];
    if (!file)
      file = builder.getStringAttr(loc.file_name());
    return mlir::FileLineColLoc::get(file, loc.line(), loc.column());
  };
  mlir::Location result = here(loc);
  if (calls.size() == first_call_)
    return result;
  mlir::Location caller = here(calls[first_call_]);
  for (std::size_t i = first_call_ + 1; i < calls.size(); ++i)
    caller = mlir::CallSiteLoc::get(here(calls[i]), caller);
  return mlir::CallSiteLoc::get(result, caller);
}

mlir::Value Tracer::constant(mlir::TypedAttr attr, mlir::Location loc) {
  for (auto frame = frames.rbegin(); frame != frames.rend(); ++frame) {
    if (frame->forwards)
      continue;
    auto found = frame->constants.find(attr);
    if (found != frame->constants.end())
      return found->second;
    if (frame->kind == Frame::Kind::combiner)
      break;
  }
  mlir::Value value = mlir::arith::ConstantOp::create(builder, loc, attr);
  frames.back().constants[attr] = value;
  return value;
}

mlir::Value Tracer::integer_constant(std::int64_t value, mlir::Type type, mlir::Location loc) {
  mlir::Type element = tile::getElementOrSelf(type);
  llvm::APInt bits(64, static_cast<std::uint64_t>(value), true);
  mlir::TypedAttr attr = builder.getIntegerAttr(element, bits.sextOrTrunc(element.getIntOrFloatBitWidth()));
  if (auto tensor = llvm::dyn_cast<mlir::RankedTensorType>(type))
    attr = mlir::DenseElementsAttr::get(tensor, mlir::Attribute(attr));
  return constant(attr, loc);
}

mlir::Value Tracer::float_constant(double value, mlir::Type type, mlir::Location loc) {
  auto element = llvm::cast<mlir::FloatType>(tile::getElementOrSelf(type));
  llvm::APFloat bits(value);
  bool loses = false;
  bits.convert(element.getFloatSemantics(), llvm::APFloat::rmNearestTiesToEven, &loses);
  mlir::TypedAttr attr = builder.getFloatAttr(element, bits);
  if (auto tensor = llvm::dyn_cast<mlir::RankedTensorType>(type))
    attr = mlir::DenseElementsAttr::get(tensor, mlir::Attribute(attr));
  return constant(attr, loc);
}
