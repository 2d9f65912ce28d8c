#include "jit/disk_key.h"

#include "kiln/Target/NVPTX/EmitPTX.h"

#include "mlir/IR/OperationSupport.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/BLAKE3.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/VCSRevision.h"
#include "llvm/Support/raw_ostream.h"

#include <cstring>
#include <elf.h>
#include <link.h>

using namespace kiln;
using namespace kiln::jit;

namespace {

std::string digest(llvm::StringRef bytes) {
  llvm::BLAKE3 hash;
  hash.update(bytes);
  return llvm::toHex(hash.final(), /*LowerCase=*/true);
}

std::string file_digest(const std::string &path) {
  auto file = llvm::MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  return file ? digest((*file)->getBuffer()) : std::string();
}

/// The library or program in this process that `address` lies in.
struct LoadedObject {
  std::uintptr_t address;
  std::string path;
  std::string build_id;
};

void read_notes(llvm::StringRef notes, LoadedObject &object) {
  while (notes.size() >= sizeof(ElfW(Nhdr))) {
    ElfW(Nhdr) header;
    std::memcpy(&header, notes.data(), sizeof header);
    const auto padded = [](std::size_t size) { return (size + 3) & ~std::size_t(3); };
    const std::size_t description = sizeof header + padded(header.n_namesz);
    if (notes.size() < description + header.n_descsz)
      return;
    if (header.n_type == NT_GNU_BUILD_ID && notes.substr(sizeof header, header.n_namesz) == llvm::StringRef("GNU\0", 4))
      object.build_id = llvm::toHex(notes.substr(description, header.n_descsz), /*LowerCase=*/true);
    notes = notes.drop_front(std::min(notes.size(), description + padded(header.n_descsz)));
  }
}

int inspect_object(dl_phdr_info *info, std::size_t, void *user) {
  auto &object = *static_cast<LoadedObject *>(user);
  const auto segments = llvm::ArrayRef(info->dlpi_phdr, info->dlpi_phnum);
  const bool ours = llvm::any_of(segments, [&](const ElfW(Phdr) & segment) {
    return segment.p_type == PT_LOAD && object.address - info->dlpi_addr - segment.p_vaddr < segment.p_memsz;
  });
  if (!ours)
    return 0;
  object.path = info->dlpi_name && *info->dlpi_name ? info->dlpi_name : "/proc/self/exe";
  for (const ElfW(Phdr) &segment : segments)
    if (segment.p_type == PT_NOTE)
      read_notes({reinterpret_cast<const char *>(info->dlpi_addr + segment.p_vaddr), segment.p_memsz}, object);
  return 1;
}

} // namespace

const std::string &jit::build_id() {
  static const std::string id = [] {
    LoadedObject object{reinterpret_cast<std::uintptr_t>(&jit::build_id), {}, {}};
    dl_iterate_phdr(inspect_object, &object);
    return object.build_id.empty() ? file_digest(object.path) : object.build_id;
  }();
  return id;
}

void KeyBuilder::add(llvm::StringRef name, llvm::StringRef part) {
  for (llvm::StringRef field : {name, part}) {
    text_ += std::to_string(field.size());
    text_ += ':';
    text_ += field;
  }
}

runtime::CacheKey KeyBuilder::finish() const {
  llvm::BLAKE3 hash;
  hash.update(llvm::StringRef(text_));
  const auto bytes = hash.final<sizeof(runtime::CacheKey)>();
  runtime::CacheKey key;
  std::copy(bytes.begin(), bytes.end(), key.begin());
  return key;
}

runtime::CacheKey jit::disk_key(mlir::ModuleOp module, llvm::StringRef arch, CompileOptions options,
                                llvm::StringRef assembler, llvm::StringRef nvrtc) {
  // Failed asserts name their line.
  const bool locations = options.line_info || options.asserts;
  std::string ir;
  {
    llvm::raw_string_ostream stream(ir);
    mlir::OpPrintingFlags flags;
    if (locations)
      flags.enableDebugInfo();
    module.print(stream, flags);
  }
  static const std::string libdevice = file_digest(gpu::findLibdevice());
#ifdef LLVM_REVISION
  constexpr llvm::StringLiteral llvm_revision = LLVM_VERSION_STRING " " LLVM_REVISION;
#else
  constexpr llvm::StringLiteral llvm_revision = LLVM_VERSION_STRING;
#endif

  KeyBuilder key;
  key.add("abi", std::to_string(runtime::KernelImage::abi_version));
  key.add("kiln", build_id());
  key.add("llvm", llvm_revision);
  key.add("assembler", assembler);
  key.add("libdevice", libdevice);
  key.add("arch", arch);
  key.add("floating point", "no contraction, no flushing of denormals");
  key.add("asserts", options.asserts ? "1" : "0");
  key.add("line info", options.line_info ? "1" : "0");
  key.add("nvrtc", nvrtc);
  key.add("ir", ir); // with the digests of device functions
  return key.finish();
}
