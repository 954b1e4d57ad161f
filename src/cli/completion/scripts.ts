/**
 * The line is taken as it stands: bash splits words at @, = and :, which ids and options hold. What it puts back takes the place
 * of its own idea of the word ($2) alone, so that what stands before that is taken off.
 */
const BASH = `# mesa-template completion for bash: eval "$(mesa-template completion bash)"
_mesa_template() {
  local line=\${COMP_LINE:0:COMP_POINT} current head answer
  current=\${line##*[[:space:]]}
  head=\${current%"$2"}
  COMPREPLY=()
  answer=$("$1" __complete bash "$line" 2>/dev/null) || return
  if [ "$answer" = ":files" ]; then compopt -o default; return; fi
  [ -z "$answer" ] || mapfile -t COMPREPLY <<<"$answer"
  COMPREPLY=("\${COMPREPLY[@]#"$head"}")
}
complete -F _mesa_template mesa-template
`;

const ZSH = `#compdef mesa-template
# mesa-template completion for zsh: eval "$(mesa-template completion zsh)"
_mesa_template() {
  local -a answer described
  local entry
  answer=("\${(@f)$("\${words[1]}" __complete zsh "$LBUFFER" 2>/dev/null)}")
  if [[ "\${answer[1]}" == ":files" ]]; then _files; return; fi
  for entry in "\${answer[@]}"; do
    [[ -z "$entry" ]] && continue
    if [[ "$entry" == *$'\\t'* ]]; then described+=("\${\${entry%%$'\\t'*}//:/\\\\:}:\${entry#*$'\\t'}"); else described+=("\${entry//:/\\\\:}"); fi
  done
  _describe mesa-template described
}
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit -u }
compdef _mesa_template mesa-template
`;

const FISH = `# mesa-template completion for fish: mesa-template completion fish | source
function __mesa_template_complete
  set -l answer (mesa-template __complete fish (commandline -cp) 2>/dev/null)
  if test "$answer" = ":files"
    __fish_complete_path (commandline -ct)
  else
    printf '%s\\n' $answer
  end
end
complete -c mesa-template -f -a '(__mesa_template_complete)'
`;

/** The script that makes a shell complete this program's command lines. */
export const COMPLETION_SCRIPTS = { bash: BASH, zsh: ZSH, fish: FISH } as const;
