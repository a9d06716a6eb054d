// SPDX-License-Identifier: Apache-2.0
// What `cordon proxy` reads from files, at its start and at each SIGHUP. A child of its own does it, forked before the first
// connection: files are replaced by others of the same name, so the process that serves would need their directories for ever,
// /etc among them; like this it has no file within reach.
//
//   auto reader = SourceReader::start(options);
//   auto sources = reader->ask() ? reader->take() : …;
#pragma once
#include "egress/resolver.hpp"
#include "egress/run.hpp"

namespace cordon::egress {

struct Sources {
  NetPolicy net;  ///< of --policy, with the rules of the options over it
  NameFiles names;
};

class SourceReader {
 public:
  /// Nothing else of the process may run yet: it is copied.
  static Result<SourceReader> start(const ProxyOptions& options);
  /// Readable when the answer is there, and when the child is gone.
  [[nodiscard]] int channel() const { return channel_.get(); }
  /// False: the child is gone.
  [[nodiscard]] bool ask() const;
  /// Waits for the answer. Errors: those of the policy; the child is gone.
  [[nodiscard]] Result<Sources> take() const;

 private:
  explicit SourceReader(Fd channel) : channel_(std::move(channel)) {}
  Fd channel_;
};

}  // namespace cordon::egress
