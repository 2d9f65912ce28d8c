#include "fiber.h"

#include <boost/context/detail/fcontext.hpp>

#include <mutex>
#include <new>
#include <sys/mman.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define KILN_ASAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define KILN_ASAN 1
#endif
#ifdef KILN_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

using namespace boost::context::detail;

namespace kiln::runtime::emulator {

static std::size_t page_bytes() {
  static const auto bytes = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return bytes;
}

FiberStack::FiberStack() {
  // Pages are given memory when they are first touched; an overflow meets the page that has none.
  mapping_ =
      mmap(nullptr, bytes + page_bytes(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (mapping_ == MAP_FAILED || mprotect(mapping_, page_bytes(), PROT_NONE) != 0)
    throw std::bad_alloc();
}

FiberStack::~FiberStack() { munmap(mapping_, bytes + page_bytes()); }

void *FiberStack::bottom() const { return static_cast<char *>(mapping_) + page_bytes(); }
void *FiberStack::top() const { return static_cast<char *>(bottom()) + bytes; }

/// The switches, with what AddressSanitizer has to be told about them.
struct FiberSwitch {
  static void to_fiber(Fiber &fiber) {
#ifdef KILN_ASAN
    void *own = nullptr;
    __sanitizer_start_switch_fiber(&own, fiber.stack_->bottom(), FiberStack::bytes);
#endif
    transfer_t back = jump_fcontext(fiber.context_, &fiber);
    fiber.context_ = back.fctx;
#ifdef KILN_ASAN
    __sanitizer_finish_switch_fiber(own, nullptr, nullptr);
#endif
  }

  static void to_scheduler(Fiber &fiber, bool for_good) {
#ifdef KILN_ASAN
    __sanitizer_start_switch_fiber(for_good ? nullptr : &fiber.fake_stack_, fiber.scheduler_bottom_,
                                   fiber.scheduler_bytes_);
#else
    (void)for_good;
#endif
    arrived(fiber, jump_fcontext(fiber.scheduler_, nullptr));
  }

  /// In the fiber, after a switch to it.
  static void arrived(Fiber &fiber, transfer_t from) {
    fiber.scheduler_ = from.fctx;
#ifdef KILN_ASAN
    __sanitizer_finish_switch_fiber(fiber.fake_stack_, &fiber.scheduler_bottom_, &fiber.scheduler_bytes_);
#endif
  }

  static void enter(transfer_t from) {
    auto &fiber = *static_cast<Fiber *>(from.data);
    arrived(fiber, from);
    fiber.function_(fiber.argument_);
    fiber.ended_ = true;
    to_scheduler(fiber, /*for_good=*/true);
  }
};

void Fiber::start(FiberStack &stack, Function function, void *argument) {
#ifdef KILN_ASAN
  // An abandoned fiber leaves its frames marked.
  __asan_unpoison_memory_region(stack.bottom(), FiberStack::bytes);
#endif
  stack_ = &stack;
  function_ = function;
  argument_ = argument;
  context_ = make_fcontext(stack.top(), FiberStack::bytes, FiberSwitch::enter);
  fake_stack_ = nullptr;
  ended_ = false;
}

void Fiber::resume() { FiberSwitch::to_fiber(*this); }

void Fiber::suspend() { FiberSwitch::to_scheduler(*this, /*for_good=*/false); }

namespace {

struct IdleStacks {
  std::mutex mutex;
  std::vector<std::vector<std::unique_ptr<FiberStack>>> of_programs;
};

// Never destroyed: kernels may run after static destructors have begun.
IdleStacks &idle_stacks() {
  static IdleStacks *const instance = new IdleStacks;
  return *instance;
}

} // namespace

FiberStacks::FiberStacks() {
  IdleStacks &idle = idle_stacks();
  std::lock_guard lock(idle.mutex);
  if (idle.of_programs.empty())
    return;
  stacks_ = std::move(idle.of_programs.back());
  idle.of_programs.pop_back();
}

FiberStacks::~FiberStacks() {
  IdleStacks &idle = idle_stacks();
  std::lock_guard lock(idle.mutex);
  try {
    idle.of_programs.push_back(std::move(stacks_));
  } catch (const std::bad_alloc &) {
    // They are freed.
  }
}

FiberStack &FiberStacks::operator[](std::size_t index) {
  while (stacks_.size() <= index)
    stacks_.push_back(std::make_unique<FiberStack>());
  return *stacks_[index];
}

} // namespace kiln::runtime::emulator
