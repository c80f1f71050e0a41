# SPDX-License-Identifier: LGPL-2.1-or-later
# Completion of bothy(1) for fish.

# The verbs are what the help says.
function __bothy_verbs
    bothy help 2>/dev/null | string match -rg '^  ([a-z-]+ .*)$' | string replace -r '^([a-z-]+) +(.*)$' '$1\t$2'
end

function __bothy_subverbs
    bothy help $argv[1] 2>/dev/null | string replace -rf '^  [a-z]+ ([a-z-]+) +(.*)$' '$1\t$2'
end

function __bothy_options
    set -l words (commandline -opc)
    set -l verb
    for word in $words[2..]
        string match -q -- '-*' $word; and break
        set -a verb $word
        contains -- $verb[1] bridge egress image nic port range remote; and test (count $verb) -lt 2; and continue
        break
    end
    bothy $verb --help 2>/dev/null | string replace -rf '^  (?:-., )?(--[a-z-]+)\S* +(.*)$' '$1\t$2'
end

# Where images come from, as names begin: REMOTE: of catalogues, HOST/ of registries.
function __bothy_remotes
    bothy remote list -q 2>/dev/null | sed '/\./s,$,/,; /\./!s,$,:,'
end

set -l containers limit exec shell console logs rename start stop restart freeze thaw kill info wait delete

complete -c bothy -f
complete -c bothy -n __fish_use_subcommand -a '(__bothy_verbs)'
complete -c bothy -n 'string match -q -- "-*" (commandline -ct)' -a '(__bothy_options)'
complete -c bothy -n "__fish_seen_subcommand_from $containers; and not __fish_seen_subcommand_from bridge egress image nic port range remote" -a '(bothy list -q 2>/dev/null)'
complete -c bothy -n '__fish_seen_subcommand_from run create launch' -a '(bothy image list -q 2>/dev/null; __bothy_remotes)'
complete -c bothy -n '__fish_seen_subcommand_from limit; and test (count (commandline -opc)) -gt 2' -a 'memory= memory-high= swap= cpu= cpu-weight= cpus= io-weight= pids='
complete -c bothy -n '__fish_seen_subcommand_from unshare userns-exec' -a '(__fish_complete_subcommand)'
complete -c bothy -n '__fish_seen_subcommand_from help' -a '(__bothy_verbs)'
for group in bridge egress image nic port range remote
    complete -c bothy -n "__fish_seen_subcommand_from $group; and test (count (commandline -opc)) -eq 2" -a "(__bothy_subverbs $group)"
end
complete -c bothy -n '__fish_seen_subcommand_from image; and __fish_seen_subcommand_from info delete refresh' -a '(bothy image list -q 2>/dev/null)'
complete -c bothy -n '__fish_seen_subcommand_from image; and __fish_seen_subcommand_from pull search' -a '(__bothy_remotes)'
complete -c bothy -n '__fish_seen_subcommand_from image; and __fish_seen_subcommand_from import' -F
complete -c bothy -n '__fish_seen_subcommand_from bridge; and __fish_seen_subcommand_from delegate revoke delete' -a '(bothy bridge list -q 2>/dev/null)'
complete -c bothy -n '__fish_seen_subcommand_from bridge; and __fish_seen_subcommand_from import-lxc' -F
