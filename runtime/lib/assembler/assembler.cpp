// Choosing an assembler, and reading its report.
#include "backends.h"

#include "kiln/error.h"
#include "kiln/runtime/log.h"

#include <algorithm>
#include <charconv>

using namespace kiln;
using namespace kiln::runtime;
using namespace kiln::runtime::assembler;

namespace {

struct Choice {
  Assembler assembler = Assembler::automatic; // automatic: there is none
  std::filesystem::path path;
  std::string identity;
  std::string problem; // why there is none
};

// KILN_ASSEMBLER, unless the caller has chosen.
Assembler wanted(Assembler assembler) {
  if (assembler != Assembler::automatic)
    return assembler;
  const std::string name = environment("KILN_ASSEMBLER");
  if (name.empty())
    return Assembler::automatic;
  if (name == "nvjitlink")
    return Assembler::nvjitlink;
  if (name == "ptxas")
    return Assembler::ptxas;
  if (name == "driver")
    return Assembler::driver;
  throw InvalidArgument("KILN_ASSEMBLER is '" + name + "': expected nvjitlink, ptxas or driver");
}

Choice choose(Assembler assembler, const std::string &arch) {
  const Assembler only = wanted(assembler);
  Choice choice;
  auto consider = [&](Assembler candidate, Found found, auto identify) {
    if (choice.assembler != Assembler::automatic)
      return;
    if (found.problem.empty()) {
      choice.identity = identify(found.path);
      if (!choice.identity.empty()) {
        choice.assembler = candidate;
        choice.path = std::move(found.path);
        return;
      }
      found.problem = found.path.string() + " does not tell its version";
    }
    choice.problem += "\n  " + found.problem;
  };
  // Nothing is looked for that will not be used: asking for the driver's device loads the driver.
  auto may = [&](Assembler candidate) {
    return choice.assembler == Assembler::automatic && (only == Assembler::automatic || only == candidate);
  };
  if (may(Assembler::nvjitlink))
    consider(Assembler::nvjitlink, find_nvjitlink(), nvjitlink_identity);
  if (may(Assembler::ptxas))
    consider(Assembler::ptxas, find_ptxas(), ptxas_identity);
  if (may(Assembler::driver))
    consider(Assembler::driver, find_driver(arch), [](const auto &) { return driver_identity(); });
  return choice;
}

/// The number in front of `unit` ("12 bytes spill stores"), or nothing.
std::optional<std::size_t> number_before(std::string_view line, std::string_view unit) {
  std::size_t end = line.find(unit);
  if (end == std::string_view::npos)
    return std::nullopt;
  std::size_t begin = end;
  while (begin > 0 && line[begin - 1] >= '0' && line[begin - 1] <= '9')
    --begin;
  std::size_t value = 0;
  if (std::from_chars(line.data() + begin, line.data() + end, value).ec != std::errc())
    return std::nullopt;
  return value;
}

} // namespace

void assembler::read_resources(std::string_view log, Assembled &result) {
  auto take = [](std::size_t &largest, std::optional<std::size_t> value) {
    largest = std::max(largest, value.value_or(0));
  };
  int driver_registers = 0;
  while (!log.empty()) {
    const std::size_t end = std::min(log.find('\n'), log.size());
    const std::string_view line = log.substr(0, end);
    log.remove_prefix(std::min(end + 1, log.size()));
    take(result.stack_bytes, number_before(line, " bytes stack frame"));
    take(result.spill_store_bytes, number_before(line, " bytes spill stores"));
    take(result.spill_load_bytes, number_before(line, " bytes spill loads"));
    if (line.find(": used ") != std::string_view::npos)
      driver_registers = std::max(driver_registers, static_cast<int>(number_before(line, " registers").value_or(0)));
    // nvJitLink adds a line of its own, "used 8 registers, ... 1088 bytes smem", that counts what the system reserves.
    if (line.find(": Used ") == std::string_view::npos)
      continue;
    result.registers = std::max(result.registers, static_cast<int>(number_before(line, " registers").value_or(0)));
    take(result.static_shared_bytes, number_before(line, " bytes smem"));
  }
  // The driver has that line alone.
  if (result.registers == 0)
    result.registers = driver_registers;
}

void assembler::refuse(const std::string &who, const std::string &arch, std::string_view log) {
  while (!log.empty() && (log.back() == '\n' || log.back() == '\0'))
    log.remove_suffix(1);
  throw CompileError(who + " cannot assemble for " + arch + ":\n" + std::string(log));
}

Assembled runtime::assemble(std::string_view ptx, const std::string &arch, const AssembleOptions &options) {
  if (!arch.starts_with("sm_"))
    throw InvalidArgument("assemble: '" + arch + "' is not an architecture; expected something like sm_90a");
  const Choice choice = choose(options.assembler, arch);
  if (logs(LogLevel::debug) && choice.assembler != Assembler::automatic)
    log(LogLevel::debug, "assembling for " + arch + " with " + choice.identity +
                             (choice.path.empty() ? "" : ", " + choice.path.string()));
  Assembled result;
  result.assembler = choice.identity;
  switch (choice.assembler) {
  case Assembler::automatic:
    throw CompileError("nothing on this machine turns PTX into machine code for " + arch +
                       "; install a CUDA toolkit, or name one in CUDA_HOME:" + choice.problem);
  case Assembler::nvjitlink:
    assemble_with_nvjitlink(choice.path, ptx, arch, result);
    break;
  case Assembler::ptxas:
    assemble_with_ptxas(choice.path, ptx, arch, options.time_limit, result);
    break;
  case Assembler::driver:
    assemble_with_driver(ptx, arch, result);
    break;
  }
  read_resources(result.log, result);
  return result;
}

std::string runtime::assembler_identity(Assembler assembler) { return choose(assembler, "").identity; }
