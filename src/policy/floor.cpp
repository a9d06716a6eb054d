// SPDX-License-Identifier: Apache-2.0
#include "policy/reader.hpp"

namespace cordon::policy {

void add_floor(PathRules& p) {
  const auto add = [](Rules& to, const char* text) { to.push_back({text, {"floor", 0, 0}, true}); };
  // Keys and tokens: neither read nor written. A policy may open one for reading by naming it in allow_read.
  for (const char* secret :
       {"~/.ssh", "~/.aws", "~/.gnupg", "~/.kube", "~/.azure", "~/.password-store", "~/.terraform.d", "~/.android", "~/.config/gcloud", "~/.config/gh",
        "~/.config/op", "~/.config/helm", "~/.config/netlify", "~/.config/vercel", "~/.config/fly", "~/.config/doppler", "~/.config/stripe",
        "~/.config/heroku", "~/.netrc", "~/.git-credentials", "~/.config/git/credentials", "~/.npmrc", "~/.pypirc", "~/.docker/config.json",
        "~/.vault-token", "~/.env", "~/.local/share/keyrings", "~/.mozilla", "~/.config/google-chrome", "~/.config/chromium", "~/.bash_history",
        "~/.zsh_history"}) {
    add(p.deny_read, secret);
    add(p.deny_write, secret);
  }
  // What other programs execute later, at home and in the project: start-up files of shells, of the desktop, of editors, agents and git.
  for (const char* file : {"~/.bashrc", "~/.bash_profile", "~/.bash_login", "~/.bash_logout", "~/.bash_aliases", "~/.profile", "~/.zshrc", "~/.zshenv",
                           "~/.zprofile", "~/.zlogin", "~/.zlogout", "~/.kshrc", "~/.mkshrc", "~/.inputrc", "~/.config/fish", "~/.config/nushell",
                           "~/.xprofile", "~/.xinitrc", "~/.xsessionrc", "~/.pam_environment", "~/.config/autostart", "~/.config/environment.d",
                           "~/.config/systemd", "~/.local/share/applications", "~/.local/share/systemd", "~/.local/bin", "~/bin", "~/.cargo/bin",
                           "~/.cargo/config.toml", "~/.gitconfig", "~/.config/git", "~/.vimrc", "~/.vim", "~/.config/nvim", "~/.emacs", "~/.emacs.d",
                           "~/.tmux.conf", "~/.gdbinit", "~/.pythonrc", "~/.config/direnv", "~/.vscode", "~/.vscode-server", "~/.config/Code",
                           "~/.claude", "~/.claude.json", "~/.codex", "~/.gemini", "~/.cursor", "~/.config/cordon",
                           ".git/hooks", ".git/config", ".git/info/attributes",
                           ".vscode", ".idea", ".envrc", ".mcp.json", ".claude", ".cursor", ".codex", ".gemini", ".devcontainer", ".husky"})
    add(p.deny_write, file);
}

}  // namespace cordon::policy
