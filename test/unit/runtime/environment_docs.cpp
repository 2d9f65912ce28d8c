// Prints docs/reference/environment.md.
#include "kiln/runtime/environment.h"

#include <cstdio>
#include <string>

int main() {
  std::string text = "# Environment variables\n\n"
                     "All that Kiln reads. \"Once\" is at the first use; later changes have no effect then.\n\n"
                     "| variable | meaning | default | read by |\n|---|---|---|---|\n";
  for (const kiln::runtime::EnvironmentVariable &variable : kiln::runtime::environment_table)
    for (std::string_view piece :
         {std::string_view("| `"), variable.name, std::string_view("` | "), variable.meaning, std::string_view(" | "),
          variable.otherwise, std::string_view(" | "), variable.reader, std::string_view(" |\n")})
      text += piece;
  std::fputs(text.c_str(), stdout);
}
