#include "jit/diagnostics.h"
#include "jit/dump.h"

#include "../environment.h"
#include "../temporary_directory.h"

#include "mlir/IR/Location.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>

using namespace kiln;
using namespace kiln::jit;

namespace {

const Subject subject{"paged_decode", "{128, 16}"};

std::string read_file(const std::filesystem::path &path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string compile_error(const CapturedDiagnostics &captured, const std::string &ir) {
  try {
    throw_compile_error(captured, "the fallback", {"--tile-to-cpu='asserts=true'", ir}, subject);
  } catch (const CompileError &e) {
    return e.what();
  }
}

TEST(Diagnostics, CarryThePlaceTheNotesAndTheKernel) {
  mlir::MLIRContext context;
  CapturedDiagnostics captured(&context);
  mlir::Location user = mlir::FileLineColLoc::get(&context, "paged.cpp", 41, 20);
  mlir::Location library = mlir::FileLineColLoc::get(&context, "softmax.h", 7, 3);
  mlir::emitWarning(user) << "of no interest";
  auto error = mlir::emitError(mlir::CallSiteLoc::get(library, user)) << "this dot is too large";
  error.attachNote(user) << "made here";
  error.report();
  mlir::emitError(mlir::UnknownLoc::get(&context)) << "and so on";
  EXPECT_EQ(compile_error(captured, ""), "softmax.h:7:3: error: this dot is too large\n"
                                         "paged.cpp:41:20: note: made here\n"
                                         "error: and so on\n"
                                         "note: while compiling 'paged_decode' with {128, 16}");
}

TEST(Diagnostics, WithoutAnyTheFallbackIsSaid) {
  mlir::MLIRContext context;
  CapturedDiagnostics captured(&context);
  EXPECT_EQ(compile_error(captured, ""), "error: the fallback\nnote: while compiling 'paged_decode' with {128, 16}");
}

TEST(Diagnostics, AFailureNamesAFileToReproduceItWith) {
  mlir::MLIRContext context;
  CapturedDiagnostics captured(&context);
  std::string message = compile_error(captured, "module {}\n");
  std::string start = "error: the fallback\nnote: reproduce with: kiln-opt --tile-to-cpu='asserts=true' ";
  ASSERT_EQ(message.find(start), 0u) << message;
  std::string path = message.substr(start.size(), message.find('\n', start.size()) - start.size());
  EXPECT_NE(path.find("kiln-paged_decode"), std::string::npos) << path;
  EXPECT_EQ(read_file(path), "module {}\n");
  std::filesystem::remove(path);
}

TEST(Dump, WritesTheStagesAskedFor) {
  TemporaryDirectory directory;
  EXPECT_FALSE(dumping());
  Environment environment{{"KILN_DUMP", "tile,llvmir"}, {"KILN_DUMP_DIR", directory.path()}};
  EXPECT_TRUE(dumping());
  dump("tile", "one", subject);
  dump("loops", "two", subject);
  dump("llvmir", "three", subject);
  EXPECT_EQ(read_file(directory / "paged_decode-128-16.tile.mlir"), "one");
  EXPECT_EQ(read_file(directory / "paged_decode-128-16.llvmir.ll"), "three");
  EXPECT_FALSE(std::filesystem::exists(directory / "paged_decode-128-16.loops.mlir"));
  environment.set("KILN_DUMP", "all");
  dump("asm", "four", subject);
  EXPECT_EQ(read_file(directory / "paged_decode-128-16.asm.s"), "four");

  environment.set("KILN_DUMP_DIR", {});
  testing::internal::CaptureStderr();
  dump("loops", "two", subject);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "// kiln: loops of 'paged_decode' with {128, 16}\ntwo\n");
}

TEST(Dump, TheProcessGoesOnWhereNothingCanBeWritten) {
  TemporaryDirectory directory;
  const std::string path = directory / "paged_decode-128-16.tile.mlir";
  std::filesystem::create_symlink("/dev/full", path);
  Environment environment{{"KILN_DUMP", "tile"}, {"KILN_DUMP_DIR", directory.path()}};
  testing::internal::CaptureStderr();
  dump("tile", "one", subject);
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "kiln: error: KILN_DUMP_DIR: cannot write " + path + ": No space left on device\n");

  // What is lost on standard error is no failure of the process.
  environment.set("KILN_DUMP_DIR", {});
  EXPECT_EXIT(
      {
        std::freopen("/dev/full", "w", stderr);
        dump("tile", "one", subject);
        std::exit(0);
      },
      testing::ExitedWithCode(0), "");
}

TEST(Dump, SaysOnceThatThereIsNoSuchStage) {
  Environment environment{{"KILN_DUMP", "foo,loops,,Ptx"}};
  testing::internal::CaptureStderr();
  EXPECT_TRUE(dumping());
  dump("ptx", "one", subject);
  EXPECT_TRUE(dumping());
  const std::string stages = "there are tile, loops, tile_gpu, threads, llvm, llvmir, asm, ptx, cubin, report, and all";
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "kiln: warning: KILN_DUMP: there is no stage 'foo': " + stages +
                "\nkiln: warning: KILN_DUMP: there is no stage 'Ptx': " + stages + "\n");
}

} // namespace
