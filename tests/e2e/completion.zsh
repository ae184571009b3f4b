#!/usr/bin/zsh -f
# SPDX-License-Identifier: MIT
# completion - what an interactive zsh would offer for LINE, one word a line. Takes the directory of the
# completion, a file for what it has to say, and LINE.
directory=$1 file=$2 line=$3
: >$file
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "fpath=(${(q)directory} \$fpath); file=${(q)file}"
zpty -w shell '
PROMPT= ; autoload -U compinit; compinit -u -D
zstyle ":completion:*" insert-tab false
# Whatever is offered goes through here. With -O, -A and -D it is only looked at.
compadd() {
  typeset -a hits
  if [[ ${@[1,(i)(-|--)]} != *-(O|A|D)\ * ]]; then
    builtin compadd -A hits "$@"
    print -rl -- $hits >>$file
  fi
  builtin compadd "$@"
}
comppostfuncs=(ended)
ended() { print -r -- "(end)" >>$file; exit }
bindkey "^I" complete-word
print -r -- "(begin)" >>$file'
until grep -q '^(begin)$' $file; do sleep 0.05; done
zpty -w -n shell "$line"$'\t'
for i in {1..200}; do
  grep -q '^(end)$' $file && break
  sleep 0.05
done
zpty -d shell
grep -q '^(end)$' $file || { print -u2 "no completion came to its end"; exit 1 }
grep -v -e '^(begin)$' -e '^(end)$' -e '^$' $file
true
