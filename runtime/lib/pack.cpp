#include "kiln/pack.h"

#include "pack_format.h"
#include "private_directory.h"

#include "kiln/cuda.h"
#include "kiln/error.h"
#include "kiln/runtime/cpu_launch.h"
#include "kiln/runtime/cuda_kernel.h"
#include "kiln/runtime/observe.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>

using namespace kiln;
using namespace kiln::runtime;
using namespace kiln::detail;

namespace {

enum Variant : std::size_t { specialised, generic, variants };

using Members = std::vector<std::pair<std::string_view, std::string_view>>;

Members members_of(std::string_view config) {
  Members members;
  parse_config(config, members); // which was checked
  return members;
}

/// The texts, each once, in their order.
std::string listed(std::vector<std::string> texts, const char *separator) {
  texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
  std::string result;
  for (const std::string &text : texts)
    result += (result.empty() ? "" : separator) + text;
  return result;
}

template <class Member>
std::string listed(const std::vector<const PackEntry *> &entries, Member member, const char *separator = ", ") {
  std::vector<std::string> texts;
  for (const PackEntry *entry : entries)
    texts.push_back(std::invoke(member, *entry));
  return listed(std::move(texts), separator);
}

} // namespace

/// One kernel on one device; its variants are loaded when they are wanted.
struct detail::LoadedEntry {
  const PackState &pack;
  std::size_t index;
  Device device;
  std::mutex mutex; // of loading
  std::unique_ptr<const CudaKernel> owned[variants];
  std::atomic<const CudaKernel *> kernels[variants]{}; // what is loaded, for readers without a lock

  LoadedEntry(const PackState &pack, std::size_t index, Device device) : pack(pack), index(index), device(device) {}

  const PackEntry &entry() const;
  /// "note: while running 'softmax_f16' with {block=1024}, of the pack 'kernels.kpack'"
  std::string note() const;

  const CudaKernel &kernel(Variant variant) {
    if (const CudaKernel *loaded = kernels[variant].load(std::memory_order_acquire)) [[likely]]
      return *loaded;
    return load(variant);
  }

private:
  [[gnu::cold, gnu::noinline]] const CudaKernel &load(Variant variant);
};

/// For files that are damaged, or of another version of Kiln.
constexpr const char *remedy = "; make the pack with this version's kiln-compile --pack";

/// The file stays open and is read at places, rather than mapped: a mapped file that somebody cuts short ends the
/// process when it is touched.
struct detail::PackState {
  std::string path;
  File file;
  PackIndex index;
  std::mutex mutex;                                                           // of `loaded`
  std::map<std::pair<std::size_t, int>, std::unique_ptr<LoadedEntry>> loaded; // by entry and ordinal

  explicit PackState(const std::string &path) : path(path), file(open_at(AT_FDCWD, path, O_RDONLY | O_NONBLOCK)) {
    if (!file)
      fail("it cannot be opened: " + system_message(file.error()));
    struct stat info;
    if (fstat(file.get(), &info) != 0)
      fail("it cannot be read: " + system_message(errno));
    if (!S_ISREG(info.st_mode))
      fail("it is not a regular file");
    const auto file_bytes = static_cast<std::uint64_t>(info.st_size);
    std::vector<std::uint8_t> header_bytes(std::min<std::uint64_t>(pack_header_bytes, file_bytes));
    read(header_bytes, 0);
    PackHeader header;
    expect(decode_header(header_bytes, file_bytes, header));
    std::vector<std::uint8_t> index_bytes(header.index_bytes);
    read(index_bytes, pack_header_bytes);
    expect(check_index(header_bytes, index_bytes, header));
    expect(decode_index(index_bytes, header, index));
  }

  KernelImage read_image(std::size_t entry, std::size_t variant) const {
    const PackedImage &where = index.images[entry][variant];
    std::vector<std::uint8_t> bytes(where.bytes);
    read(bytes, where.offset);
    KernelImage image;
    if (std::string fault = decode_image(bytes, where, index.entries[entry], image); !fault.empty())
      fail("the code of '" + index.entries[entry].name + "' with {" + index.entries[entry].config + "} for " +
           index.entries[entry].arch + " is damaged: " + fault + remedy);
    return image;
  }

