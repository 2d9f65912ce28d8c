// vprintf, __assertfail.
#include "program.h"

#include "kiln/debug.h"

#include <bit>
#include <cstdio>
#include <string>

using namespace kiln;
using namespace kiln::runtime;
using namespace kiln::runtime::emulator;

namespace {

/// One conversion of a format: everything from its % to its letter.
std::string format_value(const std::string &conversion, char type, std::uint64_t bits) {
  char text[64];
  if (type == 'd') {
    std::snprintf(text, sizeof(text), conversion.c_str(), std::bit_cast<double>(bits));
  } else if (type == 'l') {
    std::snprintf(text, sizeof(text), conversion.c_str(), static_cast<long long>(bits));
  } else {
    std::snprintf(text, sizeof(text), conversion.c_str(), static_cast<int>(static_cast<std::uint32_t>(bits)));
  }
  return text;
}

std::string format_line(const WarpStep &step, unsigned lane, const EmulatedSite &site) {
  std::string line;
  unsigned operand = 0;
  for (std::size_t i = 0; i < site.text.size(); ++i) {
    if (site.text[i] != '%') {
      line += site.text[i];
      continue;
    }
    if (i + 1 < site.text.size() && site.text[i + 1] == '%') {
      line += site.text[++i];
      continue;
    }
    const std::size_t end = site.text.find_first_of("diuxXcgfe", i);
    if (end == std::string::npos || operand == site.types.size())
      break; // no format of the compiler's
    line += format_value(site.text.substr(i, end - i + 1), site.types[operand], step.operand(lane, operand));
    ++operand;
    i = end;
  }
  if (line.ends_with('\n'))
    line.pop_back();
  return line;
}

/// ", at element (1, 3)" of the first lane; nothing where the operands have none.
std::string element_text(const WarpStep &step, const EmulatedSite &site) {
  std::string text;
  for (unsigned i = 0; i < site.types.size(); ++i)
    text += (i ? ", " : "") + std::to_string(static_cast<std::int32_t>(step.operand(step.first_lane(), i)));
  return text.empty() ? "" : ", at element (" + text + ")";
}

} // namespace

void kiln::runtime::emulator::add_calls(SemanticsList &list) {
  list.push_back({.name = "vprintf", .kind = InstructionClass::call, .step = [](WarpStep &step) {
                    Program &program = step.program();
                    if (!program.context().silent)
                      step.for_each_lane([&](unsigned lane) {
                        debug::print_line(format_line(step, lane, program.kernel().code.sites[step.site()]));
                      });
                    return Progress::done;
                  }});
  list.push_back({.name = "__assertfail", .kind = InstructionClass::call, .step = [](WarpStep &step) {
                    Program &program = step.program();
                    const EmulatedSite &site = program.kernel().code.sites[step.site()];
                    program.report(step, step.lanes(), "assertion failed: " + site.text + element_text(step, site), {},
                                   {}, /*is_assertion=*/true);
                    program.abandon();
                    return Progress::blocked;
                  }});
}
