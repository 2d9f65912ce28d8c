// kiln-tune-decode: makes kernels/paged_attention/tuned.inc, from measurements on the GPU that it is for.
#include "tools/decode_sweep.h"
#include "tools/program.h"

#include "kiln/cuda.h"
#include "kiln/error.h"
#include "kiln/tool_arguments.h"

#include <cstdio>
#include <ctime>
#include <fstream>
#include <iterator>
#include <string>

using namespace kiln;
using namespace kiln::tools;

namespace {

constexpr const char *usage =
    "usage: kiln-tune-decode [--save FILE] >tuned.inc    measures on the first GPU, some minutes; FILE gets the times\n"
    "       kiln-tune-decode --from FILE >tuned.inc      makes the table from times that were saved\n";

int run(const std::string &save, const std::string &from) {
  DecodeSweep sweep;
  if (!from.empty()) {
    std::ifstream file(from, std::ios::binary);
    if (!file)
      throw InvalidArgument("error: cannot read '" + from + "'");
    sweep = from_csv(std::string(std::istreambuf_iterator<char>(file), {}));
  } else {
    const Device device = Device::cuda(0);
    const cuda::DeviceProperties &properties = cuda::properties(device);
    sweep.gpu = properties.name;
    sweep.multiprocessors = properties.multiprocessors;
    const std::time_t now = std::time(nullptr);
    char date[16];
    std::strftime(date, sizeof date, "%Y-%m-%d", std::gmtime(&now));
    sweep.date = date;
    const SweepPlan plan = usual_plan();
    for (const SweepShape &shape : plan.shapes) {
      SweepPlan part = plan;
      part.shapes = {shape};
      const DecodeSweep found = measure(part, device, stderr);
      sweep.samples.insert(sweep.samples.end(), found.samples.begin(), found.samples.end());
      // After each shape, so that a run that is ended early has left what it knew.
      if (!save.empty() && !(std::ofstream(save, std::ios::binary) << to_csv(sweep)).flush())
        throw InvalidArgument("error: cannot write '" + save + "'");
    }
  }
  std::fputs(decode_table(sweep).c_str(), stdout);
  if (std::fflush(stdout) != 0)
    throw InvalidArgument("error: cannot write the table");
  return 0;
}

int tune(int argc, char **argv) {
  std::string save, from;
  try {
    ToolArguments arguments(argc, argv);
    while (arguments.next()) {
      if (arguments.is_flag("--help")) {
        std::fputs(usage, stdout);
        return 0;
      }
      if (arguments.is_flag("--version")) {
        print_version();
        return 0;
      }
      if (arguments.text() == "--save")
        save = arguments.value("FILE");
      else if (arguments.text() == "--from")
        from = arguments.value("FILE");
      else
        throw InvalidArgument("error: there is no option '" + std::string(arguments.text()) + "'\n" + usage);
    }
  } catch (const Error &error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  }
  try {
    return run(save, from);
  } catch (const Error &error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}

} // namespace

int main(int argc, char **argv) { return tools::finish("kiln-tune-decode", tune(argc, argv)); }
