#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# suite: once
# The installed package: everybody can use it, and programs build against it by find_package and by pkg-config.
set -u
build=$(dirname "$1")
source=$(cd "$(dirname "$0")/../.." && pwd)
. "$(dirname "$0")/../support/suite.sh"
if grep -qaE '__(a|t)san_init' "$1"; then
  skip "the package" "a program that links a library with a sanitizer's run time must be built with it, too"
  summary
  exit
fi
world package
work=$root
chmod 755 "$work"
built() { "$@" >"$work/out" 2>&1 || { tail -n 20 "$work/out"; return 1; }; } # command...: what it says matters only if it fails
# As nobody if we are root: what is installed is for every user.
as_user() {
  if [ "$(id -u)" -eq 0 ]; then setpriv --reuid=65534 --regid=65534 --clear-groups env HOME="$work/home" "$@"; else env HOME="$work/home" "$@"; fi
}

prefix=$work/a/prefix
umask 022
ok "it installs" built cmake --install "$build" --prefix "$work/first"
mkdir "$work/a" && mv "$work/first" "$prefix"   # it may be moved
mkdir -p "$work/home/project" && chmod 777 "$work/home" "$work/home/project"
private() { find "$prefix" -type d ! -perm -005 -o -type f ! -perm -004 | grep .; }
ok "every user may read it" built not private
set_id() { find "$prefix" -perm /6000 | grep .; }
ok "no file has a set-user-id bit" built not set_id
for file in bin/cordon lib*/libcordon.so.0 libexec/cordon/cordon-egress libexec/cordon/node-fetch.cjs include/cordon/cordon.h include/cordon/policy.hpp share/man/man1/cordon.1 \
  share/bash-completion/completions/cordon share/zsh/site-functions/_cordon share/fish/vendor_completions.d/cordon.fish \
  share/cordon/apparmor/cordon; do
  found() { compgen -G "$prefix/$file" || compgen -G "$prefix/${file/lib\*/lib/*}"; }
  ok "$file is there" built found
done
names_place() { grep -rlI --exclude-dir=apparmor "$work" "$prefix" | grep .; }
ok "only the AppArmor profile names the place of the installation" built not names_place
ok "the profile names the program" built grep -q "profile cordon $work/first/bin/cordon " "$prefix/share/cordon/apparmor/cordon"
ok "an unprivileged user runs the installed program" built as_user sh -c 'cd "$HOME/project" && "$0" run -- true' "$prefix/bin/cordon"
if command -v man >/dev/null; then
  warns() { LC_ALL=C.UTF-8 MANROFFSEQ='' man --warnings -E UTF-8 -l -Tutf8 -Z "$prefix/share/man/man1/cordon.1" 2>&1 >/dev/null | grep .; }
  ok "the manual page is well formed" built not warns
else
  skip "the manual page is well formed" "man is not installed"
fi

ok "the examples build by find_package" built sh -c 'cmake -S "$1" -B "$2" -G Ninja -DCMAKE_PREFIX_PATH="$3" && cmake --build "$2"' - "$source/examples" "$work/cmake" "$prefix"
pc=$(dirname "$(find "$prefix" -name cordon.pc)")
lib=$(dirname "$(find "$prefix" -name libcordon.so)")
export PKG_CONFIG_PATH=$pc LD_LIBRARY_PATH=$lib
mkdir "$work/pkg"
ok "pkg-config knows the version" built pkg-config --exact-version=0.1.0 cordon
ok "the C++ example builds by pkg-config" built sh -c 'c++ -std=c++23 -Wall -Wextra -Werror "$1" $(pkg-config --cflags --libs cordon) -o "$2"' - "$source/examples/denials.cpp" "$work/pkg/denials"
ok "the C example builds by pkg-config, as C99" built sh -c 'cc -std=c99 -pedantic -Wall -Wextra -Werror "$1" $(pkg-config --cflags --libs cordon) -o "$2"' - "$source/examples/timed.c" "$work/pkg/timed"
for how in cmake pkg; do
  cd "$work/home/project" || exit 1
  ok "denials ($how) passes the status on" status 3 as_user "$work/$how/denials" sh -c 'exit 3'
  ok "denials ($how) holds the policy" status 2 as_user "$work/$how/denials" sh -c 'echo x > file'
  ok "denials ($how) words a failure" status 127 as_user "$work/$how/denials" no-such-command
  ok "timed ($how) passes the status on" status 3 as_user "$work/$how/timed" 30 sh -c 'exit 3'
  ok "timed ($how) ends what takes too long" status 137 as_user "$work/$how/timed" 1 sleep 60
done
ok "the library exports its own names only" built not sh -c 'nm -DC --defined-only "$1" | grep -vE " (A|[TWBDRV]) (LIBCORDON_0|cordon(::|_)|(vtable|typeinfo|typeinfo name|guard variable) for cordon::)" | grep .' - "$lib/libcordon.so"

# Each header opens with an example; it must compile as it stands there.
mkdir "$work/headers"
for header in "$source"/include/cordon/*.hpp; do
  name=$(basename "$header" .hpp)
  {
    echo '#include <cordon/sandbox.hpp>'
    echo "#include <cordon/$name.hpp>"
    echo '#include <iostream>'
    echo 'using namespace cordon;'
    echo 'namespace given { Policy policy, parent, child; Request request; std::string line; }'
    echo 'void example(); using namespace given; void example() {'
    awk '/^#pragma once/ { exit } /^\/\/   / { print substr($0, 6) }' "$header"
    echo '}'
  } >"$work/headers/$name.cpp"
  ok "the example of $name.hpp is there" built grep -qvE '^(#|using|void|namespace|})' "$work/headers/$name.cpp"
  ok "the example of $name.hpp compiles" built c++ -std=c++23 -fsyntax-only -I "$prefix/include" "$work/headers/$name.cpp"
done
{
  echo '#include <cordon/cordon.h>'
  echo '#include <stdio.h>'
  echo '#include <stdlib.h>'
  echo 'void example(void) {'
  awk '/^#ifndef/ { exit } /^ \*   / { print substr($0, 6) }' "$source/include/cordon/cordon.h"
  echo '}'
} >"$work/headers/cordon.c"
ok "the example of cordon.h compiles" built cc -std=c99 -fsyntax-only -Wall -Werror -I "$prefix/include" "$work/headers/cordon.c"

summary
