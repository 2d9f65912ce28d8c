// The texts within cache entries: resource reports, and what tuning measured.
#include "fuzzer.h"
#include "jit/report.h"
#include "jit/tuner.h"

using namespace kiln;
using namespace kiln::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  const std::string_view text = text_of({data, size});
  if (const std::optional<CompileReport> report = jit::report_from_json(text)) {
    const std::string written = report->json();
    const std::optional<CompileReport> again = jit::report_from_json(written);
    expect(again && again->json() == written, "a report survives");
    (void)report->text();
  }
  for (std::size_t count : {1, 2, 5})
    if (const std::optional<detail::TuneOutcomes> outcomes = jit::read_outcomes(text, count)) {
      expect(outcomes->outcomes.size() == count && outcomes->best < count, "the best one is among those there are");
      const auto config = [](std::size_t i) { return std::to_string(i); };
      const std::string written = jit::write_outcomes(*outcomes, config);
      expect(jit::read_outcomes(written, count).has_value(), "outcomes survive");
      (void)detail::tune_table(*outcomes, config);
    }
  return 0;
}