  LoadedEntry *on(std::size_t entry, Device device) {
    std::lock_guard lock(mutex);
    std::unique_ptr<LoadedEntry> &place = loaded[{entry, device.ordinal()}];
    if (!place)
      place = std::make_unique<LoadedEntry>(*this, entry, device);
    return place.get();
  }

  [[noreturn]] void fail(const std::string &why) const { throw PackError("pack '" + path + "': " + why); }

private:
  void expect(const std::string &fault) const {
    if (!fault.empty())
      fail(fault + remedy);
  }
  void read(std::span<std::uint8_t> bytes, std::uint64_t offset) const {
    const std::int64_t got = read_at(file.get(), bytes, offset);
    if (got < 0)
      fail("it cannot be read: " + system_message(errno));
    if (static_cast<std::size_t>(got) < bytes.size())
      fail("it has become shorter since it was opened");
  }
};

const PackEntry &LoadedEntry::entry() const { return pack.index.entries[index]; }

std::string LoadedEntry::note() const {
  return "note: while running '" + entry().name + "' with {" + entry().config + "}, of the pack '" + pack.path + "'";
}

const CudaKernel &LoadedEntry::load(Variant variant) {
  std::lock_guard lock(mutex);
  if (!owned[variant]) {
    owned[variant] = std::make_unique<CudaKernel>(pack.read_image(index, variant), device, note());
    kernels[variant].store(owned[variant].get(), std::memory_order_release);
  }
  return *owned[variant];
}

// ---- Pack

Pack::Pack(const std::string &path) : state_(std::make_shared<PackState>(path)) {}

const std::string &Pack::path() const { return state_->path; }

const std::vector<PackEntry> &Pack::entries() const { return state_->index.entries; }

PackedKernel Pack::find(std::string_view name, std::string_view config, Device device) const {
  const std::string subject = "pack '" + path() + "': ";
  const std::string kernel = "'" + std::string(name) + "'";
  Members wanted;
  if (!parse_config(config, wanted))
    throw InvalidArgument(subject + "the config '" + std::string(config) +
                          "' is not of the form NAME=VALUE NAME=VALUE");
  if (!device)
    device = cuda::current_device();
  if (!device)
    throw InvalidArgument(subject + "no device was given for " + kernel + ", and there is no current CUDA context");
  if (device.kind() != Device::Kind::cuda)
    throw InvalidArgument(subject + "it holds code for GPUs, which the device '" + device.name() + "' does not run");

  std::vector<const PackEntry *> found;
  for (const PackEntry &entry : entries())
    if (entry.name == name)
      found.push_back(&entry);
  if (found.empty()) {
    std::vector<const PackEntry *> all;
    for (const PackEntry &entry : entries())
      all.push_back(&entry);
    throw InvalidArgument(subject + "it has no kernel " + kernel + "; it has " +
                          (all.empty() ? "none" : listed(all, &PackEntry::name)));
  }
  const auto fits = [&](const PackEntry *entry) {
    const Members members = members_of(entry->config);
    return std::ranges::all_of(wanted, [&](const auto &member) { return std::ranges::count(members, member) > 0; });
  };
  std::vector<const PackEntry *> fitting;
  std::ranges::copy_if(found, std::back_inserter(fitting), fits);
  if (fitting.empty())
    throw InvalidArgument(subject + "it has no " + kernel + " with " + std::string(config) + "; it has it with " +
                          listed(found, &PackEntry::config, "; "));

  const cuda::DeviceProperties &properties = cuda::properties(device);
  const auto nearness = [&](const PackEntry *entry) {
    return arch_fits(entry->arch, properties.compute_major, properties.compute_minor);
  };
  std::vector<const PackEntry *> running;
  std::ranges::copy_if(fitting, std::back_inserter(running), [&](auto *entry) { return nearness(entry) > 0; });
  if (running.empty())
    throw LaunchError(subject + "it has " + kernel + " for " + listed(fitting, &PackEntry::arch) +
                      ", and the device '" + properties.name + "' is " + properties.arch);
  if (std::ranges::any_of(running, [&](auto *entry) { return entry->config != running.front()->config; }))
    throw InvalidArgument(subject + "several of its kernels are " + kernel +
                          (config.empty() ? "" : " with " + std::string(config)) + ": those with " +
                          listed(running, &PackEntry::config, "; "));
  const PackEntry *nearest = *std::ranges::max_element(running, {}, nearness);
  return {state_, state_->on(static_cast<std::size_t>(nearest - entries().data()), device)};
}

