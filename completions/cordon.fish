# SPDX-License-Identifier: Apache-2.0
# fish completion for cordon
function __cordon_before_command
    not contains -- -- (commandline -opc)
end
function __cordon_in
    __cordon_before_command; and __fish_seen_subcommand_from $argv
end
complete -c cordon -n __fish_use_subcommand -f -l version -d version
complete -c cordon -n __cordon_before_command -f -l help -d help
complete -c cordon -n __fish_use_subcommand -f -a run -d "run one command under a policy"
complete -c cordon -n __fish_use_subcommand -f -a explain -d "the plan for a command, or the decision for a path"
complete -c cordon -n __fish_use_subcommand -f -a doctor -d "what this host can enforce"
complete -c cordon -n __fish_use_subcommand -f -a policy -d "check, show, compose policies"
complete -c cordon -n __fish_use_subcommand -f -a proxy -d "the egress proxy alone"
complete -c cordon -n __fish_use_subcommand -f -a prove -d "try the known escapes on this host"
complete -c cordon -n "__cordon_in run explain; and contains -- -- (commandline -opc)" -x -a "(__fish_complete_subcommand)"
complete -c cordon -n "__cordon_in run explain prove policy" -r -l policy -a auto -d "a TOML or JSON policy"
complete -c cordon -n "__cordon_in run explain prove policy" -x -l mode -a "plan safe auto" -d preset
complete -c cordon -n "__cordon_in run explain prove policy" -x -l project -a "(__fish_complete_directories)" -d "the project directory"
complete -c cordon -n "__cordon_in run explain prove policy" -x -l net -a "none filtered host" -d network
complete -c cordon -n "__cordon_in run explain prove policy" -x -l require -a "namespaces landlock any" -d "the least tier to accept"
complete -c cordon -n "__cordon_in run explain prove policy" -r -l allow-write -d "a path the command may write"
complete -c cordon -n "__cordon_in run explain prove policy" -r -l deny-write -d "a path it may not write"
complete -c cordon -n "__cordon_in run explain prove policy" -r -l allow-read -d "a path it may read"
complete -c cordon -n "__cordon_in run explain prove policy" -r -l deny-read -d "a path it may not read"
complete -c cordon -n "__cordon_in run explain prove policy" -x -l allow-host -a "(__fish_print_hostnames)" -d "a host it may reach"
complete -c cordon -n "__cordon_in run explain prove policy" -x -l deny-host -a "(__fish_print_hostnames)" -d "a host it may not reach"
complete -c cordon -n "__cordon_in run explain prove policy" -r -l allow-exec -d "a program it may execute"
complete -c cordon -n "__cordon_in run explain prove policy" -r -l deny-exec -d "a program it may not execute"
complete -c cordon -n "__cordon_in run explain prove policy" -x -l limit -a "wall= cpu= memory= processes= open-files= file-size= output=" -d "a limit"
complete -c cordon -n "__cordon_in run explain prove policy" -x -l env -a "(set -nx)" -d "pass or set a variable"
complete -c cordon -n "__cordon_in run" -r -l events -d "the audit stream"
complete -c cordon -n "__cordon_in run" -f -l quiet -d "no summary at the end"
complete -c cordon -n "__cordon_in explain" -r -l path -d "may it be read and written?"
complete -c cordon -n "__cordon_in explain" -r -l exec -d "may it be executed?"
complete -c cordon -n "__cordon_in explain" -x -l host -a "(__fish_print_hostnames)" -d "may it be connected to?"
complete -c cordon -n "__cordon_in explain doctor policy" -f -l json -d "as JSON"
complete -c cordon -n "__cordon_in policy" -f -a "validate show compose schema"
complete -c cordon -n "__cordon_in prove" -r -l cases -d "a directory with attacks"
complete -c cordon -n "__cordon_in prove" -r -l scratch -d "where directories are made"
complete -c cordon -n "__cordon_in prove" -x -l only -d "only attacks of this name"
complete -c cordon -n "__cordon_in prove" -x -l jobs -d "how many at once"
complete -c cordon -n "__cordon_in prove" -f -l verbose -d "also list what holds"
complete -c cordon -n "__cordon_in prove" -f -l keep -d "do not remove the directories"
complete -c cordon -n "__cordon_in proxy" -x -l listen -d "where to listen"
complete -c cordon -n "__cordon_in proxy" -r -l policy -d "a policy"
complete -c cordon -n "__cordon_in proxy" -x -l allow-host -a "(__fish_print_hostnames)" -d "may be reached"
complete -c cordon -n "__cordon_in proxy" -x -l deny-host -a "(__fish_print_hostnames)" -d "may not be reached"
complete -c cordon -n "__cordon_in proxy" -x -l token -d "clients must show it"
complete -c cordon -n "__cordon_in proxy" -x -l metrics -d "serve metrics"
complete -c cordon -n "__cordon_in proxy" -r -l events -d "the audit stream"
complete -c cordon -n "__cordon_in proxy" -x -l resolver -d "a name server"
