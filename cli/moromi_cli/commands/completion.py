"""`completion`: the functions by which a shell asks this program for words."""

import click

from moromi_cli.lazy import command
from moromi_cli.output import say
from moromi_cli.session import Cli

SCRIPTS = {
    "bash": """\
_{name}() {{
    local IFS=$'\\n'
    COMPREPLY=($(_MOROMI_COMPLETE="bash:$COMP_CWORD" {prog} "${{COMP_WORDS[@]:1}}" 2>/dev/null))
}}
complete -o default -F _{name} {prog}
""",
    "zsh": """\
#compdef {prog}
_{name}() {{
    local -a found
    found=("${{(@f)$(_MOROMI_COMPLETE="zsh:$((CURRENT - 1))" {prog} "${{(@)words[2,-1]}}" 2>/dev/null)}}")
    if [[ -n "$found" ]]; then
        _describe '{prog}' found
    else
        _files
    fi
}}
if [[ "$funcstack[1]" == _{name} ]]; then _{name} "$@"; else compdef _{name} {prog}; fi
""",
    "fish": """\
function __{name}_complete
    set -l words (commandline -opc)
    set -lx _MOROMI_COMPLETE fish:(count $words)
    {prog} $words[2..-1] (commandline -ct) 2>/dev/null
end
complete -c {prog} -a '(__{name}_complete)'
""",
}


@command("completion", "<bash|zsh|fish>", anonymous=True)
@click.argument("shell", type=click.Choice(sorted(SCRIPTS)))
def completion(cli: Cli, shell: str) -> None:
    """Print what makes a shell complete commands, options and names of the hub.

    For bash put `eval "$(moromi completion bash)"` into ~/.bashrc, for zsh `eval "$(moromi completion zsh)"`
    behind compinit in ~/.zshrc; for fish write it to ~/.config/fish/completions/moromi.fish.
    """
    name = "".join(char if char.isalnum() else "_" for char in cli.prog)
    say(SCRIPTS[shell].format(name=name, prog=cli.prog), end="")
