// The table of environment variables, and the log, which one of them controls.
#include "kiln/runtime/environment.h"
#include "kiln/runtime/log.h"

#include <algorithm>
#include <cstdlib>
#include <gtest/gtest.h>
#include <string>

using namespace kiln::runtime;

namespace {

TEST(Environment, TheTableIsSortedAndNothingStandsInItTwice) {
  EXPECT_TRUE(std::ranges::is_sorted(environment_table, std::ranges::less_equal(), &EnvironmentVariable::name));
}

TEST(Environment, TheTableIsComplete) {
  for (const EnvironmentVariable &variable : environment_table) {
    EXPECT_FALSE(variable.otherwise.empty()) << variable.name;
    EXPECT_FALSE(variable.reader.empty()) << variable.name;
    EXPECT_TRUE(variable.meaning.ends_with('.') || variable.meaning.ends_with(").")) << variable.name;
    EXPECT_EQ(variable.meaning.find('|'), std::string_view::npos) << variable.name;
  }
}

TEST(Environment, Values) {
  setenv("KILN_CHECK", "", 1);
  EXPECT_EQ(environment("KILN_CHECK"), "");
  EXPECT_FALSE(environment_flag("KILN_CHECK"));
  setenv("KILN_CHECK", "0", 1);
  EXPECT_FALSE(environment_flag("KILN_CHECK"));
  setenv("KILN_CHECK", "yes", 1);
  EXPECT_EQ(environment("KILN_CHECK"), "yes");
  EXPECT_EQ(unprivileged_environment("KILN_CHECK"), "yes");
  EXPECT_TRUE(environment_flag("KILN_CHECK"));
  unsetenv("KILN_CHECK");
  EXPECT_EQ(environment("KILN_CHECK"), "");
}

TEST(Log, Levels) {
  LogLevel level = LogLevel::warn;
  EXPECT_TRUE(parse_log_level("debug", level));
  EXPECT_EQ(level, LogLevel::debug);
  EXPECT_TRUE(parse_log_level("off", level));
  EXPECT_EQ(level, LogLevel::off);
  EXPECT_FALSE(parse_log_level("loud", level));
  EXPECT_FALSE(parse_log_level("", level));
}

/// What a process of its own writes to standard error with this KILN_LOG.
void expect_log(const char *value, const std::string &expected) {
  const auto body = [value] {
    setenv("KILN_LOG", value, 1);
    log(LogLevel::error, "an error");
    log(LogLevel::warn, "a warning");
    log(LogLevel::info, "a fact");
    log(LogLevel::debug, "a detail");
    std::exit(0);
  };
  EXPECT_EXIT(body(), testing::ExitedWithCode(0), testing::Eq(expected)) << value;
}

TEST(LogDeathTest, ALevelWritesItselfAndWhatIsGraver) {
  expect_log("off", "");
  expect_log("error", "kiln: error: an error\n");
  expect_log("", "kiln: error: an error\nkiln: warning: a warning\n");
  expect_log("info", "kiln: error: an error\nkiln: warning: a warning\nkiln: a fact\n");
  expect_log("debug", "kiln: error: an error\nkiln: warning: a warning\nkiln: a fact\nkiln: a detail\n");
  expect_log("loud", "kiln: warning: KILN_LOG is 'loud', not off, error, warn, info or debug\n"
                     "kiln: error: an error\nkiln: warning: a warning\n");
}

} // namespace
