// Generates tile programs, runs each on the reference interpreter and on another executor, and compares what they leave
// in memory: integers and exactly rounded floats bit for bit, other floats up to a bound that is computed with the
// program.
#include "executor.h"

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/raw_ostream.h"

#include <atomic>
#include <csignal>
#include <mutex>
#include <sstream>
#include <thread>
#include <unistd.h>

using namespace kiln::fuzz;

namespace {

llvm::cl::opt<std::uint64_t> programs("programs", llvm::cl::desc("how many programs to run"), llvm::cl::init(100));
llvm::cl::opt<std::uint64_t>
    seed("seed", llvm::cl::desc("the seed of the first program; the next one has the next seed"), llvm::cl::init(1));
llvm::cl::opt<Target> target("target", llvm::cl::desc("what is compared with the interpreter"),
                             llvm::cl::values(clEnumValN(Target::cpu, "cpu", "the CPU target"),
                                              clEnumValN(Target::interp_opt, "interp-opt",
                                                         "the interpreter, after the passes that all targets share")),
                             llvm::cl::init(Target::cpu));
llvm::cl::opt<unsigned> threads("jobs",
                                llvm::cl::desc("how many programs run at a time (default: one for each processor)"),
                                llvm::cl::init(0));
llvm::cl::opt<bool> reduce("reduce", llvm::cl::desc("shrink a failing program before printing it"));
llvm::cl::opt<bool> print("print", llvm::cl::desc("print each program instead of running it"));

thread_local std::uint64_t current_seed;

/// Compiled code that crashes must not hide which program it was.
void report_crash(int) {
  char text[64];
  int length = std::snprintf(text, sizeof(text), "kiln-fuzz: seed %llu crashed\n",
                             static_cast<unsigned long long>(current_seed));
  if (write(STDERR_FILENO, text, static_cast<std::size_t>(length)) >= 0)
    _exit(3);
  _exit(4);
}

/// What is wrong with a program; empty if nothing is.
std::string test(std::uint64_t number, const std::set<int> &off) {
  Program program = generate(number, /*bounds=*/false, off), with_bounds = generate(number, /*bounds=*/true, off);
  Outcome reference = interpret(with_bounds, number);
  return compare(program, with_bounds, reference, run(program, number, target));
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
      if (more.size() > off.size() && !test(number, more).empty())
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

std::mutex output;
std::atomic<std::uint64_t> next{0}, failures{0};

void work() {
  while (true) {
    std::uint64_t index = next++;
    if (index >= programs)
      return;
    std::uint64_t number = current_seed = seed + index;
    std::string problem = test(number, {});
    if (problem.empty())
      continue;
    ++failures;
    std::set<int> off = reduce ? shrink(number) : std::set<int>{};
    if (!off.empty())
      problem = test(number, off);
    std::lock_guard lock(output);
    llvm::errs() << "seed " << number << ": " << problem << "\n" << tidy(generate(number, false, off).text) << "\n";
  }
}

} // namespace

int main(int argc, char **argv) {
  llvm::cl::ParseCommandLineOptions(argc, argv, "Compares executors of tile programs on random programs.\n");
  if (print) {
    for (std::uint64_t i = 0; i < programs; ++i)
      llvm::outs() << "// seed " << seed + i << "\n" << generate(seed + i, false).text << "\n";
    return 0;
  }
  for (int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT})
    std::signal(number, report_crash);
  unsigned workers = threads ? unsigned(threads) : std::max(1u, std::thread::hardware_concurrency());
  std::vector<std::thread> pool;
  for (unsigned i = 1; i < workers; ++i)
    pool.emplace_back(work);
  work();
  for (std::thread &thread : pool)
    thread.join();
  llvm::outs() << programs << " programs, " << failures.load() << " mismatches\n";
  return failures ? 1 : 0;
}
