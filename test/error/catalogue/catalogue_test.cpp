// Makes every mistake of the catalogue: one message, an exception of the right type, and a process that goes on, which
// a kernel that is compiled and launched afterwards shows. --docs prints the catalogue as a page instead.
#include "catalogue.h"

#include "kiln/debug.h"
#include "kiln/runtime/cuda_compiler.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <gtest/gtest.h>
#include <regex>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#if KILN_FAKE_CUDA
#include "fake_cuda.h"
#endif

using namespace kiln_test;

extern char **environ;

namespace {

struct Outcome {
  std::string type, message;
  std::string after; // what is wrong with the kernel behind it; empty where nothing is
};

const std::vector<Group> &catalogue() {
  static const std::vector<Group> groups = {
      shape_mistakes(),           type_mistakes(),   memory_mistakes(), control_mistakes(), config_mistakes(),
      compile_mistakes(),         launch_mistakes(), run_mistakes(),    device_mistakes(),  machine_mistakes(),
      device_function_mistakes(), pack_mistakes(),   tensor_mistakes()};
  return groups;
}

struct Fresh {
  int number; // makes the config a new one, so that the kernel is compiled
};

std::string try_a_kernel() {
  static int number = 0;
  for (const char *name : {"KILN_NUM_THREADS", "KILN_EMULATOR_SEED", "TMPDIR"}) // mended
    unsetenv(name);
  kiln::debug::set_checks(false);
  kiln::debug::set_asserts(false);
  try {
    const kiln::Kernel kernel{"after", [](const Fresh &c, kiln::ptr<int> out, kiln::scalar<int> n) {
                                kiln::Tile i = kiln::program_id(0) * 16 + kiln::arange(0, 16);
                                kiln::store(out + i, i * n + c.number);
                              }};
    ++number;
    std::vector<int> out(64);
    kernel.launch({.grid = 4, .device = kiln::Device::cpu()}, {number}, out.data(), 3);
    for (int i = 0; i < 64; ++i)
      if (out[i] != 3 * i + number)
        return "element " + std::to_string(i) + " is " + std::to_string(out[i]);
    return {};
  } catch (const std::exception &error) {
    return error.what();
  }
}

std::string make(const Mistake &mistake, std::string &message) {
#define KILN_CAUGHT(type)                                                                                              \
  catch (const kiln::type &error) {                                                                                    \
    message = error.what();                                                                                            \
    return #type;                                                                                                      \
  }
  try {
    mistake.make();
    return "";
  }
  KILN_CAUGHT(TraceError)
  KILN_CAUGHT(CompileError)
  KILN_CAUGHT(LaunchError)
  KILN_CAUGHT(InvalidArgument)
  KILN_CAUGHT(PackError)
  KILN_CAUGHT(TuneError)
  KILN_CAUGHT(OutOfMemory)
  KILN_CAUGHT(DeviceError)
  KILN_CAUGHT(TrapError)
  KILN_CAUGHT(CheckError)
  KILN_CAUGHT(ContextLost)
  catch (const std::exception &error) {
    message = error.what();
    return "an exception that is no kiln::Error";
  }
#undef KILN_CAUGHT
}

Outcome make_here(const Mistake &mistake) {
  Outcome outcome;
  outcome.type = make(mistake, outcome.message);
  outcome.after = try_a_kernel();
  return outcome;
}

const Mistake *find(std::string_view title) {
  for (const Group &group : catalogue())
    for (const Mistake &mistake : group.mistakes)
      if (mistake.title == title)
        return &mistake;
  return nullptr;
}

constexpr int skipped_status = 77;
constexpr const char *separator = "\x1e";

/// The same in a process of its own. Its exit status is `status`.
Outcome make_elsewhere(const Mistake &mistake, int &status) {
  std::vector<std::string> environment;
  for (char **variable = environ; *variable; ++variable)
    if (std::string_view(*variable).substr(0, 17) != "KILN_CUDA_DRIVER=")
      environment.emplace_back(*variable);
#if KILN_FAKE_CUDA
  if (mistake.world == World::devices)
    environment.push_back("KILN_CUDA_DRIVER=" + fake::library());
#endif
  if (mistake.world == World::own || mistake.world == World::nvrtc)
    environment.push_back("KILN_CUDA_DRIVER=no-such-libcuda.so.1");
  std::vector<char *> variables;
  for (std::string &variable : environment)
    variables.push_back(variable.data());
  variables.push_back(nullptr);

  int ends[2];
  if (pipe(ends) != 0)
    throw std::runtime_error("no pipe");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 3);
  std::string program = "/proc/self/exe", option = "--one", title = mistake.title;
  char *arguments[] = {program.data(), option.data(), title.data(), nullptr};
  pid_t child = -1;
  const int failed = posix_spawn(&child, program.c_str(), &actions, nullptr, arguments, variables.data());
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  std::string text;
  char bytes[4096];
  for (ssize_t n; !failed && (n = read(ends[0], bytes, sizeof bytes)) > 0;)
    text.append(bytes, static_cast<std::size_t>(n));
  close(ends[0]);
  if (failed || waitpid(child, &status, 0) != child)
    throw std::runtime_error("no process");
  Outcome outcome;
  for (std::string *part : {&outcome.type, &outcome.message, &outcome.after}) {
    const std::size_t end = std::min(text.find(separator), text.size());
    *part = text.substr(0, end);
    text.erase(0, end + 1);
  }
  return outcome;
}

bool is_elsewhere(const Mistake &mistake) { return mistake.world != World::plain; }

