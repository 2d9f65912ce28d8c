// Special registers.
#include "program.h"

#include <string>

using namespace kiln;
using namespace kiln::runtime::emulator;

namespace {

template <class Value>
void add(SemanticsList &list, std::string name, Value value) {
  list.push_back(
      {.name = std::move(name), .kind = InstructionClass::special, .results = 1, .step = [value](WarpStep &step) {
         step.for_each_lane([&](unsigned lane) { step.set_result(lane, 0, value(step, lane)); });
         return Progress::done;
       }});
}

} // namespace

void kiln::runtime::emulator::add_registers(SemanticsList &list) {
  add(list, "tid.x", [](WarpStep &step, unsigned lane) { return step.thread(lane); });
  for (unsigned axis = 0; axis < 3; ++axis) {
    const std::string name(1, "xyz"[axis]);
    add(list, "ctaid." + name, [axis](WarpStep &step, unsigned) { return step.program().id()[axis]; });
    add(list, "nctaid." + name, [axis](WarpStep &step, unsigned) { return step.program().context().grid[axis]; });
  }
  add(list, "shared.base", [](WarpStep &, unsigned) { return shared_base; });
}
