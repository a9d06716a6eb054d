// SPDX-License-Identifier: Apache-2.0
#include "launch/residence.hpp"

#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>

namespace cordon::launch {
namespace {

int shed(dl_phdr_info* program, std::size_t, void*) {
  const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  for (int i = 0; i < program->dlpi_phnum; ++i) {
    const ElfW(Phdr)& segment = program->dlpi_phdr[i];
    // What may be written was relocated or changed: that would be lost.
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) != 0) continue;
    const std::uintptr_t begin = (program->dlpi_addr + segment.p_vaddr) & ~(page - 1);
    const std::uintptr_t end = (program->dlpi_addr + segment.p_vaddr + segment.p_memsz + page - 1) & ~(page - 1);
    madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
  }
  return 1;  // the program itself comes first; of libraries others may have need
}

}  // namespace

void shed_memory() {
  malloc_trim(0);
  dl_iterate_phdr(shed, nullptr);
}

}  // namespace cordon::launch
