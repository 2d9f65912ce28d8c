#include "jit/disk_key.h"

#include "mlir/Parser/Parser.h"

#include <cctype>
#include <gtest/gtest.h>
#include <string>

using namespace kiln;
using namespace kiln::jit;

namespace {

std::string key_of(std::initializer_list<std::pair<const char *, const char *>> parts) {
  KeyBuilder builder;
  for (auto [name, part] : parts)
    builder.add(name, part);
  return runtime::to_hex(builder.finish());
}

TEST(DiskKey, PartsCannotBeMistakenForOneAnother) {
  EXPECT_EQ(key_of({{"a", "bc"}}), key_of({{"a", "bc"}}));
  EXPECT_NE(key_of({{"a", "bc"}}), key_of({{"ab", "c"}}));
  EXPECT_NE(key_of({{"a", "b"}, {"c", "d"}}), key_of({{"a", "b1:c1:d"}}));
  EXPECT_NE(key_of({{"a", "b"}, {"c", "d"}}), key_of({{"c", "d"}, {"a", "b"}}));
  EXPECT_NE(key_of({{"a", ""}}), key_of({}));
}

TEST(DiskKey, TheBuildIsNamedByItsBuildId) {
  const std::string id = build_id();
  EXPECT_GE(id.size(), 16u);
  for (char c : id)
    EXPECT_TRUE(std::isxdigit(static_cast<unsigned char>(c)) && !std::isupper(static_cast<unsigned char>(c))) << id;
  EXPECT_EQ(build_id(), id);
}

class KeyOfModule : public testing::Test {
protected:
  std::string key(const char *ir, const char *arch = "sm_90a", CompileOptions options = {},
                  const char *assembler = "ptxas 1") {
    mlir::MLIRContext context;
    auto module = mlir::parseSourceString<mlir::ModuleOp>(ir, &context);
    return runtime::to_hex(disk_key(*module, arch, options, assembler));
  }
};

TEST_F(KeyOfModule, HoldsAllThatReachesTheCode) {
  EXPECT_EQ(key("module {}"), key("module {  }"));
  EXPECT_NE(key("module {}"), key("module @named {}"));
  EXPECT_NE(key("module {}"), key("module {}", "sm_80"));
  EXPECT_NE(key("module {}"), key("module {}", "sm_90a", {}, "ptxas 2"));
  EXPECT_NE(key("module {}"), key("module {}", "sm_90a", {.asserts = true}));
  EXPECT_NE(key("module {}"), key("module {}", "sm_90a", {.line_info = true}));
}

TEST_F(KeyOfModule, LocationsCountWhereTheCodeHoldsThem) {
  constexpr const char *here = "module {} loc(\"a.cpp\":1:2)", *there = "module {} loc(\"a.cpp\":7:2)";
  EXPECT_EQ(key(here), key(there));
  EXPECT_NE(key(here, "sm_90a", {.line_info = true}), key(there, "sm_90a", {.line_info = true}));
  EXPECT_NE(key(here, "sm_90a", {.asserts = true}), key(there, "sm_90a", {.asserts = true}));
}

} // namespace
