#include "jit/emulated_code.h"

#include <type_traits>
#include <utility>

using namespace kiln;

static_assert(std::is_same_v<emulator::Entry, runtime::EmulatedEntry>);
static_assert(std::is_same_v<emulator::Execute, decltype(&runtime::emulator_execute)>);

static InstructionClass class_of(emulator::OperationClass kind) {
  switch (kind) {
  case emulator::OperationClass::Integer:
    return InstructionClass::integer;
  case emulator::OperationClass::Floating:
    return InstructionClass::floating;
  case emulator::OperationClass::Conversion:
    return InstructionClass::conversion;
  case emulator::OperationClass::Control:
    return InstructionClass::control;
  }
  return InstructionClass::control;
}

runtime::EmulatedKernel::Code jit::emulated_code(const emulator::CompiledKernel &kernel, std::string name,
                                                 std::string arch, std::string note) {
  runtime::EmulatedKernel::Code code;
  code.name = std::move(name);
  code.arch = std::move(arch);
  code.note = std::move(note);
  code.entry = kernel.entry();
  code.num_warps = static_cast<unsigned>(kernel.description.numWarps);
  code.shared_bytes = static_cast<std::size_t>(kernel.description.sharedBytes);
  for (const emulator::Site &site : kernel.sites)
    code.sites.push_back({site.operation, site.place, site.text, site.types});
  for (const std::vector<emulator::Count> &block : kernel.blocks) {
    std::vector<runtime::EmulatedCount> &counts = code.blocks.emplace_back();
    for (const emulator::Count &count : block)
      counts.push_back({count.place, class_of(count.kind), count.count});
  }
  return code;
}