std::vector<KernelImage> Pack::images(std::size_t entry) const {
  if (entry >= entries().size())
    throw InvalidArgument("pack '" + path() + "': there is no entry " + std::to_string(entry) + " of " +
                          std::to_string(entries().size()));
  std::vector<KernelImage> images;
  for (std::size_t variant = 0; variant < state_->index.images[entry].size(); ++variant)
    images.push_back(state_->read_image(entry, variant));
  return images;
}

// ---- PackedKernel

const PackEntry &PackedKernel::entry() const { return loaded_->entry(); }

Device PackedKernel::device() const { return loaded_->device; }

void PackedKernel::prepare() const {
  loaded_->kernel(specialised);
  if (!entry().facts.empty())
    loaded_->kernel(generic);
}

namespace {

bool accepts(const PackParameter &parameter, const PackArgument &given) {
  if (!parameter.pointer || !given.parameter.pointer)
    return parameter == given.parameter;
  return (given.untyped || given.parameter.type == parameter.type) &&
         (parameter.read_only || !given.parameter.read_only);
}

std::string text_of(const PackArgument &given) {
  if (!given.untyped)
    return given.parameter.text();
  return given.parameter.read_only ? "ptr<const void>" : "ptr<void>";
}

[[gnu::cold, gnu::noinline]] void refuse_arguments(const PackEntry &entry, std::span<const PackArgument> given) {
  const std::string what = "cannot launch '" + entry.name + "': ";
  if (given.size() != entry.parameters.size()) {
    std::string takes;
    for (const PackParameter &parameter : entry.parameters)
      takes += (takes.empty() ? "" : ", ") + parameter.text();
    throw InvalidArgument(what + "it takes " + std::to_string(entry.parameters.size()) + " arguments (" + takes +
                          "), and was given " + std::to_string(given.size()));
  }
  for (std::size_t i = 0; i < given.size(); ++i)
    if (!accepts(entry.parameters[i], given[i]))
      throw InvalidArgument(what + "argument " + std::to_string(i) + " is " + text_of(given[i]) +
                            ", and the kernel takes " + entry.parameters[i].text());
}

} // namespace

namespace {

template <class Launch>
[[gnu::cold, gnu::noinline]] void observe_launch(const PackEntry &entry, Device device, std::array<unsigned, 3> grid,
                                                 void *stream, const Launch &launch) {
  const std::string config = "{" + entry.config + "}", target = device.name();
  Event event{.kind = EventKind::launch};
  event.kernel = entry.name;
  event.config = config;
  event.target = target;
  event.grid = grid;
  event.stream = stream;
  observe(event, [&](EventScope &) { launch(); });
}

} // namespace

void PackedKernel::launch_erased(const LaunchOptions &options, std::span<const PackArgument> given,
                                 const void *const *args) const {
  const PackEntry &entry = this->entry();
  if (!std::ranges::equal(entry.parameters, given, accepts)) [[unlikely]]
    refuse_arguments(entry, given);
  if (options.device && options.device != loaded_->device) [[unlikely]]
    throw InvalidArgument("cannot launch '" + entry.name + "': it was found for " + loaded_->device.name() +
                          ", and the launch is for " + options.device.name());
  const std::array<unsigned, 3> grid{options.grid.x, options.grid.y, options.grid.z};
  check_grid(entry.name, grid);
  if (options.programmatic && !entry.waits) [[unlikely]]
    throw LaunchError("cannot launch '" + entry.name +
                      "': the launch is programmatic, but the kernel never calls kiln::wait_for_launches(), and would "
                      "read what launches before it have yet to write\n" +
                      loaded_->note());
  const auto launch = [&] {
    loaded_->kernel(entry.facts.hold(args) ? specialised : generic)
        .launch(grid, options.stream, args, options.programmatic);
  };
  if (!observed(EventKind::launch)) [[likely]]
    return launch();
  observe_launch(entry, loaded_->device, grid, options.stream, launch);
}
