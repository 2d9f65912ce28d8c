#include "kiln/runtime/assembler.h"

#include "../environment.h"
#include "../message_of.h"
#include "../temporary_directory.h"

#include "kiln/error.h"

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <elf.h>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <sys/resource.h>
#include <sys/stat.h>
#include <thread>

using namespace kiln;
using namespace kiln::runtime;

namespace {

namespace fs = std::filesystem;

/// A directory for a program that stands in for ptxas.
class Scratch : public TemporaryDirectory {
public:
  /// A shell script; it answers to --version as ptxas 1.2.3 does.
  std::string script(const std::string &body) const {
    return program("if [ \"$1\" = --version ]; then echo 'tools, release 1.2, V1.2.3'; exit; fi\n" + body);
  }
  std::string program(const std::string &body) const {
    const fs::path file = *this / "ptxas";
    std::ofstream(file) << "#!/bin/sh\n" << body << "\n";
    chmod(file.c_str(), 0700);
    return file.string();
  }
};

/// A kernel around the text `body`, which may use the address %rd1.
std::string kernel(const std::string &body, const std::string &directives = "") {
  return ".version 7.0\n.target sm_80\n.address_size 64\n" + directives +
         ".visible .entry k(.param .u64 p) {\n"
         " .reg .f32 %f<200>;\n .reg .b64 %rd<2>;\n .shared .align 4 .b8 buffer[64];\n"
         " ld.param.u64 %rd1, [p];\n cvta.to.global.u64 %rd1, %rd1;\n" +
         body + " ret;\n}\n";
}

/// a * b + c, which a contracting assembler would make one instruction of.
const std::string multiply_add =
    kernel(" ld.global.f32 %f1, [%rd1];\n ld.global.f32 %f2, [%rd1+4];\n ld.global.f32 %f3, [%rd1+8];\n"
           " mul.f32 %f4, %f1, %f2;\n add.f32 %f5, %f4, %f3;\n st.global.f32 [%rd1], %f5;\n");

/// How often each opcode (the low 12 bits of a 16-byte instruction, since Volta) stands in the code sections.
std::map<unsigned, int> opcodes(const std::vector<std::uint8_t> &cubin) {
  std::map<unsigned, int> result;
  Elf64_Ehdr header{};
  std::memcpy(&header, cubin.data(), sizeof(header));
  for (unsigned i = 0; i < header.e_shnum; ++i) {
    Elf64_Shdr section{};
    std::memcpy(&section, cubin.data() + header.e_shoff + i * sizeof(section), sizeof(section));
    if (section.sh_type != SHT_PROGBITS || !(section.sh_flags & SHF_EXECINSTR))
      continue;
    for (std::size_t at = 0; at + 16 <= section.sh_size; at += 16) {
      std::uint16_t word = 0;
      std::memcpy(&word, cubin.data() + section.sh_offset + at, 2);
      ++result[word & 0xfff];
    }
  }
  return result;
}
constexpr unsigned ffma = 0x223, fmul = 0x220, fadd = 0x221;

bool contains(const std::vector<std::uint8_t> &bytes, const std::string &text) {
  return std::search(bytes.begin(), bytes.end(), text.begin(), text.end()) != bytes.end();
}

class Assemblers : public testing::TestWithParam<Assembler> {
protected:
  void SetUp() override {
    if (assembler_identity(GetParam()).empty())
      GTEST_SKIP() << message_of<CompileError>([] { assemble("", "sm_90a", {.assembler = GetParam()}); });
  }
  Assembled run(const std::string &ptx, const std::string &arch = "sm_90a") {
    return assemble(ptx, arch, {.assembler = GetParam()});
  }
};

TEST_P(Assemblers, MakeCubinsForEveryTargetAndContractNothing) {
  for (const char *arch : {"sm_80", "sm_86", "sm_89", "sm_90a", "sm_100a", "sm_120a"}) {
    Assembled result = run(multiply_add, arch);
    ASSERT_GT(result.cubin.size(), sizeof(Elf64_Ehdr)) << arch;
    EXPECT_EQ(std::memcmp(result.cubin.data(), ELFMAG, SELFMAG), 0) << arch;
    EXPECT_GT(result.registers, 3) << arch;
    EXPECT_EQ(result.static_shared_bytes, 64u) << arch;
    EXPECT_EQ(result.spill_load_bytes + result.spill_store_bytes + result.stack_bytes, 0u) << arch;
    std::map<unsigned, int> codes = opcodes(result.cubin);
    EXPECT_EQ(codes[ffma], 0) << arch;
    EXPECT_EQ(codes[fmul], 1) << arch;
    EXPECT_EQ(codes[fadd], 1) << arch;
  }
}

TEST_P(Assemblers, ReportSpills) {
  // A hundred values that are all needed after all have been loaded, in 24 registers.
  std::string body;
  for (int i = 0; i < 100; ++i)
    body += " ld.volatile.global.f32 %f" + std::to_string(i) + ", [%rd1+" + std::to_string(4 * i) + "];\n";
  for (int i = 99; i >= 0; --i)
    body += " st.volatile.global.f32 [%rd1+" + std::to_string(400 + 4 * i) + "], %f" + std::to_string(i) + ";\n";
  std::string text = kernel(body);
  text.replace(text.find(") {"), 3, ") .maxnreg 24 {");
  Assembled result = run(text);
  EXPECT_LE(result.registers, 24);
  EXPECT_GE(result.spill_store_bytes, 200u);
  EXPECT_GE(result.spill_load_bytes, 200u);
  EXPECT_GE(result.stack_bytes, 200u);
}

TEST_P(Assemblers, KeepTheLinesOfThePtx) {
  std::string text = kernel(" .loc 1 42 5\n ld.global.f32 %f1, [%rd1];\n .loc 1 43 5\n st.global.f32 [%rd1+4], %f1;\n");
  text += ".file 1 \"somewhere/paged.cpp\"\n";
  // The table from instructions to lines, and the name of the file.
  for (const char *part : {".nv_debug_line_sass", "paged.cpp"}) {
    EXPECT_TRUE(contains(run(text).cubin, part)) << part;
    EXPECT_FALSE(contains(run(multiply_add).cubin, part)) << part;
  }
}

TEST_P(Assemblers, GiveTheSameBytesAgain) { EXPECT_EQ(run(multiply_add).cubin, run(multiply_add).cubin); }

TEST_P(Assemblers, SayWhatIsWrongWithThePtx) {
  std::string text = message_of<CompileError>([this] { run(kernel(" bogus.f32 %f1, %f2;\n")); });
  EXPECT_TRUE(text.starts_with(assembler_identity(GetParam()) + " cannot assemble for sm_90a:\n")) << text;
  EXPECT_NE(text.find("line 10"), std::string::npos) << text;
  EXPECT_NE(text.find("bogus"), std::string::npos) << text;
  EXPECT_EQ(text.find("/tmp"), std::string::npos) << text;
}

TEST_P(Assemblers, SayWhenTheyDoNotKnowTheArchitecture) {
  std::string text = message_of<CompileError>([this] { run(multiply_add, "sm_999"); });
  EXPECT_TRUE(text.starts_with(assembler_identity(GetParam()) + " cannot assemble for sm_999:\n")) << text;
}

TEST_P(Assemblers, WorkInSeveralThreads) {
  const std::vector<std::uint8_t> expected = run(multiply_add).cubin;
  std::vector<Assembled> results(4);
  std::vector<std::thread> threads;
  for (Assembled &result : results)
    threads.emplace_back([&] { result = run(multiply_add); });
  for (std::thread &thread : threads)
    thread.join();
  for (const Assembled &result : results)
    EXPECT_EQ(result.cubin, expected);
}

TEST_P(Assemblers, AreIdentified) {
  const std::string identity = assembler_identity(GetParam());
  EXPECT_TRUE(identity.starts_with(GetParam() == Assembler::ptxas ? "ptxas 1" : "nvjitlink ")) << identity;
  EXPECT_GT(identity.size(), 10u);
  EXPECT_EQ(identity.find('/'), std::string::npos) << identity;
  EXPECT_EQ(run(multiply_add).assembler, identity);
}

INSTANTIATE_TEST_SUITE_P(Kinds, Assemblers, testing::Values(Assembler::nvjitlink, Assembler::ptxas),
                         [](const auto &info) { return info.param == Assembler::ptxas ? "ptxas" : "nvjitlink"; });

TEST(Ptxas, LeavesNoFiles) {
  Scratch scratch, temporary;
  Environment environment{{"TMPDIR", temporary.path()},
                          {"KILN_PTXAS", scratch.script("cp \"$5\" \"$7\"; ls -ld $(dirname $5)")}};
  Assembled result = assemble("some text", "sm_90a", {.assembler = Assembler::ptxas});
  EXPECT_EQ(result.assembler, "ptxas 1.2.3");
  EXPECT_EQ(std::string(result.cubin.begin(), result.cubin.end()), "some text");
  EXPECT_TRUE(result.log.starts_with("drwx------")) << result.log;
  EXPECT_TRUE(fs::is_empty(temporary.path()));
}

TEST(Ptxas, ThatFailsIsReported) {
  Scratch scratch, temporary;
  Environment environment{{"TMPDIR", temporary.path()}, {"KILN_PTXAS", scratch.script("echo \"$5 is bad\"; exit 3")}};
  EXPECT_EQ(message_of<CompileError>([] { assemble("x", "sm_90a", {.assembler = Assembler::ptxas}); }),
            "ptxas 1.2.3 cannot assemble for sm_90a:\nkernel.ptx is bad");
  scratch.script("exit 3");
  EXPECT_EQ(message_of<CompileError>([] { assemble("x", "sm_90a", {.assembler = Assembler::ptxas}); }),
            "ptxas 1.2.3 cannot assemble for sm_90a:\nit ended with status 3");
  scratch.script("kill -SEGV $$");
  EXPECT_EQ(message_of<CompileError>([] { assemble("x", "sm_90a", {.assembler = Assembler::ptxas}); }),
            "ptxas 1.2.3 cannot assemble for sm_90a:\nit was ended by signal 11");
  EXPECT_TRUE(fs::is_empty(temporary.path()));
}

TEST(Ptxas, IsStoppedWhenItsTimeIsOver) {
  // The second closes its output and goes on; both have a child of their own.
  for (const char *body : {"echo started; sleep 100 & sleep 100", "exec >/dev/null 2>&1; sleep 100 & sleep 100"}) {
    Scratch scratch, temporary;
    Environment environment{{"TMPDIR", temporary.path()}, {"KILN_PTXAS", scratch.script(body)}};
    const auto start = std::chrono::steady_clock::now();
    std::string text =
        message_of<CompileError>([] { assemble("x", "sm_90a", {.assembler = Assembler::ptxas, .time_limit = 1}); });
    EXPECT_TRUE(text.starts_with("ptxas 1.2.3 cannot assemble for sm_90a:\nit did not end within 1 s and was stopped"))
        << text;
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
    EXPECT_TRUE(fs::is_empty(temporary.path()));
  }
}

TEST(Ptxas, WorksWhereSigchldIsIgnored) {
  Scratch scratch;
  Environment environment{{"KILN_PTXAS", scratch.script("cp \"$5\" \"$7\"")}};
  auto before = std::signal(SIGCHLD, SIG_IGN);
  EXPECT_EQ(assemble("text", "sm_90a", {.assembler = Assembler::ptxas}).cubin.size(), 4u);
  std::signal(SIGCHLD, before);
}

TEST(Ptxas, ThatTellsNoVersionIsNotUsed) {
  Scratch scratch;
  Environment environment{{"KILN_PTXAS", scratch.program("echo hello")}};
  EXPECT_EQ(assembler_identity(Assembler::ptxas), "");
  EXPECT_EQ(message_of<CompileError>([] { assemble("x", "sm_90a", {.assembler = Assembler::ptxas}); }),
            "nothing on this machine turns PTX into machine code for sm_90a; install a CUDA toolkit, or name one in "
            "CUDA_HOME:\n  " +
                (scratch / "ptxas").string() + " does not tell its version");
}

TEST(Ptxas, ThatCannotRunForAMomentIsAskedAgain) {
  Scratch scratch;
  const std::string program = scratch.program("[ -e \"$0.ran\" ] || { touch \"$0.ran\"; exit 1; }\n"
                                              "echo 'tools, release 1.2, V1.2.3'");
  Environment environment{{"KILN_PTXAS", program}};
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{0, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  const std::string message = message_of<CompileError>([] { assembler_identity(Assembler::ptxas); });
  setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_EQ(message, "cannot make a pipe: Too many open files");
  EXPECT_EQ(assembler_identity(Assembler::ptxas), "");
  EXPECT_EQ(assembler_identity(Assembler::ptxas), "ptxas 1.2.3");
}

TEST(NvJitLink, ThatCannotBeLoadedIsReported) {
  Scratch scratch;
  const fs::path file = scratch / "libnvJitLink.so.13";
  std::ofstream(file) << "no library";
  Environment environment{{"KILN_NVJITLINK", file}};
  EXPECT_EQ(assembler_identity(Assembler::nvjitlink), "nvjitlink libnvJitLink.so.13 of 10 bytes");
  std::string text = message_of<CompileError>([] { assemble("x", "sm_90a", {.assembler = Assembler::nvjitlink}); });
  EXPECT_TRUE(text.starts_with("nvJitLink cannot be used: ")) << text;
  EXPECT_TRUE(text.ends_with("; KILN_ASSEMBLER=ptxas takes another")) << text;
}

// The driver is looked for once in a process, so this happens in another one.
TEST(Assembling, IsRefusedWhereNothingAssembles) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  auto ask = [] {
    Environment environment{
        {"KILN_NVJITLINK", "/nowhere/a"}, {"KILN_PTXAS", "/nowhere/b"}, {"KILN_CUDA_DRIVER", "/nowhere/c"}};
    std::string text = message_of<CompileError>([] { assemble("x", "sm_90a"); });
    std::fprintf(stderr, "%s\n", text.c_str());
    std::exit(assembler_identity().empty() ? 0 : 1);
  };
  EXPECT_EXIT(ask(), testing::ExitedWithCode(0),
              "nothing on this machine turns PTX into machine code for sm_90a; install a CUDA toolkit, or name one in "
              "CUDA_HOME:\n"
              "  nvJitLink: KILN_NVJITLINK names no file \\(/nowhere/a\\)\n"
              "  ptxas: KILN_PTXAS names no program \\(/nowhere/b\\)\n"
              "  driver: there is no CUDA driver \\(/nowhere/c: cannot open");
}

TEST(Assembling, TheEnvironmentChoosesAndTheCallerOverrules) {
  Scratch scratch;
  Environment environment{{"KILN_PTXAS", scratch.script("cp \"$5\" \"$7\"")}, {"KILN_ASSEMBLER", "ptxas"}};
  EXPECT_EQ(assembler_identity(), "ptxas 1.2.3");
  EXPECT_EQ(assemble("x", "sm_90a").assembler, "ptxas 1.2.3");
  EXPECT_FALSE(assembler_identity(Assembler::nvjitlink).starts_with("ptxas"));
  Environment wrong{{"KILN_ASSEMBLER", "masm"}};
  EXPECT_EQ(message_of<InvalidArgument>([] { assembler_identity(); }),
            "KILN_ASSEMBLER is 'masm': expected nvjitlink, ptxas or driver");
  EXPECT_EQ(message_of<InvalidArgument>([] { assemble("x", "90"); }),
            "assemble: '90' is not an architecture; expected something like sm_90a");
}

} // namespace
