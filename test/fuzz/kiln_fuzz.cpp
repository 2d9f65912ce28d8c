// Generates tile programs, runs each on the reference interpreter and on another executor, and compares what they leave
// in memory: integers and exactly rounded floats bit for bit, other floats up to a bound that is computed with the
// program.
#include "children.h"
#include "executor.h"
#include "gpu.h"

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/raw_ostream.h"

#include <map>
#include <sstream>
#include <thread>

using namespace kiln::fuzz;

namespace {

/// The exit status where the target is not there.
constexpr int skipped = 77;

llvm::cl::opt<std::uint64_t> programs("programs", llvm::cl::desc("how many programs to run"), llvm::cl::init(100));
llvm::cl::opt<std::uint64_t>
    seed("seed", llvm::cl::desc("the seed of the first program; the next one has the next seed"), llvm::cl::init(1));
llvm::cl::opt<Target> target("target", llvm::cl::desc("what is compared with the interpreter"),
                             llvm::cl::values(clEnumValN(Target::cpu, "cpu", "the CPU target"),
                                              clEnumValN(Target::cuda, "cuda", "the first GPU"),
                                              clEnumValN(Target::gpu_code, "gpu-code",
                                                         "nothing: code for GPUs is generated and assembled"),
                                              clEnumValN(Target::emulated, "emulated", "an emulated GPU"),
                                              clEnumValN(Target::interp_opt, "interp-opt",
                                                         "the interpreter, after the passes that all targets share")),
                             llvm::cl::init(Target::cpu));
llvm::cl::opt<unsigned> threads("jobs",
                                llvm::cl::desc("how many programs run at a time (default: one for each processor)"),
                                llvm::cl::init(0));
llvm::cl::opt<bool> reduce("reduce", llvm::cl::desc("shrink a failing program before printing it"));
llvm::cl::opt<bool> print("print", llvm::cl::desc("print each program instead of running it"));

/// What is wrong with a program; empty if nothing is.
std::string test(std::uint64_t number, const std::set<int> &off) {
  Program program = generate(number, /*bounds=*/false, off);
  if (target == Target::gpu_code)
    return compile_for_gpus(program, number);
  Program with_bounds = generate(number, /*bounds=*/true, off);
  Outcome reference = interpret(with_bounds, number);
  return compare(program, with_bounds, reference, run(program, number, target));
}

/// Of a number, in a process of its own.
std::string test_apart(std::uint64_t number, const std::set<int> &off) {
  std::string problem;
  for_each_in_children(
      {number}, 1, [&](std::uint64_t n) { return test(n, off); }, [](const std::string &) { return false; },
      [&](std::uint64_t, const std::string &text) { problem = text; });
  return problem;
}

/// Switches off statements, large groups first, as long as the program fails.
std::set<int> shrink(std::uint64_t number) {
  std::set<int> off;
  int statements = generate(number, false).statements;
  for (int group = statements; group >= 1; group /= 2)
    for (int first = 0; first < statements; first += group) {
      std::set<int> more = off;
      for (int i = first; i < std::min(first + group, statements); ++i)
        more.insert(i);
      if (more.size() == off.size())
        continue;
      std::string problem = test_apart(number, more);
      if (!problem.empty() && problem.find("the program is invalid") == std::string::npos)
        off = more;
    }
  return off;
}

/// The text of a reduced program without constants that nothing uses.
std::string tidy(const std::string &text) {
  std::string result;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::size_t name = line.find("%v"), end = line.find(" = arith.constant ");
    if (name != std::string::npos && end != std::string::npos) {
      std::string defined = line.substr(name, end - name);
      std::size_t uses = 0;
      for (std::size_t at = 0; (at = text.find(defined, at)) != std::string::npos; at += defined.size())
        uses += !std::isalnum(static_cast<unsigned char>(text[at + defined.size()]));
      if (uses == 1)
        continue;
    }
    result += line + "\n";
  }
  return result;
}

} // namespace

int main(int argc, char **argv) {
  llvm::cl::ParseCommandLineOptions(argc, argv, "Compares executors of tile programs on random programs.\n");
  if (print) {
    for (std::uint64_t i = 0; i < programs; ++i)
      llvm::outs() << "// seed " << seed + i << "\n" << generate(seed + i, false).text << "\n";
    return 0;
  }
  if (target == Target::cuda) {
    // Asked in a child: a process that has used the driver cannot fork others that do.
    std::string reason;
    for_each_in_children(
        {0}, 1, [](std::uint64_t) { return gpu_unavailable(); }, [](const std::string &) { return false; },
        [&](std::uint64_t, const std::string &text) { reason = text; });
    if (!reason.empty()) {
      llvm::outs() << reason << "\n";
      return skipped;
    }
  }
  std::vector<std::uint64_t> numbers;
  for (std::uint64_t i = 0; i < programs; ++i)
    numbers.push_back(seed + i);
  std::map<std::uint64_t, std::string> failures;
  for_each_in_children(
      numbers, threads ? unsigned(threads) : std::max(1u, std::thread::hardware_concurrency()),
      [](std::uint64_t number) { return test(number, {}); },
      [](const std::string &text) { return text.find(gpu_lost) != std::string::npos; },
      [&](std::uint64_t number, const std::string &text) {
        if (text.empty())
          return;
        failures[number] = text;
        llvm::errs() << "seed " << number << " fails\n"; // the rest, once it is reduced
      });
  for (auto &[number, problem] : failures) {
    std::set<int> off = reduce ? shrink(number) : std::set<int>{};
    if (!off.empty())
      problem = test_apart(number, off);
    llvm::errs() << "seed " << number << ": " << problem << "\n" << tidy(generate(number, false, off).text) << "\n";
  }
  llvm::outs() << programs << " programs, " << failures.size() << " mismatches\n";
  return failures.empty() ? 0 : 1;
}
