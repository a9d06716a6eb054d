# SPDX-License-Identifier: Apache-2.0
# bash completion for cordon
_cordon() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} i sub=
  # After `--` the command completes as if it stood alone.
  for ((i = 1; i < COMP_CWORD; i++)); do
    if [[ ${COMP_WORDS[i]} == -- ]]; then
      if declare -F _command_offset >/dev/null; then _command_offset $((i + 1)); else COMPREPLY=($(compgen -c -- "$cur")); fi
      return
    fi
    [[ -z $sub && ${COMP_WORDS[i]} != -* ]] && sub=${COMP_WORDS[i]}
  done
  case $prev in
    --mode) COMPREPLY=($(compgen -W "plan safe auto" -- "$cur")); return ;;
    --net) COMPREPLY=($(compgen -W "none filtered host" -- "$cur")); return ;;
    --require) COMPREPLY=($(compgen -W "namespaces landlock any" -- "$cur")); return ;;
    --limit) COMPREPLY=($(compgen -S = -W "wall cpu memory processes open-files file-size output" -- "$cur")); compopt -o nospace; return ;;
    --env) COMPREPLY=($(compgen -v -- "$cur")); return ;;
    --project) COMPREPLY=($(compgen -d -- "$cur")); return ;;
    --policy) COMPREPLY=($(compgen -f -W auto -- "$cur")); return ;;
    --allow-write | --deny-write | --allow-read | --deny-read | --allow-exec | --deny-exec | --events | --path | --exec | --cases | --scratch)
      COMPREPLY=($(compgen -f -- "$cur")); return ;;
    --allow-host | --deny-host) COMPREPLY=($(compgen -A hostname -- "$cur")); return ;;
    --host | --only | --jobs | --listen | --token | --metrics | --resolver) return ;;
  esac
  local common="--policy --mode --project --net --require --allow-write --deny-write --allow-read --deny-read --allow-host
    --deny-host --allow-exec --deny-exec --limit --env --help"
  case $sub in
    '') COMPREPLY=($(compgen -W "run explain doctor policy proxy prove --help --version" -- "$cur")) ;;
    run) COMPREPLY=($(compgen -W "$common --events --quiet --" -- "$cur")) ;;
    explain) COMPREPLY=($(compgen -W "$common --path --exec --host --json --" -- "$cur")) ;;
    doctor) COMPREPLY=($(compgen -W "--json --help" -- "$cur")) ;;
    proxy) COMPREPLY=($(compgen -W "--listen --policy --allow-host --deny-host --token --metrics --events --resolver --help" -- "$cur")) ;;
    prove) COMPREPLY=($(compgen -W "$common --cases --scratch --only --jobs --verbose --keep" -- "$cur")) ;;
    policy)
      if [[ $prev == policy ]]; then COMPREPLY=($(compgen -W "validate show compose schema" -- "$cur"))
      elif [[ $cur == -* ]]; then COMPREPLY=($(compgen -W "$common --json" -- "$cur"))
      else COMPREPLY=($(compgen -f -- "$cur")); fi ;;
  esac
}
complete -F _cordon cordon
