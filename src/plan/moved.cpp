// SPDX-License-Identifier: Apache-2.0
// The floor's places that the caller's own variables have moved: who keeps GnuPG's keys in $GNUPGHOME has them there and not in ~/.gnupg.
#include <algorithm>
#include <string_view>

#include "plan/parts.hpp"
#include "plan/paths.hpp"

namespace cordon::plan {
namespace {

constexpr struct {
  std::string_view variable, place;
} kMoves[] = {{"XDG_CONFIG_HOME", "~/.config"},
              {"XDG_DATA_HOME", "~/.local/share"},
              {"CARGO_HOME", "~/.cargo"},
              {"GNUPGHOME", "~/.gnupg"},
              {"KUBECONFIG", "~/.kube"},
              {"DOCKER_CONFIG", "~/.docker"},
              {"AWS_SHARED_CREDENTIALS_FILE", "~/.aws"},
              {"AWS_CONFIG_FILE", "~/.aws"},
              {"AWS_WEB_IDENTITY_TOKEN_FILE", "~/.aws"},
              {"AZURE_CONFIG_DIR", "~/.azure"},
              {"CLOUDSDK_CONFIG", "~/.config/gcloud"},
              {"GOOGLE_APPLICATION_CREDENTIALS", "~/.config/gcloud"},
              {"GH_CONFIG_DIR", "~/.config/gh"},
              {"GLAB_CONFIG_DIR", "~/.config/glab-cli"},
              {"HELM_CONFIG_HOME", "~/.config/helm"},
              {"RCLONE_CONFIG", "~/.config/rclone"},
              {"SOPS_AGE_KEY_FILE", "~/.config/sops/age"},
              {"REGISTRY_AUTH_FILE", "~/.config/containers/auth.json"},
              {"PASSWORD_STORE_DIR", "~/.password-store"},
              {"ANDROID_USER_HOME", "~/.android"},
              {"CLAUDE_CONFIG_DIR", "~/.claude"},
              {"CODEX_HOME", "~/.codex"},
              {"NETRC", "~/.netrc"},
              {"NPM_CONFIG_USERCONFIG", "~/.npmrc"},
              {"npm_config_userconfig", "~/.npmrc"},
              {"PGPASSFILE", "~/.pgpass"},
              {"GIT_CONFIG_GLOBAL", "~/.gitconfig"},
              {"HISTFILE", "~/.bash_history"},
              {"PYTHON_HISTORY", "~/.python_history"},
              {"NODE_REPL_HISTORY", "~/.node_repl_history"},
              {"PSQL_HISTORY", "~/.psql_history"},
              {"MYSQL_HISTFILE", "~/.mysql_history"},
              {"SQLITE_HISTORY", "~/.sqlite_history"},
              {"LESSHISTFILE", "~/.lesshst"}};

}  // namespace

std::vector<HostFacts::Moved> moved_places(const std::vector<std::string>& environment) {
  std::vector<HostFacts::Moved> moved;
  for (const std::string& entry : environment) {
    const std::string_view name = std::string_view(entry).substr(0, entry.find('='));
    const auto* known = std::ranges::find(kMoves, name, [](const auto& m) { return m.variable; });
    if (known == std::end(kMoves) || name.size() == entry.size()) continue;
    for (std::string_view rest = std::string_view(entry).substr(name.size() + 1); !rest.empty();) {
      const auto end = known->variable == "KUBECONFIG" ? rest.find(':') : std::string_view::npos;
      if (rest.starts_with('/')) moved.push_back({std::string(name), std::string(known->place), std::string(rest.substr(0, end))});
      rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    }
  }
  return moved;
}

// Not in the project, which is the command's to work with, and no directory that holds it or the home. A variable that the policy
// hands over by its name, and which names the key itself, is meant to be used.
void PathPolicy::add_moved(const Policy& policy, const HostFacts& facts, const HostView& view) {
  for (const HostFacts::Moved& m : facts.moved) {
    if (m.path == facts.home + m.place.substr(1)) continue;
    const bool handed_over = std::ranges::any_of(policy.env.pass, [&](const Rule& r) { return r.text == m.variable; });
    for (const auto& [rules, kind] : {std::pair{&policy.fs.deny_read, RuleKind::deny_read}, {&policy.fs.deny_write, RuleKind::deny_write}})
      for (const Rule& r : *rules) {
        if (!r.floor || !within(r.text, m.place) || (handed_over && r.text == m.place)) continue;
        const std::string path = m.path + r.text.substr(m.place.size()), target = canonical(view, path);
        if (within(target, facts.project) || within(facts.project, target) || within(facts.home, target) || within(facts.cwd, target)) continue;
        if (view.kind(target) == FileKind::other) continue;  // HISTFILE=/dev/null
        add(kind, {path, r.origin, true}, facts, view);
      }
  }
}

}  // namespace cordon::plan
