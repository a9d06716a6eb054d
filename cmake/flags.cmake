# SPDX-License-Identifier: Apache-2.0
# Hardening for every build; warnings are errors of style, fixed before they land.
# clang sees into macros of libseccomp and templates of libstdc++ 12 that are not ours to change.
set(quiet_clang $<$<CXX_COMPILER_ID:Clang>:-Wno-missing-field-initializers> $<$<CXX_COMPILER_ID:Clang>:-Wno-deprecated-declarations>)
add_compile_options(-Wall -Wextra -Wshadow -Wnon-virtual-dtor -fno-plt $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict> ${quiet_clang} -fstack-protector-strong -ffile-prefix-map=${CMAKE_SOURCE_DIR}=.)
if(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
  add_compile_options(-fcf-protection=full)
endif()
if(NOT CORDON_SANITIZE)
  add_compile_options($<$<CONFIG:Release>:-D_FORTIFY_SOURCE=3> -fstack-clash-protection)
  add_compile_definitions(_GLIBCXX_ASSERTIONS)
endif()
add_link_options(-Wl,-z,relro,-z,now,-z,noexecstack,--as-needed)
# A static program relocates itself at each start; packed, that is a tenth of the pages to read.
include(CheckLinkerFlag)
check_linker_flag(CXX -Wl,-z,pack-relative-relocs CORDON_PACKED_RELOCATIONS)
if(CORDON_SANITIZE)
  # Whether an object is what its type says (vptr) is asked by pipe(2): a process without descriptors, or confined, gets no answer and is blamed.
  add_compile_options(-fsanitize=${CORDON_SANITIZE} -fno-sanitize=vptr -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${CORDON_SANITIZE})
  add_compile_definitions(CORDON_SANITIZED)
endif()
if(CORDON_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
option(CORDON_COVERAGE "Count lines (clang)" OFF)
set(CORDON_COVERAGE_DIR /var/tmp/cordon-coverage CACHE STRING "Where the counts go: a directory that every user can read")
if(CORDON_COVERAGE)
  # Counted in a mapping of the file that its processes share: PID 1, the janitor and what becomes the command never reach an exit handler.
  # The name is compiled in, for egress and tests are started with an environment of their own.
  add_compile_options(-fprofile-instr-generate=${CORDON_COVERAGE_DIR}/%m%c.profraw -fcoverage-mapping "SHELL:-mllvm -runtime-counter-relocation")
  add_link_options(-fprofile-instr-generate)
endif()
