// SPDX-License-Identifier: Apache-2.0
// The checks of single values, the same for a file and for an option. The errors name the value, not yet where it stands.
#pragma once
#include <cordon/policy.hpp>

namespace cordon::policy {

[[nodiscard]] Result<void> check_path(std::string_view text);
/// As the policy keeps it.
[[nodiscard]] Result<std::string> upstream(std::string_view text);
/// A pair of `net.route`: the host in normal form, and "unix:PATH".
[[nodiscard]] Result<std::pair<std::string, std::string>> route(std::string_view host, std::string_view target);
[[nodiscard]] Result<void> check_variable(std::string_view name, std::string_view value);

/// As cordon::add_rule; an allow rule goes to the first `layers` entries of `also`.
[[nodiscard]] Result<void> add_rule(Policy& policy, RuleList list, std::string_view text, const Origin& origin, std::size_t fs_layers,
                                    std::size_t exec_layers);
/// A rule for one list of paths, checked.
[[nodiscard]] Result<Rule> path_rule(std::string_view text, const Origin& origin, bool deny);
[[nodiscard]] Result<Rule> program_rule(std::string_view text, const Origin& origin, bool deny);

/// The error with the place in front of it.
[[nodiscard]] std::unexpected<Error> at(const Origin& origin, Error error);

}  // namespace cordon::policy