int make_one(const char *title) {
  const Mistake *mistake = find(title);
  if (!mistake)
    return 1;
  if (mistake->world == World::gpu && kiln::cuda::device_count() == 0)
    return skipped_status;
  if (mistake->world == World::nvrtc && kiln::runtime::nvrtc_identity().empty())
    return skipped_status;
#if KILN_FAKE_CUDA
  fake::state().reset();
#endif
  const Outcome outcome = make_here(*mistake);
  const std::string text = outcome.type + separator + outcome.message + separator + outcome.after;
  return write(3, text.data(), text.size()) == static_cast<ssize_t>(text.size()) ? 0 : 1;
}

class Catalogue : public testing::Test {
public:
  explicit Catalogue(const Mistake &mistake) : mistake_(mistake) {}

  void TestBody() override {
#if !KILN_FAKE_CUDA
    if (mistake_.world == World::devices)
      GTEST_SKIP() << "the driver that runs nothing is not in this build";
#endif
    int status = 0;
    const Outcome outcome = is_elsewhere(mistake_) ? make_elsewhere(mistake_, status) : make_here(mistake_);
    if (WIFEXITED(status) && WEXITSTATUS(status) == skipped_status)
      GTEST_SKIP() << (mistake_.world == World::gpu ? "there is no GPU" : "there is no NVRTC");
    ASSERT_EQ(status, 0) << "the process ended";
    EXPECT_EQ(outcome.type, mistake_.type) << outcome.message;
    EXPECT_EQ(outcome.after, "") << "the process does not go on";
    for (const std::string &part : {mistake_.what, mistake_.remedy})
      EXPECT_NE(outcome.message.find(part), std::string::npos) << "no '" << part << "' in\n" << outcome.message;
    if (*mistake_.type)
      EXPECT_FALSE(mistake_.what.empty() || mistake_.remedy.empty()) << "the entry expects nothing";
    if (mistake_.line) {
      const std::string place = std::string(mistake_.file) + ":" + std::to_string(mistake_.line) + ":";
      EXPECT_EQ(outcome.message.rfind(place, 0), 0u) << "no " << place << " in front of\n" << outcome.message;
    }
  }

private:
  const Mistake &mistake_;
};

void replace_all(std::string &text, const std::string &what, const std::string &with) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size())
    text.replace(at, what.size(), with);
}

/// The message as it is on every machine.
std::string portable(std::string text) {
  text = std::regex_replace(text, std::regex("[^ \n]*/test/error/catalogue/\\w+\\.cpp:\\d+:\\d+"), "kernel.cpp:12:5");
  text = std::regex_replace(text, std::regex("[^ \n]*/test/error/catalogue/\\w+\\.cpp:\\d+"), "kernel.cpp:12");
  text = std::regex_replace(text, std::regex("0x[0-9a-f]{5,}"), "0x7f0000001000");
  text = std::regex_replace(text, std::regex("note: reproduce with: [^\n]*"), "note: reproduce with: kiln-opt ...");
  text = std::regex_replace(text, std::regex("kiln-ptxas-\\w+"), "kiln-ptxas-XXXXXX");
  replace_all(text, "no-such-libcuda", "libcuda");
  return text;
}

std::string message_of(const Mistake &mistake) {
  int status = 0;
  return (is_elsewhere(mistake) ? make_elsewhere(mistake, status) : make_here(mistake)).message;
}

void print_docs() {
  std::puts(
      "<!-- Written by `catalogue-tests --docs` from the table in test/error/catalogue; a test compares. -->\n"
      "# Errors\n\n"
      "What users do wrong, what Kiln then throws, and what it says. A test makes each of these mistakes, and launches "
      "a kernel "
      "afterwards: none of them ends the process. Lines that begin with a place stand for the line of the mistake.");
  for (const Group &group : catalogue()) {
    std::printf("\n## %s\n\n%s\n", group.title, group.introduction);
    for (const Mistake &mistake : group.mistakes) {
      const char *type = *mistake.type ? mistake.type : "nothing is thrown";
      std::printf("\n**%s**: %s\n\n```\n%s\n", mistake.title, type, mistake.code);
      if (mistake.varies)
        std::printf("\n... %s ... %s ...\n", mistake.what.c_str(), mistake.remedy.c_str());
      else if (*mistake.type)
        std::printf("\n%s\n", portable(message_of(mistake)).c_str());
      std::puts("```");
    }
  }
}

} // namespace

int main(int argc, char **argv) {
  setenv("KILN_CACHE", "off", 1);
  if (argc == 3 && std::strcmp(argv[1], "--one") == 0)
    return make_one(argv[2]);
  setenv("KILN_CUDA_DRIVER", "no-such-libcuda.so.1", 1);
  if (argc == 2 && std::strcmp(argv[1], "--docs") == 0) {
    print_docs();
    return 0;
  }
  testing::InitGoogleTest(&argc, argv);
  for (const Group &group : catalogue())
    for (const Mistake &mistake : group.mistakes) {
      std::string name = mistake.title;
      std::erase_if(name, [](char c) { return c == ','; });
      std::replace_if(
          name.begin(), name.end(), [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
      testing::RegisterTest("ErrorCatalogue", name.c_str(), nullptr, nullptr, mistake.file ? mistake.file : __FILE__,
                            mistake.line ? mistake.line : __LINE__,
                            [&mistake]() -> testing::Test * { return new Catalogue(mistake); });
    }
  return RUN_ALL_TESTS();
}
