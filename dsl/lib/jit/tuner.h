// The search for the fastest config, whatever measures.
#pragma once

#include "kiln/tune.h"

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace kiln::jit {

/// Takes a sample: microseconds of a launch.
using Sampler = std::function<double()>;

/// Throws InvalidArgument where nothing could be found out.
void check_tuning(const detail::TuneErased &subject, Device device, const TuneOptions &options);

/// As tune() says. `sampler` makes a config ready to be measured, and is called after its launch was checked; the
/// sampler that it returns is gone before the next config is prepared.
detail::TuneOutcomes search(const detail::TuneErased &subject, Device device, const TuneOptions &options,
                            detail::function_ref<Sampler(std::size_t)> sampler);

/// The outcomes as text.
std::string write_outcomes(const detail::TuneOutcomes &outcomes, detail::function_ref<std::string(std::size_t)> text);
/// Those of `count` configs that write_outcomes wrote; nothing where the text is something else.
std::optional<detail::TuneOutcomes> read_outcomes(std::string_view text, std::size_t count);

} // namespace kiln::jit
