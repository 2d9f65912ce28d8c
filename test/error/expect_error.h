// Every mistake in a kernel is reported in one sentence, at the line that made it.
#pragma once

#include "kiln/kiln.h"

#include <gtest/gtest.h>

#include <string>

namespace kiln_test {

struct None {};

inline int failing_line = 0;

/// Stands before the statement that must fail, on its line.
#define BAD ::kiln_test::failing_line = __LINE__;

/// Traces a kernel that must fail at its line marked BAD with exactly this message. (Not a macro: all lines of a
/// macro's arguments have one number.)
template <class F, class Config = None>
void expect_error(const std::string &message, F body, const Config &config = {},
                  kiln::Loc here = kiln::Loc::current()) {
  kiln::Kernel kernel{"bad", body};
  failing_line = 0;
  try {
    kernel.trace(config);
    ADD_FAILURE() << "was accepted; expected: " << message;
  } catch (const kiln::TraceError &error) {
    const std::string text = error.what();
    const std::string place = std::string(here.file_name()) + ":" + std::to_string(failing_line) + ":";
    EXPECT_EQ(text.rfind(place, 0), 0u) << "expected the place " << place << " in\n" << text;
    const std::size_t begin = text.find(": error: ");
    ASSERT_NE(begin, std::string::npos) << text;
    EXPECT_EQ(text.substr(begin + 9), message + "\nnote: while tracing 'bad' with " + kiln::config_text(config));
  }
}

} // namespace kiln_test
