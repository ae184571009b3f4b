# SPDX-License-Identifier: MIT
# bearerctl - completion for bash: commands, their options, and the tokens that the user may have.
# shellcheck shell=bash

# What each command takes.
declare -gA _bearerctl_options=(
  [doctor]="--as --config --fetch --help --json --no-request"
  [exec]="--env --fd --help --restart-on-renewal --wait"
  [get]="--help --json --min-valid --wait"
  [header]="--help --wait"
  [help]="--help"
  [keygen]="--algorithm --encrypt --fetch --help --output"
  [metrics]="--help --openmetrics"
  [refresh]="--help --wait"
  [renew]="--help --wait"
  [status]="--help --json --once"
  [wait]="--help --timeout"
  [watch]="--exec --help --json"
  [write]="--help --mode --once --wait"
)
_bearerctl_takes_name=" doctor exec get header keygen refresh renew wait watch write "

# _bearerctl_tokens OPTION...: their names, from bearerd itself; a second is long enough for a key.
# In JSON, a quote within a text is escaped: what looks like this is a name.
_bearerctl_tokens() {
  timeout 1 bearerctl "$@" status --json 2>/dev/null | grep -o '"name":"[a-z0-9_-]*"' | cut -d '"' -f 4
}

# _bearerctl_reply WORDS: those of them that begin as what is typed.
_bearerctl_reply() {
  mapfile -t COMPREPLY < <(compgen -W "$1" -- "${COMP_WORDS[COMP_CWORD]}")
}

# _bearerctl_files WORD: those that begin so.
_bearerctl_files() {
  compopt -o filenames 2>/dev/null
  mapfile -t COMPREPLY < <(compgen -f -- "$1")
}

# _bearerctl_behind INDEX: a command of the user's own begins there.
_bearerctl_behind() {
  if declare -F _command_offset >/dev/null; then
    _command_offset "$1"
  elif [ "$COMP_CWORD" = "$1" ]; then
    mapfile -t COMPREPLY < <(compgen -c -- "${COMP_WORDS[COMP_CWORD]}")
  else
    mapfile -t COMPREPLY < <(compgen -f -- "${COMP_WORDS[COMP_CWORD]}")
  fi
}

_bearerctl() {
  local word=${COMP_WORDS[COMP_CWORD]} before='' command='' i
  local arguments=0 names_at=0 # of the command
  local sockets=()

  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case $before/${COMP_WORDS[i]} in
    */=) continue ;; # --option=VALUE are three words here
    --socket/* | --control/*) sockets+=("$before" "${COMP_WORDS[i]}") ;;
    --algorithm/* | --as/* | --config/* | --env/* | --exec/* | --fd/* | --fetch/*) ;;
    --min-valid/* | --mode/* | --output/* | --timeout/* | --wait/*) ;;
    */--)
      if [ "$command" = exec ]; then _bearerctl_behind $((i + 1)); fi
      return
      ;;
    */-*)
      before=${COMP_WORDS[i]}
      continue
      ;;
    *) if [ -n "$command" ]; then ((arguments += 1)); else command=${COMP_WORDS[i]}; fi ;;
    esac
    before=''
  done

  [ "$word" != = ] || word=''
  case $before in
  --socket | --control | --config | --fetch | --output)
    _bearerctl_files "$word"
    return
    ;;
  --algorithm)
    _bearerctl_reply "ES256 ES384 PS256 RS256 RS384"
    return
    ;;
  --as)
    mapfile -t COMPREPLY < <(compgen -u -- "$word")
    return
    ;;
  --env)
    mapfile -t COMPREPLY < <(compgen -v -- "$word")
    return
    ;;
  --exec)
    mapfile -t COMPREPLY < <(compgen -c -- "$word")
    return
    ;;
  --fd | --min-valid | --mode | --timeout | --wait) return ;;
  esac

  [ "$command" != write ] || names_at=1 # behind a file
  if [[ -z $command || $command/$arguments == help/0 && $word != -* ]]; then
    case $word in
    -*) _bearerctl_reply "--control --help --socket --version" ;;
    *) _bearerctl_reply "${!_bearerctl_options[*]}" ;;
    esac
  elif [[ $word == -* ]]; then
    _bearerctl_reply "${_bearerctl_options[$command]-}"
  elif ((arguments < names_at)); then
    _bearerctl_files "$word"
  elif ((arguments == names_at)) && [[ $_bearerctl_takes_name == *" $command "* ]]; then
    _bearerctl_reply "$(_bearerctl_tokens "${sockets[@]}")"
  fi
}

complete -F _bearerctl bearerctl
