// exchange.sent, exchange.received.
#include "exchange_checks.h"

#include "program.h"

#include <cstdio>

using namespace kiln;
using namespace kiln::runtime;
using namespace kiln::runtime::emulator;

static const EmulatedSite &site_of(const WarpStep &step) { return step.program().kernel().code.sites[step.site()]; }

ExchangeChecks::Elements &ExchangeChecks::find(const WarpStep &step) {
  const std::string &name = site_of(step).text;
  std::vector<Elements> &by_warp = exchanges_[name];
  by_warp.resize(step.program().num_warps());
  return by_warp[name.starts_with("warp") ? step.warp() : 0];
}

void ExchangeChecks::send(const WarpStep &step) {
  Elements &known = find(step);
  const auto operands = static_cast<unsigned>(site_of(step).types.size());
  step.for_each_lane([&](unsigned lane) {
    for (unsigned i = 0; i < operands; i += 2) {
      const std::uint64_t index = step.operand(lane, i);
      if (index >= known.size())
        known.resize(index + 1);
      known[index] = {step.operand(lane, i + 1), true};
    }
  });
}

void ExchangeChecks::receive(const WarpStep &step) {
  const Elements &known = find(step);
  const auto operands = static_cast<unsigned>(site_of(step).types.size());
  step.for_each_lane([&](unsigned lane) {
    for (unsigned i = 0; i < operands; i += 2) {
      const std::uint64_t index = step.operand(lane, i), bits = step.operand(lane, i + 1);
      const Element sent = index < known.size() ? known[index] : Element();
      if (sent.is_known && sent.bits == bits)
        continue;
      char text[160];
      std::snprintf(text, sizeof(text), "an exchange between threads gives element %llu as 0x%llx, ",
                    static_cast<unsigned long long>(index), static_cast<unsigned long long>(bits));
      char other[64] = "which nobody put in";
      if (sent.is_known)
        std::snprintf(other, sizeof(other), "but 0x%llx went in", static_cast<unsigned long long>(sent.bits));
      step.report(1U << lane, std::string(text) + other);
      return;
    }
  });
}

void kiln::runtime::emulator::add_exchange_checks(SemanticsList &list) {
  list.push_back({.name = "exchange.sent",
                  .kind = InstructionClass::call,
                  .step =
                      [](WarpStep &step) {
                        step.program().exchanges().send(step);
                        return Progress::done;
                      },
                  .is_check = true});
  list.push_back({.name = "exchange.received",
                  .kind = InstructionClass::call,
                  .step =
                      [](WarpStep &step) {
                        step.program().exchanges().receive(step);
                        return Progress::done;
                      },
                  .is_check = true});
}
